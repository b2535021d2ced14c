"""When a channel wants to be told, and when its vendor is there → the moment at which a message may go. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from holidays import HolidayBase, country_holidays, list_supported_countries

from notifiers.models import Calendar, Channel, Mode
from vendors.models import Vendor
from vrm.kernel.errors import BadInput

DAY = 24 * 60  # Minutes.
DayName = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[DayName, ...] = get_args(DayName)
BACKUP_AT_LEAST, BACKUP_AT_MOST = timedelta(minutes=1), timedelta(days=7)
_LOOK_AHEAD_DAYS = 400
_SPANS_A_DAY = 4

Span = tuple[int, int]  # From and until, in minutes since local midnight; until may be 1440.
ALL_DAY: tuple[Span, ...] = ((0, DAY),)


@dataclass(frozen=True, slots=True)
class Timing:
    """What one channel asks for."""

    mode: Mode = Mode.INSTANT
    hour: int = 8  # Of daily and weekly digests, in the vendor's zone.
    day: int = 0  # Of weekly ones; 0 is Monday.
    quiet: Span | None = None  # Nothing goes in between; may cross midnight.
    office_only: bool = False
    backup_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Office:
    """When a vendor is there."""

    zone: str = "UTC"  # IANA.
    open: tuple[tuple[Span, ...], ...] = (ALL_DAY,) * 7  # Monday first.
    holidays: str = ""  # ISO 3166, such as "GB-ENG"; empty: none are kept.

    def spans(self, day: date) -> tuple[Span, ...]:
        """When it is open on this day."""
        return () if is_holiday(self.holidays, day) else self.open[day.weekday()]


def timing_of(channel: Channel) -> Timing:
    """What the channel asks for."""
    quiet = None
    if channel.quiet_from is not None and channel.quiet_until is not None:
        quiet = (channel.quiet_from, channel.quiet_until)
    after = timedelta(seconds=channel.backup_after_s) if channel.backup_after_s is not None else None
    return Timing(channel.mode, channel.digest_hour, channel.digest_day, quiet, channel.office_only, after)


def office_of(vendor: Vendor, calendar: Calendar | None) -> Office:
    """When the vendor is there; always, when it has not said."""
    if calendar is None:
        return Office(vendor.zone)
    spans = tuple(tuple((span[0], span[1]) for span in day) for day in calendar.open)
    return Office(vendor.zone, spans, calendar.holidays)


# --- Deciding -------------------------------------------------------------------------------------


def free_at(timing: Timing, office: Office, now: datetime) -> datetime:
    """The first moment from `now` on that is neither quiet nor, where it matters, outside of the open hours.

    `now` itself when there is none within 400 days: late is better than never.
    """
    if timing.quiet is None and not timing.office_only:
        return now
    zone = ZoneInfo(office.zone)
    today = now.astimezone(zone).date()
    for ahead in range(_LOOK_AHEAD_DAYS):
        day = today + timedelta(days=ahead)
        for start, end in _allowed(timing, office, day):
            # An hour that comes twice counts for neither: not before the second, not after the first.
            if moment_of(day, end, zone, later=False) > now:
                found = max(moment_of(day, start, zone, later=True), now)
                if found < moment_of(day, end, zone, later=False):
                    return found
    return now


def digest_at(timing: Timing, office: Office, now: datetime) -> datetime:
    """When the next digest after `now` goes: at the full hour, or at the hour of the day that was chosen."""
    zone = ZoneInfo(office.zone)
    if timing.mode is Mode.HOURLY:
        local = now.astimezone(zone)
        # Added to the instant, not to the clock on the wall, which may jump.
        span = timedelta(minutes=60 - local.minute, seconds=-local.second, microseconds=-local.microsecond)
        return free_at(timing, office, now + span)
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(9))
    wanted = (day for day in days if timing.mode is not Mode.WEEKLY or day.weekday() == timing.day)
    moments = (moment_of(day, timing.hour * 60, zone, later=False) for day in wanted)
    return free_at(timing, office, next(moment for moment in moments if moment > now))


def steps_in_at(after: timedelta, told_at: datetime | None, will_be_told_at: datetime | None) -> datetime | None:
    """When a channel that stands in for others is told: `after` they were. None: at once, since no other can be.

    `told_at` is the first attempt of any other; `will_be_told_at` when the first of them is due.
    """
    begin = told_at or will_be_told_at
    return None if begin is None else begin + after


def moment_of(day: date, minutes: int, zone: ZoneInfo, *, later: bool) -> datetime:
    """The instant at which the clock on the wall shows this.

    A time that the clock jumps over is the instant of the jump; of one that it shows twice, the first or the `later`.
    """
    wall = datetime.combine(day + timedelta(days=minutes // DAY), time(minutes % DAY // 60, minutes % 60))
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if second < first:  # It is jumped over; the two readings lie on either side of the jump.
        return _jump(second, first, zone)
    return second if later else first


def _jump(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def _allowed(timing: Timing, office: Office, day: date) -> list[Span]:
    spans = office.spans(day) if timing.office_only else ALL_DAY
    if timing.quiet is None:
        return list(spans)
    start, end = timing.quiet
    loud = [(end, start)] if start > end else [(0, start), (end, DAY)]
    return [(max(a, c), min(b, d)) for a, b in spans for c, d in loud if max(a, c) < min(b, d)]


# --- Holidays -------------------------------------------------------------------------------------


def is_holiday(code: str, day: date) -> bool:
    """Whether it is a public holiday there; never for an empty code."""
    return bool(code) and day in _calendar(code)


@lru_cache(maxsize=512)
def _calendar(code: str) -> HolidayBase:
    country, _, part = code.partition("-")
    return country_holidays(country, subdiv=part or None)


def holiday_codes() -> dict[str, list[str]]:
    """Countries whose holidays are known, by ISO 3166 code, each with its parts."""
    return list_supported_countries(include_aliases=False)


# --- What is typed --------------------------------------------------------------------------------


def check_timing(timing: Timing) -> Timing:
    """The same, or BadInput with a sentence for every field that does not hold."""
    problems: dict[str, str] = {}
    if not 0 <= timing.hour <= 23:
        problems["hour"] = "The hour of a digest is between 0 and 23, in your own time zone."
    if not 0 <= timing.day <= 6:
        problems["day"] = "The day of a weekly digest is between 0 (Monday) and 6 (Sunday)."
    if timing.quiet is not None and timing.quiet[0] == timing.quiet[1]:
        problems["quiet_until"] = "Quiet hours must end at another time than they begin; pause the channel instead."
    after = timing.backup_after
    if after is not None and not BACKUP_AT_LEAST <= after <= BACKUP_AT_MOST:
        problems["backup_after_minutes"] = (
            "It can step in after 1 minute at the earliest, 10,080 (a week) at the latest."
        )
    if after is not None and timing.mode is not Mode.INSTANT:
        problems["mode"] = (
            "A channel that steps in for others is told at once; choose “at once”, or let it not step in."
        )
    if problems:
        raise BadInput(problems)
    return timing


def read_minutes(text: str, field: str) -> int:
    """Minutes since midnight from "9:00" or "22:30"; "24:00" is the end of the day. BadInput naming `field`."""
    found = re.fullmatch(r"(\d{1,2})[:.](\d{2})", text.strip(), re.ASCII)
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else DAY + 1
    if minutes > DAY:
        raise BadInput({field: "Please write a time of day such as 09:00 or 22:30."})
    return minutes


def read_quiet(start: str, end: str) -> Span | None:
    """Quiet hours from two times of day; None when both are empty. BadInput for one without the other."""
    if not start.strip() and not end.strip():
        return None
    if not start.strip() or not end.strip():
        missing = "quiet_from" if not start.strip() else "quiet_until"
        raise BadInput({missing: "Quiet hours need both a beginning and an end, such as 22:00 and 07:00."})
    return read_minutes(start, "quiet_from") % DAY, read_minutes(end, "quiet_until") % DAY


def read_open(text: str, field: str) -> tuple[Span, ...]:
    """The open hours of a day from "09:00-12:30, 13:30-18:00"; empty is closed. BadInput naming `field`."""
    spans: list[Span] = []
    for part in text.split(",") if text.strip() else ():
        ends = re.split("[-–—]", part)
        if len(ends) != 2 or len(spans) >= _SPANS_A_DAY:
            raise BadInput({field: "Please write open hours such as 09:00-17:30, or 09:00-12:30, 13:30-18:00."})
        start, end = (read_minutes(one, field) for one in ends)
        if start >= end or (spans and start < spans[-1][1]):
            raise BadInput({field: "Open hours must end after they begin, and the next ones begin after that."})
        spans.append((start, end))
    return tuple(spans)


def check_office(office: Office) -> Office:
    """The same, or BadInput: somebody has to be there at some time, and the holidays must be known."""
    problems: dict[str, str] = {}
    if not any(office.open):
        problems["monday"] = "Please leave open hours on one day at least; to hear nothing, pause instead."
    country, _, part = office.holidays.partition("-")
    known = holiday_codes()
    if office.holidays and (country not in known or (part and part not in known[country])):
        problems["holidays"] = "We do not know the holidays of that place; use a code such as DE, DE-BY or GB-ENG."
    if problems:
        raise BadInput(problems)
    return office


def write_minutes(minutes: int) -> str:
    """ "09:00"."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def write_open(spans: tuple[Span, ...]) -> str:
    """ "09:00–12:30, 13:30–18:00"; nothing when closed."""
    return ", ".join(f"{write_minutes(start)}–{write_minutes(end)}" for start, end in spans)
