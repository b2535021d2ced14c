"""Whatever went wrong → one `application/problem+json` (RFC 9457). The only place where the API says no."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, json
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from vrm.kernel.errors import (
    BadInput,
    LimitReached,
    LinkSpent,
    NotAllowed,
    NotFound,
    NotKept,
    OutsideError,
    UnknownNode,
    VrmError,
    WrongState,
)
from vrm.web.api import conditions
from vrm.web.api.strict import NotJson
from vrm.web.desk import undo
from vrm.web.errors import down_of, status_of

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class NoToken(VrmError):
    """Nobody may ask this without a live token. `challenge` is for the WWW-Authenticate header (RFC 6750 §3)."""

    def __init__(self, sentence: str, challenge: str = "Bearer") -> None:
        super().__init__(sentence)
        self.challenge = challenge


class WrongScope(NotAllowed):
    """The token is live, but was not made for this."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.wanted = tuple(wanted)
        named = " or ".join(self.wanted)
        super().__init__(f"This token may not do that; make one with the scope {named}.")


class BadRequest(VrmError):
    """The request itself cannot be read."""


class BadQuery(BadInput):
    """As BadInput, for what stands behind the question mark."""


class UnknownInQuery(UnknownNode, BadQuery):
    """As UnknownNode, for what stands behind the question mark."""


# (short name, title) by error; the name ends the problem's `type`, and programs may rely on it.
_NAMES: Mapping[type[Exception], tuple[str, str]] = {
    BadRequest: ("unreadable", "The request cannot be read"),
    NotJson: ("unreadable", "The request cannot be read"),
    NoToken: ("no-token", "A token is needed"),
    WrongScope: ("wrong-scope", "The token was made for something else"),
    BadInput: ("bad-input", "Something does not fit"),
    UnknownNode: ("unknown-node", "There is no such category or region, or several"),
    NotFound: ("not-found", "There is nothing here"),
    NotAllowed: ("not-allowed", "Not yours to do"),
    WrongState: ("wrong-state", "Too late for that, or too early"),
    LimitReached: ("limit-reached", "A limit was reached"),
    LinkSpent: ("link-spent", "The code has done its work"),
    NotKept: ("begin-anew", "That is too long ago"),
    OutsideError: ("outside", "The other side did not answer"),
}
_MOST_TOLD = 100  # Fields that are wrong: a body of thousands would be answered by fourteen times as much.
_OUR_FAULT = "This is our fault, not yours. It has been noted; try again in a minute."
_HTTP_SENTENCES = {
    404: "There is nothing at this address; /api/v1/openapi.json lists what there is.",
    412: conditions.CHANGED,
    413: "A body can have 256 kB; send less at a time.",
    415: "Send the body as JSON, with Content-Type: application/json, and not packed (no Content-Encoding).",
}


def answer(error: Exception) -> Response:
    """The response for an error, with what the request wrote so far undone."""
    undo()
    status, body, headers = describe(error)
    if status == 503:
        _log.error("The store failed: %s", error)
    elif status == 500:
        _log.error("A request to the API failed", exc_info=error)
    return Response(json.dumps(body, ensure_ascii=False), status, headers, mimetype=MEDIA_TYPE)


