"""One intent → its offers side by side: the newest of each vendor who is still in the conversation, in an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session, contains_eager

from intents.models import Intent
from vendors.models import Kind, Lead, Response, Vendor
from vrm.kernel.tree import Tree

PAGE = 20


class Sort(StrEnum):
    """By what offers are put in order."""

    PRICE = "price"
    NEWEST = "newest"
    DISTANCE = "distance"
    CONDITION = "condition"
    UNTIL = "until"


@dataclass(frozen=True, slots=True)
class Offer:
    """The newest offer of one vendor who is still in the conversation."""

    response: Response
    lead: Lead
    km: int | None  # From the want's place to the offer's, middle to middle; None when one of them is no point.


@dataclass(frozen=True, slots=True)
class Place:
    """Where an offer stands among all: enough to find it, and by its vendor's code to go on after it."""

    response_id: int
    code: str
    km: int | None


@dataclass(frozen=True, slots=True)
class OffersPage:
    """Some offers, of how many, and the vendor's code after which the next page begins; None at the end."""

    shown: list[Offer]
    many: int
    next_after: str | None


def page(session: Session, intent: Intent, regions: Tree, *, by: Sort, after: str | None = None) -> OffersPage:
    """Some offers. `after` is the `next_after` of the page before; one that has no offer any more begins anew."""
    places = in_order(session, intent, regions, by=by)
    begin = next((at for at, place in enumerate(places, 1) if place.code == after), 0)
    shown = places[begin : begin + PAGE]
    more = begin + PAGE < len(places)
    return OffersPage(read(session, shown), len(places), shown[-1].code if more else None)


def in_order(session: Session, intent: Intent, regions: Tree, *, by: Sort = Sort.PRICE) -> list[Place]:
    """Every offer's place, first things first.

    Prices in other money than the want's come after those in the same: they cannot be compared.
    """
    newest = (
        select(func.max(Response.id))
        .where(Response.intent_id == intent.id, Response.kind == Kind.OFFER)
        .group_by(Response.vendor_id)
    )
    found = session.execute(
        select(Response.id, Vendor.code, Response.region_id)
        .join(Lead, _THEIRS)
        .join(Lead.vendor)
        .where(Response.id.in_(newest), Lead.declined_at.is_(None), Lead.withheld.is_(None))
        .order_by(*_order(by, intent), Response.id.desc())
    )
    km = _Distances(regions, intent.region_id)
    places = [Place(id_, code, km.to(region_id)) for id_, code, region_id in found]
    if by is Sort.DISTANCE:
        places.sort(key=lambda place: (place.km is None, place.km))
    return places


def read(session: Session, places: Sequence[Place]) -> list[Offer]:
    """The offers that stand at these places, in the same order."""
    query = (
        select(Response, Lead)
        .join(Lead, _THEIRS)
        .join(Lead.vendor)
        .options(contains_eager(Lead.vendor))
        .where(Response.id.in_([place.response_id for place in places]))
    )
    found = {response.id: (response, lead) for response, lead in session.execute(query)}
    return [Offer(*found[place.response_id], place.km) for place in places]


_THEIRS = and_(Lead.intent_id == Response.intent_id, Lead.vendor_id == Response.vendor_id)


def _order(by: Sort, intent: Intent) -> list[Any]:
    other_money = case((Response.currency == (intent.currency or ""), 0), (Response.currency.is_not(None), 1), else_=2)
    keys: dict[Sort, list[Any]] = {
        Sort.PRICE: [other_money, Response.currency, Response.price],
        Sort.CONDITION: [Response.condition.is_(None), Response.condition],
        Sort.UNTIL: [Response.valid_until.is_(None), Response.valid_until],
    }
    return keys.get(by, [])


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
