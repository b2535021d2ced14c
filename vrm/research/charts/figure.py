"""What every figure is: a definition, numbers in a table, the query behind them, and a drawing of them."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Literal

from vrm.research.queries import QUERIES

Cell = str | int | float | None  # None is "not known" or "not observable"; never NaN.
Say = Callable[..., str]  # Translates: say("Of %(n)s", n=3), and published paths: say("Europe › Germany").


def plain(words: str, **named: object) -> str:
    """English, as the words stand."""
    return words % named if named else words


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its name in files, its head on the page, and what its numbers are."""

    key: str
    label: str
    kind: Literal["text", "path", "count", "share", "span"] = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers, to the last digit."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def as_csv(self) -> str:
        """UTF-8, \\n; shares between 0 and 1 with all their digits, spans in seconds, empty where not known."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.key for column in self.columns])
        writer.writerows([["" if cell is None else cell for cell in row] for row in self.rows])
        return text.getvalue()


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the bench. `name` stands in its address; `n` is what it counts."""

    name: str
    title: str
    definition: str
    n: int
    table: Table
    draw: Callable[[str, int], str]  # An id that is unique in the page, a width → an <svg> element.
    query: str = ""  # Its name in `queries`; "" where the leads alone do not hold it.
    full: Callable[[], Table] | None = None  # What the CSV has, where the page shows less.

    @property
    def numbers(self) -> Table:
        """The whole of them."""
        return self.full() if self.full else self.table

    def as_csv(self) -> str:
        """The whole of its numbers."""
        return self.numbers.as_csv()

    def as_json(self) -> dict[str, Any]:
        """Plain values, with the same digits as the file; each row by the names of the columns in it."""
        table = self.numbers
        keys = [column.key for column in table.columns]
        return {
            "name": self.name,
            "title": self.title,
            "definition": self.definition,
            "n": self.n,
            "rows": [dict(zip(keys, row, strict=True)) for row in table.rows],
            "query": QUERIES.get(self.query),
        }


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Table:
    return Table(tuple(columns), tuple(tuple(row) for row in rows))
