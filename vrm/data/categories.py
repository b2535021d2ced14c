"""Shopify's goods, OpenStreetMap's trades and our own words → rows of the category tree."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vrm.data.rows import LANGUAGES, Row, Slugs, distinct
from vrm.data.sources import Artefact
from vrm.kernel.errors import BadInput
from vrm.kernel.names import fold, singular

_HERE = Path(__file__).parent
_SERVICES = "shopify:se"
_LEFT_OUT = frozenset({"na"})  # "Uncategorized" is what our root means.
_ROOT_NAMES = {"de": ("Alles",), "fr": ("Tout",), "es": ("Todo",)}
_RENAMED = {_SERVICES: "Services & Trades"}
# Search terms of a map editor that are no names for a trade.
_COARSE = frozenset(
    {
        "assman",
        "hog",
        "dine",
        "eat",
        "table",
        "bar",
        "cafe",
        "café",
        "studio",
        "skin",
        "heart",
        "ink",
        "reparación",
        "instalación",
        "tubería",
        "lavandería",
        "baile",
        "salud",
        "belleza",
        "coche",
        "animales",
        "casa",
        "haus",
        "auto",
        "maison",
        "santé",
        "beauté",
    }
)


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What the category tree is made of; `translated` has Shopify's goods by language."""

    shopify: Artefact
    translated: Mapping[str, Artefact]
    osm: Artefact
    mcc: Artefact


def category_rows(got: Artefacts, *, depth: int, kept: Mapping[str, str]) -> list[Row]:
    """Every category, parents first. `depth` counts Shopify's levels from 1; `kept` has the slugs given before."""
    slugs = Slugs(kept)
    root = Row(slug="anything", parent="", kind="root", label="Anything", codes=("own:anything",), names=_ROOT_NAMES)
    rows = {root.codes[0]: root}
    for code, parent_code, name in _goods(got.shopify.json("package/dist/en.json"), depth):
        parent = rows[parent_code]
        label = _RENAMED.get(code, name)
        kind = "service" if code == _SERVICES or parent.kind == "service" else "good"
        slug = slugs.give(code, fold(label), f"{parent.slug} {fold(label)}")
        rows[code] = Row(slug=slug, parent=parent.slug, kind=kind, label=label, codes=(code,))
    _add_services(rows, slugs, got.osm)
    _add_synonyms(rows)
    _add_crosswalk(rows, got.mcc)
    _add_names(rows, got)
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


def _add_crosswalk(rows: dict[str, Row], mcc: Artefact) -> None:
    """Give categories of crosswalk.csv what others call them: merchant category code, schema.org type, Google's id.

    What is below has the same unless it has its own. BadInput names a category or a code that does not exist.
    """
    official = mcc.text("iso18245_official_list.csv").splitlines()
    known = {line["MCC"] for line in csv.DictReader(official)}
    by_slug = {row.slug: code for code, row in rows.items()}
    for line in _lines("crosswalk.csv"):
        code = by_slug.get(line["category"])
        if code is None or (line["mcc"] and line["mcc"] not in known):
            raise BadInput({"crosswalk.csv": f"There is no category {line['category']}, or no code {line['mcc']}."})
        others = tuple(f"{scheme}:{line[scheme]}" for scheme in ("mcc", "schema", "google") if line[scheme])
        rows[code] = replace(rows[code], codes=(*rows[code].codes, *others))


def _add_names(rows: dict[str, Row], got: Artefacts) -> None:
    """Labels and terms in other languages: those of labels.csv, then from the translations of both sources."""
    ours = labels("categories")
    for language in LANGUAGES:
        translated = got.translated[language].json(f"package/dist/{language}.json")
        goods = {code: name for code, _, name in _goods(translated, 9)}
        presets = got.osm.json(f"package/dist/translations/{language}.json")[language]["presets"]["presets"]
        for first, row in rows.items():
            spoken = [ours.get(row.slug, {}).get(language, "")]
            for code in reversed(row.codes):  # A trade that is also a good's node has its name from the trade.
                spoken += _translated(presets, code) if code.startswith("osm:") else [goods.get(code, "")]
            names = distinct(spoken, "")
            if names:
                rows[first] = replace(rows[first], names={**rows[first].names, language: names})


def _translated(presets: Any, code: str) -> list[str]:
    """A preset's name, aliases and terms in the language of `presets`; words of two letters say too little."""
    preset = presets.get(code.removeprefix("osm:"), {})
    terms = [*(preset.get("aliases") or "").split("\n"), *(preset.get("terms") or "").split(",")]
    names = [part for name in (preset.get("name", ""), *terms) for part in name.split(" / ")]
    tidy = (re.sub(r" \((.*)\)$", "", name.strip()) for name in names)
    return [name for name in tidy if len(name) > 2 and name.lower() not in _COARSE]


def labels(tree: str) -> dict[str, dict[str, str]]:
    """{slug: {language: label}} of labels.csv, for nodes that no source translates."""
    return {
        line["id"]: {lang: line[lang] for lang in LANGUAGES} for line in _lines("labels.csv") if line["tree"] == tree
    }


def _lines(name: str) -> list[dict[str, str]]:
    with (_HERE / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
