"""The drill: a backup under load, the machine burns, a restore: what was acknowledged is there, the erased are not."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Event, Semaphore

import pytest
from click.testing import CliRunner
from rooms import person, publish_want, start_vendor
from sqlalchemy import create_engine, select, text

from intents import events
from intents.models import Intent
from tests.conftest import missing
from vendors import team
from vendors.models import Membership, Role, Vendor
from vrm import personal
from vrm.cli import main
from vrm.kernel.accounts import Account, Audit
from vrm.kernel.db import Store
from vrm.kernel.errors import WrongState
from vrm.kernel.tombstones import Tombstones

KEY = "k" * 40


@pytest.fixture
def elsewhere(store: Store, tmp_path: Path) -> Iterator[str]:
    """The address of a store on a machine that holds nothing yet."""
    if store.dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'new machine' / 'vrm.db'}"
        return
    for program in ("pg_dump", "pg_restore"):
        if shutil.which(program) is None:
            missing("postgres", f"PostgreSQL's {program} is not installed.")
    url = store.engine.url
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"{url.database}_restored"
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


def vrm(url: str, folder: Path, *words: str, fails: int = 0) -> str:
    environ = {"VRM_DATABASE_URL": url, "VRM_SECRET_KEY": KEY, "VRM_TOMBSTONES": str(folder / "disk" / "tombstones")}
    result = CliRunner().invoke(main, words, env=environ | {"VRM_REQUIRE": None})
    assert result.exit_code == fails, result.output
    return result.output


class Writer:
    """Publishes one want after another; `acknowledged` are the codes of those that were committed."""

    def __init__(self, store: Store, account: Account, now: datetime) -> None:
        self.acknowledged: list[str] = []
        self.wrote = Semaphore(0)
        self._store, self._account, self._now = store, account, now

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            with self._store.write() as session:
                title = f"{self._account.name} {len(self.acknowledged)}"
                code = publish_want(session, self._account, self._now, title=title).code
            self.acknowledged.append(code)
            self.wrote.release()
            stop.wait(0.01)  # Else writers keep the backup waiting for longer than a test should take.


def test_of_half_a_backup_nothing_is_put_in_place(store: Store, store_url: str, elsewhere: str, tmp_path: Path) -> None:
    person(store, "ana@example.org")
    vrm(store_url, tmp_path, "db", "backup", str(tmp_path / "backup"))
    whole = (tmp_path / "backup").read_bytes()
    for kept in (0, len(whole) // 2, len(whole) - 1_000):
        (tmp_path / "half").write_bytes(whole[:kept])
        vrm(elsewhere, tmp_path, "db", "restore", str(tmp_path / "half"), fails=1)
    vrm(elsewhere, tmp_path, "db", "restore", str(tmp_path / "backup"))  # It would find what half of one had left.
    assert "ana@example.org" in vrm(elsewhere, tmp_path, "accounts", "list")


def test_the_drill(
    store: Store, store_url: str, elsewhere: str, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intents.publish.PER_DAY", 10_000)
    disk = tmp_path / "disk"  # Another disk, which outlives the machine.
    disk.mkdir()
    ana, ben, dora = (person(store, f"{name}@example.org", name=name.title()) for name in ("ana", "ben", "dora"))
    with store.write() as session:
        start_vendor(session, dora, now, name="Dora’s Bikes")
        events.number(session)
        timeline = events.clock(session).timeline
        before = [publish_want(session, account, now, title="From before").code for account in (ana, dora)]
    stop, writers = Event(), [Writer(store, account, now) for account in (ana, ben, dora)]
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(writer.run, stop) for writer in writers]
        try:
            for writer in writers:
                for _ in range(5):
                    assert writer.wrote.acquire(timeout=20)
            before += [code for writer in writers for code in list(writer.acknowledged)]
            said = vrm(store_url, tmp_path, "db", "backup", str(disk / "backup"))
            for writer in writers:  # All of them wrote on while it was made.
                assert writer.wrote.acquire(timeout=20)
        finally:
            stop.set()
        for one in running:
            one.result()
    assert "tombstones" in said
    # Dora leaves after the backup; then the machine burns.
    with store.write() as session:
        Tombstones(disk / "tombstones", KEY).add(dora, now)
        personal.erase(session, session.merge(dora, load=False), now)
    assert "dora" not in (disk / "tombstones").read_text()
    said = vrm(elsewhere, tmp_path, "db", "restore", str(disk / "backup"))
    assert "Forgot 1 again" in said
    assert "whole and at this version" in vrm(elsewhere, tmp_path, "db", "check")
    with Store.open(elsewhere) as restored, restored.read() as session:
        kept = set(session.scalars(select(Intent.code)))
        assert set(before) <= kept
        # What came during the backup is wholly there or not at all, and of each writer a beginning of what it wrote.
        for writer in writers:
            there = [code in kept for code in writer.acknowledged]
            assert there == sorted(there, reverse=True)
        assert {account.email for account in session.scalars(select(Account)) if account.closed_at is None} == {
            "ana@example.org", "ben@example.org",
        }  # fmt: skip
        everything = " ".join(
            str(value) for table in (Account, Intent, Vendor, Audit) for row in session.execute(select(table.__table__))
            for value in row
        )  # fmt: skip
        assert events.clock(session).timeline != timeline  # Whoever followed further than the backup is told.
        assert "dora" not in everything.lower()
        assert "Ana 0" in everything or "From before" in everything


def test_an_erased_owner_and_operator_is_forgotten_though_nobody_is_left(store: Store, now: datetime) -> None:
    """What refuses an erasure on the page was settled before the first one; it must not keep somebody alive."""
    dora, ben, olu = (person(store, f"{name}@example.org", operator=name == "dora") for name in ("dora", "ben", "olu"))
    with store.write() as session:
        vendor = start_vendor(session, dora, now, name="Bikes")
        for account, role in ((ben, Role.MEMBER), (olu, Role.MEMBER)):
            team.add(session, vendor, session.merge(account, load=False), role, now)
    with store.write() as session:
        account = session.get_one(Account, dora.id)
        with pytest.raises(WrongState):
            personal.erase(session, account, now)
        personal.forget_again(session, account, now)
        assert account.closed_at == now
        assert session.get_one(Membership, (vendor.id, ben.id)).role is Role.OWNER
        assert session.get_one(Vendor, vendor.id).closed_at is None


def test_a_tombstone_names_one_account_only_and_outlives_the_key(store: Store, now: datetime, tmp_path: Path) -> None:
    ana, ben = (person(store, f"{name}@example.org") for name in ("ana", "ben"))
    Tombstones(tmp_path / "stones", "o" * 40).add(ana, now)
    assert (tmp_path / "stones").stat().st_mode & 0o077 == 0
    later = Tombstones(tmp_path / "none", "n" * 40, ["o" * 40])
    assert later.of([ana, ben]) == []
    assert later.of([ana, ben], [tmp_path / "stones"]) == [ana]
    assert Tombstones(tmp_path / "stones", "n" * 40).of([ana, ben]) == []
    (tmp_path / "stones").write_bytes(b"\xff\n\n   \nnonsense\n" + (tmp_path / "stones").read_bytes())
    assert later.of([ana, ben], [tmp_path / "stones"]) == [ana]
