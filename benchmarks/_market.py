"""A seed and a size → a market of subscriptions with Zipf skew over the real trees, and rows of it in a store.

Three wants stand in every market, each with an exact crowd: so many vendors match it and not one more, whatever
the size. What grows around them are other people's subscriptions, and near misses in the same places. A third of all
subscriptions ask for a word, drawn from 5,000; half have a budget floor.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import text

from vrm.kernel import stems
from vrm.kernel.db import Store
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Tree

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
AUTHOR = 1  # The account whose wants are routed; its vendor is nobody's crowd.
BUDGET = 500_00
CURRENCY = "GBP"
# Of which each has ancestors of its own; the root and Europe are everybody's.
# What all three say: 20 words, and those that a crowd asks for are among them.
SAID = "Something new and reliable wanted soon, five doors or more, quiet, blue if possible, delivered to our street"
_SOUGHT = ("reliable", "quiet", "blue", "doors")
_UNSAID = tuple(f"word{number}" for number in range(5_000))
_WANTS = ((10, "car", "Leeds"), (1_000, "plumber", "Lyon"), (100_000, "camera", "Munich"))


class Wish(NamedTuple):
    """One subscription, as far as matching looks at it."""

    vendor_id: int
    category_id: int
    region_id: int
    floor: int  # 0: none.
    condition: str
    word: str = ""  # That the want must say; "": any.


@dataclass(frozen=True, slots=True)
class Crowd:
    """A want for something new at `BUDGET`, and how many vendors it reaches."""

    matches: int
    category_id: int
    region_id: int


@dataclass(frozen=True, slots=True)
class Market:
    """Everything in one store. Vendor n has the id n; every fiftieth is paused."""

    size: int
    vendors: int
    wishes: list[Wish]
    crowds: list[Crowd]


def paused(vendor_id: int) -> bool:
    """Whether this vendor is not listening at all."""
    return vendor_id % 50 == 0


def make(size: int, trees: Trees, *, seed: int = 2008) -> Market:
    """A market of `size` subscriptions, the same for the same seed; half as many vendors."""
    dice = random.Random(seed)
    vendors = size // 2
    crowds = [
        Crowd(matches, trees.categories.resolve(what, field="what").id, trees.regions.resolve(where, field="where").id)
        for matches, what, where in _WANTS
        if matches <= size // 8
    ]
    covering = [_pairs(trees, crowd) for crowd in crowds]
    wishes: list[Wish] = []
    for crowd, pairs in zip(crowds, covering, strict=True):
        shared = set().union(*(other for other in covering if other is not pairs))
        wishes += _crowd(dice, crowd.matches, sorted(pairs - shared), vendors)
    wishes += _others(dice, size - len(wishes), trees, set().union(*covering), vendors)
    dice.shuffle(wishes)
    return Market(size, vendors, wishes, crowds)


def _pairs(trees: Trees, crowd: Crowd) -> set[tuple[int, int]]:
    """Every pair of nodes that covers the want."""
    return {
        (category_id, region_id)
        for category_id in trees.categories.ancestors(crowd.category_id)
        for region_id in trees.regions.ancestors(crowd.region_id)
    }


def _crowd(dice: random.Random, matches: int, pairs: Sequence[tuple[int, int]], vendors: int) -> Iterator[Wish]:
    listening = [vendor_id for vendor_id in dice.sample(range(2, vendors + 1), matches * 2) if not paused(vendor_id)]
    reached = listening[:matches]
    twice = dice.sample(reached, matches // 10)
    for vendor_id in reached + twice:
        floor = dice.choice((0, 0, dice.randrange(1, BUDGET)))
        word = dice.choice(_SOUGHT) if dice.random() < 1 / 3 else ""
        yield Wish(vendor_id, *dice.choice(pairs), floor, dice.choice(("any", "new")), word)
    for near_miss in range(matches // 2):
        floor, condition, word = ((BUDGET + 1, "any", ""), (0, "used", ""), (0, "any", _UNSAID[0]))[near_miss % 3]
        yield Wish(dice.randrange(2, vendors + 1), *dice.choice(pairs), floor, condition, word)
    for _ in range(matches // 50):
        yield Wish(dice.randrange(1, vendors // 50) * 50, *dice.choice(pairs), 0, "any")


def _others(dice: random.Random, count: int, trees: Trees, taken: set[tuple[int, int]], vendors: int) -> Iterator[Wish]:
    categories, regions = _zipf(dice, trees.categories), _zipf(dice, trees.regions)
    while count > 0:
        for pair in zip(categories(count), regions(count), strict=True):
            if pair not in taken:
                floor = dice.randrange(1, 2 * BUDGET) if dice.random() < 0.5 else 0
                condition = "any" if dice.random() < 0.6 else dice.choice(("new", "used"))
                word = _word(dice) if dice.random() < 1 / 3 else ""
                yield Wish(dice.randrange(1, vendors + 1), *pair, floor, condition, word)
                count -= 1


def _word(dice: random.Random) -> str:
    # The n-th most popular comes about 1/n as often as the first; what the wants say is among the popular ones.
    rank = int(len(_UNSAID) ** dice.random())
    return _SOUGHT[rank - 1] if rank <= len(_SOUGHT) else _UNSAID[rank - 1]


def _zipf(dice: random.Random, tree: Tree) -> Callable[[int], list[int]]:
    """A draw of nodes in which the n-th most popular comes 1/n as often as the first."""
    nodes = [id_ for lft, rgt in tree.intervals(tree.root.id) for id_ in _below(tree, lft, rgt)]
    dice.shuffle(nodes)
    weights = list(accumulate(1 / rank for rank in range(1, len(nodes) + 1)))
    return lambda count: dice.choices(nodes, cum_weights=weights, k=count)


def _below(tree: Tree, lft: int, rgt: int) -> Iterator[int]:
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        waiting += tree.children(node.id)
        if lft <= node.lft <= rgt:
            yield node.id


# --- Into a store ---------------------------------------------------------------------------------


def fill(store: Store, market: Market) -> None:
    """Write the market into an empty store, by its driver: what is measured comes after."""
    at: Any = int(BEGAN.timestamp() * 1e6) if store.dialect == "sqlite" else BEGAN
    no: Any = 0 if store.dialect == "sqlite" else False
    vendors = range(1, market.vendors + 1)
    owners = market.vendors // 10 + 2  # One to ten vendors.
    with _copier(store) as copy:
        copy(
            "accounts (id, email, name, phone, locale, zone, is_operator, is_researcher, created_at, verified_at)",
            ((n, f"p{n}@x.example", "", "", "en", "UTC", no, no, at, at) for n in range(1, owners + 1)),
        )
        copy(
            "vendors (id, code, slug, name, website, about, zone, created_at, paused_at)",
            (
                (n, f"v{n}", f"shop-{n}", f"Shop {n}", "https://shop.example", "", "UTC", at, at if paused(n) else None)
                for n in vendors
            ),
        )
        copy(
            "memberships (vendor_id, account_id, role, created_at)",
            ((n, AUTHOR if n == 1 else 2 + n // 10, "owner", at) for n in vendors),
        )
        copy(
            "channels (id, code, vendor_id, kind, label, target, challenge_tries, created_at, verified_at, failures,"
            " caught_up_at)",
            ((n, f"c{n}", n, "webhook", "", '{"url": "https://shop.example/hook"}', 0, at, at, 0, at) for n in vendors),
        )
        copy(
            "subscriptions (id, code, vendor_id, name, category_id, region_id, place, min_budget, currency, condition,"
            " required, excluded, words_in, anchor, has_words, created_at, changed_at, backfilled_at, silent_at)",
            (
                (
                    n, f"s{n}", wish.vendor_id, "", wish.category_id, wish.region_id, wish.region_id, wish.floor,
                    CURRENCY if wish.floor else None, wish.condition, f'["{wish.word}"]' if wish.word else "[]", "[]",
                    "en" if wish.word else None, stems.anchor(wish.word, "en") if wish.word else None, no, at, at, at,
                    at if paused(wish.vendor_id) else None,
                )
                for n, wish in enumerate(market.wishes, 1)
            ),
        )  # fmt: skip
    if store.dialect == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE accounts, vendors, memberships, channels, subscriptions"))


Copy = Callable[[str, Iterable[tuple[Any, ...]]], None]


@contextmanager
def _copier(store: Store) -> Iterator[Copy]:
    raw = store.engine.raw_connection()
    cursor = raw.cursor()

    def to_sqlite(into: str, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * (into.count(",") + 1))
        cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", rows)  # noqa: S608 - Our own words.

    def to_postgresql(into: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with cursor.copy(f"COPY {into} FROM STDIN") as lines:  # type: ignore[attr-defined]  # psycopg's own.
            for row in rows:
                lines.write_row(row)

    if store.dialect == "sqlite":
        for hurry in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -600000"):
            cursor.execute(f"PRAGMA {hurry}")
        cursor.execute("BEGIN IMMEDIATE")
    yield to_sqlite if store.dialect == "sqlite" else to_postgresql
    raw.commit()
    raw.close()
    store.engine.dispose()  # And with it the haste: the next connection is as it always is.
