"""Trees that change while intents and subscriptions live: rows follow a merge, and what is newly covered is found.

A lead that was opened stays, and leads are opened once: nothing is taken back and nothing is sent again. What a move
adds is a rectangle: those who listen at the nodes that are newly above, times what is wanted at or below the node.
Every pair in it is found from either side, by backfilling the subscriptions or by routing the intents again; the side
with fewer rows is asked to. Elsewhere coverage cannot have grown, and nothing is looked at again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, text, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from intents.models import Blog, Intent, IntentPlace
from vendors.models import Response, Subscription
from vendors.watches import Sighting
from vrm.kernel import own_lines, reshape, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.edition import Edition, Line
from vrm.kernel.errors import BadInput
from vrm.kernel.loading import LoadReport, Progress, load
from vrm.kernel.own_lines import OwnReport
from vrm.kernel.taxonomy import TreeName
from vrm.kernel.tree import Tree

_UNCHECKED = {"synchronize_session": False}

_Column = InstrumentedAttribute[int] | InstrumentedAttribute[int | None]


@dataclass(frozen=True, slots=True)
class Living:
    """What an edit of a node touches: open intents and subscriptions that have not ended."""

    intents: int
    subscriptions: int


def at_or_below(session: Session, name: TreeName, node_id: int) -> Living:
    """What lives at the node and below it; of a group, at and below its members."""
    tree = taxonomy.trees(session).of(name)
    return _living(session, name, _below(name, tree, node_id))


def at(session: Session, name: TreeName, node_id: int) -> Living:
    """What lives at this very node."""
    return _living(session, name, [node_id])


def upgrade(
    session: Session,
    now: datetime,
    *,
    edition: Edition | None = None,
    anew: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Bring the trees up to an edition while subscriptions and intents live; the committed one if not said.

    What points at a node that vanished follows to the one that stands for it. Leads stay as they are, and whoever
    newly covers something hears of what is open there. See `loading.load`.
    """
    _hold_still(session)
    report = load(session, now, edition=edition, anew=anew, progress=progress)
    if not report.moved:
        return report
    trees = taxonomy.trees(session)
    for moved in report.moved:
        tree = trees.of(moved.name)
        if moved.into_id is not None:
            _find(session, moved.name, [moved.id], _below(moved.name, tree, moved.into_id))
        _find(session, moved.name, _newly_above(tree, moved.from_id, moved.id), _below(moved.name, tree, moved.id))
        if moved.into_id is not None:
            _follow(session, moved.name, moved.id, moved.into_id)
    return report


def load_lines(
    session: Session, name: TreeName, lines: Iterable[Line], now: datetime, *, by: Account | None
) -> OwnReport:
    """Add and change nodes as an operator's lines say; who newly covers something hears of what is open there."""
    _hold_still(session)
    report = own_lines.load_lines(session, name, lines, now, by=by)
    if report.moved:
        tree = taxonomy.trees(session).of(name)
        for moved in report.moved:
            _find(session, name, _newly_above(tree, moved.from_id, moved.id), _below(name, tree, moved.id))
    return report


def move(session: Session, name: TreeName, node_id: int, parent_id: int, now: datetime, *, by: Account | None) -> None:
    """Hang a node with all below it on another parent; who then covers it hears of what is open there.

    Leads stay as they are. Raises as `reshape.move`.
    """
    _hold_still(session)
    tree = taxonomy.trees(session).of(name)
    reshape.check_move(tree, name, node_id, parent_id)
    _find(session, name, _newly_above(tree, node_id, parent_id), _below(name, tree, node_id))
    reshape.move(session, name, node_id, parent_id, now, by=by)


def merge(session: Session, name: TreeName, node_id: int, into_id: int, now: datetime, *, by: Account | None) -> None:
    """Make one node of two: subscriptions, intents and the homes of blogs follow to the one that stays.

    Subscriptions and intents keep their leads, and get those that they newly match. Raises as `reshape.merge`.
    """
    _hold_still(session)
    tree = taxonomy.trees(session).of(name)
    reshape.check_merge(tree, name, node_id, into_id)
    _find(session, name, _newly_above(tree, node_id, into_id), _below(name, tree, node_id))
    _find(session, name, [node_id], _below(name, tree, into_id))
    _follow(session, name, node_id, into_id)
    reshape.merge(session, name, node_id, into_id, now, by=by)


