"""Reports, held wants and suspended vendors: what an operator looks at and decides. Each decision is written down."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents import holds, publish
from intents.holds import HeldBy
from vendors import reports, respond, team
from vendors.models import Lead, Vendor
from vendors.reports import Report
from vrm import moderation
from vrm.kernel import taxonomy
from vrm.kernel.accounts import audit
from vrm.kernel.errors import BadInput
from vrm.web.desk import db, desk, now
from vrm.web.reporting import REASONS
from vrm.web.visitors import me
from vrm.web.words import _, later

blueprint = Blueprint("moderation", __name__, url_prefix="/admin/moderation")

_SHOWN = 100
HELD_BY = {
    HeldBy.OPERATOR: later("held by an operator"),
    HeldBy.LOOKALIKES: later("several new accounts say the same"),
    HeldBy.NEW_ACCOUNT: later("more in a day than a new account may"),
    HeldBy.SUSPENSION: later("its author is suspended"),
}


@blueprint.get("")
def queue() -> str:
    """Everything that waits for a decision."""
    suspended = select(Vendor).where(Vendor.suspended_at.is_not(None), Vendor.closed_at.is_(None)).order_by(Vendor.name)
    return render_template(
        "admin/moderation.html",
        reports=reports.queue(db(), _SHOWN),
        holds=holds.queue(db(), _SHOWN),
        suspended=db().scalars(suspended.limit(_SHOWN)).all(),
        reasons=REASONS,
        held_by=HELD_BY,
    )


@blueprint.get("/reports/<int:report_id>")
def one(report_id: int) -> str:
    """What is reported, whole. A look at a conversation is written down."""
    found = reports.by_id(db(), report_id)
    lead = _lead(found)
    if lead is not None:
        with desk().store.write() as session:
            audit(session, "conversation.read", lead.code, now(), by=me(), report=found.id)
    return render_template(
        "admin/report.html",
        report=found,
        intent=found.intent,
        vendor=found.vendor,
        lead=lead,
        said=respond.thread(db(), lead) if lead is not None else [],
        known=found.account_id is not None,
        reasons=REASONS,
        trees=taxonomy.trees(db()),
    )


@blueprint.post("/reports/<int:report_id>/<any(dismiss, words):what>")
def rule(report_id: int, what: str) -> AnyResponse:
    """Close a report: nothing is wrong, or what was said is taken away."""
    found = reports.by_id(db(), report_id)
    if what == "dismiss":
        moderation.dismiss(db(), found, now(), by=me())
        flash(_("Dismissed. Nothing changes for what was reported."))
    else:
        moderation.take_words_away(db(), found, now(), by=me())
        flash(_("Taken away. Both sides see that the operator did it."))
    return redirect(url_for("moderation.queue"), 303)


@blueprint.post("/wants/<code>/<any(hold, release, remove):what>")
def want(code: str, what: str) -> AnyResponse:
    """Hold a want with a sentence to its author, let it go on, or close it."""
    intent = publish.by_code(db(), code)
    try:
        if what == "hold":
            moderation.hold(db(), intent, now(), by=me(), why=request.form.get("why", ""))
        elif what == "release":
            moderation.release(db(), intent, now(), by=me())
        else:
            moderation.remove(db(), intent, now(), by=me())
    except BadInput as error:
        if request.form.get("why", "").strip():
            raise  # To the page that shows what was typed.
        flash(str(error), "bad")
        return redirect(url_for("moderation.queue"), 303)
    flash(
        {
            "hold": _("Held. Nobody new hears of it; its author is told why."),
            "release": _("Released. It goes on as its author meant it."),
        }.get(what, _("Removed. Vendors who were told hear that it is over."))
    )
    return redirect(url_for("moderation.queue"), 303)


@blueprint.post("/vendors/<slug>/<any(suspend, restore):what>")
def vendor(slug: str, what: str) -> AnyResponse:
    """Stop a vendor from being told and from answering, or let it go on."""
    found = team.by_slug(db(), slug)
    if what == "suspend":
        try:
            moderation.suspend_vendor(db(), found, now(), by=me(), why=request.form.get("why", ""))
        except BadInput as error:
            if request.form.get("why", "").strip():
                raise  # To the page that shows what was typed.
            flash(str(error), "bad")
            return redirect(url_for("moderation.queue"), 303)
        flash(_("Suspended. It is told of nothing, and its people are told why."))
    else:
        moderation.restore_vendor(db(), found, now(), by=me())
        flash(_("Restored. It hears of what is still open."))
    return redirect(url_for("moderation.queue"), 303)


def _lead(found: Report) -> Lead | None:
    if found.intent_id is None or found.vendor_id is None:
        return None
    return db().get(Lead, (found.intent_id, found.vendor_id))
