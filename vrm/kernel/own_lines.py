"""An operator's own lines of categories or regions → the tables, all in one pass; a line that does not hold is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from vrm.kernel import taxonomy, text
from vrm.kernel.accounts import Account, audit
from vrm.kernel.edition import LANGUAGES, Line
from vrm.kernel.errors import BadInput, UnknownNode
from vrm.kernel.loading import Moved
from vrm.kernel.names import fold
from vrm.kernel.taxonomy import TreeName, distinct
from vrm.kernel.tree import Tree, number

COLUMNS = ("id", "parent", "label", "synonyms", *LANGUAGES[1:], "lat", "lon", "population")
MOST_LINES = 50_000
_BELOW = {"world": "continent", "continent": "country", "country": "subdivision"}  # Regions; anything else is a city.


@dataclass(frozen=True, slots=True)
class OwnReport:
    """What the lines did; `problems` has a sentence for each line, counted from 1, that was left out."""

    added: int
    changed: int
    moved: tuple[Moved, ...]
    problems: Mapping[int, str]


def load_lines(
    session: Session, name: TreeName, lines: Iterable[Line], now: datetime, *, by: Account | None
) -> OwnReport:
    """Add nodes and change those that are there, as the lines say; the next edition undoes none of it.

    A line has an `id` (a slug; made from the label when empty), and of a new node `parent` and `label`. Of a node that
    is there, an empty cell leaves things as they are; other names are added, separated by "|". `de`, `fr` and `es` have
    the label in that language first. Raises nothing for a bad line.
    """
    table = name.model
    columns = ("id", "slug", "parent_id", "kind", "label", "synonyms", "names", "lat", "lon", "zone", "population",
               "edited", "lft", "rgt", "depth")  # fmt: skip
    found = session.execute(select(*(getattr(table, column) for column in columns)).order_by(table.lft)).mappings()
    there = {row["slug"]: dict(row) for row in found}
    reader = _Reader(name, taxonomy.trees(session).of(name), {slug: dict(row) for slug, row in there.items()})
    problems: dict[int, str] = {}
    for at, line in enumerate(lines, 1):
        try:
            reader.read(line)
        except BadInput as error:
            problems[at] = " ".join(error.problems.values())
    rows = reader.rows
    positions = number({row["id"]: row["parent_id"] for row in rows.values()})
    added, changed, moved = [], 0, []
    for slug, row in rows.items():
        place = positions[row["id"]]
        row |= {"lft": place.lft, "rgt": place.rgt, "depth": place.depth}
        old = there.get(slug)
        if old is None:
            added.append(row)
        elif row != old:
            values = {column: value for column, value in row.items() if value != old[column]}
            session.execute(update(table).where(table.id == row["id"]).values(values))
            changed += slug in reader.touched
            if row["parent_id"] != old["parent_id"] and old["parent_id"] is not None:
                moved.append(Moved(name, row["id"], old["parent_id"], None))
    if added:
        session.execute(insert(table), [{"codes": [], **row} for row in added])
    if added or changed:
        session.flush()
        audit(session, f"{name.one}.loaded", name, now, by=by, added=len(added), changed=changed)
        taxonomy.stamp(session, name, now)
    return OwnReport(len(added), changed, tuple(moved), problems)


class _Reader:
    """The rows of a tree, changed line by line."""

    def __init__(self, name: TreeName, tree: Tree, rows: dict[str, dict[str, Any]]) -> None:
        self.name, self.tree, self.rows = name, tree, rows
        self.touched: set[str] = set()
        self._slugs = {row["id"]: slug for slug, row in rows.items()}
        self._next_id = max(self._slugs, default=0) + 1

    def read(self, line: Line) -> None:
        label = line.get("label", "").strip()
        if label:
            label = text.line(label, field="label", label="The label", most=200)
        slug = line.get("id", "").strip() or "-".join(word for word in fold(label).split() if word.isascii())
        if not slug or len(slug) > 120 or not all(part.isascii() and part.isalnum() for part in slug.split("-")):
            raise BadInput({"id": "It needs an id of small letters, digits and dashes, or a label to make one of."})
        parent = self._parent(line.get("parent", "").strip())
        if slug in self.rows:
            self._change(slug, parent, label, line)
        else:
            self._add(slug, parent, label, line)

    def _parent(self, named: str) -> dict[str, Any] | None:
        if not named:
            return None
        if named in self.rows:
            slug = named
        else:
            try:
                slug = self.tree.resolve(named, field="parent").slug
            except UnknownNode as error:
                raise BadInput({"parent": str(error)}) from error
        if self.rows[slug]["kind"] == "group":
            raise BadInput({"parent": f"“{slug}” is a group: it has members, and nothing hangs on it."})
        return self.rows[slug]

    def _add(self, slug: str, parent: dict[str, Any] | None, label: str, line: Line) -> None:
        if parent is None or not label:
            raise BadInput({"parent": f"“{slug}” is new: it needs a parent and a label."})
        kind = parent["kind"] if parent["kind"] != "root" else "good"
        if self.name is TreeName.REGIONS:
            kind = _BELOW.get(parent["kind"], "city")
        if slug != slug.lower():
            raise BadInput({"id": f"“{slug}” has capitals; write {slug.lower()}."})
        row = {
            "id": self._next_id, "slug": slug, "parent_id": parent["id"], "kind": kind, "label": label,
            "synonyms": distinct(_parts(line, "synonyms"), label), "names": _names(line, {}) or None,
            "zone": parent["zone"], "edited": ["label", "parent_id", "synonyms"], **_place(line),
        }  # fmt: skip
        self.rows[slug] = {"lat": None, "lon": None, "population": 0} | row
        self._slugs[self._next_id] = slug
        self._next_id += 1

    def _change(self, slug: str, parent: dict[str, Any] | None, label: str, line: Line) -> None:
        row = self.rows[slug]
        said: dict[str, Any] = _place(line)
        if parent is not None and parent["id"] != row["parent_id"]:
            if row["parent_id"] is None or row["kind"] == "group":
                raise BadInput({"parent": f"“{row['label']}” stays where it is."})
            if self._hangs_on(parent, row["id"]):
                raise BadInput({"parent": f"“{row['label']}” cannot hang on its own part."})
            said["parent_id"] = parent["id"]
        others = [*row["synonyms"], *_parts(line, "synonyms")]
        if label and label != row["label"]:
            said["label"] = label
            others.append(row["label"])
        synonyms = distinct(others, label or row["label"])
        if synonyms != list(row["synonyms"]):
            said["synonyms"] = synonyms
        names = _names(line, row["names"] or {})
        if names != (row["names"] or {}):
            said["names"] = names
        if any(row[column] != value for column, value in said.items()):
            self.rows[slug] = row | said | {"edited": sorted({*row["edited"], *said})}
            self.touched.add(slug)

    def _hangs_on(self, row: dict[str, Any] | None, id_: int) -> bool:
        while row is not None:
            if row["id"] == id_:
                return True
            row = self.rows[self._slugs[row["parent_id"]]] if row["parent_id"] is not None else None
        return False


def _parts(line: Line, column: str) -> list[str]:
    parts = (line.get(column) or "").split("|")
    return [text.line(part, field=column, label="A name", most=200) for part in parts if part.strip()]


def _names(line: Line, before: Mapping[str, list[str]]) -> dict[str, list[str]]:
    names = dict(before)
    for language in LANGUAGES[1:]:
        said = _parts(line, language)
        if said:
            names[language] = list(dict.fromkeys([*said, *names.get(language, [])]))
    return names


def _place(line: Line) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for column, most in (("lat", 90.0), ("lon", 180.0), ("population", 1e11)):
        written = (line.get(column) or "").strip()
        if not written:
            continue
        try:
            value = float(written)
        except ValueError:
            raise BadInput({column: f"“{written[:20]}” in {column} is not a number."}) from None
        if not -most <= value <= most or (column == "population" and value < 0):
            raise BadInput({column: f"{written[:20]} in {column} is out of range."})
        said[column] = int(value) if column == "population" else value
    if ("lat" in said) != ("lon" in said):
        raise BadInput({"lat": "A point needs both lat and lon."})
    return said
