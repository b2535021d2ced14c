"""A prepared statement reads what SQLAlchemy reads, and fails as it fails."""

from datetime import datetime

import pytest
from sqlalchemy import bindparam, literal, literal_column, select
from sqlalchemy.exc import DBAPIError

from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Store
from vrm.kernel.prepared import Prepared

_ACCOUNTS = Base.metadata.tables[Account.__tablename__]
_FOUND = select(
    _ACCOUNTS.c.id, _ACCOUNTS.c.email, _ACCOUNTS.c.created_at, _ACCOUNTS.c.closed_at, literal("told").label("word")
).where(_ACCOUNTS.c.email == bindparam("email"))


def test_it_reads_what_sqlalchemy_reads(store: Store, ana: Account, now: datetime) -> None:
    prepared = Prepared(_FOUND)
    for _ in range(2):  # Compiled, and compiled before.
        row = prepared.first(store, email=ana.email)
        assert tuple(row) == tuple(store.look().execute(_FOUND, {"email": ana.email}).one())
    assert (row.email, row.created_at, row.closed_at, row.word) == (ana.email, ana.created_at, None, "told")
    assert row.created_at.tzinfo is not None
    assert prepared.first(store, email="nobody@example.org") is None


def test_it_fails_as_sqlalchemy_fails(store: Store, ana: Account) -> None:
    nothing = select(literal_column("no_such_column")).select_from(_ACCOUNTS)
    with pytest.raises(DBAPIError):
        Prepared(nothing.where(literal(1) == bindparam("one"))).first(store, one=1)
    assert Prepared(_FOUND).first(store, email=ana.email).id == ana.id


def test_a_connection_that_died_is_replaced(store: Store, ana: Account) -> None:
    prepared = Prepared(_FOUND)
    assert prepared.first(store, email=ana.email).id == ana.id
    died = store.look().connection.driver_connection
    assert died is not None
    died.close()  # As a restart of the server does.
    assert prepared.first(store, email=ana.email).id == ana.id
    assert store.look().connection.driver_connection is not died


def test_what_another_connection_wrote_is_seen_at_once(store: Store, ana: Account) -> None:
    prepared = Prepared(_FOUND)
    assert prepared.first(store, email=ana.email).closed_at is None
    with store.write() as session:
        session.merge(ana).closed_at = ana.created_at
    assert prepared.first(store, email=ana.email).closed_at == ana.created_at
