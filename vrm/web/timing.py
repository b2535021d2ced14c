"""When each channel is told, and when the vendor is there: two forms of hours."""

from datetime import timedelta

from flask import Blueprint, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from notifiers import office, register
from notifiers.models import Channel, Mode
from notifiers.timing import (
    DAYS,
    Office,
    Span,
    Timing,
    holiday_codes,
    read_open,
    read_quiet,
    timing_of,
    write_minutes,
    write_open,
)
from vendors.models import Vendor
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, now
from vrm.web.typed import Typed
from vrm.web.words import _

blueprint = Blueprint("timing", __name__, url_prefix="/vendor/<slug>")


def timing_typed(channel: Channel) -> Typed:
    """The form as the channel is."""
    timing = timing_of(channel)
    quiet, after = timing.quiet, timing.backup_after
    return Typed(
        {
            "mode": timing.mode.value,
            "hour": str(timing.hour),
            "day": str(timing.day),
            "quiet_from": write_minutes(quiet[0]) if quiet else "",
            "quiet_until": write_minutes(quiet[1]) if quiet else "",
            "office_only": "on" if timing.office_only else "",
            "backup_after_minutes": str(int(after.total_seconds() // 60)) if after is not None else "",
        }
    )


@blueprint.get("/channels/<code>/timing")
def form(slug: str, code: str) -> AnyResponse:
    """When this channel is told."""
    vendor = acting_for(slug)
    channel = register.by_code(db(), vendor, code)
    return _form(vendor, channel, timing_typed(channel), 200)


@blueprint.post("/channels/<code>/timing")
def change(slug: str, code: str) -> AnyResponse:
    """Change it, from now on and for what waits."""
    vendor, typed = acting_for(slug), Typed(request.form)
    channel = register.by_code(db(), vendor, code)
    quiet, mode = None, typed.choice("mode", Mode, Mode.INSTANT)
    with typed.attempt():
        quiet = read_quiet(typed.get("quiet_from"), typed.get("quiet_until"))
    after = typed.whole("backup_after_minutes", 0) if typed.get("backup_after_minutes").strip() else None
    timing = Timing(
        mode=mode,
        hour=typed.whole("hour", 8),
        day=typed.whole("day", 0),
        quiet=quiet,
        office_only=bool(typed.get("office_only")),
        backup_after=timedelta(minutes=after) if after is not None else None,
    )
    with typed.attempt():
        office.set_timing(db(), channel, timing, now())
    if typed.problems:
        db().rollback()
        vendor = acting_for(slug)
        return _form(vendor, register.by_code(db(), vendor, code), typed, 422)
    flash(_("Saved; it counts from now on, also for what waits."))
    return redirect(url_for("channels.channel", slug=slug, code=code), 303)


@blueprint.get("/hours")
def hours(slug: str) -> AnyResponse:
    """When the vendor is there."""
    vendor = acting_for(slug)
    times = office.office(db(), vendor)
    fields: dict[str, str] = {"holidays": times.holidays}
    for day, spans in zip(DAYS, times.open, strict=True):
        fields[day] = write_open(spans)
    return _hours(vendor, Typed(fields), 200)


@blueprint.post("/hours")
def set_hours(slug: str) -> AnyResponse:
    """Change when the vendor is there."""
    vendor, typed = acting_for(slug), Typed(request.form)
    week: list[tuple[Span, ...]] = []
    for day in DAYS:
        with typed.attempt():
            week.append(read_open(typed.get(day), day))
    if not typed.problems:
        with typed.attempt():
            given = Office(vendor.zone, tuple(week), typed.get("holidays").strip().upper())
            office.set_office(db(), vendor, given, now())
    if typed.problems:
        db().rollback()
        return _hours(acting_for(slug), typed, 422)
    flash(_("Saved. Channels that keep to your hours do so from now on."))
    return redirect(url_for("timing.hours", slug=slug), 303)


def _form(vendor: Vendor, channel: Channel, typed: Typed, status: int) -> AnyResponse:
    return make_response(vendor_page("vendor/timing.html", vendor, channel=channel, typed=typed), status)


def _hours(vendor: Vendor, typed: Typed, status: int) -> AnyResponse:
    codes = [code for country, parts in sorted(holiday_codes().items()) for code in _with_parts(country, parts)]
    return make_response(vendor_page("vendor/hours.html", vendor, typed=typed, days=DAYS, codes=codes), status)


def _with_parts(country: str, parts: list[str]) -> list[str]:
    return [country, *(f"{country}-{part}" for part in parts if part.isascii() and len(part) <= 3)]
