"""An OpenAPI 3.1 description → a typed Python client in one file, which needs nothing beyond Python 3.11.

    curl -s http://127.0.0.1:8000/api/v1/openapi.json | python docs/examples/make_client.py > vrm_client.py

Objects become TypedDicts, closed sets become Literals, each operation a method with its name. It is made anew from
the broker that you talk to, so that no copy of it grows old here.
"""

import json
import keyword
import re
import sys
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_HEAD = '''"""{title} {version}: made by make_client.py from the description of the API. Do not edit; make it anew."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Literal, NotRequired, TypedDict, cast


class Refused(Exception):
    """The API said no; `problem` says why (RFC 9457)."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(f"{{status}}: {{problem.get('detail', '')}}")
        self.status = status
        self.problem = problem

'''
_CLIENT = '''
class Client:
    """One broker, one token."""

    def __init__(self, base: str, token: str, *, timeout_s: float = 30) -> None:
        self._base = base.rstrip("/") + "/api/v1"
        self._token = token
        self._timeout_s = timeout_s

    def _ask(
        self, method: str, path: str, query: dict[str, Any] | None = None, body: Any = None, key: str | None = None
    ) -> Any:
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        address = self._base + path + ("?" + urllib.parse.urlencode(asked) if asked else "")
        headers = {"Authorization": f"Bearer {self._token}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        if key is not None:
            headers["Idempotency-Key"] = key
        request = urllib.request.Request(address, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                said = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read() or b"{}")) from None
        return json.loads(said) if said else None
'''
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def type_of(schema: Schema) -> str:
    """How Python writes what this schema takes."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return " | ".join(dict.fromkeys(type_of(one) for one in several))
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(map(repr, schema.get('enum') or [schema.get('const')]))}]"
    if schema.get("type") == "array":
        return f"list[{type_of(schema.get('items', {}))}]"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties", {})
        return f"dict[str, {type_of(inner) if isinstance(inner, dict) else 'Any'}]"
    return _TYPES.get(schema.get("type", ""), "Any")


def shapes(schemas: dict[str, Schema]) -> Iterator[str]:
    """A class or a name for each; closed sets first, what is put together from others last."""
    objects = {name: schema for name, schema in schemas.items() if schema.get("properties")}
    sets = {name: schema for name, schema in schemas.items() if "enum" in schema or "const" in schema}
    for name, schema in sets.items():
        yield f"{name} = {type_of(schema)}\n"
    for name, schema in objects.items():
        yield f"\nclass {name}(TypedDict):\n    {json.dumps(schema.get('description', name))}\n\n"
        for field, inner in schema["properties"].items():
            python = type_of(inner)
            yield f"    {field}: {python if field in schema.get('required', ()) else f'NotRequired[{python}]'}\n"
    for name in schemas.keys() - objects.keys() - sets.keys():
        yield f"\n{name} = {type_of(schemas[name])}\n"


def _safe(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def method(verb: str, path: str, operation: Schema) -> str:
    """One operation, called by what stands in its path, its body, and by name what stands in the query."""
    places = re.findall(r"\{(\w+)\}", path)
    asked = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
    takes = ["self", *(f"{place}: str" for place in places)]
    told = [f'"{verb.upper()}"', f'{"f" if places else ""}"{path}"']
    if "requestBody" in operation:
        body = type_of(operation["requestBody"]["content"]["application/json"]["schema"])
        takes.append(f"body: {body}" if operation["requestBody"].get("required") else f"body: {body} | None = None")
        told.append("body=body")
    named = []
    for name, one in asked.items():
        named.append(f"{_safe(name)}: {type_of(one['schema'])} | None = None")
    if asked:
        pairs = ", ".join(f'"{name}": {_safe(name)}' for name in asked)
        told.append(f"query={{{pairs}}}")
    if verb == "post":
        named.append("key: str | None = None")
        told.append("key=key")
    takes += ["*", *named] if named else []
    answer = next(one for status, one in operation["responses"].items() if status.startswith("2"))
    content = answer.get("content", {}).get("application/json")
    gives = type_of(content["schema"]) if content else "None"
    call = f"self._ask({', '.join(told)})"
    return (
        f"\n    def {operation['operationId']}({', '.join(takes)}) -> {gives}:\n"
        f"        {json.dumps(operation['description'], ensure_ascii=False)}\n"
        + (f"        return cast({gives!r}, {call})\n" if content else f"        {call}\n")
    )


def client(described: Schema) -> str:
    """The whole file."""
    parts = [_HEAD.format(title=described["info"]["title"], version=described["info"]["version"])]
    parts += shapes(described["components"]["schemas"])
    parts.append(_CLIENT)
    for path, verbs in described["paths"].items():
        parts += [method(verb, path, operation) for verb, operation in verbs.items()]
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(client(json.load(sys.stdin)))
