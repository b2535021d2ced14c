"""Every migration goes up and down with data in the tables, and together they make what the models say."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from little import fewer_towns
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import create_engine, inspect, make_url, select, text

from intents.models import Intent
from notifiers.models import Notification
from vendors.models import Lead
from vrm import migrations, route
from vrm.kernel.accounts import ensure
from vrm.kernel.db import Store


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


def test_the_migrations_make_what_the_models_say(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, edition=fewer_towns())
    assert migrations.current(nothing) == migrations.newest()
    assert migrations.drift(nothing) == []


def test_data_survives_an_upgrade_that_is_repeated(nothing: Store, now: datetime) -> None:
    report = migrations.upgrade(nothing, now, edition=fewer_towns())
    assert report is not None
    assert report.added > 10_000
    with nothing.write() as session:
        ana = ensure(session, "ana@example.org", now)
        ben = ensure(session, "ben@example.org", now)
        ana.verified_at = now
        add_mail_channel(session, start_vendor(session, ben, now, wish=("anything", "world")), now, "a@b.example")
        intent = publish_want(session, ana, now, title="Räder für 𝓐na 🚲")
        route.route(session, intent, now)
    again = migrations.upgrade(nothing, now, edition=fewer_towns())
    assert again is not None
    assert (again.added, again.changed) == (0, 0)
    with nothing.read() as session:
        assert session.scalars(select(Intent)).one().title == "Räder für 𝓐na 🚲"
        assert session.scalars(select(Lead)).one().routed_at == now
        assert session.scalars(select(Notification)).one().due_at == now


def test_down_to_nothing_and_up_again_leaves_nothing_behind(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, edition=fewer_towns())
    migrations.downgrade(nothing, "base")
    assert set(inspect(nothing.engine).get_table_names()) <= {"alembic_version"}
    migrations.upgrade(nothing, now, edition=fewer_towns())
    assert migrations.drift(nothing) == []


def test_leads_are_one_tree_on_sqlite(nothing: Store, now: datetime) -> None:
    if nothing.dialect != "sqlite":
        pytest.skip("WITHOUT ROWID is SQLite's own.")
    migrations.upgrade(nothing, now, edition=fewer_towns())
    with nothing.read() as session:
        made = session.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'leads'"))
    assert "WITHOUT ROWID" in str(made)
