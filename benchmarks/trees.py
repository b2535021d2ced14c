"""How long it takes to move and to merge a category with 100,000 subscriptions below it, while they live.

Promise: under a second, commit included, because subscriptions hold ids and none of them is written by a move; and
nobody hears of a want a second time. Beside it a plain UPDATE of as many rows of the tree, in the same run, which is
what a shared machine can be compared by.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _table import Line, line, tell
from sqlalchemy import func, insert, select, text, update

from intents import publish
from intents.draft import IntentDraft
from intents.models import Intent
from notifiers.models import Channel, ChannelKind, Notification
from vendors.models import Subscription, Vendor
from vrm import migrations, route, trees
from vrm.kernel import accounts, reshape, taxonomy
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store, new_code
from vrm.kernel.taxonomy import Category, TreeName

C = TreeName.CATEGORIES
_VENDORS = 1_000
BRANCH, ELSEWHERE = "vehicles", "toys-games"  # Hundreds of nodes, far apart in the tree.


def fill(store: Store, subscriptions: int) -> None:
    """Both trees, the subscriptions below BRANCH in any region, and a few open wants."""
    now = utc_now()
    migrations.upgrade(store, now)
    with store.write() as session:
        ana = accounts.ensure(session, "ana@example.org", now)
        ana.verified_at = ana.trusted_at = now
        made = [
            Vendor(code=new_code(), slug=f"shop-{number}", name=f"Shop {number}", created_at=now)
            for number in range(_VENDORS)
        ]
        session.add_all(made)
        session.flush()
        shops = [vendor.id for vendor in made]
        told_by = {"kind": ChannelKind.EMAIL, "target": {"address": "shop@example.org"}, "verified_at": now}
        session.add_all(Channel(code=new_code(), vendor_id=shop, created_at=now, **told_by) for shop in shops)
        both = taxonomy.trees(session)
        branch = both.categories.resolve(BRANCH, field="category")
        below = session.scalars(select(Category.id).where(Category.lft.between(branch.lft, branch.rgt))).all()
        fixed = {"name": "", "min_budget": 0, "condition": "any"}
        moments = {"created_at": now, "changed_at": now, "backfilled_at": now}
        rows = [
            {
                "code": f"s{number}", "vendor_id": shops[number % _VENDORS],
                "category_id": below[number % len(below)],
                "region_id": 1 + number * 7919 % len(both.regions) if number % 100 else both.regions.root.id,
                **fixed, **moments,
            }
            for number in range(subscriptions)
        ]  # fmt: skip
        session.execute(insert(Subscription), rows)
        for number in range(10):
            draft = IntentDraft(title=f"Want {number}", category_id=below[number], region_id=both.regions.root.id)
            intent = publish.draft(session, ana, draft, now)
            publish.publish(session, intent, now)
    settle(store)
    with store.write() as session:
        session.execute(text("ANALYZE"))


def settle(store: Store) -> None:
    """Let routing see to everything that is owed to it."""
    for verb in (route.route_owed, route.backfill_owed):
        while True:
            with store.write() as session:
                if not verb(session, utc_now()):
                    break


def words(store: Store) -> int:
    """How many words of wants are owed or sent."""
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(Notification)) or 0


def seconds(run: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def move(store: Store, slug: str, under: str) -> None:
    """As the page does it."""
    with store.write() as session:
        tree = taxonomy.trees(session).categories
        ids = (tree.resolve(name, field="category").id for name in (slug, under))
        trees.move(session, C, *ids, utc_now(), by=None)


def merge(store: Store, slug: str, into: str) -> None:
    """As the page does it."""
    with store.write() as session:
        tree = taxonomy.trees(session).categories
        ids = (tree.resolve(name, field="category").id for name in (slug, into))
        trees.merge(session, C, *ids, utc_now(), by=None)


def plain(store: Store, count: int, far: int) -> None:
    """As simple an UPDATE of as many rows and the same columns as can be."""
    some = select(Category.id).order_by(Category.id).limit(count)
    values = {"lft": Category.lft + far, "rgt": Category.rgt + far, "depth": Category.depth + 0}
    with store.write() as session:
        statement = update(Category).where(Category.id.in_(some)).values(values)
        session.execute(statement, execution_options={"synchronize_session": False})


def positions(store: Store) -> dict[int, tuple[int, int]]:
    """Where every category stands. The tree is read, too: a web process has it when an operator comes."""
    with store.read() as session:
        taxonomy.trees(session)
        return {row.id: (row.lft, row.rgt) for row in session.execute(select(Category.id, Category.lft, Category.rgt))}


def measure(store: Store, subscriptions: int, times: int) -> list[Line]:
    """The lines of the table for one store."""
    fill(store, subscriptions)
    told = words(store)
    with store.read() as session:
        tree = taxonomy.trees(session).categories
        branch = tree.resolve(BRANCH, field="category").id
        living = trees.at_or_below(session, C, branch)
    if living.subscriptions != subscriptions:
        raise SystemExit(f"{living.subscriptions} subscriptions are below {BRANCH}; the set-up is wrong.")
    moves, beside = [], []
    for _ in range(times):
        for under in (ELSEWHERE, "anything"):
            before = positions(store)
            moves.append(seconds(lambda under=under: move(store, BRANCH, under)))
            after = positions(store)
            moved = sum(before[id_] != place for id_, place in after.items())
            # There and back again; nobody reads the tree in between.
            beside += [
                seconds(lambda moved=moved, far=far: plain(store, moved, far)) for far in (1_000_000, -1_000_000)
            ]
    merged = [_merge_a_share(store, branch, number, subscriptions) for number in range(times)]
    with store.read() as session:
        again = session.scalar(select(func.count()).where(Subscription.backfilled_at.is_(None))) or 0
        routed = session.scalar(select(func.count()).where(Intent.routed_at.is_(None))) or 0
    settle(store)
    told_again = words(store) - told
    moving, updating = statistics.median(moves), statistics.median(beside)
    about = f"{store.dialect}, {subscriptions:,} below"
    return [
        line(f"move ({about})", round(moving * 1e3), "ms", "< 1000", ok=max(moves) < 1),
        line("  ÷ a plain UPDATE of as many nodes", round(moving / updating, 1), "×"),
        line("  a plain UPDATE of as many nodes", round(updating * 1e3), "ms"),
        line(f"merge ({about})", round(statistics.median(merged) * 1e3), "ms", "< 1000", ok=max(merged) < 1),
        line("  rows looked at again, of 10 open wants", again + routed, ""),
        line(f"  words sent again, after {told:,} before", told_again, "", "0", ok=told_again == 0 < told),
    ]  # fmt: skip


def _merge_a_share(store: Store, branch: int, number: int, subscriptions: int) -> float:
    """Seconds to merge a node at which every hundredth subscription stands."""
    with store.write() as session:
        id_ = reshape.add(session, C, branch, f"Benchmark {number}", utc_now(), by=None)
        share = [f"s{each}" for each in range(number, subscriptions, 100)]
        gathered = update(Subscription).where(Subscription.code.in_(share)).values(category_id=id_)
        session.execute(gathered, execution_options={"synchronize_session": False})
    positions(store)
    return seconds(lambda: merge(store, f"benchmark-{number}", BRANCH))


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--postgres", metavar="URL", help="an empty database, to measure there too")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    times = 2 if arguments.quick else 5
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{Path(folder)}/vrm.db") as store:
        lines = measure(store, 100_000, times)
    if arguments.postgres:
        with Store.open(arguments.postgres) as store:
            lines += measure(store, 100_000, times)
    tell(lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
