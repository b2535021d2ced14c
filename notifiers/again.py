"""What was sent or given up in the last 30 days → sent again, one or a range, with the same id as before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, joinedload

from notifiers import register
from notifiers.models import Attempt, Channel, Notification, Result, Topic
from vendors.models import Vendor
from vrm.kernel.db import is_row_id
from vrm.kernel.errors import BadInput, NotFound, WrongState

REPLAY_FOR = timedelta(days=30)
AT_ONCE = 1_000
# A challenge is asked for anew, a test too; a letter may have held a secret, which is not kept.
_AGAIN = (
    Topic.LEAD_CREATED,
    Topic.LEAD_UPDATED,
    Topic.LEAD_WITHDRAWN,
    Topic.LEAD_REVEALED,
    Topic.MESSAGE_CREATED,
    Topic.DIGEST,
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A message that was given up, with the last thing that was said to it."""

    notification: Notification
    attempt: Attempt | None


def lost(session: Session, vendor: Vendor | None, now: datetime, *, limit: int = 100) -> list[Lost]:
    """Messages to this vendor, or to all, that were given up in the last 30 days, the newest first."""
    query = (
        select(Notification)
        .join(Notification.channel)
        .options(joinedload(Notification.channel).joinedload(Channel.vendor))
        .where(*_given_up(now))
        .order_by(Notification.done_at.desc(), Notification.id.desc())
        .limit(limit)
    )
    if vendor is not None:
        query = query.where(Channel.vendor_id == vendor.id, Channel.ended_at.is_(None))
    found = session.scalars(query).all()
    last = _last_attempts(session, [one.id for one in found])
    return [Lost(one, last.get(one.id)) for one in found]


def count_lost(session: Session, now: datetime) -> int:
    """How many `lost` would list of all vendors, without a limit."""
    return session.scalar(select(func.count(Notification.id)).join(Notification.channel).where(*_given_up(now))) or 0


def _last_attempts(session: Session, ids: Sequence[int]) -> dict[int, Attempt]:
    attempts = session.scalars(select(Attempt).where(Attempt.notification_id.in_(ids)).order_by(Attempt.id))
    return {attempt.notification_id: attempt for attempt in attempts}


def by_id(session: Session, id_: int) -> Notification:
    """A message to some channel; NotFound when there is none. Whoever calls this asks whether the caller may."""
    found = session.get(Notification, id_) if is_row_id(id_) else None
    if found is None or found.channel is None or found.channel.ended_at is not None:
        raise NotFound("There is no such message.")
    return found


def by_wire_id(session: Session, channel: Channel | None, text: str) -> Notification:
    """A message to this channel, or to any, by the id that it carries (`webhook-id`); NotFound for any other."""
    found = re.fullmatch(r"msg_(\d{1,18})_(\w{1,64})", text, re.ASCII)
    notification = session.get(Notification, int(found[1])) if found else None
    if found is None or notification is None or notification.code != found[2]:
        raise NotFound("There is no such message.")
    if channel is None:
        return by_id(session, notification.id)
    if notification.channel_id != channel.id:
        raise NotFound("There is no such message.")
    return notification


def can_again(notification: Notification, now: datetime) -> bool:
    """Whether this one can be sent again by itself."""
    return (
        notification.done_at is not None
        and notification.topic in _AGAIN
        and notification.digest_id is None
        and notification.owed_at > now - REPLAY_FOR
    )


def resend(session: Session, notification: Notification, now: datetime) -> None:
    """Send this one again, with its old id. WrongState when it is not done, is too old, or its channel is off."""
    _refuse_silent(notification.channel)
    if notification.done_at is None:
        raise WrongState("This message is being sent already; the log says how far it has come.")
    if notification.topic not in _AGAIN or notification.digest_id is not None:
        raise WrongState("This kind of message cannot be sent again by itself; send a test, or the digest it was in.")
    if notification.owed_at <= now - REPLAY_FOR:
        raise WrongState(f"Messages can be sent again for {REPLAY_FOR.days} days; this one is older.")
    _owe_again(session, [notification.id], now)


def resend_range(
    session: Session, channel: Channel, since: datetime, until: datetime, now: datetime, *, only_failed: bool
) -> int:
    """Send again what was owed to this channel from `since` to before `until`; how many messages that are.

    At most 1,000 at once, the oldest first. BadInput for an empty or too old range, WrongState for a silent channel.
    """
    _refuse_silent(channel)
    _refuse_range(since, until, now)
    results = [Result.FAILED] if only_failed else [Result.FAILED, Result.DELIVERED]
    ids = session.scalars(
        select(Notification.id)
        .where(
            Notification.channel_id == channel.id,
            Notification.result.in_(results),
            Notification.owed_at >= since,
            Notification.owed_at < until,
            *_is_one(),
        )
        .order_by(Notification.id)
        .limit(AT_ONCE)
    ).all()
    _owe_again(session, ids, now)
    return len(ids)


def resend_lost(session: Session, since: datetime, until: datetime, now: datetime) -> int:
    """Send again what was given up at any vendor, owed from `since` to before `until`; how many messages that are.

    At most 1,000 at once, the oldest first; channels that are off are left out. BadInput as in `resend_range`.
    """
    _refuse_range(since, until, now)
    lost = select(Notification.id).join(Notification.channel).where(*_lost_between(since, until, now))
    ids = session.scalars(lost.order_by(Notification.id).limit(AT_ONCE)).all()
    _owe_again(session, ids, now)
    return len(ids)


def count_lost_between(session: Session, since: datetime, until: datetime, now: datetime) -> int:
    """How many `resend_lost` would send again, if it had no limit. BadInput as there."""
    _refuse_range(since, until, now)
    lost = select(func.count(Notification.id)).join(Notification.channel).where(*_lost_between(since, until, now))
    return session.scalar(lost) or 0


def _lost_between(since: datetime, until: datetime, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        *_given_up(now),
        Notification.owed_at >= since,
        Notification.owed_at < until,
        Channel.ended_at.is_(None),
        Channel.switched_off_at.is_(None),
        Channel.verified_at.is_not(None),
        Channel.paused_at.is_(None),
    )


def _refuse_range(since: datetime, until: datetime, now: datetime) -> None:
    if since >= until:
        raise BadInput({"until": "The end must come after the beginning."})
    if since < now - REPLAY_FOR - timedelta(days=1):  # A day's grace: forms give whole days.
        raise BadInput({"since": f"Messages can be sent again for {REPLAY_FOR.days} days; choose a later beginning."})


def _given_up(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Notification.result == Result.FAILED, Notification.done_at > now - REPLAY_FOR, *_is_one()


def _is_one() -> tuple[ColumnElement[bool], ...]:
    """What stands for itself: the words in a digest go again with the digest."""
    return Notification.topic.in_(_AGAIN), Notification.digest_id.is_(None)


def _owe_again(session: Session, ids: Sequence[int], now: datetime) -> None:
    in_digests = Notification.digest_id.in_(ids) & Notification.result.in_([Result.FAILED, Result.DELIVERED])
    session.execute(
        update(Notification)
        .where(in_digests)
        .values(result=Result.BUNDLED)
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        update(Notification)
        .where(Notification.id.in_(ids))
        .values(done_at=None, result=None, due_at=now, tries=0)
        .execution_options(synchronize_session="fetch")
    )
    session.flush()


def _refuse_silent(channel: Channel | None) -> None:
    if channel is None or register.state(channel) not in (register.State.WORKING, register.State.FAILING):
        raise WrongState("This channel is switched off or paused; put it right and switch it on first.")
