"""Routing: one lead per vendor, never twice, nobody missed, whichever came first."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from rooms import add_mail_channel, plan_of, publish_want, start_vendor
from sqlalchemy import func, select, text, update

from intents import publish
from intents.models import Intent
from notifiers.models import Channel, Notification, Topic
from vendors import team
from vendors.models import Lead, Subscription, Undelivered, Vendor
from vendors.respond import block
from vrm import route
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

CARS_IN_LEEDS = ("cars-trucks-vans", "gb-lds")


def count(store: Store, table: type[Lead] | type[Notification]) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def step(store: Store, now: datetime) -> None:
    """What the worker does about rows, once."""
    for verb in (route.route_owed, route.backfill_owed, route.catch_up_owed):
        with store.write() as session:
            verb(session, now)


def test_an_open_intent_opens_a_lead_and_owes_a_word_to_each_working_channel(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=CARS_IN_LEEDS)
        add_mail_channel(session, vendor, now, "one@shop.example")
        add_mail_channel(session, vendor, now, "two@shop.example")
        add_mail_channel(session, vendor, now, "unproven@shop.example", verified=False)
        intent = publish_want(session, ana, now)
    step(store, now)
    with store.read() as session:
        lead = session.scalars(select(Lead)).one()
        assert (lead.intent_id, lead.vendor_id, lead.undelivered) == (intent.id, vendor.id, None)
        owed = session.scalars(select(Notification)).all()
        assert len(owed) == 2
        assert {each.topic for each in owed} == {Topic.LEAD_CREATED}
        assert {each.due_at for each in owed} == {now}
        assert len({each.code for each in owed}) == 2


@pytest.mark.parametrize("times", [1, 5])
def test_routing_again_opens_nothing_and_owes_nothing(
    store: Store, ana: Account, ben: Account, now: datetime, times: int
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=CARS_IN_LEEDS)
        add_mail_channel(session, vendor, now, "one@shop.example")
        publish_want(session, ana, now)
    step(store, now)
    for _ in range(times):
        with store.write() as session:
            session.execute(update(Intent).values(routed_at=None))
            session.execute(update(Subscription).values(backfilled_at=None))
            session.execute(update(Channel).values(caught_up_at=None))
        step(store, now + timedelta(seconds=1))
    assert count(store, Lead) == 1
    assert count(store, Notification) == 1


def test_a_subscription_made_later_gets_what_is_still_open(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        publish_want(session, ana, now, title="open")
        publish.withdraw(session, publish_want(session, ana, now, title="gone"), now)
        publish.pause(session, publish_want(session, ana, now, title="paused"), now)
        publish_want(session, ana, now, title="elsewhere", region="fr")
    step(store, now)
    with store.write() as session:
        start_vendor(session, ben, now, wish=("vehicles", "gb"))
    step(store, now)
    with store.read() as session:
        assert [lead.intent.title for lead in session.scalars(select(Lead))] == ["open"]


def test_a_group_of_countries_is_backfilled_too(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        publish_want(session, ana, now, title="in France", region="fr")
        publish_want(session, ana, now, title="in Leeds")
        start_vendor(session, ben, now, wish=("anything", "eu"))
    step(store, now)
    with store.read() as session:
        assert [lead.intent.title for lead in session.scalars(select(Lead))] == ["in France"]


def test_a_vendor_without_a_channel_is_noted_and_told_when_it_has_one(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=CARS_IN_LEEDS)
        publish_want(session, ana, now)
    step(store, now)
    with store.read() as session:
        assert session.scalars(select(Lead)).one().undelivered is Undelivered.NO_CHANNEL
    with store.write() as session:
        add_mail_channel(session, session.get_one(Vendor, vendor.id), now, "one@shop.example")
    step(store, now)
    assert count(store, Notification) == 1
    with store.read() as session:
        assert session.scalars(select(Lead)).one().undelivered is None


def test_an_amended_region_reaches_new_vendors_and_keeps_the_old_ones(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        start_vendor(session, ben, now, name="Leeds", wish=CARS_IN_LEEDS)
        start_vendor(session, carol, now, name="Paris", wish=("cars-trucks-vans", "fr"))
        intent = publish_want(session, ana, now)
    step(store, now)
    with store.write() as session:
        intent = session.get_one(Intent, intent.id)
        draft = publish.draft_of(intent)
        france = taxonomy.trees(session).regions.resolve("fr", field="region").id
        publish.amend(session, intent, replace(draft, region_id=france), now)
    step(store, now + timedelta(minutes=1))
    with store.read() as session:
        assert {lead.vendor.name for lead in session.scalars(select(Lead))} == {"Leeds", "Paris"}


def test_a_blocked_vendor_is_not_told(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        block(session, ana, vendor, now)
        publish_want(session, ana, now)
    step(store, now)
    assert count(store, Lead) == 0


def test_a_vendor_that_comes_back_hears_of_what_it_missed(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        team.pause(session, vendor, now)
        publish_want(session, ana, now)
    step(store, now)
    assert count(store, Lead) == 0
    with store.write() as session:
        team.resume(session, session.get_one(Vendor, vendor.id), now)
    step(store, now)
    assert count(store, Lead) == 1


def test_whom_nothing_reached_is_looked_for_lead_by_lead(store: Store, now: datetime) -> None:
    if store.dialect != "postgresql":
        pytest.skip("On SQLite nothing can change between the two statements.")
    with store.write() as session:
        session.execute(text("ANALYZE leads, notifications"))  # Both are empty, and a join of the two looks cheap.
        plans = [
            plan_of(session, statement, {"whose": 1, "now": now})
            for statement in route.telling("postgresql", route.Fresh.OF_INTENT)
        ]
    assert "Anti Join" not in plans[1]
    assert "SubPlan" in plans[1]
