"""An idle worker looks only into small indexes of what is owed, and settles when nothing is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from vrm.demo import works_in
from vrm.demo.town import Town
from vrm.kernel.db import Store
from vrm.worker.steps import Works, lanes, settle

BIG = "intents|revisions|entries|blogs|subscriptions|leads|responses|messages|channels|notifications|attempts"


@pytest.fixture
def works(store: Store, tmp_path: Path) -> Iterator[Works]:
    town = Town()
    works = works_in(store, town, tmp_path)
    yield works
    works.reader.close()
    town.close()
    town.dying_hook.close()


def test_when_nothing_is_owed_every_step_says_so(works: Works) -> None:
    assert [step() for lane in lanes(works).values() for step in lane] == [0] * 17
    settle(works)


def test_no_polling_query_reads_a_whole_table(works: Works, store: Store) -> None:
    if store.dialect != "sqlite":
        pytest.skip("PostgreSQL rightly scans a table that is empty; its indexes are the same.")
    asked: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        if sql.startswith(("SELECT", "UPDATE", "INSERT", "DELETE")):
            asked.append((sql, values))

    event.listen(store.engine, "before_cursor_execute", keep)
    for lane in lanes(works).values():
        for step in lane:
            step()
    event.remove(store.engine, "before_cursor_execute", keep)
    assert len(asked) >= 8
    with store.read() as session:
        for sql, values in asked:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            for line in plan:
                assert not re.fullmatch(rf"SCAN ({BIG})", line[-1]), (line[-1], sql)
