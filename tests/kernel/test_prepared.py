"""A prepared statement reads what SQLAlchemy reads, and fails as it fails."""

from datetime import datetime

import pytest
from sqlalchemy import bindparam, literal, literal_column, select, text
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
        with store.look() as connection:
            row = prepared.first(connection, email=ana.email)
            assert tuple(row) == tuple(connection.execute(_FOUND, {"email": ana.email}).one())
    assert (row.email, row.created_at, row.closed_at, row.word) == (ana.email, ana.created_at, None, "told")
    assert row.created_at.tzinfo is not None
    with store.look() as connection:
        assert prepared.first(connection, email="nobody@example.org") is None


def test_it_fails_as_sqlalchemy_fails_and_leaves_the_connection_whole(store: Store) -> None:
    nowhere = Prepared(
        select(literal_column("no_such_column")).select_from(_ACCOUNTS).where(literal(1) == bindparam("one"))
    )
    with store.look() as connection:
        with pytest.raises(DBAPIError):
            nowhere.first(connection, one=1)
        assert connection.execute(text("SELECT 1")).scalar() == 1
