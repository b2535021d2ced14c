"""Who gets which of what is due: claims, their leases and shares, and what is sent at once; on both stores."""

import threading

import pytest
from notifiers_world import Heard, Reply, Sink, Time, World, a_channel, look, owe

from notifiers.claim import PER_CHANNEL, PER_QUICK_CHANNEL, claim
from notifiers.deliver import deliver, send_now
from notifiers.models import Notification, Topic
from notifiers.post import Post
from notifiers.sending import PER_HOST
from vrm.kernel.db import Store
from vrm.kernel.errors import WrongState


def test_a_claim_that_died_is_taken_over_after_its_lease(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    owed = owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)
    with store.write() as session:
        assert claim(session, clock(), 10) == [owed.id]
        assert claim(session, clock(), 10) == []
    assert deliver(store, post, clock) == 0
    with pytest.raises(WrongState):
        send_now(store, post, owed.id, clock)
    clock.wait(seconds=121)
    assert deliver(store, post, clock) == 1
    assert look(store, Notification, owed.id).tries == 2


def test_two_claims_at_once_take_different_rows(store: Store, world: World, sink: Sink, clock: Time) -> None:
    channels = [a_channel(store, world.vendor, clock(), url=f"{sink.url}/{n}") for n in range(20)]
    owed = [owe(store, clock(), channel, world.lead).id for channel in channels]
    barrier = threading.Barrier(2)
    taken: list[list[int]] = [[], []]

    def work(mine: list[int]) -> None:
        barrier.wait()
        while True:
            with store.write() as session:
                ids = claim(session, clock(), 3)
            if not ids:
                return
            mine += ids

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken[0] + taken[1]) == sorted(owed)


def test_one_channel_takes_only_its_share_and_leaves_the_rest_to_others(
    store: Store, world: World, sink: Sink, clock: Time
) -> None:
    greedy = a_channel(store, world.vendor, clock(), url=sink.url)
    other = a_channel(store, world.vendor, clock(), url=f"{sink.url}/other")
    for occasion in range(PER_CHANNEL + 5):
        owe(store, clock(), greedy, world.lead, Topic.LEAD_UPDATED, occasion)
    clock.wait(seconds=1)
    last = owe(store, clock(), other, world.lead)
    with store.write() as session:
        taken = claim(session, clock(), PER_CHANNEL + 3)
        assert last.id in taken
        assert len(taken) == PER_CHANNEL + 1
        assert claim(session, clock(), 10, in_flight={greedy.id: PER_CHANNEL}) == []
        assert len(claim(session, clock(), 10, in_flight={greedy.id: PER_CHANNEL - 2})) == 2
        quick = claim(session, clock(), 10, in_flight={greedy.id: PER_QUICK_CHANNEL - 1}, quick={greedy.id})
        assert len(quick) == 1  # More, but not without an end.


def test_many_go_out_at_once_but_few_to_one_host(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channels = [a_channel(store, world.vendor, clock(), url=f"{sink.url}/{n}") for n in range(30)]
    for channel in channels:
        owe(store, clock(), channel, world.lead)
    assert deliver(store, post, clock) == 30
    assert 1 <= sink.busiest <= 6


def test_nothing_new_is_begun_after_stop(store: Store, world: World, sink: Sink, post: Post, clock: Time) -> None:
    owe(store, clock(), a_channel(store, world.vendor, clock(), url=sink.url), world.lead)
    assert deliver(store, post, clock, stop=lambda: True) == 0
    assert sink.heard == []


def test_what_is_in_line_at_the_stop_goes_back_untried(
    store: Store, world: World, sink: Sink, post: Post, clock: Time
) -> None:
    channel = a_channel(store, world.vendor, clock(), url=sink.url)
    owed = [owe(store, clock(), channel, world.lead, Topic.TEST, n) for n in range(PER_CHANNEL)]
    stopped = threading.Event()

    def answer(_: Heard) -> Reply:
        stopped.wait(10)
        return Reply()

    def stop() -> bool:
        if sink.busiest == PER_HOST:
            stopped.set()
        return stopped.is_set()

    sink.reply = answer
    assert deliver(store, post, clock, stop=stop) == len(sink.heard) == PER_HOST
    left = [row for row in (look(store, Notification, each.id) for each in owed) if row.done_at is None]
    assert {(row.tries, row.due_at <= clock()) for row in left} == {(0, True)}
    assert len(left) == len(owed) - PER_HOST
