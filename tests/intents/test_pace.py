"""How long a feed is left alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents import pace
from intents.feed import FeedEntry

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def posts(*ages: timedelta, replaced: bool = False) -> list[FeedEntry]:
    return [
        FeedEntry(
            key=str(age),
            url="",
            title="",
            text="",
            tags=(),
            author="",
            published_at=NOW - age,
            updated_at=None,
            language=None,
            date_replaced=replaced,
        )
        for age in ages
    ]


@pytest.mark.parametrize(
    ("ages", "wait"),
    [
        ([], pace.EVERY),
        ([DAY], pace.EVERY),
        ([HOUR * n for n in range(12)], pace.EVERY),
        ([DAY * n for n in range(5)], 3 * HOUR),
        ([7 * DAY * n for n in range(5)], pace.SLOWEST),
        ([300 * DAY, 300 * DAY + HOUR], pace.SLOWEST),
    ],
)
def test_a_blog_is_read_as_often_as_it_is_written(ages: list[timedelta], wait: timedelta) -> None:
    assert pace.rhythm(posts(*ages), NOW) == wait


def test_dates_that_nobody_wrote_tell_no_rhythm() -> None:
    assert pace.rhythm(posts(0 * DAY, 5 * DAY, replaced=True), NOW) == pace.EVERY


def test_each_look_in_vain_makes_the_next_one_later_up_to_a_limit() -> None:
    waits = [pace.EVERY]
    for _ in range(30):
        waits.append(pace.tired(waits[-1]))
    assert waits == sorted(waits)
    assert (waits[1], waits[-1]) == (timedelta(minutes=18), pace.SLOWEST)


@given(st.lists(st.timedeltas(timedelta(days=-2), timedelta(days=400)), max_size=20))
def test_no_rhythm_leaves_its_bounds(ages: list[timedelta]) -> None:
    assert pace.EVERY <= pace.rhythm(posts(*ages), NOW) <= pace.SLOWEST
