"""The live store as the table that measuring reads: each lead once, seconds since delivery, nothing made up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy.orm import Session

from intents import publish
from notifiers.models import ChannelKind
from vendors import respond
from vendors.models import Actor, Kind, Lead, SeenBy, Undelivered, Via, Withheld
from vendors.respond import Answer
from vrm import route
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.research.live import live_table
from vrm.research.table import COLUMNS, MISSING, SECONDS, LeadTable, waits

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
CARS_IN_LEEDS = ("cars-trucks-vans", "gb-lds")


def a_lead(session: Session, ana: Account, ben: Account, now: datetime) -> Lead:
    vendor = start_vendor(session, ben, now, wish=CARS_IN_LEEDS)
    intent = publish_want(session, ana, now)
    route.route(session, intent, now)
    lead = session.get_one(Lead, (intent.id, vendor.id))
    lead.undelivered = None
    session.flush()
    return lead


def row(table: LeadTable, at: int = 0) -> Mapping[str, Any]:
    words = {name: table.words[name][at] for name in table.words}
    seconds = {name: int(table.seconds[name][at]) for name in SECONDS}
    return words | {name: None if value == MISSING else value for name, value in seconds.items()}


def test_an_empty_store_is_an_empty_table(store: Store, now: datetime) -> None:
    with store.read() as session:
        table = live_table(session, now)
    assert len(table.row_numbers) == 0


def test_an_answered_lead_is_one_row_in_seconds_since_its_delivery(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=CARS_IN_LEEDS)
        for number in range(2):
            add_mail_channel(session, vendor, now, f"{number}@shop.example")
        intent = publish_want(session, ana, now)
        route.route(session, intent, now)
        lead = session.get_one(Lead, (intent.id, vendor.id))
        lead.notified_at = lead.delivered_at = now + 5 * SECOND
        respond.see(session, lead, now + 65 * SECOND, by=SeenBy.PAGE)
        respond.respond(session, lead, Answer(kind=Kind.OFFER, body="x"), now + 4 * MINUTE, via=Via.LINK)
        respond.respond(session, lead, Answer(kind=Kind.REPLY, body="y"), now + 5 * MINUTE, via=Via.LINK)
        publish.fulfil(session, intent, now + 10 * MINUTE, vendor_id=vendor.id)
        table = live_table(session, now + 60 * MINUTE)
    assert set(COLUMNS) >= set(table.words)
    found = row(table)
    assert len(table.row_numbers) == 1
    assert (found["vendor_id"], found["iso_week"], found["region"]) == ("leeds-toyota", "2026-W47", "United Kingdom")
    assert (found["channel"], found["delivery_status"]) == (ChannelKind.EMAIL.value, "delivered")
    assert (found["delivered_after_s"], found["seen_after_s"], found["seen_basis"]) == (5, 60, "page")
    assert (found["response_after_s"], found["response_kind"], found["response_actor"]) == (235, "offer", "human")
    assert (found["closed_after_s"], found["intent_outcome"], found["observed_s"]) == (595, "fulfilled", 3_595)


def test_a_humans_first_word_counts_even_when_a_machine_was_faster(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead = a_lead(session, ana, ben, now)
        lead.delivered_at = now
        reply, question = Answer(kind=Kind.REPLY, body="Out."), Answer(kind=Kind.QUESTION, body="Red?")
        respond.respond(session, lead, reply, now + SECOND, via=Via.LINK, actor=Actor.AUTO)
        machine = row(live_table(session, now + MINUTE))
        respond.respond(session, lead, question, now + 9 * SECOND, via=Via.LINK)
        human = row(live_table(session, now + MINUTE))
    assert (machine["response_after_s"], machine["response_actor"]) == (1, "auto")
    assert (human["response_after_s"], human["response_actor"], human["response_kind"]) == (9, "human", "question")


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        ({}, "pending"),
        ({"notified_at": True}, "unknown"),
        ({"notified_at": True, "delivered_at": True}, "delivered"),
        ({"withheld": Withheld.BLOCKED}, "withheld"),
        ({"undelivered": Undelivered.NO_CHANNEL}, "no_channel"),
        ({"notified_at": True, "undelivered": Undelivered.BOUNCED}, "bounced"),
        ({"notified_at": True, "undelivered": Undelivered.REFUSED}, "refused"),
        ({"notified_at": True, "undelivered": Undelivered.UNREACHABLE}, "undelivered"),
        ({"undelivered": Undelivered.SWITCHED_OFF}, "switched_off"),
    ],
)
def test_only_what_was_proven_is_called_delivered(
    store: Store, ana: Account, ben: Account, now: datetime, evidence: dict[str, Any], status: str
) -> None:
    with store.write() as session:
        lead = a_lead(session, ana, ben, now)
        for name, value in evidence.items():
            setattr(lead, name, now if value is True else value)
        table = live_table(session, now + MINUTE)
        found = row(table)
    assert found["delivery_status"] == status
    assert (found["delivered_after_s"] is None) is (status != "delivered")
    assert bool(waits(table).counts[0]) is (status == "delivered")


def test_clocks_that_ran_backwards_are_left_out_and_counted_not_smoothed_over(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead = a_lead(session, ana, ben, now)
        respond.respond(session, lead, Answer(kind=Kind.QUESTION, body="Red?"), now + SECOND, via=Via.LINK)
        lead.delivered_at = now + MINUTE
        table = live_table(session, now + 2 * MINUTE)
    assert row(table)["response_after_s"] == -59
    assert waits(table).left_out[0] == "negative_clock"


def test_within_the_second_of_delivery_is_at_once(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        lead = a_lead(session, ana, ben, now)
        respond.respond(session, lead, Answer(kind=Kind.QUESTION, body="Red?"), now + SECOND, via=Via.LINK)
        lead.delivered_at = now + SECOND + timedelta(milliseconds=400)
        assert row(live_table(session, now + MINUTE))["response_after_s"] == 0


@pytest.mark.parametrize(
    ("region", "shown"), [("gb-lds", "United Kingdom"), ("gb", "United Kingdom"), ("world", "World")]
)
def test_leads_are_grouped_by_top_category_and_country(
    store: Store, ana: Account, ben: Account, now: datetime, region: str, shown: str
) -> None:
    with store.write() as session:
        trees = taxonomy.trees(session)
        category, place = trees.categories.root, trees.regions.root
        vendor = start_vendor(session, ben, now, wish=(category.slug, place.slug))
        slug = place.slug if region == "world" else region
        intent = publish_want(session, ana, now, category=category.slug, region=slug)
        route.route(session, intent, now)
        assert session.get(Lead, (intent.id, vendor.id)) is not None
        found = row(live_table(session, now))
        assert found["category"] == category.label
        assert found["region"] == (place.label if region == "world" else shown)


def test_every_lead_is_there_once(store: Store, ana: Account, ben: Account, carol: Account, now: datetime) -> None:
    with store.write() as session:
        for owner, name in ((ben, "One"), (carol, "Two")):
            vendor = start_vendor(session, owner, now, name=name, wish=CARS_IN_LEEDS)
            add_mail_channel(session, vendor, now, f"{name}@shop.example")
        for _ in range(2):
            route.route(session, publish_want(session, ana, now), now)
        table = live_table(session, now)
    assert len({row(table, at)["lead_id"] for at in range(4)}) == len(table.row_numbers) == 4
