"""Changes, messages and reveals reach the channels that told of the lead, once; letters reach people, once."""

from datetime import datetime, timedelta

import pytest
from notifiers_world import Sink, Time, World, a_channel, a_world, look, owe
from sqlalchemy import select, update

from intents import publish
from intents.draft import Budget
from intents.models import Blog, Decision, Entry, Intent
from notifiers.announce import announce
from notifiers.deliver import deliver
from notifiers.letters import owe_channel_off, owe_letters
from notifiers.models import Channel, Notification, Result, Topic
from notifiers.post import Post
from vendors import respond, team
from vendors.models import Actor, Kind, Lead, Response, Role, Via
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, new_code


@pytest.fixture
def world(store: Store, ana: Account, ben: Account, now: datetime) -> World:
    world = a_world(store, ana, ben, now)
    with store.write() as session:
        announce(session, now)  # The opening: nobody was told before it.
    return world


def told(store: Store, world: World, clock: Time, sink: Sink, post: Post, count: int = 1) -> list[Channel]:
    """Channels that have told of the lead."""
    channels = [a_channel(store, world.vendor, clock(), url=f"{sink.url}/{n}") for n in range(count)]
    for channel in channels:
        owe(store, clock(), channel, world.lead)
    assert deliver(store, post, clock) == count
    sink.heard.clear()
    return channels


def intent_in(store: Store, world: World) -> Intent:
    return look(store, Intent, world.intent.id)


def run(store: Store, clock: Time) -> int:
    with store.write() as session:
        return announce(session, clock())


def owed(store: Store, topic: Topic) -> list[Notification]:
    with store.read() as session:
        return list(
            session.scalars(select(Notification).where(Notification.topic == topic).order_by(Notification.channel_id))
        )


def cheaper(store: Store, world: World, now: datetime, pounds: int) -> None:
    with store.write() as session:
        intent = publish.by_code(session, world.intent.code)
        draft = publish.draft_of(intent)
        fields = {name: getattr(draft, name) for name in draft.__slots__} | {
            "budget": Budget(None, pounds * 100, "GBP")
        }
        assert publish.amend(session, intent, type(draft)(**fields), now)
        intent.routed_at = now  # As the router does, before a change is told.


def test_an_opening_is_not_announced(
    store: Store, ana: Account, ben: Account, clock: Time, sink: Sink, post: Post
) -> None:
    world = a_world(store, ana, ben, clock())
    told(store, world, clock, sink, post)
    run(store, clock)
    assert owed(store, Topic.LEAD_UPDATED) == []


def test_every_change_reaches_every_channel_that_told_once(
    store: Store, world: World, clock: Time, sink: Sink, post: Post
) -> None:
    channels = told(store, world, clock, sink, post, count=3)
    never_told = a_channel(store, world.vendor, clock(), url=f"{sink.url}/late")
    clock.wait(minutes=5)
    cheaper(store, world, clock(), 10_000)
    assert run(store, clock) == 1
    assert run(store, clock) == 0
    rows = owed(store, Topic.LEAD_UPDATED)
    assert [row.channel_id for row in rows] == [channel.id for channel in channels]
    assert never_told.id not in [row.channel_id for row in rows]
    assert {row.occasion for row in rows} == {2}
    assert len({row.code for row in rows}) == 3
    assert all(row.owed_at == row.due_at == clock() and row.params == {} for row in rows)
    assert deliver(store, post, clock) == 3
    assert {heard.json["data"]["intent"]["budget"]["max"] for heard in sink.heard} == {"10000.00"}


def test_pausing_resuming_and_closing_are_told(store: Store, world: World, clock: Time, sink: Sink, post: Post) -> None:
    told(store, world, clock, sink, post)
    for verb in (publish.pause, publish.resume, publish.withdraw):
        clock.wait(minutes=1)
        with store.write() as session:
            verb(session, publish.by_code(session, world.intent.code), clock())
    assert run(store, clock) == 3
    assert deliver(store, post, clock) == 3
    kinds = sorted(heard.json["type"] for heard in sink.heard)
    assert kinds == ["lead.updated", "lead.updated", "lead.withdrawn"]
    assert sorted(heard.json["data"]["sequence"] for heard in sink.heard) == [2, 3, 4]


def test_nothing_goes_to_a_channel_that_never_told_or_does_not_work(
    store: Store, world: World, clock: Time, sink: Sink, post: Post
) -> None:
    teller, failed, stopped = told(store, world, clock, sink, post, count=3)
    with store.write() as session:
        session.execute(update(Notification).where(Notification.channel_id == failed.id).values(result=Result.FAILED))
        session.execute(update(Channel).where(Channel.id == stopped.id).values(paused_at=clock()))
    cheaper(store, world, clock(), 9_000)
    assert run(store, clock) == 1
    assert [row.channel_id for row in owed(store, Topic.LEAD_UPDATED)] == [teller.id]


