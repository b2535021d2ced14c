"""The live store → an immutable, versioned set of files that anybody may have; and such a set → its table again."""

import gzip
import hashlib
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from vrm.kernel import taxonomy
from vrm.kernel.errors import BadInput, NotFound
from vrm.research import codebook, describe, hours, ocel
from vrm.research.cells import LEAST
from vrm.research.charts import Material
from vrm.research.describe import About, Described
from vrm.research.files import need_parquet, read_parquet, write_parquet, write_text
from vrm.research.hours import CLOCKS, Clock, Weeks, placed, weeks_after
from vrm.research.live import fine, leads_query, paths
from vrm.research.metrics import COLUMN_OF, By
from vrm.research.queries import QUERIES
from vrm.research.release import Public, released, roll_up
from vrm.research.restricted import write_restricted
from vrm.research.table import LeadTable, read_csv
from vrm.research.versions import Name, may_enter

SUMS = "SHA256SUMS"
HOURS: Mapping[Clock, str] = {"calendar": "tables/hours.csv", "business": "tables/business-hours.csv"}
_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9]{1,4}", re.ASCII)
_GROUPS: tuple[By, ...] = ("category", "region", "channel", "vendor", "arm")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where snapshots are kept: the public ones, and beside them what is not public."""

    root: Path

    @property
    def public(self) -> Path:
        return self.root / "snapshots"

    @property
    def restricted(self) -> Path:
        """The tier with moments, for researchers whom the operator approved."""
        return self.root / "restricted"

    @property
    def ledgers(self) -> Path:
        """What each snapshot knew of each lead, so that the next can say what was corrected. Never published."""
        return self.root / "ledgers"

    def all(self) -> list["Snapshot"]:
        """Every snapshot, the newest first."""
        if not self.public.is_dir():
            return []
        found = [opened(folder) for folder in self.public.iterdir() if _ID.fullmatch(folder.name)]
        return sorted(found, key=lambda snapshot: snapshot.number, reverse=True)

    def by_id(self, ident: str) -> "Snapshot":
        """NotFound when there is none."""
        folder = self.public / ident
        if not _ID.fullmatch(ident) or not folder.is_dir():
            raise NotFound("There is no such snapshot.")
        return opened(folder)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One release, as its own datapackage.json describes it."""

    id: str
    version: str
    made_on: date
    leads: int
    note: str
    citation: str
    folder: Path
    files: tuple[Described, ...]

    @property
    def number(self) -> int:
        """1 for the broker's first one."""
        return int(self.version.partition(".")[0])

    def file(self, path: str) -> Path:
        """One of its files; NotFound for anything else, however it is spelt."""
        if path not in {SUMS, *(file.path for file in self.files)}:
            raise NotFound("There is no such file in this snapshot.")
        return self.folder / path

    def table(self) -> LeadTable:
        """Its leads, from the format that is read fastest here. Raises BadInput where the file is damaged."""
        parquet = self.folder / "leads.parquet"
        try:
            need_parquet()
        except BadInput:
            return read_csv(self.folder / "leads.csv")
        return read_parquet(parquet) if parquet.exists() else read_csv(self.folder / "leads.csv")

    def weeks(self) -> Weeks:
        """Its tables of hours, which cannot be made from its leads: they have no clock. Old ones have one of them."""
        there = {file.path for file in self.files}
        return dict(hours.NO_WEEKS) | {
            clock: hours.from_csv(self.file(path).read_text(encoding="utf-8"), clock)
            for clock, path in HOURS.items()
            if path in there
        }


def opened(folder: Path) -> Snapshot:
    """The snapshot in this folder; BadInput where there is none."""
    try:
        package: Mapping[str, Any] = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        facts: Mapping[str, Any] = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
        sums = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        sentence = f"{folder} is no snapshot: it needs datapackage.json, snapshot.json and {SUMS}."
        raise BadInput({"snapshot": sentence}) from error
    split = [line.partition("  ") for line in sums]
    there = [(path, digest) for digest, _, path in split if (folder / path).is_file()]
    return Snapshot(
        id=str(facts["id"]),
        version=str(package["version"]),
        made_on=date.fromisoformat(str(package["created"])[:10]),
        leads=int(facts["leads"]),
        note=str(facts["note"]),
        citation=str(facts["citation"]),
        folder=folder,
        files=tuple(Described(path, (folder / path).stat().st_size, digest) for path, digest in there),
    )


