"""A want that reached nobody → who came nearest, and what stood in the way, with counts."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import asin, cos, radians, sin, sqrt

from sqlalchemy import ColumnElement, distinct, exists, func, or_, select
from sqlalchemy.orm import QueryableAttribute, Session

from intents.models import Intent
from vendors.models import Block, Membership, Subscription, Vendor
from vrm import rule
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Category, Region, Trees
from vrm.kernel.tree import Node, Tree

_LOOKED_AT = 1_000  # Subscriptions that nearly match; beyond, counts say “at least”.
_PLACES_SHOWN = 3
# What a filter asks for that the want does not give: of one vendor, of several.
_ASKS = {
    "budget": ("asks for a higher budget", "ask for a higher budget"),
    "condition": ("sells in another condition", "sell in another condition"),
    "distance": ("does not come so far", "do not come so far"),
    "words": ("listens for words that your want does not say", "listen for words that your want does not say"),
    "excluded": ("leaves out wants that say what yours says", "leave out wants that say what yours says"),
    "quantity": ("takes larger orders only", "take larger orders only"),
    "lead-time": ("needs more time than you give", "need more time than you give"),
    "language": ("reads wants in another language", "read wants in another language"),
}


def near_misses(session: Session, intent: Intent, trees: Trees) -> list[str]:
    """For an intent that reached nobody: how many come near, by what stands in the way."""
    if intent.category_id is None or intent.region_id is None:
        return ["This want has no category or no region yet."]
    category, region = trees.what(intent.category_id), trees.where(intent.region_id)
    sells = Subscription.category_id.in_(trees.categories.ancestors(intent.category_id))
    covers = Subscription.region_id.in_(trees.regions.ancestors(intent.region_id))
    within = _below(Region, trees.regions, intent.region_id, Subscription.region_id)
    narrower = _below(Category, trees.categories, intent.category_id, Subscription.category_id)
    found = list(_filtered(session, intent, trees, sells, covers))
    inside = _count(session, intent, sells, within, ~covers)
    if inside:
        found.append(
            f"{vendors(inside)} {verb(inside, 'sells', 'sell')} {category} in parts of {region} only; choose one "
            "of its places to reach them."
        )
    special = _count(session, intent, narrower, covers, ~sells)
    if special:
        found.append(
            f"{vendors(special)} in {region} {verb(special, 'listens', 'listen')} to a part of {category} only; choose "
            "a narrower category to reach them."
        )
    elsewhere = _count(session, intent, sells, ~covers, ~within)
    if elsewhere:
        nearest = _nearest(session, intent, trees, sells, ~covers, ~within)
        found.append(
            f"{vendors(elsewhere)} {verb(elsewhere, 'sells', 'sell')} {category}, but none of them in {region}"
            f"{'; the nearest ' + nearest if nearest else ''}."
        )
    if not found:
        found.append(f"No vendor listens to {category} yet. Your want stays open, and the first to come will hear.")
    return found


def vendors(count: int) -> str:
    """ "1 vendor", "1,200 vendors"."""
    return "1 vendor" if count == 1 else f"{count:,} vendors"


def verb(count: int, one: str, many: str) -> str:
    """The form that goes with the count."""
    return one if count == 1 else many


def _filtered(
    session: Session, intent: Intent, trees: Trees, sells: ColumnElement[bool], covers: ColumnElement[bool]
) -> Iterator[str]:
    """Who sells it there: each vendor counted at the filter, or the filters, that stopped its nearest subscription."""
    near = session.scalars(
        select(Subscription).join(Vendor).where(sells, covers, *_listening(intent)).limit(_LOOKED_AT)
    ).all()
    nearest: dict[int, tuple[str, ...]] = {}
    floors: dict[int, Money] = {}
    for subscription in near:
        stops = tuple(sorted(stop.value for stop in rule.stops(subscription, intent, trees)))
        before = nearest.get(subscription.vendor_id)
        if before is None or len(stops) < len(before):
            nearest[subscription.vendor_id] = stops
            if subscription.currency is not None:
                floors[subscription.vendor_id] = Money(subscription.min_budget, subscription.currency)
    where = f"{trees.what(intent.category_id or 0)} in {trees.where(intent.region_id or 0)}"
    by_stops: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for vendor_id, stops in nearest.items():
        by_stops[tuple(stop for stop in stops if stop in _ASKS)].append(vendor_id)
    at_least = "At least " if len(near) == _LOOKED_AT else ""
    for stops, ids in sorted(by_stops.items(), key=lambda found: -len(found[1])):
        if not stops:
            continue  # It matches, and is told in a moment.
        count = len(ids)
        asks = " and ".join(_ASKS[stop][count > 1] for stop in stops)
        lowest = _lowest(stops, ids, floors)
        yield f"{at_least}{vendors(count)} {verb(count, 'sells', 'sell')} {where}, but {asks}{lowest}."


def _lowest(stops: tuple[str, ...], ids: list[int], floors: dict[int, Money]) -> str:
    """The lowest budget that one of them takes, when it is the budget alone that stands in the way."""
    asked = [floors[id_] for id_ in ids if id_ in floors]
    if stops != ("budget",) or not asked or len({floor.currency for floor in asked}) > 1:
        return ""
    return f"; from {min(asked, key=lambda floor: floor.minor).text()} upwards one would hear of it"


def _nearest(session: Session, intent: Intent, trees: Trees, *conditions: ColumnElement[bool]) -> str:
    """Where the nearest of them are: "is in Bradford, 13 km away", "are in England and Wales"."""
    regions = session.execute(
        select(Subscription.region_id, func.count(distinct(Subscription.vendor_id)))
        .join(Vendor)
        .where(*conditions, *_listening(intent))
        .group_by(Subscription.region_id)
        .limit(_LOOKED_AT)
    )
    counts = Counter({region_id: count for region_id, count in regions if region_id in trees.regions})
    if intent.region_id is None or not counts:
        return ""
    here = trees.regions.node(intent.region_id)
    away = {id_: _km(here, trees.regions.node(id_)) for id_ in counts}
    known = {id_: km for id_, km in away.items() if km is not None}
    if known:
        closest = min(known, key=known.__getitem__)
        return f"is in {trees.where(closest)}, {known[closest]:,.0f} km away"
    shared = {id_: _shared(trees.regions, here.id, id_) for id_ in counts}
    most = max(shared.values())
    names = [trees.where(id_) for id_, _ in counts.most_common() if shared[id_] == most][:_PLACES_SHOWN]
    return f"{'is' if len(names) == 1 else 'are'} in {_listed(names)}"


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _shared(tree: Tree, one: int, other: int) -> int:
    """How many levels two nodes have above them in common."""
    pairs = zip(tree.path(one), tree.path(other), strict=False)
    return sum(1 for left, right in pairs if left.id == right.id)


def _km(one: Node, other: Node) -> float | None:
    """Along a great circle (haversine); None when one of them is not a point."""
    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return None
    south, north = radians(one.lat), radians(other.lat)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(radians(other.lon - one.lon) / 2) ** 2
    return 2 * 6371 * asin(sqrt(half))


def _count(session: Session, intent: Intent, *conditions: ColumnElement[bool]) -> int:
    query = select(func.count(distinct(Subscription.vendor_id))).join(Vendor).where(*conditions, *_listening(intent))
    return session.scalar(query) or 0


def _listening(intent: Intent) -> tuple[ColumnElement[bool], ...]:
    return (
        Subscription.ended_at.is_(None),
        Subscription.paused_at.is_(None),
        Vendor.paused_at.is_(None),
        Vendor.closed_at.is_(None),
        # The author's own vendors and those that are blocked are nobody's near miss.
        ~exists().where(Membership.vendor_id == Vendor.id, Membership.account_id == intent.account_id),
        ~exists().where(Block.vendor_id == Vendor.id, Block.account_id == intent.account_id),
    )


def _below(
    table: type[Category] | type[Region], tree: Tree, node_id: int, column: QueryableAttribute[int]
) -> ColumnElement[bool]:
    ranges = [table.lft.between(lft, rgt) for lft, rgt in tree.intervals(node_id)]
    return column.in_(select(table.id).where(or_(*ranges)))
