"""When word reached vendors, on their own clocks → the share answered within a day, by weekday and hour."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from vendors.models import Lead, Vendor
from vrm.kernel.errors import BadInput
from vrm.research.cells import LEAST, pool
from vrm.research.spans import hours_since_1970, seconds_between
from vrm.research.survival import Share, wilson

DAY_S = 86_400
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Hour:
    """Leads delivered in one hour of the week that were watched for a day, and those of them answered within it."""

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


def live_week(session: Session, now: datetime, *, least: int = LEAST) -> Week:
    """The week as the store has it."""
    query = (
        select(
            hours_since_1970(Lead.delivered_at).label("hour"),
            Vendor.zone,
            func.count().label("leads"),
            func.sum(case((seconds_between(Lead.responded_at, Lead.delivered_at) <= DAY_S, 1), else_=0)),
        )
        .join(Vendor, Vendor.id == Lead.vendor_id)
        .where(Lead.delivered_at <= now - timedelta(seconds=DAY_S), Lead.withheld.is_(None))
        .group_by("hour", Vendor.zone)
    )
    return week_of(((h, zone, int(leads), int(said)) for h, zone, leads, said in session.execute(query)), least=least)


def week_of(counted: Iterable[tuple[int, str, int, int]], *, least: int = LEAST) -> Week:
    """From (hours since 1970, zone, leads, answered); hours with fewer than `least` leads are told together."""
    leads: Counter[tuple[int, int]] = Counter()
    answered: Counter[tuple[int, int]] = Counter()
    for hour, zone, many, said in counted:
        at = _local(hour, zone)
        leads[at] += many
        answered[at] += said
    shown = pool({f"{day} {hour}": count for (day, hour), count in leads.items()}, least=least)
    hours = [Hour(d, h, leads[d, h], answered[d, h]) for d, h in sorted(leads) if f"{d} {h}" in shown]
    return Week(
        tuple(hours),
        leads.total() - sum(hour.leads for hour in hours),
        answered.total() - sum(hour.answered for hour in hours),
    )


def _local(hour: int, zone: str) -> tuple[int, int]:
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        clock = ZoneInfo("UTC")
    local = datetime.fromtimestamp(hour * 3_600, UTC).astimezone(clock)
    return local.weekday(), local.hour


def as_csv(week: Week) -> str:
    """weekday, hour, leads, answered_within_24h; the last line has all other hours."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["weekday", "hour", "leads", "answered_within_24h"])
    for hour in week.hours:
        writer.writerow([WEEKDAYS[hour.weekday], hour.hour, hour.leads, hour.answered])
    writer.writerow(["other", "", week.other_leads, week.other_answered])
    return text.getvalue()


def from_csv(text: str) -> Week:
    """What as_csv wrote. BadInput when it is something else."""
    try:
        rows: list[Mapping[str, str]] = list(csv.DictReader(StringIO(text)))
        hours = [
            Hour(WEEKDAYS.index(row["weekday"]), int(row["hour"]), int(row["leads"]), int(row["answered_within_24h"]))
            for row in rows[:-1]
        ]
        return Week(tuple(hours), int(rows[-1]["leads"]), int(rows[-1]["answered_within_24h"]))
    except (KeyError, ValueError, IndexError) as error:
        raise BadInput({"file": "The table of hours is not as the snapshot was written; download it again."}) from error
