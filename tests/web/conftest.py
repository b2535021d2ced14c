"""A desk to walk up to: an app over each store, a small world in it, and visitors."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from visiting import Clock, Visitor
from world import World, app_for, make_world, settings_for

from vrm.kernel.accounts import Passwords
from vrm.kernel.db import Store


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def app(store: Store, store_url: str, clock: Clock, passwords: Passwords, tmp_path: Path) -> Flask:
    return app_for(settings_for(store_url, tmp_path), store, clock, passwords)


@pytest.fixture
def world(store: Store, now: datetime, passwords: Passwords, tmp_path: Path) -> World:
    return make_world(store, now, passwords, tmp_path)


@pytest.fixture
def visitor(app: Flask) -> Callable[[], Visitor]:
    return lambda: Visitor(app)
