"""Which subscriptions an intent reaches, and which open intents a subscription reaches, as one statement each.

A subscription covers an intent when its category and its region are the intent's own or lie above them, and
its filters let the intent pass. The same rule stands here three times: in SQL from the side of the intent,
in SQL from the side of the subscription, and in Python (`stops`), where it says what stood in the way.
Tests hold the three against each other.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    String,
    TextClause,
    any_,
    bindparam,
    func,
    or_,
    select,
    text,
    true,
    union_all,
)

from intents.draft import Condition
from intents.models import Intent
from vendors.models import Block, Lead, Membership, Subscription, Vendor
from vrm.kernel.db import MomentType
from vrm.kernel.taxonomy import Category, Region, Trees
from vrm.kernel.tree import Tree

# The columns that both statements select, in the order in which leads are inserted.
LEAD_COLUMNS = ("intent_id", "vendor_id", "reasons", "routed_at")


class Stop(StrEnum):
    """What keeps a subscription from an intent."""

    CATEGORY = "category"
    REGION = "region"
    BUDGET = "budget"
    CONDITION = "condition"
    PAUSED = "paused"


def stops(subscription: Subscription, intent: Intent, trees: Trees) -> list[Stop]:
    """Everything about this subscription that keeps it from this intent; empty when it matches."""
    found: list[Stop] = []
    if intent.category_id is None or not trees.categories.covers(subscription.category_id, intent.category_id):
        found.append(Stop.CATEGORY)
    if intent.region_id is None or not trees.regions.covers(subscription.region_id, intent.region_id):
        found.append(Stop.REGION)
    if (
        subscription.currency is not None
        and subscription.currency == intent.currency
        and intent.budget_max is not None
        and intent.budget_max < subscription.min_budget
    ):
        found.append(Stop.BUDGET)
    if Condition.ANY not in (subscription.condition, intent.condition) and subscription.condition != intent.condition:
        found.append(Stop.CONDITION)
    if subscription.paused_at is not None:
        found.append(Stop.PAUSED)
    return found


@cache
def matching(dialect: str) -> Select[Any]:
    """The leads of one intent. Parameters: `intent_parameters` and `now`.

    Probes every pair of the intent's ancestors through one covering index. A budget that is not given, or
    is in another currency than the floor, cannot be below the floor.
    """
    budget = bindparam("budget", type_=BigInteger)
    currency = bindparam("currency", type_=String)
    condition = bindparam("condition", type_=String)
    return (
        select(
            bindparam("intent_id", type_=BigInteger).label("intent_id"),
            Subscription.vendor_id,
            _reasons(dialect, Subscription.id, Subscription.category_id, Subscription.region_id).label("reasons"),
            bindparam("now", type_=MomentType).label("routed_at"),
        )
        .where(
            _among(dialect, Subscription.category_id, "category_ids"),
            _among(dialect, Subscription.region_id, "region_ids"),
            *_listening(),
            or_(
                Subscription.min_budget == 0,
                budget.is_(None),
                Subscription.currency != currency,
                Subscription.min_budget <= budget,
            ),
            _same_condition(Subscription.condition, condition),
            Subscription.vendor_id.not_in(_closed_to(bindparam("author_id", type_=BigInteger))),
            _heard(dialect),
        )
        .group_by(Subscription.vendor_id)
        # Leads are then written in the order of their key.
        .order_by(Subscription.vendor_id)
    )


def intent_parameters(intent: Intent, trees: Trees) -> dict[str, Any]:
    """What `matching` asks for, from an open intent."""
    if intent.category_id is None or intent.region_id is None:
        raise ValueError(f"Intent {intent.code} has no category or region, and cannot be matched.")
    return {
        "intent_id": intent.id,
        "author_id": intent.account_id,
        "category_ids": list(trees.categories.ancestors(intent.category_id)),
        "region_ids": list(trees.regions.ancestors(intent.region_id)),
        "budget": intent.budget_max,
        "currency": intent.currency or "",
        "condition": intent.condition.value,
    }


def reached(dialect: str, subscription: Subscription, trees: Trees) -> Select[Any]:
    """The leads that one subscription opens over intents that are open now. Parameter: `now`."""
    return (
        select(
            Intent.id.label("intent_id"),
            _number(subscription.vendor_id).label("vendor_id"),
            _reasons(
                dialect,
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
            *covered(subscription, trees),
        )
        .group_by(Intent.id)
        .order_by(Intent.id)
    )


def covered(subscription: Subscription, trees: Trees) -> Sequence[ColumnElement[bool]]:
    """What makes an intent one for this subscription, whether or not it is open, in conditions over intents."""
    return (
        _below(Intent.category_id, Category, trees.categories, subscription.category_id),
        _below(Intent.region_id, Region, trees.regions, subscription.region_id),
        _above_floor(subscription),
        _same_condition(Intent.condition, subscription.condition),
        *_not_its_own(subscription.vendor_id),
    )


def _listening() -> Sequence[ColumnElement[bool]]:
    # In the words of the partial index, so that the planner recognises it.
    return (Subscription.ended_at.is_(None), Subscription.paused_at.is_(None))


def _closed_to(account_id: ColumnElement[int]) -> CompoundSelect[int]:
    # A list that is made once; asking for each subscription whether its vendor is on it took twice as long.
    return union_all(*(select(table.vendor_id).where(table.account_id == account_id) for table in (Membership, Block)))


def _heard(dialect: str) -> ColumnElement[bool] | TextClause:
    """Whether the subscription's vendor is listening at all, asked of the few that are not: they stay in memory."""
    if dialect == "sqlite":
        # SQLAlchemy cannot say INDEXED BY. Left to itself, SQLite reads the vendor's whole row, anywhere in the file:
        # with a million subscriptions that took four times as long as all the rest.
        return text(
            "NOT EXISTS (SELECT 1 FROM vendors INDEXED BY ix_vendors_silent WHERE vendors.id = subscriptions.vendor_id"
            " AND (vendors.paused_at IS NOT NULL OR vendors.closed_at IS NOT NULL))"
        )
    # A scalar subquery stays a probe. PostgreSQL may turn NOT EXISTS into a join that reads all silent vendors, and
    # did once it had prepared the statement: with a million subscriptions, 15 ms instead of 1 for ten matches.
    silent = or_(Vendor.paused_at.is_not(None), Vendor.closed_at.is_not(None))
    return select(Vendor.id).where(Vendor.id == Subscription.vendor_id, silent).scalar_subquery().is_(None)


