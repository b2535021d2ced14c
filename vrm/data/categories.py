"""Shopify's goods, OpenStreetMap's trades and our own words → rows of the category tree."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vrm.data.rows import Row, Slugs, distinct
from vrm.data.sources import Artefact
from vrm.kernel.errors import BadInput
from vrm.kernel.names import fold, singular

_HERE = Path(__file__).parent
_SERVICES = "shopify:se"
_LEFT_OUT = frozenset({"na"})  # "Uncategorized" is what our root means.
_RENAMED = {_SERVICES: "Services & Trades"}
# Search terms of a map editor that are no names for a trade.
_COARSE = frozenset({"assman", "hog", "dine", "eat", "table", "bar", "cafe", "café", "studio", "skin", "heart", "ink"})


def category_rows(shopify: Artefact, osm: Artefact, *, depth: int, kept: Mapping[str, str]) -> list[Row]:
    """Every category, parents first. `depth` counts Shopify's levels from 1; `kept` has the slugs given before."""
    slugs = Slugs(kept)
    root = Row(slug="anything", parent="", kind="root", label="Anything", codes=("own:anything",))
    rows = {root.codes[0]: root}
    for code, parent_code, name in _goods(shopify.json("package/dist/en.json"), depth):
        parent = rows[parent_code]
        label = _RENAMED.get(code, name)
        kind = "service" if code == _SERVICES or parent.kind == "service" else "good"
        slug = slugs.give(code, fold(label), f"{parent.slug} {fold(label)}")
        rows[code] = Row(slug=slug, parent=parent.slug, kind=kind, label=label, codes=(code,))
    _add_services(rows, slugs, osm)
    _add_synonyms(rows)
    return list(rows.values())


def _goods(document: Any, depth: int) -> Iterator[tuple[str, str, str]]:
    """(code, parent's code, label) in breadth-first order, so that the shallower of two equal names keeps it plain."""
    nodes = [node for vertical in document["verticals"] for node in vertical["categories"]]
    nodes = [node for node in nodes if node["id"] not in _LEFT_OUT and node["id"].count("-") < depth]
    for node in sorted(nodes, key=lambda node: node["id"].count("-")):
        parent = f"shopify:{node['parent_id']}" if node["parent_id"] else "own:anything"
        yield f"shopify:{node['id']}", parent, node["name"].strip()


def _add_services(rows: dict[str, Row], slugs: Slugs, osm: Artefact) -> None:
    """Put the trades of services.csv into the tree; a code that begins with "=" is the same as the node `under` it."""
    presets = osm.json("package/dist/translations/en.json")["en"]["presets"]["presets"]
    goods_words = {singular(word) for row in rows.values() if row.kind == "good" for word in fold(row.label).split()}
    wanted = _lines("services.csv")
    spoken = {line["code"]: _spoken(presets, line) for line in wanted}
    uses = Counter(term for terms in spoken.values() for term in set(terms))
    ours = {fold(word) for line in [*wanted, *_lines("synonyms.csv")] for word in line["synonyms"].split("|")}
    for line in wanted:
        code, under, label = line["code"].removeprefix("="), line["under"], line["label"]
        terms = [
            term
            for term in spoken[line["code"]]
            if uses[term] == 1 and fold(term) not in ours and singular(fold(term)) not in goods_words
        ]
        synonyms = distinct([*filter(None, line["synonyms"].split("|")), *terms], label)
        if code != line["code"]:
            same = rows[under]
            named = distinct([*synonyms, same.label], label)
            slug = slugs.rename(under, fold(label), f"{same.parent} {fold(label)}")
            if any(row.parent == same.slug for row in rows.values()):
                raise BadInput({"services.csv": f"{under} has children and cannot be renamed."})
            rows[under] = Row(
                slug=slug, parent=same.parent, kind="service", label=label, synonyms=named, codes=(under, code)
            )
            continue
        parent = rows[under]
        slug = slugs.give(code, fold(label), f"{parent.slug} {fold(label)}")
        rows[code] = Row(slug=slug, parent=parent.slug, kind="service", label=label, synonyms=synonyms, codes=(code,))


def _spoken(presets: Any, line: Mapping[str, str]) -> list[str]:
    """What the map editor calls a preset: aliases, name, terms."""
    code = line["code"].removeprefix("=")
    if not code.startswith("osm:"):
        return []
    preset = presets.get(code.removeprefix("osm:"))
    if preset is None:
        raise BadInput({"services.csv": f"There is no preset {code}; remove the line or mend it."})
    terms = [*(preset.get("aliases") or "").split("\n"), preset["name"], *(preset.get("terms") or "").split(",")]
    tidy = (re.sub(r" \((.*)\)$", "", term).strip() for term in terms)
    return [term for term in tidy if len(term) > 2 and term not in _COARSE]


def _add_synonyms(rows: dict[str, Row]) -> None:
    """Add the everyday words of synonyms.csv; BadInput names a slug that does not exist or a word given twice."""
    by_slug = {row.slug: code for code, row in rows.items()}
    given: dict[str, str] = {}
    for line in _lines("synonyms.csv"):
        code = by_slug.get(line["slug"])
        if code is None:
            raise BadInput({"synonyms.csv": f"There is no category {line['slug']}."})
        for word in line["synonyms"].split("|"):
            if given.setdefault(fold(word), line["slug"]) != line["slug"]:
                raise BadInput({"synonyms.csv": f"“{word}” is given to {given[fold(word)]} and {line['slug']}."})
        row = rows[code]
        rows[code] = row.with_synonyms(distinct([*row.synonyms, *line["synonyms"].split("|")], row.label))


def _lines(name: str) -> list[dict[str, str]]:
    with (_HERE / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
