"""Days as people write them in four languages, seen from Saturday, 21 November 2026."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.days import find_day
from intents.feasts import FEASTS

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bis Freitag", date(2026, 11, 27)),
        ("by saturday", date(2026, 11, 28)),
        ("pour vendredi", date(2026, 11, 27)),
        ("para el viernes", date(2026, 11, 27)),
        ("next thursday", date(2026, 11, 26)),
        ("tomorrow", date(2026, 11, 22)),
        ("übermorgen", date(2026, 11, 23)),
        ("mañana", date(2026, 11, 22)),
        ("today", TODAY),
        ("this weekend", TODAY),
        ("next weekend", date(2026, 11, 28)),
        ("nächste Woche", date(2026, 11, 23)),
        ("la semana que viene", date(2026, 11, 23)),
        ("end of next week", date(2026, 11, 27)),
        ("end of month", date(2026, 11, 30)),
        ("avant la fin du mois", date(2026, 11, 30)),
        ("antes de fin de mes", date(2026, 11, 30)),
        ("bis Monatsende", date(2026, 11, 30)),
        ("next month", date(2026, 12, 1)),
        ("end of the year", date(2026, 12, 31)),
        ("in two weeks", date(2026, 12, 5)),
        ("within 10 days", date(2026, 12, 1)),
        ("in drei Monaten", date(2027, 2, 21)),
        ("sous 10 jours", date(2026, 12, 1)),
        ("KW 12", date(2027, 3, 22)),
        ("week 50 2026", date(2026, 12, 7)),
        ("Black Friday", date(2026, 11, 27)),
        ("before Christmas", date(2026, 12, 25)),
        ("an Ostern", date(2027, 3, 28)),
        ("antes de Navidad", date(2026, 12, 25)),
        ("new year's eve", date(2026, 12, 31)),
        ("3-10 April", date(2027, 4, 3)),
        ("vom 10. bis 17. Juli", date(2027, 7, 10)),
        ("am 12.12.2026", date(2026, 12, 12)),
        ("on 26/06/2027", date(2027, 6, 26)),
        ("le 3 mai", date(2027, 5, 3)),
        ("el 8 de mayo", date(2027, 5, 8)),
        ("in May", date(2027, 5, 1)),
        ("mid December", date(2026, 12, 15)),
        ("finales de enero", date(2027, 1, 31)),
        ("July 4", date(2027, 7, 4)),
    ],
)
def test_a_day_is_read(text: str, expected: date) -> None:
    found = find_day(f"something {text}, please", TODAY)
    assert found is not None
    assert found.value == expected


@pytest.mark.parametrize(
    "text",
    [
        "asap",
        "56 size",
        "205/55 R16",
        "a 4/4 violin",
        "27.5 inch",
        "every saturday",
        "los sábados",
        "may I ask",
        "sat nav",
        "a 2015 model",
        "in 1999",
        "KW 99",
        "on 31/02/2027",
        "12 speed",
        "the second hand",
    ],
)
def test_what_is_no_day_is_not_read(text: str) -> None:
    assert find_day(text, TODAY) is None


def test_in_the_united_states_the_month_comes_first() -> None:
    found = find_day("by 3/4/2027", TODAY, month_first=True)
    assert found is not None
    assert found.value == date(2027, 3, 4)


def test_led_a_day_in_passing_does_not_count() -> None:
    assert find_day("We met on Friday.", TODAY, led=True) is None
    found = find_day("I need it by Friday.", TODAY, led=True)
    assert found is not None
    assert found.value == date(2026, 11, 27)


@pytest.mark.parametrize(
    ("year", "easter"), [(2026, date(2026, 4, 5)), (2027, date(2027, 3, 28)), (2038, date(2038, 4, 25))]
)
def test_easter(year: int, easter: date) -> None:
    assert next(find for names, find in FEASTS if "easter" in names)(year) == easter


@given(st.text() | st.text(alphabet="0123456789./- bisKWnextdayoftJuneMay\n"), st.dates())
def test_no_text_on_no_day_makes_it_raise(text: str, today: date) -> None:
    for led in (False, True):
        found = find_day(text, today, led=led)
        assert found is None or (found.value >= today and 0 <= found.start < found.end <= len(text))


@given(st.dates(date(2000, 1, 1), date(2900, 1, 1)))
def test_every_way_gives_a_day_that_has_not_passed(today: date) -> None:
    for text in (
        "by Friday",
        "next weekend",
        "end of next month",
        "in 12 months",
        "KW 53",
        "by Christmas",
        "29 February",
    ):
        found = find_day(text, today)
        assert found is None or found.value >= today
