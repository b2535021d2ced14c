"""The committed CSV files → tables of categories and regions → trees in memory, refreshed when a table changes."""

import csv
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from threading import Lock
from typing import Any

from sqlalchemy import Float, ForeignKey, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from vrm.kernel.db import Base, Document, Id, Moment, Ref
from vrm.kernel.errors import BadInput
from vrm.kernel.names import fold
from vrm.kernel.tree import Node, Tree, number

Progress = Callable[[str, int, int], None]  # What is being done, how many are done, of how many.


class _NodeColumns:
    """What categories and regions have in common."""

    id: Mapped[Id] = mapped_column(autoincrement=False)  # Given by `load`, and the same for ever.
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(200))
    synonyms: Mapped[list[str]] = mapped_column(Document)
    codes: Mapped[list[str]] = mapped_column(Document)  # "scheme:code" in the sources and cross-walks.
    lft: Mapped[int] = mapped_column(index=True)  # Nested set: what lies below has lft between lft and rgt.
    rgt: Mapped[int]
    depth: Mapped[int]  # 0 for the root.
    lat: Mapped[float | None] = mapped_column(Float)  # Degrees; only what is a point has them.
    lon: Mapped[float | None] = mapped_column(Float)
    zone: Mapped[str | None] = mapped_column(String(64))  # IANA, where the whole node has one.
    population: Mapped[int]  # 0 is "not known".
    retired_at: Mapped[Moment | None]  # Kept for what points at it, no longer offered.
    # Columns that an operator has set, such as "label": what a file says of them no longer counts.
    edited: Mapped[list[str]] = mapped_column(Document, default=list)


class Category(_NodeColumns, Base):
    """A node of the category tree."""

    __tablename__ = "categories"

    parent_id: Mapped[Ref | None] = mapped_column(ForeignKey("categories.id"), index=True)
    merged_into_id: Mapped[Ref | None] = mapped_column(ForeignKey("categories.id"))


class Region(_NodeColumns, Base):
    """A node of the region tree. Of kind "group" it hangs on the world and has members."""

    __tablename__ = "regions"

    parent_id: Mapped[Ref | None] = mapped_column(ForeignKey("regions.id"), index=True)
    merged_into_id: Mapped[Ref | None] = mapped_column(ForeignKey("regions.id"))


class RegionMember(Base):
    """One region of a group, such as Germany of the European Union."""

    __tablename__ = "region_members"

    group_id: Mapped[Ref] = mapped_column(ForeignKey("regions.id"), primary_key=True)
    member_id: Mapped[Ref] = mapped_column(ForeignKey("regions.id"), primary_key=True)


class TreeVersion(Base):
    """Which state of a tree the tables hold. `version` is random, so that a rolled-back one never comes again."""

    __tablename__ = "tree_versions"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    version: Mapped[int]
    changed_at: Mapped[Moment]


class TreeName(StrEnum):
    """Which of the two trees."""

    CATEGORIES = "categories"
    REGIONS = "regions"

    @property
    def one(self) -> str:
        """What one node of it is called, which is also the name of its field in a form."""
        return "category" if self is TreeName.CATEGORIES else "region"

    @property
    def model(self) -> type[Category | Region]:
        """Its table."""
        return Category if self is TreeName.CATEGORIES else Region


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How many nodes of both trees a load has added, changed and left alone."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Trees:
    """Both trees, as the tables hold them now."""

    categories: Tree
    regions: Tree

    def of(self, name: TreeName) -> Tree:
        """The one with this name."""
        return self.categories if name is TreeName.CATEGORIES else self.regions


# --- From files to tables -------------------------------------------------------------------------

# What a file says of a node; the rest of the columns is for operators.
_SAID = ("parent_id", "kind", "label", "synonyms", "codes", "lft", "rgt", "depth", "lat", "lon", "zone", "population")


def load(session: Session, now: datetime, *, progress: Progress | None = None) -> LoadReport:
    """Bring the tables up to the committed files. Idempotent; a slug keeps its id.

    What operators did stays: nodes of theirs, names and places that they gave, merges. Other names that a file has are
    added, unless they lead elsewhere by now. BadInput when the result is not a tree.
    """
    reports = []
    for name in TreeName:
        lines = _read(name)
        report = _load_nodes(session, name.model, lines)
        grouped = name is TreeName.REGIONS and _load_members(session, lines)
        if report.added or report.changed or grouped:
            stamp(session, name, now)
        if progress is not None:
            progress(name, len(lines), len(lines))
        reports.append(report)
    return LoadReport(
        sum(report.added for report in reports),
        sum(report.changed for report in reports),
        sum(report.unchanged for report in reports),
    )


