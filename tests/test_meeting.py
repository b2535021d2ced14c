"""Publishing and subscribing at the same instant, by two real processes: no pair misses each other."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

import pytest
from rooms import start_vendor
from sqlalchemy import select

from intents import publish
from intents.draft import IntentDraft
from intents.models import Intent
from vendors.models import Lead, Vendor
from vendors.subscribe import Order, subscribe
from vrm import route
from vrm.kernel import accounts, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

pytestmark = pytest.mark.slow

PAIRS = 36


def test_pairs_at_the_same_instant_do_not_miss_each_other(little_store: Store, now: datetime) -> None:
    with little_store.write() as session:
        ana, ben = (accounts.ensure(session, f"{name}@example.org", now) for name in ("ana", "ben"))
        ana.verified_at = now
        vendors = [start_vendor(session, ben, now, name=f"Shop {number}").id for number in range(2)]
    url = little_store.engine.url.render_as_string(hide_password=False)
    context = get_context("spawn")
    barrier = context.Barrier(2)
    sides = [
        context.Process(target=_publish, args=(url, barrier, ana.id, now)),
        context.Process(target=_subscribe, args=(url, barrier, vendors, now)),
    ]
    for side in sides:
        side.start()
    for side in sides:
        side.join()
    assert [side.exitcode for side in sides] == [0, 0]
    with little_store.read() as session:
        met = session.execute(select(Intent.title, Lead.vendor_id).join_from(Lead, Intent)).all()
    # Each asks for a word that its own want alone says.
    assert sorted(map(tuple, met)) == sorted((f"Pair{number}", vendors[number % 2]) for number in range(PAIRS))


def _publish(url: str, barrier: Barrier, author_id: int, now: datetime) -> None:
    with Store.open(url) as store:
        for number in range(PAIRS):
            at = now + timedelta(days=number)  # A customer may publish so many in a day.
            barrier.wait(60)
            with store.write() as session:
                both = taxonomy.trees(session)
                draft = IntentDraft(
                    title=f"Pair{number}", category_id=both.categories.root.id, region_id=both.regions.root.id
                )
                publish.publish(session, publish.draft(session, session.get_one(Account, author_id), draft, at), at)
            with store.write() as session:
                route.route_owed(session, at)


def _subscribe(url: str, barrier: Barrier, vendors: Sequence[int], now: datetime) -> None:
    with Store.open(url) as store:
        for number in range(PAIRS):
            at = now + timedelta(days=number)
            barrier.wait(60)
            with store.write() as session:
                both, word = taxonomy.trees(session), (f"Pair{number}",)
                order = Order(category_id=both.categories.root.id, region_id=both.regions.root.id, required=word)
                subscribe(session, session.get_one(Vendor, vendors[number % 2]), order, at)
            with store.write() as session:
                route.backfill_owed(session, at)
