"""A notification that is due → whether its channel wants it now, later, in a digest, or not at all any more."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from notifiers.models import Channel, Mode, Notification, Result, Topic
from notifiers.office import office
from notifiers.timing import Timing, digest_at, free_at, steps_in_at, timing_of
from vendors.models import Lead

GATHERED = frozenset({Topic.LEAD_CREATED, Topic.LEAD_UPDATED, Topic.LEAD_WITHDRAWN})  # By digests.
_PLAIN = Timing()


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now. `until` None: not any more, since somebody has seen the lead."""

    until: datetime | None
    in_digest: bool = False


def is_at_once(channel: Channel) -> bool:
    """Whether there is never anything to be decided here for this channel."""
    timing = timing_of(channel)
    return timing == replace(_PLAIN, hour=timing.hour, day=timing.day)


def hold(session: Session, row: Notification, now: datetime) -> Hold | None:
    """What the timing of its channel says about a message that is due; None lets it go."""
    channel = row.channel
    if channel is None:
        return None
    timing = timing_of(channel)
    if timing == _PLAIN:
        return None
    if timing.backup_after is not None and row.topic is Topic.LEAD_CREATED:
        lead = session.get_one(Lead, (row.intent_id, row.vendor_id))
        if lead.seen_at is not None:
            return Hold(None)
        steps_in = _steps_in(session, row, lead, timing.backup_after, now)
        if steps_in is not None and steps_in > now:
            return Hold(steps_in)
    times = office(session, channel.vendor)
    if timing.mode is not Mode.INSTANT and row.topic in GATHERED:
        return Hold(digest_at(timing, times, now), in_digest=True)
    free = free_at(timing, times, now)
    return Hold(free) if free > now else None


def _steps_in(session: Session, row: Notification, lead: Lead, after: timedelta, now: datetime) -> datetime | None:
    """When this stand-in has its turn; None: now, since the others have failed or there are none."""
    told, digest = aliased(Notification), aliased(Notification)
    under_way = told.done_at.is_(None) | ((told.result == Result.BUNDLED) & digest.done_at.is_(None))
    waiting = session.execute(
        select(func.coalesce(digest.due_at, told.due_at), func.coalesce(digest.tries, told.tries))
        .select_from(told)
        .join(Channel, Channel.id == told.channel_id)
        .outerjoin(digest, digest.id == told.digest_id)
        .where(
            told.intent_id == row.intent_id,
            told.vendor_id == row.vendor_id,
            told.topic == Topic.LEAD_CREATED,
            Channel.backup_after_s.is_(None),
            under_way,
        )
    ).all()
    # What is being tried has a claim for its due time.
    first_due = min((now if tries else due_at for due_at, tries in waiting), default=None)
    nobody_reached = lead.delivered_at is None and (lead.undelivered is not None or lead.notified_at is None)
    if first_due is None and nobody_reached:
        return None
    return steps_in_at(after, lead.notified_at, first_due)
