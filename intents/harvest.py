"""Blogs that are due → conditional GET → entries → drafts, and published wants where the author chose that.

A pipeline: blogs are claimed and committed, fetched side by side with no transaction open, read in child processes,
and recorded. A host that hangs holds up its own blogs only.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from intents import pace, websub
from intents.entries import take
from intents.feed import Feed
from intents.fetching import ACCEPT, Harvester
from intents.models import Blog
from intents.prove import still_owned
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import NotAFeed, OutsideError, TooSlow
from vrm.kernel.outbound import FEED, Answer

log = logging.getLogger(__name__)

DEAD_AFTER = timedelta(days=14)  # Of failures only.
_AT_ONCE = 200  # Blogs in the pipeline together.
_PER_HOST = 8  # Fetches from one host together.
_PATIENCE = 3  # So many timeouts, or one "too many requests", and a host is left alone for this harvest.
_LEASE = timedelta(minutes=5)  # A claim outlives the slowest fetch and parse; a dead claimer loses it.
_LOOK_AGAIN_S = 0.5  # For blogs that became due, while slow hosts are waited for.
_TOGETHER = 200  # Outcomes recorded in one transaction.
_BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class _Due:
    """A claimed blog, as far as fetching it needs."""

    id: int
    code: str
    feed_url: str
    etag: str | None
    last_modified: str | None
    pace: timedelta
    hub_until: datetime | None  # The end of what a hub promised.

    @property
    def host(self) -> str:
        return urlsplit(self.feed_url).netloc


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a fetch: an answer with the feed in it (None: unchanged), or trouble. Neither: it was left alone."""

    due: _Due
    answer: Answer | None = None
    feed: Feed | None = None
    trouble: OutsideError | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing changed but the time of the last look."""
        answer = self.answer
        return answer is not None and answer.status == 304 and self.trouble is None and not answer.moved_permanently_to


@dataclass(slots=True)
class _Host:
    """How a host behaves in this harvest."""

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PER_HOST))
    timeouts: int = 0

    @property
    def is_left_alone(self) -> bool:
        return self.timeouts >= _PATIENCE


def harvest(harvester: Harvester, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Read every blog that is due, until none is; how many were read, in vain or not."""
    with harvester.store.write() as session:
        claimed = _claim(session, harvester.clock(), _AT_ONCE)
    return asyncio.run(_Pipeline(harvester, stop).run(claimed)) if claimed else 0


