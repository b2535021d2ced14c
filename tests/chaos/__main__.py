"""`python -m tests.chaos`: every fault, its count, what came of it. `--quick` does each a few times."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from threading import Event
from typing import Any

from tests.chaos import faults, rounds
from tests.chaos.rounds import Line


def everything(*, quick: bool) -> Iterator[list[Line]]:
    """Each kind of fault, as it ends. Those that work go beside those that wait, once these have come to waiting."""
    waiting = Event()
    waits = (partial(_handing_over, waiting.set), partial(faults.everything, quick=quick))
    senders, all_kinds = (rounds.killing_senders, _kills_of_senders(quick)), (rounds.killing, _kills(quick))
    works = (
        *(partial(_on_sqlite, *one) for one in (senders, all_kinds)),
        *(partial(_on_postgresql, *one) for one in (senders, all_kinds)),
        partial(_lacking, quick),
    )
    lanes = (*waits, *works)
    found: SimpleQueue[list[Line] | Future[None]] = SimpleQueue()

    def go(lane: Callable[[], Iterator[list[Line]]]) -> None:
        if lane in works:
            waiting.wait()
        try:
            for lines in lane():
                found.put(lines)
        finally:
            waiting.set()

    with ThreadPoolExecutor(len(lanes)) as pool:
        running = {pool.submit(go, lane) for lane in lanes}
        for each in running:
            each.add_done_callback(found.put)
        while running:
            one = found.get()
            if isinstance(one, Future):
                running.discard(one)
                one.result()
            else:
                yield one


def _handing_over(waiting: Callable[[], None]) -> Iterator[list[Line]]:
    # First, since what a dead worker has claimed is free only after 45 seconds.
    yield rounds.taking_over(wants=60, waiting=waiting)


def _on_sqlite(kill: Callable[..., list[Line]], many: dict[str, Any]) -> Iterator[list[Line]]:
    with tempfile.TemporaryDirectory(prefix="vrm-chaos-") as name:
        yield kill(f"sqlite:///{name}/vrm.db", seed=2008, **{**many, "name": f"{many['name']}, SQLite"})


def _on_postgresql(kill: Callable[..., list[Line]], many: dict[str, Any]) -> Iterator[list[Line]]:
    with rounds.cluster() as cluster:
        yield kill(cluster.url, seed=2014, **{**many, "name": f"{many['name']}, PostgreSQL"})


def _kills(quick: bool) -> dict[str, Any]:
    # Up to three seconds apart: a process takes one or two to begin, and is to be killed at work too. In a hurry the
    # last claims are waited for by a clock that is ahead; `_handing_over` does so in real time.
    many = {"kills": 10, "wants": 60, "hurry": True} if quick else {"kills": 200, "wants": 1000}
    return {**many, "name": "kill −9", "apart_s": 3}


def _kills_of_senders(quick: bool) -> dict[str, Any]:
    many = {"kills": 3, "wants": 48, "hurry": True} if quick else {"kills": 100, "wants": 1000}
    return {**many, "name": "kill −9 of senders"}


def _lacking(quick: bool) -> Iterator[list[Line]]:
    yield rounds.restarting(restarts=3 if quick else 20, wants=20 if quick else 400)
    yield rounds.filling(wants=10)


def main() -> None:
    """Print the table; exit 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few of each")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    lines: list[Line] = []
    for found in everything(quick=arguments.quick):
        lines += found
        if not arguments.json:
            for line in found:
                verdict = "" if not line.target else f"{line.target:>8}  {'kept' if line.ok else 'BROKEN'}"
                print(f"{line.what:<62}{line.figure:>8g} {line.unit:<2}{verdict}", flush=True)
    if arguments.json:
        print(json.dumps([vars_of(line) for line in lines], indent=2, ensure_ascii=False))
    sys.exit(0 if all(line.ok for line in lines) else 1)


def vars_of(line: Line) -> dict[str, object]:
    return {"what": line.what, "figure": line.figure, "unit": line.unit, "target": line.target, "ok": line.ok}


if __name__ == "__main__":
    main()
