"""What 100 million subscriptions and 10,000 wants a minute take: a simulation with constants measured in this run.

Measured, on 10,000 and 100,000 subscriptions: how long finding takes and by how much that grows with the market; what
each lead costs with the word that is owed for it; how large their rows are, indexes included. Everything else follows
by arithmetic that is printed, but for waiting, which is simulated: wants come as a Poisson process, each reaches a
number of vendors with a heavy tail, and every partition writes leads with one router.
"""

import argparse
import heapq
import json
import math
import random
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from _bed import Bed
from _market import BEGAN
from routing import postgresql_beds, sqlite_beds
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from vrm import route

SIZES = (10_000, 100_000)
RATES = (100, 1_000, 10_000)  # Wants a minute.
MARKETS = (1_000_000, 10_000_000, 100_000_000)
CHUNK = 5_000  # Leads that one transaction writes, where fan-out is cut.
TAIL = (0.8, 100_000)  # Vendors reached: a Pareto tail of this exponent, cut there.
BUSY_AT_MOST = 0.6  # Of one router's time; beyond it, waiting grows out of hand.
DAYS_KEPT = 90


@dataclass(frozen=True, slots=True)
class Constants:
    """What was measured. Seconds and bytes."""

    store: str
    size: int  # Subscriptions of the market in which it was.
    find_s: float  # To find the vendors of a want that few match.
    growth: float  # Finding takes size ** growth as long.
    lead_s: float  # Each lead, its word to one channel included.
    subscription_bytes: float
    lead_bytes: float
    word_bytes: float

    def find_at(self, size: float) -> float:
        return self.find_s * max(1.0, (size / self.size) ** max(0.0, self.growth))


# --- Measuring ------------------------------------------------------------------------------------


def measure(beds: Sequence[Bed], rounds: int) -> Constants:
    """From two markets of the same kind of store."""
    small, large = beds
    few, many = large.market.crowds[:2]
    found = [_middle(bed.find(few) for _ in range(rounds)) for bed in (small, large)]
    published = [_middle(large.publish(crowd) for _ in range(rounds)) for crowd in (few, many)]
    sizes = _sizes(large, many)
    return Constants(
        store=large.store.dialect,
        size=large.market.size,
        find_s=found[1],
        growth=math.log(found[1] / found[0]) / math.log(large.market.size / small.market.size),
        lead_s=(published[1] - published[0]) / (many.matches - few.matches),
        subscription_bytes=sizes["subscriptions"],
        lead_bytes=sizes["leads"],
        word_bytes=sizes["notifications"],
    )


