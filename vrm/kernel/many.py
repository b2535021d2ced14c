"""Many row ids in one parameter: the statement stays the same whatever their number, and is planned once."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Boolean, Dialect, Text, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class Ids(TypeDecorator[Collection[int]]):
    """Ids as PostgreSQL writes an array, or as a list in JSON for SQLite, which has none.

    As text: drivers take fifty times as long over the numbers of a list one by one.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Collection[int] | None, dialect: Dialect) -> Any:
        listed = ",".join(map(str, value or ()))
        return f"[{listed}]" if dialect.name == "sqlite" else f"{{{listed}}}"


class one_of(FunctionElement[bool]):  # noqa: N801 - It reads as a function in SQL expressions.
    """Whether a column of row ids is among those of a parameter: `one_of(Lead.id, "ids")`, run with {"ids": …}."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, parameter: str) -> None:
        super().__init__(column, bindparam(parameter, type_=Ids()))


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({ids})))"  # noqa: S608 - Compiled parts, no text of anybody.


@compiles(one_of, "postgresql")
def _one_of_postgresql(element: one_of, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY (CAST({ids} AS BIGINT[])))"
