"""What is owed and how sending goes, counted from the rows: the same in whichever process one asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session, joinedload

from notifiers.models import Attempt, AttemptTotal, Channel, Notification, Verdict
from vendors.models import Undelivered

BUCKETS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000)  # Of an attempt, which ends at 15 s.


@dataclass(frozen=True, slots=True)
class Owed:
    """The outbox at one moment."""

    count: int
    due: int  # Now, or since some time.
    oldest_owed_at: datetime | None
    oldest_due_at: datetime | None  # Of what is due.


@dataclass(frozen=True, slots=True)
class Tried:
    """Attempts that ended alike."""

    verdict: Verdict
    because: Undelivered | None
    count: int
    took_ms: int  # Together.
    within: Sequence[int]  # How many took at most each of `BUCKETS_MS`.


def owed(session: Session, now: datetime) -> Owed:
    """From the partial index of what is owed; what was done costs nothing."""
    is_owed = Notification.done_at.is_(None)
    count, oldest = session.execute(select(func.count(), func.min(Notification.owed_at)).where(is_owed)).one()
    due = select(func.count(), func.min(Notification.due_at)).where(is_owed, Notification.due_at <= now)
    due_count, oldest_due = session.execute(due).one()
    return Owed(count, due_count, oldest, oldest_due)


def tried(session: Session) -> list[Tried]:
    """All that were ever made. Reads every attempt that is kept: about a second for each million."""
    found = {(one.verdict, one.because): one for one in _kept(session)}
    for gone in session.scalars(select(AttemptTotal)):
        found[gone.verdict, gone.because] = _together(gone, found.get((gone.verdict, gone.because)))
    return list(found.values())


def count_for_ever(session: Session, ids: Sequence[int]) -> None:
    """Add these attempts, which are about to be deleted, to those that are not kept any more. The caller deletes them
    in the same transaction, and is the only one who does so at a time.
    """
    for one in _kept(session, Attempt.id.in_(ids)):
        same = (AttemptTotal.verdict == one.verdict, AttemptTotal.because.is_not_distinct_from(one.because))
        total = session.scalar(select(AttemptTotal).where(*same).with_for_update())
        if total is None:
            total = AttemptTotal(verdict=one.verdict, because=one.because, count=0, took_ms=0, within=[])
            session.add(total)
        sum_ = _together(total, one)
        total.count, total.took_ms, total.within = sum_.count, sum_.took_ms, list(sum_.within)


def _kept(session: Session, *where: ColumnElement[bool]) -> list[Tried]:
    within = [func.sum(case((Attempt.took_ms <= most, 1), else_=0)) for most in BUCKETS_MS]
    rows = session.execute(
        select(Attempt.verdict, Attempt.because, func.count(), func.sum(Attempt.took_ms), *within)
        .where(*where)
        .group_by(Attempt.verdict, Attempt.because)
    )
    return [
        Tried(verdict, because, count, int(took_ms), [int(one) for one in counts])
        for verdict, because, count, took_ms, *counts in rows
    ]


def _together(gone: AttemptTotal, kept: Tried | None) -> Tried:
    if kept is None:
        return Tried(gone.verdict, gone.because, gone.count, gone.took_ms, gone.within)
    within = [sum(both) for both in zip_longest(gone.within, kept.within, fillvalue=0)]
    return Tried(gone.verdict, gone.because, gone.count + kept.count, gone.took_ms + kept.took_ms, within)


def waiting(session: Session, limit: int) -> Sequence[Notification]:
    """What is owed, the most urgent first."""
    return session.scalars(
        select(Notification)
        .where(Notification.done_at.is_(None))
        .options(joinedload(Notification.channel).joinedload(Channel.vendor), joinedload(Notification.account))
        .order_by(Notification.due_at)
        .limit(limit)
    ).all()
