"""What a vendor looks for in its inbox → conditions over its leads, and answers to several leads at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from intents.models import Intent
from vendors import respond
from vendors.leads import Standing, in_standing
from vendors.models import DeclineReason, Kind, Lead, SeenBy, Vendor, Via
from vendors.respond import Answer
from vrm.kernel.accounts import Account
from vrm.kernel.db import is_code
from vrm.kernel.errors import LimitReached, NotFound, WrongState
from vrm.kernel.taxonomy import Category, Region, Trees
from vrm.kernel.tree import Node, Tree


class Box(StrEnum):
    """The parts of an inbox, by what is to be done."""

    TO_ANSWER = "to-answer"  # Open, and we have said nothing yet.
    ANSWERED = "answered"  # Open, and we have.
    OVER = "over"  # Closed, or the customer said no.


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for; everything that is None or empty is not asked."""

    box: Box | None = None
    standing: Standing | None = None
    category: Node | None = None
    region: Node | None = None
    words: str = ""  # All of them in the title or the text, in any case.


def conditions(sought: Sought, trees: Trees) -> Sequence[ColumnElement[bool]]:
    """For `leads.inbox`, which joins leads and intents."""
    found: list[ColumnElement[bool]] = []
    goes_on = Intent.closed_at.is_(None) & Lead.declined_at.is_(None)
    if sought.box is Box.TO_ANSWER:
        found += [goes_on, Lead.responded_at.is_(None)]
    elif sought.box is Box.ANSWERED:
        found += [goes_on, Lead.responded_at.is_not(None)]
    elif sought.box is Box.OVER:
        found.append(~goes_on)
    if sought.standing is not None:
        found.append(in_standing(sought.standing))
    if sought.category is not None:
        found.append(_below(Intent.category_id, Category, trees.categories, sought.category))
    if sought.region is not None:
        found.append(_below(Intent.region_id, Region, trees.regions, sought.region))
    for word in sought.words.split()[:8]:
        found.append(or_(Intent.title.icontains(word, autoescape=True), Intent.body.icontains(word, autoescape=True)))
    return found


def _below(
    column: InstrumentedAttribute[int | None], table: type[Category] | type[Region], tree: Tree, node: Node
) -> ColumnElement[bool]:
    ranges = [table.lft.between(lft, rgt) for lft, rgt in tree.intervals(node.id)]
    return column.in_(select(table.id).where(or_(*ranges)))


def begins_before(session: Session, vendor: Vendor, code: str) -> int | None:
    """Where the page after the vendor's lead of this want begins, for `leads.inbox`; None for a made-up code."""
    mine = select(Lead.intent_id).join(Lead.intent).where(Lead.vendor_id == vendor.id, Intent.code == code)
    return session.scalar(mine) if is_code(code) else None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of several leads."""

    done: int
    left: int  # Over meanwhile, or not the vendor's.


def picked(session: Session, vendor: Vendor, codes: Iterable[str]) -> list[Lead]:
    """The vendor's own leads of wants with these codes, withheld ones never; others are left out without a word."""
    known = [code for code in codes if is_code(code)]
    return list(
        session.scalars(
            select(Lead)
            .join(Lead.intent)
            .where(Lead.vendor_id == vendor.id, Lead.withheld.is_(None), Intent.code.in_(known))
            .order_by(Lead.intent_id)
        )
    )


def decline_all(
    session: Session,
    leads: Iterable[Lead],
    reason: DeclineReason,
    now: datetime,
    *,
    account: Account,
    via: Via = Via.PAGE,
) -> Done:
    """Say "not for us" to each, with the same reason."""
    done = left = 0
    answer = Answer(kind=Kind.DECLINE, decline_reason=reason)
    for lead in leads:
        try:
            respond.respond(session, lead, answer, now, via=via, account=account)
            done += 1
        except (WrongState, NotFound, LimitReached):
            left += 1
    return Done(done, left)


def see_all(session: Session, leads: Iterable[Lead], now: datetime) -> int:
    """Record that somebody read each: a button was pressed. How many there were."""
    many = 0
    for lead in leads:
        respond.see(session, lead, now, by=SeenBy.POST)
        many += 1
    return many
