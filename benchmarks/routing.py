"""How fast a want finds its vendors among 10,000 to a million subscriptions: ratios to peers in the same run.

Two things are measured. *Find* is the statement that matches, its rows fetched by the driver, one for each
subscription, as the peers find them; *publish* writes the want, finds, makes one lead with its reasons for each
vendor, and writes the leads and what is owed for them. Each is timed in turn with what it is compared to, on
the same store and the same want; the figure is the ratio of the least times. Machines are shared: what takes longer
than the least is somebody else's work, and more of it falls on what is long than on what is short. With SQLite, where
all works in this process, the processor's time is taken.
"""

import argparse
import math
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from _bed import Bed, times
from _market import BEGAN, BUDGET, SAID, Crowd, fill, make
from _table import Line, at_least, at_most, line, tell
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from vrm import migrations
from vrm.kernel import stems, taxonomy
from vrm.kernel.db import Store

try:
    import mokaccino
except ImportError:
    mokaccino = None

POSTGRES = os.environ.get("VRM_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
_WORDS = stems.words_of(f"Something new {SAID}")
FULL = 1_000_000  # The size for which the targets are set.


# --- Peers ----------------------------------------------------------------------------------------


class Scan:
    """What one writes first: a loop over everything, in memory."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed

    def __call__(self, crowd: Crowd) -> float:
        trees = self._bed.trees
        categories = set(trees.categories.ancestors(crowd.category_id))
        regions = set(trees.regions.ancestors(crowd.region_id))
        wishes, said = self._bed.market.wishes, set(_WORDS)
        return self._bed.timed(
            lambda: [
                wish
                for wish in wishes
                if wish.category_id in categories
                and wish.region_id in regions
                and wish.floor <= BUDGET
                and wish.condition in ("any", "new")
                and (not wish.word or wish.word in said)
            ]
        )


class Percolator:
    """mokaccino, a percolator in Rust: all in memory, and no store, leads or reasons to keep."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        of = mokaccino.Query
        self._percolator = mokaccino.Percolator()
        for number, wish in enumerate(bed.market.wishes):
            query = of.from_kv("category", str(wish.category_id)) & of.from_kv("region", str(wish.region_id))
            if wish.floor:
                query = query & of.from_kge("budget", wish.floor)
            if wish.condition != "any":
                query = query & of.from_kv("condition", wish.condition)
            if wish.word:
                query = query & of.from_kv("word", wish.word)
            self._percolator.add_query_id(query, number)

    def __call__(self, crowd: Crowd) -> float:
        want = mokaccino.Document().with_value("budget", str(BUDGET)).with_value("condition", "new")
        for word in _WORDS:
            want = want.with_value("word", word)
        for category_id in self._bed.trees.categories.ancestors(crowd.category_id):
            want = want.with_value("category", str(category_id))
        for region_id in self._bed.trees.regions.ancestors(crowd.region_id):
            want = want.with_value("region", str(region_id))
        return self._bed.timed(lambda: self._percolator.percolate_list(want), times(crowd))


# --- Measuring ------------------------------------------------------------------------------------


def measure(beds: Sequence[Bed], rounds: int) -> Iterator[Line]:
    """The lines of one kind of store, its beds from the smallest to the largest."""
    largest = beds[-1]
    whole = largest.market.size >= FULL
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[largest.store.dialect]
    scan = Scan(largest)
    peer = Percolator(largest) if mokaccino is not None else None
    for place, crowd in enumerate(largest.market.crowds):
        works: dict[str, Callable[[], float]] = {
            "find": partial(largest.find, crowd),
            "key": partial(largest.fetch_by_key, crowd),
            "gather": partial(largest.gather, crowd),
            "open": partial(largest.open_leads, crowd),
            "raw open": partial(largest.open_leads_raw, crowd),
            "publish": partial(largest.publish, crowd),
            "ready": partial(largest.insert_ready, crowd),
            "scan": partial(scan, crowd),
        }
        if peer is not None:
            works["peer"] = partial(peer, crowd)
        compare = place < 2
        if compare:
            works["small"] = partial(beds[0].find, crowd)
        took = _least(works, rounds if compare else 2)

        def over(upper: str, lower: str, took: Mapping[str, float] = took) -> float:
            return took[upper] / took[lower]

        at = f"{name}, {crowd.matches:,} matches: "
        # Scanning and percolating grow with the market: their targets are for the full size and for nothing less.
        if compare:
            yield at_least(f"{at}naive scan ÷ find", over("scan", "find"), (200, 50)[place] if whole else None)
        if peer is not None:
            target = (20, 5, 1.5)[place] if whole else None
            yield at_least(f"{at}mokaccino ÷ find", over("peer", "find"), target)
        yield from (
            at_most(f"{at}find ÷ fetch by key", over("find", "key"), (None, 1.5, 1.5)[place]),
            at_most(f"{at}making leads of what is found ÷ fetch by key", over("gather", "key"), None),
            at_most(f"{at}publish ÷ ready-made rows", over("publish", "ready"), (1.25, 1.25, 2)[place]),
            at_most(f"{at}our code ÷ raw driver", over("open", "raw open"), (2.5, 1.4, 1.2)[place]),
        )
        if compare:
            growth = math.log(over("find", "small")) / math.log(largest.market.size / beds[0].market.size)
            yield at_most(f"{at}growth exponent of find", growth, 0.1, "")
        yield line(f"{at}find", took["find"] * 1e3, "ms")
        yield line(f"{at}publish", took["publish"] * 1e3, "ms")


def _least(works: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    took: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        for name, work in works.items():
            seconds = work()
            if turn:  # The first turn fills caches.
                took[name].append(seconds)
    return {name: min(found) for name, found in took.items()}


@contextmanager
def sqlite_beds(sizes: Sequence[int]) -> Iterator[list[Bed]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield [_bed(stack, f"sqlite:///{Path(folder) / f'{size}.db'}", size) for size in sizes]


@contextmanager
def postgresql_beds(sizes: Sequence[int]) -> Iterator[list[Bed]]:
    """In databases of their own, dropped at the end. OperationalError when no server answers."""
    url = make_url(POSTGRES)
    admin = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    names = {size: f"vrm_bench_{os.getpid()}_{size}" for size in sizes}
    with admin.connect() as connection, ExitStack() as stack:
        for name in names.values():
            connection.execute(text(f"CREATE DATABASE {name}"))
            stack.callback(connection.execute, text(f"DROP DATABASE {name} WITH (FORCE)"))
        yield [
            _bed(stack, url.set(database=name).render_as_string(hide_password=False), size)
            for size, name in names.items()
        ]
    admin.dispose()


def _bed(stack: ExitStack, url: str, size: int) -> Bed:
    store = stack.enter_context(Store.open(url))
    migrations.upgrade(store, BEGAN)
    with store.read() as session:
        trees = taxonomy.trees(session)
    market = make(size, trees)
    fill(store, market)
    return Bed(store, market)


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 subscriptions (the default)")
    parser.add_argument("--full", action="store_true", help="and a million; a few minutes")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one kind of store")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    sizes = [10_000, FULL] if arguments.full and not arguments.quick else [10_000, 100_000]
    rounds = 7 if sizes[-1] == FULL else 4
    notes = [
        f"Measured at {sizes[-1]:,} subscriptions, growth from {sizes[0]:,}.",
    ]
    if sizes[-1] < FULL:
        notes.append("Peers that scan have their targets at 1,000,000: run with --full for the verdict.")
    if mokaccino is None:
        notes.append("No mokaccino beside it: pip install mokaccino (where it can be imported) to see that line.")
    tell(_measured(sizes, rounds, arguments.only, notes), as_json=arguments.json)


def _measured(sizes: Sequence[int], rounds: int, only: str | None, notes: list[str]) -> Iterator[Line]:
    """The lines of each kind of store; the notes at the end, for people."""
    if only != "postgresql":
        with sqlite_beds(sizes) as beds:
            yield from measure(beds, rounds)
    if only != "sqlite":
        try:
            with postgresql_beds(sizes) as beds:
                yield from measure(beds, rounds)
        except OperationalError:
            notes.append(f"No PostgreSQL answers at {POSTGRES}: SQLite only.")
    print(*notes, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
