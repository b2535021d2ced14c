"""A snapshot's files → what describes them to programs and to people: Frictionless, Croissant, CFF, a README."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from vrm.research.codebook import MEANING, field_type, frictionless_fields
from vrm.research.table import COLUMNS

LICENCE = "CC-BY-4.0"
_LICENCE_URL = "https://creativecommons.org/licenses/by/4.0/"
_KINDS = {"integer": "sc:Integer", "boolean": "sc:Boolean", "string": "sc:Text"}
FORMATS = {
    "leads.csv": ("csv", "text/csv"),
    "leads.jsonl": ("jsonl", "application/jsonl"),
    "leads.parquet": ("parquet", "application/vnd.apache.parquet"),
}
# As mlcroissant writes it for format 1.0.
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


@dataclass(frozen=True, slots=True)
class About:
    """What all descriptions say."""

    id: str
    version: str  # 1.0.0, 2.0.0 … of this broker's snapshots.
    made_on: date
    leads: int
    url: str  # Of the snapshot's page.
    publisher: str  # The broker's host.
    note: str  # What changed since the one before.

    @property
    def title(self) -> str:
        return f"Responsiveness of vendors to published wants, snapshot {self.id}"

    @property
    def citation(self) -> str:
        """One line for a list of references."""
        return f"{self.publisher} ({self.made_on.year}). {self.title} (version {self.version}) [Data set]. {self.url}"

    @property
    def text(self) -> str:
        return (
            f"{self.leads} leads (one want × one vendor) of a VRM intent broker: whether each was delivered, seen and "
            "answered, and after how long. Pseudonymous; every category × region has 11 leads or more."
        )


@dataclass(frozen=True, slots=True)
class Described:
    """One file of the snapshot, as written."""

    path: str
    bytes: int
    sha256: str


def datapackage(about: About, files: Sequence[Described]) -> str:
    """Frictionless Data Package v2; the table in each format is a resource with the same schema."""
    resources = []
    for file in files:
        if file.path not in FORMATS:
            continue
        kind, media = FORMATS[file.path]
        resource: dict[str, Any] = {
            "name": f"leads-{kind}",
            "path": file.path,
            # Parquet has a schema of its own; frictionless reads its empty whole numbers as NaN and refuses them.
            "type": "file" if kind == "parquet" else "table",
            "format": kind,
            "mediatype": media,
            "encoding": "utf-8",
            "bytes": file.bytes,
            "hash": f"sha256:{file.sha256}",
        }
        if kind != "parquet":
            resource["schema"] = {
                "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
                "fields": list(frictionless_fields()),
                "missingValues": [""],
                "primaryKey": ["lead_id"],
            }
        resources.append(resource)
    return _json(
        {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": f"vrm-responsiveness-{about.id}",
            "id": about.url,
            "title": about.title,
            "description": f"{about.text} {about.note}".strip(),
            "version": about.version,
            "created": f"{about.made_on.isoformat()}T00:00:00Z",
            "homepage": about.url,
            "licenses": [{"name": LICENCE, "path": _LICENCE_URL, "title": "Attribution 4.0 International"}],
            "contributors": [{"title": about.publisher, "roles": ["publisher"]}],
            "keywords": ["vendor responsiveness", "intentcasting", "survival analysis", "VRM"],
            "resources": resources,
        }
    )


def croissant(about: About, files: Sequence[Described]) -> str:
    """Croissant 1.0 (https://docs.mlcommons.org/croissant); records come from the CSV."""
    held = [file for file in files if file.path in FORMATS]
    return _json(
        {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "name": f"vrm-responsiveness-{about.id}",
            "description": about.text,
            "version": about.version,
            "datePublished": about.made_on.isoformat(),
            "url": about.url,
            "license": _LICENCE_URL,
            "creator": {"@type": "sc:Organization", "name": about.publisher},
            "citeAs": about.citation,
            "distribution": [
                {
                    "@type": "cr:FileObject",
                    "@id": file.path,
                    "name": file.path,
                    "contentUrl": file.path,
                    "contentSize": f"{file.bytes} B",
                    "encodingFormat": FORMATS[file.path][1],
                    "sha256": file.sha256,
                }
                for file in held
            ],
            "recordSet": [
                {
                    "@type": "cr:RecordSet",
                    "@id": "leads",
                    "name": "leads",
                    "description": "One row for each lead.",
                    "key": {"@id": "leads/lead_id"},
                    "field": [
                        {
                            "@type": "cr:Field",
                            "@id": f"leads/{column}",
                            "name": column,
                            "description": MEANING[column],
                            "dataType": _KINDS[field_type(column)],
                            "source": {"fileObject": {"@id": "leads.csv"}, "extract": {"column": column}},
                        }
                        for column in COLUMNS
                    ],
                }
            ],
        }
    )


def citation(about: About) -> str:
    """Citation File Format 1.2.0; JSON strings are YAML strings."""
    return "\n".join(
        [
            "cff-version: 1.2.0",
            'message: "If you use this data set, please cite it as below."',
            "type: dataset",
            f"title: {_string(about.title)}",
            f"abstract: {_string(about.text)}",
            "authors:",
            f"  - name: {_string(about.publisher)}",
            f"version: {_string(about.version)}",
            f"date-released: {about.made_on.isoformat()}",
            f"url: {_string(about.url)}",
            f"license: {LICENCE}",
            "keywords:",
            *(f"  - {_string(word)}" for word in ("vendor responsiveness", "intentcasting", "survival analysis")),
            "",
        ]
    )


def readme(about: About, files: Sequence[Described]) -> str:
    """What is in the folder, how to recompute every figure, how to cite."""
    listed = "\n".join(f"| `{file.path}` | {file.bytes:,} |" for file in files)
    return f"""# {about.title}

{about.text}

{about.note}

| file | bytes |
|---|---|
{listed}

Check that it is whole: `sha256sum -c SHA256SUMS`.
Recompute every figure: `vrm measure --snapshot .` (also `--by category`, `region`, `channel`, `vendor`, `arm`, and
`--json`), or run the queries in `sql/` over the table, in DuckDB for instance:

    duckdb -c "CREATE VIEW leads AS FROM 'leads.parquet'; $(cat sql/reach.sql)"

What each column means: `codebook.md`. What each figure means, and what it may not be used for: docs/measuring.md of the
broker. Licence: {LICENCE}. Cite as:

> {about.citation}
"""


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
