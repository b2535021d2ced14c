"""A vendor that was told of a want hears what becomes of it, whatever became of the channel that told it: once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from notifiers_world import Reply, Sink, Time, World, a_channel, a_world, owe
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from test_announce import cheaper

from intents import publish
from intents.models import Intent
from notifiers.announce import announce
from notifiers.deliver import deliver
from notifiers.inbound import Bounce
from notifiers.models import Channel, Mode, Notification, Result, Topic
from notifiers.post import Post
from notifiers.receive import bounced
from vendors import respond
from vendors.models import Kind, Lead, Via
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

NO_SUCH_USER = Bounce(True, "550 no such user")
MAILBOX_FULL = Bounce(False, "452 mailbox full")


@pytest.fixture
def world(store: Store, ana: Account, ben: Account, now: datetime) -> World:
    world = a_world(store, ana, ben, now)
    with store.write() as session:
        announce(session, now)
    return world


def told_by_mail(store: Store, world: World, clock: Time) -> Notification:
    """Its mailbox has taken word of the want."""
    owed = owe(store, clock(), a_channel(store, world.vendor, clock()), world.lead)
    done(store, owed, Result.DELIVERED, clock())
    return owed


def done(store: Store, word: Notification, result: Result, now: datetime) -> None:
    with store.write() as session:
        row = session.get_one(Notification, word.id)
        row.done_at, row.result = now, result
        if result is Result.DELIVERED and row.topic is Topic.LEAD_CREATED:
            lead = session.get_one(Lead, (row.intent_id, row.vendor_id))
            lead.notified_at = lead.delivered_at = now


def answers(store: Store, world: World, now: datetime) -> None:
    with store.write() as session:
        lead = session.get_one(Lead, (world.intent.id, world.vendor.id))
        respond.respond(session, lead, respond.Answer(kind=Kind.QUESTION, body="Red?"), now, via=Via.LINK)


def comes_back(store: Store, word: Notification, bounce: Bounce, now: datetime) -> None:
    with store.write() as session:
        bounced(session, session.get_one(Notification, word.id), bounce, now)


def hears(store: Store, clock: Time, sink: Sink, post: Post) -> list[tuple[str, str]]:
    """What of the want comes by which webhook, from now on and however often the steps are done."""
    sink.heard.clear()
    for _ in range(3):
        with store.write() as session:
            announce(session, clock())
        deliver(store, post, clock)
        clock.wait(minutes=10)
    words = [(heard.path, heard.json["type"]) for heard in sink.heard]
    return [word for word in words if word[1] != "channel.off"]


ENDS: dict[str, Callable[[Session, Intent, datetime], None]] = {
    "withdrawn": publish.withdraw,
    "fulfilled": publish.fulfil,
}


@pytest.mark.parametrize("what", ["amended", *ENDS])
@pytest.mark.parametrize("bounce", [NO_SUCH_USER, MAILBOX_FULL])
@pytest.mark.parametrize("result", [Result.CANCELLED, Result.FAILED])
def test_after_an_answer_it_hears_by_a_channel_that_had_not_told(
    store: Store, world: World, clock: Time, sink: Sink, post: Post, what: str, bounce: Bounce, result: Result
) -> None:
    """As one that stands in and was not needed, or one that was out of order when the want came."""
    mail = told_by_mail(store, world, clock)
    other = a_channel(store, world.vendor, clock(), url=f"{sink.url}/other")
    done(store, owe(store, clock(), other, world.lead), result, clock())
    answers(store, world, clock())
    comes_back(store, mail, bounce, clock())
    if not bounce.hard:
        with store.write() as session:
            session.execute(update(Channel).where(Channel.id == mail.channel_id).values(paused_at=clock()))
    clock.wait(minutes=5)
    if what == "amended":
        cheaper(store, world, clock(), 9_000)
    else:
        with store.write() as session:
            ENDS[what](session, session.get_one(Intent, world.intent.id), clock())
    topic = "lead.updated" if what == "amended" else "lead.withdrawn"
    assert hears(store, clock, sink, post) == [("/hook/other", topic)]


def test_a_word_that_itself_comes_back_goes_by_another_channel(
    store: Store, world: World, clock: Time, sink: Sink, post: Post
) -> None:
    told_by_mail(store, world, clock)
    with store.write() as session:
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
        announce(session, clock())
    with store.read() as session:
        (word,) = session.scalars(select(Notification).where(Notification.topic == Topic.LEAD_WITHDRAWN))
    done(store, word, Result.DELIVERED, clock())  # The server took it.
    a_channel(store, world.vendor, clock(), url=f"{sink.url}/other")
    clock.wait(minutes=2)
    comes_back(store, word, NO_SUCH_USER, clock())
    assert hears(store, clock, sink, post) == [("/hook/other", "lead.withdrawn")]


def test_a_word_that_is_refused_for_good_goes_by_another_channel(
    store: Store, world: World, clock: Time, sink: Sink, post: Post
) -> None:
    first = a_channel(store, world.vendor, clock(), url=f"{sink.url}/first")
    owe(store, clock(), first, world.lead)
    deliver(store, post, clock)
    a_channel(store, world.vendor, clock(), url=f"{sink.url}/other")
    sink.reply = lambda heard: Reply(410 if heard.path.endswith("/first") else 204)
    with store.write() as session:
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
    assert hears(store, clock, sink, post).count(("/hook/other", "lead.withdrawn")) == 1
    assert hears(store, clock, sink, post) == []


@pytest.mark.parametrize("mode", [Mode.INSTANT, Mode.DAILY])
def test_a_word_that_waits_when_its_channel_goes_off_goes_by_another(
    store: Store, world: World, clock: Time, sink: Sink, post: Post, mode: Mode
) -> None:
    mail = told_by_mail(store, world, clock)
    with store.write() as session:
        session.execute(update(Channel).where(Channel.id == mail.channel_id).values(mode=mode))
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
        announce(session, clock())
    if mode is Mode.DAILY:
        deliver(store, post, clock)  # It is in tomorrow's digest.
    a_channel(store, world.vendor, clock(), url=f"{sink.url}/other")
    with store.write() as session:
        session.execute(update(Channel).where(Channel.id == mail.channel_id).values(switched_off_at=clock()))
    clock.wait(days=1)
    assert hears(store, clock, sink, post) == [("/hook/other", "lead.withdrawn")]


def test_who_was_never_told_hears_nothing(store: Store, world: World, clock: Time, sink: Sink, post: Post) -> None:
    mail = told_by_mail(store, world, clock)
    other = a_channel(store, world.vendor, clock(), url=f"{sink.url}/other")
    done(store, owe(store, clock(), other, world.lead), Result.FAILED, clock())
    comes_back(store, mail, NO_SUCH_USER, clock())
    with store.write() as session:
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
    assert hears(store, clock, sink, post) == []


def test_while_one_channel_tells_no_other_does(store: Store, world: World, clock: Time, sink: Sink, post: Post) -> None:
    """Also when the other one's own first word was under way at the time, and then failed."""
    first = a_channel(store, world.vendor, clock(), url=f"{sink.url}/first")
    owe(store, clock(), first, world.lead)
    deliver(store, post, clock)
    other = owe(store, clock(), a_channel(store, world.vendor, clock(), url=f"{sink.url}/other"), world.lead)
    with store.write() as session:
        session.execute(
            update(Notification).where(Notification.id == other.id).values(due_at=clock() + timedelta(days=1))
        )
    clock.wait(minutes=5)
    cheaper(store, world, clock(), 9_000)
    with store.write() as session:
        announce(session, clock())
    done(store, other, Result.FAILED, clock())
    assert hears(store, clock, sink, post) == [("/hook/first", "lead.updated")]
