"""The five verbs, end to end, without HTTP of ours: “Yaris, 2008” on both stores, in a time of its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from vrm.demo import works_in
from vrm.demo.story import Line, Outcome, Story
from vrm.demo.town import Town
from vrm.kernel.db import Store
from vrm.worker.steps import Works, settle


class SteppedTime:
    """A stage on which the background works between the sentences, and time passes when it is told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.told: list[str] = []
        self.works: Works | None = None

    def clock(self) -> datetime:
        return self.now

    def tell(self, sentence: str) -> None:
        self.told.append(sentence)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        assert self.works is not None
        settle(self.works)
        assert holds(), what

    def wait(self, span: timedelta) -> None:
        self.now += span


@pytest.fixture
def told(store: Store, now: datetime, tmp_path: Path) -> Iterator[tuple[Outcome, Town, SteppedTime]]:
    town = Town()
    stage = SteppedTime(now)
    works = replace(works_in(store, town, tmp_path), clock=stage.clock)
    stage.works = works
    try:
        yield Story(works, town, stage).play(), town, stage
    finally:
        works.reader.close()
        town.close()


def test_a_want_on_a_blog_reaches_vendors_is_answered_and_is_measured(
    told: tuple[Outcome, Town, SteppedTime],
) -> None:
    outcome, town, _stage = told
    board = {line.vendor: line for line in outcome.board}
    assert set(board) == {"Leeds Toyota", "Bristol Car Centre", "Aire Valley Motors", "Pennine Autos"}

    near, far = board["Leeds Toyota"], board["Bristol Car Centre"]
    assert waited(near) == timedelta(minutes=4)
    assert near.said == "Yaris Icon, 2022, 21,000 miles, one owner."
    assert waited(far) == timedelta(minutes=54)
    assert {near.standing, far.standing} == {"answered"}

    # A vendor whom we failed to reach is never called silent.
    assert (board["Aire Valley Motors"].standing, board["Aire Valley Motors"].because) == ("undelivered", "unreachable")
    assert (board["Pennine Autos"].standing, board["Pennine Autos"].because) == ("undelivered", "bounced")

    (why,) = outcome.not_told.values()
    assert set(outcome.not_told) == {"Headingley Plumbing"}
    assert "Plumber" in " ".join(why)

    group = outcome.measures.as_json()["groups"][0]
    assert group["reach"]["delivered"] == 2
    assert group["reach"]["notified"] == 4
    assert group["n"] == 2
    assert group["median_wait_s"]["estimate"] == 240

    # The near dealer's webhook got it too, signed, and none of the mails names Ana before she reveals herself.
    (created,) = [event for event in town.hook.received if event.type == "lead.created"]
    assert created.data["intent"]["title"] == "Toyota Yaris"
    assert created.data["intent"]["budget"] == {"min": None, "max": "12000.00", "currency": "GBP"}
    assert town.hook.forged == 0
    for address, message in town.mail.taken:
        if address != "ana@example.org":
            assert "Castro" not in message.as_string()
            assert "ana@" not in message.as_string()


def test_nobody_is_told_twice(told: tuple[Outcome, Town, SteppedTime]) -> None:
    _outcome, town, stage = told
    before = len(town.mail.taken), len(town.hook.received)
    assert stage.works is not None
    settle(stage.works)
    assert (len(town.mail.taken), len(town.hook.received)) == before
    ids = [(address, message["Message-ID"]) for address, message in town.mail.taken]
    assert len(ids) == len(set(ids))


def waited(line: Line) -> timedelta:
    assert line.answered_at is not None
    assert line.delivered_at is not None
    return line.answered_at - line.delivered_at
