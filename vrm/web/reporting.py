"""“Report this”: anybody may, of what they can see; strangers a few times a day."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from intents import publish
from intents.models import Intent
from vendors import leads, reports, team
from vendors.models import Role, Vendor
from vendors.reports import Reason
from vrm.kernel.errors import NotFound
from vrm.web.desk import db, desk, now, save
from vrm.web.typed import Typed
from vrm.web.visitors import me, somebody
from vrm.web.words import _, later

blueprint = Blueprint("reporting", __name__, url_prefix="/report")

REASONS = {
    Reason.SPAM: later("Advertising, or the same again and again"),
    Reason.FRAUD: later("A trick to get money or data"),
    Reason.ILLEGAL: later("It is against the law"),
    Reason.OFFENSIVE: later("It insults or threatens"),
    Reason.PERSONAL: later("It tells of a person who did not agree"),
    Reason.OTHER: later("Something else"),
}


@blueprint.get("/wants/<code>")
def want_form(code: str) -> AnyResponse:
    """The form about a want."""
    return _page(_want(code), None, Typed(), 200)


@blueprint.post("/wants/<code>")
def want(code: str) -> AnyResponse:
    """Keep a report about a want."""
    return _keep(_want(code), None, url_for("want.show", code=code))


@blueprint.get("/vendors/<slug>")
def vendor_form(slug: str) -> AnyResponse:
    """The form about a vendor."""
    return _page(None, team.by_slug(db(), slug), Typed(), 200)


@blueprint.post("/vendors/<slug>")
def vendor(slug: str) -> AnyResponse:
    """Keep a report about a vendor."""
    return _keep(None, team.by_slug(db(), slug), url_for("home.vendor", slug=slug))


@blueprint.get("/conversations/<code>")
def conversation_form(code: str) -> AnyResponse:
    """The form about what was said, for the two who say it."""
    intent, found, _onward = _conversation(code)
    return _page(intent, found, Typed(), 200)


@blueprint.post("/conversations/<code>")
def conversation(code: str) -> AnyResponse:
    """Keep a report about what was said."""
    intent, found, onward = _conversation(code)
    return _keep(intent, found, onward)


def _want(code: str) -> Intent:
    intent = publish.by_code(db(), code)
    if intent.opened_at is None or intent.held_at is not None:
        raise NotFound("There is no such want.")
    return intent


def _conversation(code: str) -> tuple[Intent, Vendor, str]:
    """The two sides, and where to go on; NotFound for a third."""
    lead, account = leads.by_code(db(), code), me()
    if lead.withheld is not None:
        raise NotFound("There is no such lead.")
    if lead.intent.account_id == account.id:
        return lead.intent, lead.vendor, url_for("board.thread", code=lead.intent.code, slug=lead.vendor.slug)
    team.require(db(), lead.vendor, account, Role.MEMBER)
    return lead.intent, lead.vendor, url_for("vendor.lead", code=code)


def _keep(intent: Intent | None, found: Vendor | None, onward: str) -> AnyResponse:
    typed = Typed(request.form)
    reason = typed.choice("reason", Reason, Reason.OTHER) if typed.get("reason") else None
    if reason is None:
        typed.problems.setdefault("reason", _("Please say what is wrong with it."))
    if reason is Reason.OTHER and not typed.get("words").strip():
        typed.problems.setdefault("words", _("Please say in a sentence what it is."))
    if reason is None or typed.problems:
        return _page(intent, found, typed, 422)
    _count()
    with typed.attempt():
        reports.report(
            db(), now(), intent=intent, vendor=found, reason=reason, words=typed.get("words"), account=somebody()
        )
    if typed.problems:
        return _page(intent, found, typed, 422)
    flash(_("Thank you. An operator looks at it.") + (" " + _("You are told what came of it.") if somebody() else ""))
    return redirect(onward, 303)


def _count() -> None:
    account = somebody()
    save()  # The count is kept although the report may be refused.
    with desk().store.write() as writing:
        reports.count(writing, f"account {account.id}" if account else request.remote_addr or "", now())


def _page(intent: Intent | None, found: Vendor | None, typed: Typed, status: int) -> AnyResponse:
    page = render_template("public/report.html", intent=intent, vendor=found, typed=typed, reasons=REASONS)
    return make_response(page, status)
