"""One sentence, and everything that it says: the tuning half keeps its level, and nothing makes it raise."""

import json
import os
import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intents_trees import TREES, region_id
from judging import FIELDS, TODAY, Judge, sentences

from intents.draft import Condition
from intents.lexicon import Lexicon, lexicon
from intents.suggest import MOST
from intents.understand import MOST_CHARACTERS, Understanding, understand

# Per cent of the tuning half that was right when this was last measured; a rule that helps others must not cost these.
# (Category was 98, and 99 among five, before the sentences whose topics were drawn by lot; see wants/README.md.)
LEVEL = {
    "category": 95.5, "category among five": 98.0, "place": 98.0, "budget": 99.0, "day": 99.0, "radius": 99.0,
    "condition": 99.0, "quantity": 98.5, "brand": 95.0, "language": 99.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.committed()


@pytest.fixture
def read(judge: Judge):
    def read(text: str, home: str | None = "gb", locale: str | None = None) -> Understanding:
        region = judge.trees.regions.by_slug(home) if home else None
        return understand(
            text,
            trees=judge.trees,
            lexicon=judge.lexicon,
            locale=locale,
            home_region_id=region.id if region else None,
            now=TODAY,
        )

    return read


def small(text: str, lexicon_: Lexicon | None = None) -> Understanding:
    return understand(text, trees=TREES, lexicon=lexicon_ or Lexicon(), home_region_id=region_id("gb"), now=TODAY)


def test_the_tuning_half_keeps_its_level(judge: Judge) -> None:
    tuning = [sentence for sentence in sentences() if sentence.half == "tuning"]
    verdicts = [judge.verdicts(sentence) for sentence in tuning]
    for field in FIELDS:
        judged = [verdict[field] for verdict in verdicts if verdict[field] is not None]
        assert 100 * sum(map(bool, judged)) / len(judged) >= LEVEL[field], field


def test_there_are_three_hundred_sentences_in_four_languages_and_both_halves() -> None:
    every = sentences()
    assert len({sentence.text for sentence in every}) == len(every) >= 300
    assert {sentence.lang for sentence in every} == {"en", "de", "fr", "es"}
    halves = Counter(sentence.half for sentence in every)
    assert 0.4 < halves["held out"] / (halves["held out"] + halves["tuning"]) < 0.6


# --- Traps that are known ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "home", "slugs"),
    [
        ("a plumber in Newcastle", "gb", ["gb-newcastle-upon-tyne|gb-net"]),
        ("a plumber in Newcastle", "au", ["au-newcastle"]),
        ("moving from Oxford to Swindon", "gb", ["gb-oxford", "gb-swindon|gb-swd"]),
        ("a bike in Paris", "fr", ["fr-75c|fr-paris|fr-75"]),
        ("a flat in Paris, TX", "gb", ["us-paris"]),
        ("a flat in Paris, MT", "gb", ["us-mt"]),
        ("Austin TX", "gb", ["us-austin"]),
        ("a taxi in NYC", "gb", ["us-new-york-city"]),
        ("reading glasses", "gb", []),
        ("a bath in good condition", "gb", []),
        ("nice sofa", "fr", []),
        ("ein Klempner in Essen", "de", ["de-essen"]),
    ],
)
def test_the_place_that_is_meant(read, text: str, home: str, slugs: list[str]) -> None:
    found = [place.node.slug for place in read(text, home).places]
    assert len(found) == len(slugs)
    assert all(one in right.split("|") for one, right in zip(found, slugs, strict=True))


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("a bike, $150–200", (150_00, 200_00, "USD")),
        ("headphones $120 max", (None, 120_00, "USD")),
        ("office chairs, budget 2.5k", (None, 2_500_00, "GBP")),
        ("Air Jordan size 10.5 $180", (None, 180_00, "USD")),
        ("a car under 22k within 60 miles", (None, 22_000_00, "GBP")),
        ("road bike 56 size", None),
        ("vélo moins de 300 €", (None, 300_00, "EUR")),
        ("una bici por menos de 200 euros", (None, 200_00, "EUR")),
        ("a sofa, under 400", (None, 400_00, "GBP")),
        ("a car with under 60,000 miles", None),
        ("can't go above £550", (None, 550_00, "GBP")),
    ],
)
def test_the_budget_that_is_meant(read, text: str, budget: tuple[int | None, int | None, str] | None) -> None:
    found = read(text).budget
    assert (None if found is None else (found.min_minor, found.max_minor, found.currency)) == budget