def retire(session: Session, name: TreeName, node_id: int, now: datetime, *, by: Account | None) -> None:
    """Offer a node no longer. BadInput while something is below it, or an intent or subscription stands at it."""
    _hold_still(session)
    living = at(session, name, node_id)
    if living.intents or living.subscriptions:
        label = taxonomy.trees(session).of(name).label(node_id)
        raise BadInput(
            {
                "node": f"{living.subscriptions:,} subscriptions and {living.intents:,} open intents are at “{label}”; "
                "merge it into another, and they follow."
            }
        )
    reshape.retire(session, name, node_id, now, by=by)


def referring(name: TreeName) -> tuple[_Column, ...]:
    """Every column outside the trees that says a node of this one and follows it in a merge."""
    if name is TreeName.CATEGORIES:
        return (Subscription.category_id, Intent.category_id, Blog.home_category_id, Sighting.category_id)
    return (
        *(Subscription.region_id, Intent.region_id, Blog.home_region_id, Response.region_id, Sighting.region_id),
        Subscription.place,
    )


def _follow(session: Session, name: TreeName, node_id: int, into_id: int) -> None:
    for column in referring(name):
        follow = update(column.class_).where(column == node_id).values({column.key: into_id})
        session.execute(follow, execution_options=_UNCHECKED)


# --- Parts ----------------------------------------------------------------------------------------


def _hold_still(session: Session) -> None:
    """Wait for those who write subscriptions and intents, and let them wait, until this transaction ends.

    Otherwise an intent that was published meanwhile could be routed by the tree as it was. Routing and backfilling read
    the tree after they have taken their row, which waits here. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        # In the order in which backfilling takes them.
        session.execute(text("LOCK TABLE subscriptions, intents IN EXCLUSIVE MODE"))


def _newly_above(tree: Tree, node_id: int, parent_id: int) -> list[int]:
    before = set(tree.ancestors(node_id))
    return [id_ for id_ in tree.ancestors(parent_id) if id_ not in before]


def _find(session: Session, name: TreeName, above: Collection[int], below: Any) -> None:
    """Have every pair of a subscription at `above` and an open intent at `below` looked at again.

    What is paused or not looked at yet is found anyhow, when it is resumed or looked at.
    """
    sells, wants = referring(name)[:2]
    listening = (
        sells.in_(above),
        Subscription.ended_at.is_(None),
        Subscription.paused_at.is_(None),
        Subscription.backfilled_at.is_not(None),
    )
    there: ColumnElement[bool] = wants.in_(below)
    if name is TreeName.REGIONS:  # Also what is wanted around a point, when a city around it is there.
        there = or_(there, Intent.id.in_(select(IntentPlace.intent_id).where(IntentPlace.region_id.in_(below))))
    wanted = (
        there,
        Intent.opened_at.is_not(None),
        Intent.closed_at.is_(None),
        Intent.paused_at.is_(None),
        Intent.routed_at.is_not(None),
    )
    subscriptions = session.scalar(select(func.count()).select_from(Subscription).where(*listening)) or 0
    intents = session.scalar(select(func.count()).select_from(Intent).where(*wanted)) or 0
    if not subscriptions or not intents:
        return
    if subscriptions < intents:
        again = update(Subscription).where(*listening).values(backfilled_at=None)
    else:
        again = update(Intent).where(*wanted).values(routed_at=None)
    session.execute(again, execution_options=_UNCHECKED)


def _below(name: TreeName, tree: Tree, node_id: int) -> Any:
    table = name.model
    ranges: list[ColumnElement[bool]] = [table.lft.between(lft, rgt) for lft, rgt in tree.intervals(node_id)]
    return select(table.id).where(or_(*ranges))


def _living(session: Session, name: TreeName, ids: Any) -> Living:
    sells, wants = referring(name)[:2]
    open_ = (wants.in_(ids), Intent.opened_at.is_not(None), Intent.closed_at.is_(None))
    standing = (sells.in_(ids), Subscription.ended_at.is_(None))
    return Living(
        session.scalar(select(func.count()).select_from(Intent).where(*open_)) or 0,
        session.scalar(select(func.count()).select_from(Subscription).where(*standing)) or 0,
    )
