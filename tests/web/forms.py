"""A page → its forms, as a browser would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from addresses import Town, ask, build, of_page, pages
from flask import Flask
from visiting import Visitor

from vrm.web.access import Who

_COSTS = ("/preview", "/understood", "/sign-in", "/passkey", "sessions", "/erase", "/sign-out")
# In this order, after all others: what they end is what others are about.
_LAST = ("/done", "/trees/", "/role", "/researcher", "/operator", "/suspend")
# Something that is taken, where a form begins empty.
ORDINARY = {
    "title": "A boat",
    "category": "Cars, Trucks & Vans",
    "category_slug": "cars-trucks-vans",
    "region": "Leeds",
    "region_slug": "gb-lds",
    "name": "Words",
    "token_name": "Words",
    "body": "Some words.",
    "words": "Some words.",
    "why": "A reason.",
    "email": "somebody@example.org",
    "address": "desk@leeds-toyota.example",
    "url": "https://blog.example.org/",
    "reason": "other",
    "glad": "yes",
    "agrees": "yes",
    "affiliation": "A university",
    "purpose": "To learn.",
}
_WORDS = frozenset({"text", "search", "tel"})  # Mail addresses and sites are kept in one spelling.


@dataclass
class Form:
    """Where it goes, what it says when nobody types, and which of its fields are typed into."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    worded: set[str] = field(default_factory=set)  # Of these, the ones into which words go, not a choice or a number.


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__(convert_charrefs=True)
        self.path = path
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._area = self._select = self._goes = ""

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in given}
        if tag == "form":
            self._goes = said.get("action", "")
            self._form = Form(self._goes or self.path)
            if said.get("method", "get").lower() == "post":
                self.forms.append(self._form)
        form, name = self._form, said.get("name", "")
        if form is None:
            return
        if tag == "input" and name:
            self._input(form, name, said)
        elif tag == "textarea" and name:
            self._area = name
            form.values[name] = ""
            form.typed.append(name)
            form.worded.add(name)
        elif tag == "select":
            self._select = name
            form.typed.append(name)
        elif tag == "option" and self._select and ("selected" in said or self._select not in form.values):
            form.values[self._select] = said.get("value", "")
        elif tag == "button" and name:
            form.values.setdefault(name, said.get("value", ""))
        if tag == "button" and "formaction" in said and not self._goes:
            form.action = self._goes = said["formaction"]

    def _input(self, form: Form, name: str, said: dict[str, str]) -> None:
        kind = said.get("type", "text")
        if kind in ("radio", "checkbox") and "checked" not in said:
            form.typed.append(name)
        elif kind not in ("submit", "button", "reset"):
            form.values[name] = said.get("value", "")
            if name != "csrf_token":
                form.typed.append(name)
            if kind in _WORDS and "inputmode" not in said and name != "language":
                form.worded.add(name)

    def handle_data(self, words: str) -> None:
        if self._area and self._form is not None:
            self._form.values[self._area] += words

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            if self._form is not None:
                self._form.values[self._area] = self._form.values[self._area].removeprefix("\n")  # As browsers do.
            self._area = ""
        elif tag == "select":
            self._select = ""


def forms_of(page: str, path: str) -> list[Form]:
    """The forms of this page that are pressed (POST)."""
    reader = _Reader(path)
    reader.feed(page)
    return reader.forms


def every_form(app: Flask, town: Town, people: dict[str, Visitor]) -> list[tuple[str, Form]]:
    """(who, form) of each different form on the pages of Ana, Ben and Olu."""
    found: dict[tuple[str, str], tuple[str, Form]] = {}
    routes = app.url_map.bind("localhost")
    for rule, method, for_whom in pages(app):
        if method == "GET" and for_whom not in (Who.NETWORK, Who.LINK):
            path = build(app, rule, of_page(town, rule))
            for who, person in people.items():
                answer = ask(person, "GET", path)
                if answer.status_code == 200 and answer.mimetype == "text/html":
                    for form in forms_of(answer.text, path):
                        goes, _ = routes.match(form.action.partition("?")[0], method="POST")
                        found.setdefault((goes, " ".join(sorted(form.values))), (who, form))
    kept = [each for each in found.values() if not any(word in each[1].action for word in _COSTS)]
    return sorted(kept, key=lambda each: [last in each[1].action for last in _LAST])
