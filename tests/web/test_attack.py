"""Hostile words into every field of every form and of every operation: kept as they are, or refused with a sentence.

`make attack ARGS="--corpora DIR"` does it with the large collections of others, and prints what came of it.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
from addresses import Town, ask, build, of_operation, of_page, pages
from flask import Flask
from forms import Form, forms_of
from harmless import harm
from hostile import COMPUTED, MARK, STRINGS, SUM, SURROGATES, not_json, strings_of_others
from tallies import TALLIES
from visiting import Visitor

from notifiers.deliver import deliver
from vendors import lookalike
from vrm.kernel import accounts
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.text import prose
from vrm.web.access import Who
from vrm.web.api import OPERATIONS, quota
from vrm.web.api.operations import Operation

Tally = Callable[[str, Counter[str]], None]
SLOWEST_S = 10.0  # One answer, on a machine that does other things as well.
_COSTS = ("/preview", "/understood", "/sign-in", "/passkey", "sessions", "/erase", "/sign-out")
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


@pytest.fixture
def corpora(request: pytest.FixtureRequest) -> Path | None:
    folder: str | None = request.config.getoption("corpora")
    return Path(folder) if folder else None


@pytest.fixture
def tally(request: pytest.FixtureRequest, store: Store) -> Tally:
    """Keeps figures for the table at the end of the run."""

    def note(what: str, counts: Counter[str]) -> None:
        request.config.stash[TALLIES].append((f"{what}, {store.dialect}", counts))

    return note


def token_of(store: Store, account: Account, now: datetime) -> str:
    with store.write() as session:
        return accounts.make_token(session, session.merge(account, load=False), now, name="t").secret


def check_page(said: str, where: str) -> None:
    """Nothing of what was sent works in the page."""
    assert MARK not in said, where
    assert "<script>vrmowned" not in said, where
    assert COMPUTED not in said, where
    assert harm(said) == [], where


def every_form(app: Flask, town: Town, people: dict[str, Visitor]) -> list[tuple[str, Form]]:
    """(who, form) of each different form on the pages of Ana, Ben and Olu."""
    found: dict[tuple[str, str], tuple[str, Form]] = {}
    for rule, method, for_whom in pages(app):
        if method == "GET" and for_whom not in (Who.NETWORK, Who.LINK):
            path = build(app, rule, of_page(town, rule))
            for who, person in people.items():
                answer = ask(person, "GET", path)
                if answer.status_code == 200 and answer.mimetype == "text/html":
                    for form in forms_of(answer.text, path):
                        key = (form.action.partition("?")[0], " ".join(sorted(form.values)))
                        found.setdefault(key, (who, form))
    kept = [each for each in found.values() if not any(word in each[1].action for word in _COSTS)]
    return sorted(kept, key=lambda each: "suspend" in each[1].action)  # Who is suspended presses nothing more.


@pytest.mark.slow
def test_every_field_of_every_form(
    app: Flask, visitor: Callable[[], Visitor], town: Town, store: Store, corpora: Path | None, tally: Tally,
    monkeypatch: pytest.MonkeyPatch, now: datetime, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    for name in ("intents.publish.PER_DAY", "vendors.team.FOUNDED_AT_MOST"):
        monkeypatch.setattr(name, 10**6)
    world = town.world
    people = {name: visitor().sign_in(getattr(world, name)) for name in ("ana", "ben", "olu")}
    forms = every_form(app, town, people)
    counts: Counter[str] = Counter(forms=len(forms))
    told = Progress(request, f"forms, {store.dialect}", len(forms))
    for number, (who, form) in enumerate(forms):
        told(counts)
        names = list(dict.fromkeys(form.typed))
        counts["fields"] += len(names)
        for place, name in enumerate(names):
            # Ours one at a time. In a quick run each field gets one, and all fields together get all.
            few = STRINGS if corpora else [STRINGS[(number + place) % len(STRINGS)]]
            for words in few:
                if press(people[who], form, {name: words}, counts) == 404:
                    break  # A button took away what the form is about.
    if corpora:
        in_rounds(
            request, store, strings_of_others(corpora), counts,
            [
                (names, partial(press, people[who], form, counts=counts))
                for who, form in forms
                for names in groups(people[who], form, counts)
            ],
        )  # fmt: skip
    assert counts["forms"] > 40
    assert counts["fields"] > 100
    assert counts["taken"] > 20, counts
    look_everywhere(app, town, people, counts)
    deliver_and_look(app, store, now, counts)
    tally("forms", counts)


class Progress:
    """One line for every few forms or operations of a long run, past what pytest keeps to itself."""

    def __init__(self, request: pytest.FixtureRequest, what: str, total: int) -> None:
        self._capture = request.config.pluginmanager.getplugin("capturemanager")
        self._long = request.config.getoption("corpora") is not None
        self._what, self._total, self._at, self._begun = what, total, 0, time.monotonic()

    def __call__(self, counts: Counter[str]) -> None:
        self._at += 1
        if self._long and self._at % 5 == 0 and self._capture is not None:
            tries = counts["taken"] + counts["refused"]
            with self._capture.global_and_fixture_disabled():
                spent = time.monotonic() - self._begun
                print(f"{self._what}: {self._at} of {self._total}, {tries:,} tries, {spent:.0f} s", file=sys.stderr)


def groups(person: Visitor, form: Form, counts: Counter[str]) -> list[list[str]]:
    """Fields that take any text, and the others: a word that is refused there would hide what others do with theirs."""
    names = list(dict.fromkeys(form.typed))
    free = [name for name in names if press(person, form, {name: "Plain words"}, counts) < 400]
    return [group for group in (free, [name for name in names if name not in free]) if group]


def in_rounds(
    request: pytest.FixtureRequest,
    store: Store,
    theirs: list[str],
    counts: Counter[str],
    targets: list[tuple[list[str], Callable[[dict[str, str]], int]]],
) -> None:
    """In each round every field gets one more string of others, until all are through or the time is over.

    Fields that take any text are filled at once, each with another string; the figures say how many each field got.
    """
    until = time.monotonic() + 60 * float(request.config.getoption("minutes"))
    told = Progress(request, f"strings of others, {store.dialect}", len(theirs))
    gone: set[int] = set()
    for turn in range(len(theirs)):
        told(counts)
        for number, (names, send_them) in enumerate(targets):
            if number not in gone:
                at = turn + 7 * number
                if send_them({name: theirs[(at + place) % len(theirs)] for place, name in enumerate(names)}) == 404:
                    gone.add(number)  # A button took away what the form is about.
        counts["strings of others for each field"] += 1
        if time.monotonic() > until:
            break


def press(person: Visitor, form: Form, hostile: dict[str, str], counts: Counter[str]) -> int:
    values = {**form.values, **hostile}
    values.pop("csrf_token", None)
    begun = time.monotonic()
    answer = ask(person, "POST", form.action, **values)
    assert time.monotonic() - begun < SLOWEST_S, (form.action, hostile)
    assert answer.status_code < 500, (form.action, hostile, answer.text[:500])
    counts["taken" if answer.status_code < 400 else "refused"] += 1
    if answer.mimetype == "text/html":
        check_page(answer.text, f"{form.action} {' '.join(hostile)}")
    if answer.status_code in (301, 302, 303, 307, 308):
        assert answer.location.startswith("/"), (form.action, hostile, answer.location)
    return answer.status_code


def look_everywhere(app: Flask, town: Town, people: dict[str, Visitor], counts: Counter[str]) -> None:
    """Every page that shows what was kept."""
    for rule, method, for_whom in pages(app):
        if method == "GET" and for_whom is not Who.LINK:
            path = build(app, rule, of_page(town, rule))
            for person in people.values():
                answer = ask(person, "GET", path)
                assert answer.status_code < 500, path
                counts["pages"] += 1
                if answer.mimetype == "text/html":
                    check_page(answer.text, path)
                elif answer.mimetype.endswith("+xml") and answer.status_code == 200:
                    ElementTree.fromstring(answer.data)
                elif answer.is_json:
                    json.loads(answer.data)


def deliver_and_look(app: Flask, store: Store, now: datetime, counts: Counter[str]) -> None:
    """Mails that follow have the headers that we gave them, and no others."""
    post = app.extensions["vrm"].post
    deliver(store, post, lambda: now)
    for file in post.outbox.glob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        assert mail["Bcc"] is None
        assert not mail.defects
        assert len(mail.get_all("To")) == len(mail.get_all("Subject")) == 1
        assert not {letter for value in mail.values() for letter in str(value)} & set("\r\n")
        for part in mail.walk():
            if part.get_content_type() == "text/html":
                check_page(part.get_content(), file.name)
        counts["mails"] += 1


# --- The API --------------------------------------------------------------------------------------


def strings_of(operation: Operation) -> list[str]:
    """Fields of the body that take text."""
    assert operation.body is not None
    schema = operation.body.model_json_schema()
    return [
        name for name, about in schema["properties"].items() if '"string"' in json.dumps(about) or "$ref" in str(about)
    ]


def base_of(operation: Operation) -> dict[str, object]:
    assert operation.body is not None
    properties = operation.body.model_json_schema()["properties"]
    made = {name: about["examples"][0] for name, about in properties.items() if about.get("examples")}
    return BASES.get(operation.name, made)


def send(app: Flask, token: str, operation: Operation, town: Town, body: bytes) -> tuple[int, object]:
    path = "/api/v1" + operation.path.format_map(of_operation(town, operation.path))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    begun = time.monotonic()
    answer = app.test_client().open(path, method=operation.method, data=body, headers=headers)
    assert time.monotonic() - begun < SLOWEST_S, (operation.name, body[:200])
    said = answer.get_json(silent=True)
    assert answer.status_code < 500 or answer.status_code == 502, (operation.name, body[:200], said)
    return answer.status_code, said


def tokens(store: Store, town: Town, now: datetime) -> dict[bool, str]:
    """By whether it is about a vendor."""
    return {False: token_of(store, town.world.ana, now), True: token_of(store, town.world.ben, now)}


def is_bens(operation: Operation) -> bool:
    return operation.path.startswith("/vendors") or operation.name in ("create_response", "accept_terms")


@pytest.mark.slow
def test_every_field_of_every_operation(
    app: Flask, town: Town, store: Store, corpora: Path | None, tally: Tally, monkeypatch: pytest.MonkeyPatch,
    now: datetime, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    for name in ("intents.publish.PER_DAY", "vendors.team.FOUNDED_AT_MOST"):
        monkeypatch.setattr(name, 10**6)
    monkeypatch.setattr(quota, "PER_MINUTE", 10**9)
    whose = tokens(store, town, now)
    counts: Counter[str] = Counter()
    ours = [*STRINGS, *SURROGATES]
    tried = [each for each in OPERATIONS if each.body is not None and not each.outside]
    targets = []
    for number, operation in enumerate(tried):
        ask_it = partial(refused_or_kept, app, whose[is_bens(operation)], operation, town, counts)
        names = strings_of(operation)
        counts["fields"] += len(names)
        for place, name in enumerate(names):
            few = ours if corpora else [ours[(number + place + step * 5) % len(ours)] for step in range(2)]
            for words in few:
                ask_it({name: words})
        if corpora:
            free = [name for name in names if ask_it({name: "Plain words"}) < 400]
            targets += [(group, ask_it) for group in (free, [name for name in names if name not in free]) if group]
    if corpora:
        in_rounds(request, store, strings_of_others(corpora), counts, targets)
    assert counts["fields"] > 60
    assert counts["came back"] > 10, counts
    tally("operations", counts)


def refused_or_kept(
    app: Flask, token: str, operation: Operation, town: Town, counts: Counter[str], hostile: dict[str, str]
) -> int:
    """Send them; what comes back is what was sent."""
    body = json.dumps({**base_of(operation), **hostile}).encode()
    status, said = send(app, token, operation, town, body)
    counts["taken" if status < 300 else "refused"] += 1
    wrong = (operation.name, {name: words[:80] for name, words in hostile.items()}, status, said)
    assert status < 300 or status in (400, 403, 404, 409, 422, 429, 502), wrong
    for name, words in hostile.items():
        back = said.get(name) if status < 300 and isinstance(said, dict) else None
        if isinstance(back, str) and operation.name != "understand_text":
            counts["came back"] += 1
            assert flat(back) == kept_as(operation, name, words), wrong
    return status


def kept_as(operation: Operation, name: str, words: str) -> str:
    """What stands in the store of words that were taken: in NFC, and letters of a vendor's name in one width."""
    kept = flat(prose(words, field="x", label="x", most=10**6))
    return flat(lookalike.usual(kept)) if (name, "vendor" in operation.name) == ("name", True) else kept


