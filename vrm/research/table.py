"""Leads in the public column format, from a CSV file or from rows → numpy columns, checked line by line."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from vrm.kernel.errors import BadInput

MISSING = np.iinfo(np.int64).min  # An empty cell in a column of seconds.
LONGEST_S = 10**10  # 317 years; more is a time stamp in the wrong column.
SHOWN = 20  # Problems and notes told one by one; the rest is counted.


class Delivery(StrEnum):
    """`delivery_status`: what became of telling the vendor."""

    DELIVERED = "delivered"
    UNKNOWN = "unknown"  # Tried; no proof of arrival and none of failure.
    UNDELIVERED = "undelivered"  # Tried and failed for good. The next two say more of the same.
    BOUNCED = "bounced"
    REFUSED = "refused"
    NO_CHANNEL = "no_channel"  # Never tried: there was nowhere to send to,
    SWITCHED_OFF = "switched_off"  # or the channel was off.
    WITHHELD = "withheld"  # Never tried, by a rule: cap, terms, block.
    PENDING = "pending"  # Not tried yet.


TRIED = (Delivery.DELIVERED, Delivery.UNKNOWN, Delivery.UNDELIVERED, Delivery.BOUNCED, Delivery.REFUSED)
FAILED = (
    Delivery.UNDELIVERED,
    Delivery.BOUNCED,
    Delivery.REFUSED,
    Delivery.NO_CHANNEL,
    Delivery.SWITCHED_OFF,
)


class Excluded(StrEnum):
    """Known values of `excluded_reason`. A table may name others; empty means that the lead counts."""

    UNDELIVERED = "undelivered"
    KNOWN_BAD_CHANNEL = "known_bad_channel"
    PAUSED_VENDOR = "paused_vendor"
    SELF_INTENT = "self_intent"
    TEST_INTENT = "test_intent"


@dataclass(frozen=True, slots=True)
class LeadRow:
    """One lead in the public column format; seconds count from its delivery, None and "" mean empty.

    `delivered_after_s` alone counts from routing. `response_*` is the first human answer or, failing one, the
    first automatic one. `closed_after_s` is when the intent closed, answered or not; `observed_s` is when we
    stopped looking, whether or not it had closed by then.
    """

    snapshot_id: str
    lead_id: str
    intent_id: str
    vendor_id: str
    iso_week: str  # Of the routing, as 2026-W47.
    category: str
    region: str
    arm: str
    randomisation_block: str
    channel: str
    delivery_status: str  # A Delivery.
    delivered_after_s: int | None
    seen_after_s: int | None
    seen_basis: str
    response_after_s: int | None
    response_kind: str
    response_actor: str
    closed_after_s: int | None
    intent_outcome: str
    observed_s: int | None
    business_wait_s: int | None
    contact_interval_ok: bool | None
    excluded_reason: str  # An Excluded, another word, or "".


COLUMNS = tuple(field.name for field in fields(LeadRow))
SECONDS = tuple(name for name in COLUMNS if name.endswith("_s"))
FLAGS = ("contact_interval_ok",)
WORDS = tuple(name for name in COLUMNS if name not in SECONDS + FLAGS)

ALLOWED: Mapping[str, tuple[str, ...]] = {
    "delivery_status": tuple(Delivery),
    "response_kind": ("", "offer", "question", "decline", "reply"),
    "response_actor": ("", "human", "auto", "unknown"),
    "intent_outcome": ("", "open", "fulfilled", "withdrawn", "expired", "removed"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: row i holds `labels[codes[i]]`."""

    labels: tuple[str, ...]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, cells: Iterable[str]) -> "Words":
        held = cells if isinstance(cells, Sequence) else list(cells)
        known = {cell: code for code, cell in enumerate(dict.fromkeys(held))}
        return cls(tuple(known), np.fromiter(map(known.__getitem__, held), dtype=np.int32, count=len(held)))

    def among(self, wanted: Iterable[str], rows: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """True where a row, of all or of those given, holds one of these words."""
        chosen = frozenset(wanted)
        codes = self.codes if rows is None else self.codes[rows]
        hit = np.array([label in chosen for label in self.labels] or [False], dtype=np.bool_)
        return np.asarray(hit[codes], dtype=np.bool_)

    def renamed(self, name: Callable[[str], str]) -> "Words":
        """The same column with other labels; labels that come to have the same name become one."""
        named = Words.of(map(name, self.labels))
        return Words(named.labels, named.codes[self.codes] if self.labels else self.codes)

    def rows(self, rows: NDArray[np.int64]) -> "Words":
        """These rows, in this order, with the labels that occur in them."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        return Words(tuple(self.labels[code] for code in used.tolist()), codes.astype(np.int32))

    def in_order(self) -> "Words":
        """The same column with its labels in alphabetical order."""
        order = sorted(range(len(self.labels)), key=self.labels.__getitem__)
        place = np.empty(len(order), dtype=np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        return Words(tuple(self.labels[code] for code in order), place[self.codes] if order else self.codes)

    def __getitem__(self, row: int) -> str:
        return self.labels[int(self.codes[row])]


@dataclass(frozen=True, slots=True)
class LeadTable:
    """Leads by column. Every row passed the checks; negative clocks are kept here and left out when measuring."""

    words: Mapping[str, Words]  # One for each of WORDS.
    seconds: Mapping[str, NDArray[np.int64]]  # One for each of SECONDS; MISSING where empty.
    contact_interval_ok: NDArray[np.int8]  # 1, 0, or -1 where empty.
    row_numbers: NDArray[np.int64]  # What people call each row: in a file, the header is row 1.
    ignored_columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.contact_interval_ok.size)

    @property
    def snapshot_id(self) -> str:
        labels = self.words["snapshot_id"].labels
        return labels[0] if labels else ""

    def in_order(self) -> "LeadTable":
        """The same table; sums over its groups then come to the same last digit, whichever format it was read from."""
        grouped = ("intent_id", "vendor_id", "category", "region", "arm", "randomisation_block", "channel")
        return replace(self, words=dict(self.words) | {name: self.words[name].in_order() for name in grouped})

    def rows(self, rows: NDArray[np.int64]) -> "LeadTable":
        """These rows, in this order."""
        return LeadTable(
            words={name: column.rows(rows) for name, column in self.words.items()},
            seconds={name: column[rows] for name, column in self.seconds.items()},
            contact_interval_ok=self.contact_interval_ok[rows],
            row_numbers=self.row_numbers[rows],
            ignored_columns=self.ignored_columns,
        )


class _Problems:
    """What is wrong, a sentence each, until there are too many to read."""

    def __init__(self, row_numbers: Sequence[int]) -> None:
        self.row_numbers = row_numbers
        self.found: dict[str, str] = {}
        self.more = 0

    def add(self, index: int, column: str, sentence: str) -> None:
        row = self.row_numbers[index]
        if len(self.found) < SHOWN:
            self.found.setdefault(f"rows/{row}/{column}", f"Row {row}: {sentence}")
        else:
            self.more += 1

    def raise_any(self) -> None:
        if self.found:
            rest = {"rows": f"And {self.more} more problems like these."} if self.more else {}
            in_order = sorted(self.found.items(), key=lambda each: int(each[0].split("/")[1]))
            raise BadInput(dict(in_order) | rest)


def read_csv(file: Path | TextIO) -> LeadTable:
    """A table from a CSV file: UTF-8, comma, a header with at least COLUMNS in any order, one lead per row.

    Row numbers are those of a spreadsheet: the header is row 1. Raises BadInput with a sentence per problem,
    keyed "rows/<number>/<column>", or "columns" or "file" when the table cannot be read at all.
    """
    try:
        text = file.read_text(encoding="utf-8-sig") if isinstance(file, Path) else file.read()
        numbered = enumerate(csv.reader(StringIO(text, newline=""), strict=True), start=1)
        (_, header), *lines = ((number, line) for number, line in numbered if line)
    except OSError as error:
        raise BadInput({"file": f"{file} cannot be opened: {error.strerror}."}) from error
    except UnicodeDecodeError as error:
        raise BadInput({"file": "The file is not UTF-8 text. Save it again as CSV UTF-8."}) from error
    except csv.Error as error:
        raise BadInput({"file": f"The file is not a table of comma-separated values: {error}."}) from error
    except ValueError as error:
        raise BadInput({"columns": "The file is empty. Its first row must name the columns."}) from error
    header = [name.strip().removeprefix("\ufeff") for name in header]
    _check_header(header)
    problems = _Problems([number for number, _ in lines])
    for index, (_, line) in enumerate(lines):
        if len(line) != len(header):
            problems.add(index, "", f"It has {len(line)} cells where the header has {len(header)}.")
    problems.raise_any()
    cells = dict(
        zip(header, zip(*(line for _, line in lines), strict=True) if lines else [()] * len(header), strict=True)
    )
    ignored = tuple(name for name in header if name not in COLUMNS)
    return _build(cells, problems, ignored)


def from_rows(rows: Iterable[LeadRow]) -> LeadTable:
    """The same table, with the same checks, from rows in memory; the first row is row 1. Raises BadInput."""
    held = list(rows)
    cells: dict[str, Sequence[object]] = {name: [getattr(row, name) for row in held] for name in COLUMNS}
    return _build(cells, _Problems(range(1, len(held) + 1)), ())


def _check_header(header: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise BadInput({"columns": f"These columns are missing from the header (row 1): {', '.join(missing)}."})
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise BadInput({"columns": f"The header (row 1) names these columns twice: {', '.join(twice)}."})


def _build(cells: Mapping[str, Sequence[object]], problems: _Problems, ignored: tuple[str, ...]) -> LeadTable:
    rows = len(cells[COLUMNS[0]])
    table = LeadTable(
        words={name: Words.of("" if c is None else str(c).strip() for c in cells[name]) for name in WORDS},
        seconds={
            name: np.fromiter(_whole_seconds(cells[name], name, problems), dtype=np.int64, count=rows)
            for name in SECONDS
        },
        contact_interval_ok=np.fromiter(
            (_flag(cell, index, problems) for index, cell in enumerate(cells[FLAGS[0]])), dtype=np.int8
        ),
        row_numbers=np.array(problems.row_numbers, dtype=np.int64),
        ignored_columns=ignored,
    )
    for index, column, sentence in _contradictions(table):
        problems.add(index, column, sentence)
    problems.raise_any()
    return table


_WHOLE = re.compile(r"(-?[0-9]{1,11})(?:\.0*)?", re.ASCII)  # "300.0" is how pandas writes a column with gaps.

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,3}:[0-9]{2}", re.ASCII)


def _whole_seconds(cells: Sequence[object], column: str, problems: _Problems) -> Iterator[int]:
    for index, cell in enumerate(cells):
        text = "" if cell is None else str(cell).strip()
        if not text:
            yield MISSING
            continue
        whole = _WHOLE.fullmatch(text)
        if whole is None or abs(int(whole[1])) > LONGEST_S:
            wanted = "how many whole seconds passed, not a moment" if _MOMENT.match(text) else "whole seconds"
            problems.add(index, column, f"{column} is {text[:40]!r}; write {wanted}, or leave it empty.")
            yield MISSING
        else:
            yield int(whole[1])


def _flag(cell: object, index: int, problems: _Problems) -> int:
    text = "" if cell is None else str(cell).strip().lower()
    known = {"": -1, "true": 1, "1": 1, "false": 0, "0": 0}
    if text not in known:
        problems.add(index, FLAGS[0], f"{FLAGS[0]} is {text[:40]!r}; write true or false, or leave it empty.")
    return known.get(text, -1)


def _contradictions(table: LeadTable) -> Iterator[tuple[int, str, str]]:
    """(index, column, sentence) for each row that cannot be true, column by column."""
    words, seconds = table.words, table.seconds
    for column, allowed in ALLOWED.items():
        names = ", ".join(name or "empty" for name in allowed)
        for index in np.flatnonzero(~words[column].among(allowed)).tolist():
            yield index, column, f"{column} is {words[column][index][:40]!r}; it must be one of: {names}."
    yield from _identity(words)
    weeks = words["iso_week"]
    known = [label for label in weeks.labels if not label or re.fullmatch(r"[0-9]{4}-W[0-5][0-9]", label)]
    for index in np.flatnonzero(~weeks.among(known)).tolist():
        yield index, "iso_week", f"iso_week is {weeks[index][:40]!r}; write it as 2026-W07."
    delivered = words["delivery_status"].among([Delivery.DELIVERED])
    for index in np.flatnonzero(delivered & (seconds["observed_s"] == MISSING)).tolist():
        yield index, "observed_s", "The lead was delivered, so observed_s must say for how long it was watched."
    timed = seconds["response_after_s"] != MISSING
    for column in ("response_kind", "response_actor"):
        named = ~words[column].among([""])
        for index in np.flatnonzero(timed & ~named).tolist():
            yield index, column, f"There is a response_after_s, so {column} must say what answered."
        for index in np.flatnonzero(~timed & named & delivered).tolist():
            yield index, "response_after_s", f"There is a {column}, so response_after_s must say when."
    excluded = words["excluded_reason"]
    for index in np.flatnonzero(delivered & excluded.among([Excluded.UNDELIVERED])).tolist():
        yield index, "excluded_reason", "The lead is both delivered and excluded as undelivered; correct one."
    for index in np.flatnonzero(excluded.among(["auto_reply", "auto-reply", "auto"])).tolist():
        sentence = "An automatic reply excludes no lead: the vendor has not answered yet. Empty excluded_reason."
        yield index, "excluded_reason", sentence


def _identity(words: Mapping[str, Words]) -> Iterator[tuple[int, str, str]]:
    """Each lead once, from one snapshot."""
    first: dict[int, int] = {}
    for index, code in enumerate(words["lead_id"].codes.tolist()):
        name = words["lead_id"].labels[code]
        if not name:
            yield index, "lead_id", "lead_id is empty; every lead needs its own."
        elif code in first:
            distance = index - first[code]
            yield index, "lead_id", f"lead_id {name[:40]!r} was already {distance} rows above; a lead counts once."
        else:
            first[code] = index
    snapshots = words["snapshot_id"]
    if len(snapshots.labels) > 1:
        index = int(np.flatnonzero(snapshots.codes != snapshots.codes[0])[0])
        two = f"{snapshots[0][:40]!r} and {snapshots[index][:40]!r}"
        sentence = f"The table mixes the snapshots {two}, which may hold the same lead twice; measure one at a time."
        yield index, "snapshot_id", sentence


@dataclass(frozen=True, slots=True)
class Waits:
    """What the definitions make of each row: T, C and d in seconds since delivery, and whether it counts.

    T is the first human answer, C the earlier of closing and end of observation, d is T <= C.
    `t_s` = min(T, C), `follow_up_s` = C; both are only meaningful where `counts`.
    """

    t_s: NDArray[np.int64]
    follow_up_s: NDArray[np.int64]
    answered: NDArray[np.bool_]
    counts: NDArray[np.bool_]
    left_out: Words  # Why a row does not count: excluded_reason, or what its delivery or clocks say; "" if it does.


NEGATIVE_CLOCK = "negative_clock"
DELIVERY_UNKNOWN = "delivery_unknown"
UNDELIVERED = dict.fromkeys(FAILED, "undelivered")
BY_DELIVERY = UNDELIVERED | {
    Delivery.UNKNOWN: DELIVERY_UNKNOWN,
    Delivery.WITHHELD: "withheld",
    Delivery.PENDING: "not_yet_sent",
}


def waits(table: LeadTable) -> Waits:
    """Apply measurement.md's definitions to every row.

    A reason stated in the table comes first, then the delivery, then the clocks: a human answer, a closing or an
    end of observation before the delivery is impossible, so the lead is left out and counted.
    """
    words, seconds = table.words, table.seconds
    said, human = seconds["response_after_s"], words["response_actor"].among(["human"])
    closed, observed = seconds["closed_after_s"], seconds["observed_s"]
    has_answer = human & (said != MISSING)
    follow_up = np.where(closed != MISSING, np.minimum(closed, observed), observed)
    negative = (has_answer & (said < 0)) | ((follow_up != MISSING) & (follow_up < 0))
    answered = has_answer & (said <= follow_up)
    left_out = _left_out(words["excluded_reason"], words["delivery_status"], negative)
    return Waits(
        t_s=np.where(answered, said, follow_up),
        follow_up_s=follow_up,
        answered=answered,
        counts=left_out.among([""]),
        left_out=left_out,
    )


def _left_out(stated: Words, status: Words, impossible: NDArray[np.bool_]) -> Words:
    """Worked out once for each of the few combinations that occur."""
    many = max(len(status.labels), 1)
    found, place = np.unique(
        (stated.codes.astype(np.int64) * many + status.codes) * 2 + impossible, return_inverse=True
    )
    reasons = Words.of(
        stated.labels[code // 2 // many]
        or BY_DELIVERY.get(Delivery(status.labels[code // 2 % many]), NEGATIVE_CLOCK if code % 2 else "")
        for code in found.tolist()
    )
    return Words(reasons.labels, reasons.codes[place])
