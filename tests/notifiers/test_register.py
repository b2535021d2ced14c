"""Channels: added, proven, tested, changed, stopped; and nothing but a challenge or a test before they are proven."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from notifiers_world import (
    Mailbox,
    Reply,
    Route,
    Time,
    a_channel,
    a_post,
    a_world,
    echo,
    look,
    owe,
    web_server,
)
from sqlalchemy import func, select
from standardwebhooks import Webhook

from notifiers import proving, register
from notifiers.deliver import deliver, send_now
from notifiers.models import Channel, ChannelKind, Notification, Result, Topic, Verdict
from notifiers.post import Post
from notifiers.register import NewChannel, State, state
from vendors import team
from vendors.models import Vendor
from vrm.kernel.accounts import Account, Audit
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, LimitReached, LinkSpent, NotFound, WrongState


@pytest.fixture
def post(tmp_path: Path, mail: tuple[Mailbox, Route]) -> Post:
    return a_post(tmp_path, mail=mail[1])


@pytest.fixture
def vendor(store: Store, ben: Account, now: datetime) -> Vendor:
    with store.write() as session:
        return team.found(session, session.merge(ben), now, name="Leeds Toyota")


def add(store: Store, vendor: Vendor, post: Post, now: datetime, kind: ChannelKind, **fields: str) -> NewChannel:
    with store.write() as session:
        return register.add_channel(session, session.merge(vendor), kind, fields, now, outbound=post.outbound)


def test_a_mailbox_is_proven_by_the_code_that_was_mailed(
    store: Store, vendor: Vendor, mail: tuple[Mailbox, Route], post: Post, clock: Time
) -> None:
    new = add(store, vendor, post, clock(), ChannelKind.EMAIL, address="Sales@Leeds.example")
    assert new.secret is None
    assert state(new.channel) is State.UNVERIFIED
    assert send_now(store, post, new.challenge.id, clock).verdict is Verdict.DELIVERED
    (received,) = mail[0].mails
    assert received["To"] == "sales@leeds.example"
    assert str(new.channel.challenge) in received.get_body(("plain",)).get_content()
    with store.write() as session:
        channel = register.by_code(session, session.merge(vendor), new.channel.code)
        wrong = "000000" if channel.challenge != "000000" else "111111"
        assert proving.verify_by_code(session, channel, wrong, clock()) is False
    with store.write() as session:
        channel = register.by_code(session, session.merge(vendor), new.channel.code)
        assert channel.challenge_tries == 1
        code = str(channel.challenge)
        assert proving.verify_by_code(session, channel, f" {code[:3]} {code[3:]} ", clock()) is True
        assert state(channel) is State.WORKING
        assert proving.verify_by_code(session, channel, "anything", clock()) is True


def test_five_wrong_codes_spend_it_and_a_new_one_is_asked_for(
    store: Store, vendor: Vendor, post: Post, clock: Time
) -> None:
    new = add(store, vendor, post, clock(), ChannelKind.EMAIL, address="sales@leeds.example")
    right = str(new.channel.challenge)
    for _ in range(proving.WRONG_CODES):
        with store.write() as session:
            assert not proving.verify_by_code(session, session.get_one(Channel, new.channel.id), "nope", clock())
    with store.write() as session, pytest.raises(LinkSpent):
        proving.verify_by_code(session, session.get_one(Channel, new.channel.id), right, clock())
    with store.write() as session:
        channel = session.get_one(Channel, new.channel.id)
        proving.new_challenge(session, channel, clock())
        assert proving.verify_by_code(session, channel, str(channel.challenge), clock())


def test_a_webhook_is_proven_by_its_echo_and_its_secret_is_shown_once(
    store: Store, vendor: Vendor, post: Post, clock: Time
) -> None:
    with web_server(echo) as sink:
        new = add(store, vendor, post, clock(), ChannelKind.WEBHOOK, url=sink.url)
        assert new.secret is not None
        assert new.secret.startswith("whsec_")
        assert send_now(store, post, new.challenge.id, clock).verdict is Verdict.DELIVERED
    assert sink.heard[0].json["type"] == "channel.challenge"
    assert state(look(store, Channel, new.channel.id)) is State.WORKING


def test_a_webhook_that_does_not_echo_stays_unproven_and_says_why(
    store: Store, vendor: Vendor, post: Post, clock: Time
) -> None:
    with web_server(Reply(200, {}, b"OK")) as sink:
        new = add(store, vendor, post, clock(), ChannelKind.WEBHOOK, url=sink.url)
        attempt = send_now(store, post, new.challenge.id, clock)
        assert attempt.verdict is not Verdict.DELIVERED
        assert "data.challenge" in attempt.said
        clock.wait(days=1)
        assert deliver(store, post, clock) == 0  # Somebody presses the button again; it does not go on by itself.
    assert look(store, Channel, new.channel.id).verified_at is None
    assert look(store, Notification, new.challenge.id).result is Result.FAILED


def test_an_old_challenge_proves_nothing_for_a_new_place(store: Store, vendor: Vendor, post: Post, clock: Time) -> None:
    with web_server(echo) as sink:
        new = add(store, vendor, post, clock(), ChannelKind.WEBHOOK, url=sink.url)

        def meanwhile(heard: object) -> Reply:
            with store.write() as session:
                channel = session.get_one(Channel, new.channel.id)
                register.edit(session, channel, {"url": f"{sink.url}/new"}, clock(), outbound=post.outbound)
            return echo(sink.heard[-1])

        sink.reply = meanwhile
        send_now(store, post, new.challenge.id, clock)
    channel = look(store, Channel, new.channel.id)
    assert channel.verified_at is None
    assert channel.target["secret"] == new.secret


def test_an_unproven_channel_gets_a_test_but_no_lead(
    store: Store, ana: Account, ben: Account, post: Post, clock: Time
) -> None:
    world = a_world(store, ana, ben, clock())
    with web_server() as sink:
        channel = a_channel(store, world.vendor, clock(), url=sink.url, verified=False)
        owed = owe(store, clock(), channel, world.lead)
        assert deliver(store, post, clock) == 0
        with store.write() as session:
            test = proving.test(session, session.merge(channel), clock())
        assert send_now(store, post, test.id, clock).status == 200
    (heard,) = sink.heard
    assert (heard.json["type"], heard.json["data"]["test"]) == ("test", True)
    assert look(store, Notification, owed.id).result is Result.CANCELLED


def test_a_failed_test_shows_the_other_sides_words_and_is_not_held_against_the_channel(
    store: Store, vendor: Vendor, post: Post, clock: Time
) -> None:
    with web_server(Reply(410, {}, b"we closed this hook")) as sink:
        channel = a_channel(store, vendor, clock(), url=sink.url)
        with store.write() as session:
            test = proving.test(session, session.merge(channel), clock())
        attempt = send_now(store, post, test.id, clock)
    assert (attempt.status, attempt.said) == (410, "we closed this hook")
    assert state(look(store, Channel, channel.id)) is State.WORKING
    assert look(store, Notification, test.id).result is Result.FAILED
    with store.read() as session:
        ((logged, (tried,)),) = register.log(session, channel)
        assert (logged.id, tried.id) == (test.id, attempt.id)


def test_the_same_place_twice_and_too_many_are_refused(store: Store, vendor: Vendor, post: Post, now: datetime) -> None:
    add(store, vendor, post, now, ChannelKind.EMAIL, address="a@b.example")
    with pytest.raises(WrongState):
        add(store, vendor, post, now, ChannelKind.EMAIL, address=" A@B.example")
    for number in range(register.AT_MOST - 1):
        add(store, vendor, post, now, ChannelKind.EMAIL, address=f"a{number}@b.example")
    with pytest.raises(LimitReached):
        add(store, vendor, post, now, ChannelKind.EMAIL, address="more@b.example")


def test_every_field_that_does_not_hold_gets_its_sentence(
    store: Store, vendor: Vendor, post: Post, now: datetime
) -> None:
    with store.write() as session, pytest.raises(BadInput) as refused:
        register.add_channel(
            session,
            session.merge(vendor),
            ChannelKind.EMAIL,
            {"address": "x\n@y"},
            now,
            outbound=post.outbound,
            label="y" * 200,
        )
    assert set(refused.value.problems) == {"address", "label"}


def test_ten_messages_an_hour_are_enough(store: Store, vendor: Vendor, post: Post, clock: Time) -> None:
    new = add(store, vendor, post, clock(), ChannelKind.EMAIL, address="a@b.example")
    for _ in range(proving.PER_HOUR - 1):
        with store.write() as session:
            proving.test(session, session.merge(new.channel), clock())
    with store.write() as session, pytest.raises(LimitReached):
        proving.new_challenge(session, session.merge(new.channel), clock())
    clock.wait(hours=1, seconds=1)
    with store.write() as session:
        proving.new_challenge(session, session.merge(new.channel), clock())


def test_a_new_place_must_be_proven_and_a_new_name_need_not(
    store: Store, vendor: Vendor, post: Post, clock: Time
) -> None:
    channel = a_channel(store, vendor, clock(), address="a@b.example")
    with store.write() as session:
        channel = session.merge(channel)
        assert (
            register.edit(session, channel, {"address": "A@b.example"}, clock(), outbound=post.outbound, label="x")
            is None
        )
        assert (channel.label, state(channel)) == ("x", State.WORKING)
        challenge = register.edit(session, channel, {"address": "c@b.example"}, clock(), outbound=post.outbound)
        assert challenge is not None
        assert challenge.topic is Topic.CHALLENGE
        assert state(channel) is State.UNVERIFIED


def test_stop_pauses_once_and_resume_brings_what_was_dropped(
    store: Store, ana: Account, ben: Account, post: Post, clock: Time, mail: tuple[Mailbox, Route]
) -> None:
    world = a_world(store, ana, ben, clock())
    channel = a_channel(store, world.vendor, clock())
    owed = owe(store, clock(), channel, world.lead)
    with store.write() as session:
        for way in ("one-click unsubscribe", "the stop button"):
            register.stop(session, session.get_one(Channel, channel.id), clock(), by=way)
        (audit,) = session.scalars(select(Audit)).all()
        assert audit.facts == {"way": "one-click unsubscribe"}
    assert state(look(store, Channel, channel.id)) is State.PAUSED
    assert deliver(store, post, clock) == 0
    assert look(store, Notification, owed.id).result is Result.CANCELLED

    with store.write() as session:
        channel = session.get_one(Channel, channel.id)
        channel.caught_up_at = clock()
        register.resume(session, channel, clock())
        assert channel.caught_up_at is None
    assert deliver(store, post, clock) == 1
    assert len(mail[0].mails) == 1


def test_a_removed_channel_is_gone_for_everybody(store: Store, vendor: Vendor, post: Post, now: datetime) -> None:
    new = add(store, vendor, post, now, ChannelKind.EMAIL, address="a@b.example")
    with store.write() as session:
        channel = session.get_one(Channel, new.channel.id)
        register.end(session, channel, now)
        assert register.channels_of(session, session.merge(vendor)) == []
        with pytest.raises(NotFound):
            register.by_code(session, vendor, channel.code)
        with pytest.raises(WrongState):
            register.resume(session, channel, now)
        register.stop(session, channel, now, by="late")
        assert channel.paused_at is None
    add(store, vendor, post, now, ChannelKind.EMAIL, address="a@b.example")


def test_another_vendor_finds_nothing(store: Store, vendor: Vendor, carol: Account, post: Post, now: datetime) -> None:
    new = add(store, vendor, post, now, ChannelKind.EMAIL, address="a@b.example")
    with store.write() as session:
        other = team.found(session, session.merge(carol), now, name="Carol's")
        with pytest.raises(NotFound):
            register.by_code(session, other, new.channel.code)
        with pytest.raises(NotFound):
            register.by_code(session, other, "\0")  # PostgreSQL cannot even look for it.
        assert session.scalar(select(func.count()).select_from(Channel)) == 1


def test_states(now: datetime) -> None:
    def one(**moments: datetime | None) -> State:
        return state(Channel(**{"verified_at": now, **moments}))

    earlier = now - timedelta(hours=1)
    assert one() is State.WORKING
    assert one(failing_since=earlier) is State.FAILING
    assert one(paused_at=earlier, failing_since=earlier) is State.PAUSED
    assert one(switched_off_at=earlier, paused_at=earlier) is State.OFF
    assert one(verified_at=None) is State.UNVERIFIED
    assert one(ended_at=earlier, switched_off_at=earlier) is State.ENDED


def test_a_test_of_what_is_typed_goes_there_signed_and_says_nothing_of_the_channel(
    store: Store, vendor: Vendor, post: Post, clock: Time
) -> None:
    with web_server() as saved, web_server(Reply(410, {}, b"no such hook")) as typed:
        channel = a_channel(store, vendor, clock(), url=saved.url)
        with store.write() as session:
            there = session.merge(channel)
            test = register.try_out(session, there, {"url": typed.url}, clock(), outbound=post.outbound)
        attempt = send_now(store, post, test.id, clock)
        assert (attempt.status, attempt.said, saved.heard) == (410, "no such hook", [])
        (heard,) = typed.heard
    sent_at = datetime.fromtimestamp(int(heard.headers["webhook-timestamp"]), UTC)
    signature = Webhook(channel.target["secret"]).sign(heard.headers["webhook-id"], sent_at, heard.body.decode())
    assert (heard.headers["webhook-signature"], heard.json["type"]) == (signature, "test")
    after = look(store, Channel, channel.id)
    assert (after.target, state(after)) == (channel.target, State.WORKING)
    assert look(store, Notification, test.id).params == {"to": typed.url}  # For the log; no secret is kept.


def test_a_test_of_what_is_typed_is_held_against_the_guard_and_the_hour(
    store: Store, vendor: Vendor, post: Post, clock: Time
) -> None:
    """As a challenge to a new place is: nobody can be mailed more often by tests than by challenges."""
    channel = a_channel(store, vendor, clock(), address="a@b.example")

    def test(address: str) -> None:
        with store.write() as session:
            there = session.merge(channel)
            register.try_out(session, there, {"address": address}, clock(), outbound=post.outbound)

    with pytest.raises(BadInput):
        test("nobody")
    for number in range(proving.PER_HOUR):
        test(f"stranger{number}@b.example")
    with pytest.raises(LimitReached):
        test("one-more@b.example")
    hook = a_channel(store, vendor, clock(), url="https://hooks.example/1")
    with store.read() as session, pytest.raises(BadInput):
        register.try_out(session, session.merge(hook), {"url": "http://10.0.0.1/"}, clock(), outbound=post.outbound)
