"""The pieces of a want in free text: amounts, dates, condition, hashtags, lead-ins."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.amounts import find_budget
from intents.draft import Budget, Condition
from intents.phrases import find_condition, find_hashtags, find_lead_in, find_needed_by, is_offer, without_article

TODAY = date(2026, 11, 21)


def budget(text: str, *, home: str | None = "GBP", bare: bool = True) -> tuple[int | None, int | None, str] | None:
    found = find_budget(text, home_currency=home, bare=bare)
    return None if found is None else (found.value.min_minor, found.value.max_minor, found.value.currency)


# --- Budgets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("under £12k", (None, 12_000_00, "GBP")),
        ("$150–200", (150_00, 200_00, "USD")),
        ("up to 12,000 EUR", (None, 12_000_00, "EUR")),
        ("budget 2.5k", (None, 2_500_00, "GBP")),
        ("budget is under 12000", (None, 12_000_00, "GBP")),
        ("$120 max", (None, 120_00, "USD")),
        ("CA$1,000 tops", (None, 1_000_00, "CAD")),
        ("between £400 and £500", (400_00, 500_00, "GBP")),
        ("10-12k EUR", (10_000_00, 12_000_00, "EUR")),
        ("$1-2k", (1_000_00, 2_000_00, "USD")),
        ("200 EUR - 300 EUR", (200_00, 300_00, "EUR")),
        ("over £500 but under £800", (500_00, 800_00, "GBP")),
        ("from £400", (400_00, None, "GBP")),
        ("£400+", (400_00, None, "GBP")),
        ("£99.99 or less", (None, 99_99, "GBP")),
        ("a £500 bike", (None, 500_00, "GBP")),
        ("Yaris 2010 for £4500", (None, 4_500_00, "GBP")),
        ("bis zu 1.500 EUR", (None, 1_500_00, "EUR")),
        ("moins de 12 000 €", (None, 12_000_00, "EUR")),
        ("hasta 1.500 €", (None, 1_500_00, "EUR")),
        ("12'000 CHF", (None, 12_000_00, "CHF")),
        ("₹1,50,000", (None, 150_000_00, "INR")),
        ("max ¥30000", (None, 30_000, "JPY")),
        ("£1.2m", (None, 1_200_000_00, "GBP")),
        ("I paid £300 but up to £12,000 now", (None, 12_000_00, "GBP")),
    ],
)
def test_a_budget_is_read_as_people_write_it(text: str, expected: tuple[int | None, int | None, str]) -> None:
    assert budget(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "budget of -5",
        "£-5",
        "-£5",
        "£0",
        "max 60,000 miles",
        "56 size",
        "budget: 5 star hotel",
        "£50 per month",
        "£20/hour",
        "$15 an hour max",
        "under 12 months",
        "500 kr",  # Of three countries, and the reader lives in none of them.
        "1.500 KWD",  # Three decimals: 1,500 or one and a half.
        "£2.500k",
        "£12kg",
        "between £500 and £400 or £300",
        "tel. 0113 496 0000",
        "ALL 500",
        "£1,2345",
    ],
)
def test_what_is_no_budget_or_not_clear_is_none(text: str) -> None:
    assert budget(text) is None


def test_a_lone_amount_in_a_text_is_no_budget_unless_words_say_so() -> None:
    assert budget("I paid £500 for the last one.", bare=False) is None
    assert budget("I can spend £500.", bare=False) == (None, 500_00, "GBP")


def test_a_dollar_is_that_of_the_reader_and_else_of_the_united_states() -> None:
    assert budget("$500", home="AUD") == (None, 500_00, "AUD")
    assert budget("$500", home="GBP") == (None, 500_00, "USD")
    assert budget("500 kr", home="SEK") == (None, 500_00, "SEK")


def test_a_bare_number_needs_a_home_currency() -> None:
    assert budget("budget 500", home=None) is None


def test_a_found_budget_says_where_it_stands() -> None:
    text = "a bike for £150–200, please"
    found = find_budget(text)
    assert found is not None
    assert text[found.start : found.end] == "£150–200"


AMOUNTS = st.integers(1, 999_999_99).map(lambda minor: Decimal(minor) / 100)
WHOLE = st.integers(1, 999_999_999)


@given(AMOUNTS, st.sampled_from(["under £{}", "£{} max", "up to {} GBP", "GBP {}", "budget: {}", "for about £{}"]))
def test_an_amount_as_english_writes_it_comes_back(amount: Decimal, phrase: str) -> None:
    for written in (f"{amount:,.2f}", f"{amount:.2f}"):
        assert budget(phrase.format(written)) == (None, int(amount * 100), "GBP")


@given(AMOUNTS, st.sampled_from(["bis {} €", "{} EUR maximal", "moins de {} €", "hasta {} euros"]))
def test_an_amount_as_the_continent_writes_it_comes_back(amount: Decimal, phrase: str) -> None:
    point = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    space = f"{amount:,.2f}".translate(str.maketrans(",.", "\u202f,"))
    for written in (point, space, f"{amount:.2f}".replace(".", ",")):
        assert budget(phrase.format(written)) == (None, int(amount * 100), "EUR")


@given(WHOLE, WHOLE, st.sampled_from(["£{}-{}", "£{} – £{}", "{} to {} GBP", "between {} and {} GBP"]))
def test_a_range_comes_back_when_it_rises(low: int, high: int, phrase: str) -> None:
    found = budget(phrase.format(f"{low:,}", f"{high:,}"), bare=True)
    if low < high:
        assert found == (low * 100, high * 100, "GBP")
    else:
        assert found is None or found[0] is None or found[1] is None or found[0] < found[1]


@given(st.integers(1, 9_999), st.sampled_from("kK"))
def test_a_k_is_a_thousand(amount: int, sign: str) -> None:
    assert budget(f"under £{Decimal(amount) / 10}{sign}") == (None, amount * 100 * 100, "GBP")


@given(st.text() | st.text(alphabet="£$€-–0123456789,. kmKEURto/max underbget\n"))
def test_no_text_makes_a_finder_raise(text: str) -> None:
    found = find_budget(text, home_currency="GBP")
    if found is not None:
        assert isinstance(found.value, Budget)
        assert 0 <= found.start < found.end <= len(text)
        assert all(end is None or end > 0 for end in (found.value.min_minor, found.value.max_minor))
    find_needed_by(text, TODAY)
    find_condition(text)
    find_hashtags(text)
    find_lead_in(text)


def test_long_and_hostile_text_is_read_in_time() -> None:
    for text in ("£1" * 3_000, "1,111" * 1_500, "under " * 1_000, "by the " * 900, "#" * 6_000, "I really " * 700):
        find_budget(text, home_currency="GBP")
        find_needed_by(text, TODAY)
        find_condition(text)
        find_hashtags(text)
        find_lead_in(text)


# --- Dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("by June", date(2027, 6, 1)),
        ("by the end of June", date(2027, 6, 30)),
        ("by end of November", date(2026, 11, 30)),
        ("by 1 June 2027", date(2027, 6, 1)),
        ("before June 1st, 2027", date(2027, 6, 1)),
        ("by the 3rd of December", date(2026, 12, 3)),
        ("by 20 November", date(2027, 11, 20)),
        ("by 21 November", date(2026, 11, 21)),
        ("by 2027-06-01", date(2027, 6, 1)),
        ("no later than May 5", date(2027, 5, 5)),
        ("bis zum 1. Juni 2027", date(2027, 6, 1)),
        ("avant le 1er juin 2027", date(2027, 6, 1)),
        ("antes del 3 de enero de 2027", date(2027, 1, 3)),
        ("by 29 February 2028", date(2028, 2, 29)),
    ],
)
def test_an_obvious_date_is_read(text: str, expected: date) -> None:
    found = find_needed_by(f"I need it {text}, please", TODAY)
    assert found is not None
    assert found.value == expected


@pytest.mark.parametrize(
    "text",
    [
        "by November",  # It is November.
        "by 1 June 2020",
        "by 1 June 2090",
        "by 31 June",
        "by 29 February 2027",
        "by 2027-13-01",
        "a print by August Macke",
        "it was made by may flies",
        "by 1/6/2027",
        "by bus",
        "June 2027",
    ],
)
def test_what_is_no_date_or_not_clear_is_not_read(text: str) -> None:
    assert find_needed_by(text, TODAY) is None


# --- Condition, hashtags, lead-ins ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a used car", Condition.USED),
        ("Used Toyota Yaris", Condition.USED),
        ("second-hand is fine", Condition.USED),
        ("gebrauchtes Fahrrad", Condition.USED),
        ("un vélo d’occasion", Condition.USED),
        ("nearly new bike", Condition.USED),
        ("new or used", Condition.ANY),
        ("a brand new phone", Condition.NEW),
        ("I want a new phone", Condition.NEW),
        ("new only, please", Condition.NEW),
        ("I used to have one", None),
        ("it is used by my family", None),
        ("a flat in New York", None),
        ("I want a new home for my cat", None),
        ("what is new", None),
    ],
)
def test_condition(text: str, expected: Condition | None) -> None:
    found = find_condition(text)
    assert (found.value if found else None) == expected


def test_hashtags_are_found_and_parts_of_addresses_are_not() -> None:
    text = "#intent (#Leeds) https://a.example/#part &#8217; a#b #1 #été ＃車"
    assert [found.value for found in find_hashtags(text)] == ["intent", "Leeds", "été", "車"]


@pytest.mark.parametrize(
    ("headline", "thing"),
    [
        ("I want a Toyota Yaris", "a Toyota Yaris"),
        ("I’m looking for a plumber", "a plumber"),
        ("We are looking to hire a caterer", "a caterer"),
        ("Looking for: piano", "piano"),
        ("wanted: garden shed", "garden shed"),
        ("[WANTED] garden shed", "garden shed"),
        ("Want to buy a bike", "a bike"),
        ("WTB iPhone", "iPhone"),
        ("[WTB] iPhone", "iPhone"),
        ("ISO baby clothes", "baby clothes"),
        ("In search of a cello", "a cello"),
        ("I'd love to buy a boat", "a boat"),
        ("Ich suche ein Fahrrad", "ein Fahrrad"),
        ("Gesucht: Klavier", "Klavier"),
        ("Je cherche un vélo", "un vélo"),
        ("Busco un fontanero", "un fontanero"),
    ],
)
def test_a_lead_in_is_found_up_to_the_thing(headline: str, thing: str) -> None:
    found = find_lead_in(headline)
    assert found is not None
    assert headline[found.end :] == thing


@pytest.mark.parametrize(
    "headline",
    [
        "I want to thank everybody",
        "I want you to know",
        "I wanted a pony",
        "Why I want a Yaris",
        "Looking for love",
        "ISO 9001 explained",
        "ISO settings for the night",
        "I want",
        "Wanted dead or alive",
        "I don't want a car",
        "Wantage is a town",
        "",
    ],
)
def test_a_headline_that_is_no_want_has_no_lead_in(headline: str) -> None:
    assert find_lead_in(headline) is None


def test_whoever_sells_makes_an_offer() -> None:
    assert is_offer("For sale: my bike")
    assert is_offer("[WTS] my bike")
    assert not is_offer("Saleen S7 wanted")


def test_an_article_is_dropped_at_the_beginning_only() -> None:
    assert without_article("a table for the garden") == "table for the garden"
    assert without_article("einen Staubsauger kaufen") == "Staubsauger"
    assert without_article("the") == "the"
