"""A hand that presses the buttons of a form thousands of times, and says what came of it."""

import html
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import flask
from flask_wtf.csrf import generate_csrf
from forms import Form
from harmless import harm
from hostile import COMPUTED, MARK
from rounds import Said
from sqlalchemy import event
from visiting import Visitor
from werkzeug.test import TestResponse

from vrm.kernel import lookalike
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput
from vrm.kernel.text import prose

SLOWEST_S = 10.0  # Of the processor, for one answer: what others do on this machine does not count.
_PROBLEM = re.compile(r'id="p-([^"]+)"|href="#f-([^"]+)"')
_TOKEN = "a" * 40


class Written:
    """All text that was written to the store since it was last emptied."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def clear(self) -> None:
        self._values.clear()

    def note(self, _connection: object, _cursor: object, statement: str, given: Any, *_more: object) -> None:
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE"):
            self._values.append(given)

    def texts(self) -> set[str]:
        """Each with runs of white space as one space."""
        return {flat(words) for words in _texts(self._values)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            with suppress(ValueError):  # It is what somebody typed, and no document.
                yield from _texts(json.loads(value))
    elif hasattr(value, "obj"):  # How psycopg wraps a document.
        yield from _texts(value.obj)


@contextmanager
def writes(store: Store) -> Iterator[Written]:
    """What is written while this lasts."""
    written = Written()
    event.listen(store.engine, "before_cursor_execute", written.note)
    try:
        yield written
    finally:
        event.remove(store.engine, "before_cursor_execute", written.note)


def flat(words: str) -> str:
    """Runs of white space are one in titles and names."""
    return " ".join(words.split())


def kept_as(words: str, *, of_vendor: bool = False) -> str:
    """What stands in the store of words that were taken: in NFC, trimmed; a vendor's name in one width."""
    try:
        kept = flat(prose(words, field="x", label="x", most=10**6))
    except BadInput as refused:
        return f"nothing: {refused}"  # Which nothing is like.
    return flat(lookalike.usual(kept)) if of_vendor else kept


def check_page(said: str, where: str) -> None:
    """Nothing of what was sent works in the page."""
    assert MARK not in said, where
    assert "<script>vrmowned" not in said, where
    assert COMPUTED not in said, where
    assert harm(said) == [], where


class Hand:
    """Somebody's, with a good token, and signed in again where a button signed them out."""

    def __init__(self, visitor: Visitor, account: Account) -> None:
        self._visitor, self._account = visitor, account
        self._token = ""

    def press(self, path: str, fields: dict[str, str]) -> TestResponse:
        answer = self._post(path, fields) if self._token else None
        if answer is None or answer.status_code in (400, 401) or "/sign-in" in answer.headers.get("Location", ""):
            self._sit_down()
            answer = self._post(path, fields)
        return answer

    def _sit_down(self) -> None:
        self._visitor.sign_in(self._account)
        with self._visitor.client.session_transaction() as session:
            session["csrf_token"] = _TOKEN
        with self._visitor.app.test_request_context():
            flask.session["csrf_token"] = _TOKEN
            self._token = generate_csrf()

    def _post(self, path: str, fields: dict[str, str]) -> TestResponse:
        data = {**fields, "csrf_token": self._token}
        return self._visitor.client.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})


class FormTarget:
    """One form under somebody's hand. What is taken stands in the store, what is refused stands in the page."""

    def __init__(self, hand: Hand, form: Form, written: Written, ordinary: dict[str, str]) -> None:
        self._hand, self._form, self._written = hand, form, written
        wanted = dict.fromkeys([*form.values, *form.typed])
        self._ordinary = {name: form.values.get(name) or ordinary.get(name, "") for name in wanted}
        self._ordinary.pop("csrf_token", None)
        self._stands = {name: flat(words) for name, words in form.values.items()}
        self.name = form.action
        self.fields: Sequence[str] = list(dict.fromkeys(form.typed))
        # What is looked up in a tree is kept as its node.
        self._worded = {name for name in form.worded if f"{name}_slug" not in form.values}

    def send(self, words: dict[str, str]) -> Said:
        """Press the button."""
        self._written.clear()
        begun = time.process_time()
        answer = self._hand.press(self._form.action, {**self._ordinary, **words})
        where = f"{self._form.action} {words}"
        assert time.process_time() - begun < SLOWEST_S, where
        assert answer.status_code < 500, (where, answer.text[:500])
        if answer.mimetype == "text/html":
            check_page(answer.text, where)
        if answer.status_code in (301, 302, 303, 307, 308):
            assert answer.location.startswith("/"), (where, answer.location)
            self._check_kept(words)
        else:
            self._check_shown(words, answer)
        problems = (one or other for one, other in _PROBLEM.findall(answer.text))
        return Said(answer.status_code, frozenset(problems) if answer.status_code >= 400 else frozenset())

    def _check_kept(self, words: dict[str, str]) -> None:
        texts = self._written.texts()
        for name, typed in words.items():
            if name in self._worded:
                kept = kept_as(typed, of_vendor=name == "name" and self.name.endswith(("/settings", "/vendor")))
                assert not kept or kept in texts or kept == self._stands.get(name), (self.name, name, typed)
                self._stands[name] = kept

    def _check_shown(self, words: dict[str, str], answer: TestResponse) -> None:
        """In its field; a page without the form shows what is long enough to be copied."""
        if "kind" in words:  # It says which of several forms the page shows.
            return
        page = html.unescape(answer.text)
        for name, typed in words.items():
            short = len(typed) <= 20 and f'name="{name}"' not in answer.text
            if name in self._worded and not short:
                assert typed.strip() in page, (answer.status_code, self.name, name, typed)
