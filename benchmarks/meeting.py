"""Publishing and subscribing at the same instant: pairs of one want and one subscription that must not miss each other.

Two processes wait for each other before each pair. One publishes a want and routes; the other subscribes to just that
category and holds the subscription against open wants. Each commits first and looks in a transaction of its own; with
`--in-one` both do it in one transaction, as one writes first, to see what is lost by that.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from _table import line, tell
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import IntentDraft
from intents.models import Intent
from vendors import subscribe
from vendors.models import Lead, Vendor
from vendors.subscribe import Order
from vrm import migrations, route
from vrm.kernel import accounts, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

POSTGRES = os.environ.get("VRM_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
_PER_AUTHOR = publish.PER_DAY


def prepare(store: Store, pairs: int) -> None:
    """Authors and vendors; nothing that could match."""
    with store.write() as session:
        now = datetime.now(UTC)
        for number in range(pairs // _PER_AUTHOR + 1):
            author = accounts.ensure(session, f"author{number}@example.org", now)
            author.verified_at = now
        for number in range(pairs):
            session.add(Vendor(code=f"meet{number}", slug=f"meet-{number}", name=f"Shop {number}", created_at=now))


def _want(session: Session, number: int, category_id: int, region_id: int) -> None:
    now = datetime.now(UTC)
    email = f"author{number // _PER_AUTHOR}@example.org"
    author = session.scalars(select(Account).where(Account.email == email)).one()
    draft = IntentDraft(title=f"Want {number}", category_id=category_id, region_id=region_id)
    publish.publish(session, publish.draft(session, author, draft, now), now)


def _subscription(session: Session, number: int, category_id: int, region_id: int) -> None:
    vendor = session.scalars(select(Vendor).where(Vendor.slug == f"meet-{number}")).one()
    subscribe.subscribe(session, vendor, Order(category_id=category_id, region_id=region_id), datetime.now(UTC))


def _side(url: str, category_ids: Sequence[int], barrier: Any, wants: bool, in_one: bool) -> None:
    do: Callable[..., None] = _want if wants else _subscription
    look = route.route_owed if wants else route.backfill_owed
    with Store.open(url) as store:
        with store.read() as session:
            region_id = taxonomy.trees(session).regions.root.id
        for number, category_id in enumerate(category_ids):
            barrier.wait(60)
            with store.write() as session:
                do(session, number, category_id, region_id)
                if in_one:
                    look(session, datetime.now(UTC))
            while not in_one and _looked(store, look):
                pass


def _looked(store: Store, look: Callable[[Session, datetime], int]) -> int:
    with store.write() as session:
        return look(session, datetime.now(UTC))


def meet(url: str, pairs: int, *, in_one: bool = False) -> int:
    """How many of the pairs have found each other."""
    with Store.open(url) as store:
        migrations.upgrade(store, datetime.now(UTC))
        prepare(store, pairs)
        with store.read() as session:
            tree = taxonomy.trees(session).categories
            leaves = [node.id for node in _leaves(tree)][:pairs]
    context = get_context("spawn")
    barrier = context.Barrier(2)
    sides = [context.Process(target=_side, args=(url, leaves, barrier, wants, in_one)) for wants in (True, False)]
    for side in sides:
        side.start()
    for side in sides:
        side.join()
    if any(side.exitcode for side in sides):
        raise SystemExit("One side has failed; see above.")
    with Store.open(url) as store, store.read() as session:
        met = select(func.count()).select_from(Lead).join(Intent).join(Vendor, Vendor.id == Lead.vendor_id)
        return session.scalar(met.where(Vendor.name == "Shop " + func.substr(Intent.title, 6))) or 0


def _leaves(tree: Any) -> Iterator[Any]:
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        children = tree.children(node.id)
        waiting += children
        if not children:
            yield node


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'meeting.db'}"


@contextmanager
def _postgresql() -> Iterator[str]:
    url, name = make_url(POSTGRES), f"vrm_meeting_{os.getpid()}"
    admin = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def main() -> None:
    """Print how many met; exit 1 when one pair is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--quick", action="store_true", help="30 pairs")
    parser.add_argument(
        "--in-one", action="store_true", help="publish and route, subscribe and look, in one transaction"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    chosen = parser.parse_args()
    pairs = 30 if chosen.quick else chosen.pairs
    lines = []
    for name, made in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        try:
            with made() as url:
                met = meet(url, pairs, in_one=chosen.in_one)
        except OperationalError:
            print(f"No PostgreSQL answers at {POSTGRES}.", file=sys.stderr)
            continue
        what = f"{name}: pairs that met, of {pairs}"
        lines.append(line(what, met, "", f"= {pairs}", ok=met == pairs))
    tell(lines, as_json=chosen.json)


if __name__ == "__main__":
    main()
