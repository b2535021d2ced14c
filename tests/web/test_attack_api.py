"""Hostile words into every text of every operation's body, and what is no JSON at all: kept exactly, or refused there.

`make attack ARGS="--corpora DIR"` does it with the large collections of others, and prints what came of it.
"""

import copy
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from addresses import Town, of_operation
from flask import Flask
from hand import SLOWEST_S, flat, kept_as
from hostile import STRINGS, SURROGATES, not_json, strings_of_others
from rewinding import rewinding
from rounds import Got, Said, rounds
from tallies import Tally

from vrm.kernel import accounts
from vrm.kernel.accounts import OF_EVERYBODY, Account, Scope
from vrm.kernel.db import Store
from vrm.web.api import OPERATIONS
from vrm.web.api.operations import Operation

# A base that is taken, for operations whose examples are not enough of one.
BASES: dict[str, dict[str, object]] = {
    "create_intent": {"title": "A boat", "category": "cars-trucks-vans", "region": "gb-lds"},
    "create_vendor": {"name": "Another shop"},
    "create_subscription": {"category": "cars-trucks-vans", "region": "gb-lds"},
    "create_channel": {"kind": "email", "address": "desk@leeds-toyota.example"},
    "create_response": {"kind": "question", "body": "Which colour?"},
    "create_message": {"body": "Does it have winter tyres?"},
    "create_template": {"name": "Hours", "body": "Open until six."},
    "understand_text": {"text": "want a Toyota Yaris near Leeds"},
    "create_blog": {"url": "https://blog.example.org/"},
}


def token_of(store: Store, account: Account, now: datetime) -> str:
    with store.write() as session:
        scopes = tuple(Scope) if account.is_operator else OF_EVERYBODY
        return accounts.make_token(session, session.merge(account, load=False), now, name="t", scopes=scopes).secret


def tokens(store: Store, town: Town, now: datetime) -> dict[str, str]:
    """By who may call it; see `caller_of`."""
    people = {"ana": town.world.ana, "ben": town.world.ben, "olu": town.world.olu}
    return {name: token_of(store, person, now) for name, person in people.items()}


def caller_of(operation: Operation) -> str:
    if operation.path.startswith("/operator"):
        return "olu"
    is_bens = operation.path.startswith("/vendors") or operation.name in ("create_response", "accept_terms")
    return "ben" if is_bens else "ana"


def texts_of(operation: Operation) -> list[str]:
    """Where text stands in the body, however deep, as pointers: "title", "budget/currency", "places/0/region"."""
    assert operation.body is not None
    schema = operation.body.model_json_schema()
    return list(dict.fromkeys(_texts(schema, schema.get("$defs", {}))))


