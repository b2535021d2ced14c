"""A message did not arrive → the channels that stand in for others have their turn now."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from notifiers.models import Channel, Notification, Topic


def hurry_stand_ins(session: Session, failed: Notification, now: datetime) -> None:
    """Another channel may stand in for this one at once, since its message did not arrive."""
    stand_ins = select(Channel.id).where(Channel.vendor_id == failed.vendor_id, Channel.backup_after_s.is_not(None))
    session.execute(
        update(Notification)
        .where(
            Notification.intent_id == failed.intent_id,
            Notification.vendor_id == failed.vendor_id,
            Notification.topic == Topic.LEAD_CREATED,
            Notification.channel_id.in_(stand_ins),
            Notification.done_at.is_(None),
            Notification.tries == 0,
        )
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
