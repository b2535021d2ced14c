"""Attempts and arrivals that are older than the operator keeps them → gone, a few at a time."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from notifiers.gauges import count_for_ever
from notifiers.models import Arrival, Attempt

_BATCH = 500


def forget(session: Session, now: datetime, *, keep: timedelta) -> int:
    """Delete the oldest of what was kept for longer than `keep`; how many rows. Notifications stay, for the record."""
    return _oldest(session, Attempt, Attempt.started_at, now - keep) + _oldest(session, Arrival, Arrival.at, now - keep)


def _oldest(
    session: Session, table: type[Attempt] | type[Arrival], moment: InstrumentedAttribute[datetime], before: datetime
) -> int:
    # Rows come in the order of time, so that the first one says whether there is anything to do.
    first = session.scalar(select(func.min(table.id)))
    if first is None:
        return 0
    oldest = session.scalar(select(moment).where(table.id == first))
    if oldest is None or oldest >= before:
        return 0
    found = session.execute(select(table.id, moment).where(table.id >= first, table.id < first + _BATCH)).all()
    ids = [id_ for id_, at in found if at < before]
    if table is Attempt:
        count_for_ever(session, ids)
    session.execute(delete(table).where(table.id.in_(ids)).execution_options(synchronize_session=False))
    return len(ids)