def _texts(about: dict[str, Any], known: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    for given in about.get("anyOf") or about.get("oneOf") or [about]:
        kind = known[given["$ref"].rpartition("/")[2]] if "$ref" in given else given
        if kind.get("type") == "string" or "enum" in kind or "const" in kind:
            yield "/".join(path)
        elif kind.get("type") == "array":
            yield from _texts(kind.get("items", {}), known, (*path, "0"))
        for name, part in kind.get("properties", {}).items():
            yield from _texts(part, known, (*path, name))


def put(body: dict[str, Any], pointer: str, words: str) -> None:
    """Words at a place in the body; what leads there is made."""
    here: Any = body
    *way, last = pointer.split("/")
    for step, after in zip(way, [*way, last][1:], strict=True):
        wanted: Any = [] if after == "0" else {}
        if isinstance(here, list):
            here[:] = here[:1] if here and isinstance(here[0], type(wanted)) else [wanted]
            here = here[0]
        else:
            if not isinstance(here.get(step), type(wanted)):
                here[step] = wanted
            here = here[step]
    if isinstance(here, list):
        here[:] = [words]
    else:
        here[last] = words


def at(body: object, pointer: str) -> object:
    """What stands at a place of an answer; None when nothing does."""
    for step in pointer.split("/"):
        if isinstance(body, list):
            body = body[0] if len(body) == 1 else None
        else:
            body = body.get(step) if isinstance(body, dict) else None
    return body


class OperationTarget:
    """One operation with somebody's token. What is taken comes back as it was, what is refused is named."""

    def __init__(self, app: Flask, token: str, operation: Operation, town: Town, counts: Counter[str]) -> None:
        assert operation.body is not None
        properties = operation.body.model_json_schema()["properties"]
        examples = {name: about["examples"][0] for name, about in properties.items() if about.get("examples")}
        self._base = BASES.get(operation.name, examples)
        self._app, self._token, self._operation, self._town, self._counts = app, token, operation, town, counts
        self.name = operation.name
        self.fields: Sequence[str] = texts_of(operation)

    def send(self, words: dict[str, str]) -> Said:
        """Ask."""
        body = copy.deepcopy(self._base)
        for pointer, typed in words.items():
            put(body, pointer, typed)
        status, said = send(self._app, self._token, self._operation, self._town, json.dumps(body).encode())
        wrong = (self.name, {name: typed[:80] for name, typed in words.items()}, status, said)
        assert status < 300 or status in (400, 403, 404, 409, 422, 429, 502), wrong
        if status >= 300:
            errors = said.get("errors", ()) if isinstance(said, dict) else ()
            return Said(status, frozenset(str(error.get("pointer", "")).removeprefix("/") for error in errors))
        for name, typed in words.items():
            back = at(said, name)
            if isinstance(back, str) and self.name != "understand_text":
                self._counts["came back"] += 1
                alike = str.lower if name in ("language", "words_in") else str  # RFC 5646 §2.1.1.
                assert alike(flat(back)) == alike(self._kept_as(name, typed)), wrong
        return Said(status, frozenset())

    def _kept_as(self, name: str, words: str) -> str:
        return kept_as(words, of_vendor=name == "name" and "vendor" in self.name)


def send(app: Flask, token: str, operation: Operation, town: Town, body: bytes) -> tuple[int, Any]:
    path = "/api/v1" + operation.path.format_map(of_operation(town, operation.path))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    begun = time.process_time()
    answer = app.test_client().open(path, method=operation.method, data=body, headers=headers)
    assert time.process_time() - begun < SLOWEST_S, (operation.name, body[:200])
    said = answer.get_json(silent=True)
    assert answer.status_code < 500 or answer.status_code == 502, (operation.name, body[:200], said)
    return answer.status_code, said


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_every_field_of_every_operation(
    app: Flask, town: Town, store: Store, corpora: Path | None, tally: Tally, until: Callable[[], float], now: datetime
) -> None:
    whose, got = tokens(store, town, now), Got()
    strings = list(dict.fromkeys([*STRINGS, *SURROGATES, *(strings_of_others(corpora) if corpora else ())]))
    turns, counts = len(strings) if corpora else 1, got.counts
    targets = [
        OperationTarget(app, whose[caller_of(operation)], operation, town, counts)
        for operation in OPERATIONS
        if operation.body is not None and not operation.outside and texts_of(operation)
    ]
    with rewinding(store) as mark:
        rounds(targets, strings, got, turns=turns, until=until(), mark=mark)
    counts["operations"] = len(targets)
    tally("operations", counts)
    tally("operations, not all", got.fewer(targets, turns))
    assert got.wrong == []
    held = "answer_hold answer"  # No want of hers is held; tests/web/test_moderation.py answers one.
    assert [name for name in got.never(targets) if name != held] == []
    assert counts["fields"] > 60
    assert counts["came back"] > 10, counts


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_what_is_no_json_is_400_everywhere(
    app: Flask, town: Town, store: Store, corpora: Path | None, tally: Tally, now: datetime
) -> None:
    whose = tokens(store, town, now)
    counts: Counter[str] = Counter()
    bodies = not_json(corpora)
    counts["bodies"] = len(bodies)
    for operation in OPERATIONS:
        if operation.method in ("POST", "PATCH"):
            counts["operations"] += 1
            # In a quick run all bodies together meet all operations.
            few = bodies if corpora else bodies[counts["operations"] % 5 :: 5]
            for body in few:
                if body:  # None at all is what some operations want.
                    status, said = send(app, whose[caller_of(operation)], operation, town, body)
                    assert status == 400, (operation.name, body[:60], status, said)
                    counts["refused"] += 1
    tally("no JSON", counts)
