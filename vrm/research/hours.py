"""When word reached vendors, on their own clocks → the share answered soon after, by weekday and hour.

Soon is within 24 hours by the calendar, or within eight hours in which the vendor was open (M11).
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Literal

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from vendors.models import Lead, Vendor
from vrm.kernel.errors import BadInput
from vrm.research.business import by_office, open_seconds, versions, zone_of
from vrm.research.cells import LEAST, pool
from vrm.research.spans import hours_since_1970, seconds_between, seconds_since_1970
from vrm.research.survival import Share, wilson
from vrm.research.table import MISSING

Clock = Literal["calendar", "business"]
CLOCKS: tuple[Clock, ...] = ("calendar", "business")
SOON_S: Mapping[Clock, int] = {"calendar": 86_400, "business": 8 * 3_600}  # What is answered within so many seconds.
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_COLUMN: Mapping[Clock, str] = {"calendar": "answered_within_24h", "business": "answered_within_8_open_hours"}


@dataclass(frozen=True, slots=True)
class Hour:
    """Leads delivered in one hour of the week that were watched for long enough, and those of them answered soon."""

    weekday: int  # 0 is Monday.
    hour: int  # 0 … 23, on the vendor's clock.
    leads: int
    answered: int

    @property
    def share(self) -> Share | None:
        return wilson(self.answered, self.leads)


@dataclass(frozen=True, slots=True)
class Week:
    """The hours that may be shown, and all others together."""

    hours: tuple[Hour, ...]
    other_leads: int
    other_answered: int

    @property
    def n(self) -> int:
        return sum(hour.leads for hour in self.hours) + self.other_leads

    def as_json(self) -> dict[str, Any]:
        """Plain values, with Wilson's interval for each hour."""
        return {
            "hours": [
                {"weekday": WEEKDAYS[hour.weekday], "hour": hour.hour, "leads": hour.leads, "answered": hour.answered}
                | (hour.share.as_json() if hour.share else {})
                for hour in self.hours
            ],
            "other_leads": self.other_leads,
            "other_answered": self.other_answered,
        }


Weeks = Mapping[Clock, Week]
NO_WEEKS: Weeks = dict.fromkeys(CLOCKS, Week((), 0, 0))


def live_weeks(session: Session, now: datetime, *, least: int = LEAST) -> Weeks:
    """The week as the store has it, by both clocks; the second is of vendors who had said when they are open."""
    return weeks_of(_by_calendar(session, now), _by_business(session, now), least=least)


Counted = tuple[int, str, int, int]  # Hours since 1970, zone, leads, answered.


def _by_calendar(session: Session, now: datetime) -> Iterator[Counted]:
    soon = SOON_S["calendar"]
    query = (
        select(
            hours_since_1970(Lead.delivered_at).label("hour"),
            Vendor.zone,
            func.count().label("leads"),
            func.sum(case((seconds_between(Lead.responded_at, Lead.delivered_at) <= soon, 1), else_=0)),
        )
        .join(Vendor, Vendor.id == Lead.vendor_id)
        .where(Lead.delivered_at <= now - timedelta(seconds=soon), Lead.withheld.is_(None))
        .group_by("hour", Vendor.zone)
    )
    return ((hour, zone, int(leads), int(said)) for hour, zone, leads, said in session.execute(query))


