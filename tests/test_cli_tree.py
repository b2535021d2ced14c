"""`vrm tree …`, as an operator at a terminal uses it."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rooms import person, publish_want, start_vendor
from sqlalchemy import select

from intents.models import Intent
from vendors.models import Subscription
from vrm.cli import main
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Audit
from vrm.kernel.db import Store
from vrm.kernel.taxonomy import TreeVersion

Tree = Callable[..., Result]


@pytest.fixture
def tree(little_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Runs `vrm tree …` on a store with little trees; `fails=1` expects that exit code."""
    monkeypatch.chdir(tmp_path)
    url = little_store.engine.url.set(drivername=little_store.dialect).render_as_string(hide_password=False)
    environ = {"VRM_DATABASE_URL": url, "VRM_SECRET_KEY": "k" * 32, "VRM_REQUIRE": None, "COLUMNS": "200"}

    def run(*words: str, fails: int = 0) -> Result:
        result = CliRunner().invoke(main, ["tree", *words], env=environ)
        assert result.exit_code == fails, result.output + str(result.exception)
        return result

    return run


@pytest.fixture
def busy(little_store: Store, now: datetime) -> None:
    """A subscription at bikes, and an open want for a scooter."""
    ben, ana = person(little_store, "ben@example.org"), person(little_store, "ana@example.org")
    with little_store.write() as session:
        start_vendor(session, ben, now, wish=("bikes", "world"))
        publish_want(session, ana, now, category="scooters", region="leeds")


def test_looking_says_what_is_below_and_who_lives_there(tree: Tree, busy: None) -> None:
    assert "bikes" in tree("list", "vehicles").output
    assert [row["slug"] for row in json.loads(tree("list", "--json").output)] == ["vehicles", "toys", "plumber"]
    assert "Nothing is below “Dolls”" in tree("list", "dolls").output
    shown = json.loads(tree("show", "Leeds", "--regions", "--json").output)
    assert (shown["path"], shown["kind"]) == ("Europe › Great Britain › Leeds", "city")
    assert (shown["open_intents"], shown["subscriptions"]) == (1, 0)
    assert "bicycle, e-bike" in tree("show", "bikes").output


def test_a_dry_run_says_what_it_would_touch_and_changes_nothing(tree: Tree, little_store: Store, busy: None) -> None:
    with little_store.read() as session:
        before = session.execute(select(TreeVersion.version)).all()
    said = tree("merge", "bikes", "--into", "cars", "--dry-run").output
    assert "1 open intents and 1 subscriptions are at or below it" in said
    assert "Merged into Vehicles › Cars" in said
    assert "dry run; nothing has changed" in said
    with little_store.read() as session:
        assert session.execute(select(TreeVersion.version)).all() == before
        assert session.scalars(select(Audit)).all() == []


def test_each_edit_is_done_and_written_down(tree: Tree, little_store: Store, busy: None) -> None:
    assert "Renamed: Vehicles › Bikes › E-scooters" in tree("rename", "scooters", "E-scooters").output
    assert "“velo” leads to Vehicles › Bikes" in tree("synonym", "bikes", "velo").output
    assert "Added: Toys › Kites" in tree("add", "Kites", "--under", "toys").output
    assert "Added: Europe › Great Britain › Otley" in tree(
        "add", "Otley", "--regions", "--under", "gb", "--at", "53.9", "-1.69"
    ).output  # fmt: skip
    assert "Set apart: Vehicles › Bikes › E-bike" in tree("split", "bikes", "E-bike", "--child", "scooters").output
    assert "Moved: Toys › E-bike" in tree("move", "e-bike", "--under", "toys").output
    assert "Merged into Vehicles › Cars" in tree("merge", "bikes", "--into", "cars").output
    assert "Retired: Toys › Kites" in tree("retire", "kites").output
    with little_store.read() as session:
        categories = taxonomy.trees(session).categories
        assert categories.label(session.scalars(select(Subscription.category_id)).one()) == "Cars"
        assert categories.path_label(session.scalars(select(Intent.category_id)).one() or 0) == (
            "Toys › E-bike › E-scooters"
        )
        actions = session.scalars(select(Audit.action).order_by(Audit.id)).all()
    assert actions == [
        "category.renamed", "category.synonym-added", "category.added", "region.added", "category.split",
        "category.moved", "category.merged", "category.retired",
    ]  # fmt: skip


def test_what_cannot_be_is_a_sentence(tree: Tree) -> None:
    assert "cannot hang on its own part" in tree("move", "vehicles", "--under", "bikes", fails=1).stderr
    assert "no category called “hovercraft”" in tree("rename", "hovercraft", "x", fails=1).stderr
    assert "no parent called “nowhere”" in tree("move", "bikes", "--under", "nowhere", fails=1).stderr


def test_own_lines_are_loaded_and_the_bad_ones_told(tree: Tree, little_store: Store, tmp_path: Path) -> None:
    file, bad = tmp_path / "mine.csv", tmp_path / "bad.csv"
    file.write_text(
        "id,parent,label,synonyms,de\n"
        ",Bikes,Cargo bikes,bakfiets|box bike,Lastenräder|Lastenrad\n"
        "electric-cargo-bikes,cargo-bikes,Electric cargo bikes,,\n"
        "dolls,vehicles,,Puppets,\n"
        "vehicles,scooters,,,\n"
        ",nowhere,Hoverboards,,\n",
        encoding="utf-8",
    )
    dry = tree("load", str(file), "--dry-run", fails=1)
    assert "2 would be added, 1 would be changed, 2 left out" in dry.output
    real = tree("load", str(file), "--errors", str(bad), fails=1)
    assert "2 added, 1 changed, 2 left out" in real.output
    assert "line 5" in real.stderr
    assert "own part" in bad.read_text(encoding="utf-8")
    with little_store.read() as session:
        found = taxonomy.trees(session).categories
    for word in ("bakfiets", "Lastenrad", "Cargo bikes"):
        assert found.path_label(found.resolve(word, field="x").id) == "Vehicles › Bikes › Cargo bikes"
    assert found.path_label(found.resolve("Electric cargo bikes", field="x").id).startswith("Vehicles › Bikes › Cargo")
    assert found.path_label(found.resolve("puppets", field="x").id) == "Vehicles › Dolls"
    assert "0 added, 0 changed, 2 left out" in tree("load", str(file), fails=1).output
