"""What is due → sent → recorded, against real mail and web servers and on both stores."""

from datetime import timedelta
from pathlib import Path

import pytest
from notifiers_world import (
    Heard,
    Mailbox,
    Reply,
    Route,
    Sink,
    Time,
    World,
    a_channel,
    a_post,
    attempts_of,
    look,
    owe,
)
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from intents import publish
from notifiers.compose import compose
from notifiers.deliver import deliver, next_due, send_now
from notifiers.letters import owe_letter
from notifiers.models import Channel, Notification, Result, Topic, Verdict
from notifiers.post import Post
from notifiers.prepare import Ready, prepare
from vendors.models import Lead, Undelivered
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import WrongState


@pytest.fixture
def post(tmp_path: Path, mail: tuple[Mailbox, Route]) -> Post:
    return a_post(tmp_path, mail=mail[1])


def lead_of(store: Store, world: World) -> Lead:
    return look(store, Lead, world.intent.id, world.vendor.id)


def test_a_lead_goes_out_by_webhook_and_the_evidence_is_kept(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    owed = owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)
    sink.reply = Reply(202, {}, b"thanks")
    clock.wait(seconds=3)
    assert deliver(store, post, clock) == 1
    assert deliver(store, post, clock) == 0

    (heard,) = sink.heard
    assert heard.json["type"] == "lead.created"
    assert heard.headers["webhook-id"] == f"msg_{owed.id}_{owed.code}"
    (attempt,) = attempts_of(store, owed)
    assert (attempt.verdict, attempt.status, attempt.said) == (Verdict.DELIVERED, 202, "thanks")
    row = look(store, Notification, owed.id)
    assert (row.result, row.tries, row.done_at) == (Result.DELIVERED, 1, clock())
    lead = lead_of(store, world)
    assert (lead.notified_at, lead.delivered_at, lead.undelivered) == (clock(), clock(), None)


def test_a_lead_goes_out_by_mail(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time
) -> None:
    owe(store, clock(), a_channel(store, world.vendor, clock()), world.lead)
    assert deliver(store, post, clock) == 1
    (received,) = mail[0].mails
    assert received["To"] == "ben@leeds-toyota.example"
    assert "Toyota Yaris" in received["Subject"]
    assert lead_of(store, world).delivered_at == clock()


