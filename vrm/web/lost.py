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
    first, last = typed.day("since"), typed.day("until")
    for name, day in (("since", first), ("until", last)):
        if day is None or day.year > 9000:
            typed.problems.setdefault(name, _("Please choose a day."))
    count = 0
    if first is not None and last is not None and not typed.problems:
        with typed.attempt():
            since, until = (datetime.combine(day, time(), zone()).astimezone(UTC) for day in (first, last))
            only_failed = typed.get("what") != "all"
            count = again.resend_range(db(), channel, since, until + timedelta(days=1), now(), only_failed=only_failed)
    if typed.problems:
        return _page(slug, typed, 422)
    flash(ngettext("1 message is sent again.", "%(num)s messages are sent again.", count))
    return redirect(url_for("lost.lost", slug=slug), 303)


@blueprint.get("/admin/lost")
def all_lost() -> str:
    """What did not arrive at any vendor in the last 30 days."""
    return render_template("admin/lost.html", lost=again.lost(db(), None, now(), limit=200), kinds=KINDS)


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
