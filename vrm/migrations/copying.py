"""All rows of one store → an empty one of the other kind, in one transaction, each of them read back and compared."""

from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime
from itertools import zip_longest
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Column, Connection, Row, Table, func, select, text

from vrm import migrations
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.kernel.sealed import SealedDocument, SealedText
from vrm.models import Base

Progress = Callable[[str, int, int], None]
"""Takes a table's name, how many of its rows are done, and how many there are."""

_AT_ONCE = 2_000
_FOREIGN_KEYS = text(
    "SELECT conrelid::regclass::text AS of, conname AS name FROM pg_constraint "
    "WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conname LIKE 'fk\\_%'"
)


def copy(source: Store, target: Store, now: datetime, *, progress: Progress) -> int:
    """Make `target`, a PostgreSQL without rows of ours, hold all that the SQLite `source` holds; how many rows.

    Nobody can write to the source meanwhile. VrmError when the target has rows, or either is not at this version;
    then, and whenever it is interrupted, the target is as it was.
    """
    if migrations.current(source) != migrations.newest():
        raise VrmError("The store is not at this version yet; run `vrm db upgrade` first.")
    newest = migrations.newest()
    migrations.upgrade(target, now, to=str(newest))  # The tables only: categories and regions come from the source.
    with source.engine.connect() as read, target.engine.begin() as write:
        _refuse_rows(write)
        _let_keys_wait(write)
        total = 0
        for table in Base.metadata.sorted_tables:
            total += _copy_table(table, read, write, progress)
        _check_keys(write)
        for table in Base.metadata.sorted_tables:
            _compare(table, read, write)
            _go_on_counting(table, write)
        read.rollback()
    with target.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return total


def _refuse_rows(write: Connection) -> None:
    for table in Base.metadata.sorted_tables:
        if write.execute(select(*table.primary_key).limit(1)).first() is not None:
            raise VrmError(f"The target has rows in {table.name} already; name a new or empty database.")


def _copy_table(table: Table, read: Connection, write: Connection, progress: Progress) -> int:
    count = read.scalar(select(func.count()).select_from(table)) or 0
    progress(table.name, 0, count)
    columns = list(table.columns)
    names = ", ".join(f'"{column.name}"' for column in columns)
    done = 0
    with (
        closing(_rows(table, read)) as rows,
        closing(write.connection.cursor()) as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as stream,
    ):
        for row in rows:
            stream.write_row([_given(column, value, write) for column, value in zip(columns, row, strict=True)])
            done += 1
            if done % _AT_ONCE == 0:
                progress(table.name, done, count)
    progress(table.name, done, count)
    return done


def _rows(table: Table, connection: Connection) -> Generator[Row[Any]]:
    query = select(table).order_by(*table.primary_key)
    with connection.execute(query, execution_options={"yield_per": _AT_ONCE}) as result:
        yield from result


def _given(column: Column[Any], value: Any, write: Connection) -> Any:
    """As the driver takes it: documents have to say that they are some, and secrets are sealed anew."""
    if isinstance(column.type, SealedDocument | SealedText):
        value = column.type.process_bind_param(value, write.dialect)
    return Jsonb(value) if isinstance(column.type, JSON | SealedDocument) and value is not None else value


def _compare(table: Table, read: Connection, write: Connection) -> None:
    with closing(_rows(table, read)) as befores, closing(_rows(table, write)) as afters:
        for before, after in zip_longest(befores, afters):
            if before is None or after is None or tuple(before) != tuple(after):
                raise VrmError(f"A row of {table.name} is not there as it was; nothing was kept. Please report this.")


def _go_on_counting(table: Table, write: Connection) -> None:
    """New rows are numbered after those that came along."""
    key = list(table.primary_key)
    if len(key) != 1 or key[0].type.python_type is not int:
        return
    sequence = write.scalar(select(func.pg_get_serial_sequence(table.name, key[0].name)))
    highest = write.scalar(select(func.max(key[0])))
    if sequence is not None and highest is not None:
        write.execute(select(func.setval(sequence, highest)))


def _let_keys_wait(write: Connection) -> None:
    """Foreign keys are looked at when all rows are there, since some tables refer to themselves."""
    for of, name in write.execute(_FOREIGN_KEYS).all():
        write.execute(text(f'ALTER TABLE {of} ALTER CONSTRAINT "{name}" DEFERRABLE INITIALLY DEFERRED'))


def _check_keys(write: Connection) -> None:
    write.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    for of, name in write.execute(_FOREIGN_KEYS).all():
        write.execute(text(f'ALTER TABLE {of} ALTER CONSTRAINT "{name}" NOT DEFERRABLE'))
