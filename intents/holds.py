"""A want that is held: nobody new hears of it, and nobody but its author and operators sees it, until it is looked at.

A draft that is held was never open. Its author is told why in a sentence, and may answer it once.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship
from sqlalchemy.types import Text

from intents import publish
from intents.draft import Visibility
from intents.events import EventKind, note
from intents.models import Intent
from vrm.kernel import text as texts
from vrm.kernel.db import Base, Id, Line, Moment, Ref, choice, partial_index
from vrm.kernel.errors import BadInput, WrongState


class HeldBy(StrEnum):
    """What made us hold it."""

    OPERATOR = "operator"  # By hand, mostly after a report.
    LOOKALIKES = "lookalikes"  # Several new accounts say the same.
    NEW_ACCOUNT = "new-account"  # More in a day than a new account may.
    SUSPENSION = "suspension"  # Its author's account is suspended.


class HoldWord(StrEnum):
    """What its author is told about a hold."""

    HELD = "held"
    RELEASED = "released"
    REMOVED = "removed"


class Hold(Base):
    """One time that a want was held."""

    __tablename__ = "holds"
    __table_args__ = (
        # At most one at a time; holds.current, and the desk's queue.
        Index(
            "uq_holds_intent_id",
            "intent_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # letters.owe_letters: what an author has to be told.
        partial_index("ix_holds_to_tell", "id", where="to_tell IS NOT NULL"),
    )

    id: Mapped[Id]
    intent_id: Mapped[Ref] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"))
    held_at: Mapped[Moment]
    held_by: Mapped[HeldBy] = mapped_column(choice(HeldBy))
    why: Mapped[Line]  # A sentence for the author.
    was_paused: Mapped[bool]  # By its author, before.
    answer: Mapped[str] = mapped_column(Text, default="")  # The author's.
    answered_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    to_tell: Mapped[HoldWord | None] = mapped_column(choice(HoldWord))

    intent: Mapped[Intent] = relationship()


def hold(session: Session, intent: Intent, now: datetime, *, by: HeldBy, why: str) -> Hold:
    """Hold a want. BadInput("why") without a sentence for its author, WrongState when it is closed or held."""
    why = texts.line(why, field="why", label="The sentence to the author", most=500)
    _lock(session, intent)
    if intent.closed_at is not None or intent.held_at is not None:
        raise WrongState("This want is closed, or held already.")
    was_paused = intent.paused_at is not None
    if intent.opened_at is not None:
        if not was_paused:
            publish.pause(session, intent, now)
        # What was not public is hidden from nobody, and its code stays secret.
        if intent.visibility is Visibility.PUBLIC:
            note(session, EventKind.HIDDEN, now, intent_id=intent.id)
    intent.held_at = now
    made = Hold(
        intent_id=intent.id,
        intent=intent,
        held_at=now,
        held_by=by,
        why=why,
        was_paused=was_paused,
        to_tell=HoldWord.HELD,
    )
    session.add(made)
    session.flush()
    return made


def release(session: Session, intent: Intent, now: datetime) -> None:
    """Let it go on as its author meant it: a draft is published. WrongState unless it is held.

    Raises as `publish.publish` when a draft no longer holds, as one whose day is over.
    """
    if intent.account.suspended_at is not None:
        raise WrongState("Its author is suspended: it goes on when the account is restored.")
    held = _end(session, intent, now, HoldWord.RELEASED)
    if intent.opened_at is None:
        publish.publish(session, intent, now)
    elif not held.was_paused:
        publish.resume(session, intent, now)


def remove(session: Session, intent: Intent, now: datetime) -> None:
    """Close a want by moderation, held or not. WrongState when it is closed."""
    if intent.held_at is None:
        hold(session, intent, now, by=HeldBy.OPERATOR, why="It breaks a rule of this broker.")
    _end(session, intent, now, HoldWord.REMOVED)
    publish.remove(session, intent, now)


def answer(session: Session, intent: Intent, words: str, now: datetime) -> None:
    """The author's word about a hold. BadInput("answer"), WrongState when it is not held or was answered."""
    held = current(session, intent)
    if held is None or held.answered_at is not None:
        raise WrongState("This want is not held, or you have answered already; we read it.")
    said = texts.prose(words, field="answer", label="Your answer", most=2_000)
    if not said:
        raise BadInput({"answer": "Please write a sentence; the operator reads it before deciding."})
    held.answer = said
    held.answered_at = now
    session.flush()


def current(session: Session, intent: Intent) -> Hold | None:
    """The hold that stands, if any."""
    return session.scalar(select(Hold).where(Hold.intent_id == intent.id, Hold.ended_at.is_(None)))


def queue(session: Session, limit: int) -> list[Hold]:
    """What is held and not closed, answered ones first, then the oldest. A suspended author's wait for the account."""
    waits = (Hold.ended_at.is_(None), Intent.closed_at.is_(None), Hold.held_by != HeldBy.SUSPENSION)
    query = select(Hold).join(Hold.intent).where(*waits)
    return list(session.scalars(query.order_by(Hold.answered_at.is_(None), Hold.id).limit(limit)))


def _end(session: Session, intent: Intent, now: datetime, word: HoldWord) -> Hold:
    _lock(session, intent)
    held = current(session, intent)
    if held is None or intent.held_at is None:
        raise WrongState("This want is not held any more.")
    held.ended_at, held.to_tell = now, word
    intent.held_at = None
    session.flush()
    return held


def _lock(session: Session, intent: Intent) -> None:
    session.flush()
    session.refresh(intent, with_for_update={"key_share": True})
