"""One change that an operator makes to a tree → rows renumbered by one statement, an audit row, a new version.

Nodes keep their ids for ever and none is deleted: whatever holds an id finds its node, and by `Tree.current` what
took its place. What a file says of the same node no longer counts (`edited`). Who gets more by a move or a merge is
looked after in the room above, `vrm.trees`; call that one for them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from vrm.kernel import taxonomy, text
from vrm.kernel.accounts import Account, audit
from vrm.kernel.edition import LANGUAGES
from vrm.kernel.errors import BadInput
from vrm.kernel.names import fold
from vrm.kernel.taxonomy import TreeName, TreeVersion, distinct
from vrm.kernel.tree import Node, Tree

# What a region below one of this kind is, unless its maker says otherwise.
_BELOW = {"world": "continent", "continent": "country", "country": "subdivision", "subdivision": "city", "root": "good"}
_UNCHECKED = {"synchronize_session": False}  # No node is held as an object: they are read as `Tree`.


def rename(
    session: Session,
    name: TreeName,
    node_id: int,
    label: str,
    now: datetime,
    *,
    by: Account | None,
    language: str = "en",
) -> None:
    """Give a node another name in one language (ISO 639-1); the old one still leads to it.

    BadInput for `label`, for a `language` without names, or for the root.
    """
    tree = _locked(session, name)
    node = _branch(tree, name, node_id)
    if language not in LANGUAGES:
        raise BadInput({"language": f"Names are kept in {', '.join(LANGUAGES)}; please choose one of these."})
    label = _clean(label, field="label")
    was = node.label_in(language)
    if label == was and (language == "en" or language in node.names):
        raise BadInput({"label": f"“{label}” is its name already."})
    _refuse_twin(tree, label, node.parent_id, but=node_id, language=language)
    if language == "en":
        _set(session, name, node_id, label=label, synonyms=distinct([*node.synonyms, was], label))
    else:
        others = distinct(node.names.get(language, ()), label)
        _set(session, name, node_id, names={**node.names, language: [label, *others]})
    _done(session, name, "renamed", node, now, by=by, language=language, was=was, to=label)


def add_synonym(
    session: Session, name: TreeName, node_id: int, word: str, now: datetime, *, by: Account | None
) -> None:
    """Let a node be found by one more word. BadInput for `synonym` when the word leads somewhere already."""
    tree = _locked(session, name)
    node = _offered(tree, name, node_id)
    word = _clean(word, field="synonym", label="The word")
    if "|" in word:
        raise BadInput({"synonym": "A word cannot hold a “|”; please leave it out."})
    synonyms = distinct([*node.synonyms, word], node.label)
    if len(synonyms) == len(node.synonyms):
        raise BadInput({"synonym": f"“{word}” leads to “{node.label}” already."})
    others = [] if name is TreeName.REGIONS else tree.called(word)  # Many places share a name; no two trades should.
    if others:
        raise BadInput(
            {"synonym": f"“{word}” leads to “{tree.path_label(others[0].id)}”; one word means one category."}
        )
    _set(session, name, node_id, synonyms=synonyms)
    _done(session, name, "synonym-added", node, now, by=by, synonym=word)


def add(
    session: Session,
    name: TreeName,
    parent_id: int,
    label: str,
    now: datetime,
    *,
    by: Account | None,
    point: tuple[float, float] | None = None,
) -> int:
    """A new node below another one: its id. `point` is latitude and longitude in degrees, for a region that is one."""
    tree = _locked(session, name)
    parent = _offered(tree, name, parent_id, field="parent")
    id_, slug = _plant(session, name, tree, parent, label, point=point)
    _done(session, name, "added", parent, now, by=by, slug=slug)
    return id_


def split(
    session: Session,
    name: TreeName,
    node_id: int,
    label: str,
    now: datetime,
    *,
    by: Account | None,
    children: Iterable[int] = (),
    synonyms: Iterable[str] = (),
) -> int:
    """Set a part of a node apart as a new node below it, with those children and words of the old one: its id.

    Below, not beside: whoever listens to the old node still hears of everything. What stands at the old node itself
    stays there. BadInput for `child` or `synonym` that is not the node's own.
    """
    tree = _locked(session, name)
    node = _branch(tree, name, node_id)
    own = {child.id for child in tree.children(node_id)}
    taken = list(dict.fromkeys(children))
    for child_id in taken:
        if child_id not in own:
            raise BadInput({"child": f"“{tree.label(child_id)}” is not right below “{node.label}”."})
    words = {fold(synonym) for synonym in synonyms}
    unknown = words - set(map(fold, node.synonyms))
    if unknown:
        raise BadInput({"synonym": f"“{min(unknown)}” is not one of the other names of “{node.label}”."})
    words.add(fold(label))
    new_id, slug = _plant(
        session, name, tree, node, label, synonyms=[each for each in node.synonyms if fold(each) in words], but=taken
    )
    kept = [each for each in node.synonyms if fold(each) not in words]
    if len(kept) < len(node.synonyms):
        _set(session, name, node_id, synonyms=kept)
    for child_id in taken:
        _hang(session, name, child_id, new_id)
    _done(session, name, "split", node, now, by=by, slug=slug)
    return new_id


def move(session: Session, name: TreeName, node_id: int, parent_id: int, now: datetime, *, by: Account | None) -> None:
    """Hang a node, with all below it, on another parent. BadInput for `parent`."""
    tree = _locked(session, name)
    node, parent = check_move(tree, name, node_id, parent_id)
    _hang(session, name, node_id, parent_id)
    was = tree.node(node.parent_id).slug if node.parent_id is not None else None
    _done(session, name, "moved", node, now, by=by, was=was, to=parent.slug)


def check_move(tree: Tree, name: TreeName, node_id: int, parent_id: int) -> tuple[Node, Node]:
    """The node and its new parent; BadInput when it may not go there."""
    node, parent = _branch(tree, name, node_id), _offered(tree, name, parent_id, field="parent")
    if node.lft <= parent.lft <= node.rgt:
        raise BadInput({"parent": f"“{parent.label}” is a part of “{node.label}”, which cannot hang on its own part."})
    if node.parent_id == parent.id:
        raise BadInput({"parent": f"“{node.label}” is right below “{parent.label}” already."})
    _refuse_group(parent, field="parent")
    _refuse_twin(tree, node.label, parent.id, but=node_id)
    return node, parent


def merge(session: Session, name: TreeName, node_id: int, into_id: int, now: datetime, *, by: Account | None) -> None:
    """Make one node of two: what is below the first hangs on the second, and its names lead there. BadInput for `into`.

    The merged node stays in the table, for ids and slugs that somebody holds; nobody is offered it.
    """
    tree = _locked(session, name)
    node, into = check_merge(tree, name, node_id, into_id)
    table = name.model
    if node.parent_id != into.id:
        _hang(session, name, node_id, into_id)
    here = _place(session, name, node_id)
    itself = table.id == node_id
    # It becomes a leaf, to the right of what was below it, which comes up by one.
    session.execute(
        update(table)
        .where(table.lft.between(here.lft, here.rgt))
        .values(
            lft=case((itself, here.rgt - 1), else_=table.lft - 1),
            rgt=case((itself, here.rgt), else_=table.rgt - 1),
            depth=case((itself, table.depth), else_=table.depth - 1),
        ),
        execution_options=_UNCHECKED,
    )
    below = update(table).where(table.parent_id == node_id).values(parent_id=into_id)
    session.execute(below, execution_options=_UNCHECKED)
    gone = update(table).where(itself).values(merged_into_id=into_id)
    session.execute(gone, execution_options=_UNCHECKED)
    synonyms = distinct([*into.synonyms, node.label, *node.synonyms], into.label)
    _set(session, name, into_id, synonyms=synonyms)
    _done(session, name, "merged", node, now, by=by, into=into.slug)


def check_merge(tree: Tree, name: TreeName, node_id: int, into_id: int) -> tuple[Node, Node]:
    """The node and what takes its place; BadInput when they cannot be one."""
    node, into = _branch(tree, name, node_id), _offered(tree, name, into_id, field="into")
    if node.id == into.id:
        raise BadInput({"into": f"“{node.label}” cannot be merged into itself; choose another {name.one}."})
    if node.lft <= into.lft <= node.rgt:
        raise BadInput({"into": f"“{into.label}” is a part of “{node.label}”; move it elsewhere first, or rename."})
    if into.parent_id is None:
        raise BadInput({"into": f"“{into.label}” is everything; choose a {name.one} below it."})
    _refuse_group(into, field="into")
    lost = [group for group in node.groups if not tree.covers(group, into.id)]
    if lost:
        group = tree.label(lost[0])
        raise BadInput({"into": f"“{node.label}” is in “{group}” and “{into.label}” is not; choose one that is."})
    return node, into


def retire(session: Session, name: TreeName, node_id: int, now: datetime, *, by: Account | None) -> None:
    """Offer a node no longer. BadInput when something is below it."""
    tree = _locked(session, name)
    node = _branch(tree, name, node_id)
    if tree.children(node_id):
        count = len(tree.children(node_id))
        raise BadInput({"node": f"“{node.label}” has {count:,} below it; move them, or merge it into another."})
    gone = update(name.model).where(name.model.id == node_id).values(retired_at=now)
    session.execute(gone, execution_options=_UNCHECKED)
    _done(session, name, "retired", node, now, by=by)


# --- What holds -----------------------------------------------------------------------------------


def _locked(session: Session, name: TreeName) -> Tree:
    """The tree as it is now, and nobody else changes it before this transaction ends."""
    session.execute(select(TreeVersion.version).where(TreeVersion.name == name).with_for_update())
    return taxonomy.trees(session).of(name)


def _offered(tree: Tree, name: TreeName, node_id: int, *, field: str = "node") -> Node:
    if node_id not in tree:
        raise BadInput({field: f"There is no such {name.one}."})
    node = tree.node(node_id)
    if not tree.offers(node_id):
        now_at = tree.current(node_id)
        how = f"merged into “{now_at.label}”; use that" if now_at.id != node_id else "retired; choose another"
        raise BadInput({field: f"“{node.label}” was {how}."})
    return node


def _branch(tree: Tree, name: TreeName, node_id: int) -> Node:
    """A node that may be changed: not the root, no group."""
    node = _offered(tree, name, node_id)
    if node.parent_id is None:
        raise BadInput({"node": f"“{node.label}” is the root of the tree and stays as it is."})
    _refuse_group(node, field="node")
    return node


def _refuse_group(node: Node, *, field: str) -> None:
    if node.kind == "group":
        raise BadInput({field: f"“{node.label}” is a group: it has members, and nothing hangs on it."})


def _refuse_twin(
    tree: Tree, label: str, parent_id: int | None, *, but: int | None = None, language: str = "en"
) -> None:
    if parent_id is None:
        return
    for child in tree.children(parent_id):
        if child.id != but and fold(child.label_in(language)) == fold(label):
            twin, above = child.label_in(language), tree.label(parent_id, language)
            raise BadInput({"label": f"There is a “{twin}” below “{above}” already; choose another name."})


def _clean(value: str, *, field: str, label: str = "The name") -> str:
    value = text.line(value, field=field, label=label, most=200)
    if not fold(value):
        raise BadInput({field: f"{label} needs a letter or a digit."})
    return value


# --- Rows -----------------------------------------------------------------------------------------


def _place(session: Session, name: TreeName, node_id: int) -> Any:
    table = name.model
    return session.execute(select(table.lft, table.rgt, table.depth).where(table.id == node_id)).one()


def _hang(session: Session, name: TreeName, node_id: int, parent_id: int) -> None:
    """Put a node and all below it last below `parent_id`, by one UPDATE of the positions that lie between."""
    table = name.model
    here, there = _place(session, name, node_id), _place(session, name, parent_id)
    width = here.rgt - here.lft + 1
    if there.rgt > here.rgt:
        low, high, far, aside = here.lft, there.rgt - 1, there.rgt - here.rgt - 1, -width
    else:
        low, high, far, aside = there.rgt, here.rgt, there.rgt - here.lft, width

    def moved(position: InstrumentedAttribute[int]) -> ColumnElement[int]:
        return case(
            (position.between(here.lft, here.rgt), position + far),
            (position.between(low, high), position + aside),
            else_=position,
        )

    down = there.depth + 1 - here.depth
    session.execute(
        update(table)
        .where(or_(table.lft.between(low, high), table.rgt.between(low, high)))
        .values(
            lft=moved(table.lft),
            rgt=moved(table.rgt),
            depth=case((table.lft.between(here.lft, here.rgt), table.depth + down), else_=table.depth),
        ),
        execution_options=_UNCHECKED,
    )
    _set(session, name, node_id, parent_id=parent_id)


def _plant(
    session: Session,
    name: TreeName,
    tree: Tree,
    parent: Node,
    label: str,
    *,
    point: tuple[float, float] | None = None,
    synonyms: Sequence[str] = (),
    but: Sequence[int] = (),
) -> tuple[int, str]:
    """A new leaf below `parent`: its id and slug. `but`: children that go elsewhere, and may have the same name."""
    _refuse_group(parent, field="parent")
    label = _clean(label, field="label")
    twins = [child for child in tree.children(parent.id) if fold(child.label) == fold(label)]
    if any(child.id not in but for child in twins):
        _refuse_twin(tree, label, parent.id)
    if point is not None and not (-90 <= point[0] <= 90 and -180 <= point[1] <= 180):
        raise BadInput({"point": "A point is latitude and longitude in degrees, such as 53.80,-1.55."})
    table = name.model
    right = _place(session, name, parent.id).rgt
    session.execute(
        update(table)
        .where(table.rgt >= right)
        .values(rgt=table.rgt + 2, lft=case((table.lft > right, table.lft + 2), else_=table.lft)),
        execution_options=_UNCHECKED,
    )
    id_ = (session.scalar(select(func.max(table.id))) or 0) + 1
    slug = _free_slug(tree, parent, label, id_)
    row = {
        "id": id_, "slug": slug, "parent_id": parent.id, "kind": _kind(name, parent), "label": label,
        "synonyms": distinct(synonyms, label), "codes": [], "lft": right, "rgt": right + 1, "depth": parent.depth + 1,
        "lat": point[0] if point else None, "lon": point[1] if point else None, "zone": parent.zone, "population": 0,
        "edited": ["label", "parent_id", "synonyms"],
    }  # fmt: skip
    session.execute(insert(table), [row])
    return id_, slug


def _kind(name: TreeName, parent: Node) -> str:
    if name is TreeName.CATEGORIES and parent.kind != "root":
        return parent.kind
    return _BELOW.get(parent.kind, "city")


def _free_slug(tree: Tree, parent: Node, label: str, id_: int) -> str:
    plain = "-".join(word for word in fold(label).split() if word.isascii())[:60].strip("-")
    tries = [plain, f"{parent.slug}-{plain}"[:110].strip("-")] if plain else []
    return next((slug for slug in tries if tree.by_slug(slug) is None), f"{plain or 'node'}-{id_}")


def _set(session: Session, name: TreeName, node_id: int, **values: Any) -> None:
    """Write columns of one node, and that it was an operator who did."""
    table = name.model
    edited = session.scalars(select(table.edited).where(table.id == node_id)).one()
    session.execute(
        update(table).where(table.id == node_id).values(edited=sorted({*edited, *values}), **values),
        execution_options=_UNCHECKED,
    )


def _done(
    session: Session, name: TreeName, what: str, node: Node, now: datetime, *, by: Account | None, **facts: Any
) -> None:
    audit(session, f"{name.one}.{what}", node.slug, now, by=by, **facts)
    taxonomy.stamp(session, name, now)
    session.flush()