def check(folder: Path) -> Snapshot:
    """The snapshot, after every file was compared with its checksum. BadInput with a sentence for each that differs."""
    snapshot = opened(folder)
    wrong: dict[str, str] = {}
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, path = line.partition("  ")
        file = folder / path
        if not file.is_file():
            wrong[path] = f"{path} is missing."
        elif _digest(file) != digest:
            wrong[path] = f"{path} is not as it was published; download it again."
    if wrong:
        raise BadInput(wrong)
    return snapshot


# --- Making one -----------------------------------------------------------------------------------


def make(
    session: Session, now: datetime, shelf: Shelf, base_url: str, *, note: str = "", least: int = LEAST
) -> Snapshot:
    """A new snapshot of every lead as it stands at `now`, with the next version. What is there is never changed.

    Raises BadInput with fewer than 11 leads, or where Parquet cannot be written here.
    """
    need_parquet()
    trees = taxonomy.trees(session)
    leads = fine(session, now)
    before = shelf.all()
    then = _last_ledger(shelf, before)
    ident, version = _next(before, now)
    while True:
        public = roll_up(
            leads.table,
            paths(trees.categories, leads.table.words["category"].labels),
            paths(trees.regions, leads.table.words["region"].labels),
            least=least,
        )
        known = _ledger(leads.table, public.table)
        enters = _may_enter(known, then, least)
        if enters.all():
            break
        leads = leads.rows(np.flatnonzero(enters))  # Without them names may be rolled up otherwise: look again.
    release = released(public, ident, least=least)
    weeks, told = weeks_after(placed(session, leads), list(known), _hours_told(then), least=least)
    known = {lead: (*facts, *told.get(lead, ("", ""))) for lead, facts in known.items()}
    said = " ".join(filter(None, (note, _changes(before, then, known, least))))
    url = f"{base_url}/research/snapshots/{ident}"
    host = base_url.partition("://")[2]
    about = About(ident, version, now.date(), len(leads.table), url, f"Intent broker at {host}", said)
    shelf.public.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{ident}-", dir=shelf.public))
    try:
        _write(half, about, release, weeks)
        _keep_ledger(shelf, ident, known)
        write_restricted(session, now, public.table, shelf.restricted / f"{ident}.csv")
        half.chmod(0o755)
        half.replace(shelf.public / ident)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    return opened(shelf.public / ident)


def _next(before: list[Snapshot], now: datetime) -> tuple[str, str]:
    number = before[0].number + 1 if before else 1
    today = sum(snapshot.id.startswith(f"{now:%Y-%m-%d}.") for snapshot in before)
    return f"{now:%Y-%m-%d}.{today + 1}", f"{number}.0.0"


def _write(folder: Path, about: About, release: Public, weeks: Weeks) -> None:
    write_leads(release.table, folder)
    for name in ("figures", "sql", "tables"):
        (folder / name).mkdir()
    for clock in CLOCKS:
        (folder / HOURS[clock]).write_text(hours.as_csv(weeks[clock], clock), encoding="utf-8")
    material = Material(release.table, weeks, {name: name for name in release.table.words["vendor_id"].labels})
    measured = {"all": material.measured().as_json()}
    measured |= {f"by_{by}": material.measured(by).as_json() for by in _GROUPS if _has(release.table, by)}
    (folder / "tables/measures.json").write_text(json.dumps(measured, indent=1, ensure_ascii=False), encoding="utf-8")
    for figure in material.figures():
        (folder / f"figures/{figure.name}.csv").write_text(figure.as_csv(), encoding="utf-8")
    for name, query in QUERIES.items():
        (folder / f"sql/{name}.sql").write_text(query + ";\n", encoding="utf-8")
    (folder / "sql/from-the-store.sql").write_text(_store_query(), encoding="utf-8")
    (folder / "codebook.md").write_text(codebook.as_markdown(about.id), encoding="utf-8")
    ocel.write_ocel(release.table, folder / "ocel.json")
    held = list(_described(folder))
    (folder / "datapackage.json").write_text(describe.datapackage(about, held), encoding="utf-8")
    (folder / "croissant.json").write_text(describe.croissant(about, held), encoding="utf-8")
    (folder / "CITATION.cff").write_text(describe.citation(about), encoding="utf-8")
    (folder / "README.md").write_text(describe.readme(about, held), encoding="utf-8")
    facts = {"id": about.id, "leads": about.leads, "note": about.note, "citation": about.citation, "k": LEAST}
    (folder / "snapshot.json").write_text(
        json.dumps(facts | {"rolled_up_leads": _few(release.rolled_up)}, indent=1, ensure_ascii=False), encoding="utf-8"
    )
    sums = "".join(f"{file.sha256}  {file.path}\n" for file in _described(folder))
    (folder / SUMS).write_text(sums, encoding="utf-8")
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(0o444)  # A published file never changes.


