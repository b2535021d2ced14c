"""`make lighthouse`: what Lighthouse thinks of the pages that people see first, as a phone on a slow network has them.

    python -m tests.lighthouse PROGRAM

Promise: performance, accessibility and best practices of 95 or more on home, board, inbox and responsiveness; 150 kB or
less with everything at the first visit.
"""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# As pytest does: the helpers of the tests are found by their own names.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "web")]

from browsing import chromium, cookie, little_town, pages  # noqa: E402 - After the line above.

PAGES = ("home", "board", "inbox", "responsiveness")
SCORES = ("performance", "accessibility", "best-practices")
LEAST, MOST_KB = 95, 150


def report(program: str, browser: str, address: str, cookies: str) -> dict[str, Any]:
    """What Lighthouse says of one page."""
    command = [
        program, address, "--quiet", "--output=json", "--output-path=stdout",
        f"--only-categories={','.join(SCORES)}", "--chrome-flags=--headless=new --no-sandbox",
        f"--extra-headers={json.dumps({'Cookie': cookies} if cookies else {})}",
    ]  # fmt: skip
    environment = os.environ | {"CHROME_PATH": browser}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=180, env=environment)
    if done.returncode:
        raise SystemExit(f"Lighthouse could not look at {address}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(program: str) -> int:
    """Print the table; 1 when a target is missed."""
    browser = chromium()
    if browser is None:
        print("There is no Chromium here; install it (apt-get install chromium).")
        return 1
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    missed = 0
    with little_town() as (app, world, base):
        for name, person, address in pages(world):
            if name not in PAGES:
                continue
            kept = cookie(app, person, base) if person is not None else None
            said = report(program, browser, f"{base}{address}", f"{kept['name']}={kept['value']}" if kept else "")
            for category in SCORES:
                score = round(100 * said["categories"][category]["score"])
                missed += _show(f"{name}: {category}", score, "", f">= {LEAST}", ok=score >= LEAST)
                for audit in said["categories"][category]["auditRefs"]:
                    found = said["audits"][audit["id"]]
                    if score < 100 and audit["weight"] and found["score"] is not None and found["score"] < 1:
                        print(f"    {found['title']}: {found.get('displayValue') or found['score']}")
            size = said["audits"]["total-byte-weight"]["numericValue"] / 1000
            missed += _show(f"{name}: everything", round(size), "kB", f"<= {MOST_KB}", ok=size <= MOST_KB)
    return int(missed > 0)


def _show(what: str, figure: int, unit: str, target: str, *, ok: bool) -> int:
    print(f"{what:<40}{figure:>6} {unit:<4}{target:>8}  {'met' if ok else 'MISSED'}", flush=True)
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