def _read(name: TreeName) -> list[dict[str, str]]:
    text = files("vrm.data").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _load_nodes(session: Session, model: type[Category | Region], lines: Sequence[Mapping[str, str]]) -> LoadReport:
    names = ("id", "slug", "edited", "merged_into_id", *_SAID)
    found = session.execute(select(*(getattr(model, name) for name in names)).order_by(model.lft))
    there = {row["slug"]: dict(row) for row in found.mappings()}
    next_id = max((row["id"] for row in there.values()), default=0) + 1
    ids = {slug: row["id"] for slug, row in there.items()}
    for line in lines:
        if line["id"] not in ids:
            ids[line["id"]] = next_id
            next_id += 1
    said = {line["id"]: _said(line, ids) for line in lines}
    _put_edits_first(said, there)
    # In the order of the file, then what only the table has.
    parents = {ids[slug]: row["parent_id"] for slug, row in said.items()}
    before = {row["id"]: row["parent_id"] for row in there.values()}
    parents = _without_rings(parents | {id_: up for id_, up in before.items() if id_ not in parents}, before)
    positions = number(parents)
    added, changed = [], []
    for slug in [*said, *(slug for slug in there if slug not in said)]:
        id_ = ids[slug]
        place = positions[id_]
        row = {**there.get(slug, {}), **said.get(slug, {}), "parent_id": parents[id_]}
        row |= {"lft": place.lft, "rgt": place.rgt, "depth": place.depth}
        if slug not in there:
            added.append({**row, "id": id_, "slug": slug, "edited": []})
        elif row != there[slug]:
            changed.append({"at": id_, **{name: row[name] for name in _SAID}})
    if added:
        session.execute(insert(model), added)
    if changed:
        table = model.__table__
        change = update(model).where(table.c.id == bindparam("at")).values({name: bindparam(name) for name in _SAID})
        session.connection().execute(change, changed)
        session.expire_all()
    return LoadReport(len(added), len(changed), len(there) - len(changed))


def _put_edits_first(said: dict[str, dict[str, Any]], there: Mapping[str, Mapping[str, Any]]) -> None:
    """Put what operators did, as `there` has it, in place of what the files say of the same."""
    merged = {row["id"]: row["merged_into_id"] for row in there.values() if row["merged_into_id"] is not None}
    # Names that operators gave, and to which node: no file gives them to another one.
    given = {
        name: slug
        for slug, row in there.items()
        if row["edited"]
        for name in {fold(row["label"]), *map(fold, row["synonyms"])} - _names(said.get(slug))
    }
    for slug, row in said.items():
        row["synonyms"] = [name for name in row["synonyms"] if given.get(fold(name), slug) == slug]
        while row["parent_id"] in merged:
            row["parent_id"] = merged[row["parent_id"]]
        old = there.get(slug)
        if old is None:
            continue
        if old["merged_into_id"] is not None:
            row.update({name: old[name] for name in _SAID})
        elif old["edited"]:
            file_names = [*row["synonyms"], row["label"]]
            row.update({name: old[name] for name in old["edited"]})
            if "synonyms" in old["edited"] or "label" in old["edited"]:
                row["synonyms"] = distinct([*old["synonyms"], *file_names], row["label"])


def _names(row: Mapping[str, Any] | None) -> set[str]:
    return {fold(row["label"]), *map(fold, row["synonyms"])} if row else set()


def distinct(names: Iterable[str], label: str) -> list[str]:
    """The names that differ from the label and from each other in more than case and accents; the first wins."""
    kept = {"": "", fold(label): ""}
    for name in names:
        kept.setdefault(fold(name), name)
    return [name for name in kept.values() if name]


def _without_rings(parents: dict[int, int | None], before: Mapping[int, int | None]) -> dict[int, int | None]:
    """`parents`, but as they were before where a file's moves and an operator's together would cut nodes off."""
    while True:
        children: dict[int | None, list[int]] = defaultdict(list)
        for id_, parent_id in parents.items():
            children[parent_id].append(id_)
        reached, todo = set(), list(children[None])
        while todo:
            id_ = todo.pop()
            reached.add(id_)
            todo += children.get(id_, [])
        back = {
            id_: before[id_]
            for id_, parent_id in parents.items()
            if id_ not in reached and id_ in before and before[id_] != parent_id
        }
        if not back:
            return parents
        parents = parents | back


