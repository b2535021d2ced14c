"""How the broker is set up and kept: settings without secrets, backups that hold, accounts, a door for the invited."""

import dataclasses
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from visiting import Visitor
from world import World, app_for, settings_for

from vrm import backups
from vrm.config import SETTINGS, MailRelay, read_settings
from vrm.kernel.accounts import Account, Audit, Link, Passwords, find
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.shown import MASK, masked, settings_shown


def audited(store: Store, action: str) -> list[Audit]:
    with store.read() as session:
        return list(session.scalars(select(Audit).where(Audit.action == action)))


def test_settings_are_shown_without_a_secret(tmp_path: Path) -> None:
    settings = dataclasses.replace(
        settings_for("postgresql://vrm:hunter2@db.example/vrm?password=hunter2", tmp_path),
        mail=MailRelay("mail.example", 587, secure=False, user="u", password="hunter2"),
        given=frozenset({"VRM_DATABASE_URL", "VRM_MAIL_URL", "VRM_DKIM"}),
    )
    shown = {one.name: one for one in settings_shown(settings)}
    assert "hunter2" not in str(shown)
    assert settings.secret_key not in str(shown)
    assert shown["VRM_DATABASE_URL"].value == f"postgresql://vrm:{MASK}@db.example/vrm?{MASK}"
    assert shown["VRM_MAIL_URL"].value == f"smtp://u:{MASK}@mail.example:587"
    assert shown["VRM_MAIL_URL"].given
    assert not shown["VRM_BASE_URL"].given
    assert {name for name in SETTINGS if "TEST" not in name} - {"VRM_SERVE_PID", "VRM_REQUIRE"} == set(shown)
    assert masked("sqlite:////srv/vrm.db") == "sqlite:////srv/vrm.db"


def test_where_a_setting_is_from_is_remembered(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/vrm.db"
    settings = read_settings({"VRM_DATABASE_URL": database, "VRM_INVITE_ONLY": "1", "VRM_KEEP_BACKUPS": "3"})
    assert (settings.invite_only, settings.keep_backups) == (True, 3)
    assert settings.given == {"VRM_DATABASE_URL", "VRM_INVITE_ONLY", "VRM_KEEP_BACKUPS"}


def test_a_backup_is_whole_and_the_newest_are_kept(store_url: str, store: Store, tmp_path: Path, now: datetime) -> None:
    settings = dataclasses.replace(settings_for(store_url, tmp_path), keep_backups=2)
    if not backups.possible(settings):
        pytest.skip("PostgreSQL's client programs are not on this machine.")
    made = [backups.make(settings, now + timedelta(days=day)).name for day in range(3)]
    assert [one.name for one in backups.all_of(settings)] == made[:0:-1]
    assert backups.path_of(settings, made[2]).stat().st_mode & 0o077 == 0
    assert backups.make_if_due(settings, now + timedelta(days=2, hours=23)) == 0
    assert backups.make_if_due(settings, now + timedelta(days=3)) == 1
    if settings.embedded:
        copy = sqlite3.connect(backups.path_of(settings, made[2]))
        assert copy.execute("SELECT count(*) FROM categories").fetchone()[0] > 1000
        copy.close()


def test_without_the_setting_none_is_made_by_itself(tmp_path: Path, now: datetime) -> None:
    assert backups.make_if_due(settings_for(f"sqlite:///{tmp_path}/no.db", tmp_path), now) == 0


def test_half_a_backup_is_none(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "vrm.db").write_bytes(b"no store at all, and long enough to look like one" * 100)
    settings = settings_for(f"sqlite:///{tmp_path}/vrm.db", tmp_path)
    with pytest.raises(VrmError):
        backups.make(settings, now)
    assert list(backups.folder(settings).iterdir()) == []
    daily = backups.Daily(dataclasses.replace(settings, keep_backups=1))
    assert daily(now) == 0
    (tmp_path / "vrm.db").unlink()
    with closing(sqlite3.connect(tmp_path / "vrm.db")) as mended:
        mended.execute("CREATE TABLE accounts (id INTEGER)")
    assert daily(now + timedelta(minutes=59)) == 0
    assert daily(now + timedelta(hours=1)) == 1


def test_an_operator_makes_a_backup_and_proves_who_they_are_to_take_it(
    visitor: Callable[[], Visitor], world: World, app: Flask, store: Store, now: datetime
) -> None:
    settings = app.extensions["vrm"].settings
    olu = visitor().sign_in(world.olu)
    if not backups.possible(settings):
        assert "client programs" in olu.get("/admin/backups")
        return
    olu.press("/admin/backups")
    (made,) = backups.all_of(settings)
    assert made.name in olu.get("/admin/backups")
    assert olu.send("/admin/backups/../secret_key").status_code == 404
    olu.refused("/admin/backups/vrm-20200101T000000.db", 404)
    taken = olu.send(f"/admin/backups/{made.name}")
    assert len(taken.data) == made.size
    taken.close()
    assert [row.subject for row in audited(store, "backup.taken")] == [made.name]
    backups.path_of(settings, made.name).unlink()


def test_roles_are_given_and_taken_and_the_last_operator_stays(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    olu, carol = visitor().sign_in(world.olu), visitor().sign_in(world.carol)
    page = f"/admin/accounts/{world.carol.id}"
    olu.press(f"{page}/operator", to="yes")
    assert "/sign-in" in carol.client.get("/admin").location or carol.client.get("/admin").status_code != 200
    visitor().sign_in(world.carol).get("/admin")
    olu.press(f"{page}/operator", to="no")
    visitor().sign_in(world.carol).get("/admin", 404)
    olu.refused(f"/admin/accounts/{world.olu.id}/operator", 409, to="no")
    olu.get("/admin")
    olu.refused("/admin/accounts/999999/operator", 404, to="yes")
    assert len(audited(store, "account.operator-made")) == 1
    shown = olu.get("/admin/accounts?q=carol")
    assert "carol@" in shown
    assert "ana@" not in shown
    assert audited(store, "accounts.looked")[-1].facts["shown"] == [world.carol.id]
    assert "carol@" not in str([row.facts for row in audited(store, "accounts.looked")])


def test_only_the_invited_come_in_and_nobody_learns_who_they_are(
    store: Store, world: World, passwords: Passwords, tmp_path: Path, store_url: str, now: datetime
) -> None:
    settings = dataclasses.replace(settings_for(store_url, tmp_path), invite_only=True)
    app = app_for(settings, store, lambda: now, passwords)
    app.testing = True
    stranger = Visitor(app)
    assert "by invitation" in stranger.get("/sign-in")
    pages = [stranger.send("/sign-in", email=email) for email in ("new@example.org", "ana@example.org")]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].text.replace("new@", "ana@") == pages[1].text
    with store.read() as session:
        assert find(session, "new@example.org") is None
    operator = Visitor(app).sign_in(world.olu)
    operator.refused("/admin/accounts", 422, email="nobody")
    operator.refused("/admin/accounts", 422, email="ana@example.org")
    operator.press("/admin/accounts", email="New@example.org")
    with store.read() as session:
        link = session.scalars(select(Link).join(Account).where(Account.email == "new@example.org")).one()
        assert link.spent_at is None
    spelt = ("other@example.org", "other@ｅｘａｍｐｌｅ.org", "OTHER@example。org")
    answers = [stranger.send("/sign-in", email=spelt[number % 3]).status_code for number in range(7)]
    assert answers == [200] * 6 + [429]