def test_a_failure_is_tried_again_by_the_schedule_with_the_same_id_and_a_success_clears_it(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    owed = owe(store, clock(), channel, world.lead)
    sink.reply = Reply(500, {}, b"oops")
    assert deliver(store, post, clock) == 1
    lead = lead_of(store, world)
    assert (lead.notified_at, lead.delivered_at, lead.undelivered) == (clock(), None, Undelivered.REFUSED)
    assert look(store, Channel, channel.id).failures == 1
    assert look(store, Channel, channel.id).failing_since == clock()
    due = look(store, Notification, owed.id).due_at
    assert timedelta(seconds=4) <= due - clock() <= timedelta(seconds=6)
    with store.read() as session:
        assert next_due(session) == due

    assert deliver(store, post, clock) == 0
    clock.now = due
    sink.reply = Reply(204)
    assert deliver(store, post, clock) == 1
    assert len({heard.headers["webhook-id"] for heard in sink.heard}) == 1
    assert len(sink.heard) == 2
    lead = lead_of(store, world)
    assert (lead.notified_at, lead.delivered_at, lead.undelivered) == (clock() - (due - lead.notified_at), due, None)
    channel = look(store, Channel, channel.id)
    assert (channel.failures, channel.failing_since) == (0, None)


def test_retry_after_moves_the_next_attempt_within_two_steps(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    owed = owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)
    sink.reply = Reply(429, {"Retry-After": "3600"})
    deliver(store, post, clock)
    assert look(store, Notification, owed.id).due_at == clock() + timedelta(seconds=10)


def test_gone_switches_the_channel_off_at_once_and_tells_its_people(
    store: Store, world: World, sink: Sink, mail: tuple[Mailbox, Route], post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    owed = owe(store, clock(), channel, world.lead)
    sink.reply = Reply(410)
    assert deliver(store, post, clock) == 2  # The webhook, and the letter that followed from it.
    assert look(store, Notification, owed.id).result is Result.FAILED
    assert look(store, Channel, channel.id).switched_off_at == clock()
    assert lead_of(store, world).undelivered is Undelivered.REFUSED
    (letter,) = mail[0].mails
    assert letter["To"] == "ben@leeds-toyota.example"
    assert "switched off" in letter["Subject"]


def test_a_mailbox_that_does_not_exist_bounces_for_good(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), address="nobody@leeds-toyota.example")
    owed = owe(store, clock(), channel, world.lead)
    mail[0].refuse["nobody@leeds-toyota.example"] = "RCPT 550 5.1.1 no such user here"
    deliver(store, post, clock)
    (attempt,) = attempts_of(store, owed)
    assert (attempt.verdict, attempt.because, attempt.status) == (Verdict.PERMANENT, Undelivered.BOUNCED, 550)
    assert "no such user here" in attempt.said
    assert lead_of(store, world).undelivered is Undelivered.BOUNCED
    assert look(store, Channel, channel.id).switched_off_because is not None


def test_a_relay_that_does_not_answer_is_our_fault_and_never_switches_a_channel_off(
    store: Store, world: World, tmp_path: Path, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock())
    owed = owe(store, clock(), channel, world.lead)
    post = a_post(tmp_path, mail=Route("127.0.0.1", 9))  # Nobody listens there.
    for _ in range(10):
        assert deliver(store, post, clock) == 1
        clock.now = look(store, Notification, owed.id).due_at + timedelta(days=1)
    assert look(store, Notification, owed.id).result is Result.FAILED
    assert len(attempts_of(store, owed)) == 10
    channel = look(store, Channel, channel.id)
    assert (channel.failures, channel.switched_off_at) == (0, None)
    assert lead_of(store, world).undelivered is Undelivered.UNREACHABLE


def test_a_channel_that_only_failed_for_five_days_is_switched_off(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    with store.write() as session:
        session.execute(
            update(Channel)
            .where(Channel.id == channel.id)
            .values(failures=9, failing_since=clock() - timedelta(hours=121))
        )
    owe(store, clock(), channel, world.lead)
    sink.reply = Reply(503)
    deliver(store, post, clock)
    assert look(store, Channel, channel.id).switched_off_at == clock()


@pytest.mark.parametrize("change", ["paused_at", "ended_at", "switched_off_at", "verified_at"])
def test_a_channel_that_stopped_working_gets_nothing_that_is_still_owed(
    store: Store, world: World, sink: Sink, post: Post, clock: Time, change: str
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    owed = owe(store, clock(), channel, world.lead)
    with store.write() as session:
        value = None if change == "verified_at" else clock()
        session.execute(update(Channel).where(Channel.id == channel.id).values({change: value}))
    assert deliver(store, post, clock) == 0
    assert sink.heard == []
    assert look(store, Notification, owed.id).result is Result.CANCELLED
    lead = lead_of(store, world)
    assert (lead.notified_at, lead.undelivered) == (None, Undelivered.SWITCHED_OFF)


def test_a_want_that_closed_meanwhile_is_not_sent(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    owed = owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)
    with store.write() as session:
        publish.withdraw(session, publish.by_code(session, world.intent.code), clock())
    assert deliver(store, post, clock) == 0
    assert look(store, Notification, owed.id).result is Result.CANCELLED


def test_a_row_that_cannot_be_written_is_put_off_and_stops_no_other(
    store: Store, world: World, ben: Account, sink: Sink, mail: tuple[Mailbox, Route], post: Post, clock: Time
) -> None:
    with store.write() as session:
        broken = owe_letter(session, session.merge(ben), Topic.SIGN_IN, clock())  # It lacks its secret.
    owed = owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)
    assert deliver(store, post, clock) == 1
    assert look(store, Notification, owed.id).result is Result.DELIVERED
    assert look(store, Notification, broken.id).due_at == clock() + timedelta(minutes=30)
    assert "operator" in attempts_of(store, broken)[0].said


def test_a_secret_is_forgotten_when_its_letter_is_done(
    store: Store, ben: Account, mail: tuple[Mailbox, Route], post: Post, clock: Time
) -> None:
    with store.write() as session:
        owed = owe_letter(session, session.merge(ben), Topic.SIGN_IN, clock(), secret="s3cret")
    attempt = send_now(store, post, owed.id, clock)
    assert attempt.verdict is Verdict.DELIVERED
    assert "https://wants.example/sign-in/s3cret" in mail[0].mails[0].get_body(("plain",)).get_content()
    assert look(store, Notification, owed.id).params == {}
    with pytest.raises(WrongState):
        send_now(store, post, owed.id, clock)


def test_a_mail_in_the_outbox_is_no_proof_of_delivery(store: Store, world: World, tmp_path: Path, clock: Time) -> None:
    owed = owe(store, clock(), a_channel(store, world.vendor, clock()), world.lead)
    assert deliver(store, a_post(tmp_path), clock) == 1
    assert look(store, Notification, owed.id).result is Result.DELIVERED
    lead = lead_of(store, world)
    assert (lead.notified_at, lead.delivered_at, lead.undelivered) == (clock(), None, None)
    (file,) = (tmp_path / "outbox").iterdir()
    assert file.suffix == ".eml"
    assert (tmp_path / "outbox").stat().st_mode & 0o077 == 0


def rows(session: Session, topic: Topic) -> list[Notification]:
    return list(session.scalars(select(Notification).where(Notification.topic == topic).order_by(Notification.id)))


def test_a_later_word_waits_for_the_first_and_dies_with_it(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    first = owe(store, clock(), channel, world.lead)
    sink.reply = Reply(500)
    deliver(store, post, clock)
    later = owe(store, clock(), channel, world.lead, Topic.LEAD_UPDATED, 2)
    assert deliver(store, post, clock) == 0
    row = look(store, Notification, later.id)
    assert (row.tries, row.done_at) == (0, None)
    assert row.due_at > clock()

    clock.now = look(store, Notification, first.id).due_at
    sink.reply = Reply(410)
    deliver(store, post, clock)
    clock.wait(hours=1)
    deliver(store, post, clock)
    assert look(store, Notification, later.id).result is Result.CANCELLED


def test_a_later_word_that_the_first_already_said_is_dropped(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    first = owe(store, clock(), channel, world.lead)
    sink.reply = Reply(500)
    deliver(store, post, clock)
    later = owe(store, clock(), channel, world.lead, Topic.LEAD_UPDATED, 2)
    clock.wait(hours=1)
    with store.write() as session:  # Before the first could be tried again.
        session.execute(update(Notification).where(Notification.id == later.id).values(due_at=clock() + timedelta(1)))
    sink.reply = Reply(204)
    assert deliver(store, post, clock) == 1
    clock.wait(days=1)
    assert deliver(store, post, clock) == 0
    assert look(store, Notification, first.id).result is Result.DELIVERED
    assert look(store, Notification, later.id).result is Result.CANCELLED


def test_many_first_words_at_once_say_what_each_alone_would(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    owed = owe(store, clock(), channel, world.lead)
    with store.read() as session:
        (ready,) = prepare(session, [owed.id], post, clock())
        alone = compose(session, session.get_one(Notification, owed.id), post)
    assert isinstance(ready, Ready)
    assert ready.message == alone
    assert (ready.target, ready.tries, ready.lead) == (channel.target, 0, (owed.intent_id, owed.vendor_id))


def test_an_attempt_at_a_row_that_is_gone_keeps_no_other_from_being_recorded(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    gone = owe(store, clock(), a_channel(store, world.vendor, clock(), url=f"{sink.url}/gone"), world.lead)
    stays = owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)

    def vanish(heard: Heard) -> Reply:
        if heard.path.endswith("/gone"):
            with store.write() as session:
                session.execute(delete(Notification).where(Notification.id == gone.id))
        return Reply(204)

    sink.reply = vanish
    assert deliver(store, post, clock) == 2  # Both were made.
    assert look(store, Notification, stays.id).result is Result.DELIVERED