class _Pipeline:
    def __init__(self, harvester: Harvester, stop: Callable[[], bool]) -> None:
        self._harvester = harvester
        self._stop = stop
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)
        self._outcomes: asyncio.Queue[_Outcome | None] = asyncio.Queue()

    async def run(self, claimed: Sequence[_Due]) -> int:
        read = 0
        async with self._harvester.outbound:
            recorder = asyncio.create_task(self._record_all())
            running = {asyncio.create_task(self._read(due)) for due in claimed}
            while running:
                done, running = await asyncio.wait(running, timeout=_LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
                read += len(done)
                if len(running) <= _AT_ONCE // 2 and not self._stop():
                    more = await asyncio.to_thread(self._claim, _AT_ONCE - len(running))
                    running |= {asyncio.create_task(self._read(due)) for due in more}
            await self._outcomes.put(None)
            await recorder
        return read

    def _claim(self, most: int) -> Sequence[_Due]:
        now = self._harvester.clock()
        if not _any_due(self._harvester.store, now):
            return ()
        with self._harvester.store.write() as session:
            return _claim(session, now, most)

    async def _read(self, due: _Due) -> None:
        try:
            outcome = await self._fetch_and_parse(due)
        except Exception:
            # One bad blog never stops the others: it is put off like one that does not answer.
            log.exception("blog %s could not be read", due.code)
            outcome = _Outcome(due, trouble=OutsideError("Reading it failed for a reason of ours; it is tried again."))
        await self._outcomes.put(outcome)

    async def _fetch_and_parse(self, due: _Due) -> _Outcome:
        host = self._hosts[due.host]
        async with host.slots:
            if host.is_left_alone:
                return _Outcome(due)
            answer = await _fetch(self._harvester, due)
        if isinstance(answer, TooSlow):
            host.timeouts += 1
        if isinstance(answer, OutsideError):
            return _Outcome(due, trouble=answer)
        now = self._harvester.clock()
        trouble = _trouble_of(answer, now)
        if answer.status in _BUSY and trouble is not None and trouble.retry_after_s is not None:
            host.timeouts = _PATIENCE
        if trouble is not None or answer.status == 304:
            return _Outcome(due, answer, trouble=trouble)
        try:
            # In a thread: it waits for the child.
            return _Outcome(due, answer, await asyncio.to_thread(self._harvester.read, answer, now))
        except NotAFeed as error:
            return _Outcome(due, answer, trouble=error)

    async def _record_all(self) -> None:
        """Record outcomes as they come, many in one go where nothing changed."""
        ended = False
        while not ended:
            outcomes = [await self._outcomes.get()]
            while not self._outcomes.empty() and len(outcomes) < _TOGETHER:
                outcomes.append(self._outcomes.get_nowait())
            ended = outcomes[-1] is None
            # In a thread: a transaction that waits for another writer must not stop the fetches.
            await asyncio.to_thread(_record, self._harvester, [outcome for outcome in outcomes if outcome is not None])


# --- Claiming and fetching ------------------------------------------------------------------------

_STOPPED = select(Account.id).where(Account.suspended_at.is_not(None))
_IS_DUE = (Blog.verified_at.is_not(None), Blog.ended_at.is_(None), Blog.account_id.not_in(_STOPPED))


def _any_due(store: Store, now: datetime) -> bool:
    with store.read() as session:
        return session.scalar(select(Blog.id).where(*_IS_DUE, Blog.next_fetch_at <= now).limit(1)) is not None


def _claim(session: Session, now: datetime, most: int) -> Sequence[_Due]:
    columns = (Blog.id, Blog.code, Blog.feed_url, Blog.etag, Blog.last_modified, Blog.pace_s)
    rows = session.execute(
        select(*columns)
        .where(*_IS_DUE, Blog.next_fetch_at <= now)
        .order_by(Blog.next_fetch_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    ids = [row.id for row in rows]
    session.execute(
        update(Blog).where(Blog.id.in_(ids)).values(next_fetch_at=now + _LEASE),
        execution_options={"synchronize_session": False},
    )
    promised = websub.promised_until(session, ids)
    return [_Due(*row[:5], pace=timedelta(seconds=row.pace_s), hub_until=promised.get(row.id)) for row in rows]


async def _fetch(harvester: Harvester, due: _Due) -> Answer | OutsideError:
    conditions = {"If-None-Match": due.etag, "If-Modified-Since": due.last_modified, "Accept": ACCEPT}
    headers = {name: value for name, value in conditions.items() if value}
    try:
        return await harvester.outbound.get(due.feed_url, policy=FEED, headers=headers)
    except OutsideError as error:
        return error


def _trouble_of(answer: Answer, now: datetime) -> OutsideError | None:
    if answer.status == 304 or 200 <= answer.status < 300:
        return None
    wait = pace.wait_asked_for(answer.headers.get("Retry-After", ""), now)
    return OutsideError(f"The blog answered {answer.status}.", retry_after_s=wait)


# --- Recording ------------------------------------------------------------------------------------

_UNCHANGED = (
    update(Blog)
    .where(Blog.id == bindparam("blog_id"), Blog.ended_at.is_(None))
    .values(
        failures=0,
        failing_since=None,
        trouble=None,
        fetched_at=bindparam("now"),
        next_fetch_at=bindparam("next"),
        pace_s=bindparam("pace"),
    )
)


def _record(harvester: Harvester, outcomes: Sequence[_Outcome]) -> None:
    plain = [outcome for outcome in outcomes if outcome.is_plain]
    if plain:
        now = harvester.clock()
        rows = [_as_unchanged(outcome, now) for outcome in plain]
        with harvester.store.write() as session:
            session.connection().execute(_UNCHANGED, rows)
    for outcome in outcomes:
        if not outcome.is_plain:
            try:
                _record_one(harvester, outcome)
            except Exception:
                log.exception("blog %s could not be recorded", outcome.due.code)
                failure = OutsideError("Reading it failed for a reason of ours; it is tried again.")
                _record_one(harvester, _Outcome(outcome.due, trouble=failure))


def _as_unchanged(outcome: _Outcome, now: datetime) -> dict[str, object]:
    due, answer = outcome.due, outcome.answer
    slower = pace.tired(due.pace)
    told = websub.POLL_ANYWAY if due.hub_until is not None and due.hub_until > now else slower
    wait = pace.after_answer(told, answer) if answer is not None else told
    return {"blog_id": due.id, "now": now, "next": now + wait, "pace": int(slower.total_seconds())}


def _record_one(harvester: Harvester, outcome: _Outcome) -> None:
    now, answer = harvester.clock(), outcome.answer
    moved_to = _new_address(harvester, outcome)
    with harvester.store.write() as session:
        blog = session.get(Blog, outcome.due.id, with_for_update=True)
        if blog is None or blog.ended_at is not None:
            return  # Its author removed it while it was being fetched.
        if answer is not None and answer.status == 410:
            blog.ended_at = now
            blog.trouble = "The blog says that it is gone for good."
        elif outcome.trouble is not None:
            _note_failure(blog, outcome.trouble, now)
        elif answer is None:
            blog.next_fetch_at = now + pace.EVERY  # Its host has no time for anybody.
        else:
            _note_success(session, blog, outcome, now)
            if moved_to is not None:
                _move(session, blog, moved_to)


def _new_address(harvester: Harvester, outcome: _Outcome) -> str | None:
    """Where the feed has moved for good, if it is its owner's there, too. Goes out, so no transaction is open."""
    answer = outcome.answer
    moved = answer.moved_permanently_to if answer is not None and outcome.trouble is None else None
    if not moved or len(moved) > 2000 or outcome.feed is None:
        return None
    with harvester.store.read() as session:
        blog = session.get(Blog, outcome.due.id)
    return moved if blog is not None and still_owned(harvester, blog, outcome.feed, moved) else None


def _move(session: Session, blog: Blog, address: str) -> None:
    mine = select(Blog.id).where(Blog.account_id == blog.account_id, Blog.feed_url == address, Blog.ended_at.is_(None))
    if session.scalar(mine) is None:
        blog.feed_url = address


def _note_failure(blog: Blog, trouble: OutsideError, now: datetime) -> None:
    blog.failures += 1
    blog.failing_since = blog.failing_since or now
    blog.trouble = str(trouble)[:500]
    blog.next_fetch_at = now + pace.after_failures(blog.failures, trouble.retry_after_s)
    if now - blog.failing_since >= DEAD_AFTER:
        blog.ended_at = now
        blog.trouble = f"Not readable for {DEAD_AFTER.days} days: {trouble}"[:500]


def _note_success(session: Session, blog: Blog, outcome: _Outcome, now: datetime) -> None:
    answer, feed = outcome.answer, outcome.feed
    if answer is None:
        return
    whole, usual = True, pace.tired(outcome.due.pace)
    if feed is not None:
        whole = take(session, blog, feed, now)
        usual = pace.rhythm(feed.entries, now)
        websub.note_hub(session, blog, websub.hub_of(feed, answer), now)
        blog.etag = answer.headers.get("ETag", "")[:500] or None
        blog.last_modified = answer.headers.get("Last-Modified", "")[:500] or None
    blog.failures = 0
    blog.failing_since = None
    blog.trouble = None
    blog.fetched_at = now
    blog.pace_s = int(usual.total_seconds())
    told = websub.POLL_ANYWAY if websub.lease_on(session, blog, now) is not None else usual
    blog.next_fetch_at = now + pace.after_answer(told, answer)
    if not whole:
        # Otherwise "nothing changed" would keep the rest from being read tomorrow.
        blog.etag = blog.last_modified = None
