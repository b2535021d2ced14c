"""Messages that were given up or sent are sent again with their old ids; what is too old to keep is forgotten."""

from datetime import timedelta

import pytest
from notifiers_world import Reply, Sink, Time, World, a_channel, a_world, attempts_of, look, owe
from sqlalchemy import select

from notifiers import again, gauges, office
from notifiers.deliver import deliver
from notifiers.forget import forget
from notifiers.models import Arrival, Attempt, Channel, Mode, Notification, Result, Topic, Verdict
from notifiers.post import Post
from notifiers.timing import Timing
from vendors.models import Undelivered
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, NotFound, WrongState


@pytest.fixture
def world(store: Store, ana: Account, ben: Account, clock: Time) -> World:
    return a_world(store, ana, ben, clock())


def test_what_was_given_up_is_listed_with_the_last_answer_and_sent_again_with_its_id(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    owed = owe(store, clock(), channel, world.lead)
    sink.reply = Reply(503, {}, b"closed for stocktaking")
    while look(store, Notification, owed.id).done_at is None:
        clock.now = look(store, Notification, owed.id).due_at
        deliver(store, post, clock)
    with store.write() as session:
        session.get_one(Channel, channel.id).switched_off_at = None  # Its owner put it right.
        (lost,) = again.lost(session, world.vendor, clock())
        assert lost.attempt is not None
        assert lost.attempt.said == "closed for stocktaking"
        again.resend(session, lost.notification, clock())
    sink.reply = Reply(200)
    deliver(store, post, clock)
    wants = [heard for heard in sink.heard if heard.json["type"] == "lead.created"]
    assert len(wants) == 11
    assert {heard.headers["webhook-id"] for heard in wants} == {f"msg_{owed.id}_{owed.code}"}
    assert len(attempts_of(store, owed)) == 11
    with store.read() as session:
        assert again.lost(session, world.vendor, clock()) == []


def test_a_range_goes_again_with_its_digests_whole(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    with store.write() as session:
        office.set_timing(session, session.get_one(Channel, channel.id), Timing(Mode.HOURLY), clock())
    owe(store, clock(), channel, world.lead)
    deliver(store, post, clock)
    clock.wait(hours=1)
    deliver(store, post, clock)
    with store.write() as session:
        there = session.get_one(Channel, channel.id)
        begin = clock() - timedelta(hours=2)
        assert again.resend_range(session, there, begin, clock(), clock(), only_failed=True) == 0
        assert again.resend_range(session, there, begin, clock(), clock(), only_failed=False) == 1
    deliver(store, post, clock)
    first, second = (heard.json["data"]["wants"] for heard in sink.heard)
    assert first == second
    with store.read() as session:
        results = session.scalars(select(Notification.result)).all()
    assert set(results) == {Result.DELIVERED}


def test_what_cannot_be_sent_again_says_why(store: Store, world: World, sink: Sink, clock: Time) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    owed = owe(store, clock(), channel, world.lead)
    with store.write() as session:
        there, row = session.get_one(Channel, channel.id), session.get_one(Notification, owed.id)
        with pytest.raises(WrongState, match="being sent already"):
            again.resend(session, row, clock())
        row.done_at, row.result = clock(), Result.FAILED
        with pytest.raises(WrongState, match="30 days"):
            again.resend(session, row, clock() + timedelta(days=30))
        row.topic = Topic.TEST
        with pytest.raises(WrongState, match="cannot be sent again by itself"):
            again.resend(session, row, clock())
        with pytest.raises(BadInput):
            again.resend_range(session, there, clock(), clock(), clock(), only_failed=True)
        begin = clock() - timedelta(days=40)
        with pytest.raises(BadInput):
            again.resend_range(session, there, begin, clock(), clock(), only_failed=True)
        there.paused_at = clock()
        with pytest.raises(WrongState, match="switch it on first"):
            again.resend(session, row, clock())
        with pytest.raises(NotFound):
            again.by_wire_id(session, there, f"msg_{owed.id}_forged")
        assert again.by_wire_id(session, there, f"msg_{owed.id}_{owed.code}") is row


def test_attempts_are_forgotten_after_their_time_and_notifications_are_not(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    owed = owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)
    deliver(store, post, clock)
    with store.write() as session:
        session.add(Arrival(digest="d", at=clock(), came_to="a reply"))
        counted = gauges.tried(session)
        assert [one.count for one in counted] == [1]
    keep = timedelta(days=90)
    with store.write() as session:
        assert forget(session, clock() + keep, keep=keep) == 0
        assert forget(session, clock() + keep + timedelta(seconds=1), keep=keep) == 2
        assert session.scalars(select(Attempt)).all() == []
        assert gauges.tried(session) == counted  # Whoever watches sees no counter fall.
    assert look(store, Notification, owed.id).result is Result.DELIVERED


def test_what_is_forgotten_in_parts_stays_counted_with_what_is_kept(
    store: Store, world: World, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifiers.forget._BATCH", 2)
    owed = owe(store, clock(), a_channel(store, world.vendor, clock(), url="https://shop.example/hook"), world.lead)
    ends = [(Verdict.DELIVERED, None)] * 3 + [(Verdict.TRANSIENT, Undelivered.UNREACHABLE)] * 2
    with store.write() as session:
        for number, (verdict, because) in enumerate(ends):
            session.add(
                Attempt(
                    notification_id=owed.id,
                    started_at=clock() + timedelta(days=number),
                    took_ms=30 * number,
                    verdict=verdict,
                    because=because,
                )
            )
            session.flush()
    with store.read() as session:
        before = gauges.tried(session)
    later = clock() + timedelta(days=93, hours=12)  # The first four are too old now.
    for _ in range(2):
        with store.write() as session:
            assert forget(session, later, keep=timedelta(days=90)) == 2
    with store.read() as session:
        assert len(session.scalars(select(Attempt)).all()) == 1
        after = gauges.tried(session)
    assert sorted(after, key=lambda one: one.verdict) == sorted(before, key=lambda one: one.verdict)
    assert sum(one.count for one in after) == 5
