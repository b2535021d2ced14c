"""One intent → the customer's board: how many vendors stand where, a page of them, and the offers side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt
from typing import Any

from sqlalchemy import and_, case, exists, func, literal, select, tuple_
from sqlalchemy.orm import Session, contains_eager

from intents.models import Intent
from vendors.leads import Standing, in_standing, standing
from vendors.models import Kind, Lead, Message, Response, Vendor, Withheld
from vrm.kernel.tree import Tree

PAGE = 50
OFFERS_AT_MOST = 100


class Sort(StrEnum):
    """By what offers are put in order."""

    PRICE = "price"
    NEWEST = "newest"
    DISTANCE = "distance"
    CONDITION = "condition"
    UNTIL = "until"


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


@dataclass(frozen=True, slots=True)
class Offer:
    """The newest offer of one vendor who is still in the conversation."""

    response: Response
    lead: Lead
    km: int | None  # From the want's place to the offer's, middle to middle; None when one of them is no point.


def offers(session: Session, intent: Intent, regions: Tree, *, by: Sort = Sort.PRICE) -> list[Offer]:
    """Offers side by side, a hundred at most.

    Prices in other money than the want's come after those in the same: they cannot be compared.
    """
    newest = (
        select(func.max(Response.id))
        .where(Response.intent_id == intent.id, Response.kind == Kind.OFFER)
        .group_by(Response.vendor_id)
    )
    in_talk = (Response.id.in_(newest), Lead.declined_at.is_(None), Lead.withheld.is_(None))
    lead = and_(Lead.intent_id == Response.intent_id, Lead.vendor_id == Response.vendor_id)
    query = (
        select(Response, Lead)
        .join(Lead, lead)
        .join(Vendor, Vendor.id == Lead.vendor_id)
        .options(contains_eager(Lead.vendor))
        .order_by(*_order(by, intent), Response.id.desc())
    )
    km = _Distances(regions, intent.region_id)
    if by is Sort.DISTANCE:
        places = session.execute(select(Response.id, Response.region_id).join(Lead, lead).where(*in_talk))
        nearest = sorted(places, key=lambda place: (km.to(place[1]) is None, km.to(place[1]), -place[0]))
        query = query.where(Response.id.in_([id_ for id_, _ in nearest[:OFFERS_AT_MOST]]))
    else:
        query = query.where(*in_talk).limit(OFFERS_AT_MOST)
    found = [Offer(response, theirs, km.to(response.region_id)) for response, theirs in session.execute(query)]
    if by is Sort.DISTANCE:
        found.sort(key=lambda offer: (offer.km is None, offer.km, -offer.response.id))
    return found


class _Distances:
    """How far other places are from one."""

    def __init__(self, regions: Tree, from_id: int | None) -> None:
        self._regions = regions
        self._known: dict[int, int | None] = {}
        self._from = self._point(from_id) if from_id is not None else None

    def to(self, region_id: int | None) -> int | None:
        """Kilometres, along a great circle; None when either place is no point."""
        if region_id is None or self._from is None:
            return None
        if region_id not in self._known:
            point = self._point(region_id)
            self._known[region_id] = _km(self._from, point) if point is not None else None
        return self._known[region_id]

    def _point(self, region_id: int) -> tuple[float, float] | None:
        node = self._regions.node(region_id)
        if node.lat is None and node.kind == "subdivision":
            # A county or district stands where most of its people live.
            towns = [town for town in self._regions.children(region_id) if town.lat is not None]
            node = max(towns, key=lambda town: town.population, default=node)
        return (node.lat, node.lon) if node.lat is not None and node.lon is not None else None


def _km(one: tuple[float, float], other: tuple[float, float]) -> int:
    """The haversine formula on a sphere of 6,371 km."""
    (lat, lon), (lat2, lon2) = [(radians(point[0]), radians(point[1])) for point in (one, other)]
    half = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return round(2 * 6371 * asin(sqrt(half)))


def _order(by: Sort, intent: Intent) -> list[Any]:
    other_money = case((Response.currency == (intent.currency or ""), 0), (Response.currency.is_not(None), 1), else_=2)
    keys: dict[Sort, list[Any]] = {
        Sort.PRICE: [other_money, Response.currency, Response.price],
        Sort.CONDITION: [Response.condition.is_(None), Response.condition],
        Sort.UNTIL: [Response.valid_until.is_(None), Response.valid_until],
    }
    return keys.get(by, [])


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
