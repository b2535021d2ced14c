"""Moments in the store → whole seconds between them, and seconds, days since 1970, by the store itself.

Making a datetime of each moment of a million leads takes longer than all that is measured on them.
"""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class seconds_between(FunctionElement[int]):  # noqa: N801 - It reads as a function in SQL expressions.
    """Whole seconds from the second moment to the first, towards zero; NULL where one is missing."""

    type = BigInteger()
    inherit_cache = True


class days_since_1970(FunctionElement[int]):  # noqa: N801 - It reads as a function in SQL expressions.
    """The day of a moment in UTC, 0 being 1 January 1970."""

    type = BigInteger()
    inherit_cache = True


class seconds_since_1970(FunctionElement[int]):  # noqa: N801 - It reads as a function in SQL expressions.
    """The whole second of a moment; NULL where it is missing."""

    type = BigInteger()
    inherit_cache = True


@compiles(seconds_since_1970, "sqlite")
def _second_sqlite(element: seconds_since_1970, compiler: Any, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({moment} / 1000000)"


@compiles(seconds_since_1970, "postgresql")
def _second_postgresql(element: seconds_since_1970, compiler: Any, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"floor(extract(epoch FROM {moment}))::bigint"


@compiles(seconds_between, "sqlite")
def _seconds_sqlite(element: seconds_between, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(({later} - {earlier}) / 1000000)"


@compiles(seconds_between, "postgresql")
def _seconds_postgresql(element: seconds_between, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(clause, **options) for clause in element.clauses)
    return f"trunc(extract(epoch FROM ({later} - {earlier})))::bigint"


@compiles(days_since_1970, "sqlite")
def _days_sqlite(element: days_since_1970, compiler: Any, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({moment} / 86400000000)"


@compiles(days_since_1970, "postgresql")
def _days_postgresql(element: days_since_1970, compiler: Any, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"floor(extract(epoch FROM {moment}) / 86400)::bigint"
