"""`make scan`: wapiti and sqlmap, two scanners that know nothing of us, against a seeded broker on loopback.

Wapiti crawls as nobody, as a customer, as a vendor and as an operator, and tries every parameter and form it finds.
Sqlmap tries each parameter of pages and operations that reach the store. A table says what each tried and found;
what is no finding is explained in EXPLAINED. `python -m tests.scan FOLDER`, with the folder of their commands.
"""

import argparse
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

# As pytest does: the helpers of the tests are found by their own names.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "web")]

from argon2 import PasswordHasher  # noqa: E402 - After the line above.
from browsing import cookie, free_port, serving  # noqa: E402
from flask import Flask  # noqa: E402
from little import fewer_towns  # noqa: E402
from world import World, app_for, make_world, settings_for  # noqa: E402

from vrm.kernel import accounts  # noqa: E402
from vrm.kernel.accounts import Passwords  # noqa: E402
from vrm.kernel.clock import utc_now  # noqa: E402
from vrm.kernel.db import Store  # noqa: E402
from vrm.kernel.loading import load  # noqa: E402
from vrm.models import Base  # noqa: E402
from vrm.web.api import quota  # noqa: E402

MODULES = (
    "backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,ldap,methods,permanentxss,redirect,shellshock,"
    "sql,timesql,upload,xss"
)
# By wapiti's own names: what it says of a broker that is as it should be, and why it is no finding.
EXPLAINED = {
    "Clickjacking Protection": "frame-ancestors 'none' stands in the policy; X-Frame-Options is what came before it",
    "Cross Site Request Forgery": (
        "it repeats a form in a session that has none of our tokens, and takes two equal refusals for none;"
        " that nothing is done without a token: tests/web/test_every_button.py"
    ),
    "Secure Flag cookie": "on loopback without TLS; with an https address the cookie is __Host- and Secure",
    "HTTP Strict Transport Security (HSTS)": "on loopback without TLS; sent with an https address",
}
# Where words reach the store; `*` is tried by sqlmap. Who looks, and the address.
INJECTED = (
    (None, "/intents?q=boat*&category=cars-trucks-vans*&region=gb-lds*&before=abc*"),
    (None, "/categories.json?q=car*"),
    (None, "/regions.json?q=lee*"),
    (None, "/want?said=boat*&title=x*"),
    (None, "/responsiveness?category=vehicles*&region=gb*&since=2026-01-01*"),
    (None, "/intents/abcdef*"),
    (None, "/vendors/leeds*"),
    ("ana", "/me?q=x*&state=open*&page=1*"),
    ("ben", "/vendor/leeds-toyota?q=x*&state=open*&before=1*"),
    ("ben", "/vendor/leeds-toyota/why?want=abc*"),
    ("olu", "/admin/accounts?q=ana*&role=operator*&before=9*"),
    ("olu", "/admin/audit?action=account*&subject=x*&by=1*&before=9*"),
    ("olu", "/admin/marked-wants?vendor=leeds*"),
    ("api", "/api/v1/categories?q=car*&limit=5*&cursor=a*"),
    ("api", "/api/v1/intents?limit=5*&cursor=a*&state=open*"),
    ("api", "/api/v1/intents/abc*"),
    ("api", "/api/v1/vendors/leeds-toyota/leads?cursor=a*&limit=5*"),
    ("api", "/api/v1/responsiveness?category=vehicles*&region=gb*&since=2026-01-01*"),
)


def main(asked: list[str]) -> int:
    """Scan, print, and say whether anything is left unexplained."""
    parser = argparse.ArgumentParser(prog="python -m tests.scan")
    parser.add_argument("tools", type=Path, help="the folder of the commands wapiti and sqlmap")
    parser.add_argument("--minutes", type=float, default=2, help="for each crawl of wapiti (default: 2)")
    parser.add_argument("--only", choices=["wapiti", "sqlmap"])
    parser.add_argument("--who", nargs="*", default=["nobody", "ana", "ben", "olu"], help="who crawls with wapiti")
    chosen = parser.parse_args(asked)
    chosen.tools = chosen.tools.absolute()
    quota.PER_MINUTE = 10**9  # The scanners are to reach what lies behind it.
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    with tempfile.TemporaryDirectory(prefix="vrm-scan-") as folder:
        place, port = Path(folder), free_port()
        url = f"sqlite:///{place / 'vrm.db'}"
        with Store.open(url) as store:
            Base.metadata.create_all(store.engine)
            with store.write() as session:
                load(session, utc_now(), edition=fewer_towns())
            world = make_world(store, utc_now(), passwords, place)
            with store.write() as session:
                ana = session.merge(world.ana, load=False)
                token = accounts.make_token(session, ana, utc_now(), name="Scan").secret
            app = app_for(settings_for(url, place, base_url=f"http://127.0.0.1:{port}"), store, utc_now, passwords)
            faults = Counter[str]()
            app.after_request(lambda answer: _noted(answer, faults))
            with serving(app, port) as base:
                logging.getLogger("werkzeug").setLevel(logging.ERROR)
                odd = 0
                if chosen.only != "sqlmap":
                    odd += _wapiti(chosen, app, world, base, place)
                if chosen.only != "wapiti":
                    odd += _sqlmap(chosen.tools / "sqlmap", app, world, token, base, place)
            print(f"{faults['requests']:,} requests, {faults['5xx']} answers of 5xx, {odd} findings left unexplained")
            return int(odd > 0 or faults["5xx"] > 0)


