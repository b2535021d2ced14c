"""The door for wants that people publish themselves: the same again is noticed, and new accounts begin small.

An account is new for its first seven days, unless an operator vouched for it. Nothing is refused that an older account
may do: what is too much, or said by several new accounts at once, is held, and an operator looks at it.
"""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ForeignKey, Index, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intents import holds, likeness, publish
from intents.holds import HeldBy, Hold
from intents.models import Intent
from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Moment, Ref

NEW_FOR = timedelta(days=7)
NEW_PER_DAY = 10  # Wants that a new account publishes in 24 hours before further ones are held.
LOOKALIKES = 3  # Other new accounts that say the same within a week, before the next one is held.
_LOOKED_AT = 200


class Print(Base):
    """One band of the print of a want that a new account published; forgotten after a week."""

    __tablename__ = "prints"
    __table_args__ = (Index("ix_prints_made_at", "made_at"), {"sqlite_with_rowid": False})

    band: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    intent_id: Mapped[Ref] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"), primary_key=True)
    made_at: Mapped[Moment]


def is_new(account: Account, now: datetime) -> bool:
    """Whether it begins small."""
    return account.trusted_at is None and not account.is_operator and account.created_at > now - NEW_FOR


def submit(session: Session, intent: Intent, now: datetime) -> Hold | None:
    """Publish a draft, or hold it where it has to be looked at first: then the hold. Raises as `publish.publish`."""
    if intent.opened_at is not None or intent.held_at is not None or not is_new(intent.account, now):
        publish.publish(session, intent, now)
        return None
    publish.check_complete(intent, now)
    publish.check_daily_limit(session, intent.account_id, now)
    found = _doubt(session, intent, now)
    if found is not None:
        by, why = found
        return holds.hold(session, intent, now, by=by, why=why)
    publish.publish(session, intent, now)
    return None


def same_again(session: Session, intent: Intent) -> Intent | None:
    """An open want of the same author that says nearly the same in the same category, the newest."""
    mine = select(Intent).where(
        Intent.account_id == intent.account_id,
        Intent.id != intent.id,
        Intent.opened_at.is_not(None),
        Intent.closed_at.is_(None),
        Intent.category_id == intent.category_id,
    )
    text = likeness.shingles(intent.title, intent.body)
    for other in session.scalars(mine.order_by(Intent.id.desc()).limit(_LOOKED_AT)):
        if likeness.likeness(text, likeness.shingles(other.title, other.body)) >= likeness.ALIKE:
            return other
    return None


def _doubt(session: Session, intent: Intent, now: datetime) -> tuple[HeldBy, str] | None:
    others = _lookalikes(session, intent, now)
    if others >= LOOKALIKES:
        return HeldBy.LOOKALIKES, "Several new accounts published nearly the same text within a week."
    day_ago = now - timedelta(days=1)
    opened = select(func.count()).where(Intent.account_id == intent.account_id, Intent.opened_at > day_ago)
    if (session.scalar(opened) or 0) >= NEW_PER_DAY:
        ends = intent.account.created_at + NEW_FOR
        return HeldBy.NEW_ACCOUNT, (
            f"In its first {NEW_FOR.days} days an account publishes {NEW_PER_DAY} wants in 24 hours; further ones are "
            f"looked at first. From {ends:%d %B %Y} on it is {publish.PER_DAY}."
        )
    return None


def _lookalikes(session: Session, intent: Intent, now: datetime) -> int:
    """How many other accounts said nearly this lately, as new ones; its own print is left for those who come after."""
    session.execute(delete(Print).where(Print.made_at < now - NEW_FOR))
    text = likeness.shingles(intent.title, intent.body)
    bands = likeness.bands(text)
    near = (
        select(Intent.id, Intent.account_id, Intent.title, Intent.body)
        .join(Print, Print.intent_id == Intent.id)
        .where(Print.band.in_(bands), Intent.account_id != intent.account_id)
        .distinct()
        .limit(_LOOKED_AT)
    )
    alike = {
        row.account_id
        for row in session.execute(near)
        if likeness.likeness(text, likeness.shingles(row.title, row.body)) >= likeness.ALIKE
    }
    for band in bands:
        session.merge(Print(band=band, intent_id=intent.id, made_at=now))
    session.flush()
    return len(alike)
