"""The API's description → what a person reads on `/docs`: the operations of each noun, fields, answers, errors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from vrm.web.api import OPERATIONS, openapi

_DEEP = 2  # So many shapes inside one another are spelt out; what is deeper is in the description.


@dataclass(frozen=True, slots=True)
class Field:
    """One that is sent."""

    name: str
    kind: str  # "text", "whole number", "one of new, used, any", "{amount, currency}".
    is_required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation."""

    name: str
    method: str
    path: str
    summary: str
    about: str
    scopes: tuple[str, ...]
    asked: tuple[Field, ...]  # In the address, behind the question mark.
    body: tuple[Field, ...]
    answer: str
    refusals: tuple[str, ...]


@cache
def reference() -> dict[str, list[Entry]]:
    """By noun, in the order of the description."""
    described = openapi.document(OPERATIONS)
    shapes = described["components"]["schemas"]
    found: dict[str, list[Entry]] = {tag["name"]: [] for tag in described["tags"]}
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            found[one["tags"][0]].append(_entry(method.upper(), path, one, shapes))
    return found


def _entry(method: str, path: str, one: Mapping[str, Any], shapes: Mapping[str, Any]) -> Entry:
    good = [(status, told) for status, told in one["responses"].items() if status.startswith("2")]
    status, told = good[0]
    answer = told.get("content", {}).get("application/json", {}).get("schema")
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    about = str(one.get("description", "")).strip()
    return Entry(
        name=one["operationId"],
        method=method,
        path=path,
        summary=one["summary"],
        about="" if about.rstrip(".") == one["summary"].rstrip(".") else about,
        scopes=tuple(scope for each in one.get("security", ()) for scopes in each.values() for scope in scopes),
        asked=tuple(
            Field(each["name"], _kind(each["schema"], shapes), each["required"], each.get("description", ""))
            for each in one.get("parameters", ())
            if each["in"] == "query"
        ),
        body=tuple(_fields(body, shapes)) if body else (),
        answer=f"{status} {told['description']}" + (f": {_kind(answer, shapes)}" if answer else ""),
        refusals=tuple(status for status in one["responses"] if status[0] in "45"),
    )


def _fields(schema: Mapping[str, Any], shapes: Mapping[str, Any]) -> Iterator[Field]:
    whole = _opened(schema, shapes)
    for name, each in whole.get("properties", {}).items():
        about = each.get("description") or _opened(each, shapes).get("description", "")
        yield Field(name, _kind(each, shapes), name in whole.get("required", ()), about)


def _opened(schema: Mapping[str, Any], shapes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The shape that is meant, without its "or null"."""
    if "anyOf" in schema:
        schema = next((one for one in schema["anyOf"] if one.get("type") != "null"), schema["anyOf"][0])
    named: Mapping[str, Any] = shapes[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return named


def _kind(schema: Mapping[str, Any], shapes: Mapping[str, Any], *, deep: int = 0) -> str:
    meant = _opened(schema, shapes)
    if "enum" in meant:
        return "one of " + ", ".join(str(one) for one in meant["enum"])
    if "const" in meant:
        return str(meant["const"])
    if meant.get("type") == "array":
        return "list of " + _kind(meant.get("items", {}), shapes, deep=deep)
    if "properties" in meant:
        if deep == _DEEP:
            return "object"
        inside = ", ".join(
            name + (f" {_kind(each, shapes, deep=deep + 1)}" if "properties" in _opened(each, shapes) else "")
            for name, each in meant["properties"].items()
        )
        return f"{{{inside}}}"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    formats = {"date": "day", "date-time": "moment", "uri": "address"}
    return formats.get(meant.get("format", ""), words.get(meant.get("type", ""), "object"))
