"""`vrm snapshot` over a store of many leads: files, checksums, versions, what changed, and what it refuses."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from rooms import publish_want, start_vendor
from sqlalchemy import func, select, update

from vendors.models import Lead, Undelivered
from vrm import route
from vrm.cli import main
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput
from vrm.research import snapshots
from vrm.research.metrics import measure
from vrm.research.snapshots import Shelf, Snapshot

CARS = ("cars-trucks-vans", "gb")


def fill(store: Store, ana: Account, ben: Account, now: datetime, *, wants: int = 4, vendors: int = 5) -> None:
    """Leads of which most are delivered and some answered."""
    with store.write() as session:
        for number in range(vendors):
            start_vendor(session, ben, now, name=f"Shop {number}", wish=CARS)
        for number in range(wants):
            intent = publish_want(session, ana, now + timedelta(hours=number))
            route.route(session, intent, now + timedelta(hours=number))
        moved = {"undelivered": None, "notified_at": now, "delivered_at": now + timedelta(hours=5)}
        session.execute(update(Lead).values(moved))


def make(store: Store, now: datetime, folder: Path, note: str = "") -> Snapshot:
    with store.read() as session:
        return snapshots.make(session, now, Shelf(folder), "https://wants.example.org", note=note)


def test_a_snapshot_is_whole_and_says_what_its_table_says(
    store: Store, ana: Account, ben: Account, now: datetime, tmp_path: Path
) -> None:
    fill(store, ana, ben, now)
    made = make(store, now + timedelta(days=3), tmp_path, "The first one.")
    names = {file.path for file in made.files}
    assert {
        "leads.csv",
        "leads.jsonl",
        "leads.parquet",
        "datapackage.json",
        "croissant.json",
        "CITATION.cff",
        "codebook.md",
        "README.md",
        "ocel.json",
        "sql/reach.sql",
        "sql/from-the-store.sql",
        "tables/business-hours.csv",
        "tables/hours.csv",
        "tables/measures.json",
    } <= names
    assert (made.id, made.version, made.leads) == ("2026-11-24.1", "1.0.0", 20)
    assert made.note == "The first one."
    again = snapshots.check(made.folder)
    said = json.loads((made.folder / "tables/measures.json").read_text())
    assert said["all"] == json.loads(json.dumps(measure(again.table()).as_json()))
    everything = "".join(file.read_text(errors="replace") for file in made.folder.rglob("*") if file.is_file())
    for secret in ("shop-1", "Shop 1", "ana@example.org", "Toyota"):
        assert secret not in everything
    held = (tmp_path / "restricted" / f"{made.id}.csv").read_text()
    assert "2026-11-21T17:00:00Z" in held
    assert (tmp_path / "restricted" / f"{made.id}.csv").stat().st_mode & 0o077 == 0


def test_the_next_version_says_what_was_corrected_and_changes_nothing_before(
    store: Store, ana: Account, ben: Account, now: datetime, tmp_path: Path
) -> None:
    fill(store, ana, ben, now)
    first = make(store, now + timedelta(days=3), tmp_path)
    before = (first.folder / "leads.csv").read_bytes()
    with store.write() as session:
        bounced = {"delivered_at": None, "undelivered": Undelivered.BOUNCED}
        session.execute(
            update(Lead).where(Lead.vendor_id != select(func.min(Lead.vendor_id)).scalar_subquery()).values(bounced)
        )
        session.execute(update(Lead).values(notified_at=now))
    second = make(store, now + timedelta(days=3, hours=1), tmp_path)
    assert (second.id, second.version) == ("2026-11-24.2", "2.0.0")
    assert f"Since {first.id}:" in second.note
    assert "delivered then, bounced now: 16" in second.note
    assert "2026-11-24.1 stays as it was published" in second.note
    assert (first.folder / "leads.csv").read_bytes() == before
    assert [snapshot.id for snapshot in Shelf(tmp_path).all()] == [second.id, first.id]


def test_a_file_that_was_touched_is_named(
    store: Store, ana: Account, ben: Account, now: datetime, tmp_path: Path
) -> None:
    fill(store, ana, ben, now)
    made = make(store, now + timedelta(days=3), tmp_path)
    (made.folder / "leads.csv").chmod(0o644)
    (made.folder / "leads.csv").write_text("lead_id\n")
    (made.folder / "codebook.md").unlink()
    with pytest.raises(BadInput) as refused:
        snapshots.check(made.folder)
    assert refused.value.problems == {
        "leads.csv": "leads.csv is not as it was published; download it again.",
        "codebook.md": "codebook.md is missing.",
    }


def test_the_command_makes_checks_and_measures_one(
    store: Store, store_url: str, ana: Account, ben: Account, now: datetime, tmp_path: Path
) -> None:
    fill(store, ana, ben, now)
    environment = {**os.environ, "VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": "s" * 40}

    def run(*words: str) -> str:
        result = CliRunner(env=environment).invoke(main, list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    said = json.loads(run("snapshot", "--out", str(tmp_path / "out"), "--json"))
    assert said["leads"] == 20
    run("snapshot", "--check", said["folder"])
    from_set = json.loads(run("measure", "--snapshot", said["folder"], "--by", "region", "--json"))
    from_file = json.loads(run("measure", "--leads", f"{said['folder']}/leads.csv", "--by", "region", "--json"))
    assert from_set == from_file
    both = CliRunner().invoke(main, ["measure", "--leads", __file__, "--snapshot", said["folder"]])
    assert (both.exit_code, "not both" in both.output) == (1, True)


def test_too_few_leads_are_refused_with_a_sentence(
    store: Store, ana: Account, ben: Account, now: datetime, tmp_path: Path
) -> None:
    fill(store, ana, ben, now, wants=2, vendors=5)
    with pytest.raises(BadInput, match="There are 10 leads"):
        make(store, now, tmp_path)
    assert list(tmp_path.glob("snapshots/*")) == []
