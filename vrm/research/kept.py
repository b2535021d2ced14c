"""What the live page and the API show, worked out by the worker beforehand and kept in a file: at most a minute old.

Reading a million leads and measuring them takes longer than anybody waits for a page. The worker does it where
something changed, and only where it did; whoever finds nothing fresh works it out alone, to the same last digit.
"""

import io
import json
import os
import pickle  # Read by _Reader alone, which makes nothing but our own tables.
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from vrm.research.charts import Material, Say
from vrm.research.hours import Weeks
from vrm.research.metrics import By, Measures
from vrm.research.table import LeadTable, Words

FRESH = timedelta(seconds=60)  # What is older is not shown.
EVERY = timedelta(seconds=20)  # How often the worker looks whether something changed.
AT_LEAST_EVERY = timedelta(minutes=10)  # Time alone moves curves too, slowly.
_SETTLED_S = 2.0  # A file that was written just now may be written again in the same tick of its clock.
_BEHIND_PAGES: tuple[By | None, ...] = (None, "vendor", "arm")  # What only the API asks for, it works out.
_LINE = 64  # Bytes; each array begins at a multiple of it.


@dataclass(frozen=True, slots=True)
class Kept:
    """The live store at one moment, as it may be shown, measured."""

    made_at: datetime
    leads: LeadTable
    weeks: Weeks
    names: Mapping[str, str]
    measured: Mapping[By | None, Measures]
    mark: str = ""  # Of the store before it was read; "" where that says nothing.
    _shown: dict[str, Material] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, material: Material, made_at: datetime, mark: str = "") -> "Kept":
        """All measures that pages ask for of the whole."""
        # Nobody asks for a lead by its id: a million words less to keep.
        words = dict(material.leads.words)
        words["lead_id"] = Words(("",), np.zeros(len(material.leads), dtype=np.int32))
        measured = {by: material.measured(by) for by in _BEHIND_PAGES}
        return cls(made_at, replace(material.leads, words=words), material.weeks, material.names, measured, mark)

    def material(self, say: Say, language: str = "") -> Material:
        """The same as if it had been read from the store at `made_at`; one for each language."""
        if language not in self._shown:
            found = Material(self.leads, self.weeks, self.names, say)
            found.know(self.measured)
            self._shown[language] = found
        return self._shown[language]


def write(folder: Path, kept: Kept) -> None:
    """Keep it in this folder, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = folder / f".kept-{os.getpid()}"
    arrays: list[pickle.PickleBuffer] = []
    said = pickle.dumps(kept, protocol=5, buffer_callback=arrays.append)
    parts = [memoryview(said), *(array.raw() for array in arrays)]
    sizes = [part.nbytes for part in parts]
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(f"{json.dumps(sizes)}\n".encode("ascii"))
        for part in parts:
            file.seek(-(-file.tell() // _LINE) * _LINE)
            file.write(part)
    half.replace(folder / "live")
    checked(folder, kept.made_at)


def checked(folder: Path, now: datetime) -> None:
    """Say that what is kept is what the store says at `now`."""
    half = folder / f".checked-{os.getpid()}"
    half.write_text(now.isoformat(), encoding="ascii")
    half.replace(folder / "checked")


def checked_at(folder: Path) -> datetime | None:
    """When that was last said; None where nothing is kept."""
    try:
        return datetime.fromisoformat((folder / "checked").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


_last: dict[Path, tuple[int, Kept]] = {}
_lock = Lock()


def read(folder: Path) -> Kept | None:
    """What is kept there; None where there is nothing, or nothing that this version understands."""
    file = folder / "live"
    with _lock:  # Of several requests one reads it.
        try:
            stamp = file.stat().st_mtime_ns
            held = _last.get(folder)
            if held is None or held[0] != stamp:
                held = _last[folder] = (stamp, _opened(file))
            return held[1]
        except (
            OSError,
            EOFError,
            AttributeError,
            TypeError,
            ValueError,
            LookupError,
            ImportError,
            pickle.UnpicklingError,
        ):
            return None


def _opened(file: Path) -> Kept:
    """What `write` wrote. Its arrays stay in the file, which every process of this machine looks at together."""
    with file.open("rb") as opened:
        whole = mmap(opened.fileno(), 0, access=ACCESS_READ)  # For as long as an array of it is looked at.
        sizes: list[int] = json.loads(opened.readline())
        parts, at = [], opened.tell()
        for size in sizes:
            at = -(-at // _LINE) * _LINE
            parts.append(memoryview(whole)[at : at + size])
            at += size
        found: Kept = _Reader(io.BytesIO(parts[0]), buffers=parts[1:]).load()
        return found


def fresh(folder: Path, now: datetime) -> Kept | None:
    """What is kept there, where it is true to the minute."""
    at = checked_at(folder)
    return read(folder) if at is not None and timedelta(0) <= now - at <= FRESH else None


def mark(session: Session) -> str:
    """Changes when anything in the store is committed; "" when that cannot be told just now. Take it before reading.

    PostgreSQL counts what a connection wrote when that falls idle, ten seconds later at most.
    """
    if session.get_bind().dialect.name != "sqlite":
        counted = text("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname = :own")
        return str(session.scalar(counted, {"own": "public"}))
    path = make_url(str(session.get_bind().engine.url)).database or ""
    parts = []
    for file in (path, f"{path}-wal"):
        try:
            found = os.stat(file)
        except OSError:
            continue
        if datetime.now().timestamp() - found.st_mtime < _SETTLED_S:  # noqa: DTZ005 - Beside the clock of the file.
            return ""
        parts.append(f"{found.st_mtime_ns} {found.st_size}")
    return ", ".join(parts)


class _Reader(pickle.Unpickler):
    """Makes our own tables and numpy's arrays, and nothing else that a file may name."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith("vrm.research.") else None
        if isinstance(found, type) and found.__module__ == module:
            return found
        arrays = module.startswith("numpy") and name in {"_reconstruct", "_frombuffer", "ndarray", "dtype", "scalar"}
        if arrays or (module == "datetime" and name in {"datetime", "timedelta", "timezone"}):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in what is kept.")
