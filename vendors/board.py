"""One intent → the customer's board: how many vendors stand where, and a page of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, exists, func, literal, select, tuple_
from sqlalchemy.orm import Session, contains_eager

from intents.models import Intent
from vendors.leads import Standing, in_standing, standing
from vendors.models import Kind, Lead, Message, Response, Vendor, Withheld

PAGE = 25


@dataclass(frozen=True, slots=True)
class Row:
    """One vendor on the board."""

    lead: Lead
    standing: Standing
    last: Response | None  # What it said last.
    waits: bool  # It said something after the customer's last word to it.


@dataclass(frozen=True, slots=True)
class BoardPage:
    """Some vendors, what matters most first, and where the next page begins; None at the end."""

    rows: list[Row]
    next_after: str | None


# What matters first: the chosen one, answers, then silence by how far word came; turned down and withheld last.
_OFFERED = exists().where(
    Response.intent_id == Lead.intent_id, Response.vendor_id == Lead.vendor_id, Response.kind == Kind.OFFER
)
_RANK = case(
    (Lead.withheld.is_not(None), 9),
    (Lead.declined_at.is_not(None), 8),
    (Lead.chosen_at.is_not(None), 0),
    (and_(Lead.responded_at.is_not(None), Lead.shortlisted_at.is_not(None)), 1),
    (and_(Lead.responded_at.is_not(None), _OFFERED), 2),
    (Lead.responded_at.is_not(None), 3),
    (Lead.seen_at.is_not(None), 4),
    (Lead.delivered_at.is_not(None), 5),
    (Lead.undelivered.is_(None), 6),
    else_=7,
)


def counts(session: Session, intent: Intent) -> dict[Standing, int]:
    """How many vendors stand where."""
    columns = [func.count().filter(in_standing(one)) for one in Standing]
    found = session.execute(select(*columns).select_from(Lead).where(Lead.intent_id == intent.id)).one()
    return dict(zip(Standing, found, strict=True))


def page(
    session: Session, intent: Intent, *, only: Standing | None = None, after: str | None = None, limit: int = PAGE
) -> BoardPage:
    """The vendors of one page. `after` is the `next_after` of the page before; a made-up one begins anew."""
    query = (
        select(Lead, _RANK)
        .join(Lead.vendor)
        .options(contains_eager(Lead.vendor))
        # Who waits for its turn is on a list of its own: that may be everybody.
        .where(Lead.intent_id == intent.id, Lead.withheld.is_distinct_from(Withheld.CAP))
        .order_by(_RANK, Vendor.slug)
        .limit(limit + 1)
    )
    if only is not None:
        query = query.where(in_standing(only))
    rank, _, slug = (after or "").partition(".")
    if slug and rank in {str(number) for number in range(10)}:
        query = query.where(tuple_(_RANK, Vendor.slug) > tuple_(literal(int(rank)), literal(slug)))
    found = session.execute(query).all()
    shown = [lead for lead, _ in found[:limit]]
    last, answered = _last_words(session, intent, [lead.vendor_id for lead in shown])
    rows = [
        Row(lead, standing(lead), said, said is not None and said.at > answered.get(lead.vendor_id, intent.created_at))
        for lead in shown
        for said in [last.get(lead.vendor_id)]
    ]
    cursor = f"{found[limit - 1][1]}.{shown[-1].vendor.slug}" if len(found) > limit else None
    return BoardPage(rows, cursor)


def _last_words(
    session: Session, intent: Intent, vendor_ids: Sequence[int]
) -> tuple[dict[int, Response], dict[int, datetime]]:
    newest = (
        select(func.max(Response.id))
        .where(Response.intent_id == intent.id, Response.vendor_id.in_(vendor_ids))
        .group_by(Response.vendor_id)
    )
    said = {
        response.vendor_id: response for response in session.scalars(select(Response).where(Response.id.in_(newest)))
    }
    written = (
        select(Message.vendor_id, func.max(Message.at))
        .where(Message.intent_id == intent.id, Message.vendor_id.in_(vendor_ids))
        .group_by(Message.vendor_id)
    )
    return said, dict(session.execute(written).all())


def stamp(session: Session, intent: Intent) -> str:
    """A word that changes whenever the board does: what a page that looks again compares."""
    moments = (
        Lead.notified_at,
        Lead.delivered_at,
        Lead.undelivered,
        Lead.seen_at,
        Lead.responded_at,
        Lead.revealed_at,
        Lead.declined_at,
        Lead.shortlisted_at,
        Lead.withheld,
    )
    leads = session.execute(
        select(func.count(), *(func.count(column) for column in moments), func.max(Lead.chosen_at)).where(
            Lead.intent_id == intent.id
        )
    ).one()
    said = session.execute(select(func.count(), func.max(Response.id)).where(Response.intent_id == intent.id)).one()
    return repr((intent.revision, intent.state, *leads, *said))