def _by_business(session: Session, now: datetime) -> Iterator[Counted]:
    known = versions(session)
    if not known:
        return
    query = select(Lead.vendor_id, seconds_since_1970(Lead.delivered_at), seconds_since_1970(Lead.responded_at)).where(
        Lead.vendor_id.in_(known),
        Lead.delivered_at <= now - timedelta(seconds=SOON_S["calendar"]),
        Lead.withheld.is_(None),
    )
    rows = [[MISSING if cell is None else cell for cell in row] for row in session.execute(query)]
    vendor, delivered, said = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    until = int(now.timestamp())
    for leads, office in by_office(known, vendor, delivered, np.arange(vendor.size)):
        begins = delivered[leads]
        watched = open_seconds(office, begins, np.full(begins.size, until)) >= SOON_S["business"]
        answered = (said[leads] != MISSING) & (said[leads] >= begins)
        waited = open_seconds(office, begins, np.where(answered, said[leads], begins))
        answered &= waited <= SOON_S["business"]
        for hour, soon in zip((begins[watched] // 3_600).tolist(), answered[watched].tolist(), strict=True):
            yield hour, office.zone, 1, int(soon)


@dataclass(frozen=True, slots=True)
class _Tally:
    """By (weekday, hour)."""

    leads: Counter[tuple[int, int]]
    answered: Counter[tuple[int, int]]

    @classmethod
    def of(cls, counted: Iterable[Counted]) -> "_Tally":
        found = cls(Counter(), Counter())
        for hour, zone, many, said in counted:
            at = _local(hour, zone)
            found.leads[at] += many
            found.answered[at] += said
        return found

    def shown(self, hours: Iterable[tuple[int, int]]) -> Week:
        told = [Hour(*at, self.leads[at], self.answered[at]) for at in sorted(hours)]
        rest = self.leads.total() - sum(hour.leads for hour in told)
        return Week(tuple(told), rest, self.answered.total() - sum(hour.answered for hour in told))


def weeks_of(calendar: Iterable[Counted], business: Iterable[Counted] = (), *, least: int = LEAST) -> Weeks:
    """Both tables. `business` counts leads that `calendar` counts too; hours of fewer than `least` are told together.

    An hour of the second table is told only where what the first has beyond it is nothing or `least` too, and so is
    all that is not told: nothing can be had by subtracting one from the other, or from its own sum.
    """
    every, open_ = _Tally.of(calendar), _Tally.of(business)
    if every.leads.total() < least:
        return NO_WEEKS
    named = {f"{day} {hour}": (day, hour) for day, hour in every.leads}
    shown = [named[name] for name in pool({name: every.leads[at] for name, at in named.items()}, least=least)]

    def fine(leads: int, of: int) -> bool:
        return not 0 < leads < least and not 0 < of - leads < least

    kept = [at for at in sorted(shown, key=lambda at: (-open_.leads[at], at)) if open_.leads[at] >= least]
    kept = [at for at in kept if fine(open_.leads[at], every.leads[at])]
    while not fine(
        open_.leads.total() - sum(open_.leads[at] for at in kept),
        every.leads.total() - sum(every.leads[at] for at in kept),
    ):
        if not kept:
            return dict(NO_WEEKS) | {"calendar": every.shown(shown)}
        kept.pop()
    return {"calendar": every.shown(shown), "business": open_.shown(kept)}


def _local(hour: int, zone: str) -> tuple[int, int]:
    local = datetime.fromtimestamp(hour * 3_600, UTC).astimezone(zone_of(zone))
    return local.weekday(), local.hour


def as_csv(week: Week, clock: Clock = "calendar") -> str:
    """weekday, hour, leads, answered_within_…; the last line has all other hours."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["weekday", "hour", "leads", _COLUMN[clock]])
    for hour in week.hours:
        writer.writerow([WEEKDAYS[hour.weekday], hour.hour, hour.leads, hour.answered])
    writer.writerow(["other", "", week.other_leads, week.other_answered])
    return text.getvalue()


def from_csv(text: str, clock: Clock = "calendar") -> Week:
    """What as_csv wrote. BadInput when it is something else."""
    try:
        rows: list[Mapping[str, str]] = list(csv.DictReader(StringIO(text)))
        hours = [
            Hour(WEEKDAYS.index(row["weekday"]), int(row["hour"]), int(row["leads"]), int(row[_COLUMN[clock]]))
            for row in rows[:-1]
        ]
        return Week(tuple(hours), int(rows[-1]["leads"]), int(rows[-1][_COLUMN[clock]]))
    except (KeyError, ValueError, IndexError) as error:
        raise BadInput({"file": "The table of hours is not as the snapshot was written; download it again."}) from error
