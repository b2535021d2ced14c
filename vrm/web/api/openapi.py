"""The declared operations → their description in OpenAPI 3.1, with every way in which each can say no."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from vrm import __version__
from vrm.kernel.accounts import Scope
from vrm.web.api.operations import Operation
from vrm.web.api.problems import MEDIA_TYPE

_ABOUT = """\
Publish what you want to buy, or listen for what others want. Times are ISO 8601 in UTC; money is a string of
digits with an ISO 4217 code; lists go on at `next_cursor`. Send an `Idempotency-Key` with a POST and it is done
once in 24 hours, however often you send it. Whatever is refused is refused as `application/problem+json`
(RFC 9457) with a sentence for people and, for bad fields, `errors` with a JSON pointer each."""

_SCOPES = {
    Scope.INTENTS_READ: "See your wants, their boards and your blogs.",
    Scope.INTENTS_WRITE: "Publish, change and end wants; register blogs.",
    Scope.VENDORS_READ: "See your vendors, their subscriptions, channels and leads.",
    Scope.VENDORS_WRITE: "Change them, and answer leads.",
    Scope.ACCOUNT_READ: "See your name, address, telephone and tokens, and take all your data along.",
    Scope.ACCOUNT_WRITE: "Change your name, telephone, zone and language; revoke tokens.",
    Scope.OPERATOR: "Decide what waits for operators: reports, holds, suspensions, messages that were given up.",
}

_ERROR = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON pointer to the field in the body, such as /budget/max."},
        "parameter": {"type": "string", "description": "Name of the query parameter."},
        "detail": {"type": "string"},
        "candidates": {"type": "array", "items": {"$ref": "#/components/schemas/NodeOut"}},
    },
}
_PROBLEM = {
    "type": "object",
    "description": "Why something was refused (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": ["urn:vrm:problem:bad-input"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people that names the fix."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemError"}},
        "candidates": {
            "type": "array",
            "description": "What an ambiguous or misspelt category or region may have meant.",
            "items": {"$ref": "#/components/schemas/NodeOut"},
        },
    },
}
_CONDITIONS = {
    "GET": ("If-None-Match", "An ETag: 304 and no body while it is still that."),
    "PATCH": ("If-Match", "An ETag: 412 and nothing is changed when it is not that any more."),
}
_QUOTA = {
    "RateLimit-Policy": {
        "description": "How often this token may ask (draft-ietf-httpapi-ratelimit-headers-10).",
        "schema": {"type": "string"},
    },
    "RateLimit": {"description": "How much of that is left, and for how long.", "schema": {"type": "string"}},
}
_REFUSALS = {
    400: "The request cannot be read: not JSON, or a malformed header.",
    401: "No live token came with the request.",
    403: "The token has another scope, or your role does not allow it.",
    404: "There is no such thing, or it is not for you to see.",
    409: "Too late or too early for that; or the Idempotency-Key was used for another request.",
    410: "The code or the cursor was used up or is too old.",
    412: "It has changed since the state that If-Match names.",
    413: "The body is larger than 256 kB.",
    415: "The body is not application/json.",
    422: "Some fields do not hold; `errors` names each.",
    429: "A limit was reached; Retry-After says when it ends, if it does.",
    500: "Our fault.",
    502: "The other side did not answer.",
    503: "The store does not answer; Retry-After says when to ask again.",
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole description, as plain values for JSON."""
    operations = list(operations)
    refs, schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "VRM intent broker",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM, "ProblemError": _ERROR},
            "responses": {_refusal_name(status): _refusal(status) for status in sorted(_REFUSALS)},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token made on the page of your account. Scopes: "
                    + " ".join(f"`{scope.value}`: {sentence}" for scope, sentence in _SCOPES.items()),
                }
            },
        },
    }


Refs = Mapping[tuple[type[BaseModel], JsonSchemaMode], Mapping[str, Any]]


