"""A closed set of words grows → the CHECK of its column, changed in place. SQLite keeps it in the table's own text."""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def allow(table: str, column: str, name: str, words: Sequence[str]) -> None:
    """Let `column` hold these words and no others; its rows must do so already. `name` is that of the StrEnum."""
    listed = ", ".join(f"'{word}'" for word in words)
    check = f"ck_{table}_{name}"
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.drop_constraint(op.f(check), table, type_="check")
        op.create_check_constraint(op.f(check), table, sa.text(f"{column} IN ({listed})"))
        return
    rewrite(table, rf"(CONSTRAINT {check} CHECK \({column} IN \()[^)]*(\)\))", rf"\g<1>{listed}\g<2>")


def rewrite(table: str, pattern: str, by: str) -> None:
    """Rebuild an SQLite table with one part of its own text replaced, and all its rows and indexes.

    As SQLite's documentation has it: https://sqlite.org/lang_altertable.html#otheralter
    """
    connection = op.get_bind()
    of_table = {"t": table}
    made = connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :t"), of_table)
    after, changed = re.subn(pattern, by, str(made))
    if changed != 1:
        raise ValueError(f"{table} has not exactly one of {pattern}")
    indexes = connection.scalars(
        sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :t AND type <> 'table' AND sql IS NOT NULL"), of_table
    ).all()
    after = re.sub(rf'CREATE TABLE "?{table}"?', f'CREATE TABLE "{table}_anew"', after, count=1)
    for statement in (
        after,
        f'INSERT INTO "{table}_anew" SELECT * FROM "{table}"',  # noqa: S608 - Our own names.
        f'DROP TABLE "{table}"',
        f'ALTER TABLE "{table}_anew" RENAME TO "{table}"',
        *indexes,
    ):
        connection.exec_driver_sql(statement)
