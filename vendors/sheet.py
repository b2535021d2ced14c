"""A table as spreadsheets save it (CSV) → lines with named cells, and lines → such a table. Pure."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vrm.kernel.errors import BadInput
from vrm.kernel.text import BEGIN_FORMULAS, defused

_SEPARATORS = (",", ";", "\t")
_LONGEST_CELL = 5_000


@dataclass(frozen=True, slots=True)
class Line:
    """One row. `number` is the one that a spreadsheet shows beside it: the heading is row 1."""

    number: int
    cells: dict[str, str]
    extra: int = 0  # Cells beyond the last heading.

    def get(self, column: str) -> str:
        """The cell, trimmed; empty where the column or the cell is missing."""
        return self.cells.get(column, "")


def read(content: bytes, *, known: Sequence[str], needed: Sequence[str], ignored: Sequence[str] = ()) -> list[Line]:
    """Every row that is not empty. BadInput("file") says what to change when it is no such table."""
    try:
        plain = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput({"file": "The file is not UTF-8; save it as “CSV UTF-8” and try again."}) from error
    heading = plain.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=heading.count)
    rows = csv.reader(io.StringIO(plain, newline=""), delimiter=separator)
    try:
        columns = _columns(next(rows, []), known, needed, ignored)
        found = []
        for number, row in enumerate(rows, start=2):
            if any(cell.strip() for cell in row):
                cells = {name: _read(cell) for name, cell in zip(columns, row, strict=False)}
                found.append(Line(number, cells, max(0, len(row) - len(columns))))
    except csv.Error as error:
        raise BadInput({"file": f"Row {rows.line_num} cannot be read as CSV: {error}."}) from error
    if not found:
        raise BadInput({"file": "There is no row below the one that names the columns."})
    return found


def write(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that a spreadsheet opens; no cell of it is a formula."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(columns)
    writer.writerows([defused(cell) for cell in row] for row in rows)
    return lines.getvalue()


def _columns(row: Sequence[str], known: Sequence[str], needed: Sequence[str], ignored: Sequence[str]) -> list[str]:
    names = [re.sub(r"[\s-]+", "_", cell.strip().casefold()) for cell in row]
    while names and not names[-1]:
        names.pop()
    strange = [name[:40] or "(none)" for name in names if name not in known and name not in ignored]
    if strange:
        raise BadInput(
            {"file": f"There is no column called {', '.join(strange[:5])}. Row 1 names columns: {', '.join(known)}."}
        )
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise BadInput({"file": f"Two columns are called {twice[0]}; take one away."})
    lacking = [name for name in needed if name not in names]
    if lacking:
        raise BadInput({"file": f"Row 1 lacks a column called {' and one called '.join(lacking)}."})
    return names


def _read(cell: str) -> str:
    """A cell as it was meant: without the mark that keeps a spreadsheet from reading it as a formula."""
    cell = cell.strip()
    return (cell[1:] if cell.startswith("'") and cell[1:].startswith(BEGIN_FORMULAS) else cell)[:_LONGEST_CELL]
