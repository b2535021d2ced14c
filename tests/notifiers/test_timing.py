"""Quiet hours, open hours, holidays and digests, on days that have 23, 24 or 25 hours."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.models import Mode
from notifiers.timing import (
    ALL_DAY,
    Office,
    Span,
    Timing,
    check_office,
    check_timing,
    digest_at,
    free_at,
    is_holiday,
    moment_of,
    read_minutes,
    read_open,
    read_quiet,
    steps_in_at,
    write_open,
)
from vrm.kernel.errors import BadInput

LONDON = ZoneInfo("Europe/London")
WORKDAYS = (*([((9 * 60, 17 * 60 + 30),)] * 5), (), ())
ZONES = ["UTC", "Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham"]
moments = st.integers(0, 2 * 365 * 86_400).map(
    lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)
minutes = st.integers(0, 1439)


is_holiday("GB-ENG", date(2026, 1, 1))  # Reads them in, which takes longer than one example may.


def london(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold).astimezone(UTC)


def offices() -> st.SearchStrategy[Office]:
    span = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[0] < span[1])
    day = st.sampled_from([(), ALL_DAY]) | span.map(lambda span: (span,))
    week = st.lists(day, min_size=7, max_size=7).map(tuple).filter(any)
    return st.builds(Office, st.sampled_from(ZONES), week, st.sampled_from(["", "GB-ENG"]))


def timings() -> st.SearchStrategy[Timing]:
    quiet = st.none() | st.tuples(minutes, minutes).filter(lambda span: span[0] != span[1])
    return st.builds(Timing, st.sampled_from(list(Mode)), st.integers(0, 23), st.integers(0, 6), quiet, st.booleans())


def is_quiet(quiet: Span | None, minute: int) -> bool:
    if quiet is None:
        return False
    start, end = quiet
    return start <= minute < end if start < end else minute >= start or minute < end


@given(timings(), offices(), moments)
def test_what_is_free_is_neither_quiet_nor_closed_and_never_in_the_past(
    timing: Timing, office: Office, now: datetime
) -> None:
    found = free_at(timing, office, now)
    assert found >= now
    assert free_at(timing, office, found) == found
    if found > now:
        local = found.astimezone(ZoneInfo(office.zone))
        minute = local.hour * 60 + local.minute
        assert not is_quiet(timing.quiet, minute)
        if timing.office_only:
            assert any(start <= minute < end for start, end in office.spans(local.date()))


@given(st.sampled_from(ZONES), st.integers(0, 23), moments)
def test_a_daily_digest_comes_once_on_every_day_of_the_year(zone: str, hour: int, now: datetime) -> None:
    timing, office = Timing(Mode.DAILY, hour), Office(zone)
    days = []
    for _ in range(5):
        now = digest_at(timing, office, now)
        days.append(now.astimezone(ZoneInfo(zone)).date())
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


@given(st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 6), moments)
def test_a_weekly_digest_comes_on_its_day(zone: str, hour: int, day: int, now: datetime) -> None:
    found = digest_at(Timing(Mode.WEEKLY, hour, day), Office(zone), now)
    assert now < found <= now + timedelta(days=7, hours=2)
    assert found.astimezone(ZoneInfo(zone)).weekday() == day


@given(st.sampled_from(ZONES), moments)
def test_an_hourly_digest_comes_at_the_full_hour(zone: str, now: datetime) -> None:
    found = digest_at(Timing(Mode.HOURLY), Office(zone), now)
    assert timedelta(0) < found - now <= timedelta(hours=1)
    local = found.astimezone(ZoneInfo(zone))
    if local.utcoffset() == now.astimezone(ZoneInfo(zone)).utcoffset():
        assert (local.minute, local.second, local.microsecond) == (0, 0, 0)


@given(st.sampled_from(ZONES), st.dates(date(2026, 1, 1), date(2027, 12, 31)), minutes, minutes)
def test_moments_of_a_day_stand_in_the_order_of_the_clock(zone: str, day: date, one: int, other: int) -> None:
    first, last = sorted((one, other))
    for later in (False, True):
        there = ZoneInfo(zone)
        assert moment_of(day, first, there, later=later) <= moment_of(day, last, there, later=later)


def test_an_hour_that_is_jumped_over_is_the_instant_of_the_jump() -> None:
    assert moment_of(date(2026, 3, 29), 90, LONDON, later=False) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    daily = Timing(Mode.DAILY, 1)
    assert digest_at(daily, Office("Europe/London"), london("2026-03-28T12:00")) == london("2026-03-29T02:00")


def test_an_hour_that_comes_twice_brings_one_digest_and_ends_the_quiet_the_second_time() -> None:
    office, night = Office("Europe/London"), london("2026-10-25T00:30")
    first = digest_at(Timing(Mode.DAILY, 1), office, night)
    assert first == london("2026-10-25T01:00")
    assert digest_at(Timing(Mode.DAILY, 1), office, first) == london("2026-10-26T01:00")
    quiet = Timing(quiet=(22 * 60, 90))
    assert free_at(quiet, office, night) == london("2026-10-25T01:30", fold=1)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-20T10:00", "2026-11-20T10:00"),  # A Friday.
        ("2026-11-20T17:30", "2026-11-23T09:00"),
        ("2026-12-24T18:00", "2026-12-29T09:00"),  # Christmas, a weekend, and the day that is given for Boxing Day.
    ],
)
def test_outside_of_open_hours_it_waits_for_the_next_working_day(now: str, then: str) -> None:
    office = Office("Europe/London", WORKDAYS, "GB-ENG")
    assert free_at(Timing(office_only=True), office, london(now)) == london(then)


def test_quiet_hours_may_cross_midnight() -> None:
    timing, office = Timing(quiet=(22 * 60, 7 * 60)), Office("Europe/London")
    assert free_at(timing, office, london("2026-11-20T23:10")) == london("2026-11-21T07:00")
    assert free_at(timing, office, london("2026-11-20T21:59")) == london("2026-11-20T21:59")


def test_a_digest_that_falls_into_the_quiet_waits_for_its_end() -> None:
    timing = Timing(Mode.DAILY, 6, quiet=(22 * 60, 7 * 60))
    assert digest_at(timing, Office("Europe/London"), london("2026-11-20T12:00")) == london("2026-11-21T07:00")


def test_who_stands_in_does_so_after_the_others_were_told_or_at_once_when_there_are_none() -> None:
    half, noon = timedelta(minutes=30), datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert steps_in_at(half, noon, None) == noon + half
    assert steps_in_at(half, None, noon) == noon + half
    assert steps_in_at(half, None, None) is None


# --- What is typed --------------------------------------------------------------------------------


def test_open_hours_are_read_and_written() -> None:
    assert read_open("9:00-12.30 , 13:30 – 18:00", "monday") == ((540, 750), (810, 1080))
    assert write_open(((540, 750), (810, 1440))) == "09:00–12:30, 13:30–24:00"
    assert read_open(" ", "monday") == ()
    assert read_quiet("", "") is None
    assert read_quiet("22:00", "07:00") == (1320, 420)


@pytest.mark.parametrize("bad", ["25:00", "9", "9:60", "24:01", "noon", "-1:00", "٩:٠٠"])
def test_a_time_that_is_none_is_a_sentence(bad: str) -> None:
    with pytest.raises(BadInput, match="such as 09:00"):
        read_minutes(bad, "quiet_from")


@pytest.mark.parametrize(
    "bad", ["9:00", "17:00-9:00", "9:00-12:00, 11:00-13:00", "9:00-25:00", "a-b", "1:00-2:00," * 6, ",", "9:00-10:00,"]
)
def test_open_hours_that_do_not_hold_are_a_sentence(bad: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_open(bad, "monday")
    assert list(refused.value.problems) == ["monday"]


@given(st.text(max_size=20))
def test_whatever_is_typed_is_open_hours_or_a_sentence(typed: str) -> None:
    try:
        spans = read_open(typed, "monday")
    except BadInput:
        return
    assert all(0 <= start < end <= 1440 for start, end in spans)


def test_what_cannot_be_is_refused_field_by_field() -> None:
    with pytest.raises(BadInput) as refused:
        check_timing(Timing(Mode.DAILY, 25, 7, (60, 60), backup_after=timedelta(seconds=3)))
    assert set(refused.value.problems) == {"hour", "day", "quiet_until", "backup_after_minutes", "mode"}
    with pytest.raises(BadInput, match="both a beginning and an end"):
        read_quiet("22:00", "")
    for office in (Office(open=((),) * 7), Office(holidays="XX"), Office(holidays="GB-XX")):
        with pytest.raises(BadInput):
            check_office(office)
    assert check_office(Office(holidays="DE-BY"))
