"""The schedule, and when a channel is given up."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.channels import Outcome
from notifiers.decide import SCHEDULE, Health, decide, wait
from notifiers.models import Result, Verdict
from vendors.models import Undelivered

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = Outcome(Verdict.TRANSIENT, Undelivered.REFUSED, 500, "oops")
NEVER = Outcome(Verdict.PERMANENT, Undelivered.REFUSED, 554, "no")


def test_success_ends_it_and_heals_the_channel() -> None:
    then = decide(Outcome(Verdict.DELIVERED), 3, Health(7, NOW - timedelta(days=9)), NOW, 1.0)
    assert (then.result, then.due_at, then.health, then.switch_off) == (Result.DELIVERED, None, Health(), None)


def test_the_waits_are_those_that_are_promised() -> None:
    waits = [wait(tries, None, 1.0) for tries in range(1, 10)]
    assert [span.total_seconds() for span in waits] == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


def test_after_the_tenth_attempt_it_has_failed() -> None:
    assert decide(LATER, 9, Health(), NOW, 1.0).result is None
    assert decide(LATER, 10, Health(), NOW, 1.0).result is Result.FAILED


def test_a_permanent_failure_is_not_tried_again_but_leaves_the_channel_on() -> None:
    then = decide(NEVER, 1, Health(), NOW, 1.0)
    assert (then.result, then.switch_off, then.health.failures) == (Result.FAILED, None, 1)


def test_what_is_gone_switches_the_channel_off_with_the_other_sides_words() -> None:
    then = decide(
        Outcome(Verdict.PERMANENT, Undelivered.BOUNCED, 550, "no such user", gone=True), 1, Health(), NOW, 1.0
    )
    assert then.switch_off is not None
    assert "550" in then.switch_off
    assert "no such user" in then.switch_off


def test_a_test_is_tried_once() -> None:
    assert decide(LATER, 1, Health(), NOW, 1.0, retries=False).result is Result.FAILED


@pytest.mark.parametrize(
    ("failures", "hours", "off"), [(9, 120, True), (9, 119, False), (8, 200, False), (30, 121, True)]
)
def test_only_ten_failures_in_five_days_without_a_success_switch_it_off(failures: int, hours: int, off: bool) -> None:
    health = Health(failures, NOW - timedelta(hours=hours))
    assert (decide(LATER, 2, health, NOW, 1.0).switch_off is not None) is off


def test_our_own_failures_are_not_held_against_a_channel() -> None:
    ours = Outcome(Verdict.TRANSIENT, Undelivered.UNREACHABLE, ours=True)
    health = Health(30, NOW - timedelta(days=30))
    then = decide(ours, 2, health, NOW, 1.0)
    assert (then.health, then.switch_off, then.result) == (health, None, None)


@given(
    tries=st.integers(1, 9),
    asked=st.none() | st.floats(0, 10**9),
    jitter=st.floats(0.8, 1.2),
)
def test_every_wait_is_near_its_step(tries: int, asked: float | None, jitter: float) -> None:
    step = SCHEDULE[tries]
    span = wait(tries, asked, jitter)
    if asked is None:
        assert 0.8 * step <= span <= 1.2 * step
    else:
        assert step <= span <= 2 * step
