"""A public table of leads → an event log for process mining, OCEL 2.0 in JSON (https://www.ocel-standard.org).

The public table has no moments, and so has this log: its clock begins for each lead at midnight, UTC, of the Monday of
the ISO week in which it was routed. Spans within one lead are true; the order of leads within a week is not.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from vrm.research.files import rows
from vrm.research.table import LeadTable

_OBJECTS = {"intent": ("category", "region", "outcome"), "vendor": (), "lead": ("channel", "delivery_status", "arm")}
_EVENTS = {
    "lead routed": (),
    "lead delivered": (),
    "lead seen": ("basis",),
    "vendor responded": ("kind", "actor"),
    "intent closed": ("outcome",),
}


def write_ocel(table: LeadTable, file: Path) -> None:
    """Write the log; an object for each intent, vendor and lead, an event for each moment that the table has."""
    head = {
        "objectTypes": [{"name": name, "attributes": _typed(attributes)} for name, attributes in _OBJECTS.items()],
        "eventTypes": [{"name": name, "attributes": _typed(attributes)} for name, attributes in _EVENTS.items()],
    }
    with file.open("w", encoding="utf-8") as out:
        out.write(json.dumps(head)[:-1])
        for name, items in (("objects", _objects(table)), ("events", _events(table))):
            out.write(f',\n"{name}": [')
            for number, item in enumerate(items):
                out.write(("," if number else "") + "\n" + json.dumps(item, ensure_ascii=False))
            out.write("]")
        out.write("}\n")


def _typed(attributes: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": name, "type": "string"} for name in attributes]


def _objects(table: LeadTable) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for row in rows(table):
        began = _monday(str(row["iso_week"]))
        for kind, ident in (("intent", row["intent_id"]), ("vendor", row["vendor_id"]), ("lead", row["lead_id"])):
            if f"{kind}-{ident}" not in seen:
                seen.add(f"{kind}-{ident}")
                found = {name: row["intent_outcome" if name == "outcome" else name] for name in _OBJECTS[kind]}
                ends = [{"objectId": f"{k}-{row[f'{k}_id']}", "qualifier": f"of {k}"} for k in ("intent", "vendor")]
                yield {
                    "id": f"{kind}-{ident}",
                    "type": kind,
                    "attributes": [
                        {"name": name, "time": _written(began), "value": value or ""} for name, value in found.items()
                    ],
                    "relationships": ends if kind == "lead" else [],
                }


def _events(table: LeadTable) -> Iterator[dict[str, Any]]:
    closed: set[object] = set()
    for row in rows(table):
        began = _monday(str(row["iso_week"]))
        yield _event("lead routed", row, began, {})
        if row["delivered_after_s"] is None:
            continue
        delivered = began + timedelta(seconds=_number(row["delivered_after_s"]))
        yield _event("lead delivered", row, delivered, {})
        for name, column, facts in (
            ("lead seen", "seen_after_s", {"basis": row["seen_basis"]}),
            ("vendor responded", "response_after_s", {"kind": row["response_kind"], "actor": row["response_actor"]}),
            ("intent closed", "closed_after_s", {"outcome": row["intent_outcome"]}),
        ):
            if row[column] is not None and not (name == "intent closed" and row["intent_id"] in closed):
                if name == "intent closed":
                    closed.add(row["intent_id"])
                yield _event(name, row, delivered + timedelta(seconds=_number(row[column])), facts)


def _event(name: str, row: Mapping[str, Any], at: datetime, facts: Mapping[str, Any]) -> dict[str, Any]:
    about = ("intent",) if name == "intent closed" else ("lead", "intent", "vendor")
    return {
        "id": f"{name.replace(' ', '-')}-{row['lead_id']}",
        "type": name,
        "time": _written(at),
        "attributes": [{"name": key, "value": value or ""} for key, value in facts.items()],
        "relationships": [{"objectId": f"{kind}-{row[f'{kind}_id']}", "qualifier": kind} for kind in about],
    }


def _number(cell: object) -> int:
    return int(str(cell))


def _monday(week: str) -> datetime:
    year, _, number = week.partition("-W")
    return datetime.combine(date.fromisocalendar(int(year), int(number), 1), datetime.min.time(), UTC)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
