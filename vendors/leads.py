"""Leads as they are looked at: by code, by intent, by vendor, and in which state of silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from intents.models import Intent
from vendors.models import Lead, Vendor, Withheld
from vrm.kernel.db import is_code
from vrm.kernel.errors import NotFound
from vrm.kernel.taxonomy import Trees


class Reason(NamedTuple):
    """One subscription that matched, as it was when the lead was routed."""

    subscription_id: int
    category_id: int
    region_id: int
    words: Sequence[str] = ()  # Those that it requires, of which the want said every one.

    def text(self, trees: Trees) -> str:
        """In a few words: “Cars in Leeds, with “red””."""
        said = " and ".join(f"“{word}”" for word in self.words)
        what, where = trees.what(self.category_id), trees.where(self.region_id)
        return f"{what} in {where}" + (f", with {said}" if said else "")


def reasons_of(kept: Sequence[Sequence[Any]]) -> list[Reason]:
    """A lead's reasons, the oldest subscription first."""
    return sorted(Reason(*reason) for reason in kept)


class Standing(StrEnum):
    """Where a lead stands: answered, or in exactly one state of silence. The same for everybody who looks."""

    ANSWERED = "answered"
    SEEN = "seen"  # Read, no answer.
    UNSEEN = "unseen"  # Delivered, no proof of reading.
    ON_ITS_WAY = "on-its-way"  # Owed, and not given up.
    UNDELIVERED = "undelivered"  # The lead's `undelivered` says why. Not the vendor's silence.
    WITHHELD = "withheld"  # Not told, by a rule; the lead's `withheld` says which.


def standing(lead: Lead) -> Standing:
    """The one state that the evidence supports (domain: a vendor whom we failed to reach is never called silent)."""
    if lead.withheld is not None:
        return Standing.WITHHELD
    if lead.responded_at is not None:
        return Standing.ANSWERED
    if lead.seen_at is not None:
        return Standing.SEEN
    if lead.delivered_at is not None:
        return Standing.UNSEEN
    return Standing.ON_ITS_WAY if lead.undelivered is None else Standing.UNDELIVERED


def in_standing(wanted: Standing) -> ColumnElement[bool]:
    """The same decision as `standing`, for a WHERE clause over leads."""
    told = Lead.withheld.is_(None)
    unanswered = told & Lead.responded_at.is_(None)
    unread = unanswered & Lead.seen_at.is_(None)
    undelivered = unread & Lead.delivered_at.is_(None)
    conditions: dict[Standing, ColumnElement[bool]] = {
        Standing.WITHHELD: Lead.withheld.is_not(None),
        Standing.ANSWERED: told & Lead.responded_at.is_not(None),
        Standing.SEEN: unanswered & Lead.seen_at.is_not(None),
        Standing.UNSEEN: unread & Lead.delivered_at.is_not(None),
        Standing.ON_ITS_WAY: undelivered & Lead.undelivered.is_(None),
        Standing.UNDELIVERED: undelivered & Lead.undelivered.is_not(None),
    }
    return conditions[wanted]


def by_code(session: Session, code: str) -> Lead:
    """The lead with this public code, intent and vendor loaded; NotFound when there is none.

    Whoever calls this must still ask whether the one who looks may.
    """
    intent_code, _, vendor_code = code.partition("-")
    found = (
        select(Lead)
        .join(Lead.intent)
        .join(Lead.vendor)
        .options(contains_eager(Lead.intent), contains_eager(Lead.vendor))
        .where(Intent.code == intent_code, Vendor.code == vendor_code)
    )
    lead = session.scalar(found) if is_code(code) else None
    if lead is None:
        raise NotFound("There is no such lead.")
    return lead


def of_intent(session: Session, intent: Intent) -> list[Lead]:
    """The customer's board: the leads of one intent, vendors loaded, by the vendor's name.

    Who waits for its turn is not on it: that may be everybody.
    """
    return list(
        session.scalars(
            select(Lead)
            .join(Lead.vendor)
            .options(contains_eager(Lead.vendor), joinedload(Lead.intent))
            .where(Lead.intent_id == intent.id, Lead.withheld.is_distinct_from(Withheld.CAP))
            .order_by(Vendor.name, Lead.vendor_id)
        )
    )


def told_count(session: Session, intent: Intent) -> int:
    """How many vendors an intent was routed to, withheld ones left out."""
    return (
        session.scalar(
            select(func.count()).select_from(Lead).where(Lead.intent_id == intent.id, Lead.withheld.is_(None))
        )
        or 0
    )


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and where the next one begins; None at the end."""

    leads: list[Lead]
    next_before: int | None


def inbox(
    session: Session,
    vendor: Vendor,
    *,
    only: Standing | None = None,
    where: Sequence[ColumnElement[bool]] = (),
    before: int | None = None,
    limit: int = 50,
) -> Page:
    """A vendor's leads, newest intent first, withheld ones never.

    `where` may narrow leads and intents further; `before` is the `next_before` of the last page.
    """
    query = (
        select(Lead)
        .join(Lead.intent)
        .options(contains_eager(Lead.intent), joinedload(Lead.vendor))
        .where(Lead.vendor_id == vendor.id, Lead.withheld.is_(None), *where)
        .order_by(Lead.intent_id.desc())
        .limit(limit + 1)
    )
    if only is not None:
        query = query.where(in_standing(only))
    if before is not None:
        query = query.where(Lead.intent_id < before)
    leads = list(session.scalars(query))
    return Page(leads[:limit], leads[limit - 1].intent_id if len(leads) > limit else None)
