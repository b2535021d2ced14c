"""Every page in German, beside the same one in English: what both say is nobody's sentence but a name, or data."""

import ast
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import chain, cycle
from pathlib import Path
from zoneinfo import available_timezones

import pytest
from addresses import Town
from babel.numbers import list_currencies
from browsing import ONE_STORE, cookie, pages
from flask import Flask
from forms import ORDINARY, every_form
from sqlalchemy import String, select
from visiting import Visitor
from world import World

from notifiers.channels import KINDS
from vrm.kernel import taxonomy
from vrm.kernel.db import Store
from vrm.kernel.languages import LANGUAGES, catalogue
from vrm.kernel.tree import Node, Tree
from vrm.models import Base
from vrm.translations.sentences import sentences
from vrm.web import spoken

_WEB = Path(spoken.__file__).parent
_ROOMS = ("intents", "vendors", "notifiers", "vrm")
# What is read by programs, or before any page can be made.
_FOR_MACHINES = {"front.py", "health.py", "passkeys.py"}
_FOR_MACHINES_TOO = {
    "No more messages go to this address.\n",  # To mail programs (RFC 8058).
    "This is not the address of this site.\n",  # No page of ours can be built for it.
    "This broker has no owner yet: open %(base_url)s/admin/first-run with code %(first_run_code)s.",  # In the log.
}
# Neither words of a language nor of anybody: formats, units, scopes, and what is typed as an example.
_NO_WORDS = re.compile(
    r"(placeholder=.+|aria-label=.+|[\w-]+@[\w.-]+|https?://\S+( ·)?|(E-mail|Webhook): \S+|Atom|JSON Feed|“.+”"
    r"|\w+:(read|write)(, \w+:(read|write))*|[\d:.,-]+( min| km)?"
    r"|GET|POST|PATCH|DELETE|PUT|SQLite|PostgreSQL|CSV|JSON|SVG|HBR 2011|/api/v1/openapi.json)"
)
_ENGLISH = re.compile(r"\b(the|is|of|not|please|you|your|this|that|from|with|has|have|there)\b", re.IGNORECASE)
_BAD = ("", "x" * 9_000, "-1", "a\x00b", "Springfield", "zzqqx", "http://127.0.0.1/", "a@b")
_NOT_READ = {"code", "pre", "script", "style"}
_EMPTY = {"br", "circle", "hr", "img", "input", "link", "meta", "path", "rect", "source", "wbr"}


