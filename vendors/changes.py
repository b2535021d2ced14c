"""What happened, in order → the changes that one vendor, or everybody, may follow from where they stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Generic, TypeVar

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from intents.draft import Visibility
from intents.events import Event, EventClock, EventKind, clock
from intents.models import Intent
from vendors.models import Lead, Vendor
from vrm.kernel.errors import NotKept

LOOKED_AT = 5_000  # Events of the whole broker in one look, however many of them concern the one who asks.
_OPENING = (EventKind.ROUTED, EventKind.IN_TURN)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a follower stopped: after this event; with `intent_id`, in it, after the lead of that intent."""

    seq: int = 0
    intent_id: int = 0


@dataclass(frozen=True, slots=True)
class LeadChange:
    """One thing that happened to a lead, and the lead as it is now."""

    kind: EventKind
    at: datetime
    place: Place
    lead: Lead


@dataclass(frozen=True, slots=True)
class WantChange:
    """One thing that happened to a public want, and the want as it is now."""

    kind: EventKind
    at: datetime
    place: Place
    intent: Intent


Change = TypeVar("Change", LeadChange, WantChange)


@dataclass(frozen=True, slots=True)
class Found(Generic[Change]):
    """Changes in order, where to go on, and whether there may be more at once."""

    changes: list[Change]
    place: Place
    more: bool


def of_vendor(session: Session, vendor: Vendor, since: Place | None, *, limit: int = 50) -> Found[LeadChange]:
    """What happened to this vendor's leads since then; None: since as long as it is kept. Withheld ones never.

    A change is told with the lead as it is now, so a follower never holds less than the last state. NotKept when
    something that came after `since` is not kept any more.
    """
    after, until = _span(session, since)
    found = _single(session, vendor, after, until, limit + 1) + _opened(session, vendor, after, until, limit + 1)
    found.sort(key=attrgetter("place"))
    return _part(session, found, since, until, limit)


def _single(session: Session, vendor: Vendor, after: Place, until: int, limit: int) -> list[LeadChange]:
    """One lead to an event."""
    mine = and_(Lead.intent_id == Event.intent_id, Lead.vendor_id == vendor.id)
    opened_then = or_(
        Event.kind.not_in(_OPENING),
        and_(Event.kind == EventKind.ROUTED, Lead.routed_at == Event.at, Lead.turn_came_at.is_(None)),
        and_(Event.kind == EventKind.IN_TURN, Lead.turn_came_at == Event.at),
    )
    query = (
        select(Event, Lead)
        .join(Lead, mine)
        .join(Lead.intent)
        .options(contains_eager(Lead.intent), joinedload(Lead.vendor))
        .where(
            Event.seq > after.seq,
            Event.seq <= until,
            or_(Event.vendor_id.is_(None), Event.vendor_id == vendor.id),
            Event.kind.not_in((EventKind.OPENED, EventKind.HIDDEN)),
            opened_then,
            Lead.withheld.is_(None),
        )
        .order_by(Event.seq)
        .limit(limit)
    )
    return [LeadChange(event.kind, event.at, Place(event.seq or 0), lead) for event, lead in session.execute(query)]


def _opened(session: Session, vendor: Vendor, after: Place, until: int, limit: int) -> list[LeadChange]:
    """Leads that a subscription found among what was open already: many to an event."""
    first = after.seq if after.intent_id else after.seq + 1
    events = session.scalars(
        select(Event)
        .where(Event.seq >= first, Event.seq <= until, Event.vendor_id == vendor.id, Event.intent_id.is_(None))
        .order_by(Event.seq)
        .limit(limit)
    ).all()
    found: list[LeadChange] = []
    for event in events:
        then = (Lead.vendor_id == vendor.id, Lead.routed_at == event.at, Lead.turn_came_at.is_(None))
        query = (
            select(Lead)
            .join(Lead.intent)
            .options(contains_eager(Lead.intent), joinedload(Lead.vendor))
            .where(*then, Lead.withheld.is_(None))
            .order_by(Lead.intent_id)
            .limit(limit - len(found))
        )
        if event.seq == after.seq:
            query = query.where(Lead.intent_id > after.intent_id)
        seq = event.seq or 0
        found += [LeadChange(event.kind, event.at, Place(seq, lead.intent_id), lead) for lead in session.scalars(query)]
        if len(found) >= limit:
            break
    return found


def of_public(session: Session, since: Place | None, *, limit: int = 50) -> Found[WantChange]:
    """What happened to public wants: opened, changed, hidden, paused, resumed, closed. Nothing of persons.

    `since` and NotKept as for `of_vendor`.
    """
    after, until = _span(session, since)
    query = (
        select(Event, Intent)
        .join(Intent, Intent.id == Event.intent_id)
        .where(
            Event.seq > after.seq,
            Event.seq <= until,
            Event.vendor_id.is_(None),
            Event.kind.not_in(_OPENING),
            or_((Intent.visibility == Visibility.PUBLIC) & Intent.held_at.is_(None), Event.kind == EventKind.HIDDEN),
        )
        .order_by(Event.seq)
        .limit(limit + 1)
    )
    found = [
        WantChange(event.kind, event.at, Place(event.seq or 0), intent) for event, intent in session.execute(query)
    ]
    return _part(session, found, since, until, limit)


def _span(session: Session, since: Place | None) -> tuple[Place, int]:
    """After which place to look, and up to which."""
    now = clock(session)
    after = since or Place(now.forgotten)
    return after, min(after.seq + LOOKED_AT, now.last)


def _part(session: Session, found: Sequence[Change], since: Place | None, until: int, limit: int) -> Found[Change]:
    now = clock(session)  # Read after the events were, so that what was forgotten meanwhile is known.
    if since is not None and _is_gone(since, now):
        raise NotKept("What happened since this cursor is not kept any more")
    if len(found) > limit:
        return Found(list(found[:limit]), found[limit - 1].place, more=True)
    return Found(list(found), max(Place(until), since or Place()), more=until < now.last)


def _is_gone(since: Place, now: EventClock) -> bool:
    """Whether something came after this place that nobody can tell any more, or the place was never given."""
    first_owed = since.seq if since.intent_id else since.seq + 1
    return first_owed <= now.forgotten or since.seq > now.last
