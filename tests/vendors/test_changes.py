"""Following what happened: nothing is missed and nothing comes twice, whoever writes at the same time."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from rooms import publish_want, start_vendor
from sqlalchemy import select, text
from sqlalchemy.event import listens_for

from intents import events, holds, publish
from intents.draft import Visibility
from intents.events import Event, EventKind
from vendors import changes, respond, subscribe
from vendors.changes import LOOKED_AT, Place
from vendors.models import Kind, Lead, Vendor, Via
from vendors.respond import Answer
from vendors.subscribe import Order
from vrm import route
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import NotKept


class Moments:
    """A clock of which every look is later: as between transactions of real life."""

    def __init__(self, start: datetime) -> None:
        self._start, self._steps, self._lock = start, count(1), threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            return self._start + timedelta(milliseconds=next(self._steps))


def follow(store: Store, vendor: Vendor, after: Place | None, *, limit: int = 7) -> tuple[list[tuple[str, int]], Place]:
    """Everything up to now: (kind, intent id) in order, and where to go on."""
    found: list[tuple[str, int]] = []
    more = True
    while more:
        with store.write() as session:
            events.number(session)
        with store.read() as session:
            part = changes.of_vendor(session, vendor, after, limit=limit)
        found += [(change.kind.value, change.lead.intent_id) for change in part.changes]
        after, more = part.place, part.more
    return found, after


def everything(store: Store, moments: Moments) -> None:
    more = True
    while more:
        with store.write() as session:
            more = bool(route.route_owed(session, moments()) or route.backfill_owed(session, moments()))


def test_a_lead_from_its_routing_to_its_end(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    moments = Moments(now)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("vehicles-parts", "gb"))
        intent = publish_want(session, ana, moments())
    everything(store, moments)
    found, place = follow(store, vendor, Place())
    assert found == [("routed", intent.id)]
    with store.write() as session:
        lead = session.get_one(Lead, (intent.id, vendor.id))
        respond.respond(session, lead, Answer(kind=Kind.QUESTION, body="Which?"), moments(), via=Via.PAGE)
        respond.say(session, lead, "Any.", moments())
        respond.reveal(session, lead, moments())
        respond.reveal(session, lead, moments())  # Once.
        publish.pause(session, lead.intent, moments())
        publish.withdraw(session, lead.intent, moments())
    found, place = follow(store, vendor, place, limit=2)
    kinds = ["response", "message", "revealed", "paused", "closed"]
    assert found == [(kind, intent.id) for kind in kinds]
    assert follow(store, vendor, place) == ([], place)


def test_what_a_late_subscription_finds_comes_in_parts(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    moments = Moments(now)
    with store.write() as session:
        wanted = [publish_want(session, ana, moments(), title=f"Car {number}").id for number in range(9)]
        vendor = start_vendor(session, ben, now, wish=None)
    everything(store, moments)
    with store.write() as session:
        trees = taxonomy.trees(session)
        category, region = trees.categories.by_slug("vehicles-parts"), trees.regions.by_slug("gb")
        assert category is not None
        assert region is not None
        order = Order(category_id=category.id, region_id=region.id)
        subscribe.subscribe(session, session.merge(vendor, load=False), order, moments())
    everything(store, moments)
    for limit in (1, 4, 9, 50):
        found, _ = follow(store, vendor, Place(), limit=limit)
        assert found == [("routed", id_) for id_ in wanted]


def test_others_and_withheld_leads_are_not_there(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    moments = Moments(now)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("vehicles-parts", "gb"))
        hers = start_vendor(session, carol, now, wish=("vehicles-parts", "fr"))
        publish_want(session, ana, moments())
    everything(store, moments)
    with store.write() as session:
        respond.block(session, session.merge(ana, load=False), session.merge(vendor, load=False), moments())
    assert follow(store, hers, Place())[0] == []
    assert follow(store, vendor, Place())[0] == []  # It was never delivered, and is withheld now.


def test_many_events_of_others_are_passed_over_in_steps(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    moments = Moments(now)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("vehicles-parts", "gb"))
        hers = start_vendor(session, carol, now, wish=("food-items", "fr"))
        session.execute(
            Event.__table__.insert(),
            [{"kind": EventKind.ROUTED, "at": now, "vendor_id": hers.id} for _ in range(LOOKED_AT + 10)],
        )
        intent = publish_want(session, ana, moments())
    everything(store, moments)
    with store.write() as session:
        events.number(session)
    with store.read() as session:
        first = changes.of_vendor(session, vendor, Place())
        assert (first.changes, first.place, first.more) == ([], Place(LOOKED_AT), True)
        (change,) = changes.of_vendor(session, vendor, first.place).changes
    assert change.lead.intent_id == intent.id


def test_a_transaction_that_commits_late_is_not_missed(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    if store.dialect == "sqlite":
        pytest.skip("One writer at a time: nothing commits in another order there.")
    moments = Moments(now)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("vehicles-parts", "gb"))
        intents = [publish_want(session, ana, moments(), title=f"Car {number}") for number in range(2)]
    everything(store, moments)
    found, place = follow(store, vendor, Place())
    slow, quick = (store.session(writes=True) for _ in range(2))
    with slow, quick:
        for session, intent in ((slow, intents[0]), (quick, intents[1])):
            respond.say(session, session.get_one(Lead, (intent.id, vendor.id)), "Hello?", moments())
        ids = [session.scalar(text("SELECT max(id) FROM events")) for session in (slow, quick)]
        assert ids[0] < ids[1]
        quick.commit()
        found, place = follow(store, vendor, place)
        assert found == [("message", intents[1].id)]
        slow.commit()
    assert follow(store, vendor, place)[0] == [("message", intents[0].id)]


def test_followers_among_many_writers_miss_nothing_and_see_nothing_twice(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    """Real connections in threads: customers publish, change and end wants, a vendor answers, two routers route, and
    two programs follow all the while, one of which is rude and gives places as often as it can."""
    moments = Moments(now)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("vehicles-parts", "gb"))
    done = threading.Event()

    def customer(number: int) -> None:
        for turn in range(4):
            with store.write() as session:
                intent = publish_want(session, ana, moments(), title=f"Car {number} {turn}")
            with store.write() as session:
                route.route_owed(session, moments())
            with store.write() as session:
                lead = session.get(Lead, (intent.id, vendor.id))
                if lead is not None:
                    respond.say(session, lead, f"Hello {number} {turn}", moments())
                publish.pause(session, publish.by_code(session, intent.code), moments())
            with store.write() as session:
                publish.withdraw(session, publish.by_code(session, intent.code), moments())

    def follower() -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        place, last_look = Place(), False
        while not last_look:
            last_look = done.is_set()
            fresh, place = follow(store, vendor, place, limit=5)
            found += fresh
        return found

    with ThreadPoolExecutor(6) as threads:
        followers = [threads.submit(follower) for _ in range(2)]
        for one in [threads.submit(customer, number) for number in range(4)]:
            one.result()
        everything(store, moments)
        done.set()
        seen = [one.result() for one in followers]
    with store.read() as session:
        leads = session.scalars(select(Lead).where(Lead.vendor_id == vendor.id)).all()
        messages = [row.intent_id for row in session.scalars(select(Event).where(Event.kind == EventKind.MESSAGE))]
        places = session.scalars(select(Event.seq).order_by(Event.seq)).all()
    assert len(leads) > 0
    assert list(places) == list(range(1, len(places) + 1))
    for found in seen:
        assert max(Counter(found).values()) == 1
        assert sorted(id_ for kind, id_ in found if kind == "routed") == sorted(lead.intent_id for lead in leads)
        assert sorted(id_ for kind, id_ in found if kind == "message") == sorted(messages)
        # A follower may have passed a want's pause before its lead was opened; its end is later than any lead.
        assert {id_ for kind, id_ in found if kind == "closed"} == {lead.intent_id for lead in leads}


def test_holding_what_was_not_public_names_it_to_nobody(store: Store, ana: Account, now: datetime) -> None:
    """The code of an unlisted want is what lets people see it: it must not come to those who follow public ones."""
    moments = Moments(now)
    with store.write() as session:
        wants = [publish_want(session, ana, moments(), title=title) for title in ("Open", "Secret")]
        secret = publish.draft_of(wants[1])
        publish.amend(session, wants[1], replace(secret, visibility=Visibility.UNLISTED), moments())
    everything(store, moments)
    with store.write() as session:
        events.number(session)
        place = Place(events.clock(session).last)
        for want in wants:
            holds.hold(session, session.merge(want), moments(), by=holds.HeldBy.OPERATOR, why="A report.")
        events.number(session)
    with store.read() as session:
        found = changes.of_public(session, place).changes
        assert {change.intent.id for change in found} == {wants[0].id}


def forget(store: Store, now: datetime, keep: timedelta) -> list[int]:
    """How many in each step, until there are none."""
    done = [1]
    while done[-1]:
        with store.write() as session:
            done.append(events.forget(session, now, keep=keep))
    return done[1:]


def test_what_is_forgotten_is_never_passed_over_in_silence(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    keep, moments = timedelta(days=30), Moments(now)
    with store.write() as session:
        vendor = start_vendor(session, ben, moments(), wish=("anything", "world"))
        old = publish_want(session, ana, moments(), title="Old")
    everything(store, moments)
    with store.write() as session:
        for _ in range(700):  # More than one step takes at once.
            events.note(session, EventKind.MESSAGE, moments(), intent_id=old.id, vendor_id=vendor.id)
    found, middle = follow(store, vendor, None, limit=600)
    assert len(found) == 701
    with store.read() as session:
        first = changes.of_vendor(session, vendor, None, limit=1).place
    late = Moments(now + 2 * keep)
    with store.write() as session:
        young = publish_want(session, session.merge(ana, load=False), late(), title="Young")
    everything(store, late)
    assert forget(store, now + keep, keep) == [0]  # To the second, not before.
    assert follow(store, vendor, middle)[0] == [("routed", young.id)]
    steps = forget(store, now + 3 * keep, keep)
    assert max(steps) == 500
    assert sum(steps) > 700
    with store.read() as session:
        assert {event.intent_id for event in session.scalars(select(Event))} == {young.id}
        for gone in (Place(), first, Place(first.seq, old.id), Place(10**9)):
            for follower in (
                lambda gone: changes.of_vendor(session, vendor, gone),
                lambda gone: changes.of_public(session, gone),
            ):
                with pytest.raises(NotKept):
                    follower(gone)
        # The leads and their moments are where they were.
        assert session.get_one(Lead, (old.id, vendor.id)).routed_at is not None
    assert follow(store, vendor, middle)[0] == [("routed", young.id)]  # Who has read all of what is gone goes on.
    assert follow(store, vendor, None)[0] == [("routed", young.id)]


def test_what_has_no_place_yet_gets_one_before_it_is_forgotten(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    """Where nobody follows, nothing is numbered; whoever begins then is told from the first that is kept."""
    with store.write() as session:
        publish_want(session, ana, now)
    keep = timedelta(days=30)
    assert forget(store, now + keep + timedelta(seconds=1), keep) == [1, 0]
    with store.read() as session:
        clock = events.clock(session)
        assert (clock.last, clock.forgotten) == (1, 1)
        assert changes.of_public(session, None).place == Place(1)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_follower_whose_events_go_while_it_reads_is_told(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    """On PostgreSQL each statement sees what was committed before it; SQLite keeps one moment for the whole look."""
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        publish_want(session, ana, now)
        events.number(session)
    keep = timedelta(days=30)

    read: list[str] = []

    @listens_for(store.engine, "before_cursor_execute")
    def meanwhile(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        read.append(statement)
        if len(read) == 2:
            assert sum(forget(store, now + keep + timedelta(seconds=1), keep)) == 1

    with store.read() as session, pytest.raises(NotKept):
        changes.of_vendor(session, vendor, Place())
