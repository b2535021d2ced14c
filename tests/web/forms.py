"""A page → its forms, as a browser would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

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
