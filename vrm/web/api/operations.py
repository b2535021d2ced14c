"""A plain function with typed shapes → a route that authenticates, reads strictly, runs once and answers in JSON.

What is declared beside each function is also what the description of the API and the tests of who may do
what are made from, so that they cannot disagree.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from werkzeug.exceptions import UnsupportedMediaType

from vrm.kernel import idempotency
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import NotFound
from vrm.kernel.idempotency import Kept
from vrm.web.api import conditions, problems, strict
from vrm.web.api.bearer import Caller, caller
from vrm.web.api.problems import BadQuery, BadRequest
from vrm.web.desk import save, undo

View = TypeVar("View", bound=Callable[..., BaseModel | None])
_NAME = re.compile(r"[A-Za-z0-9._-]{1,120}", re.ASCII)  # Of anything that stands in an address.
_KEY = re.compile(rf"[\x21-\x7e]{{1,{idempotency.LONGEST}}}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address."""

    name: str  # Of the function; the operationId.
    tag: str
    method: str
    path: str  # As OpenAPI writes it: /intents/{code}.
    view: Callable[..., BaseModel | None]
    scopes: tuple[Scope, ...]  # One of them is needed; none: any token will do.
    body: type[BaseModel] | None
    body_optional: bool
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int
    location: str | None  # Address of what was made, with names of the answer's fields in it.
    outside: bool  # It goes out to other hosts, and commits before it does.
    refuses: tuple[int, ...]  # Statuses beside those that follow from the rest.

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return self.path.replace("{", "<").replace("}", ">")

    @property
    def arguments(self) -> list[str]:
        """Names in the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    def matches(self, path: str) -> bool:
        """Whether this address, without /api/v1, is one of the operation's."""
        return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", self.path), path) is not None


@dataclass(slots=True)
class Routes:
    """The operations about one noun."""

    tag: str
    operations: list[Operation] = field(default_factory=list)

    def add(
        self,
        method: str,
        path: str,
        *,
        scopes: tuple[Scope, ...] = (),
        body: type[BaseModel] | None = None,
        body_optional: bool = False,
        query: type[BaseModel] | None = None,
        answer: type[BaseModel] | None = None,
        status: int = 200,
        location: str | None = None,
        outside: bool = False,
        refuses: tuple[int, ...] = (),
    ) -> Callable[[View], View]:
        """Let the function answer `method path`.

        It is called with the Caller, and by name with `body`, `query` and what stands in the path.
        """

        def added(view: View) -> View:
            self.operations.append(
                Operation(
                    name=view.__name__,
                    tag=self.tag,
                    method=method,
                    path=path,
                    view=view,
                    scopes=scopes,
                    body=body,
                    body_optional=body_optional,
                    query=query,
                    answer=answer,
                    status=status,
                    location=location,
                    outside=outside,
                    refuses=refuses,
                )
            )
            return view

        return added


def register(blueprint: Blueprint, operation: Operation, reads: Operation | None) -> None:
    """Give the blueprint the route of an operation; `reads` is the GET of the same address, if there is one."""

    def view(**path: str) -> Response:
        return _answer(operation, path, reads)

    blueprint.add_url_rule(
        operation.rule, operation.name, view, methods=[operation.method], provide_automatic_options=False
    )


def _answer(operation: Operation, path: dict[str, str], reads: Operation | None) -> Response:
    who = caller(operation.scopes)
    if not all(_NAME.fullmatch(name) for name in path.values()):
        raise NotFound("There is nothing at this address.")
    given: dict[str, Any] = dict(path)
    if operation.query is not None:
        given["query"] = _read_query(operation.query)
    if operation.body is not None or request.get_data():
        given |= _read_body(operation)
    key = _key() if operation.method == "POST" else None
    if key is not None:
        return _once(operation, who, path, given, key)
    if reads is not None and operation.method == "PATCH":
        conditions.take_turns(who.session, request.path)
        if request.if_match:
            conditions.require_match(_run(reads, who, path, dict(path)).body)
    kept = _run(operation, who, path, given)
    response = _response(kept)
    return conditions.tag(response, kept.body) if operation.method in ("GET", "PATCH") else response


def _run(operation: Operation, who: Caller, path: dict[str, str], given: dict[str, Any]) -> Kept:
    made = operation.view(who, **given)
    if made is None:
        return Kept(204, None, "")
    location = None
    if operation.location is not None:
        location = "/api/v1" + operation.location.format(**{**path, **made.model_dump()})
    return Kept(operation.status, location, made.model_dump_json())


def _once(operation: Operation, who: Caller, path: dict[str, str], given: dict[str, Any], key: str) -> Response:
    """Run it, or hand out what was answered to the same key before."""
    print_ = idempotency.fingerprint(request.method, request.full_path, request.get_data())
    before = idempotency.claim(who.session, who.account, key, print_, who.now)
    if before is not None:
        response = _response(before)
        response.headers["Idempotency-Replayed"] = "true"
        return response
    if operation.outside:
        save()  # No transaction stays open while we wait for another host.
    try:
        kept = _run(operation, who, path, given)
    except Exception:
        undo()
        if operation.outside:
            idempotency.release(who.session, who.account, key)
            save()
        raise
    idempotency.keep(who.session, who.account, key, kept)
    return _response(kept)


def _response(kept: Kept) -> Response:
    response = Response(kept.body, kept.status, mimetype="application/json" if kept.body else None)
    if not kept.body:
        response.headers.pop("Content-Type", None)
    if kept.location is not None:
        response.headers["Location"] = kept.location
        response.autocorrect_location_header = False
    return response


def _read_query(shape: type[BaseModel]) -> BaseModel:
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise BadQuery({twice[0][:60]: "This stands in the address twice; send it once."})
    try:
        return shape.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        raise problems.bad_fields(error, BadQuery) from error


def _read_body(operation: Operation) -> dict[str, BaseModel]:
    raw = request.get_data()
    if not raw and operation.body_optional and operation.body is not None:
        return {"body": operation.body()}
    if raw and (not request.is_json or "Content-Encoding" in request.headers):
        raise UnsupportedMediaType
    value = strict.parse(raw)
    if operation.body is None:
        if value != {}:
            raise BadRequest("This takes no body; send none, or an empty object.")
        return {}
    try:
        # Through JSON again: pydantic's strict mode reads days and choices from JSON strings only there.
        return {"body": operation.body.model_validate_json(to_json(value))}
    except ValidationError as error:
        raise problems.bad_fields(error) from error


def _key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key has 1 to 255 visible ASCII characters; a UUID is a good one.")
    return key
