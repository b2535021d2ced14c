"""POST /understand: a sentence in, what it says out; nothing is kept."""

import json

import pytest
from sqlalchemy import func, select

from intents.models import Intent

YARIS = "want a Toyota Yaris near Leeds, under £12k, by June"


def test_a_sentence_is_understood(program, ana) -> None:
    answer = program(ana).post("/understand", {"text": YARIS, "home_region": "gb", "now": "2026-11-21T12:00:00Z"})
    assert answer.status_code == 200
    found = answer.get_json()
    first = found["categories"][0]
    assert first["id"] == "cars-trucks-vans"
    assert first["path"][-1] == first["label"]
    assert "Yaris" in first["why"]
    assert 0 < first["confidence"] < 1
    assert len(found["categories"]) <= 5
    assert [(place["id"], place["name"], place["code"]) for place in found["places"]] == [("gb-lds", "Leeds", "GB-LDS")]
    assert found["budget"] == {"min": None, "max": "12000.00", "currency": "GBP", "per": None}
    assert found["needed_by"] == "2027-06-01"
    assert (found["brand"], found["model"], found["language"]) == ("Toyota", "Yaris", "en")
    assert (found["condition"], found["quantity"], found["radius_km"]) == (None, None, None)
    assert {"category", "place", "budget", "needed_by"} <= set(found["sure"])
    assert found["not_understood"] == []


def test_labels_are_in_the_readers_language(program, ana) -> None:
    told = {}
    for locale in ("de-CH", "fr", "en", None):
        body = {"text": "a plumber in Munich"} | ({"locale": locale} if locale else {})
        found = program(ana).post("/understand", body).get_json()
        told[locale] = (found["categories"][0]["label"], found["categories"][0]["path"][-1])
        assert found["categories"][0]["id"] == "plumber"
    assert told[None] == told["en"] == ("Plumber", "Plumber")
    assert told["de-CH"][0] == told["de-CH"][1] != "Plumber"
    assert told["fr"][0] == "Plombier"


def test_what_was_not_understood_says_where_it_stands(program, ana) -> None:
    text = "flurbish gronk in Leeds"
    found = program(ana).post("/understand", {"text": text}).get_json()
    assert [text[span["start"] : span["end"]] for span in found["not_understood"]] == ["flurbish gronk"]
    assert "category" not in found["sure"]


def test_the_moment_is_the_present_one_if_none_is_given(program, ana, now) -> None:
    found = program(ana).post("/understand", {"text": "a plumber in Leeds today"}).get_json()
    assert found["needed_by"] == now.date().isoformat()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/text"),
        ({"text": ""}, "/text"),
        ({"text": "x" * 10_001}, "/text"),
        ({"text": 5}, "/text"),
        ({"text": "a bike", "locale": "no such locale"}, "/locale"),
        ({"text": "a bike", "home_region": "Nowhereville upon Nothing"}, "/home_region"),
        ({"text": "a bike", "now": "yesterday"}, "/now"),
        ({"text": "a bike", "now": "2026-11-21T12:00:00"}, "/now"),
        ({"text": "a bike", "colour": "red"}, "/colour"),
    ],
)
def test_a_bad_field_is_named(program, ana, body, pointer) -> None:
    answer = program(ana).post("/understand", body)
    assert answer.status_code in (400, 422)
    assert [error["pointer"].removeprefix("#") for error in answer.get_json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "text", ["\u202e<script>alert(1)</script>", "💶" * 500, "' OR 1=1 --", "£" * 5_000, "\u0000x", "０１２ 円"]
)
def test_hostile_text_is_only_text(program, ana, text) -> None:
    assert program(ana).post("/understand", {"text": text}).status_code in (200, 400, 422)


def test_the_far_ends_of_the_calendar_are_days_too(program, ana) -> None:
    for now in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59+14:00"):
        body = {"text": "a bike next week, by Friday, in 12 months, by Christmas, KW 52, end of next month", "now": now}
        assert program(ana).post("/understand", body).status_code in (200, 400, 422), now


def test_nothing_is_kept(program, ana, store) -> None:
    program(ana).post("/understand", {"text": YARIS})
    with store.read() as session:
        assert session.scalar(select(func.count(Intent.id))) == 0


def test_the_answer_is_json_all_through(program, ana) -> None:
    json.loads(program(ana).post("/understand", {"text": YARIS}).get_data())