def _middle(times: Iterator[float]) -> float:
    found = sorted(times)
    return found[len(found) // 2]


def _sizes(bed: Bed, crowd: Any) -> dict[str, float]:
    """Bytes of a row with its share of the indexes."""
    with bed.store.write() as session:
        for _ in range(5):
            route.route(session, bed._intent(session, crowd), BEGAN)
    sizes = {}
    for table in ("subscriptions", "leads", "notifications"):
        if bed.store.dialect == "postgresql":
            query = f"SELECT pg_total_relation_size('{table}')"
        else:
            names = f"SELECT name FROM sqlite_master WHERE tbl_name = '{table}'"  # noqa: S608 - Our own words.
            query = f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({names})"  # noqa: S608 - Our own words.
        with bed.store.read() as session:
            rows = session.scalar(text(f"SELECT count(*) FROM {table}")) or 1  # noqa: S608 - Our own words.
            sizes[table] = float(session.scalar(text(query)) or 0) / rows
    return sizes


# --- Simulating -----------------------------------------------------------------------------------


def fan_out(dice: random.Random) -> int:
    """Vendors that one want reaches: mostly a few, now and then very many."""
    exponent, most = TAIL
    return min(most, int((1 - dice.random()) ** (-1 / exponent)))


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from publishing until the last lead was written, of wants that reach up to 100 vendors."""

    median: float
    most: float  # Of 99 in 100.
    busy: float


def simulate(per_second: float, find_s: float, lead_s: float, *, chunk: int | None, wants: int, seed: int) -> Waits:
    """One router of one partition. With `chunk` a want goes to the end of the queue after so many leads."""
    dice = random.Random(seed)
    clock = free_at = busy = 0.0
    coming: list[tuple[float, int]] = []
    for _ in range(wants):
        clock += dice.expovariate(per_second)
        coming.append((clock, fan_out(dice)))
    heapq.heapify(coming)
    queue: deque[tuple[float, int, int, bool]] = deque()
    waits = []
    while coming or queue:
        if not queue:
            at, leads = heapq.heappop(coming)
            free_at = max(free_at, at)
            queue.append((at, leads, leads, True))
        came, whole, left, fresh = queue.popleft()
        now = left if chunk is None else min(left, chunk)
        took = (find_s if fresh or chunk else 0.0) + now * lead_s
        free_at += took
        busy += took
        while coming and coming[0][0] <= free_at:
            at, leads = heapq.heappop(coming)
            queue.append((at, leads, leads, True))
        if left > now:
            queue.append((came, whole, left - now, False))
        elif whole <= 100:
            waits.append(free_at - came)
    waits.sort()
    return Waits(waits[len(waits) // 2], waits[int(0.99 * len(waits))], busy / free_at)


def mean_fan_out(draws: int = 200_000) -> float:
    dice = random.Random(2008)
    return sum(fan_out(dice) for _ in range(draws)) / draws


# --- The table ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One market at one rate."""

    subscriptions: int
    wants_per_minute: int
    cores: float  # Busy with finding and writing, all partitions together.
    partitions: int  # So that no router is busy for more than 0.6 of its time.
    subscriptions_gb: float
    leads_tb: float  # And what was owed for them, for as long as they are kept.
    ms_per_want: float
    kb_per_want: float
    cost_per_1000_wants: float
    median_s: float
    p99_s: float
    p99_uncut_s: float


def table(constants: Constants, *, core_hour: float, wants: int) -> list[Row]:
    reached = mean_fan_out()
    rows = []
    for size in MARKETS:
        for rate in RATES:
            per_second = rate / 60
            # A want is held against its own partition, and against the one of those who listen very widely.
            find_s = 2 * constants.find_at(size)
            want_s = find_s + reached * constants.lead_s
            partitions = max(1, math.ceil(per_second * want_s / BUSY_AT_MOST))
            share = per_second / partitions
            cut, uncut = (
                simulate(share, find_s, constants.lead_s, chunk=chunk, wants=wants, seed=size + rate)
                for chunk in (CHUNK, None)
            )
            daily = rate * 1440 * reached * (constants.lead_bytes + constants.word_bytes)
            rows.append(
                Row(
                    subscriptions=size,
                    wants_per_minute=rate,
                    cores=_round(per_second * want_s),
                    partitions=partitions,
                    subscriptions_gb=_round(size * constants.subscription_bytes / 1e9),
                    leads_tb=_round(daily * DAYS_KEPT / 1e12),
                    ms_per_want=_round(want_s * 1e3),
                    kb_per_want=_round(daily / (rate * 1440) / 1e3),
                    cost_per_1000_wants=_round(1000 * want_s / 3600 * core_hour),
                    median_s=_round(cut.median),
                    p99_s=_round(cut.most),
                    p99_uncut_s=_round(uncut.most),
                )
            )
    return rows


def _round(figure: float) -> float:
    return float(f"{figure:.3g}")


@contextmanager
def _beds(kind: str) -> Iterator[list[Bed]]:
    with (sqlite_beds if kind == "sqlite" else postgresql_beds)(SIZES) as beds:
        yield beds


def main() -> None:
    """Print the constants and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and wants")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), default="postgresql", help="where to measure")
    parser.add_argument("--constants", type=Path, metavar="FILE", help="of an earlier run, instead of measuring")
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core for an hour, in any money")
    parser.add_argument("--json", action="store_true", help="for programs; holds the constants, too")
    arguments = parser.parse_args()
    if arguments.constants is not None:
        constants = Constants(**json.loads(arguments.constants.read_text())["constants"])
    else:
        try:
            with _beds(arguments.only) as beds:
                constants = measure(beds, 3 if arguments.quick else 9)
        except OperationalError:
            print("No PostgreSQL answers; use --only sqlite, or --constants.", file=sys.stderr)
            sys.exit(1)
    rows = table(constants, core_hour=arguments.core_hour, wants=5_000 if arguments.quick else 50_000)
    if arguments.json:
        print(json.dumps({"constants": asdict(constants), "rows": [asdict(row) for row in rows]}, indent=2))
        return
    print(f"Measured on {constants.store} with {constants.size:,} subscriptions:")
    print(
        f"  finding {constants.find_s * 1e3:.3g} ms, growing with the market's size to the power {constants.growth:.2f}"
    )
    print(f"  each lead, with the word that is owed {constants.lead_s * 1e6:.3g} µs")
    sizes = (constants.subscription_bytes, constants.lead_bytes, constants.word_bytes)
    print("  bytes with indexes: subscription {:.0f}, lead {:.0f}, word that is owed {:.0f}".format(*sizes))
    print(
        f"Assumed: {mean_fan_out():.0f} vendors reached on average (Pareto {TAIL[0]}, at most {TAIL[1]:,}), "
        f"leads kept for {DAYS_KEPT} days, a core at {arguments.core_hour} an hour."
    )
    names = list(Row.__slots__)
    print("".join(f"{name:>20}" for name in names))
    for row in rows:
        print("".join(f"{getattr(row, name):>20,}" for name in names))


if __name__ == "__main__":
    main()
