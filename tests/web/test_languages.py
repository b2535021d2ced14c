"""Pages in the reader's language: complete, with the same blanks, chosen by the account or asked for by the browser."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from texts import collected
from visiting import Visitor
from world import World

from notifiers.channels import KINDS
from vrm.kernel.languages import LANGUAGES, SOURCE, catalogue
from vrm.web import spoken

_BLANK = re.compile(r"%\(\w+\)s|%%")


def _blanks(text: str) -> list[str]:
    return sorted(set(_BLANK.findall(text)))


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != SOURCE])
def test_every_text_has_its_translation_with_the_same_blanks(code: str) -> None:
    known = {
        (message.context, message.id if isinstance(message.id, str) else message.id[0]): message
        for message in catalogue(code)
        if message.id
    }
    lacking, differing = [], []
    for message in collected():
        one, many = (message.id, message.id) if isinstance(message.id, str) else message.id
        found = known.get((message.context, one))
        said = [found.string] if found and isinstance(found.string, str) else list(found.string or ()) if found else []
        if not said or not all(said):
            lacking.append(one)
        elif any(_blanks(text) not in (_blanks(one), _blanks(many)) for text in said):
            differing.append(one)
    assert not lacking, f"{len(lacking)} texts lack {code} (make texts, then fill in):\n" + "\n".join(sorted(lacking))
    assert not differing, f"These have other blanks in {code}:\n" + "\n".join(differing)


def test_a_reader_chooses_the_language_or_the_browser_does(visitor: Callable[[], Visitor], world: World) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    page = visitor().client.get("/", headers=german)
    assert '<html lang="de">' in page.text
    assert "Was wollen Sie kaufen?" in page.text
    assert {"Accept-Language", "Cookie"} <= set(page.vary)
    assert '<html lang="en">' in visitor().client.get("/", headers={"Accept-Language": "fr,xx;q=0.9"}).text
    ana = visitor().sign_in(world.ana)
    assert "vor 30 Stunden" in ana.client.get(f"/me/intents/{world.want.code}", headers=german).text
    fields = {"name": "Ana Castro", "phone": "", "zone": "Europe/Berlin"}
    assert "one of those that are offered" in ana.refused("/me/account", 422, locale="xx", **fields)
    ana.press("/me/account", locale="de", **fields)
    board = ana.get(f"/me/intents/{world.want.code}")
    assert "11.495\xa0£" in board or "11.495 £" in board
    assert "Gespeichert." in board


def test_each_sentence_of_the_rooms_below_is_found_again_with_what_fills_it(app: Flask) -> None:
    collected_there = [str(message.id) for message in collected() if message.context == spoken.CONTEXT]
    assert len(collected_there) > 300
    lost = []
    with app.test_request_context("/", headers={"Accept-Language": "de"}):
        for text in collected_there:
            fillings = {name: f"<{name}>" for name in re.findall(r"%\((\w+)\)s", text)}
            said = text % fillings if fillings else text
            heard = spoken.spoken(said)
            if heard == said or any(filling not in heard for filling in fillings.values()):
                lost.append(said)
        assert spoken.spoken("Whatever somebody else wrote.") == "Whatever somebody else wrote."
        two = "There is no such vendor. There is no such want."
        assert spoken.spoken(two).count(".") == 2
        assert "There" not in spoken.spoken(two)
    assert not lost


def test_what_the_rooms_below_say_is_said_in_the_readers_language(visitor: Callable[[], Visitor], world: World) -> None:
    german = {"Accept-Language": "de"}
    ways = visitor().client.get("/vendor", headers=german).text
    for kind in KINDS.values():
        assert kind.blurb not in ways
    ana = visitor().sign_in(world.ana)
    nobody = ana.client.get(f"/me/intents/{world.lonely.code}", headers=german).text
    assert "Noch hört kein Händler auf Musikinstrumente." in nobody
    held = ana.client.get(f"/me/intents/{world.held.code}", headers=german).text
    assert "fast denselben Text" in held
    assert "Several new accounts" in ana.get(f"/me/intents/{world.held.code}")
