"""Hostile words into every field of every form: kept as they are, or refused with a sentence, and then still there.

`make attack ARGS="--corpora DIR"` does it with the large collections of others, and prints what came of it.
"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from xml.etree import ElementTree

import pytest
from addresses import Town, ask, build, of_page, pages
from flask import Flask
from forms import ORDINARY, every_form
from hand import FormTarget, Hand, check_page, writes
from harmless import harm
from hostile import COMPUTED, MARK, STRINGS, SUM, strings_of_others
from rewinding import rewinding
from rounds import Got, rounds
from tallies import Tally
from visiting import Visitor

from notifiers.deliver import deliver
from vrm.kernel.db import Store
from vrm.web.access import Who


@pytest.mark.slow
@pytest.mark.usefixtures("same_trees", "no_limits")
def test_every_field_of_every_form(
    app: Flask, visitor: Callable[[], Visitor], town: Town, store: Store, corpora: Path | None, tally: Tally,
    until: Callable[[], float], now: datetime,
) -> None:  # fmt: skip
    people = {name: visitor().sign_in(getattr(town.world, name)) for name in ("ana", "ben", "olu")}
    forms = every_form(app, town, people)
    strings = list(dict.fromkeys([*STRINGS, *(strings_of_others(corpora) if corpora else ())]))
    turns, got = len(strings) if corpora else 1, Got()
    with writes(store) as written, rewinding(store) as mark:
        hands = {name: Hand(visitor(), getattr(town.world, name)) for name in people}
        targets = [FormTarget(hands[who], form, written, ORDINARY) for who, form in forms if form.typed]
        rounds(targets, strings, got, turns=turns, until=until(), mark=mark)
    counts = got.counts
    counts["forms"] = len(targets)
    tally("forms", counts)
    tally("forms, not all", got.fewer(targets, turns))
    assert got.wrong == []
    unknown = [name for name in got.never(targets) if not name.endswith("operator to")]
    assert not unknown, "Something else is refused each time."
    assert counts["forms"] > 40
    assert counts["kept"] > 20, counts
    look_everywhere(app, town, people, counts)
    deliver_and_look(app, store, now, counts)


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
