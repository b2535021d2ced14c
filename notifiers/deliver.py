"""What is due → sent with no transaction open → recorded. At least once, with the same id on every attempt."""

import asyncio
import logging
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifiers.channels import KINDS, Outcome
from notifiers.models import Attempt, Notification, Verdict
from notifiers.post import Post
from notifiers.prepare import Dropped, Ready, claim, claim_one, drop, prepare
from notifiers.record import Tried, record
from vendors.models import Undelivered
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.errors import WrongState

PER_HOST = 6  # Attempts at once, whosever channels they are for.
_PATIENCE = timedelta(seconds=60)  # What waited longer for its turn goes back: its lease would run out under way.
_LOOK_AGAIN_S = 0.25  # While something is under way, how often to look for more.
_WRITTEN_AT_ONCE = 20
_NOT_FOR_FEWER = 20  # Free places that are worth a look of their own.

_log = logging.getLogger(__name__)
_random = secrets.SystemRandom()


def is_owed(session: Session, now: datetime) -> bool:
    """Whether anything is due."""
    due = select(Notification.id).where(Notification.done_at.is_(None), Notification.due_at <= now).limit(1)
    return session.scalar(due) is not None


def deliver(
    store: Store, post: Post, clock: Clock, *, limit: int = 200, stop: Callable[[], bool] = lambda: False
) -> int:
    """Send what is due until nothing is due or under way; how many attempts were made.

    At most `limit` are under way. A slow host holds up its own messages only, but also this call: give it a
    thread of its own. After `stop` says so nothing new is begun. Must not be called from a running event loop.
    """
    with store.read() as session:
        if not is_owed(session, clock()):
            return 0
    return asyncio.run(_Round(store, post, clock).run(limit, stop))


def send_now(store: Store, post: Post, notification_id: int, clock: Clock) -> Attempt:
    """Send this one while somebody waits for what comes of it.

    WrongState when it is done, under way, or not wanted any more. Must not be called from a running event loop.
    """
    with store.write() as session:
        if not claim_one(session, notification_id, clock()):
            raise WrongState("This message was sent, or is being sent just now; its log says what came of it.")
    attempt = asyncio.run(_Round(store, post, clock).run_one(notification_id))
    if attempt is None:
        raise WrongState("This message cannot be sent: its channel was paused, switched off or removed.")
    return attempt


class _Round:
    """One event loop's worth of sending."""

    def __init__(self, store: Store, post: Post, clock: Clock) -> None:
        self._store = store
        self._post = post
        self._clock = clock
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_HOST))

    async def run(self, limit: int, stop: Callable[[], bool]) -> int:
        running: dict[asyncio.Task[Attempt | None], int | None] = {}
        sent = 0
        look = True
        async with self._post.outbound:
            while True:
                if look and not stop():
                    in_flight = Counter(channel for channel in running.values() if channel is not None)
                    for ids in _batches(self._take(limit - len(running), in_flight)):
                        for ready in self._prepared(ids):
                            running[asyncio.create_task(self._attempt(ready))] = ready.channel_id
                        await asyncio.sleep(0)  # The first of them leave while the others are being written.
                if not running:
                    return sent
                done, _ = await asyncio.wait(running, timeout=_LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del running[task]
                    sent += self._count(task)
                free = limit - len(running)
                look = free > 0 and (not done or not running or free >= min(limit, _NOT_FOR_FEWER))

    async def run_one(self, id_: int) -> Attempt | None:
        async with self._post.outbound:
            for ready in self._prepared([id_]):
                return await self._attempt(ready)
        return None

    def _take(self, room: int, in_flight: Counter[int]) -> list[int]:
        now = self._clock()
        with self._store.read() as session:  # Looking costs nobody a lock.
            if not is_owed(session, now):
                return []
        with self._store.write() as session:
            return claim(session, now, room, in_flight=in_flight)

    def _prepared(self, ids: Sequence[int]) -> list[Ready]:
        now = self._clock()
        with self._store.read() as session:
            prepared = prepare(session, ids, self._post, now)
        dropped = [one for one in prepared if isinstance(one, Dropped)]
        if dropped:
            self._drop(dropped, now)
        return [one for one in prepared if isinstance(one, Ready)]

    def _drop(self, dropped: Sequence[Dropped], now: datetime) -> None:
        with self._store.write() as session:
            for one in dropped:
                drop(session, one, now)

    @staticmethod
    def _count(task: asyncio.Task[Attempt | None]) -> int:
        error = task.exception()
        if error is not None:
            # Most likely the store: the lease runs out, and the message goes again with the same id.
            _log.error("An attempt could not be recorded.", exc_info=error)
            return 0
        return 0 if task.result() is None else 1

    async def _attempt(self, ready: Ready) -> Attempt | None:
        async with self._hosts[ready.host]:
            started_at = self._clock()
            if started_at - ready.wire.at > _PATIENCE:
                self._drop([Dropped(ready.id, due_at=started_at)], started_at)
                return None
            begun = time.monotonic()
            outcome = await self._send(ready)
            took_ms = round((time.monotonic() - begun) * 1000)
        tried = Tried(ready, outcome, started_at, took_ms)
        with self._store.write() as session:
            return record(session, tried, self._clock(), _random.uniform(0.8, 1.2))

    async def _send(self, ready: Ready) -> Outcome:
        try:
            return await KINDS[ready.kind].send(ready.target, ready.message, ready.wire, self._post)
        except Exception:
            _log.exception("Notification %s could not be sent.", ready.id)
            return Outcome(
                Verdict.TRANSIENT,
                Undelivered.UNREACHABLE,
                said="We failed to send it; the operator finds the reason in the log.",
                ours=True,
            )


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _WRITTEN_AT_ONCE):
        yield ids[start : start + _WRITTEN_AT_ONCE]


def next_due(session: Session) -> datetime | None:
    """When the next notification is due, so that a worker knows how long it may rest; None when none is owed."""
    return session.scalar(
        select(Notification.due_at).where(Notification.done_at.is_(None)).order_by(Notification.due_at).limit(1)
    )
