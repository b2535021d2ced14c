"""An edition of the trees → the tables of categories and regions, whatever stands there and whoever changed it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from vrm.kernel.edition import LANGUAGES, Edition, Line
from vrm.kernel.errors import BadInput
from vrm.kernel.names import fold
from vrm.kernel.taxonomy import Region, RegionMember, TreeName, TreeVersion, distinct, stamp
from vrm.kernel.tree import number

Progress = Callable[[str, int, int], None]  # What is being done, how many are done, of how many.

_AT_ONCE = 2_000  # Rows of one INSERT, between two steps of a progress bar.
# What a file says of a node; the rest of the columns is for operators.
_SAID = (
    "parent_id", "kind", "label", "synonyms", "names", "codes", "lft", "rgt", "depth", "lat", "lon", "zone",
    "population",
)  # fmt: skip
_WRITTEN = (*_SAID, "edited", "merged_into_id")


@dataclass(frozen=True, slots=True)
class Moved:
    """A node that a load has hung elsewhere; with `into_id`, it vanished, and that one stands for it now."""

    name: TreeName
    id: int
    from_id: int  # What it hung on before.
    into_id: int | None


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How many nodes of both trees a load has added, changed and left alone; and which of these are elsewhere now."""

    added: int
    changed: int
    unchanged: int
    moved: tuple[Moved, ...] = ()


