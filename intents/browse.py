"""What is openly wanted → lists for whoever looks around: by category, region and words, the newest first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.base import ExecutableOption

from intents.draft import Visibility
from intents.models import Intent
from vrm.kernel.db import is_code
from vrm.kernel.taxonomy import Category, Region, Trees
from vrm.kernel.tree import Node, Tree

PAGE = 30


@dataclass(frozen=True, slots=True)
class Where:
    """What is looked through: everything, or what lies below these."""

    category: Node | None = None
    region: Node | None = None
    words: str = ""  # All of them in the title, in any case.


@dataclass(frozen=True, slots=True)
class OpenWants:
    """One page, and where the next one begins; None at the end."""

    intents: list[Intent]
    next_before: str | None


def open_wants(
    session: Session,
    trees: Trees,
    where: Where,
    *,
    before: str | None = None,
    limit: int = PAGE,
    options: Sequence[ExecutableOption] = (),
) -> OpenWants:
    """Public wants that are open, the newest first. `before` is the `next_before` of the page before."""
    query = (
        select(Intent)
        .where(*_openly(), *_within(trees, where))
        .order_by(Intent.opened_at.desc(), Intent.id.desc())
        .limit(limit + 1)
        .options(*options)
    )
    last = _unfold(session, before)
    if last is not None:
        at, id_ = last
        edge = tuple_(literal(at, Intent.opened_at.type), literal(id_))
        query = query.where(tuple_(Intent.opened_at, Intent.id) < edge)
    found = list(session.scalars(query))
    return OpenWants(found[:limit], found[limit - 1].code if len(found) > limit else None)


def below(session: Session, trees: Trees, where: Where) -> tuple[list[tuple[Node, int]], list[tuple[Node, int]]]:
    """How many public open wants each child of the category, and of the region, has; those without are left out."""
    counted = session.execute(
        select(Intent.category_id, Intent.region_id, func.count())
        .where(*_openly(), *_within(trees, where))
        .group_by(Intent.category_id, Intent.region_id)
    ).all()
    categories, regions = Counter[int](), Counter[int]()
    for category_id, region_id, many in counted:
        if category_id is not None and region_id is not None:  # Open ones have both.
            categories[category_id] += many
            regions[region_id] += many
    return _children(trees.categories, where.category, categories), _children(trees.regions, where.region, regions)


def _children(tree: Tree, at: Node | None, counted: Counter[int]) -> list[tuple[Node, int]]:
    depth = (at or tree.root).depth + 1
    found = Counter[int]()
    for node_id, many in counted.items():
        path = [node for node in tree.path(node_id) if node.depth == depth]
        if path:
            found[path[0].id] += many
    return sorted(((tree.node(id_), many) for id_, many in found.items()), key=lambda pair: (-pair[1], pair[0].label))


def _openly() -> tuple[ColumnElement[bool], ...]:
    return (
        Intent.opened_at.is_not(None),
        Intent.closed_at.is_(None),
        Intent.paused_at.is_(None),
        Intent.visibility == Visibility.PUBLIC,
    )


def _within(trees: Trees, where: Where) -> tuple[ColumnElement[bool], ...]:
    return (
        _below(Intent.category_id, Category, trees.categories, where.category),
        _below(Intent.region_id, Region, trees.regions, where.region),
        *(Intent.title.icontains(word, autoescape=True) for word in where.words.split()[:8]),
    )


def _below(
    column: InstrumentedAttribute[int | None], table: type[Category] | type[Region], tree: Tree, node: Node | None
) -> ColumnElement[bool]:
    if node is None or node.id == tree.root.id:
        return true()
    ranges = [table.lft.between(lft, rgt) for lft, rgt in tree.intervals(node.id)]
    return column.in_(select(table.id).where(or_(*ranges)))


def _unfold(session: Session, code: str | None) -> tuple[datetime, int] | None:
    if not code or not is_code(code):
        return None
    found = session.execute(select(Intent.opened_at, Intent.id).where(Intent.code == code)).first()
    return (found.opened_at, found.id) if found is not None and found.opened_at is not None else None
