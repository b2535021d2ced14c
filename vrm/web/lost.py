"""Messages that were given up, for the vendor and for the operator, and sending again: one, or a range."""

from datetime import UTC, datetime, time, timedelta

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from notifiers import again, register
from notifiers.channels import KINDS
from vrm.kernel.accounts import audit
from vrm.kernel.errors import NotFound
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, now
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _, ngettext, zone

blueprint = Blueprint("lost", __name__)
_VENDOR = "/vendor/<slug>"


@blueprint.get(f"{_VENDOR}/lost")
def lost(slug: str) -> AnyResponse:
    """What did not arrive in the last 30 days."""
    return _page(slug, Typed(), 200)


@blueprint.post(f"{_VENDOR}/messages/<int:id_>/again")
def one_again(slug: str, id_: int) -> AnyResponse:
    """Send this one again."""
    vendor = acting_for(slug)
    notification = again.by_id(db(), id_)
    channel = notification.channel
    if channel is None or channel.vendor_id != vendor.id:
        raise NotFound("There is no such message.")
    again.resend(db(), notification, now())
    flash(_("It is sent again within seconds; its log says what comes of it."))
    return redirect(url_for("channels.channel", slug=slug, code=channel.code), 303)


@blueprint.post(f"{_VENDOR}/lost")
def range_again(slug: str) -> AnyResponse:
    """Send a range again: of one channel, from the beginning of one day to the end of another."""
    vendor, typed = acting_for(slug), Typed(request.form)
    channel = register.by_code(db(), vendor, typed.get("channel"))
    span, count = _span(typed), 0
    if span is not None:
        with typed.attempt():
            count = again.resend_range(db(), channel, *span, now(), only_failed=typed.get("what") != "all")
    if typed.problems:
        return _page(slug, typed, 422)
    _tell(count)
    return redirect(url_for("lost.lost", slug=slug), 303)


def _span(typed: Typed) -> tuple[datetime, datetime] | None:
    """From the beginning of one day to the end of another, in the reader's zone; None with a problem for each day."""
    first, last = typed.day("since"), typed.day("until")
    for name, day in (("since", first), ("until", last)):
        if day is None or not 1900 < day.year < 9000:
            typed.problems.setdefault(name, _("Please choose a day."))
    if first is None or last is None or typed.problems:
        return None
    since, until = (datetime.combine(day, time(), zone()) for day in (first, last + timedelta(days=1)))
    return since.astimezone(UTC), until.astimezone(UTC)


def _tell(count: int) -> None:
    flash(ngettext("1 message is sent again.", "%(num)s messages are sent again.", count))


@blueprint.get("/admin/lost")
def all_lost() -> AnyResponse:
    """What did not arrive at any vendor in the last 30 days, and how much of it lies in a span."""
    typed = Typed(request.args)
    is_asked = "since" in request.args or "until" in request.args
    return _everywhere(typed, _span(typed) if is_asked else None)


@blueprint.post("/admin/lost")
def all_again() -> AnyResponse:
    """Send again what was given up in a span, as after an outage of ours."""
    typed = Typed(request.form)
    span, count = _span(typed), 0
    if span is not None:
        with typed.attempt():
            count = again.resend_lost(db(), *span, now())
    if span is None or typed.problems:
        return _everywhere(typed, None)
    since, until = span
    audit(db(), "message.sent-again", f"{since:%Y-%m-%dT%H:%M}/{until:%Y-%m-%dT%H:%M}", now(), by=me(), messages=count)
    _tell(count)
    return redirect(url_for("lost.all_lost"), 303)


def _everywhere(typed: Typed, span: tuple[datetime, datetime] | None) -> AnyResponse:
    count = None
    if span is not None:
        with typed.attempt():
            count = again.count_lost_between(db(), *span, now())
    lost = again.lost(db(), None, now(), limit=200)
    page = render_template("admin/lost.html", lost=lost, kinds=KINDS, typed=typed, count=count, at_once=again.AT_ONCE)
    return make_response(page, 422 if typed.problems else 200)


@blueprint.post("/admin/lost/<int:id_>/again")
def again_for(id_: int) -> AnyResponse:
    """Send one of them again."""
    again.resend(db(), again.by_id(db(), id_), now())
    audit(db(), "message.sent-again", str(id_), now(), by=me())
    flash(_("It is sent again within seconds."))
    return redirect(url_for("lost.all_lost"), 303)


def _page(slug: str, typed: Typed, status: int) -> AnyResponse:
    vendor = acting_for(slug)
    page = vendor_page(
        "vendor/lost.html",
        vendor,
        lost=again.lost(db(), vendor, now()),
        kinds=KINDS,
        channels=register.channels_of(db(), vendor),
        typed=typed,
    )
    return make_response(page, status)
