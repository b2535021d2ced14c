"""Counting tries in the store: by subject, by span, by every process at once."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from together import at_once

from vrm.kernel.db import Store
from vrm.kernel.limits import Tally, spend

SPAN = timedelta(minutes=15)


def tried(store: Store, now: datetime, subject: str = "ana@example.org", *, what: str = "password") -> timedelta | None:
    with store.write() as session:
        return spend(session, what, subject, now, most=3, per=SPAN)


def test_so_many_tries_and_then_a_wait_that_ends(store: Store, now: datetime) -> None:
    assert [tried(store, now) for _ in range(3)] == [None] * 3
    assert tried(store, now + timedelta(minutes=5)) == timedelta(minutes=10)
    assert tried(store, now + SPAN) is None


def test_subjects_and_purposes_are_counted_apart(store: Store, now: datetime) -> None:
    for _ in range(4):
        tried(store, now)
    assert tried(store, now) is not None
    assert tried(store, now, "ben@example.org") is None
    assert tried(store, now, what="code") is None


def test_tries_at_the_same_moment_are_all_counted(store: Store, now: datetime) -> None:
    waits = at_once(*[lambda: tried(store, now) for _ in range(6)])
    assert sum(wait is None for wait in waits) == 3


@pytest.mark.parametrize("odd", ["", "\ud800", "\x00", "x" * 10_000])
def test_any_text_is_a_subject_and_none_is_kept(store: Store, now: datetime, odd: str) -> None:
    tried(store, now, odd)
    with store.read() as session:
        (key,) = session.scalars(select(Tally.key))
    assert len(key) == 64


def test_old_tallies_are_forgotten(store: Store, now: datetime) -> None:
    tried(store, now, "long ago")
    tried(store, now + timedelta(days=2), "today")
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Tally)) == 1