def _noted(answer: Any, faults: Counter[str]) -> Any:
    faults["requests"] += 1
    if answer.status_code >= 500 and answer.status_code != 502:  # 502: a host that was named does not answer.
        faults["5xx"] += 1
    return answer


def _cookie(app: Flask, world: World, who: str, base: str) -> str:
    return f"vrm={cookie(app, getattr(world, who), base)['value']}"


def _wapiti(chosen: argparse.Namespace, app: Flask, world: World, base: str, place: Path) -> int:
    print(f"{'wapiti as':14}{'seconds':>8}{'pages':>7}  found")
    odd = 0
    for name in chosen.who:
        who = None if name == "nobody" else name
        file, begun = place / f"wapiti-{who}.json", time.monotonic()
        start = {None: "/", "ana": "/me", "ben": "/vendor", "olu": "/admin"}[who]
        signed_in = ["-H", f"Cookie: {_cookie(app, world, who, base)}"] if who else []
        command = [
            str(chosen.tools / "wapiti"), "-u", base + start, "--scope", "domain", "-m", MODULES, "-d", "4",
            "--max-links-per-page", "60", "--max-scan-time", str(int(chosen.minutes * 60)), "--no-bugreport",
            "--max-attack-time", str(int(chosen.minutes * 60)), "-x", f"{base}/sign-out", "--skip", "csrf_token",
            "--store-session", str(place / f"session-{who}"), "-f", "json", "-o", str(file), "--flush-session",
            "-v", "0", "-S", "normal", *signed_in,
        ]  # fmt: skip
        for _attempt in range(2):  # Its own store of what it has crawled is locked now and then.
            done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=place)
            if file.exists():
                break
        else:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        said = json.loads(file.read_text("utf-8"))
        found = {name: each for kind in ("vulnerabilities", "anomalies") for name, each in said[kind].items() if each}
        pages = said["infos"].get("crawled_pages_nbr", 0)
        print(f"{who or 'nobody':14}{time.monotonic() - begun:8.0f}{pages:7}  {len(found)}", flush=True)
        for kind, cases in found.items():
            print(f"    {kind}, {len(cases)}×: {EXPLAINED.get(kind, 'NOT EXPLAINED')}")
            if kind not in EXPLAINED:
                odd += len(cases)
                for case in cases[:5]:
                    print(f"        {case['method']} {case['path']} {case['info'][:150]}")
    return odd


def _sqlmap(tool: Path, app: Flask, world: World, token: str, base: str, place: Path) -> int:
    print(f"{'sqlmap':72}{'seconds':>8}{'tried':>7}{'open':>6}")
    odd = 0
    for who, path in INJECTED:
        header = []
        if who == "api":
            header = ["--headers", f"Authorization: Bearer {token}"]
        elif who is not None:
            header = ["--cookie", _cookie(app, world, who, base)]
        begun = time.monotonic()
        command = [
            str(tool), "-u", base + path, "--batch", "--level", "2", "--risk", "2", "--dbms", "sqlite",
            "--disable-coloring", "--flush-session", "--output-dir", str(place / "sqlmap"), "--technique", "BEUT",
            "--time-sec", "2", "--threads", "2", "--ignore-code", "*", "--skip", "cookie", *header,
        ]  # fmt: skip
        said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=place).stdout
        tried = len(set(re.findall(r"testing if \(?custom\)?.*?parameter '([^']+)'|parameter '(#\d\*)'", said)))
        found = len(set(re.findall(r"Parameter: (.+) \(", said)))
        print(f"{path:72}{time.monotonic() - begun:8.0f}{tried:7}{found:6}", flush=True)
        if not tried:
            print(said[-1500:])
        odd += found + (not tried)
    return odd


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
