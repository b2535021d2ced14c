"""A marked want is made for one vendor only: whoever else knows of it has it from there, and a leak names its source.

Nobody else hears of it or finds it: it is routed to that vendor alone, listed nowhere and counted nowhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intents import publish
from intents.draft import IntentDraft, Visibility
from intents.models import Intent
from vrm.kernel import text
from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Id, Line, Moment, Ref, choice

_FOUND_AT_MOST = 200  # Traces kept of one want: who floods a leaked address shows no more by it.


class TraceKind(StrEnum):
    """How somebody showed that they know of a marked want."""

    MAIL = "mail"  # To the address that stands in it and nowhere else.
    READ = "read"  # Its page, by an account that does not act for the vendor.
    ANSWER = "answer"  # By mail, from another address than the one that was told.


class Trace(Base):
    """One sign that a marked want is known beyond the vendor it was made for, or that its address is used."""

    __tablename__ = "traces"
    __table_args__ = (Index("ix_traces_intent_id", "intent_id", "id"),)

    id: Mapped[Id]
    intent_id: Mapped[Ref] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"))
    at: Mapped[Moment]
    kind: Mapped[TraceKind] = mapped_column(choice(TraceKind))
    who: Mapped[Line]  # A mail address, or `accounts.ident`.
    said: Mapped[Line] = mapped_column(default="")

    intent: Mapped[Intent] = relationship()


def make(session: Session, operator: Account, vendor_id: int, draft: IntentDraft, now: datetime) -> Intent:
    """Draft a marked want; its text still lacks what is unique to it. Raises as `publish.draft`."""
    made = publish.draft(session, operator, replace(draft, visibility=Visibility.UNLISTED), now)
    made.canary_for = vendor_id
    session.flush()
    return made


def open_it(session: Session, intent: Intent, address: str, now: datetime) -> None:
    """Put the address that is only in this want below its text, unless one stands there, and publish it."""
    if address and "@" not in intent.body:
        body = f"{intent.body}\n\n{address}".strip()
        publish.amend(session, intent, replace(publish.draft_of(intent), body=body), now)
    publish.publish(session, intent, now)


def trace(session: Session, intent: Intent, kind: TraceKind, who: str, now: datetime, *, said: str = "") -> None:
    """Write down that somebody knows of it; nothing when the same was written down already."""
    who = text.without_controls(who).strip()[:200]
    known = session.scalars(select(Trace).where(Trace.intent_id == intent.id).order_by(Trace.id)).all()
    if len(known) >= _FOUND_AT_MOST or any((one.kind, one.who) == (kind, who) for one in known):
        return
    said = " ".join(text.without_controls(said).split())[:300]
    session.add(Trace(intent_id=intent.id, at=now, kind=kind, who=who, said=said))
    session.flush()


def all_of_them(session: Session, limit: int) -> Sequence[Intent]:
    """Marked wants, the newest first."""
    query = select(Intent).where(Intent.canary_for.is_not(None)).order_by(Intent.id.desc()).limit(limit)
    return session.scalars(query).all()


def traces_of(session: Session, intents: Sequence[Intent]) -> dict[int, list[Trace]]:
    """What was found, by intent, the oldest first."""
    found: dict[int, list[Trace]] = {}
    ids = [intent.id for intent in intents]
    for one in session.scalars(select(Trace).where(Trace.intent_id.in_(ids)).order_by(Trace.id)):
        found.setdefault(one.intent_id, []).append(one)
    return found
