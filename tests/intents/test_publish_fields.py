"""Every field of a want: what holds, and in which words it is told that it does not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opening import want

from intents import checking, publish
from intents.draft import Budget
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def problems(store: Store, now: datetime, **fields: Any) -> dict[str, str]:
    """What `check` says of a want that is right but for these fields."""
    with store.read() as session:
        try:
            checking.check(session, want(session, **fields), now)
        except BadInput as refused:
            return refused.problems
    return {}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", "", "The title is missing"),
        ("title", " \u200b ", "The title is missing"),
        ("title", "x" * 8_000, "The title has 8,000 characters; please use at most 200"),
        ("title", "\ud800", "cannot be shown"),
        ("title", "a\x00b", "cannot be shown"),
        ("title", "\u202eyaris", "cannot be shown"),
        ("body", "x" * 20_001, "The description has 20,001 characters; please use at most 20,000"),
        ("body", "\x1b[31m", "cannot be shown"),
        ("body", "\udfff", "cannot be shown"),
        ("terms", "x" * 4_001, "The text of the terms has 4,001 characters"),
        ("terms", "\x00", "cannot be shown"),
        ("quantity", 0, "between 1 and 1,000,000"),
        ("quantity", -5, "between 1 and 1,000,000"),
        ("quantity", 10**30, "between 1 and 1,000,000"),
        ("language", "English", "such as en or de-CH"),
        ("language", "", "such as en or de-CH"),
        ("language", "en_GB", "such as en or de-CH"),
        ("language", "\x00", "such as en or de-CH"),
        ("needed_by", date(2026, 11, 19), "19 November 2026 is over"),
        ("needed_by", date.min, "is over"),
        ("needed_by", date(2032, 1, 1), "more than five years ahead"),
        ("needed_by", date.max, "more than five years ahead"),
        ("expires_at", datetime(2026, 11, 21, 12, tzinfo=UTC), "end before it began"),
        ("expires_at", datetime.min.replace(tzinfo=UTC), "end before it began"),
        ("expires_at", datetime(2027, 11, 23, tzinfo=UTC), "open for a year at most"),
        ("expires_at", datetime.max.replace(tzinfo=UTC), "open for a year at most"),
        ("expires_at", datetime(2027, 1, 1), "lacks its zone"),  # noqa: DTZ001 - That is what is tested.
        ("budget", Budget(-500, None, "GBP"), "cannot be negative"),
        ("budget", Budget(None, -1, "GBP"), "cannot be negative"),
        ("budget", Budget(None, 10**15, "GBP"), "larger than a country's"),
        ("budget", Budget(200, 100, "GBP"), "lower end of the budget is above its upper end; please swap them"),
    ],
)
def test_a_field_that_does_not_hold_is_named_in_a_sentence(
    store: Store, now: datetime, field: str, value: Any, sentence: str
) -> None:
    found = problems(store, now, **{field: value})
    assert list(found) == [field]
    assert sentence in found[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 200),
        ("title", "😀" * 200),
        ("title", "سيارة تويوتا"),
        ("title", "<script>alert(1)</script>"),
        ("title", "'; DROP TABLE intents; --"),
        ("title", "{{7*7}} %s ${x}"),
        ("body", "y" * 20_000),
        ("quantity", 1),
        ("quantity", 1_000_000),
        ("language", "de"),
        ("language", "zh-Hant-TW"),
        ("needed_by", date(2026, 11, 21)),
        ("needed_by", date(2031, 11, 1)),
        ("expires_at", datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)),
        ("expires_at", datetime(2027, 11, 22, 12, tzinfo=UTC)),
        ("budget", Budget(0, 0, "GBP")),
        ("budget", Budget(100, 100, "JPY")),
        ("budget", Budget(None, 10**15 - 1, "eur")),
        ("budget", Budget(1, None, "GBP")),
    ],
)
def test_a_field_at_its_edge_holds(store: Store, now: datetime, field: str, value: Any) -> None:
    assert problems(store, now, **{field: value}) == {}


def test_a_day_is_over_when_it_is_over_everywhere(store: Store, now: datetime) -> None:
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    assert problems(store, midnight + timedelta(hours=12) - SECOND, needed_by=date(2026, 11, 20)) == {}
    assert "is over" in problems(store, midnight + timedelta(hours=12), needed_by=date(2026, 11, 20))["needed_by"]


def test_everything_that_is_wrong_is_said_at_once(store: Store, now: datetime) -> None:
    found = problems(
        store, now, title="", body="\x00", terms="\x00", quantity=0, language="?", category_id=0, region_id=2**70,
        budget=Budget(1, 2, "ZZZ"), needed_by=date.min, expires_at=now,
    )  # fmt: skip
    assert set(found) == {
        "title", "body", "terms", "quantity", "language", "category", "region", "currency", "needed_by", "expires_at",
    }  # fmt: skip


def test_a_budget_without_any_end_is_no_budget(store: Store, now: datetime) -> None:
    with store.read() as session:
        assert checking.check(session, want(session, budget=Budget(None, None, "")), now).budget is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    title=st.text(max_size=210),
    body=st.text(max_size=100),
    low=st.none() | st.integers(-5, 10**16),
    high=st.none() | st.integers(-5, 10**16),
    currency=st.sampled_from(["GBP", "jpy", "?", ""]),
    quantity=st.integers(),
    needed_by=st.none() | st.dates(),
    expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    language=st.none() | st.text(max_size=8),
)
def test_what_is_accepted_can_be_stored_and_is_accepted_again_unchanged(
    store: Store, ana: Account, now: datetime, low: int | None, high: int | None, currency: str, **fields: Any
) -> None:
    with store.session(writes=True) as session:
        said = want(session, budget=Budget(low, high, currency), **fields)
        try:
            intent = publish.draft(session, session.merge(ana, load=False), said, now)
        except BadInput:
            return
        session.refresh(intent)
        kept = publish.draft_of(intent)
        assert checking.check(session, kept, now) == kept
        assert not publish.amend(session, intent, kept, now)
        session.rollback()
