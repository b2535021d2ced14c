"""What happens to a message while the world changes under it: between its claim and its send, and during the send."""

from collections.abc import Callable

import pytest
import standardwebhooks
from notifiers_world import (
    Heard,
    Reply,
    Sink,
    Time,
    World,
    a_channel,
    attempts_of,
    look,
    owe,
)
from rooms import NOW
from sqlalchemy.orm import Session

from notifiers.channels.webhook import rotated
from notifiers.claim import claim
from notifiers.deliver import deliver, send_now
from notifiers.models import Channel, Notification, Result, Topic, Verdict
from notifiers.post import Post
from notifiers.prepare import Dropped, prepare
from vrm.kernel.db import Store


def meanwhile(store: Store, change: Callable[[Session], None], reply: Reply) -> Callable[[Heard], Reply]:
    """Answers with `reply`, the first time after `change` was committed."""
    done: list[bool] = []

    def answer(_heard: Heard) -> Reply:
        if not done:
            done.append(True)
            with store.write() as session:
                change(session)
        return reply

    return answer


def test_a_pause_between_claim_and_send_keeps_the_message(store: Store, world: World, sink: Sink, post: Post) -> None:
    channel = a_channel(store, world.vendor, NOW, url=sink.url)
    owe(store, NOW, channel, world.lead)
    with store.write() as session:
        ids = claim(session, NOW, 10)
    with store.write() as session:
        session.get_one(Channel, channel.id).paused_at = NOW
    with store.read() as session:
        assert all(isinstance(one, Dropped) for one in prepare(session, ids, post, NOW))
    assert sink.heard == []


@pytest.mark.parametrize("status", [204, 500])
def test_a_channel_that_is_removed_in_flight_gets_its_record_and_nothing_more(
    store: Store, world: World, sink: Sink, post: Post, clock: Time, status: int
) -> None:
    channel = a_channel(store, world.vendor, NOW, url=sink.url)
    owed = owe(store, NOW, channel, world.lead)

    def remove(session: Session) -> None:
        session.get_one(Channel, channel.id).ended_at = NOW

    sink.reply = meanwhile(store, remove, Reply(status))
    assert deliver(store, post, clock) == 1
    assert [attempt.status for attempt in attempts_of(store, owed)] == [status]
    clock.wait(days=1)
    deliver(store, post, clock)
    assert len(sink.heard) == 1
    assert look(store, Notification, owed.id).result is (Result.DELIVERED if status == 204 else Result.CANCELLED)


def test_a_secret_that_is_rotated_in_flight_signs_the_next_attempt_beside_the_old_one(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, NOW, url=sink.url)
    owe(store, NOW, channel, world.lead)

    def rotate(session: Session) -> None:
        row = session.get_one(Channel, channel.id)
        row.target = rotated(row.target, NOW)

    sink.reply = meanwhile(store, rotate, Reply(500))
    deliver(store, post, clock)
    sink.reply = Reply(204)
    clock.wait(seconds=10)
    deliver(store, post, clock)
    target = look(store, Channel, channel.id).target
    first, second = (heard.headers for heard in sink.heard)
    assert first["webhook-id"] == second["webhook-id"]
    assert len(second["webhook-signature"].split()) == 2
    for secret in (target["secret"], target["old_secret"]):
        signer = standardwebhooks.Webhook(secret)
        body = sink.heard[1].body.decode()
        assert signer.sign(second["webhook-id"], clock(), body) in second["webhook-signature"].split()


@pytest.mark.parametrize("status", [204, 500])
def test_what_is_erased_in_flight_costs_the_others_nothing(
    store: Store, world: World, sink: Sink, post: Post, clock: Time, status: int
) -> None:
    channel = a_channel(store, world.vendor, NOW, url=sink.url)
    gone = owe(store, NOW, channel, world.lead)
    other = owe(store, NOW, channel, world.lead, Topic.TEST)

    def erase(session: Session) -> None:
        session.delete(session.get_one(Notification, gone.id))

    sink.reply = meanwhile(store, erase, Reply(status))
    deliver(store, post, clock)
    assert attempts_of(store, gone) == []
    (attempt,) = attempts_of(store, other)
    assert attempt.verdict is (Verdict.DELIVERED if status == 204 else Verdict.TRANSIENT)


def test_who_waits_for_what_is_erased_meanwhile_sees_what_came_of_it(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, NOW, url=sink.url)
    gone = owe(store, NOW, channel, world.lead)

    def erase(session: Session) -> None:
        session.delete(session.get_one(Notification, gone.id))

    sink.reply = meanwhile(store, erase, Reply(204))
    attempt = send_now(store, post, gone.id, clock)
    assert (attempt.verdict, attempt.status) == (Verdict.DELIVERED, 204)
    assert attempts_of(store, gone) == []