def load(
    session: Session,
    now: datetime,
    *,
    edition: Edition | None = None,
    anew: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Bring the tables up to an edition, the committed one if not said. Idempotent; a slug keeps its id.

    An edition that is in the tables already is not compared with them again, unless `anew`. What operators did stays:
    nodes of theirs, names and places that they gave, merges. Other names that a file has are added, unless they lead
    elsewhere by now. A node that the edition has no more is merged into its successor, or else into what it hung on;
    rows that point at it are left to `vrm.trees.upgrade`. BadInput when the result is not a tree.
    """
    edition = edition or Edition.committed()
    reports = []
    for name in TreeName:
        lines = edition.lines[name]
        version = session.get(TreeVersion, name)
        if version is not None and version.edition == edition.digest and not anew:
            report = LoadReport(0, 0, session.scalar(select(func.count()).select_from(name.model)) or 0)
        else:
            report = _load_nodes(session, name, lines, edition.successors.get(name, {}), progress)
            grouped = name is TreeName.REGIONS and _load_members(session, lines)
            if report.added or report.changed or grouped or version is None:
                stamp(session, name, now)
            session.execute(update(TreeVersion).where(TreeVersion.name == name).values(edition=edition.digest))
        if progress is not None:
            progress(name, len(lines), len(lines))
        reports.append(report)
    return LoadReport(
        sum(report.added for report in reports),
        sum(report.changed for report in reports),
        sum(report.unchanged for report in reports),
        tuple(moved for report in reports for moved in report.moved),
    )


def _load_nodes(
    session: Session, name: TreeName, lines: Sequence[Line], successors: Mapping[str, str], progress: Progress | None
) -> LoadReport:
    model = name.model
    columns = [getattr(model, column) for column in ("id", "slug", "retired_at", *_WRITTEN)]
    there = {row["slug"]: dict(row) for row in session.execute(select(*columns).order_by(model.lft)).mappings()}
    next_id = max((row["id"] for row in there.values()), default=0) + 1
    ids = {slug: row["id"] for slug, row in there.items()}
    for line in lines:
        if line["id"] not in ids:
            ids[line["id"]] = next_id
            next_id += 1
    said = {line["id"]: _said(line, ids) for line in lines}
    _put_edits_first(said, there)
    heirs = _heirs(said, there, successors)
    wanted = _with_heirs(said, there, heirs, ids)
    before = {row["id"]: row["parent_id"] for row in there.values()}
    parents = _without_rings({ids[slug]: row["parent_id"] for slug, row in wanted.items()}, before)
    positions = number(parents)
    added, changed = [], []
    for slug, row in wanted.items():
        place = positions[ids[slug]]
        row |= {"parent_id": parents[ids[slug]], "lft": place.lft, "rgt": place.rgt, "depth": place.depth}
        if slug not in there:
            added.append({"id": ids[slug], "slug": slug, "edited": [], "merged_into_id": None} | row)
        elif any(row.get(column, there[slug][column]) != there[slug][column] for column in _WRITTEN):
            changed.append({"at": ids[slug], **{column: row.get(column, there[slug][column]) for column in _WRITTEN}})
    for at in range(0, len(added), _AT_ONCE):
        session.execute(insert(model), added[at : at + _AT_ONCE])
        if progress is not None:
            progress(name, min(at + _AT_ONCE, len(added)), len(added))
    if changed:
        table = model.__table__
        written: dict[str, Any] = {column: bindparam(column) for column in _WRITTEN}
        session.connection().execute(update(model).where(table.c.id == bindparam("at")).values(written), changed)
        session.expire_all()
    moved = tuple(
        Moved(name, id_, before[id_], heirs.get(id_))
        for id_ in before
        if before[id_] is not None and (parents[id_] != before[id_] or id_ in heirs)
    )
    return LoadReport(len(added), len(changed), len(there) - len(changed), moved)


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


# --- Nodes that vanished --------------------------------------------------------------------------


def _heirs(
    said: Mapping[str, Any], there: Mapping[str, Mapping[str, Any]], successors: Mapping[str, str]
) -> dict[int, int]:
    """{id of a node that came with an older edition and is gone: id of the one that stands for it}.

    What has no successor goes up to what it hung on, so that whoever listened there hears more and not less. What an
    operator has touched stays; so does what would go up to the root, which stands for everything.
    """
    merged = {row["id"]: row["merged_into_id"] for row in there.values() if row["merged_into_id"] is not None}
    root = next((row["id"] for row in there.values() if row["parent_id"] is None), None)
    gone = {
        row["id"]: row
        for slug, row in there.items()
        if slug not in said and not row["edited"] and row["merged_into_id"] is None and row["retired_at"] is None
    }
    named = {there[old]["id"]: there[new]["id"] for old, new in successors.items() if old in there and new in there}
    found: dict[int, int] = {}
    for id_ in gone:
        heir, seen = id_, set()
        while heir in gone and heir not in seen:
            seen.add(heir)
            heir = named.get(heir) or gone[heir]["parent_id"] or 0
        while heir in merged:
            heir = merged[heir]
        if heir not in gone and heir != root:
            found[id_] = heir
    return found


def _with_heirs(
    said: dict[str, dict[str, Any]],
    there: Mapping[str, Mapping[str, Any]],
    heirs: Mapping[int, int],
    ids: Mapping[str, int],
) -> dict[str, dict[str, Any]]:
    """Rows in the order of the file, then what only the table has; what vanished is a leaf of its heir, as if merged.

    Its names lead to the heir from now on, and so does whatever else hung on it.
    """
    wanted = said | {slug: dict(row) for slug, row in there.items() if slug not in said}
    slugs = {id_: slug for slug, id_ in ids.items()}
    for row in wanted.values():
        row["parent_id"] = heirs.get(row["parent_id"], row["parent_id"])
    for id_, heir_id in heirs.items():
        gone, heir = wanted[slugs[id_]], wanted[slugs[heir_id]]
        gone |= {"parent_id": heir_id, "merged_into_id": heir_id}
        heir["synonyms"] = distinct([*heir["synonyms"], gone["label"], *gone["synonyms"]], heir["label"])
        edited = there[slugs[heir_id]]["edited"] if slugs[heir_id] in there else []
        heir["edited"] = sorted({*heir.get("edited", edited), "synonyms"})
    return wanted


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


# --- Lines ----------------------------------------------------------------------------------------


def _said(line: Line, ids: Mapping[str, int]) -> dict[str, Any]:
    """The columns of a node as its line has them."""
    if line["parent"] and line["parent"] not in ids:
        raise BadInput({"parent": f"{line['id']} hangs on {line['parent']}, which does not exist."})
    names = {language: line[language].split("|") for language in LANGUAGES if line.get(language)}
    return {
        "parent_id": ids[line["parent"]] if line["parent"] else None,
        "kind": line["kind"],
        "label": line["label"],
        "synonyms": line["synonyms"].split("|") if line["synonyms"] else [],
        "names": names or None,
        "codes": line["codes"].split("|") if line["codes"] else [],
        "lat": float(line["lat"]) if line["lat"] else None,
        "lon": float(line["lon"]) if line["lon"] else None,
        "zone": line["zone"] or None,
        "population": int(line["population"] or 0),
    }


def _load_members(session: Session, lines: Sequence[Line]) -> bool:
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
