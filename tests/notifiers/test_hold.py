"""Digests, quiet hours and stand-ins, from what is owed to what a real server heard."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from notifiers_world import (
    Mailbox,
    Reply,
    Sink,
    Time,
    World,
    a_channel,
    a_post,
    a_world,
    look,
    mail_server,
    owe,
)
from rooms import publish_want
from sqlalchemy import select

from intents import publish
from intents.models import Intent
from notifiers import office
from notifiers.announce import announce
from notifiers.deliver import deliver
from notifiers.models import Channel, Mode, Notification, Result, Topic
from notifiers.post import Post
from notifiers.register import resume
from notifiers.timing import Office, Timing
from vendors import respond
from vendors.models import Lead, SeenBy, Undelivered
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store


@pytest.fixture
def world(store: Store, ana: Account, ben: Account, now: datetime) -> World:
    world = a_world(store, ana, ben, now)
    with store.write() as session:
        announce(session, now)
    return world


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    with mail_server() as (box, _):
        yield box


@pytest.fixture
def clock(now: datetime) -> Time:
    return Time(now)  # A Saturday, 12:00 UTC.


def timed(store: Store, channel: Channel, clock: Time, timing: Timing) -> Channel:
    with store.write() as session:
        office.set_timing(session, session.get_one(Channel, channel.id), timing, clock())
    return channel


def another_lead(store: Store, world: World, ana: Account, now: datetime, title: str) -> Lead:
    with store.write() as session:
        intent = publish_want(session, ana, now, title=title)
        lead = Lead(intent_id=intent.id, vendor_id=world.vendor.id, reasons=world.lead.reasons, routed_at=now)
        session.add(lead)
        announce(session, now)
    return look(store, Lead, intent.id, world.vendor.id)


def lead_of(store: Store, lead: Lead) -> Lead:
    return look(store, Lead, lead.intent_id, lead.vendor_id)


def digests(store: Store) -> list[Notification]:
    with store.read() as session:
        return list(session.scalars(select(Notification).where(Notification.topic == Topic.DIGEST)))


def test_a_daily_digest_is_one_message_about_all_and_all_are_delivered_by_it(
    store: Store, world: World, ana: Account, sink: Sink, post: Post, clock: Time
) -> None:
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, Timing(Mode.DAILY, hour=8))
    other = another_lead(store, world, ana, clock(), "A roof box")
    owed = [owe(store, clock(), channel, lead) for lead in (world.lead, other)]
    assert deliver(store, post, clock) == 0
    assert {look(store, Notification, one.id).result for one in owed} == {Result.BUNDLED}
    clock.now = datetime.fromisoformat("2026-11-22T07:59+00:00")
    assert deliver(store, post, clock) == 0
    clock.wait(minutes=1)
    assert deliver(store, post, clock) == 1

    (heard,) = sink.heard
    assert heard.json["type"] == "digest"
    assert [want["intent"]["title"] for want in heard.json["data"]["wants"]] == ["Toyota Yaris", "A roof box"]
    assert {want["type"] for want in heard.json["data"]["wants"]} == {"lead.created"}
    for one in owed:
        row = look(store, Notification, one.id)
        assert (row.result, row.done_at) == (Result.DELIVERED, clock())
    for lead in (world.lead, other):
        told = lead_of(store, lead)
        assert (told.notified_at, told.delivered_at, told.undelivered) == (clock(), clock(), None)
    clock.wait(days=2)
    assert deliver(store, post, clock) == 0


def test_a_change_goes_into_the_next_digest_on_the_thread_of_the_last_and_a_word_of_the_customer_goes_at_once(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, Timing(Mode.HOURLY))
    owe(store, clock(), channel, world.lead)
    assert deliver(store, post, clock) == 0
    with store.write() as session:
        respond.say(session, session.get_one(Lead, (world.lead.intent_id, world.lead.vendor_id)), "Hello?", clock())
        announce(session, clock())
    clock.wait(minutes=5)
    assert deliver(store, post, clock) == 0  # The vendor has not heard of the want yet.
    clock.wait(hours=1)
    assert deliver(store, post, clock) == 1
    clock.wait(minutes=1)
    assert deliver(store, post, clock) in (0, 1)
    clock.wait(hours=1)
    deliver(store, post, clock)
    assert [heard.json["type"] for heard in sink.heard] == ["digest", "message.created"]
    with store.write() as session:
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
        announce(session, clock())
    assert deliver(store, post, clock) == 0
    clock.wait(hours=1)
    assert deliver(store, post, clock) == 1
    assert [want["type"] for want in sink.heard[-1].json["data"]["wants"]] == ["lead.withdrawn"]


def test_a_want_that_is_over_before_the_digest_goes_is_left_out_and_nobody_is_called_silent(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, Timing(Mode.DAILY, hour=8))
    owe(store, clock(), channel, world.lead)
    deliver(store, post, clock)
    with store.write() as session:
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
        announce(session, clock())
    clock.wait(days=1)
    assert deliver(store, post, clock) == 0
    assert sink.heard == []
    assert lead_of(store, world.lead).undelivered is Undelivered.TOO_LATE
    assert {row.result for row in digests(store)} == {Result.CANCELLED}


def test_a_digest_that_fails_is_tried_again_and_then_all_in_it_have_failed(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, Timing(Mode.HOURLY))
    owed = owe(store, clock(), channel, world.lead)
    sink.reply = Reply(500)
    deliver(store, post, clock)
    clock.wait(hours=1)
    assert deliver(store, post, clock) == 1
    (digest,) = digests(store)
    lead = lead_of(store, world.lead)
    assert (lead.notified_at, lead.delivered_at, lead.undelivered) == (clock(), None, Undelivered.REFUSED)
    assert look(store, Notification, owed.id).result is Result.BUNDLED
    sink.reply = Reply(410)
    clock.now = look(store, Notification, digest.id).due_at
    assert deliver(store, post, clock) == 2  # And the letter that says so.
    assert look(store, Notification, owed.id).result is Result.FAILED
    assert lead_of(store, world.lead).undelivered is Undelivered.REFUSED
    assert {heard.headers["webhook-id"] for heard in sink.heard} == {f"msg_{digest.id}_{digest.code}"}


def test_a_channel_that_was_off_gets_what_its_digest_held_when_it_is_on_again(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, Timing(Mode.HOURLY))
    owe(store, clock(), channel, world.lead)
    deliver(store, post, clock)
    with store.write() as session:
        session.get_one(Channel, channel.id).paused_at = clock()
    clock.wait(hours=1)
    assert deliver(store, post, clock) == 0
    assert lead_of(store, world.lead).undelivered is Undelivered.SWITCHED_OFF
    with store.write() as session:
        resume(session, session.get_one(Channel, channel.id), clock())
    deliver(store, post, clock)
    clock.wait(hours=1)
    assert deliver(store, post, clock) == 1
    assert lead_of(store, world.lead).delivered_at == clock()


def test_a_digest_by_mail_names_each_want_once_with_its_own_button(
    store: Store, world: World, ana: Account, tmp_path: Path, clock: Time
) -> None:
    with mail_server() as (box, route):
        post = a_post(tmp_path, mail=route)
        channel = timed(store, a_channel(store, world.vendor, clock()), clock, Timing(Mode.WEEKLY, hour=9, day=0))
        for lead in (world.lead, another_lead(store, world, ana, clock(), "A roof box")):
            owe(store, clock(), channel, lead)
        deliver(store, post, clock)
        clock.now = datetime.fromisoformat("2026-11-23T09:00+00:00")
        assert deliver(store, post, clock) == 1
    (mail,) = box.mails
    assert mail["Subject"] == "Wants for Leeds Toyota: 2 new"
    plain, html = (part.get_content() for part in mail.iter_parts())
    assert plain.count("New: “Toyota Yaris”") == html.count("New: “Toyota Yaris”") == 1
    assert plain.count("Read it and answer: https://wants.example/r/") == 2
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_quiet_hours_put_off_and_lose_nothing(store: Store, world: World, sink: Sink, post: Post, clock: Time) -> None:
    quiet = Timing(quiet=(11 * 60, 13 * 60))
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, quiet)
    owed = owe(store, clock(), channel, world.lead)
    assert deliver(store, post, clock) == 0
    row = look(store, Notification, owed.id)
    assert (row.due_at, row.tries) == (clock() + timedelta(hours=1), 0)
    clock.wait(hours=1)
    assert deliver(store, post, clock) == 1


def test_outside_of_open_hours_it_waits_until_somebody_is_there_unless_the_hours_change(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    workdays = Office("UTC", (*[((9 * 60, 17 * 60),)] * 5, (), ()), "GB-ENG")
    with store.write() as session:
        office.set_office(session, world.vendor, workdays, clock())
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, Timing(office_only=True))
    owed = owe(store, clock(), channel, world.lead)
    assert deliver(store, post, clock) == 0
    assert look(store, Notification, owed.id).due_at == datetime.fromisoformat("2026-11-23T09:00+00:00")
    timed(store, channel, clock, Timing())
    assert deliver(store, post, clock) == 1


# --- Stand-ins ------------------------------------------------------------------------------------

HALF = Timing(backup_after=timedelta(minutes=30))


def two_channels(store: Store, world: World, sink: Sink, clock: Time) -> tuple[Channel, Channel]:
    first = a_channel(store, world.vendor, clock(), url=f"{sink.url}/first")
    second = timed(store, a_channel(store, world.vendor, clock(), url=f"{sink.url}/second"), clock, HALF)
    for channel in (first, second):
        owe(store, clock(), channel, world.lead)
    return first, second


def test_the_second_channel_steps_in_when_nobody_has_looked(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    two_channels(store, world, sink, clock)
    assert deliver(store, post, clock) == 1
    clock.wait(minutes=29)
    assert deliver(store, post, clock) == 0
    clock.wait(minutes=1)
    assert deliver(store, post, clock) == 1
    assert [heard.path for heard in sink.heard] == ["/hook/first", "/hook/second"]


def test_it_stays_silent_when_somebody_has(store: Store, world: World, sink: Sink, post: Post, clock: Time) -> None:
    _, second = two_channels(store, world, sink, clock)
    deliver(store, post, clock)
    with store.write() as session:
        lead = session.get_one(Lead, (world.lead.intent_id, world.lead.vendor_id))
        respond.see(session, lead, clock(), by=SeenBy.PAGE)
    clock.wait(minutes=31)
    assert deliver(store, post, clock) == 0
    with store.read() as session:
        row = session.scalars(select(Notification).where(Notification.channel_id == second.id)).one()
    assert row.result is Result.CANCELLED
    assert lead_of(store, world.lead).undelivered is None


def test_it_steps_in_at_once_when_the_first_is_gone(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    first, _ = two_channels(store, world, sink, clock)
    sink.reply = lambda heard: Reply(410 if heard.path.endswith("first") else 200)
    while deliver(store, post, clock):
        pass
    assert [heard.path for heard in sink.heard if heard.json["type"] == "lead.created"] == [
        "/hook/first",
        "/hook/second",
    ]
    assert lead_of(store, world.lead).delivered_at == clock()
    # And the other channel is told that the first is off.
    (off,) = [heard.json for heard in sink.heard if heard.json["type"] == "channel.off"]
    assert off["data"]["channel"]["id"] == first.code


def test_who_only_has_a_stand_in_is_told_by_it_at_once(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = timed(store, a_channel(store, world.vendor, clock(), url=sink.url), clock, HALF)
    owe(store, clock(), channel, world.lead)
    assert deliver(store, post, clock) == 1
