"""What both stores can reckon, each in words of its own: one name for an expression in a statement."""

from typing import Any

from sqlalchemy import Boolean, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class random_code(FunctionElement[str]):  # noqa: N801 - It reads as a function in SQL expressions.
    """A random 32-letter code made by the store itself, for rows that a statement writes in bulk."""

    type = String(32)
    inherit_cache = True


@compiles(random_code, "sqlite")
def _random_code_sqlite(_element: random_code, _compiler: Any, **_: Any) -> str:
    return "lower(hex(randomblob(16)))"


@compiles(random_code, "postgresql")
def _random_code_postgresql(_element: random_code, _compiler: Any, **_: Any) -> str:
    return "replace(gen_random_uuid()::text, '-', '')"


class holds(FunctionElement[bool]):  # noqa: N801 - It reads as a function in SQL expressions.
    """Whether the first text holds the second one, letter by letter."""

    type = Boolean()
    inherit_cache = True


@compiles(holds, "sqlite")
def _holds_sqlite(element: holds, compiler: Any, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


@compiles(holds, "postgresql")
def _holds_postgresql(element: holds, compiler: Any, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"


class days_until(FunctionElement[int]):  # noqa: N801 - It reads as a function in SQL expressions.
    """Whole days from the day of a moment, in UTC, to a day: `days_until(day, moment)`."""

    type = Integer()
    inherit_cache = True


@compiles(days_until, "sqlite")
def _days_until_sqlite(element: days_until, compiler: Any, **options: Any) -> str:
    day, moment = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(julianday({day}) - julianday(date({moment} / 1000000, 'unixepoch')) AS INTEGER)"


@compiles(days_until, "postgresql")
def _days_until_postgresql(element: days_until, compiler: Any, **options: Any) -> str:
    day, moment = (compiler.process(each, **options) for each in element.clauses)
    return f"({day} - CAST({moment} AT TIME ZONE 'UTC' AS DATE))"


class sha256_hex(FunctionElement[str]):  # noqa: N801 - It reads as a function in SQL expressions.
    """The SHA-256 of a text in UTF-8, in hexadecimal, made by the store itself."""

    type = String(64)
    inherit_cache = True


@compiles(sha256_hex, "sqlite")
def _sha256_hex_sqlite(element: sha256_hex, compiler: Any, **options: Any) -> str:
    return f"vrm_sha256({compiler.process(element.clauses, **options)})"


@compiles(sha256_hex, "postgresql")
def _sha256_hex_postgresql(element: sha256_hex, compiler: Any, **options: Any) -> str:
    return f"encode(sha256(convert_to({compiler.process(element.clauses, **options)}, 'UTF8')), 'hex')"