def test_a_price_by_the_month_says_so_and_is_not_sure(read) -> None:
    found = read("flat to rent in Leeds, £900 a month")
    assert found.budget is not None
    assert (found.budget.max_minor, found.budget_per) == (900_00, "month")
    assert "budget" not in found.sure


def test_haste_is_no_day(read) -> None:
    found = read("plumber in Leeds asap")
    assert (found.urgent, found.needed_by) == (True, None)


@pytest.mark.parametrize(
    ("text", "km"),
    [
        ("within 20 miles of York", 32.2),
        ("im Umkreis von 50 km um Köln", 50.0),
        ("dans un rayon de 30 km", 30.0),
        ("a 50 km de Burgos", 50.0),
        ("less than 60,000 miles", None),
        ("max 80000 km", None),
        ("a 5 km run", None),
    ],
)
def test_the_radius_that_is_meant(read, text: str, km: float | None) -> None:
    assert read(text).radius_km == km


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("six dining chairs", 6),
        ("2 tickets for the opera", 2),
        ("8 Stück Bürostühle", 8),
        ("appartement 2 pièces", None),
        ("iPhone 13", None),
        ("3 bedroom house", None),
        ("a 4 seater sofa", None),
        ("2015 Toyota Yaris", None),
        ("4 x alloy wheels", 4),
    ],
)
def test_how_many_are_wanted(read, text: str, quantity: int | None) -> None:
    assert read(text).quantity == quantity


def test_new_used_and_either(read) -> None:
    assert read("a second hand laptop").condition is Condition.USED
    assert read("sofa, neuf, Lyon", "fr").condition is Condition.NEW
    assert read("neu oder gebraucht", "de").condition is Condition.ANY
    assert read("babysitter for new years eve").condition is None


# --- Categories ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("a cello teacher", "music-teacher"),
        ("a cello", "string-instruments"),
        ("my laptop needs repairing", "electronics-repair"),
        ("Waschmaschinenreparatur", "appliance-repair"),
        ("cours de piano", "music-teacher"),
        ("iphone case", "mobile-smart-phone-accessories"),
        ("winter tyres for a VW Golf", "motor-vehicle-wheel-systems"),
        ("golf clubs", "golf-clubs"),
        ("a dish washer", "dishwashers"),
        ("bycicle", "bicycles"),
        ("a house", "home-to-buy"),
        ("someone to clean my flat", "cleaner"),
        ("PS5 games", "video-game-software"),
        ("table tennis bat", "ping-pong-paddles-sets"),
        ("help moving a fridge", "removals-logistics"),
    ],
)
def test_the_category_that_is_meant(read, judge: Judge, text: str, slug: str) -> None:
    found = read(text).categories
    assert slug in [judge.trees.categories.node(one.node_id).slug for one in found[:2]]


def test_what_means_nothing_is_not_sure_and_is_handed_back(read) -> None:
    found = read("flurbish gronk")
    assert "category" not in found.sure
    assert [span.text for span in found.not_understood] == ["flurbish gronk"]


def test_confidence_falls_from_the_first_suggestion_to_the_last(read) -> None:
    figures = [one.confidence for one in read("a table, a chair, a bed and a lamp").categories]
    assert figures == sorted(figures, reverse=True)


def test_the_locale_decides_when_the_text_does_not(read) -> None:
    assert read("iPhone 13", "us", "fr-CA").language == "fr"
    assert read("iPhone 13", "de").language == "de"


def test_an_operator_adds_brands() -> None:
    more = lexicon().extended([{"brand": "Zorblatt", "category": "bicycles", "models": "Q9000|~Breeze"}])
    assert small("a Zorblatt", more).brand == "Zorblatt"
    assert small("a Zorblatt Breeze", more).model == "Breeze"
    assert small("a breeze", more).brand is None


def test_categories_that_the_tree_does_not_have_are_left_out() -> None:
    assert small("a sofa", lexicon()).categories == ()


# --- Bad input -----------------------------------------------------------------------------------