def test_a_message_reaches_its_vendor_and_no_other(
    store: Store, world: World, carol: Account, clock: Time, sink: Sink, post: Post
) -> None:
    told(store, world, clock, sink, post)
    with store.write() as session:
        rival = team.found(session, session.merge(carol), clock(), name="Rival")
        session.flush()
        lead = Lead(intent_id=world.intent.id, vendor_id=rival.id, reasons=[], routed_at=clock())
        session.add(lead)
    owe(store, clock(), a_channel(store, rival, clock(), url=f"{sink.url}/rival"), lead)
    deliver(store, post, clock)
    sink.heard.clear()
    with store.write() as session:
        respond.say(session, session.get_one(Lead, (world.intent.id, world.vendor.id)), "Is it red?", clock())
    assert run(store, clock) == 1
    assert run(store, clock) == 0
    assert deliver(store, post, clock) == 1
    (heard,) = sink.heard
    assert heard.path == "/hook/0"
    assert heard.json["type"] == "message.created"
    assert heard.json["data"]["message"]["body"] == "Is it red?"


def test_a_reveal_is_told_once_to_its_vendor(store: Store, world: World, clock: Time, sink: Sink, post: Post) -> None:
    told(store, world, clock, sink, post)
    with store.write() as session:
        respond.reveal(session, session.get_one(Lead, (world.intent.id, world.vendor.id)), clock())
    assert run(store, clock) == 1
    assert run(store, clock) == 0
    assert deliver(store, post, clock) == 1
    assert sink.heard[0].json["data"]["customer"]["email"] == "ana@example.org"


# --- Letters --------------------------------------------------------------------------------------


def write_letters(store: Store, clock: Time) -> int:
    with store.write() as session:
        return owe_letters(session, clock())


def test_an_answer_is_told_to_the_customer_once_and_an_answering_machines_never(
    store: Store, world: World, ana: Account, clock: Time
) -> None:
    with store.write() as session:
        lead = session.get_one(Lead, (world.intent.id, world.vendor.id))
        respond.respond(session, lead, respond.Answer(kind=Kind.QUESTION, body="Red?"), clock(), via=Via.LINK)
        machine = respond.Answer(kind=Kind.REPLY, body="We are on holiday.")
        respond.respond(session, lead, machine, clock(), via=Via.LINK, actor=Actor.AUTO)
    assert write_letters(store, clock) == 2
    assert write_letters(store, clock) == 0
    (letter,) = owed(store, Topic.ANSWERED)
    assert (letter.account_id, letter.intent_id) == (ana.id, world.intent.id)
    with store.read() as session:
        assert {response.told_at for response in session.scalars(select(Response))} == {clock()}


def an_entry(store: Store, world: World, ana: Account, now: datetime, *, vanished: bool = False) -> Entry:
    blog = Blog(
        code=new_code(),
        account_id=ana.id,
        url="https://ana.example/",
        feed_url="https://ana.example/feed",
        proof_token="t",
        created_at=now,
        next_fetch_at=now,
    )
    entry = Entry(
        blog=blog,
        key="k",
        digest="d",
        published_at=now,
        first_seen_at=now,
        decision=Decision.ASKED,
        intent_id=world.intent.id,
        ask_at=now,
        vanished_at=now if vanished else None,
    )
    with store.write() as session:
        session.add(entry)
    return entry


@pytest.mark.parametrize("vanished", [False, True])
def test_a_blogs_author_is_asked_once(store: Store, world: World, ana: Account, clock: Time, vanished: bool) -> None:
    entry = an_entry(store, world, ana, clock(), vanished=vanished)
    assert write_letters(store, clock) == 1
    assert write_letters(store, clock) == 0
    (letter,) = owed(store, Topic.ASK_VANISHED if vanished else Topic.ASK_ENTRY)
    assert (letter.account_id, letter.occasion) == (ana.id, entry.id)
    assert look(store, Entry, entry.id).ask_at is None


def test_nobody_is_asked_about_what_is_over_or_not_yet_due(
    store: Store, world: World, ana: Account, clock: Time
) -> None:
    entry = an_entry(store, world, ana, clock() + timedelta(hours=1))
    assert write_letters(store, clock) == 0
    with store.write() as session:
        publish.withdraw(session, publish.by_code(session, world.intent.code), clock())
    clock.wait(hours=2)
    assert write_letters(store, clock) == 1
    assert owed(store, Topic.ASK_ENTRY) == []
    assert look(store, Entry, entry.id).ask_at is None


def test_those_who_look_after_channels_hear_of_one_that_was_switched_off(
    store: Store, world: World, ana: Account, carol: Account, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock())
    with store.write() as session:
        vendor = session.merge(world.vendor)
        team.add(session, vendor, session.merge(carol), Role.ADMIN, clock())
        team.add(session, vendor, session.merge(ana), Role.MEMBER, clock())
        owe_channel_off(session, session.merge(channel), clock())
    letters = owed(store, Topic.OFF_LETTER)
    assert len(letters) == 2
    assert ana.id not in [letter.account_id for letter in letters]


def test_a_vendor_whose_channel_was_switched_off_hears_of_the_end_by_another(
    store: Store, world: World, clock: Time, sink: Sink, post: Post
) -> None:
    (first,) = told(store, world, clock, sink, post)
    a_channel(store, world.vendor, clock(), url=f"{sink.url}/other")
    with store.write() as session:
        session.get_one(Channel, first.id).switched_off_at = clock()
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
    for _ in range(2):
        run(store, clock)
    assert deliver(store, post, clock) == 1
    (heard,) = sink.heard
    assert (heard.path, heard.json["type"]) == ("/hook/other", "lead.withdrawn")
