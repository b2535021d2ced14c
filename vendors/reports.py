"""Somebody says that a want, a vendor or a conversation breaks a rule → a report, which an operator closes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship
from sqlalchemy.types import Text

from intents.models import Intent
from vendors.models import Message, Response, Vendor
from vrm.kernel import limits, text
from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Id, Moment, Ref, choice, is_row_id, partial_index
from vrm.kernel.errors import LimitReached, NotFound, WrongState

PER_DAY = 10
TAKEN_AWAY = "(taken away by the operator)"


class Reason(StrEnum):
    """What is wrong with it."""

    SPAM = "spam"
    FRAUD = "fraud"
    ILLEGAL = "illegal"
    OFFENSIVE = "offensive"
    PERSONAL = "personal"  # It tells of somebody who is not its author.
    OTHER = "other"


class Ruling(StrEnum):
    """What an operator made of a report."""

    DISMISSED = "dismissed"
    ACTED = "acted"


class Report(Base):
    """One report: of a want, of a vendor, or, with both, of what the two said to each other."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint("intent_id IS NOT NULL OR vendor_id IS NOT NULL", name="subject"),
        CheckConstraint("(closed_at IS NULL) = (ruling IS NULL)", name="closed_has_ruling"),
        partial_index("ix_reports_open", "id", where="closed_at IS NULL"),  # reports.queue
        # letters.owe_letters: reporters who have to be told.
        partial_index(
            "ix_reports_to_tell", "id", where="closed_at IS NOT NULL AND told_at IS NULL AND account_id IS NOT NULL"
        ),
    )

    id: Mapped[Id]
    at: Mapped[Moment]
    account_id: Mapped[Ref | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))  # None: a stranger.
    intent_id: Mapped[Ref | None] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"))
    vendor_id: Mapped[Ref | None] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"))
    reason: Mapped[Reason] = mapped_column(choice(Reason))
    words: Mapped[str] = mapped_column(Text, default="")
    closed_at: Mapped[Moment | None]
    ruling: Mapped[Ruling | None] = mapped_column(choice(Ruling))
    told_at: Mapped[Moment | None]  # When a letter to the reporter came to be owed.

    intent: Mapped[Intent | None] = relationship()
    vendor: Mapped[Vendor | None] = relationship()


def count(session: Session, who: str, now: datetime) -> None:
    """Count one report of `who`, an account or a network address. LimitReached when the day's are used up."""
    wait = limits.spend(session, "report", who, now, most=PER_DAY, per=timedelta(days=1))
    if wait is not None:
        raise LimitReached(
            f"{PER_DAY} reports a day are looked at from one person; please write the others to the operator.",
            retry_after_s=int(wait.total_seconds()),
        )


def report(
    session: Session,
    now: datetime,
    *,
    intent: Intent | None = None,
    vendor: Vendor | None = None,
    reason: Reason,
    words: str = "",
    account: Account | None = None,
) -> Report:
    """Keep a report; the same person's same report that is still open is not kept twice. BadInput("words")."""
    words = text.prose(words, field="words", label="What you say", most=2_000)
    subject = (Report.intent_id == (intent.id if intent else None), Report.vendor_id == (vendor.id if vendor else None))
    if account is not None:
        mine = select(Report).where(*subject, Report.account_id == account.id, Report.closed_at.is_(None))
        again = session.scalar(mine.limit(1))
        if again is not None:
            again.reason, again.words = reason, words
            session.flush()
            return again
    made = Report(
        at=now,
        account_id=account.id if account else None,
        intent_id=intent.id if intent else None,
        vendor_id=vendor.id if vendor else None,
        reason=reason,
        words=words,
    )
    session.add(made)
    session.flush()
    return made


def by_id(session: Session, report_id: int) -> Report:
    """The report; NotFound."""
    found = session.get(Report, report_id) if is_row_id(report_id) else None
    if found is None:
        raise NotFound("There is no such report.")
    return found


def queue(session: Session, limit: int) -> Sequence[Report]:
    """What waits for an operator, the oldest first."""
    query = select(Report).where(Report.closed_at.is_(None)).order_by(Report.id).limit(limit)
    return session.scalars(query.options(joinedload(Report.intent), joinedload(Report.vendor))).all()


def close(session: Session, found: Report, ruling: Ruling, now: datetime) -> None:
    """Say what became of it. WrongState when that was said."""
    session.refresh(found, with_for_update={"key_share": True})
    if found.closed_at is not None:
        raise WrongState("This report was closed already.")
    found.closed_at, found.ruling = now, ruling
    session.flush()


def close_about(session: Session, now: datetime, *, intent: Intent | None = None, vendor: Vendor | None = None) -> int:
    """Something was done about a want or vendor: every open report of it is answered by that; how many."""
    about = Report.intent_id == intent.id if intent is not None else Report.vendor_id == (vendor.id if vendor else None)
    open_ones = update(Report).where(about, Report.closed_at.is_(None)).values(closed_at=now, ruling=Ruling.ACTED)
    return len(session.scalars(open_ones.returning(Report.id)).all())


def take_words_away(session: Session, found: Report) -> int:
    """Blank everything that was said in the conversation that is reported; how many words of whom."""
    if found.intent_id is None or found.vendor_id is None:
        raise WrongState("This report is not of a conversation.")
    count = 0
    for model, blank in ((Message, {"body": TAKEN_AWAY}), (Response, {"body": TAKEN_AWAY, "links": []})):
        said = update(model).where(
            model.intent_id == found.intent_id, model.vendor_id == found.vendor_id, model.body != ""
        )
        count += len(session.scalars(said.values(**blank).returning(model.id)).all())
    session.expire_all()
    return count
