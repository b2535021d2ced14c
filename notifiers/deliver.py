"""What is due → sent with no transaction open → recorded. At least once, with the same id on every attempt."""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from notifiers.channels import Outcome
from notifiers.claim import claim, claim_one
from notifiers.models import Attempt, Notification
from notifiers.post import Post
from notifiers.prepare import Dropped, Ready, drop, prepare
from notifiers.record import Tried, record, record_routine
from notifiers.sending import AT_ONCE, OUR_FAULT, Came, Errand, Gone, Here, Senders, Sending
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.errors import WrongState

_CLAIMED = 3  # For each place: one under way, and two in line, so that senders have work while more is claimed.
_QUICK_MS = 100
_LOOK_AGAIN_S = 0.25  # While something is under way, how often to look for more.
_REST = 4  # After a look that found less than there was room for: so many times as long as it took.
_GATHER_S = 0.03  # How long what came back waits for company.
_COMPOSED_AT_ONCE = 200
_WRITTEN_AT_ONCE = 200

_log = logging.getLogger(__name__)
_random = secrets.SystemRandom()


def is_owed(session: Session, now: datetime) -> bool:
    """Whether anything is due."""
    due = select(Notification.id).where(Notification.done_at.is_(None), Notification.due_at <= now).limit(1)
    return session.scalar(due) is not None


def deliver(
    store: Store,
    post: Post,
    clock: Clock,
    *,
    limit: int = AT_ONCE,
    stop: Callable[[], bool] = lambda: False,
    senders: Senders | None = None,
) -> int:
    """Send what is due until nothing is due or under way; how many attempts were made.

    At most `limit` are under way, and twice as many are in line. A slow host holds up its own messages only, but
    also this call: give it a thread of its own. After `stop` says so nothing new is begun. `senders` carry it; a
    thread that ends with this call when there are none.
    """
    with store.read() as session:
        if not is_owed(session, clock()):
            return 0
    with senders or Here(post, clock, limit) as carriers:
        return _Books(store, post, clock).run(carriers, limit, stop)


def send_now(store: Store, post: Post, notification_id: int, clock: Clock) -> Attempt:
    """Send this one while somebody waits for what comes of it.

    WrongState when it is done, under way, or not wanted any more. Must not be called from a running event loop.
    """
    with store.write() as session:
        if not claim_one(session, notification_id, clock()):
            raise WrongState("This message was sent, or is being sent just now; its log says what came of it.")
    attempt = _Books(store, post, clock).alone(notification_id)
    if attempt is None:
        raise WrongState("This message cannot be sent: its channel was paused, switched off or removed.")
    return attempt


