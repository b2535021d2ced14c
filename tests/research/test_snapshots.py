"""A snapshot: files that agree, that never change, and that betray nobody."""

import csv
import json
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from research_hours import placed_leads
from research_leads import DAY, PATHS, PLACES, lead, market

from vrm.kernel.errors import BadInput, NotFound
from vrm.research import snapshots
from vrm.research.describe import About
from vrm.research.files import read_parquet, rows, write_parquet, write_text
from vrm.research.hours import Week, as_csv, from_csv, local_hours, weeks_of
from vrm.research.metrics import measure
from vrm.research.ocel import write_ocel
from vrm.research.queries import QUERIES
from vrm.research.release import below, released, roll_up
from vrm.research.table import COLUMNS, MISSING, SECONDS, LeadTable, from_rows, read_csv


def public(seed: int = 1, size: int = 400) -> LeadTable:
    up = roll_up(from_rows(market(seed, size)), PATHS, PLACES)
    return released(up, "2026-11-21.1", key=b"k" * 32).table


@pytest.fixture(scope="module")
def table() -> LeadTable:
    return public()


def test_three_formats_hold_the_same_table(table: LeadTable, tmp_path: Path) -> None:
    snapshots.write_leads(table, tmp_path)
    from_text, from_parquet = read_csv(tmp_path / "leads.csv"), read_parquet(tmp_path / "leads.parquet")
    lines = [json.loads(line) for line in (tmp_path / "leads.jsonl").read_text().splitlines()]
    assert list(rows(from_text)) == list(rows(from_parquet)) == list(rows(table)) == lines
    assert list(lines[0]) == list(COLUMNS)
    assert measure(from_text, by="region").as_json() == measure(from_parquet, by="region").as_json()


def test_words_with_commas_quotes_and_other_letters_survive(tmp_path: Path) -> None:
    odd = from_rows([lead(category='Räder, "Bäder"\n& 🚲', channel="") for _ in range(3)])
    snapshots.write_leads(odd, tmp_path)
    assert read_csv(tmp_path / "leads.csv").words["category"].labels == ('Räder, "Bäder"\n& 🚲',)
    assert read_parquet(tmp_path / "leads.parquet").words["channel"].labels == ("",)


def test_no_published_cell_vendor_or_channel_is_small(table: LeadTable) -> None:
    held = list(rows(table))
    assert min(Counter((row["category"], row["region"]) for row in held).values()) >= 11
    assert min(Counter(row["vendor_id"] for row in held).values()) >= 11
    assert min(Counter(row["channel"] for row in held).values()) >= 11
    assert {"others"} < set(table.words["vendor_id"].labels)
    assert "Food" not in " ".join(table.words["category"].labels)


def test_no_name_of_the_store_and_no_clock_is_in_it(table: LeadTable) -> None:
    ours = {(row.lead_id, row.intent_id, row.vendor_id) for row in market()}
    names = {name for three in ours for name in three}
    for column in ("lead_id", "intent_id", "vendor_id"):
        assert not names & set(table.words[column].labels)
    observed, answers = table.seconds["observed_s"], table.seconds["response_after_s"]
    plain = (answers == MISSING) & (table.seconds["closed_after_s"] == MISSING) & (observed != MISSING)
    assert plain.any()
    assert (observed[plain] % DAY == 0).all()


def test_another_release_has_other_pseudonyms_but_the_same_answers() -> None:
    up = roll_up(from_rows(market()), PATHS, PLACES)
    one, two = released(up, "a").table, released(up, "b").table
    assert not set(one.words["intent_id"].labels) & set(two.words["intent_id"].labels)
    first, second = measure(one).as_json(), measure(two).as_json()
    assert first["groups"] == second["groups"]


def test_rounding_what_was_watched_changes_no_answer() -> None:
    plain = from_rows(market())
    rounded = released(roll_up(plain, PATHS, PLACES), "a").table
    before, after = measure(plain).groups[0], measure(rounded).groups[0]
    assert after.answered.count == before.answered.count
    assert after.bins == before.bins
    assert after.reach == before.reach


def test_a_node_is_found_with_all_that_is_below_it(table: LeadTable) -> None:
    cars = int(below(table.words["category"], ("Vehicles", "Cars")).sum())
    vehicles = int(below(table.words["category"], ("Vehicles",)).sum())
    assert 0 < cars < vehicles < len(table) == int(below(table.words["category"], ()).sum())


def test_too_few_leads_are_not_released() -> None:
    few = roll_up(from_rows([lead(category="cars", region="gb") for _ in range(10)]), PATHS, PLACES)
    assert set(few.table.words["category"].labels) == {"Anything"}
    with pytest.raises(BadInput, match="There are 10 leads; a snapshot needs 11"):
        released(few, "x")


