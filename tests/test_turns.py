"""A customer tells a few vendors at a time: who comes first, who comes next, and that nobody is told twice."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intents import publish
from intents.models import Intent
from notifiers.models import Channel, Notification
from vendors import respond
from vendors.leads import Standing, standing
from vendors.models import DeclineReason, Kind, Lead, Subscription, Undelivered, Vendor, Via, Withheld
from vendors.respond import Answer
from vendors.subscribe import Order, Reach, subscribe
from vrm import route, turns
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.research.live import live_table
from vrm.research.metrics import measure

CARS_IN_LEEDS = ("cars-trucks-vans", "gb-lds")
NO = Answer(kind=Kind.DECLINE, decline_reason=DeclineReason.STOCK)
HOUR = timedelta(hours=1)


def step(store: Store, now: datetime) -> None:
    """What the worker does about rows, until nothing is owed."""
    for verb in (route.route_owed, route.backfill_owed, route.catch_up_owed, turns.take_turns_owed):
        for _ in range(20):
            with store.write() as session:
                if not verb(session, now):
                    break


def market(store: Store, owner: Account, now: datetime, count: int, wish: tuple[str, str] = CARS_IN_LEEDS) -> list[int]:
    """So many vendors with a channel each; their ids."""
    with store.write() as session:
        ids = []
        for number in range(count):
            vendor = start_vendor(session, owner, now, name=f"Shop {number} of {wish[1]}", wish=wish)
            add_mail_channel(session, vendor, now, f"{vendor.slug}@shop.example")
            ids.append(vendor.id)
        return ids


def want(store: Store, customer: Account, now: datetime, *, most: int = 2, patience_h: int | None = None) -> Intent:
    with store.write() as session:
        intent = publish_want(session, customer, now)
        amended = replace(publish.draft_of(intent), tell_at_most=most, patience_h=patience_h)
        publish.amend(session, intent, amended, now)
        return intent


def told(store: Store, intent: Intent) -> set[int]:
    with store.read() as session:
        mine = (Lead.intent_id == intent.id, Lead.withheld.is_(None))
        return set(session.scalars(select(Lead.vendor_id).where(*mine)))


def line(store: Store, intent: Intent) -> list[int]:
    """Everybody's ids in the order of the line, told or not."""
    with store.read() as session:
        mine = select(Lead.vendor_id).where(Lead.intent_id == intent.id)
        return list(session.scalars(mine.order_by(Lead.turn)))


@contextmanager
def lead_of(store: Store, intent: Intent, vendor_id: int) -> Iterator[tuple[Session, Lead]]:
    with store.write() as session:
        yield session, session.get_one(Lead, (intent.id, vendor_id))


def deliver(store: Store, intent: Intent, now: datetime) -> None:
    with store.write() as session:
        session.execute(
            update(Notification).where(Notification.done_at.is_(None)).values(done_at=now, result="delivered")
        )
        session.execute(
            update(Lead)
            .where(Lead.intent_id == intent.id, Lead.withheld.is_(None), Lead.delivered_at.is_(None))
            .values(notified_at=now, delivered_at=now)
        )


def notified(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(Notification)) or 0


