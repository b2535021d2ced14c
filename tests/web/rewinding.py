"""What stands in a store's tables, and the way back to it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Table, delete, event, insert, select, tuple_, update
from sqlalchemy.orm import Session

from vrm.kernel.db import Store
from vrm.models import Base

Rows = dict[tuple[Any, ...], dict[str, Any]]
# Ten thousand rows each; what is done to them takes a way back of its own.
_TREES = frozenset({"categories", "regions", "region_members", "tree_versions", "rates"})
_WRITTEN = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)')


def rows(session: Session, table: Table) -> Rows:
    """All of them, by key."""
    key = [column.name for column in table.primary_key]
    return {tuple(row[name] for name in key): dict(row) for row in session.execute(select(table)).mappings()}


def rewind(session: Session, before: dict[Table, Rows]) -> None:
    """Make these tables, in the order in which they refer to each other, what they were."""
    now = {table: rows(session, table) for table in before}
    for table in reversed(before):
        if new := now[table].keys() - before[table].keys():
            session.execute(delete(table).where(tuple_(*table.primary_key).in_(new)))
    for table, old in before.items():
        if lost := [old[key] for key in old if key not in now[table]]:
            session.execute(insert(table), lost)
        for key in old:
            if key in now[table] and now[table][key] != old[key]:
                session.execute(update(table).where(tuple_(*table.primary_key) == key).values(**old[key]))


@contextmanager
def rewinding(store: Store) -> Iterator[Callable[[], Callable[[], None]]]:
    """Marks a moment, and gives the way back to it: of whatever was written meanwhile, but for the trees."""
    written: set[str] = set()

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        written.update(_WRITTEN.findall(statement))

    tables: Sequence[Table] = [table for table in Base.metadata.sorted_tables if table.name not in _TREES]

    def mark() -> Callable[[], None]:
        with store.read() as session:
            before = {table: rows(session, table) for table in tables}
        written.clear()

        def back() -> None:
            with store.write() as session:
                rewind(session, {table: before[table] for table in tables if table.name in written})
            written.clear()

        return back

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield mark
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
