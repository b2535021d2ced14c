"""A table of leads → CSV and JSON Lines in one pass, and Parquet."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from vrm.kernel.errors import BadInput
from vrm.research.table import COLUMNS, FLAGS, MISSING, SECONDS, LeadTable, Words

_AT_ONCE = 65_536  # Rows that are text in memory at a time.
_NEEDS_QUOTES = re.compile(r'[",\r\n]')
_FLAG = {-1: "", 0: "false", 1: "true"}


def write_text(table: LeadTable, csv: Path, jsonl: Path) -> None:
    """Both text formats: UTF-8, \\n, columns as `COLUMNS`; empty cells are empty in CSV and null in JSON."""
    template = "{" + ",".join(f"{json.dumps(name)}:%s" for name in COLUMNS) + "}\n"
    with csv.open("w", encoding="utf-8", newline="") as plain, jsonl.open("w", encoding="utf-8", newline="") as lines:
        plain.write(",".join(COLUMNS) + "\n")
        columns = [_texts(table, name) for name in COLUMNS]
        for start in range(0, len(table), _AT_ONCE):
            pairs = [column(slice(start, start + _AT_ONCE)) for column in columns]
            plain.write("\n".join(map(",".join, zip(*(pair[0] for pair in pairs), strict=True))) + "\n")
            lines.write("".join(map(template.__mod__, zip(*(pair[1] for pair in pairs), strict=True))))


Texts = tuple[Sequence[str], Sequence[str]]  # Of some cells, for CSV and for JSON.


def _texts(table: LeadTable, name: str) -> Callable[[slice], Texts]:
    if name in SECONDS:
        return lambda rows: _numbers(table.seconds[name][rows].tolist())
    if name in FLAGS:
        return lambda rows: _both([_FLAG[cell] for cell in table.contact_interval_ok[rows].tolist()])
    column = table.words[name]
    plain = np.array([_quoted(label) for label in column.labels] or [""], dtype=object)
    coded = np.array([json.dumps(label, ensure_ascii=False) if label else "null" for label in column.labels] or [""])
    coded = coded.astype(object)
    return lambda rows: (plain[column.codes[rows]].tolist(), coded[column.codes[rows]].tolist())


def _numbers(cells: Sequence[int]) -> Texts:
    return _both(["" if cell == MISSING else str(cell) for cell in cells])


def _both(cells: Sequence[str]) -> Texts:
    return cells, [cell or "null" for cell in cells]


def _quoted(label: str) -> str:
    return '"' + label.replace('"', '""') + '"' if _NEEDS_QUOTES.search(label) else label


# --- Parquet --------------------------------------------------------------------------------------


def need_parquet() -> None:
    """Raise BadInput with the command that installs it, where Parquet cannot be written or read here."""
    if find_spec("pyarrow") is None:
        fix = ".venv/bin/pip install --require-hashes -r .ci/locks/research.txt"
        raise BadInput({"parquet": f"Parquet needs pyarrow, which is not installed here; run {fix}"})


def _arrow() -> Any:
    """pyarrow, which comes with the extra "research": fifty megabytes that a page of figures does without."""
    return import_module("pyarrow")


def write_parquet(table: LeadTable, file: Path) -> None:
    """One row group, zstd; words as dictionaries, empty cells as nulls."""
    need_parquet()
    arrays = [_array(table, name) for name in COLUMNS]
    write = import_module("pyarrow.parquet").write_table
    write(_arrow().table(arrays, names=list(COLUMNS)), file, compression="zstd", row_group_size=1_000_000)


def _array(table: LeadTable, name: str) -> Any:
    pa = _arrow()
    if name in SECONDS:
        column = table.seconds[name]
        return pa.array(column, mask=column == MISSING)
    if name in FLAGS:
        flag = table.contact_interval_ok
        return pa.array(flag == 1, mask=flag < 0)
    words = table.words[name]
    labels = pa.array(words.labels, type=pa.string())
    mask = words.among([""]) if words.labels else None
    return pa.DictionaryArray.from_arrays(pa.array(words.codes, mask=mask), labels)


def read_parquet(file: Path, columns: Sequence[str] = COLUMNS) -> LeadTable:
    """The table that write_parquet wrote, not checked again; `columns` alone is quicker than all."""
    need_parquet()
    read = import_module("pyarrow.parquet").read_table
    found = read(file, columns=list(columns), read_dictionary=[c for c in columns if c not in SECONDS + FLAGS])
    size = found.num_rows
    nothing = np.full(size, -1, dtype=np.int8)
    return LeadTable(
        words={name: _words(found.column(name)) for name in columns if name not in SECONDS + FLAGS},
        seconds={name: _seconds(found.column(name)) for name in columns if name in SECONDS},
        contact_interval_ok=_flags(found.column(FLAGS[0])) if FLAGS[0] in columns else nothing,
        row_numbers=np.arange(2, size + 2),  # As in the CSV, whose header is row 1.
    )


def _words(column: Any) -> Words:
    pa = _arrow()
    one = column.unify_dictionaries().combine_chunks()
    one = one.chunk(0) if isinstance(one, pa.ChunkedArray) else one
    labels = ["" if label is None else label for label in one.dictionary.to_pylist()]
    if one.null_count:
        if "" not in labels:
            labels.append("")
        codes = one.indices.fill_null(labels.index("")).to_numpy(zero_copy_only=False)
    else:
        codes = one.indices.to_numpy(zero_copy_only=False)
    return Words(tuple(labels), codes.astype(np.int32, copy=False))


def _seconds(column: Any) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.asarray(column.fill_null(MISSING).to_numpy(), dtype=np.int64)


def _flags(column: Any) -> "np.ndarray[tuple[int], np.dtype[np.int8]]":
    return np.array([-1 if cell is None else int(cell) for cell in column.to_pylist()], dtype=np.int8)


def rows(table: LeadTable) -> Iterator[dict[str, str | int | bool | None]]:
    """Each row by column, empty cells as None."""
    for index in range(len(table)):
        row: dict[str, str | int | bool | None] = {name: table.words[name][index] or None for name in table.words}
        row |= {n: None if v[index] == MISSING else int(v[index]) for n, v in table.seconds.items()}
        row[FLAGS[0]] = {-1: None, 0: False, 1: True}[int(table.contact_interval_ok[index])]
        yield row