def test_so_many_are_told_and_the_rest_wait(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    market(store, ben, now, 5)
    intent = want(store, ana, now)
    step(store, now)
    assert len(told(store, intent)) == 2
    assert notified(store) == 2
    with store.read() as session:
        rest = session.scalars(select(Lead).where(Lead.withheld == Withheld.CAP)).all()
        assert len(rest) == 3
        assert {standing(lead) for lead in rest} == {Standing.WITHHELD}
        assert turns.waiting(session, intent) == 3
        # Never silent, and in no denominator.
        group = measure(live_table(session, now)).groups[0]
        assert (group.n, group.silent.withheld, group.reach.notified) == (0, 3, 0)


def test_the_first_in_line_are_proven_then_near_then_drawn_by_the_leads_code(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    near = market(store, ben, now, 3)
    far = market(store, ben, now, 2, ("vehicles", "gb"))
    with store.write() as session:
        session.get_one(Vendor, far[1]).verified_at = now
    intent = want(store, ana, now, most=1)
    step(store, now)
    with store.read() as session:
        codes = {vendor.id: f"{intent.code}-{vendor.code}" for vendor in session.scalars(select(Vendor))}
        numbers = {id_: hashlib.sha256(code.encode()).hexdigest()[:16] for id_, code in codes.items()}
        leads = session.scalars(select(Lead).where(Lead.turn.is_not(None))).all()
        places = {lead.vendor_id: turns.place_of(lead.turn or "") for lead in leads}
    assert {id_: place.number for id_, place in places.items()} == numbers
    assert {id_ for id_, place in places.items() if place.proven} == {far[1]}
    assert {place.within_km for id_, place in places.items() if id_ in near} == {2}
    assert {place.within_km for id_, place in places.items() if id_ in far} == {1_000}  # From Leeds to all of the UK.
    assert line(store, intent) == [far[1], *sorted(near, key=numbers.__getitem__), far[0]]
    assert told(store, intent) == {far[1]}


def test_who_listens_in_a_circle_is_as_near_as_its_centre(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        trees = taxonomy.trees(session)
        cars = trees.categories.resolve("cars-trucks-vans", field="category").id
        england = trees.regions.resolve("gb-eng", field="region").id
        shops = {}
        # Leeds is at 53.80, -1.55; Harrogate 21 km to the north, Manchester 58 km to the west.
        for name, lat, lon in (("Manchester", 53.48, -2.24), ("Leeds", 53.80, -1.55), ("Harrogate", 53.99, -1.54)):
            vendor = start_vendor(session, ben, now, name=name)
            order = Order(category_id=cars, region_id=england, reach=Reach(100, lat, lon))
            subscribe(session, vendor, order, now)
            if name == "Leeds":  # And to all of England: the nearest of its reasons counts.
                subscribe(session, vendor, Order(category_id=cars, region_id=england), now)
            add_mail_channel(session, vendor, now, f"{vendor.slug}@shop.example")
            shops[vendor.id] = name
    [everywhere] = market(store, ben, now, 1, ("vehicles", "world"))
    intent = want(store, ana, now, most=1)
    step(store, now)
    with store.read() as session:
        leads = session.scalars(select(Lead).order_by(Lead.turn)).all()
        places = [turns.place_of(lead.turn or "").within_km for lead in leads]
    assert [shops.get(lead.vendor_id) for lead in leads] == ["Leeds", "Harrogate", "Manchester", None]
    assert places == [2, 50, 100, None]
    assert leads[-1].vendor_id == everywhere
    assert told(store, intent) == {leads[0].vendor_id}


def test_each_want_draws_anew(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    vendors = market(store, ben, now, 6)
    first = [want(store, ana, now, most=1) for _ in range(12)]
    step(store, now)
    winners = [told(store, intent).pop() for intent in first]
    # All twelve the same: one in 6 ** 11.
    assert len(set(winners)) > 1
    assert set(winners) <= set(vendors)


def test_who_declines_gives_its_turn_to_the_next_and_to_nobody_twice(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    market(store, ben, now, 4)
    intent = want(store, ana, now)
    step(store, now)
    order = line(store, intent)
    with lead_of(store, intent, order[0]) as (session, lead):
        respond.respond(session, lead, NO, now + HOUR, via=Via.PAGE)
    step(store, now + HOUR)
    step(store, now + 2 * HOUR)
    assert told(store, intent) == set(order[:3])
    assert notified(store) == 3


def test_who_is_silent_for_as_long_as_the_customer_waits_gives_its_turn(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    market(store, ben, now, 4)
    intent = want(store, ana, now, patience_h=48)
    step(store, now)
    deliver(store, intent, now + HOUR)
    order = line(store, intent)
    with lead_of(store, intent, order[1]) as (session, lead):
        respond.respond(session, lead, Answer(kind=Kind.QUESTION, body="Which year?"), now + 2 * HOUR, via=Via.PAGE)
    step(store, now + 48 * HOUR)
    assert told(store, intent) == set(order[:2])
    step(store, now + 49 * HOUR)
    assert told(store, intent) == set(order[:3])


def test_without_patience_silence_takes_no_turn_away(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    market(store, ben, now, 3)
    intent = want(store, ana, now)
    step(store, now)
    deliver(store, intent, now)
    step(store, now + 500 * HOUR)
    assert len(told(store, intent)) == 2


def test_who_cannot_be_reached_or_is_turned_down_has_no_turn(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    market(store, ben, now, 4)
    intent = want(store, ana, now)
    step(store, now)
    order = line(store, intent)
    with lead_of(store, intent, order[0]) as (session, lead):
        lead.undelivered = Undelivered.BOUNCED
        mine = update(Notification).where(Notification.vendor_id == order[0])
        session.execute(mine.values(done_at=now, result="failed"))
    with lead_of(store, intent, order[1]) as (session, lead):
        respond.turn_down(session, lead, now + HOUR)
    step(store, now + HOUR)
    assert told(store, intent) == set(order)


def test_a_vendor_without_a_channel_keeps_its_place_until_it_has_one(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    vendor_ids = market(store, ben, now, 1)
    with store.write() as session:
        bare = start_vendor(session, ben, now, name="Bare", wish=CARS_IN_LEEDS)
        bare.verified_at = now
    intent = want(store, ana, now)
    step(store, now)
    assert told(store, intent) == set(vendor_ids)
    with store.write() as session:
        add_mail_channel(session, session.get_one(Vendor, bare.id), now, "bare@shop.example")
    step(store, now + HOUR)
    assert told(store, intent) == {*vendor_ids, bare.id}
    assert notified(store) == 2


def test_a_vendor_that_comes_later_waits_too_and_a_larger_cap_or_none_tells_more(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    market(store, ben, now, 1)
    intent = want(store, ana, now, most=1)
    step(store, now)
    market(store, ben, now, 3, ("anything", "world"))
    step(store, now)
    assert len(told(store, intent)) == 1
    for most, expected in ((2, 2), (None, 4)):
        with store.write() as session:
            loaded = session.get_one(Intent, intent.id)
            publish.amend(session, loaded, replace(publish.draft_of(loaded), tell_at_most=most), now + HOUR)
        step(store, now + HOUR)
        assert len(told(store, intent)) == expected
    assert notified(store) == 4


def test_a_want_that_is_paused_or_over_tells_nobody_more(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    market(store, ben, now, 3)
    intent = want(store, ana, now)
    step(store, now)
    order = line(store, intent)
    with store.write() as session:
        publish.pause(session, session.get_one(Intent, intent.id), now)
    with lead_of(store, intent, order[0]) as (session, lead):
        respond.respond(session, lead, NO, now, via=Via.PAGE)
    step(store, now)
    assert told(store, intent) == set(order[:2])
    with store.write() as session:
        publish.resume(session, session.get_one(Intent, intent.id), now + HOUR)
    step(store, now + HOUR)
    assert told(store, intent) == set(order)


def test_routing_again_any_number_of_times_opens_and_tells_nothing_more(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    market(store, ben, now, 4)
    intent = want(store, ana, now, patience_h=2)
    step(store, now)
    before = line(store, intent), told(store, intent), notified(store)
    for again in range(3):
        with store.write() as session:
            session.execute(update(Intent).values(routed_at=None))
            session.execute(update(Subscription).values(backfilled_at=None))
            session.execute(update(Channel).values(caught_up_at=None))
            session.execute(update(Lead).values(look_at=now))
        step(store, now + again * timedelta(minutes=1))
    assert (line(store, intent), told(store, intent), notified(store)) == before