def _said(line: Mapping[str, str], ids: Mapping[str, int]) -> dict[str, Any]:
    """The columns of a node as its line has them."""
    if line["parent"] and line["parent"] not in ids:
        raise BadInput({"parent": f"{line['id']} hangs on {line['parent']}, which does not exist."})
    return {
        "parent_id": ids[line["parent"]] if line["parent"] else None,
        "kind": line["kind"],
        "label": line["label"],
        "synonyms": line["synonyms"].split("|") if line["synonyms"] else [],
        "codes": line["codes"].split("|") if line["codes"] else [],
        "lat": float(line["lat"]) if line["lat"] else None,
        "lon": float(line["lon"]) if line["lon"] else None,
        "zone": line["zone"] or None,
        "population": int(line["population"] or 0),
    }


def _load_members(session: Session, lines: Sequence[Mapping[str, str]]) -> bool:
    """Give the groups of the file exactly its members; True when that changed something."""
    ids = dict(session.execute(select(Region.slug, Region.id)).all())
    wanted = {
        (ids[line["id"]], ids[member]) for line in lines if line["members"] for member in line["members"].split("|")
    }
    ours = {group_id for group_id, _ in wanted}
    pairs = session.execute(select(RegionMember.group_id, RegionMember.member_id))
    there = {(group_id, member_id) for group_id, member_id in pairs if group_id in ours}
    for group_id, member_id in there - wanted:
        session.execute(
            delete(RegionMember).where(RegionMember.group_id == group_id, RegionMember.member_id == member_id)
        )
    if wanted - there:
        rows = [{"group_id": group_id, "member_id": member_id} for group_id, member_id in sorted(wanted - there)]
        session.execute(insert(RegionMember), rows)
    return wanted != there


def stamp(session: Session, name: TreeName, now: datetime) -> None:
    """Say that a tree has changed: every process reads it anew when it next asks."""
    version = secrets.randbits(31)
    stamp = session.get(TreeVersion, name)
    if stamp is None:
        session.add(TreeVersion(name=name, version=version, changed_at=now))
    else:
        stamp.version, stamp.changed_at = version, now
    session.flush()


# --- From tables to memory ------------------------------------------------------------------------

_lock = Lock()
_KEPT = 4  # States of the trees that are held: the present one, and those of other stores in this process.
_known: dict[tuple[int, int], Trees] = {}


_HELD = "vrm.trees"


def hold(session: Session) -> None:
    """Let a session that only reads, and not for long, ask for the versions once and not at every look."""
    session.info[_HELD] = trees(session)


def trees(session: Session) -> Trees:
    """Both trees as this session's transaction sees them: from memory, after one small query for their versions.

    Safe to call from several threads. Nodes are shared and must be looked at only. BadInput when nothing is loaded.
    """
    held: Trees | None = session.info.get(_HELD)
    if held is not None:
        return held
    versions = dict(session.execute(select(TreeVersion.name, TreeVersion.version)).all())
    if len(versions) < 2:
        raise BadInput({"category": "No categories and regions are loaded; run “vrm db upgrade”."})
    state = (versions["categories"], versions["regions"])
    found = _known.get(state)
    if found is not None:
        return found
    with _lock:  # So that threads which ask at the same moment build it once.
        found = _known.get(state)
        if found is None:
            # One tree changes, the other is kept with all that it has worked out.
            categories = next((old.categories for known, old in _known.items() if known[0] == state[0]), None)
            regions = next((old.regions for known, old in _known.items() if known[1] == state[1]), None)
            found = Trees(
                categories or _tree(session, Category, {}), regions or _tree(session, Region, _groups(session))
            )
            for old in list(_known)[: 1 - _KEPT]:
                del _known[old]
            _known[state] = found
    return found


def _groups(session: Session) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = defaultdict(list)
    pairs = select(RegionMember.group_id, RegionMember.member_id).order_by(RegionMember.group_id)
    for group_id, member_id in session.execute(pairs):
        found[member_id].append(group_id)
    return {member_id: tuple(group_ids) for member_id, group_ids in found.items()}


def _tree(session: Session, model: type[Category | Region], groups: Mapping[int, tuple[int, ...]]) -> Tree:
    columns = [getattr(model, name) for name in ("id", "slug", *_SAID, "merged_into_id", "retired_at")]
    rows = session.execute(select(*columns).order_by(model.lft)).all()
    return Tree(
        (
            Node(
                row.id,
                row.slug,
                row.parent_id,
                row.kind,
                row.label,
                tuple(row.synonyms),
                row.lft,
                row.rgt,
                row.depth,
                row.lat,
                row.lon,
                row.zone,
                row.population,
                groups.get(row.id, ()),
            )
            for row in rows
        ),
        retired=[row.id for row in rows if row.retired_at is not None],
        merged={row.id: row.merged_into_id for row in rows if row.merged_into_id is not None},
    )
