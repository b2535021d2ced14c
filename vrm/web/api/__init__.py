"""The API, version 1: JSON requests → verbs → JSON, described by /api/v1/openapi.json."""

from functools import cache

from flask import Blueprint, Response, json, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Rule

from vrm.web.api import (
    account,
    blogs,
    boards,
    changes,
    channels,
    colleagues,
    entries,
    explaining,
    hours,
    importing,
    inbox,
    intents,
    leads,
    listening,
    messages,
    openapi,
    operating,
    problems,
    quota,
    reports,
    responsiveness,
    trees,
    understanding,
    vendors,
    wants,
)
from vrm.web.api.operations import Operation, register

OPERATIONS: tuple[Operation, ...] = tuple(
    operation
    for noun in (
        intents,
        boards,
        understanding,
        trees,
        blogs,
        entries,
        vendors,
        importing,
        colleagues,
        channels,
        messages,
        hours,
        explaining,
        listening,
        leads,
        inbox,
        wants,
        changes,
        responsiveness,
        reports,
        account,
        operating,
    )
    for operation in noun.ROUTES.operations
)

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
blueprint.register_error_handler(Exception, problems.answer)
blueprint.after_request(quota.tell)
_READS = {operation.path: operation for operation in OPERATIONS if operation.method == "GET"}
for _operation in OPERATIONS:
    register(blueprint, _operation, _READS.get(_operation.path))


@cache
def _description() -> bytes:
    return json.dumps(openapi.document(OPERATIONS), ensure_ascii=False, indent=1).encode()


@blueprint.get("/openapi.json")
def describe() -> Response:
    """What this API can do, in OpenAPI 3.1."""
    response = Response(_description(), mimetype="application/json")
    response.headers["Cache-Control"] = "public, max-age=300"
    response.add_etag()
    response.make_conditional(request)
    return response


def _nothing_here(rest: str = "") -> Response:
    """Whatever no route takes, so that programs get a problem and no page."""
    here = rest.removeprefix("v1")
    found = [operation for operation in OPERATIONS if operation.matches(here)]
    if not found:
        raise NotFound
    # “import” is a word of ours, and no subscription's name.
    nearest = min((operation.path for operation in found), key=lambda path: path.count("{"))
    raise MethodNotAllowed(sorted(operation.method for operation in found if operation.path == nearest))


def _take_the_rest(state: BlueprintSetupState) -> None:
    app = state.app
    app.view_functions["api.nothing_here"] = _nothing_here
    for rule in ("/api", "/api/", "/api/<path:rest>"):
        app.url_map.add(Rule(rule, endpoint="api.nothing_here"))  # Without methods: every one.


blueprint.record_once(_take_the_rest)
