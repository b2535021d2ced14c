"""A snapshot of a simulated store, held against the programs of those who define its formats: `make validate`.

frictionless reads datapackage.json and checks the CSV by its schema, mlcroissant reads croissant.json and loads the
records, cffconvert checks CITATION.cff, and ocel.json is checked by the shape that OCEL 2.0 describes.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from vrm import simulate
from vrm.research import snapshots
from vrm.research.snapshots import Shelf, Snapshot

# The shape of the JSON of OCEL 2.0 (https://www.ocel-standard.org), written down from its specification.
_ATTRIBUTES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
        "required": ["name", "type"],
    },
}
_TYPES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "attributes": _ATTRIBUTES},
        "required": ["name", "attributes"],
    },
}
_RELATIONSHIPS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"objectId": {"type": "string"}, "qualifier": {"type": "string"}},
        "required": ["objectId", "qualifier"],
    },
}
OCEL_SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "eventTypes": _TYPES,
        "objectTypes": _TYPES,
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "type": {"type": "string"},
                    "time": {"type": "string", "format": "date-time"},
                    "attributes": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                            "required": ["name", "value"],
                        },
                    },
                    "relationships": _RELATIONSHIPS,
                },
                "required": ["id", "type", "time"],
            },
        },
        "objects": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "type": {"type": "string"},
                    "relationships": _RELATIONSHIPS,
                    "attributes": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "name": {"type": "string"},
                                "value": {"type": "string"},
                                "time": {"type": "string", "format": "date-time"},
                            },
                            "required": ["name", "value", "time"],
                        },
                    },
                },
                "required": ["id", "type"],
            },
        },
    },
    "required": ["eventTypes", "objectTypes", "events", "objects"],
}


def made(folder: Path) -> Snapshot:
    """A snapshot of some weeks in which vendors answered as in HBR 2011."""
    plan = simulate.plan("hbr2011", weeks=4, wants=20, vendors=12, seed=2008)
    with simulate.fresh_store(folder) as store:
        now = simulate.Simulation(store, plan).run().now + timedelta(days=1)
        with store.read() as session:
            return snapshots.make(session, now, Shelf(folder / "shelf"), "https://wants.example.org")


def frictionless(python: str, folder: Path) -> None:
    """Its own command, over every table that the package names."""
    _run(python, "-m", "frictionless", "validate", str(folder / "datapackage.json"))


def croissant(python: str, folder: Path) -> None:
    """Load all records."""
    ask = (
        "import sys, mlcroissant as mlc; d = mlc.Dataset(jsonld=sys.argv[1]); "
        "sets = d.metadata.record_sets; assert sets; "
        "print([sum(1 for _ in d.records(s.uuid)) for s in sets], 'records')"
    )
    _run(python, "-c", ask, str(folder / "croissant.json"))


def citation(python: str, folder: Path) -> None:
    """By the schema of the Citation File Format."""
    _run(python, "-c", "from cffconvert.cli.cli import cli; cli()", "--validate", "-i", str(folder / "CITATION.cff"))


def ocel(python: str, folder: Path) -> None:
    """By its schema, and every relation names an object that is there."""
    (folder.parent / "ocel-schema.json").write_text(json.dumps(OCEL_SCHEMA))
    ask = (
        "import json, sys, jsonschema; log = json.load(open(sys.argv[1])); "
        "jsonschema.Draft7Validator(json.load(open(sys.argv[2]))).validate(log); "
        "there = {o['id'] for o in log['objects']}; "
        "assert all(r['objectId'] in there for e in log['events'] + log['objects'] for r in e['relationships']); "
        "print(len(log['events']), 'events,', len(there), 'objects')"
    )
    _run(python, "-c", ask, str(folder / "ocel.json"), str(folder.parent / "ocel-schema.json"))


def _run(*command: str) -> None:
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    print((found.stdout + found.stderr).strip()[-1_500:])
    if found.returncode:
        raise SystemExit(f"{command[2][:60]}: exit {found.returncode}")


CHECKS: tuple[Callable[[str, Path], None], ...] = (frictionless, croissant, citation, ocel)


def main(python: str) -> None:
    """Run every check with the interpreter that has those programs; the first that fails ends it."""
    with tempfile.TemporaryDirectory() as name:
        folder = made(Path(name)).folder
        for check in CHECKS:
            print(f"== {check.__name__}", flush=True)
            check(python, folder)


if __name__ == "__main__":
    main(sys.argv[1])