def _not_its_own(vendor_id: int) -> Sequence[ColumnElement[bool]]:
    return tuple(
        ~select(table.vendor_id).where(table.vendor_id == vendor_id, table.account_id == Intent.account_id).exists()
        for table in (Membership, Block)
    )


def _above_floor(subscription: Subscription) -> ColumnElement[bool]:
    if subscription.currency is None:
        return true()
    return or_(
        Intent.budget_max.is_(None),
        Intent.currency != subscription.currency,
        Intent.budget_max >= subscription.min_budget,
    )


def _same_condition(left: Any, right: Any) -> ColumnElement[bool]:
    return or_(left == Condition.ANY, right == Condition.ANY.value, left == right)


def _among(dialect: str, column: Any, name: str) -> ColumnElement[bool]:
    if dialect == "postgresql":
        matches: ColumnElement[bool] = column == any_(bindparam(name, type_=ARRAY(BigInteger)))
        return matches
    within: ColumnElement[bool] = column.in_(bindparam(name, expanding=True))
    return within


def _below(column: Any, table: type[Category] | type[Region], tree: Tree, node_id: int) -> ColumnElement[bool]:
    if node_id == tree.root.id:
        return true()
    ranges = [table.lft.between(lft, rgt) for lft, rgt in tree.intervals(node_id)]
    below: ColumnElement[bool] = column.in_(select(table.id).where(or_(*ranges)))
    return below


def _number(value: int) -> ColumnElement[int]:
    return bindparam(None, value, type_=BigInteger)


def _reasons(dialect: str, *columns: Any) -> ColumnElement[Any]:
    # Every subscription that matched, as [id, category, region]: the lead's reasons.
    if dialect == "postgresql":
        return func.jsonb_agg(func.jsonb_build_array(*columns), type_=Lead.reasons.type)
    return func.json_group_array(func.json_array(*columns), type_=Lead.reasons.type)