NASTY = [
    "",
    " ",
    "\x00\ud800\udfff",
    "\u202eevil\u202c",
    "£" * 3_000,
    "1,111" * 1_000,
    "in " * 1_500,
    "a " * 1_500,
    "Leeds " * 600,
    "car " * 1_000,
    "by the end of " * 400,
    "Waschmaschinen" * 300,
    "within 5 km of " * 300,
    "🛴" * 2_000,
    "<script>alert(1)</script>",
    "'; DROP TABLE intents; --",
    "ﷺ" * 2_000,
    "e\u0301" * 2_000,
    "http://" + "a" * 3_000,
    "-" * 2_000,
    "9" * 2_000,
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_is_read_within_bounds(read, text: str) -> None:
    begun = time.perf_counter()
    check(text, read(text))
    assert time.perf_counter() - begun < 1.0


def check(text: str, found: Understanding) -> None:
    assert len(found.categories) <= MOST
    assert len(found.places) <= 5
    assert len({one.node_id for one in found.categories}) == len(found.categories)
    assert all(0 <= figure <= 1 for figure in found.confidence.values())
    assert all(0 < one.confidence <= 1 or one.confidence == 0 for one in found.categories)
    for span in (*found.places, *found.not_understood):
        assert 0 <= span.start < span.end <= min(len(text), MOST_CHARACTERS)
    assert found.needed_by is None or found.needed_by >= TODAY.date()
    assert found.quantity is None or 2 <= found.quantity <= 9_999
    assert found.radius_km is None or 0 < found.radius_km <= 2_000


WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "want need a the used Toyota Yaris car bike piano lessons repair rent in near from to Leeds Paris Köln à "
        "en bei under £12k 300 € max 2 six $150-200 by June KW 12 Freitag gesucht cherche busco , . ! ? within 20 "
        "miles new asap",
    )
)


@settings(deadline=None, max_examples=150)
@given(
    st.text() | st.lists(WORDS, max_size=40).map(" ".join), st.sampled_from([None, "de", "xx", "en-GB", "", "-", "中"])
)
def test_no_text_makes_it_raise(text: str, locale: str | None) -> None:
    found = understand(text, trees=TREES, lexicon=lexicon(), locale=locale, home_region_id=region_id("gb"), now=TODAY)
    check(text, found)


def test_a_home_that_is_no_country_and_a_far_day_do_no_harm() -> None:
    for year in (1, 9999):
        now = datetime(year, 12, 31, tzinfo=UTC)
        understand("by Friday in 12 months", trees=TREES, lexicon=Lexicon(), home_region_id=region_id("world"), now=now)
        understand("by Friday", trees=TREES, lexicon=Lexicon(), home_region_id=None, now=now)


def test_other_peoples_naughty_strings_are_read_without_a_word(read) -> None:
    corpora = os.environ.get("VRM_CORPORA")
    if not corpora:
        pytest.skip("VRM_CORPORA does not say where other people's files are.")
    strings = json.loads((Path(corpora) / "strings" / "naughty.json").read_text(encoding="utf-8"))
    assert len(strings) > 400
    for text in strings:
        found = read(text)
        assert all(span.text == text[span.start : span.end] for span in found.not_understood)
        assert len(found.categories) <= MOST


@pytest.mark.parametrize(
    ("text", "home", "budget"),
    [
        ("a house, 350k-420k", "us", (35_000_000, 42_000_000, "USD")),
        ("bed, R4000", "za", (None, 400_000, "ZAR")),
        ("alquilo departamento, hasta 400 mil pesos por mes", "ar", (None, 40_000_000, "ARS")),
        ("moto usada, hasta 6 millones de pesos", "co", (None, 600_000_000, "COP")),
        ("a bike, budget 1.2 lakh", "in", (None, 12_000_000, "INR")),
        ("a room, up to 800 a month", "ie", (None, 80_000, "EUR")),
        ("a snowblower, 400 to 600", "ca", (40_000, 60_000, "CAD")),
        ("tyres 205/55 R16", "de", None),
        ("a 5k-10k run coach, weekly", "gb", None),
        ("size 38 to 40", "gb", None),
    ],
)
def test_money_as_it_is_said_elsewhere(read, text: str, home: str, budget: tuple[int | None, int, str] | None) -> None:
    found = read(text, home).budget
    assert (found and (found.min_minor, found.max_minor, found.currency)) == budget


@pytest.mark.parametrize(
    ("text", "home", "slug"),
    [
        ("need a campervan for 3 weeks in July", "gb", "campervan-rental"),
        ("someone to look after two rabbits", "gb", "pet-sitter"),
        ("fence panel needs replacing", "gb", "fencing-contractor"),
        ("three piece suite in cream or brown", "gb", "sofas"),
        ("Golf 7 Variant, Diesel", "de", "cars-trucks-vans"),
        ("man with a van to shift a sofa", "gb", "removals-logistics"),
        ("Arriendo departamento", "cl", "home-to-rent"),
        ("pressure washer rental, Tucson", "us", "tool-rental"),
    ],
)
def test_what_is_done_with_a_thing_says_which_service(read, judge: Judge, text: str, home: str, slug: str) -> None:
    assert judge.trees.categories.node(read(text, home).categories[0].node_id).slug == slug
