"""Words that wait for a digest → one notification about many leads, and what becomes of them when it ends."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from notifiers.announce import pass_on
from notifiers.channels import KINDS
from notifiers.models import Channel, Notification, Result, Topic
from vendors.models import Lead, Undelivered
from vrm.kernel.db import new_code


@dataclass(frozen=True, slots=True)
class Item:
    """One lead in a digest."""

    lead: Lead
    topic: Topic  # New, changed, or over.
    occasion: int
    ids: tuple[int, ...]  # The notifications that it stands for.


def add(session: Session, row: Notification, due_at: datetime, now: datetime) -> None:
    """Put a word into the channel's next digest, which goes at `due_at` when it is made anew."""
    digest = _open_digest(session, row)
    if digest is None:
        digest = Notification(
            code=new_code(),
            topic=Topic.DIGEST,
            channel_id=row.channel_id,
            params={},
            owed_at=now,
            due_at=due_at,
            tries=0,
        )
        session.add(digest)
        session.flush()
    row.digest_id = digest.id
    row.done_at = now
    row.result = Result.BUNDLED
    session.flush()


def _open_digest(session: Session, row: Notification) -> Notification | None:
    channel = session.get_one(Channel, row.channel_id)
    digest = session.scalar(
        select(Notification)
        .where(
            Notification.channel_id == row.channel_id,
            Notification.topic == Topic.DIGEST,
            Notification.done_at.is_(None),
            Notification.tries == 0,  # One that is being sent has been written.
        )
        .order_by(Notification.id.desc())
        .limit(1)
        .with_for_update()
    )
    if digest is None:
        return None
    there = session.scalar(select(func.count()).where(Notification.digest_id == digest.id)) or 0
    return digest if there < KINDS[channel.kind].digest_most else None


def members(session: Session, digest_id: int) -> list[Notification]:
    """The words that wait for this digest, oldest first."""
    return list(
        session.scalars(
            select(Notification)
            .where(Notification.digest_id == digest_id, Notification.result == Result.BUNDLED)
            .order_by(Notification.id)
        )
    )


def items(session: Session, digest_id: int) -> list[Item]:
    """What a digest has to say now: each lead once, as it is, and only what is still of use."""
    by_lead: dict[tuple[int | None, int | None], list[Notification]] = {}
    for member in members(session, digest_id):
        by_lead.setdefault((member.intent_id, member.vendor_id), []).append(member)
    found = (_item(session.get(Lead, key), words) for key, words in by_lead.items())
    return [item for item in found if item is not None]


def _item(lead: Lead | None, words: list[Notification]) -> Item | None:
    if lead is None or lead.withheld is not None:
        return None
    topics = {word.topic for word in words}
    last, ids = words[-1], tuple(word.id for word in words)
    if lead.intent.closed_at is not None:
        # Of a want that was never told nobody needs to hear that it is over.
        is_news = Topic.LEAD_WITHDRAWN in topics and Topic.LEAD_CREATED not in topics
        return Item(lead, Topic.LEAD_WITHDRAWN, last.occasion, ids) if is_news else None
    if lead.declined_at is not None:
        return None
    if Topic.LEAD_CREATED in topics:
        return Item(lead, Topic.LEAD_CREATED, 0, ids)
    return Item(lead, Topic.LEAD_UPDATED, last.occasion, ids)


def end(
    session: Session,
    digest_id: int,
    result: Result,
    now: datetime,
    *,
    told: Collection[int] = (),
    because: Undelivered | None = None,
) -> None:
    """Let the words of a digest end as it did; those that it did not hold (`told`) are cancelled as too late.

    `because` is noted on leads whose first word it was. Leads that were reached are the caller's.
    """
    for member in members(session, digest_id):
        was_in = member.id in told or result is Result.CANCELLED
        member.result = result if was_in else Result.CANCELLED
        member.done_at = now
        if member.result is Result.FAILED or (was_in and because is Undelivered.SWITCHED_OFF):
            pass_on(session, member, now)
        why = because if was_in else Undelivered.TOO_LATE
        if member.topic is Topic.LEAD_CREATED and why is not None and member.result is not Result.DELIVERED:
            session.execute(
                update(Lead)
                .where(
                    Lead.intent_id == member.intent_id,
                    Lead.vendor_id == member.vendor_id,
                    Lead.delivered_at.is_(None),
                )
                .values(undelivered=why)
                .execution_options(synchronize_session=False)
            )
    session.flush()
