"""When word reached vendors, on their own clocks → the share answered soon after, by weekday and hour.

Soon is within 24 hours by the calendar, or within eight hours in which the vendor was open (M11).
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any, Literal

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from vendors.models import Vendor
from vrm.kernel.errors import BadInput
from vrm.research.business import by_office, open_seconds, versions, zone_of
from vrm.research.cells import LEAST, pool
from vrm.research.live import Fine
from vrm.research.segments import Bools, Ints
from vrm.research.survival import Share, wilson
from vrm.research.table import waits
from vrm.research.versions import Name, may_enter

Clock = Literal["calendar", "business"]
CLOCKS: tuple[Clock, ...] = ("calendar", "business")
SOON_S: Mapping[Clock, int] = {"calendar": 86_400, "business": 8 * 3_600}  # What is answered within so many seconds.
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OTHER = "other"  # The line of all hours that are too few to be told apart.
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


WEEK_H = 24 * 7


@dataclass(frozen=True, slots=True)
class Placed:
    """Of each lead the hour of the week, 24 × weekday + hour, in which word arrived, and whether it was answered soon.

    The hour is −1 where a lead is not counted: it is in no denominator, or was not watched for long enough.
    """

    hour: Ints
    soon: Bools

    def only(self, rows: Bools) -> "Placed":
        """The same, without the leads outside of `rows`."""
        return Placed(np.where(rows, self.hour, -1), self.soon)

    def told(self) -> "_Tally":
        counted = self.hour >= 0
        leads = np.bincount(self.hour[counted], minlength=WEEK_H)
        answered = np.bincount(self.hour[counted & self.soon], minlength=WEEK_H)
        return _Tally(
            *(
                Counter({divmod(at, 24): many for at, many in enumerate(counts.tolist()) if many})
                for counts in (leads, answered)
            )
        )


def placed(session: Session, fine: Fine) -> Mapping[Clock, Placed]:
    """Leads that were watched for a day, on their vendors' clocks; by the second, those of vendors with hours."""
    zones = dict(session.execute(select(Vendor.id, Vendor.zone)).all())
    derived, at = waits(fine.table), fine.delivered_s
    counted = np.flatnonzero(derived.counts & (fine.table.seconds["observed_s"] >= SOON_S["calendar"]))
    hour = np.full(at.size, -1)
    hour[counted] = local_hours(at[counted], fine.vendor_id[counted], zones)
    calendar = Placed(hour, derived.answered & (derived.t_s <= SOON_S["calendar"]))
    hour, soon = np.full(at.size, -1), np.zeros(at.size, dtype=np.bool_)
    for rows, office in by_office(versions(session), fine.vendor_id, at, counted):
        open_s = open_seconds(office, at[rows], at[rows] + fine.table.seconds["observed_s"][rows])
        long = rows[open_s >= SOON_S["business"]]
        waited = open_seconds(office, at[long], at[long] + derived.t_s[long])
        hour[long] = local_hours(at[long], np.zeros(long.size, dtype=np.int64), {0: office.zone})
        soon[long] = derived.answered[long] & (waited <= SOON_S["business"])
    return {"calendar": calendar, "business": Placed(hour, soon)}


def local_hours(moments_s: Ints, vendor: Ints, zones: Mapping[int, str]) -> Ints:
    """The hour of the week of each moment, on the clock of each vendor."""
    named = {zone: code for code, zone in enumerate(dict.fromkeys(zones.values()))}
    vendors, of = np.unique(vendor, return_inverse=True)
    zone = np.array([named[zones[each]] for each in vendors.tolist()], dtype=np.int64)[of]
    pairs, place = np.unique(moments_s // 3_600 * len(named) + zone, return_inverse=True)
    names = list(named)
    found = [_local(pair // len(names), names[pair % len(names)]) for pair in pairs.tolist()]
    return np.array([24 * day + hour for day, hour in found], dtype=np.int64)[place]


@dataclass(frozen=True, slots=True)
class _Tally:
    """By (weekday, hour)."""

    leads: Counter[tuple[int, int]]
    answered: Counter[tuple[int, int]]

    def shown(self, hours: Iterable[tuple[int, int]]) -> Week:
        told = [Hour(*at, self.leads[at], self.answered[at]) for at in sorted(hours)]
        rest = self.leads.total() - sum(hour.leads for hour in told)
        return Week(tuple(told), rest, self.answered.total() - sum(hour.answered for hour in told))


def weeks_of(found: Mapping[Clock, Placed], *, least: int = LEAST) -> Weeks:
    """Both tables. The second counts leads that the first counts too; hours of fewer than `least` are told together.

    An hour of the second table is told only where what the first has beyond it is nothing or `least` too, and so is
    all that is not told: nothing can be had by subtracting one from the other, or from its own sum.
    """
    every, open_ = found["calendar"].told(), found["business"].told()
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


def weeks_after(
    found: Mapping[Clock, Placed], leads: Sequence[str], before: Mapping[str, Name], *, least: int = LEAST
) -> tuple[Weeks, Mapping[str, Name]]:
    """The tables of a version that follows one, and the lines of both in which each lead is counted, by its id.

    `before` has those lines of the version before, nothing where it is the first. As with rows, see `versions`: whoever
    subtracts the old tables from the new ones finds no lead or `least` of them; those who came alone wait.
    """
    while True:
        weeks = weeks_of(found, least=least)
        lines = [_lines(weeks[clock], found[clock].hour) for clock in CLOCKS]
        told = {lead: name for lead, *name in zip(leads, *lines, strict=True) if name[0]}
        names: list[Name] = [(calendar, business) for calendar, business in told.values()]
        enters = may_enter(list(told), names, before, least=least) if before else np.ones(len(told), dtype=np.bool_)
        if enters.all():
            return weeks, dict(zip(told, names, strict=True))
        wait = {lead for lead, enter in zip(told, enters.tolist(), strict=True) if not enter}
        stay = np.fromiter((lead not in wait for lead in leads), dtype=np.bool_, count=len(leads))
        found = {clock: each.only(stay) for clock, each in found.items()}


def _lines(week: Week, hours: Ints) -> list[str]:
    """For each lead the line in which it is counted; "" where in none."""
    if not week.n:
        return [""] * hours.size
    named = np.array([OTHER] * WEEK_H + [""], dtype=object)  # −1, in no line, is the last.
    for hour in week.hours:
        named[24 * hour.weekday + hour.hour] = f"{WEEKDAYS[hour.weekday]} {hour.hour}"
    found: list[str] = named[hours].tolist()
    return found


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
    writer.writerow([OTHER, "", week.other_leads, week.other_answered])
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
