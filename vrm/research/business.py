"""A vendor's hours and two moments → the seconds in between in which it was open, on the clock on its own wall.

Exact through every change of the clock: of an hour that the wall shows twice both count, one that is jumped over does
not exist. Vectorised over the leads of one vendor.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from notifiers.models import CalendarVersion
from notifiers.timing import Office
from vrm.research.table import MISSING

Ints = NDArray[np.int64]

_DAY_S = 86_400
_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Version:
    """What a vendor's hours were from `since_s` on, in seconds since 1970."""

    since_s: int
    office: Office


Versions = Mapping[int, Sequence[Version]]  # By vendor id, the oldest first.


def versions(session: Session) -> Versions:
    """The hours of every vendor that ever said them."""
    found: dict[int, list[Version]] = defaultdict(list)
    query = select(CalendarVersion).order_by(CalendarVersion.vendor_id, CalendarVersion.since)
    for row in session.scalars(query):
        spans = tuple(tuple((span[0], span[1]) for span in day) for day in row.open)
        office = Office(row.zone, spans, row.holidays)
        found[row.vendor_id].append(Version(int(row.since.timestamp()), office))
    return found


def business_waits(known: Versions, vendor: Ints, delivered_s: Ints, wait_s: Ints) -> Ints:
    """M11 for each lead: open seconds in [delivered, delivered + wait), by the version that held at delivery.

    MISSING where the vendor had said no hours by then, where a wait is missing, and where it is negative.
    """
    found = np.full(vendor.size, MISSING)
    whole = (wait_s != MISSING) & (wait_s >= 0) & (delivered_s != MISSING)
    for rows, office in by_office(known, vendor, delivered_s, np.flatnonzero(whole)):
        begins = delivered_s[rows]
        found[rows] = open_seconds(office, begins, begins + wait_s[rows])
    return found


def by_office(known: Versions, vendor: Ints, delivered_s: Ints, rows: Ints) -> Iterator[tuple[Ints, Office]]:
    """Those of `rows` whose vendor had said its hours by then, by the hours that held."""
    mine = rows[np.isin(vendor[rows], np.fromiter(known, dtype=np.int64, count=len(known)))]
    mine = mine[np.argsort(vendor[mine], kind="stable")]
    vendors, starts = np.unique(vendor[mine], return_index=True)
    # Split at every start: what lies before the first is nothing, also where there is no start at all.
    for vendor_id, leads in zip(vendors.tolist(), np.split(mine, starts)[1:], strict=True):
        held = known[vendor_id]
        place = np.searchsorted([version.since_s for version in held], delivered_s[leads], side="right") - 1
        for number in np.unique(place[place >= 0]).tolist():
            yield leads[place == number], held[number].office


def open_seconds(office: Office, begins_s: Ints, ends_s: Ints) -> Ints:
    """The open seconds in each [begin, end), of seconds since 1970."""
    if not begins_s.size:
        return np.zeros(0, dtype=np.int64)
    opens, closes = _intervals(office, int(begins_s.min()), int(ends_s.max()))
    before = np.concatenate(([0], np.cumsum(closes - opens)))

    def until(moment: Ints) -> Ints:
        """Open seconds before this moment, from the first opening on."""
        place = np.searchsorted(opens, moment, side="right")
        last = np.minimum(moment, closes[place - 1]) - opens[place - 1] if opens.size else 0
        return np.where(place > 0, before[place - 1] + last, 0)

    return until(ends_s) - until(begins_s)


def _intervals(office: Office, first_s: int, last_s: int) -> tuple[Ints, Ints]:
    """When it opens and closes, in order, over all that these moments span."""
    opens, closes = [], []
    for begin, end, offset in _regimes(office.zone, first_s, last_s):
        # Between two changes of the clock the wall shows the seconds since 1970 and a constant.
        days = range((begin + offset) // _DAY_S, (end + offset - 1) // _DAY_S + 1)
        spans = [
            (day * _DAY_S + 60 * span[0], day * _DAY_S + 60 * span[1])
            for day in days
            for span in office.spans(_FIRST_DAY + timedelta(days=day))
        ]
        walls = np.array(spans, dtype=np.int64).reshape(-1, 2) - offset
        opened, closed = np.maximum(walls[:, 0], begin), np.minimum(walls[:, 1], end)
        opens.append(opened[opened < closed])
        closes.append(closed[opened < closed])
    return np.concatenate(opens), np.concatenate(closes)


def _regimes(zone: str, first_s: int, last_s: int) -> Iterator[tuple[int, int, int]]:
    """(begin, end, offset from UTC) of each stretch in which the clock is not changed, from end to end."""
    begin, end = first_s // _DAY_S * _DAY_S, (last_s // _DAY_S + 1) * _DAY_S
    for day in range(begin, end, _DAY_S):
        offset, changed_s, after = _day(zone, day)
        if changed_s:
            yield begin, changed_s, offset
            begin, offset = changed_s, after
        if day + _DAY_S >= end:
            yield begin, end, offset


@lru_cache(maxsize=100_000)
def _day(zone: str, day_s: int) -> tuple[int, int, int]:
    """The offset at the beginning of a day of UTC; when it is changed within it, or 0; and the offset after that."""
    clock = zone_of(zone)

    def offset(moment_s: int) -> int:
        shift = datetime.fromtimestamp(moment_s, UTC).astimezone(clock).utcoffset()
        return int(shift.total_seconds()) if shift is not None else 0

    low, high = day_s, day_s + _DAY_S
    first, last = offset(low), offset(high)
    if first == last:
        return first, 0, first
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == first else (low, middle)
    return first, high, last


def zone_of(zone: str) -> ZoneInfo:
    """UTC for a zone that this machine does not know."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
