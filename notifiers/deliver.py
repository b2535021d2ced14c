"""What is due → sent with no transaction open → recorded. At least once, with the same id on every attempt."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from notifiers.channels import KINDS, Outcome
from notifiers.claim import claim, claim_one
from notifiers.models import Attempt, Notification, Verdict
from notifiers.post import Post
from notifiers.prepare import Dropped, Ready, drop, prepare
from notifiers.record import Tried, record, record_routine
from vendors.models import Undelivered
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.errors import WrongState

PER_HOST = 6  # Attempts at once, whosever channels they are for.
_PATIENCE = timedelta(seconds=20)  # What waited longer for its turn goes back: its lease would run out under way.
_THREADS = 16
_CLAIMED = 2  # For each place: one under way, one in line.
_QUICK_S = 0.1
_LOOK_AGAIN_S = 0.25  # While something is under way, how often to look for more.
_REST = 4  # After a look that found less than there was room for: so many times as long as it took.
_GATHER_S = 0.03  # How long what came back waits for company.
_COMPOSED_AT_ONCE = 200
_WRITTEN_AT_ONCE = 200

Result = TypeVar("Result")

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

    At most `limit` are under way, and as many again are in line. A slow host holds up its own messages only, but
    also this call: give it a thread of its own. After `stop` says so nothing new is begun. Must not be called from a
    running event loop.
    """
    with store.read() as session:
        if not is_owed(session, clock()):
            return 0
    return asyncio.run(_Round(store, post, clock, limit).run(stop))


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


class _Host:
    """Those for one host: a few under way, the others in line, the oldest first."""

    def __init__(self) -> None:
        self.waiting: deque[Ready] = deque()
        self.senders = 0


