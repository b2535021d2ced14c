"""Which subscriptions an intent reaches, and which open intents a subscription reaches, as one statement each.

A subscription covers an intent when its category is the intent's own or lies above it, when its region or circle
covers the place where it is wanted, and when its filters let the intent pass. The same rule stands three times: here
in SQL from the side of the intent and from the side of the subscription, and in Python in `rule`, where it says what
stood in the way. Tests hold the three against each other.

A region covers what is wanted at it or below it, and what is wanted around a point when one of the cities in that
circle lies at it or below it. A circle covers what is wanted around a point when the two circles touch, what is wanted
in a city when it reaches the city, and what is wanted in a wider place when it reaches all of its cities.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Dialect,
    Float,
    FromClause,
    Integer,
    Select,
    String,
    Subquery,
    TypeDecorator,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import aliased

from intents.draft import Condition
from intents.models import Intent, IntentPlace
from vendors.models import Block, Lead, Membership, Subscription, SubscriptionWord
from vendors.subscribe import needles
from vrm import rule
from vrm.kernel import earth, rates, stems
from vrm.kernel.db import Document, MomentType
from vrm.kernel.rates import Rate
from vrm.kernel.sql import days_until, holds
from vrm.kernel.taxonomy import Category, Region, Trees
from vrm.kernel.tree import Tree

# The columns that both statements select, in the order in which leads are inserted.
LEAD_COLUMNS = ("intent_id", "vendor_id", "reasons", "routed_at")
# The vendor of a lead that `matching` opens, for expressions that are added to it.
VENDOR_ID: ColumnElement[int] = literal_column("found.vendor_id", BigInteger)


# --- From the side of the intent ------------------------------------------------------------------


@cache
def matching(dialect: str) -> Select[Any]:
    """The leads of one intent. Parameters: `intent_parameters`.

    Probes two covering indexes: subscriptions without a required word by every pair of a category and a place, the
    others by the words that the intent says. A budget that is not given cannot be below the floor.
    """
    return gathered(dialect, found(dialect))


def found(dialect: str) -> Subquery:
    """The subscriptions that an intent reaches, one by one. Parameters as `matching` has them."""
    return union_all(_found(dialect, words=False), _found(dialect, words=True)).subquery("found")


def gathered(dialect: str, found: FromClause) -> Select[Any]:
    """One lead for each vendor, with all of its subscriptions that were found as the reasons."""
    return (
        select(
            bindparam("intent_id", type_=BigInteger).label("intent_id"),
            found.c.vendor_id,
            _reasons(dialect, found.c.words, found.c.id, found.c.category_id, found.c.region_id).label("reasons"),
            bindparam("now", type_=MomentType).label("routed_at"),
        )
        .group_by(found.c.vendor_id)
        # Leads are then written in the order of their key.
        .order_by(found.c.vendor_id)
    )


def _found(dialect: str, *, words: bool) -> Select[*tuple[Any, ...]]:
    """The subscriptions that have a required word, or those that have none."""
    anchored = (
        _said_by_some(dialect) if words else Subscription.anchor.is_(None),
        _among(dialect, Subscription.category_id, "category_ids"),
        _among(dialect, Subscription.place, "places"),
    )
    condition = bindparam("condition", type_=String)
    days, language = bindparam("days_left", type_=Integer), bindparam("language", type_=String)
    # Of words the row is read, once all filters of the index have let it pass: there they would make it large.
    required: ColumnElement[Any] = type_coerce(Subscription.required, Document) if words else null()
    if dialect == "postgresql" and not words:
        required = cast(required, Document)
    found = (Subscription.vendor_id, Subscription.id, Subscription.category_id, Subscription.region_id)
    return select(*found, required.label("words")).where(
        *anchored,
        Subscription.silent_at.is_(None),
        _may_hear(Subscription.vendor_id, bindparam("canary_for", type_=BigInteger)),
        _is_enough(),
        _same_condition(Subscription.condition, condition),
        or_(Subscription.min_quantity.is_(None), Subscription.min_quantity <= bindparam("quantity", type_=Integer)),
        or_(Subscription.lead_days.is_(None), days.is_(None), Subscription.lead_days <= days),
        or_(Subscription.language.is_(None), language.is_(None), Subscription.language == language),
        or_(Subscription.reach_km.is_(None), _touches()),
        or_(Subscription.has_words.is_(False), _says_it()),
        Subscription.vendor_id.not_in(_closed_to(bindparam("author_id", type_=BigInteger))),
    )


def _said_by_some(dialect: str) -> ColumnElement[bool]:
    """Whether the intent says the anchor.

    Most of what an intent says is nobody's anchor. Seen to first, with one probe a word, this made finding ten
    vendors three times as fast: the index would be probed for each of these words with every category.
    """
    one = aliased(Subscription)
    if dialect == "postgresql":
        said = func.unnest(bindparam("anchors", type_=ARRAY(BigInteger))).column_valued("word")
        known = select(said).where(exists().where(one.anchor == said, one.silent_at.is_(None)))
        matches: ColumnElement[bool] = Subscription.anchor == any_(func.array(known.scalar_subquery()))
        return matches
    word = func.json_each(bindparam("anchors", type_=_Numbers)).table_valued("value").c.value
    within: ColumnElement[bool] = Subscription.anchor.in_(
        select(word).where(exists().where(one.anchor == word, one.silent_at.is_(None)))
    )
    return within


def intent_parameters(intent: Intent, trees: Trees, now: datetime) -> dict[str, Any]:
    """What `matching` asks for, from an open intent."""
    if intent.category_id is None or intent.region_id is None:
        raise ValueError(f"Intent {intent.code} has no category or region, and cannot be matched.")
    spot = rule.spot_of(intent, trees)
    x, y, z = spot.point if spot is not None else (None, None, None)
    cells = earth.cells_near(spot.point, spot.slack_km) if spot is not None else ()
    per_euro = rates.known().get(intent.currency or "")
    return {
        "intent_id": intent.id,
        "author_id": intent.account_id,
        "canary_for": intent.canary_for,
        "category_ids": list(trees.categories.ancestors(intent.category_id)),
        "places": [*rule.above(intent, trees), *cells],
        "anchors": stems.anchors(intent.title, intent.body),
        "said": rule.said(intent.title, intent.body),
        "x": x,
        "y": y,
        "z": z,
        "slack_km": spot.slack_km if spot is not None else None,
        "budget": intent.budget_max,
        "currency": intent.currency or "",
        "euros": intent.budget_max / per_euro if intent.budget_max is not None and per_euro else None,
        "condition": intent.condition.value,
        "quantity": intent.quantity,
        "days_left": (intent.needed_by - now.date()).days if intent.needed_by else None,
        "language": rule.language(intent),
        "now": now,
    }


def _is_enough() -> ColumnElement[bool]:
    budget, currency = bindparam("budget", type_=BigInteger), bindparam("currency", type_=String)
    per_euro = select(Rate.per_euro).where(Rate.currency == Subscription.currency).scalar_subquery()
    # In the order in which `rates.reaches` reckons. Without a rate it is NULL, which stands in nobody's way.
    converted = Subscription.min_budget <= per_euro * bindparam("euros", type_=Float)
    return or_(
        Subscription.min_budget == 0,
        budget.is_(None),
        and_(Subscription.currency == currency, Subscription.min_budget <= budget),
        and_(Subscription.currency != currency, func.coalesce(converted, true())),
    )


def _touches() -> ColumnElement[bool]:
    x, y, z, slack_km = (bindparam(name, type_=Float) for name in ("x", "y", "z", "slack_km"))
    km = Subscription.reach_km + slack_km
    apart = earth.apart_squared((Subscription.x, Subscription.y, Subscription.z), (x, y, z))
    return and_(km >= 0, apart <= earth.straight_squared(km))


def _says_it() -> ColumnElement[bool]:
    """No word that is required is missing, and none that is excluded is there."""
    in_it = holds(bindparam("said", type_=String), SubscriptionWord.needle)
    in_the_way = (SubscriptionWord.subscription_id == Subscription.id, SubscriptionWord.excluded == in_it)
    # A scalar subquery stays a probe. PostgreSQL may turn NOT EXISTS into a join that reads all the words.
    return select(SubscriptionWord.subscription_id).where(*in_the_way).limit(1).scalar_subquery().is_(None)


# --- From the side of the subscription ------------------------------------------------------------


def reached(dialect: str, subscription: Subscription, trees: Trees, now: datetime) -> Select[Any]:
    """The leads that one subscription opens over intents that are open now. Parameter: `now`."""
    return (
        select(
            Intent.id.label("intent_id"),
            _number(subscription.vendor_id).label("vendor_id"),
            _reasons(
                dialect,
                bindparam(None, subscription.required, type_=Document) if subscription.required else null(),
                _number(subscription.id),
                _number(subscription.category_id),
                _number(subscription.region_id),
            ).label("reasons"),
            bindparam("now", type_=MomentType).label("routed_at"),
        )
        .where(
            Intent.opened_at.is_not(None),
            Intent.closed_at.is_(None),
            Intent.paused_at.is_(None),
            *covered(subscription, trees, now=now),
        )
        .group_by(Intent.id)
        .order_by(Intent.id)
    )


def covered(subscription: Subscription, trees: Trees, *, now: datetime | None = None) -> Sequence[ColumnElement[bool]]:
    """What makes an intent one for this subscription, whether or not it is open, in conditions over intents.

    Whether there is time enough is seen from `now`, or from when each intent was opened.
    """
    return (
        _below(Intent.category_id, Category, trees.categories, subscription.category_id),
        _in_circle(subscription, trees) if subscription.reach_km is not None else _in_region(subscription, trees),
        *(holds(Intent.said, needle) != excluded for needle, excluded in needles(subscription)),
        _above_floor(subscription),
        _same_condition(Intent.condition, subscription.condition),
        Intent.quantity >= subscription.min_quantity if subscription.min_quantity is not None else true(),
        _in_time(subscription, now),
        _in_language(subscription),
        _may_hear(_number(subscription.vendor_id), Intent.canary_for),
        *_not_its_own(subscription.vendor_id),
    )


def _in_region(subscription: Subscription, trees: Trees) -> ColumnElement[bool]:
    below = _below(Intent.region_id, Region, trees.regions, subscription.region_id)
    if subscription.region_id == trees.regions.root.id:
        return below
    there = _below(IntentPlace.region_id, Region, trees.regions, subscription.region_id)
    return or_(below, Intent.id.in_(select(IntentPlace.intent_id).where(there)))


def _in_circle(subscription: Subscription, trees: Trees) -> ColumnElement[bool]:
    centre, reach_km = rule.centre(subscription), subscription.reach_km or 0
    apart = earth.apart_squared(centre, (Intent.near_x, Intent.near_y, Intent.near_z))
    return or_(
        and_(Intent.near_km.is_(None), Intent.region_id.in_(trees.regions.reached_from(centre, reach_km))),
        and_(Intent.near_km.is_not(None), apart <= earth.straight_squared(reach_km + Intent.near_km)),
    )


def _above_floor(subscription: Subscription) -> ColumnElement[bool]:
    if subscription.currency is None:
        return true()
    per_euro = select(Rate.per_euro).where(Rate.currency == Intent.currency).scalar_subquery()
    own_rate = bindparam(None, rates.known().get(subscription.currency), type_=Float)
    converted = subscription.min_budget <= own_rate * (Intent.budget_max / per_euro)
    return or_(
        Intent.budget_max.is_(None),
        and_(Intent.currency == subscription.currency, Intent.budget_max >= subscription.min_budget),
        and_(Intent.currency != subscription.currency, func.coalesce(converted, true())),
    )


def _in_time(subscription: Subscription, now: datetime | None) -> ColumnElement[bool]:
    if subscription.lead_days is None:
        return true()
    seen_from = Intent.opened_at if now is None else bindparam(None, now, type_=MomentType)
    return or_(Intent.needed_by.is_(None), days_until(Intent.needed_by, seen_from) >= subscription.lead_days)


def _in_language(subscription: Subscription) -> ColumnElement[bool]:
    if subscription.language is None:
        return true()
    tag = func.lower(Intent.language)
    return or_(Intent.language.is_(None), tag == subscription.language, tag.like(f"{subscription.language}-%"))


# --- Parts ----------------------------------------------------------------------------------------


def _may_hear(vendor_id: Any, canary_for: Any) -> ColumnElement[bool]:
    """A marked want is for one vendor, see intents/canaries.py."""
    return or_(canary_for.is_(None), canary_for == vendor_id)


def _closed_to(account_id: ColumnElement[int]) -> CompoundSelect[int]:
    # A list that is made once; asking for each subscription whether its vendor is on it took twice as long.
    return union_all(*(select(table.vendor_id).where(table.account_id == account_id) for table in (Membership, Block)))


def _not_its_own(vendor_id: int) -> Sequence[ColumnElement[bool]]:
    return tuple(
        ~select(table.vendor_id).where(table.vendor_id == vendor_id, table.account_id == Intent.account_id).exists()
        for table in (Membership, Block)
    )


def _same_condition(left: Any, right: Any) -> ColumnElement[bool]:
    return or_(left == Condition.ANY, right == Condition.ANY.value, left == right)


class _Numbers(TypeDecorator[list[int]]):
    """Numbers as a text in JSON."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: list[int] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value)