class _Texts(HTMLParser):
    """What a page says to its reader, but for what is marked as another language."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, None] = {}
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("placeholder", "title", "aria-label", "alt"):
            self._note(f"{name}={given[name]}" if given.get(name) else "")
        if tag not in _EMPTY:
            self._open.append((tag, tag in _NOT_READ or ("lang" in given and tag != "html")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(left_out for _tag, left_out in self._open):
            self._note(data)

    def _note(self, text: str) -> None:
        words = " ".join(text.split())
        if re.search(r"[A-Za-z]{2}", words):
            self.said[words] = None


@pytest.mark.slow
def test_no_page_says_the_same_in_english_and_in_german_but_for_names_and_what_people_wrote(
    app: Flask, world: World, store: Store
) -> None:
    same_in_both = {m.id for m in catalogue("de") if isinstance(m.id, str) and m.string == m.id}
    names = {kind.name for kind in KINDS.values()} | {zone.replace("_", " ") for zone in available_timezones()}
    names |= set(list_currencies()) | set(LANGUAGES.values()) | same_in_both | _called_the_same(store) | _written(store)
    found: dict[str, str] = {}
    for name, person, path in pages(world):
        if name.startswith("outbox"):
            continue  # Somebody's mail.
        client = app.test_client()
        if person is not None:
            client.set_cookie("vrm", cookie(app, person, "http://localhost")["value"])
        said = []
        for language in ("en", "de"):
            texts = _Texts()
            texts.feed(client.get(path, headers={"Accept-Language": language}, follow_redirects=True).text)
            said.append(texts.said)
        for text in said[1]:
            plain = text.partition("=")[2] if text.startswith(("title=", "alt=")) else text
            if text in said[0] and not _NO_WORDS.fullmatch(plain) and not names.issuperset(plain.split(" › ")):
                found[text] = name
    assert not found, "\n".join(f"{name}: {text}" for text, name in found.items())


@pytest.mark.slow
@ONE_STORE
@pytest.mark.usefixtures("no_limits")
def test_what_forms_refuse_they_refuse_in_german(
    app: Flask, visitor: Callable[[], Visitor], town: Town, store: Store
) -> None:
    people = {name: visitor().sign_in(getattr(town.world, name)) for name in ("ana", "ben", "olu")}
    forms = every_form(app, town, people)
    written = [words for words in _written(store) if len(words) > 15]
    bad, found = cycle(_BAD), dict[str, str]()
    for person in people.values():
        person.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    for who, form in forms:
        for field in form.typed:
            filled = {name: value or ORDINARY.get(name, "") for name, value in form.values.items() if name != "locale"}
            answer = people[who].send(form.action, **{**filled, field: next(bad)})
            if answer.status_code == 422:
                texts = _Texts()
                texts.feed(answer.text)
                english = [text for text in texts.said if len(_ENGLISH.findall(text)) > 1]
                ours = [text for text in english if not any(words in text for words in written)]
                found |= dict.fromkeys(ours, f"{form.action} {field}")
    assert not found, "\n".join(f"{where}: {text}" for text, where in found.items())


def test_each_sentence_that_the_desk_says_is_said_in_german(app: Flask) -> None:
    lacking = []
    with app.test_request_context("/", headers={"Accept-Language": "de"}):
        for file in sorted(_WEB.glob("*.py")):
            if file.name in _FOR_MACHINES:
                continue
            for line, sentence in sentences(ast.parse(file.read_text())):
                if _is_left(sentence, spoken.spoken(sentence)) and sentence not in _FOR_MACHINES_TOO:
                    lacking.append(f"{file.name}:{line}: {sentence}")
    assert not lacking, "These pass gettext by:\n" + "\n".join(lacking)


def test_each_name_of_a_field_has_its_german(app: Flask) -> None:
    root = _WEB.parent.parent
    lacking = []
    with app.test_request_context("/", headers={"Accept-Language": "de"}):
        for file in chain.from_iterable((root / room).rglob("*.py") for room in _ROOMS):
            labels = re.findall(r'\b(?:line|prose|_clean)\([^\n]*\blabel="([^"]+)"', file.read_text())
            lacking += [f"{file.name}: {label}" for label in labels if spoken.spoken(label) == label]
    assert not lacking, "vrm.web.spoken lacks these:\n" + "\n".join(lacking)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("“Chat on Wheels” is its name already.", "„Chat on Wheels“ ist schon der Name."),
        ("“” is not a currency code; write three letters, such as GBP or EUR.", "„“ ist kein Währungscode; "),
        ("Shop on Wheels", "Shop on Wheels"),
    ],
)
def test_words_of_people_stay_as_they_are_within_a_sentence(app: Flask, said: str, heard: str) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "de"}):
        assert spoken.spoken(said).startswith(heard)


def _is_left(sentence: str, heard: str) -> bool:
    """Whether three words of it in a row are English still: it was taken for another sentence, if for any."""
    words = re.sub(r"%\(\w+\)s|\S*[\d_/@]\S*", "|", sentence).split()
    runs = (" ".join(words[at : at + 3]) for at in range(len(words) - 2))
    return heard == sentence or any(run in heard for run in runs if re.fullmatch(r"[A-Za-z ]+", run))


def _called_the_same(store: Store) -> set[str]:
    """Categories and regions that have one name in both languages, such as Leeds."""
    with store.read() as session:
        both = taxonomy.trees(session)
        nodes = [*_all(both.categories), *_all(both.regions)]
    return {node.label for node in nodes if node.label_in("de") == node.label}


def _all(tree: Tree) -> Iterator[Node]:
    todo = [tree.root]
    while todo:
        node = todo.pop()
        yield node
        todo += tree.children(node.id)


def _written(store: Store) -> set[str]:
    """Every text that people have in the tables, as a page lays it out."""
    columns = [
        column
        for table in Base.metadata.sorted_tables
        if table.name not in ("categories", "regions")
        for column in table.columns
        if isinstance(column.type, String)
    ]
    with store.read() as session:
        texts = [text for column in columns for text in session.scalars(select(column).distinct()) if text]
    return {" ".join(str(text).split()) for text in texts}