def flat(words: str) -> str:
    """Runs of white space are one in titles and names."""
    return " ".join(words.split())


@pytest.mark.slow
def test_what_is_no_json_is_400_everywhere(
    app: Flask, town: Town, store: Store, corpora: Path | None, tally: Tally, monkeypatch: pytest.MonkeyPatch,
    now: datetime,
) -> None:  # fmt: skip
    monkeypatch.setattr(quota, "PER_MINUTE", 10**9)
    whose = tokens(store, town, now)
    counts: Counter[str] = Counter()
    bodies = not_json(corpora)
    for operation in OPERATIONS:
        if operation.method in ("POST", "PATCH"):
            counts["operations"] += 1
            # As above: all bodies together meet all operations.
            few = bodies if corpora else bodies[counts["operations"] % 5 :: 5]
            for body in few:
                if body:  # None at all is what some operations want.
                    status, said = send(app, whose[is_bens(operation)], operation, town, body)
                    assert status == 400, (operation.name, body[:60], status, said)
                    counts["refused"] += 1
    tally("no JSON", counts)


def test_a_sum_is_what_template_engines_compute() -> None:
    """The test above would be worth nothing if the marks could not be seen."""
    with pytest.raises(AssertionError):
        check_page(f"<p>{MARK}</p>", "")
    with pytest.raises(AssertionError):
        check_page('<a href="javascript:x">', "")
    assert harm("<p>&lt;img src=javascript:x onerror=y&gt;</p>") == []
    assert harm("<img/src=x onerror=y>") != harm('<a href=" java\nscript:x">') != []
    with pytest.raises(AssertionError):
        check_page(SUM.replace("7*191", COMPUTED), "")