class _Books:
    """What is claimed, given to senders, and not yet written down."""

    def __init__(self, store: Store, post: Post, clock: Clock) -> None:
        self._store = store
        self._post = post
        self._clock = clock
        self._out: dict[int, Ready] = {}  # Claimed and not recorded.
        self._taken: Counter[int | None] = Counter()  # The same by channel.
        self._quick: set[int] = set()  # Channels whose last answer came at once.
        self._rests_until = 0.0

    def run(self, senders: Senders, limit: int, stop: Callable[[], bool]) -> int:
        """Begin what is due and write down what came of it, until neither is left."""
        sent, told_to_stop = 0, False
        if not stop():
            sent += self._begin(senders, limit)
        while self._out:
            came = self._gathered(senders)
            sent += self._note(came)
            if stop():
                if not told_to_stop:
                    senders.give_back()
                told_to_stop = True
            elif self._is_time_to_look(came, limit):
                sent += self._begin(senders, limit)
        return sent

    def alone(self, id_: int) -> Attempt | None:
        """Send this one here and now."""
        for ready in self._prepared([id_]):
            errand = self._packed(ready)
            came = asyncio.run(self._attempted(errand)) if isinstance(errand, Errand) else errand
            return self._write_one(self._tried(ready, came))
        return None

    async def _attempted(self, errand: Errand) -> Came:
        async with self._post.outbound:
            return await Sending(self._post, self._clock, lambda _came: None).attempt(errand)

    def _packed(self, ready: Ready) -> Errand | Came:
        """For the senders; or what came of it already, when it cannot even be written."""
        try:
            return ready.errand
        except Exception:
            _log.exception("Notification %s could not be written to its end.", ready.id)
            return Came(ready.id, OUR_FAULT, self._clock(), 0)

    # --- Claiming -----------------------------------------------------------------------------------

    def _is_time_to_look(self, came: Sequence[Came], limit: int) -> bool:
        """A look costs a transaction, and all that is owed to those who are busy lies in its way."""
        if not self._out:
            return True
        room = _CLAIMED * limit - len(self._out)
        return (not came or room >= limit // 2) and time.monotonic() >= self._rests_until

    def _begin(self, senders: Senders, limit: int) -> int:
        """Claim as much as there is room for; how many failed at once, since they could not even be written."""
        failed, begun = 0, time.monotonic()
        room = _CLAIMED * limit - len(self._out)
        ids = self._take(room)
        now = time.monotonic()
        self._rests_until = now + _REST * (now - begun) if len(ids) < room else now
        for some in _batches(ids):
            prepared = self._prepared(some)
            self._out.update((ready.id, ready) for ready in prepared)
            self._taken.update(ready.channel_id for ready in prepared)
            packed = [self._packed(ready) for ready in prepared]
            senders.put([one for one in packed if isinstance(one, Errand)])
            failed += self._note([one for one in packed if isinstance(one, Came)])
        return failed

    def _take(self, room: int) -> list[int]:
        now = self._clock()
        with self._store.read() as session:  # Looking costs nobody a lock.
            if not is_owed(session, now):
                return []
        taken = {id_: count for id_, count in self._taken.items() if id_ is not None and count > 0}
        with self._store.write() as session:
            return claim(session, now, room, in_flight=taken, quick=self._quick)

    def _prepared(self, ids: Sequence[int]) -> list[Ready]:
        now = self._clock()
        with self._store.read() as session:
            prepared = prepare(session, ids, self._post, now)
        self._drop([one for one in prepared if isinstance(one, Dropped)], now)
        return [one for one in prepared if isinstance(one, Ready)]

    def _drop(self, dropped: Sequence[Dropped], now: datetime) -> None:
        if dropped:
            with self._store.write() as session:
                for one in dropped:
                    drop(session, one, now)

    # --- Writing down -------------------------------------------------------------------------------

    def _gathered(self, senders: Senders) -> list[Came]:
        """What ended; nothing when it is time to look whether more is due. One transaction is for many."""
        came = senders.came(_LOOK_AGAIN_S)
        until = time.monotonic() + _GATHER_S
        while came and len(came) < min(_WRITTEN_AT_ONCE, len(self._out)):
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                came += senders.came(left)
            except Gone:
                break  # Which is said again at the next look; what came before is written down.
        return came

    def _note(self, came: Sequence[Came]) -> int:
        """Write attempts down, put back what was not tried; how many were made."""
        untried, tried = [], []
        for one in came:
            ready = self._out.pop(one.id, None)
            if ready is None:
                continue  # Of an earlier call, which had to give it up.
            self._taken[ready.channel_id] -= 1
            if one.outcome is None:
                untried.append(Dropped(one.id, due_at=one.started_at))
            else:
                tried.append(self._tried(ready, one))
        self._drop(untried, self._clock())
        return self._write(tried)

    def _tried(self, ready: Ready, came: Came) -> Tried:
        outcome = came.outcome
        assert outcome is not None  # noqa: S101 - Only what was tried is written down.
        if ready.channel_id is not None:
            is_quick = outcome.delivered and came.took_ms < _QUICK_MS
            (self._quick.add if is_quick else self._quick.discard)(ready.channel_id)
        level = logging.DEBUG if outcome.delivered else logging.INFO
        if _log.isEnabledFor(level):
            said = "sent" if outcome.delivered else "not sent"
            _log.log(level, said, extra=_facts(ready, outcome, came.took_ms))
        return Tried(ready, outcome, came.started_at, came.took_ms)

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
