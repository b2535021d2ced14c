"""A desk to walk up to: an app over each store, a small world in it, and visitors."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from addresses import Town
from browsing import Desk, chromium, open_desk, opened
from flask import Flask
from playwright.sync_api import Browser
from rewinding import rewind, rows
from tallies import TALLIES, Tally
from visiting import Clock, Visitor
from world import World, app_for, make_world, settings_for

from notifiers.models import Notification
from tests.conftest import missing
from vrm.app import desk_of
from vrm.kernel.accounts import Passwords
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.models import Base

_TREES = ("categories", "tree_versions")


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture(scope="session")
def house(passwords: Passwords, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An app over no store in particular: its routes and templates are compiled once, which is most of its making."""
    folder = tmp_path_factory.mktemp("house")
    settings = settings_for(f"sqlite:///{folder / 'vrm.db'}", folder)
    return app_for(settings, Store.open(settings.database_url), utc_now, passwords)


@pytest.fixture
def app(house: Flask, store: Store, store_url: str, clock: Clock, passwords: Passwords, tmp_path: Path) -> Flask:
    """The house over this test's store, in settings that differ by nothing but where things are kept."""
    made = desk_of(settings_for(store_url, tmp_path), store=store, clock=clock, passwords=passwords)
    house.extensions["vrm"] = made
    return house


@pytest.fixture
def world(store: Store, now: datetime, passwords: Passwords, tmp_path: Path) -> World:
    return make_world(store, now, passwords, tmp_path)


@pytest.fixture
def visitor(app: Flask) -> Callable[[], Visitor]:
    return lambda: Visitor(app)


@pytest.fixture
def town(store: Store, world: World) -> Town:
    with store.read() as session:
        message = session.query(Notification).filter_by(channel_id=world.mail.id).order_by(Notification.id).first()
    assert message is not None
    return Town(world, message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real one. Not for longer than a module: while it is there, its event loop is this thread's."""
    path = chromium()
    if path is None:
        missing("browser", "There is no Chromium here.")
        return
    with opened(path) as browser:
        yield browser


@pytest.fixture
def desk(house: Flask, store_url: str, tmp_path: Path, passwords: Passwords) -> Iterator[Desk]:
    """A desk on loopback, over a store of each kind."""
    with open_desk(house, store_url, tmp_path, passwords) as desk:
        yield desk


# --- What hostile words need ----------------------------------------------------------------------


@pytest.fixture
def corpora(request: pytest.FixtureRequest) -> Path | None:
    """The folder of other people's collections, where `--corpora` names one."""
    folder: str | None = request.config.getoption("corpora")
    return Path(folder) if folder else None


@pytest.fixture
def until(request: pytest.FixtureRequest) -> Callable[[], float]:
    """From now: when as many minutes as `--minutes` says are over, by the monotonic clock."""
    return lambda: time.monotonic() + 60 * float(request.config.getoption("minutes"))


@pytest.fixture
def tally(request: pytest.FixtureRequest, store: Store) -> Tally:
    """Keeps figures for the table at the end of the run."""

    def note(what: str, counts: Counter[str]) -> None:
        request.config.stash[TALLIES].append((f"{what}, {store.dialect}", counts))

    return note


@pytest.fixture
def same_trees(store: Store) -> Iterator[None]:
    """On PostgreSQL the tests of a process share the trees: what is done to them is undone."""
    with store.read() as session:
        before = {table: rows(session, table) for table in map(Base.metadata.tables.get, _TREES) if table is not None}
    yield
    if store.dialect == "postgresql":
        with store.write() as session:
            rewind(session, before)


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may do a thing thousands of times."""
    for name in ("intents.publish.PER_DAY", "vendors.team.FOUNDED_AT_MOST", "vrm.web.api.quota.PER_MINUTE"):
        monkeypatch.setattr(name, 10**9)
    monkeypatch.setattr("vrm.kernel.limits.spend", lambda *_given, **_more: None)