def _among(dialect: str, column: Any, name: str) -> ColumnElement[bool]:
    if dialect == "postgresql":
        matches: ColumnElement[bool] = column == any_(bindparam(name, type_=ARRAY(BigInteger)))
        return matches
    # One parameter however many there are, so that the text of the statement never changes.
    each = func.json_each(bindparam(name, type_=_Numbers)).table_valued("value")
    within: ColumnElement[bool] = column.in_(select(each.c.value))
    return within


def _below(column: Any, table: type[Category] | type[Region], tree: Tree, node_id: int) -> ColumnElement[bool]:
    if node_id == tree.root.id:
        return true()
    ranges = [table.lft.between(lft, rgt) for lft, rgt in tree.intervals(node_id)]
    below: ColumnElement[bool] = column.in_(select(table.id).where(or_(*ranges)))
    return below


def _number(value: int) -> ColumnElement[int]:
    return bindparam(None, value, type_=BigInteger)


def _reasons(dialect: str, words: ColumnElement[Any], *columns: Any) -> ColumnElement[Any]:
    """Every subscription that matched, as [id, category, region, words]: the lead's reasons."""
    if dialect == "postgresql":
        each = case((words.is_(None), func.jsonb_build_array(*columns)), else_=func.jsonb_build_array(*columns, words))
        return func.jsonb_agg(each, type_=Lead.reasons.type)
    each = case((words.is_(None), func.json_array(*columns)), else_=func.json_array(*columns, func.json(words)))
    return func.json_group_array(each, type_=Lead.reasons.type)
