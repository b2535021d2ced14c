"""Fixtures for every test: a real store of each kind with the real trees in it, people, and a clock that is set."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from little import plant
from rooms import NOW, person
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from vrm import migrations
from vrm.kernel.accounts import Account, Passwords
from vrm.kernel.db import Store
from vrm.models import Base

REQUIRED = frozenset(filter(None, os.environ.get("VRM_REQUIRE", "").split(",")))
POSTGRES = os.environ.get("VRM_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
# Filled once by the migrations and never by a test.
_KEPT = {"categories", "regions", "region_members", "tree_versions", "alembic_version"}


def missing(what: str, sentence: str) -> None:
    """Skip the test with a sentence, or fail it where `what` is required."""
    if what in REQUIRED:
        pytest.fail(f"{sentence} (VRM_REQUIRE names {what}.)")
    pytest.skip(sentence)


@pytest.fixture
def now() -> datetime:
    """A Saturday noon on which every test begins."""
    return NOW


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """argon2id, cheap."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def _fill(store: Store) -> None:
    migrations.upgrade(store, NOW)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables and trees, made once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / "vrm.db"
    store = Store.open(f"sqlite:///{path}")
    _fill(store)
    store.close()  # The last connection folds the write-ahead log into the file.
    return path


def _admin() -> Engine:
    url = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    return create_engine(url, isolation_level="AUTOCOMMIT")


@pytest.fixture(scope="session")
def postgres_url(worker_id: str) -> Iterator[str]:
    """A database of this test process's own, with all tables and trees."""
    admin = _admin()
    name = f"vrm_test_{os.getpid()}_{worker_id}"
    try:
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    except OperationalError:
        admin.dispose()
        missing("postgres", f"No PostgreSQL answers at {POSTGRES}.")
    url = make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    store = Store.open(url)
    _fill(store)
    store.close()
    yield url
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty store, but for the trees; each test that asks runs on both kinds."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "vrm.db")
        yield f"sqlite:///{tmp_path / 'vrm.db'}"
        return
    url: str = request.getfixturevalue("postgres_url")
    yield url
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        # Deleting a few rows is 20 times as fast as truncating: no file is made anew and synced.
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in _KEPT:
                connection.execute(table.delete())
    engine.dispose()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store, empty but for the trees."""
    store = Store.open(store_url)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def little_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of the test's own with two little trees, which it may change and commit; see `little`."""
    if request.param == "sqlite":
        store = Store.open(f"sqlite:///{tmp_path / 'little.db'}")
        plant(store, NOW)
        yield store
        store.close()
        return
    url = make_url(request.getfixturevalue("postgres_url"))
    name = f"{url.database}_little"
    admin = _admin()
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    store = Store.open(url.set(database=name).render_as_string(hide_password=False))
    plant(store, NOW)
    yield store
    store.close()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture
def ana(store: Store) -> Account:
    """A customer."""
    return person(store, "ana@example.org", name="Ana Castro")


@pytest.fixture
def ben(store: Store) -> Account:
    """A person who sells."""
    return person(store, "ben@leeds-toyota.example", name="Ben Shaw")


@pytest.fixture
def carol(store: Store) -> Account:
    """The third person, who must learn nothing."""
    return person(store, "carol@example.net", name="Carol Diaz")
