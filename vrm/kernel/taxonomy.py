"""Tables of categories and regions → trees in memory, refreshed when a table changes."""

import json
import secrets
from collections import defaultdict
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from sys import intern
from threading import Lock

from sqlalchemy import Connection, Float, ForeignKey, String, Text, cast, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from vrm.kernel.db import Base, Document, Id, Moment, Ref, SparseDocument
from vrm.kernel.errors import BadInput
from vrm.kernel.names import fold
from vrm.kernel.tree import Node, Tree


class _NodeColumns:
    """What categories and regions have in common."""

    id: Mapped[Id] = mapped_column(autoincrement=False)  # Given by `load`, and the same for ever.
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(200))
    synonyms: Mapped[list[str]] = mapped_column(Document)
    # By language the label and then other names, {"de": ["Klempner", "Installateur"]}; None where none are known.
    names: Mapped[dict[str, list[str]] | None] = mapped_column(SparseDocument)
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
    edition: Mapped[str | None] = mapped_column(String(64))  # Digest of the files that were loaded last.


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
class Trees:
    """Both trees, as the tables hold them now, for people who read `language`."""

    categories: Tree
    regions: Tree
    language: str = "en"

    def read_in(self, language: str) -> "Trees":
        """The same for people who read this language."""
        return replace(self, language=language)

    def what(self, category_id: int) -> str:
        """What the category is called."""
        return self.categories.label(category_id, self.language)

    def where(self, region_id: int) -> str:
        """What the region is called."""
        return self.regions.label(region_id, self.language)

    def of(self, name: TreeName) -> Tree:
        """The one with this name."""
        return self.categories if name is TreeName.CATEGORIES else self.regions


def distinct(names: Iterable[str], label: str) -> list[str]:
    """The names that differ from the label and from each other in more than case and accents; the first wins."""
    kept = {"": "", fold(label): ""}
    for name in names:
        kept.setdefault(fold(name), name)
    return [name for name in kept.values() if name]


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
# Built once: hardly anything asks for nothing of the trees.
VERSIONS = tuple(
    select(TreeVersion.version).where(TreeVersion.name == name).scalar_subquery().label(f"{name}_version")
    for name in ("categories", "regions")
)
_VERSIONS = select(*VERSIONS)


def hold(session: Session) -> None:
    """Let a session that only reads, and not for long, ask for the versions once and not at every look."""
    session.info[_HELD] = trees(session)


def trees(session: Session) -> Trees:
    """Both trees as this session's transaction sees them: from memory, after one small query for their versions.

    Safe to call from several threads. Nodes are shared and must be looked at only. BadInput when nothing is loaded.
    """
    held: Trees | None = session.info.get(_HELD)
    return held if held is not None else trees_at(session, *session.execute(_VERSIONS).one())


def trees_at(session: Session | Connection, *versions: int | None) -> Trees:
    """Both trees at these `VERSIONS`, for whoever has read those beside something else. As `trees` otherwise."""
    kinds, places = versions
    if kinds is None or places is None:
        raise BadInput({"category": "No categories and regions are loaded; run “vrm db upgrade”."})
    state = (kinds, places)
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


def _groups(session: Session | Connection) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = defaultdict(list)
    pairs = select(RegionMember.group_id, RegionMember.member_id).order_by(RegionMember.group_id)
    for group_id, member_id in session.execute(pairs):
        found[member_id].append(group_id)
    return {member_id: tuple(group_ids) for member_id, group_ids in found.items()}


_SHOWN = (
    "id", "slug", "parent_id", "kind", "label", "synonyms", "names", "lft", "rgt", "depth", "lat", "lon", "zone",
    "population", "merged_into_id", "retired_at",
)  # fmt: skip
_AS_TEXT = frozenset(("synonyms", "names"))


class _Names(Mapping[str, Sequence[str]]):
    """The names of a node by language, kept as the JSON that the table has: hardly any of forty thousand is read."""

    __slots__ = ("_json",)

    def __init__(self, written: str) -> None:
        self._json = written

    def __getitem__(self, language: str) -> Sequence[str]:
        return self._read()[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def items(self) -> ItemsView[str, Sequence[str]]:
        """As of any mapping, but the text is read once."""
        return self._read().items()

    def values(self) -> ValuesView[Sequence[str]]:
        """As `items`."""
        return self._read().values()

    def _read(self) -> dict[str, Sequence[str]]:
        found: dict[str, Sequence[str]] = json.loads(self._json)
        return found


_NO_NAMES: Mapping[str, Sequence[str]] = {}


def _tree(session: Session | Connection, model: type[Category | Region], groups: Mapping[int, tuple[int, ...]]) -> Tree:
    columns = [
        cast(getattr(model, name), Text).label(name) if name in _AS_TEXT else getattr(model, name) for name in _SHOWN
    ]
    # In parts, so that the rows never stand in memory all together.
    parts = session.execute(select(*columns).order_by(model.lft), execution_options={"yield_per": 2_000}).partitions()
    nodes: list[Node] = []
    retired: list[int] = []
    merged: dict[int, int] = {}
    for rows in parts:
        for row, others in zip(rows, _lists(row.synonyms for row in rows), strict=True):
            nodes.append(
                Node(
                    row.id,
                    row.slug,
                    row.parent_id,
                    intern(row.kind),
                    row.label,
                    tuple(others),
                    row.lft,
                    row.rgt,
                    row.depth,
                    row.lat,
                    row.lon,
                    intern(row.zone) if row.zone else None,
                    row.population,
                    groups.get(row.id, ()),
                    _Names(row.names) if row.names else _NO_NAMES,
                )
            )
            if row.retired_at is not None:
                retired.append(row.id)
            if row.merged_into_id is not None:
                merged[row.id] = row.merged_into_id
    return Tree(nodes, retired=retired, merged=merged)


def _lists(written: Iterable[str]) -> list[list[str]]:
    """Many lists in JSON, read in one go: one at a time takes four times as long."""
    found: list[list[str]] = json.loads(f"[{','.join(written)}]")
    return found