def _schemas(operations: Iterable[Operation]) -> tuple[Refs, dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for operation in operations:
        for shape, mode in _shapes(operation):
            wanted[shape, mode] = None
    refs, definitions = models_json_schema(list(wanted), ref_template="#/components/schemas/{model}")
    return {wish: refs[wish] for wish in wanted}, definitions.get("$defs", {})


def _shapes(operation: Operation) -> Iterable[tuple[type[BaseModel], JsonSchemaMode]]:
    if operation.body is not None:
        yield operation.body, "validation"
    if operation.answer is not None:
        yield operation.answer, "serialization"


def _operation(operation: Operation, refs: Refs) -> dict[str, Any]:
    about = (operation.view.__doc__ or "").strip()
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": about.split(". ")[0].split(": ")[0].removesuffix("."),
        "description": " ".join(about.split()),
        # One requirement each: any of them will do.
        "security": [{"bearer": [scope.value]} for scope in operation.scopes] or [{"bearer": []}],
        "parameters": [*_in_path(operation), *_in_query(operation), *_in_headers(operation)],
        "responses": _responses(operation, refs),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": {"schema": refs[operation.body, "validation"]}},
        }
    return described


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in operation.arguments
    ]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema()
    parameters = []
    for name, property_ in schema["properties"].items():
        plain = {key: value for key, value in property_.items() if key not in ("title", "description")}
        if "anyOf" in plain:  # Left out is how an address says null.
            plain = next(one for one in plain["anyOf"] if one.get("type") != "null")
        if "$ref" in plain:
            choices = schema["$defs"][plain.pop("$ref").rpartition("/")[2]]
            plain = {"type": choices["type"], "enum": choices["enum"]} | plain
        described = {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": plain}
        about = property_.get("description") or plain.pop("description", None)
        parameters.append(described | ({"description": about} if about else {}))
    return parameters


def _in_headers(operation: Operation) -> list[dict[str, Any]]:
    if operation.method in ("GET", "PATCH"):
        name, about = _CONDITIONS[operation.method]
        return [{"name": name, "in": "header", "required": False, "description": about, "schema": {"type": "string"}}]
    if operation.method != "POST":
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same key with the same request within 24 hours gets the same answer, and nothing is "
            "done twice; with another request it is 409.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    ]


def _responses(operation: Operation, refs: Refs) -> dict[str, Any]:
    told: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        told["content"] = {"application/json": {"schema": refs[operation.answer, "serialization"]}}
    headers: dict[str, Any] = dict(_QUOTA)
    if operation.method in ("GET", "PATCH"):
        headers["ETag"] = {"description": "Names this state.", "schema": {"type": "string"}}
    if operation.location is not None:
        headers["Location"] = {"description": "Where it is.", "schema": {"type": "string"}}
    if operation.method == "POST":
        headers["Idempotency-Replayed"] = {
            "description": "“true” when this is the answer to an earlier request with the same key.",
            "schema": {"type": "string"},
        }
    told["headers"] = headers
    unchanged = {"304": {"description": "Not Modified: it is still what If-None-Match names."}}
    refused = {
        str(status): {"$ref": f"#/components/responses/{_refusal_name(status)}"} for status in refusals(operation)
    }
    return {str(operation.status): told} | (unchanged if operation.method == "GET" else {}) | refused


def refusals(operation: Operation) -> list[int]:
    """Every status with which the operation may say no."""
    # Any request may carry a body that cannot be read, and any token may ask too often.
    statuses = {400, 401, 413, 415, 429, 500, 503, *operation.refuses}
    if operation.scopes:
        statuses.add(403)
    if operation.arguments:
        statuses.add(404)
    if operation.query is not None:
        statuses.add(422)
    if operation.method == "POST":
        statuses.add(409)
    if operation.method == "PATCH":
        statuses.add(412)
    if operation.body is not None:
        statuses.add(422)
    return sorted(statuses)


def _refusal_name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")


def _refusal(status: int) -> dict[str, Any]:
    refusal: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (401, 403):
        refusal["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "RFC 6750 §3."}}
    if status in (429, 503):
        refusal["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    if status not in (401, 500, 503):
        refusal["headers"] = refusal.get("headers", {}) | _QUOTA
    return refusal
