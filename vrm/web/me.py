"""A customer's wants: the list of boards, and what can be done to one of them."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import and_, func, not_, select
from werkzeug.wrappers import Response as AnyResponse

from intents import publish, vetting
from intents.models import Intent, Outcome
from vendors import leads
from vendors.models import Lead, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.db import is_code
from vrm.kernel.errors import BadInput, NotFound
from vrm.web import want
from vrm.web.desk import db, now
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _, ngettext

blueprint = Blueprint("me", __name__, url_prefix="/me")


@blueprint.get("")
def boards() -> str:
    """Every want of who is signed in, the newest first, but for drafts that were thrown away."""
    thrown_away = and_(Intent.opened_at.is_(None), Intent.outcome.is_not_distinct_from(Outcome.WITHDRAWN))
    told = func.count(Lead.vendor_id).filter(Lead.withheld.is_(None))
    rows = db().execute(
        select(Intent, told, func.count(Lead.responded_at), func.count(Lead.seen_at))
        .outerjoin(Lead, Lead.intent_id == Intent.id)
        .where(Intent.account_id == me().id, not_(thrown_away))
        .group_by(Intent.id)
        .order_by(Intent.id.desc())
        .limit(200)
    )
    return render_template("me/boards.html", rows=rows.all(), trees=taxonomy.trees(db()))


@blueprint.get("/intents/<code>/edit")
def edit(code: str) -> AnyResponse:
    """The form of one want as it is now."""
    intent = mine(code)
    return want.show_form(want.typed_of(intent, taxonomy.trees(db())), 200, intent=intent)


@blueprint.post("/intents/<code>/edit")
def amend(code: str) -> AnyResponse:
    """Change what the want says; vendors who were told hear of it."""
    intent = mine(code)
    typed = Typed(request.form)
    draft = want.read_draft(typed, taxonomy.trees(db()))
    changed = False
    if not typed.problems:
        with typed.attempt(budget="budget_max"):
            changed = publish.amend(db(), intent, draft, now())
    if typed.problems:
        return want.show_form(typed, 422, intent=intent)
    flash(_("Changed.") if changed else _("Nothing was different, so nothing was changed."))
    return to_board(intent)


@blueprint.post("/intents/<code>/publish")
def open_it(code: str) -> AnyResponse:
    """Open the draft: vendors hear of it."""
    intent = mine(code)
    again = vetting.same_again(db(), intent) if intent.opened_at is None else None
    if again is not None and not request.form.get("anyway"):
        return make_response(render_template("me/same_again.html", intent=intent, again=again), 409)
    try:
        held = vetting.submit(db(), intent, now())
    except BadInput as error:
        flash(str(error), "bad")
        return redirect(url_for("me.edit", code=code), 303)
    if held is not None:
        flash(_("It is looked at before it goes out. This page says why, and when it went."), "warn")
        return to_board(intent)
    flash(_("Published. Vendors are being told right now; this page shows who."))
    return to_board(intent)


@blueprint.post("/intents/<code>/pause")
def pause(code: str) -> AnyResponse:
    """No new vendors until it is resumed."""
    intent = mine(code)
    publish.pause(db(), intent, now())
    flash(_("Paused. No further vendor hears of it; those who were told can still answer."))
    return to_board(intent)


@blueprint.post("/intents/<code>/resume")
def resume(code: str) -> AnyResponse:
    """New vendors hear of it again."""
    intent = mine(code)
    publish.resume(db(), intent, now())
    flash(_("Open again."))
    return to_board(intent)


@blueprint.post("/intents/<code>/withdraw")
def withdraw(code: str) -> AnyResponse:
    """Close it, unmet; every vendor who was told hears of it."""
    intent = mine(code)
    was_draft = intent.opened_at is None
    publish.withdraw(db(), intent, now())
    if was_draft:
        flash(_("The draft is thrown away."))
        return redirect(url_for("me.boards"), 303)
    told = leads.told_count(db(), intent)
    flash(
        ngettext("Withdrawn. %(num)s vendor is being told.", "Withdrawn. %(num)s vendors are being told.", told)
        if told
        else _("Withdrawn.")
    )
    return to_board(intent)


@blueprint.post("/intents/<code>/done")
def done(code: str) -> AnyResponse:
    """Close it as met: by one of the vendors here, by somebody else, or not said."""
    intent = mine(code)
    bought_from = request.form.get("vendor", "")
    vendor_id = None
    if bought_from:
        theirs = select(Lead.vendor_id).join(Lead.vendor).where(Lead.intent_id == intent.id, Vendor.slug == bought_from)
        vendor_id = db().scalar(theirs) if is_code(bought_from) else None
        if vendor_id is None:
            raise NotFound(_("There is no such vendor on this board."))
    publish.fulfil(db(), intent, now(), vendor_id=vendor_id)
    flash(_("Done. Well bought! Vendors who were told hear that it is over."))
    return to_board(intent)


def mine(code: str) -> Intent:
    """A want of who is signed in; NotFound for anybody else's."""
    intent = publish.by_code(db(), code)
    if intent.account_id != me().id:
        raise NotFound("There is no such want.")
    return intent


def to_board(intent: Intent) -> AnyResponse:
    """On to the board of this want."""
    return redirect(url_for("board.show", code=intent.code), 303)