class _Round:
    """One event loop's worth of sending."""

    def __init__(self, store: Store, post: Post, clock: Clock, limit: int = PER_HOST) -> None:
        self._store = store
        self._post = post
        self._clock = clock
        self._limit = limit
        self._places = asyncio.Semaphore(limit)
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)
        self._taken: Counter[int | None] = Counter()  # Claimed and not recorded, by channel.
        self._quick: set[int] = set()  # Channels whose last answer came at once.
        self._senders: set[asyncio.Task[None]] = set()
        self._ended: list[Tried] = []  # Sent, and not written down yet.
        self._news = asyncio.Event()
        self._rests_until = 0.0

    async def run(self, stop: Callable[[], bool]) -> int:
        """A sliding window: whatever ends makes room for the next, and nothing waits for the slowest."""
        # For what knows no event loop, which is Apprise. It is shut down with the loop.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="send"))
        sent = 0
        with ThreadPoolExecutor(1, thread_name_prefix="books") as self._books:
            async with self._post.outbound:
                if not stop():
                    await self._begin()
                while self._senders or self._ended:
                    await self._something_ends()
                    tried, self._ended = self._ended, []
                    sent += await self._written(tried)
                    if stop():
                        self._give_back()
                    elif self._is_time_to_look(tried):
                        await self._begin()
        return sent

    def _is_time_to_look(self, tried: Sequence[Tried]) -> bool:
        """A look costs a transaction, and all that is owed to those who are busy lies in its way."""
        if not self._senders:
            return True
        room = _CLAIMED * self._limit - self._taken.total()
        return (not tried or room >= self._limit // 2) and time.monotonic() >= self._rests_until

    async def _written(self, tried: Sequence[Tried]) -> int:
        written = await self._aside(self._write, tried)
        self._taken.subtract(one.ready.channel_id for one in tried)
        return written

    async def _aside(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """On the thread that waits for the store, so that messages go out meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._books, work, *arguments)

    async def _begin(self) -> None:
        begun = time.monotonic()
        room = _CLAIMED * self._limit - self._taken.total()
        taken = {id_: count for id_, count in self._taken.items() if id_ is not None and count > 0}
        ids = await self._aside(self._take, room, taken, frozenset(self._quick))
        now = time.monotonic()
        self._rests_until = now + _REST * (now - begun) if len(ids) < room else now
        for some in _batches(ids):
            for ready in await self._aside(self._prepared, some):
                self._start(ready)

    def _start(self, ready: Ready) -> None:
        self._taken[ready.channel_id] += 1
        host = self._hosts[ready.host]
        host.waiting.append(ready)
        if host.senders < PER_HOST:
            host.senders += 1
            task = asyncio.create_task(self._send_all(host))
            self._senders.add(task)
            task.add_done_callback(self._sender_ends)

    async def _send_all(self, host: _Host) -> None:
        try:
            while host.waiting:
                async with self._places:
                    if host.waiting:
                        await self._attempt(host.waiting.popleft())
        finally:
            host.senders -= 1

    def _sender_ends(self, task: asyncio.Task[None]) -> None:
        self._senders.discard(task)
        self._news.set()

    def _give_back(self) -> None:
        """What is in line goes back to whoever looks next."""
        now = self._clock()
        back = [ready for host in self._hosts.values() for ready in host.waiting]
        for host in self._hosts.values():
            host.waiting.clear()
        if back:
            self._taken.subtract(ready.channel_id for ready in back)
            self._drop([Dropped(ready.id, due_at=now) for ready in back], now)

    async def _something_ends(self) -> None:
        """Wait until attempts have ended, or until it is time to look whether more is due."""
        self._news.clear()
        if not self._ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_AGAIN_S)
        # One transaction for many: whoever answers within a moment is written down together.
        since = time.monotonic()
        while len(self._ended) < min(_WRITTEN_AT_ONCE, self._taken.total() - len(self._ended)):
            if time.monotonic() - since > _GATHER_S or not self._ended:
                break
            await asyncio.sleep(_GATHER_S / 8)

    async def run_one(self, id_: int) -> Attempt | None:
        async with self._post.outbound:
            for ready in self._prepared([id_]):
                await self._attempt(ready)
        for tried in self._ended:
            return self._write_one(tried)
        return None

    def _take(self, room: int, taken: Mapping[int, int], quick: Collection[int]) -> list[int]:
        now = self._clock()
        with self._store.read() as session:  # Looking costs nobody a lock.
            if not is_owed(session, now):
                return []
        with self._store.write() as session:
            return claim(session, now, room, in_flight=taken, quick=quick)

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

    def _write(self, tried: Sequence[Tried]) -> int:
        """Write attempts down; how many were. A store that fails costs a repeat, with the same id, and no more."""
        if not tried:
            return 0
        others = tried
        try:
            with self._store.write() as session:
                others = record_routine(session, tried, self._clock())
        except SQLAlchemyError:
            _log.exception("%d attempts could not be recorded together; each is tried alone.", len(tried))
        written = len(tried) - len(others)
        for one in others:
            try:
                self._write_one(one)
                written += 1
            except SQLAlchemyError:
                # The lease runs out, and the message goes again.
                _log.exception("The attempt at notification %s could not be recorded.", one.ready.id)
        return written

    def _write_one(self, tried: Tried) -> Attempt:
        with self._store.write() as session:
            return record(session, tried, self._clock(), _random.uniform(0.8, 1.2))

    async def _attempt(self, ready: Ready) -> None:
        started_at = self._clock()
        if started_at - ready.wire.at > _PATIENCE:
            self._taken[ready.channel_id] -= 1
            self._drop([Dropped(ready.id, due_at=started_at)], started_at)
            return
        begun = time.monotonic()
        outcome = await self._send(ready)
        took_s = time.monotonic() - begun
        self._ended.append(Tried(ready, outcome, started_at, round(took_s * 1000)))
        self._news.set()
        if ready.channel_id is not None:
            (self._quick.add if took_s < _QUICK_S and outcome.delivered else self._quick.discard)(ready.channel_id)
        level = logging.DEBUG if outcome.delivered else logging.INFO
        if _log.isEnabledFor(level):
            facts = _facts(ready, outcome, round(took_s * 1000))
            _log.log(level, "sent" if outcome.delivered else "not sent", extra=facts)

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


def _facts(ready: Ready, outcome: Outcome, took_ms: int) -> dict[str, object]:
    lead = f"{ready.lead[0]}:{ready.lead[1]}" if ready.lead else None
    facts = {
        "notification": ready.id,
        "lead": lead,  # Intent and vendor, by their rows.
        "channel": ready.channel_id,
        "topic": ready.topic.value,
        "tries": ready.tries,
        "status": outcome.status,
        "because": outcome.because,
        "took_ms": took_ms,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _COMPOSED_AT_ONCE):
        yield ids[start : start + _COMPOSED_AT_ONCE]


def next_due(session: Session) -> datetime | None:
    """When the next notification is due, so that a worker knows how long it may rest; None when none is owed."""
    return session.scalar(
        select(Notification.due_at).where(Notification.done_at.is_(None)).order_by(Notification.due_at).limit(1)
    )
