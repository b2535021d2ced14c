"""`python -m tests.chaos`: every fault, its count, what came of it. `--quick` does each a few times."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator

from tests.chaos import faults, rounds
from tests.chaos.rounds import Line


def everything(*, quick: bool) -> Iterator[list[Line]]:
    """Each kind of fault in its turn."""
    yield from faults.everything(quick=quick)
    kills, wants = (10, 60) if quick else (200, 1000)
    # Up to three seconds apart: a process takes one or two to begin, and is to be killed at work too.
    with tempfile.TemporaryDirectory(prefix="vrm-chaos-") as name:
        url = f"sqlite:///{name}/vrm.db"
        yield rounds.killing(url, kills=kills, wants=wants, seed=2008, name="kill −9, SQLite", apart_s=3)
    with rounds.cluster() as cluster:
        yield rounds.killing(cluster.url, kills=kills, wants=wants, seed=2014, name="kill −9, PostgreSQL", apart_s=3)
    yield rounds.restarting(restarts=3 if quick else 20, wants=20 if quick else 400)
    yield rounds.taking_over(wants=20)
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
                print(f"{line.what:<52}{line.figure:>8g} {line.unit:<2}{verdict}", flush=True)
    if arguments.json:
        print(json.dumps([vars_of(line) for line in lines], indent=2, ensure_ascii=False))
    sys.exit(0 if all(line.ok for line in lines) else 1)


def vars_of(line: Line) -> dict[str, object]:
    return {"what": line.what, "figure": line.figure, "unit": line.unit, "target": line.target, "ok": line.ok}


if __name__ == "__main__":
    main()