# --- The queries ----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", "duckdb"])
def ask(request: pytest.FixtureRequest, table: LeadTable, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("asked")
    if request.param == "duckdb":
        write_parquet(table, folder / "leads.parquet")
        connection = duckdb.connect()
        connection.execute(f"CREATE VIEW leads AS FROM '{folder / 'leads.parquet'}'")
        return lambda name: connection.execute(QUERIES[name]).fetchall()
    write_text(table, folder / "leads.csv", folder / "leads.jsonl")
    store = sqlite3.connect(":memory:")
    typed = ", ".join(f"{name} {'INTEGER' if name in SECONDS else 'TEXT'}" for name in COLUMNS)
    store.execute(f"CREATE TABLE leads ({typed})")
    with (folder / "leads.csv").open() as file:
        cells = [[cell or None for cell in row] for row in csv.reader(file)][1:]
    store.executemany(f"INSERT INTO leads VALUES ({', '.join('?' * len(COLUMNS))})", cells)
    return lambda name: store.execute(QUERIES[name]).fetchall()


def test_the_stated_queries_give_the_published_figures(ask, table: LeadTable) -> None:  # type: ignore[no-untyped-def]
    group = measure(table).groups[0]
    assert ask("reach") == [(group.reach.notified, group.reach.delivered, group.reach.unknown)]
    curve = np.array(ask("curve"), dtype=float)
    assert curve[:, 0] == pytest.approx(group.curve.t_s)
    assert curve[:, 3] == pytest.approx(group.curve.answered, abs=1e-12)
    assert curve[:, 4] == pytest.approx(group.curve.se, abs=1e-12)
    assert dict(ask("shares")) == pytest.approx(
        {at: share.estimate for at, share in group.share_by.items() if share is not None}
    )
    assert dict(ask("bins")) == {str(end) if end else "none": n for end, n in group.bins.counts.items() if n}
    ended = Counter(dict(ask("ends")))
    assert ended.total() == group.n
    assert {end: int(way.events.sum()) for end, way in group.incidence.items()} == {
        end: ended[end] for end in group.incidence
    }
    cells = ask("cells")
    assert sum(row[2] for row in cells) == group.n
    assert sum(row[3] for row in cells) == group.answered.count
    assert len(ask("vendors")) <= len(table.words["vendor_id"].labels)
    assert sum(row[1] for row in ask("vendors")) == group.bins.mature
    assert ask("arms") == []
    assert sum(row[1] for row in ask("quality")) == len(table) - group.n


def test_an_event_log_names_only_what_it_has(table: LeadTable, tmp_path: Path) -> None:
    write_ocel(table, tmp_path / "ocel.json")
    log = json.loads((tmp_path / "ocel.json").read_text())
    there = {thing["id"] for thing in log["objects"]}
    assert {thing["type"] for thing in log["objects"]} == {kind["name"] for kind in log["objectTypes"]}
    assert {one["objectId"] for event in log["events"] for one in event["relationships"]} <= there
    assert len({event["id"] for event in log["events"]}) == len(log["events"])
    routed = [event for event in log["events"] if event["type"] == "lead routed"]
    assert len(routed) == len(table)
    assert all(event["time"].endswith("T00:00:00Z") for event in routed)


# --- Hours ----------------------------------------------------------------------------------------


def test_hours_are_on_the_vendors_own_clock_and_small_ones_are_told_together(now: datetime) -> None:
    noon = int(now.timestamp()) // 3600 * 3600  # Saturday, 12:00 UTC.
    zones = {1: "Europe/Berlin", 2: "UTC", 3: "No/Where"}
    moments, vendors = np.array([noon, noon + 3600, noon, noon - 7 * 86_400]), np.array([1, 2, 3, 1])
    saturday = local_hours(moments, vendors, zones).tolist()
    assert saturday == [24 * 5 + 13, 24 * 5 + 13, 24 * 5 + 12, 24 * 5 + 13]
    week = weeks_of(placed_leads([(saturday[0], 35, 0, 20), (saturday[2], 4, 0, 1)]))["calendar"]
    assert [(hour.weekday, hour.hour, hour.leads) for hour in week.hours] == [(5, 13, 35)] or week.other_leads >= 11
    assert week.n == 39
    assert from_csv(as_csv(week)) == week
    with pytest.raises(BadInput):
        from_csv("weekday,hour\nMoonday,1\n")
    assert from_csv(as_csv(Week((), 0, 0))).n == 0


def test_an_about_has_a_citation() -> None:
    about = About("2026-11-21.1", "1.0.0", datetime(2026, 11, 21).date(), 12, "https://x/s", "Intent broker at x", "")  # noqa: DTZ001
    assert about.citation.startswith("Intent broker at x (2026). Responsiveness of vendors")


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no snapshot"):
        snapshots.opened(tmp_path)
    with pytest.raises(NotFound):
        snapshots.Shelf(tmp_path).by_id("../../etc")
    assert snapshots.Shelf(tmp_path).all() == []
    assert timedelta(seconds=DAY).days == 1
