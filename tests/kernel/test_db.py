"""The store keeps moments exactly, commits what is written, never what is read, and takes writers in turn."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from together import at_once, meeting

from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, add_if_new, is_code, is_row_id, new_code, open_engine
from vrm.kernel.errors import BadSetting
from vrm.kernel.sql import random_code


def account(email: str, now: datetime) -> Account:
    return Account(email=email, created_at=now)


def emails(store: Store) -> list[str]:
    with store.read() as session:
        return sorted(session.scalars(select(Account.email)))


def test_what_is_written_is_there_for_the_next_who_reads(store: Store, now: datetime) -> None:
    with store.write() as session:
        session.add(account("a@example.org", now))
    assert emails(store) == ["a@example.org"]


def test_what_a_block_that_raises_wrote_is_undone(store: Store, now: datetime) -> None:
    def fails() -> None:
        with store.write() as session:
            session.add(account("a@example.org", now))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert emails(store) == []


def test_reading_never_commits(store: Store, now: datetime) -> None:
    with store.read() as session:
        session.add(account("a@example.org", now))
        session.flush()
    assert emails(store) == []


def test_reading_never_commits_what_was_written_by_a_statement(store: Store, now: datetime) -> None:
    for statement in (insert(Account), text("INSERT INTO accounts SELECT * FROM accounts WHERE 1 = 0")):
        with store.read() as session:
            session.execute(statement, {"email": "a@example.org", "created_at": now})
    with store.read() as session:
        session.connection().execute(insert(Account), {"email": "b@example.org", "created_at": now})
    with store.read() as session:
        session.add(account("c@example.org", now))
    assert emails(store) == []


def test_reading_leaves_what_postgresql_has_prepared(store: Store) -> None:
    if store.dialect != "postgresql":
        pytest.skip("Only psycopg prepares statements.")
    with store.engine.connect() as connection:
        connection.execute(text("DEALLOCATE ALL"))
    for _ in range(8):  # It prepares what it sees for the sixth time.
        emails(store)
    with store.read() as session:
        prepared = session.scalar(text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%accounts%'"))
    assert prepared == 1


def test_reading_does_not_wait_for_a_writer(store: Store, now: datetime) -> None:
    with store.write() as writer:
        writer.add(account("a@example.org", now))
        writer.flush()
        assert emails(store) == []


def test_four_writers_take_turns_and_none_is_turned_away(store: Store, now: datetime) -> None:
    def write(who: int) -> None:
        for number in range(5):
            with store.write() as session:
                session.scalar(select(func.count()).select_from(Account))
                session.add(account(f"{who}-{number}@example.org", now))

    assert at_once(*(lambda who=who: write(who) for who in range(4))) == [None] * 4
    assert len(emails(store)) == 20


# --- Moments --------------------------------------------------------------------------------------


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.datetimes(
        min_value=datetime(1, 1, 3),  # noqa: DTZ001 - Hypothesis adds the zone.
        max_value=datetime(9999, 12, 29),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]),
    )
)
def test_a_moment_comes_back_exactly_and_in_utc(store: Store, moment: datetime) -> None:
    with store.write() as session:
        row = account(f"{new_code()}@example.org", moment)
        session.add(row)
        session.flush()
        session.refresh(row)
        assert row.created_at == moment
        assert row.created_at.utcoffset() == timedelta(0)
        session.rollback()


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with store.session(writes=True) as session:
        session.add(account("a@example.org", datetime(2026, 1, 1)))  # noqa: DTZ001 - That is what is tested.
        with pytest.raises(StatementError, match="without a zone"):
            session.flush()


def test_moments_are_compared_and_ordered_by_the_store(store: Store, now: datetime) -> None:
    with store.write() as session:
        for number in range(3):
            session.add(account(f"{number}@example.org", now + timedelta(microseconds=number)))
    with store.read() as session:
        after = session.scalars(select(Account.email).where(Account.created_at > now).order_by(Account.created_at))
        assert list(after) == ["1@example.org", "2@example.org"]


# --- Codes and keys -------------------------------------------------------------------------------


def test_codes_are_random_and_can_be_read_over_the_telephone() -> None:
    codes = {new_code() for _ in range(1_000)}
    assert len(codes) == 1_000
    assert all(len(code) == 12 and not set(code) & set("aeiou01l") for code in codes)
    assert all(is_code(code) for code in codes)


def test_the_store_makes_codes_of_its_own(store: Store) -> None:
    with store.read() as session:
        codes = {session.scalar(select(random_code())) for _ in range(20)}
    assert len(codes) == 20
    assert all(code is not None and len(code) == 32 and is_code(code) for code in codes)


@pytest.mark.parametrize("text", ["", "\x00", "a\x00b", "\ud800", "A", "ü", "a b", "a\n", "../x", "٣", "x" * 65])
def test_what_cannot_be_a_code_is_known_without_asking_the_store(text: str) -> None:
    assert not is_code(text)


@pytest.mark.parametrize(("number", "can_be"), [(1, True), (2**63 - 1, True), (0, False), (-1, False), (2**63, False)])
def test_what_cannot_be_a_row_is_known_without_asking_the_store(number: int, can_be: bool) -> None:
    assert is_row_id(number) is can_be


def test_of_two_equal_rows_added_at_once_one_is_new_and_neither_transaction_breaks(store: Store, now: datetime) -> None:
    met = meeting(store)

    def add(other: str) -> bool:
        with store.write() as session:
            session.scalar(select(Account))
            met()
            was_new = add_if_new(session, account("same@example.org", now))
            session.add(account(other, now))
            return was_new

    assert sorted(map(bool, at_once(lambda: add("a@example.org"), lambda: add("b@example.org")))) == [False, True]
    assert emails(store) == ["a@example.org", "b@example.org", "same@example.org"]


def test_truth_lives_in_constraints(store: Store, now: datetime) -> None:
    with store.session(writes=True) as session:
        session.add_all([account("a@example.org", now), account("a@example.org", now)])
        with pytest.raises(IntegrityError):
            session.flush()


# --- Opening --------------------------------------------------------------------------------------


def test_whoever_opens_a_new_file_while_another_reads_it_waits_for_it(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN")
    other.execute("SELECT * FROM t").fetchall()
    tried: list[str] = []

    def goes_at_the_second_try(statement: str) -> None:
        tried.extend([statement] if "journal_mode" in statement else [])
        if len(tried) == 2:
            other.execute("COMMIT")

    def watched(connection: sqlite3.Connection, _entry: object) -> None:
        connection.execute("PRAGMA busy_timeout = 0")  # The driver's own wait, which ends some day as well.
        connection.set_trace_callback(goes_at_the_second_try)

    engine = open_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", watched, insert=True)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    assert len(tried) > 2
    engine.dispose()
    other.close()


def test_an_sqlite_store_survives_a_power_cut_and_holds_its_keys(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/deep/down/vrm.db")
    with store.read() as session:
        pragmas = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    store.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://localhost/x",
        "postgres://x/y",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "http://x",
        "://",
    ],
)
def test_an_address_that_is_no_store_of_ours_names_the_setting(url: str) -> None:
    with pytest.raises(BadSetting, match="VRM_DATABASE_URL must"):
        open_engine(url)


@dataclass(frozen=True)
class _Kinds:
    url: str
    dialect: str


@pytest.mark.parametrize(
    "kind", [_Kinds("postgresql://localhost/x", "postgresql"), _Kinds("postgresql+psycopg://x/y", "postgresql")]
)
def test_postgresql_is_spoken_to_through_one_driver(kind: _Kinds) -> None:
    engine = open_engine(kind.url)
    assert (engine.dialect.name, engine.dialect.driver) == (kind.dialect, "psycopg")
    engine.dispose()