def describe(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, problem and headers for an error. Nothing of an unexpected one is told."""
    if isinstance(error, ExceptionGroup):
        return _several(error)
    down = down_of(error)
    if down is not None:
        return 503, _problem(503, "store-down", "One moment, please", str(down)), {"Retry-After": "60"}
    if isinstance(error, HTTPException):
        return _http(error)
    if not isinstance(error, VrmError | NotJson) or _status(error) == 500:
        return 500, _problem(500, "broken", "Something went wrong here", _OUR_FAULT), {}
    status = _status(error)
    name, title = next(_NAMES[kind] for kind in type(error).__mro__ if kind in _NAMES)
    problem = _problem(status, name, title, str(error))
    if isinstance(error, BadInput):
        problem["errors"] = _entries(error)
    if isinstance(error, UnknownNode):
        problem["candidates"] = _candidates(error)
    return status, problem, _headers(error)


def _status(error: Exception) -> int:
    if isinstance(error, NotJson | BadRequest):
        return 400
    if isinstance(error, NoToken):
        return 401
    return status_of(error) if isinstance(error, VrmError) else 500


def _problem(status: int, name: str, title: str, detail: str) -> dict[str, Any]:
    return {"type": f"urn:vrm:problem:{name}", "title": title, "status": status, "detail": detail}


def _entries(error: BadInput) -> list[dict[str, Any]]:
    where = "parameter" if isinstance(error, BadQuery) else "pointer"
    entries: list[dict[str, Any]] = []
    for field, sentence in error.problems.items():
        named = field if where == "parameter" else pointer(field)
        entry: dict[str, Any] = {where: named, "detail": sentence}
        if isinstance(error, UnknownNode):
            entry["candidates"] = _candidates(error)
        entries.append(entry)
    return entries


def pointer(field: str) -> str:
    """ "budget/max" as a JSON pointer (RFC 6901); "" is the whole body."""
    return f"/{field}" if field else ""


def _candidates(error: UnknownNode) -> list[dict[str, Any]]:
    return [{"id": one.slug, "label": one.label, "path": list(one.path)} for one in error.candidates]


def _several(group: ExceptionGroup[Exception]) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Many things that do not fit, told together."""
    if not all(isinstance(error, BadInput) for error in group.exceptions):
        return describe(RuntimeError("Only BadInput comes in groups."))
    name, title = _NAMES[BadInput]
    problem = _problem(422, name, title, " ".join(str(error) for error in group.exceptions))
    problem["errors"] = [
        entry for error in group.exceptions if isinstance(error, BadInput) for entry in _entries(error)
    ]
    return 422, problem, {}


def _http(error: HTTPException) -> tuple[int, dict[str, Any], dict[str, str]]:
    status = error.code or 500
    phrase = HTTPStatus(status).phrase
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    sentence = _HTTP_SENTENCES.get(status) or str(error.description or phrase)
    if status == 405:
        sentence = f"This address does not take that method; it takes {headers.get('Allow', 'others')}."
    return status, _problem(status, phrase.lower().replace(" ", "-"), phrase, sentence), headers


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, NoToken):
        return {"WWW-Authenticate": error.challenge}
    if isinstance(error, WrongScope):
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(error.wanted)}"'}
    if isinstance(error, LimitReached) and error.retry_after_s is not None:
        return {"Retry-After": str(error.retry_after_s)}
    return {}


# --- What pydantic finds → sentences --------------------------------------------------------------

_NOT_YET = {"near": "“near” is not supported yet; name a region that covers the place instead."}
_SENTENCES = {
    "missing": "This field is missing; please send it.",
    "string_type": "Write this as a string.",
    "int_type": "Write this as a whole number, without quotation marks.",
    "bool_type": "Write this as true or false.",
    "list_type": "Write this as a list.",
    "model_type": "Write this as a JSON object.",
    "dict_type": "Write this as a JSON object.",
    "date_type": "Write this as a day, such as 2026-12-24.",
    "date_parsing": "Write this as a day, such as 2026-12-24.",
    "date_from_datetime_parsing": "Write this as a day, such as 2026-12-24.",
    "date_from_datetime_inexact": "Write this as a day, such as 2026-12-24.",
    "datetime_type": "Write this as a time in ISO 8601, such as 2026-12-24T18:00:00Z.",
    "datetime_parsing": "Write this as a time in ISO 8601, such as 2026-12-24T18:00:00Z.",
    "datetime_from_date_parsing": "Write this as a time in ISO 8601, such as 2026-12-24T18:00:00Z.",
    "string_pattern_mismatch": "This is not a code of ours; take it from the list.",
    "timezone_aware": "Say the zone of this time; a Z at its end is UTC.",
}


def bad_fields(error: ValidationError, kind: type[BadInput] = BadInput) -> BadInput:
    """The same findings as one BadInput, a sentence per field, for the first hundred."""
    problems: dict[str, str] = {}
    for found in error.errors(include_url=False, include_input=False):
        # "~" and "/" inside a key are escaped as in a JSON pointer (RFC 6901 §3).
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in found["loc"])
        problems.setdefault("/".join(steps)[:200], _sentence(found["type"], found))
        if len(problems) == _MOST_TOLD:
            break
    return kind(problems)


def _sentence(kind: str, found: Mapping[str, Any]) -> str:
    if kind == "extra_forbidden":
        name = str(found["loc"][-1])
        return _NOT_YET.get(name, f"There is no field “{name[:60]}” here; leave it out or check its spelling.")
    if kind == "enum":
        return f"Choose one of {found['ctx']['expected']}."
    if kind == "value_error":
        return str(found["ctx"]["error"])
    return _SENTENCES.get(kind) or f"{found['msg']}."