def write_leads(table: LeadTable, folder: Path) -> None:
    """The table in its three formats."""
    write_text(table, folder / "leads.csv", folder / "leads.jsonl")
    write_parquet(table, folder / "leads.parquet")


def _has(table: LeadTable, by: By) -> bool:
    return any(table.words[COLUMN_OF[by]].labels)


def _store_query() -> str:
    said = str(leads_query().compile(dialect=sqlite.dialect()))
    return (
        "-- How each row was read from the broker's own store (SQLite; moments are microseconds since 1970). Then:\n"
        "-- names are rolled up until each category and region has 11 leads, ids are hashed with a key that was lost,\n"
        f"-- observed_s is rounded down to whole days, and rows are put in the order of their hashes.\n{said};\n"
    )


def _described(folder: Path) -> Iterator[Described]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield Described(file.relative_to(folder).as_posix(), file.stat().st_size, _digest(file))


def _digest(file: Path) -> str:
    with file.open("rb") as opened_file:
        return hashlib.file_digest(opened_file, "sha256").hexdigest()


# --- What the next one says of this one -----------------------------------------------------------

# Of each lead: its delivery, who answered, how its want ended, the category and region it was published under, and in
# which lines of the two tables of hours it was counted.
Ledger = Mapping[str, Sequence[str]]


def _ledger(leads: LeadTable, public: LeadTable) -> Ledger:
    columns = [leads.words[name] for name in ("lead_id", "delivery_status", "response_actor", "intent_outcome")]
    columns += [public.words[name] for name in ("category", "region")]
    lead, *facts = ([column.labels[code] for code in column.codes.tolist()] for column in columns)
    return dict(zip(lead, zip(*facts, strict=True), strict=True))


def _may_enter(known: Ledger, then: Ledger | None, least: int) -> NDArray[np.bool_]:
    """Which leads may be in this version; all of them in the first, or where nothing is known of the last."""
    if then is None:
        return np.ones(len(known), dtype=np.bool_)

    def name(facts: Sequence[str]) -> Name:
        return (facts[3], facts[4]) if len(facts) > 3 else ("", "")  # Older ledgers have no names: one part.

    before = {lead: name(facts) for lead, facts in then.items()}
    return may_enter(list(known), [name(facts) for facts in known.values()], before, least=least)


def _hours_told(then: Ledger | None) -> Mapping[str, Name]:
    """Where each lead was counted in the hours of the last version; older ledgers do not say."""
    return {lead: (facts[5], facts[6]) for lead, facts in (then or {}).items() if len(facts) > 6 and facts[5]}


def _last_ledger(shelf: Shelf, before: list[Snapshot]) -> Ledger | None:
    """None for the first version, and where the ledger of the last one is gone."""
    try:
        with gzip.open(shelf.ledgers / f"{before[0].id}.json.gz", "rt", encoding="utf-8") as file:
            found: Ledger = json.load(file)
            return found
    except (IndexError, OSError, ValueError):
        return None


def _keep_ledger(shelf: Shelf, ident: str, known: Ledger) -> None:
    shelf.ledgers.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = shelf.ledgers / f"{ident}.json.gz"
    file.touch(mode=0o600)
    with gzip.open(file, "wt", encoding="utf-8") as out:
        json.dump(known, out)


def _changes(before: list[Snapshot], then: Ledger | None, known: Ledger, least: int) -> str:
    """What became known of the leads of the last snapshot since it was made; "" for the first one."""
    if not before:
        return ""
    last = before[0].id
    if then is None:
        return f"What changed since {last} is not known: its ledger is gone."
    found: Counter[str] = Counter({"new leads": len(known.keys() - then.keys())})
    found["leads that are gone"] = len(then.keys() - known.keys())
    for lead in then.keys() & known.keys():
        (was, by, *_), (is_, now_by, outcome, *_) = then[lead], known[lead]
        if was != is_:
            found[f"{was} then, {is_} now"] += 1
        if now_by == "human" and by != "human":
            found["answered since"] += 1
        if outcome != then[lead][2]:
            found["wants closed since, by lead"] += 1
    told = [f"{what}: {_few(count, least)}" for what, count in sorted(found.items()) if count]
    return f"Since {last}: {'; '.join(told) or 'nothing changed'}. {last} stays as it was published."


def _few(count: int, least: int = LEAST) -> str:
    return str(count) if count == 0 or count >= least else f"fewer than {least}"
