"""`vrm db copy`: everything that an SQLite store holds is in PostgreSQL afterwards, or nothing of it."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from little import CATEGORIES, REGIONS, plant
from rooms import add_mail_channel, person, publish_want, route_all, start_vendor
from sqlalchemy import create_engine, func, make_url, select, text

from intents.models import Intent
from notifiers.models import Channel, Notification
from vrm import migrations
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.kernel.taxonomy import Category
from vrm.migrations.copying import copy
from vrm.models import Base

pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path: Path, now: datetime) -> Iterator[Store]:
    """A little store with a want, its leads and what is owed for them."""
    with Store.open(f"sqlite:///{tmp_path / 'little.db'}") as store:
        plant(store, now)
        ana, ben = person(store, "ana@example.org", name="Ana 𝓐 🚲"), person(store, "ben@example.org")
        with store.write() as session:
            # A parent that was numbered after its child, as trees that change have some.
            dolls = session.scalars(select(Category).where(Category.slug == "dolls")).one()
            dolls.parent_id = session.scalars(select(Category.id).where(Category.slug == "plumber")).one()
            vendor = start_vendor(session, ben, now, wish=("cars", "gb"))
            add_mail_channel(session, vendor, now, "sales@example.org")
            publish_want(session, ana, now, title="Räder \\ für 🚲", category="cars", region="leeds")
            route_all(session, now)
        yield store


@pytest.fixture
def target(postgres_url: str) -> Iterator[Store]:
    """An empty PostgreSQL database."""
    url = make_url(postgres_url)
    name = f"{url.database}_copy"
    admin = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    with Store.open(url.set(database=name).render_as_string(hide_password=False)) as store:
        yield store
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


def counts(store: Store) -> dict[str, int]:
    with store.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def test_every_row_arrives_and_the_copy_goes_on_working(source: Store, target: Store, now: datetime) -> None:
    told: list[tuple[str, int, int]] = []
    total = copy(source, target, now, progress=lambda *step: told.append(step))
    before = counts(source)
    assert counts(target) == before
    assert total == sum(before.values())
    assert (before["categories"], before["regions"], before["leads"]) == (len(CATEGORIES), len(REGIONS), 1)
    assert ("leads", 1, 1) in told
    assert migrations.drift(target) == []
    with target.write() as session:
        assert session.scalars(select(Account.name).where(Account.email == "ana@example.org")).one() == "Ana 𝓐 🚲"
        intent = session.scalars(select(Intent)).one()
        assert intent.title == "Räder \\ für 🚲"
        assert session.scalars(select(Channel)).one().target == {"address": "sales@example.org"}
        assert session.scalars(select(Notification)).one().due_at == now
        # Numbers go on after those that came along.
        ana = session.scalars(select(Account).where(Account.email == "ana@example.org")).one()
        assert publish_want(session, ana, now, category="cars", region="leeds").id > intent.id


def test_a_target_that_has_rows_is_refused_and_left_alone(source: Store, target: Store, now: datetime) -> None:
    copy(source, target, now, progress=lambda *_: None)
    before = counts(target)
    with pytest.raises(VrmError, match="has rows in"):
        copy(source, target, now, progress=lambda *_: None)
    assert counts(target) == before


def test_a_copy_that_is_interrupted_leaves_nothing(source: Store, target: Store, now: datetime) -> None:
    def interrupt(name: str, _done: int, _of: int) -> None:
        if name == "notifications":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source, target, now, progress=interrupt)
    assert sum(counts(target).values()) == 0
    assert copy(source, target, now, progress=lambda *_: None) > 0
