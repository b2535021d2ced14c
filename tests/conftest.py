"""Fixtures for every test: a real store of each kind with the real trees in it, people, and a clock that is set."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import tallies
from argon2 import PasswordHasher
from little import fewer_towns, plant
from rooms import NOW, person
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from tallies import TALLIES

from vrm import migrations
from vrm.kernel.accounts import Account, Passwords
from vrm.kernel.db import Store
from vrm.models import Base


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make attack` may be given the collections of others."""
    parser.addoption("--corpora", default=None, help="A folder with strings/naughty.json and json/n_*.json.")
    parser.addoption("--minutes", default=3, help="For their strings, in forms and in operations, on each store.")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count, and say to those who ask the environment where the collections of others are."""
    if folder := config.getoption("corpora"):
        os.environ["VRM_CORPORA"] = str(folder)
    config.stash[TALLIES] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the most that is slow come first: as the last one, each would keep one processor busy for minutes."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was counted."""
    for line in tallies.lines(config):
        terminalreporter.write_line(line)


# Servers that tests start would each take half a minute of both processors to learn what all categories mean.
os.environ.setdefault("VRM_SMART", "0")
REQUIRED = frozenset(filter(None, os.environ.get("VRM_REQUIRE", "").split(",")))
POSTGRES = os.environ.get("VRM_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
# Filled once by the migrations and never by a test.
_KEPT = {"categories", "regions", "region_members", "tree_versions", "rates", "alembic_version"}


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


def _fill(url: str) -> None:
    with Store.open(url) as store:
        migrations.upgrade(store, NOW, edition=fewer_towns())


@pytest.fixture(scope="session")
def filled() -> str:
    """A name for stores with all tables and trees: it changes with whatever makes them."""
    root = Path(migrations.__file__).parent.parent
    made_by = (path for folder in ("data", "kernel", "migrations") for path in (root / folder).rglob("*.*"))
    digest = hashlib.sha256()
    for path in sorted(path for path in made_by if path.suffix in {".csv", ".py"}):
        digest.update(path.read_bytes())
    return f"vrm_filled_{digest.hexdigest()[:16]}"


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Held by one test process on this machine at a time; the others wait."""
    with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def sqlite_template(filled: str, request: pytest.FixtureRequest) -> Path:
    """A file with all tables and trees, copied for each test; kept from run to run."""
    path = request.config.cache.mkdir("stores") / f"{filled}.db"
    with _one_at_a_time(filled):
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            _fill(f"sqlite:///{unfinished}")  # The last connection folds the write-ahead log into the file.
            unfinished.rename(path)
    return path


def _admin() -> Engine:
    url = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    return create_engine(url, isolation_level="AUTOCOMMIT")


def _postgres_template(admin: Connection, name: str) -> None:
    """The database with all tables and trees, of which each test process makes a copy; kept from run to run."""
    with _one_at_a_time(name):
        found = {row.datname for row in admin.execute(text("SELECT datname FROM pg_database"))}
        if name in found:
            return
        unfinished = f"{name}_unfinished"
        admin.execute(text(f'DROP DATABASE IF EXISTS "{unfinished}" WITH (FORCE)'))
        admin.execute(text(f'CREATE DATABASE "{unfinished}"'))
        _fill(make_url(POSTGRES).set(database=unfinished).render_as_string(hide_password=False))
        admin.execute(text(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"'))


@pytest.fixture(scope="session")
def postgres_url(worker_id: str, filled: str) -> Iterator[str]:
    """A database of this test process's own, with all tables and trees."""
    admin = _admin()
    name = f"vrm_test_{os.getpid()}_{worker_id}"
    try:
        with admin.connect() as connection:
            _postgres_template(connection, filled)
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{filled}"'))
    except OperationalError:
        admin.dispose()
        missing("postgres", f"No PostgreSQL answers at {POSTGRES}.")
    yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
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
        edited = connection.scalar(text("SELECT count(*) FROM regions WHERE merged_into_id IS NOT NULL"))
        assert not edited, "This test changed the trees that all others share; it wants `little_store`."
        # Deleting a few rows is 20 times as fast as truncating: no file is made anew and synced.
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in _KEPT:
                connection.execute(table.delete())
        # In the order in which they refer to each other; nobody but the tests of the queue takes its jobs.
        for table_name in ("procrastinate_periodic_defers", "procrastinate_events", "procrastinate_jobs"):
            connection.execute(text(f"DELETE FROM {table_name}"))
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


@pytest.fixture(params=["sqlite", "postgresql"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store without a single table."""
    if request.param == "sqlite":
        store = Store.open(f"sqlite:///{tmp_path / 'empty.db'}")
        yield store
        store.close()
        return
    url = make_url(request.getfixturevalue("postgres_url"))
    name = f"{url.database}_migrations"
    admin = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    store = Store.open(url.set(database=name).render_as_string(hide_password=False))
    yield store
    store.close()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()
