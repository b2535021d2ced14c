"""From an entry of a blog to a draft, or to the reason why it is none."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intents_trees import TREES, category_id, region_id

from intents.draft import Budget, Condition, IntentDraft
from intents.feed import FeedEntry
from intents.feed_formats import understand
from intents.parse import NotAWant, Reading, parse_entry

FEEDS = Path(__file__).parent / "feeds"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def parse(
    title: str = "",
    text: str = "",
    *tags: str,
    home_region: str | None = "gb",
    home_category: str | None = None,
    language: str | None = None,
) -> IntentDraft | NotAWant:
    entry = FeedEntry(
        key="k",
        url="https://blog.example/1",
        title=title,
        text=text,
        tags=tags,
        author="Ana",
        published_at=NOW,
        updated_at=None,
        language=language,
    )
    reading = Reading(
        TREES,
        NOW,
        region_id(home_region) if home_region else None,
        category_id(home_category) if home_category else None,
    )
    return parse_entry(entry, reading)


def draft(
    title: str = "", text: str = "", *tags: str, home_region: str | None = "gb", home_category: str | None = None
) -> IntentDraft:
    parsed = parse(title, text, *tags, home_region=home_region, home_category=home_category)
    assert isinstance(parsed, IntentDraft), parsed
    return parsed


def category_of(parsed: IntentDraft) -> str | None:
    return None if parsed.category_id is None else TREES.categories.node(parsed.category_id).slug


def region_of(parsed: IntentDraft) -> str | None:
    return None if parsed.region_id is None else TREES.regions.node(parsed.region_id).slug


# --- The whole of it ------------------------------------------------------------------------------


def test_the_yaris_of_2008_is_understood() -> None:
    feed = understand(
        (FEEDS / "blogger.atom").read_bytes(),
        content_type="application/atom+xml",
        url="https://wishes.blogspot.example/feeds/posts/default",
        fetched_at=NOW,
    )
    yaris, rain = (parse_entry(entry, Reading(TREES, NOW)) for entry in feed.entries)
    assert yaris == IntentDraft(
        title="Toyota Yaris",
        body="A used car near Leeds, under £12k, by June.\n\nFive doors & not red.\nNo vans.",
        category_id=category_id("cars"),
        region_id=region_id("gb-lds"),
        budget=Budget(None, 12_000_00, "GBP"),
        condition=Condition.USED,
        needed_by=date(2027, 6, 1),
    )
    assert isinstance(rain, NotAWant)


def test_an_untitled_post_is_read_from_its_first_sentence_that_wants() -> None:
    parsed = draft("", "Good morning! I'm looking for a used bicycle in #Leeds, £120 max. #WantToBuy #Leeds", "leeds")
    assert (parsed.title, category_of(parsed), region_of(parsed)) == (
        "Used bicycle in Leeds, £120 max",
        "bicycles",
        "gb-lds",
    )
    assert parsed.budget == Budget(None, 120_00, "GBP")


def test_the_body_is_the_text_and_nothing_else() -> None:
    assert draft("Wanted: a bike", "One line.\n\nAnother.").body == "One line.\n\nAnother."


def test_the_language_of_the_feed_is_kept() -> None:
    parsed = parse("Suche Fahrrad", language="de-AT")
    assert isinstance(parsed, IntentDraft)
    assert parsed.language == "de-AT"


# --- What is a want -------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["intent", "Intent", "#VRM", "wanttobuy", "Want to Buy", "want-to-buy"])
def test_a_tag_makes_a_want(tag: str) -> None:
    assert draft("Toyota Yaris", "", tag).title == "Toyota Yaris"


@pytest.mark.parametrize(("title", "text"), [("Toyota Yaris #intent", ""), ("Toyota Yaris", "Soon. #WantToBuy")])
def test_a_hashtag_makes_a_want(title: str, text: str) -> None:
    assert draft(title, text).title == "Toyota Yaris"


@pytest.mark.parametrize(
    ("title", "tags", "reason"),
    [
        ("Rain again", (), "no-sign"),
        ("Rain again", ("weather", "intention"), "no-sign"),
        ("I want to thank everybody", (), "no-sign"),
        ("For sale: my bike", ("wanttobuy",), "offer"),
        ("Looking for a plumber?", (), "question"),
        ("#intent", (), "empty"),
        ("", ("intent",), "empty"),
        ("…", ("intent",), "empty"),
    ],
)
def test_what_is_no_want_says_why(title: str, tags: tuple[str, ...], reason: str) -> None:
    parsed = parse(title, "", *tags)
    assert isinstance(parsed, NotAWant)
    assert parsed.reason_code == reason
    assert parsed.sentence.endswith(".")


def test_a_question_of_somebody_who_wants_is_a_want() -> None:
    assert draft("I'm looking for a plumber, any ideas?").title == "Plumber, any ideas"


@pytest.mark.parametrize(
    ("headline", "title"),
    [
        ("I want a Toyota Yaris!", "Toyota Yaris"),
        ("wtb: iPhone 13", "iPhone 13"),
        ("looking for: garden shed…", "Garden shed…"),
        ("I want a #Yaris in blue #intent #cars", "Yaris in blue"),
        ("Ich möchte einen Staubsauger kaufen.", "Staubsauger"),
    ],
)
def test_the_title_drops_the_lead_in(headline: str, title: str) -> None:
    assert draft(headline).title.rstrip("…") == title.rstrip("…")


# --- Category -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "text", "tags", "expected"),
    [
        ("Wanted: a car", "", (), "cars"),
        ("I want a Toyota Yaris", "It is a car.", (), "cars"),
        ("I want a Toyota Yaris", "A second-hand hatchback near Leeds.", (), "cars"),
        ("I want a Toyota Yaris", "", ("cars",), "cars"),
        ("I want a Toyota Yaris", "", ("vehicles", "cars"), "cars"),
        ("Wanted: a cello teacher", "", (), "cello-teacher"),
        ("Wanted: a plumber for my bath", "", (), "plumber"),
        ("Wanted: a bicycle 56 cm", "", (), "bicycles"),
        ("Wanted: a cello case", "", (), None),
        ("I want a Toyota Yaris", "I have a dog and a bike.", (), None),
        ("I want a Toyota Yaris", "Evenings, in Bath.", (), None),
        ("I want a Toyota Yaris", "", ("cars", "bicycles"), None),
        ("I want something nice", "", (), None),
    ],
)
def test_a_category_is_what_is_surely_wanted(
    title: str, text: str, tags: tuple[str, ...], expected: str | None
) -> None:
    parsed = parse(title, text, *tags)
    if isinstance(parsed, NotAWant):
        assert expected is None
    else:
        assert category_of(parsed) == expected


def test_a_blogs_home_category_stands_in_for_what_is_not_said() -> None:
    assert category_of(draft("I want a Toyota Yaris", home_category="vehicles")) == "vehicles"
    assert category_of(draft("I want a bike", home_category="vehicles")) == "bicycles"


# --- Region ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "text", "home", "expected"),
    [
        ("Wanted: a car near Leeds", "", "gb", "gb-lds"),
        ("Wanted: a car, Leeds", "", "gb", "gb-lds"),
        ("Wanted: a car in Leeds, UK", "", None, "gb-lds"),
        ("Wanted: a car", "delivered to Oxford", "gb", "gb-oxford"),
        ("Wanted: a car", "My cousin from Oxford has one.", "gb", "gb"),
        ("Wanted: a plumber in Newcastle", "", "gb", "gb-newcastle"),
        ("Wanted: a plumber in Newcastle", "", "gb-leeds", "gb-newcastle"),
        ("Wanted: a plumber in Newcastle", "", "au", "au-newcastle"),
        ("Wanted: a plumber in Newcastle", "", None, None),
        ("Wanted: a plumber in Richmond", "", "gb", None),
        ("Wanted: a plumber in Paris", "", "gb", "fr-paris"),
        ("Wanted: a plumber in Paris", "", "us", "us-paris"),
        ("Removal from Oxford to Swindon #intent", "", "gb", None),
        ("Wanted: a reading lamp", "", "gb", "gb"),
        ("Wanted: a lamp in Reading", "", "gb", "gb-reading"),
        ("Wanted: a lamp", "", None, None),
    ],
)
def test_a_region_is_what_is_surely_meant(title: str, text: str, home: str | None, expected: str | None) -> None:
    assert region_of(draft(title, text, home_region=home)) == expected


@pytest.mark.parametrize(
    ("title", "text", "home", "expected"),
    [
        ("Wanted: a car within 30 km of Leeds", "", "gb", ("gb-lds", 30)),
        ("Wanted: a car near Leeds", "Within 20 miles, please.", "gb", ("gb-lds", 32.2)),
        ("Suche ein Auto, Umkreis 50 km um Oxford", "", "gb", ("gb-oxford", 50)),
        ("Wanted: a plumber within 10 km", "", "gb-oxford", ("gb-oxford", 10)),
        ("Wanted: a car with less than 30 km in Leeds", "", "gb", ("gb-lds", None)),
        ("Wanted: a car within 900 km of Leeds", "", "gb", ("gb-lds", None)),
        ("Wanted: a car within 30 km", "", "gb", ("gb", None)),  # A country has no one middle.
    ],
)
def test_how_far_around_is_what_is_said(title: str, text: str, home: str, expected: tuple[str, float | None]) -> None:
    found = draft(title, text, home_region=home)
    assert (region_of(found), found.near.radius_km if found.near is not None else None) == expected


def test_a_tag_may_name_the_region() -> None:
    assert region_of(draft("Wanted: a lamp", "", "Oxford")) == "gb-oxford"


# --- Money and the rest ---------------------------------------------------------------------------


def test_a_bare_budget_is_in_the_money_of_the_place() -> None:
    assert draft("Wanted: a bike", "Budget 500.", home_region="fr").budget == Budget(None, 500_00, "EUR")
    assert draft("Wanted: a bike in Paris", "Budget 500.").budget == Budget(None, 500_00, "EUR")
    assert draft("Wanted: a bike", "Budget 500.", home_region=None).budget is None


def test_what_was_once_paid_is_no_budget() -> None:
    assert draft("Wanted: a bike", "I paid £300 for the last one.").budget is None


TEXT = st.text(alphabet=st.characters(codec="utf-8")) | st.lists(
    st.sampled_from(
        ["I want ", "a ", "car ", "#intent ", "#", "£", "12k", "Leeds", "in ", "under ", ".", "\n", "?", "by "]
    )
).map("".join)


@given(TEXT, TEXT, st.lists(TEXT, max_size=3))
def test_no_entry_makes_parsing_raise(title: str, text: str, tags: list[str]) -> None:
    parsed = parse(title, text, *tags)
    if isinstance(parsed, IntentDraft):
        assert 0 < len(parsed.title) <= 200
        assert parsed.title == parsed.title.strip()
        assert parsed.body == text
