"""A vendor with a lead, what hears of it, and a clock that stands still: what most tests of this folder begin with."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from notifiers_world import Mailbox, Route, Sink, Time, World, a_post, a_world, mail_server, web_server

from notifiers.post import Post
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store


@pytest.fixture
def world(store: Store, ana: Account, ben: Account, now: datetime) -> World:
    return a_world(store, ana, ben, now)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with web_server() as sink:
        yield sink


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, Route]]:
    """A real mail server, and the way there."""
    with mail_server() as mail:
        yield mail


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return a_post(tmp_path)


@pytest.fixture
def clock(now: datetime) -> Time:
    return Time(now)
