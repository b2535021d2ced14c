"""When a vendor is there, kept and looked up; and when each of its channels wants to be told."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from notifiers.channels import KINDS, Proof
from notifiers.models import Calendar, CalendarVersion, Channel, Mode, Notification, Topic
from notifiers.timing import Office, Timing, check_office, check_timing, digest_at, free_at, office_of, timing_of
from vendors.models import Vendor
from vrm.kernel.errors import WrongState


def office(session: Session, vendor: Vendor) -> Office:
    """When the vendor is there; always, when it has not said."""
    return office_of(vendor, session.get(Calendar, vendor.id))


def set_office(session: Session, vendor: Vendor, given: Office, now: datetime) -> None:
    """Change the open hours and whose holidays are kept; the zone is the vendor's own. BadInput for each field."""
    check_office(given)
    calendar = session.get(Calendar, vendor.id) or Calendar(vendor_id=vendor.id)
    calendar.open = [[list(span) for span in day] for day in given.open]
    calendar.holidays = given.holidays
    calendar.changed_at = now
    session.add(calendar)
    session.flush()
    keep_version(session, vendor, now)


def keep_version(session: Session, vendor: Vendor, now: datetime) -> None:
    """Write down from when these hours hold, where they or the vendor's zone changed: waits are measured by them."""
    calendar = session.get(Calendar, vendor.id)
    if calendar is None:
        return
    mine = select(CalendarVersion).where(CalendarVersion.vendor_id == vendor.id)
    last = session.scalar(mine.order_by(CalendarVersion.since.desc()).limit(1))
    said = {"zone": vendor.zone, "open": calendar.open, "holidays": calendar.holidays}
    if last is None or any(getattr(last, name) != value for name, value in said.items()):
        session.merge(CalendarVersion(vendor_id=vendor.id, since=now, **said))
        session.flush()


def set_timing(session: Session, channel: Channel, timing: Timing, now: datetime) -> None:
    """Change when a channel is told, from now on and for what waits. BadInput for each field that does not hold."""
    check_timing(timing)
    if KINDS[channel.kind].proof is Proof.FETCH:
        raise WrongState("A feed has no hours: your reader fetches it when it likes.")
    channel.mode, channel.digest_hour, channel.digest_day = timing.mode, timing.hour, timing.day
    channel.quiet_from, channel.quiet_until = timing.quiet or (None, None)
    channel.office_only = timing.office_only
    after = timing.backup_after
    channel.backup_after_s = int(after.total_seconds()) if after is not None else None
    session.flush()
    waiting = (Notification.channel_id == channel.id, Notification.done_at.is_(None), Notification.tries == 0)
    # What was put off is looked at again, and put off anew where it must.
    session.execute(
        update(Notification)
        .where(*waiting, Notification.topic.not_in([Topic.DIGEST, Topic.CHALLENGE, Topic.TEST]))
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
    times = office(session, channel.vendor)
    gathered = free_at(timing, times, now) if timing.mode is Mode.INSTANT else digest_at(timing, times, now)
    session.execute(
        update(Notification)
        .where(*waiting, Notification.topic == Topic.DIGEST)
        .values(due_at=gathered)
        .execution_options(synchronize_session=False)
    )
    session.flush()


def timings_of(session: Session, vendor: Vendor) -> dict[int, Timing]:
    """What each of the vendor's channels asks for, by its id."""
    channels = session.scalars(select(Channel).where(Channel.vendor_id == vendor.id, Channel.ended_at.is_(None)))
    return {channel.id: timing_of(channel) for channel in channels}
