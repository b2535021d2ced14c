"""The migrations go up and down, and together they make what the models say."""

from datetime import datetime

import pytest
from little import fewer_towns
from older import WRITTEN_BEFORE, as_kept, falsehood
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import inspect, select, text

from intents.models import Intent
from notifiers.models import Notification
from vendors.models import Lead
from vrm import migrations, route
from vrm.kernel import stems
from vrm.kernel.accounts import ensure
from vrm.kernel.db import Store
from vrm.kernel.sql import holds


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


def test_subscriptions_and_wants_from_before_words_and_circles_still_meet(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0005")
    with nothing.write() as session:
        for row in WRITTEN_BEFORE:
            session.execute(text(row), {"now": as_kept(nothing, now), "no": falsehood(nothing)})
    migrations.upgrade(nothing, now, edition=fewer_towns())
    with nothing.write() as session:
        intent = session.scalars(select(Intent)).one()
        assert route.route(session, intent, now) == 1
        for word, language, found in (("rad", None, []), ("rad", "de", [1])):
            says = select(Intent.id).where(holds(Intent.said, stems.needle(word, language)))
            assert session.scalars(says).all() == found
    migrations.downgrade(nothing, "0005")
    with nothing.read() as session:
        assert session.execute(text("SELECT count(*) FROM subscriptions WHERE paused_at IS NULL")).scalar() == 1
