"""Pages under load: a board of 5,000 vendors, an inbox of 100,000 wants, and a want as JSON beside a bare route.

The ratio needs wrk (`apt-get install wrk`). Both sides run behind Granian as `vrm web` does, in turns, so that whatever
else the machine does strikes both.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _table import Line, at_most, line, tell
from flask import Flask
from sqlalchemy import insert

from intents import publish
from intents.draft import IntentDraft
from intents.models import Intent
from vendors.models import Actor, Kind, Lead, Membership, Response, Role, Vendor, Via
from vrm import migrations
from vrm.app import create_app
from vrm.config import read_settings
from vrm.kernel import sessions, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, new_code
from vrm.web.warming import warm

BOARD, INBOX = 5_000, 100_000
_SECRET = "benchmark" * 5
_BARE = """
from flask import Flask, jsonify
from vrm.web.front import Front
app = Flask("bare")
front = Front(app)
@app.get("/bare")
def bare():
    return jsonify({"a": "b"})
"""


def fill(store: Store, board: int, inbox: int) -> tuple[Account, str, str]:
    """A customer whose want was told to `board` vendors, one of which has `inbox` leads: (both's owner, code, slug)."""
    now = datetime.now(UTC)
    migrations.upgrade(store, now)
    with store.write() as session:
        trees = taxonomy.trees(session)
        owner = Account(email="bench@example.org", created_at=now, verified_at=now)
        other = Account(email="other@example.org", created_at=now, verified_at=now)
        session.add_all([owner, other])
        session.flush()
        place = trees.regions.resolve("gb-lds", field="region").id
        kind = trees.categories.resolve("cars-trucks-vans", field="category").id
        want = publish.draft(session, owner, IntentDraft(title="A Yaris", category_id=kind, region_id=place), now)
        publish.publish(session, want, now)
        vendors = [
            {"code": new_code(), "slug": f"shop-{number}", "name": f"Shop {number}", "created_at": now}
            for number in range(board)
        ]
        ids = list(session.scalars(insert(Vendor).returning(Vendor.id, sort_by_parameter_order=True), vendors))
        session.add(Membership(vendor_id=ids[0], account_id=owner.id, role=Role.OWNER, created_at=now))
        session.execute(
            insert(Lead), [_lead(want.id, vendor_id, place, now, number) for number, vendor_id in enumerate(ids)]
        )
        offers = [
            {
                "intent_id": want.id,
                "vendor_id": vendor_id,
                "at": now,
                "kind": Kind.OFFER,
                "actor": Actor.HUMAN,
                "via": Via.PAGE,
                "body": "Here.",
                "price": 1_000_000 + number,
                "currency": "GBP",
            }
            for number, vendor_id in enumerate(ids)
            if number % 4 == 0
        ]
        session.execute(insert(Response), offers)
        wants = [
            {
                "code": new_code(),
                "account_id": other.id,
                "origin": "web",
                "title": f"Want {number}",
                "category_id": kind,
                "region_id": place,
                "created_at": now,
                "opened_at": now,
                "routed_at": now,
                "expires_at": now + timedelta(days=30),
            }
            for number in range(inbox)
        ]
        intents = session.scalars(insert(Intent).returning(Intent.id, sort_by_parameter_order=True), wants)
        session.execute(insert(Lead), [_lead(id_, ids[0], place, now, 3) for id_ in intents])
        session.expunge_all()
        return owner, want.code, "shop-0"


def _lead(intent_id: int, vendor_id: int, place: int, now: datetime, number: int) -> dict[str, Any]:
    return {
        "intent_id": intent_id,
        "vendor_id": vendor_id,
        "reasons": [[1, 1, place]],
        "routed_at": now,
        "notified_at": now,
        "delivered_at": now if number % 5 else None,
        "seen_at": now if number % 3 == 0 else None,
        "responded_at": now if number % 4 == 0 else None,
    }


def p95_ms(app: Flask, owner: Account, path: str, times: int) -> float:
    """Server time of a page for its owner: of `times` requests, all but the slowest twentieth are faster."""
    client = app.test_client()
    with app.extensions["vrm"].store.write() as writing:
        secret = sessions.begin(writing, owner, datetime.now(UTC), agent="benchmark").secret
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = secret, True
    for _ in range(3):
        answer = client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}; the benchmark measures nothing.")
    took = []
    for _ in range(times):
        began = time.perf_counter()
        client.get(path)
        took.append((time.perf_counter() - began) * 1_000)
    return statistics.quantiles(took, n=20)[18]


@contextmanager
def granian(target: str, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """An app behind Granian with one worker: its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "rsgi",
        "--port",
        str(port),
        "--log-level",
        "error",
        target,
    ]
    server = subprocess.Popen(command, cwd=folder, env=os.environ | environment, start_new_session=True)  # noqa: S603 - Our own command.
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # Its worker waits for open connections otherwise.
        server.wait()


def per_second(address: str, seconds: int) -> float:
    """Requests that wrk gets answered in a second, over 16 connections."""
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", address]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout  # noqa: S603 - Our own command.
    if "Non-2xx" in said:
        raise SystemExit(f"{address} did not answer well: {said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return float(found[1]) if found else 0.0


def ratio(place: Path, environment: dict[str, str], code: str, rounds: int) -> tuple[float, float, float]:
    """(ratio, ours, bare) of requests a second, medians of rounds taken in turns."""
    (place / "bare.py").write_text(_BARE)
    root = Path(__file__).parent.parent
    ours, bare = [], []
    with granian("wsgi:front", root, environment) as broker, granian("bare:front", place, {}) as plain:
        # The words of all trees are made ready beside the first requests; this one waits for them.
        urllib.request.urlopen(f"{broker}/want?said=a+bicycle", timeout=120).close()  # noqa: S310 - Our own address.
        for each in (f"{broker}/intents/{code}.json", f"{plain}/bare"):
            per_second(each, 1)  # Warm.
        for _ in range(rounds):
            ours.append(per_second(f"{broker}/intents/{code}.json", 3))
            bare.append(per_second(f"{plain}/bare", 3))
    return statistics.median(ours) / statistics.median(bare), statistics.median(ours), statistics.median(bare)


def measure(quick: bool) -> list[Line]:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {
            "VRM_DATABASE_URL": f"sqlite:///{place}/vrm.db",
            "VRM_SECRET_KEY": _SECRET,
            "VRM_LOG": "error",
            "VRM_SMART": "0",
        }
        store = Store.open(environment["VRM_DATABASE_URL"])
        owner, code, slug = fill(store, BOARD // 10 if quick else BOARD, INBOX // 10 if quick else INBOX)
        app = create_app(read_settings(environment), store=store)
        warm(read_settings(environment)).join()  # As a web process does when it starts.
        times = 20 if quick else 60
        lines = []
        for what, path in (
            ("board, p95", f"/me/intents/{code}"),
            ("board, asked again and unchanged, p95", f"/me/intents/{code}/live"),
            ("inbox, p95", f"/vendor/{slug}"),
            ("inbox, words that nothing has, p95", f"/vendor/{slug}?q=harpsichord"),
            ("open wants, p95", "/intents"),
        ):
            took = p95_ms(app, owner, path, times)
            target = 100 if what in ("board, p95", "inbox, p95") else None
            lines.append(at_most(what, took, target, "ms"))
        if shutil.which("wrk"):
            found, ours, bare = ratio(place, environment, code, 1 if quick else 5)
            lines += [
                line("want as JSON ÷ bare route, requests/s", round(found, 2), "", ">= 0.35", ok=found >= 0.35),
                line("  want as JSON", round(ours), "/s"),
                line("  bare route", round(bare), "/s"),
            ]  # fmt: skip
        else:
            print("wrk is not installed, so the ratio was not measured: apt-get install wrk", file=sys.stderr)
        store.close()
    return lines


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, fewer repetitions")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    lines = measure(arguments.quick)
    tell(lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
