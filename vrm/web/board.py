"""One want → its board: every vendor with where it stands, offers side by side, and the conversation with each."""

import hashlib
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents import holds
from intents.models import Intent
from vendors import board, choose, leads, offers, respond, team
from vendors.leads import Standing
from vendors.models import Exchange, Lead, Vendor
from vendors.offers import Sort
from vrm import turns
from vrm.explain import explain, explain_vendor
from vrm.kernel import accounts, taxonomy
from vrm.kernel.errors import NotFound
from vrm.preview import listeners
from vrm.web.desk import db, now
from vrm.web.me import mine
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _, later, locale, zone

blueprint = Blueprint("board", __name__, url_prefix="/me/intents/<code>")

SORTS = {
    Sort.PRICE: later("Price"),
    Sort.CONDITION: later("Condition"),
    Sort.DISTANCE: later("Distance"),
    Sort.UNTIL: later("Valid until"),
    Sort.NEWEST: later("Newest first"),
}
_BUYERS_SHOWN = 300  # In the list of those from whom it may have been bought.


@blueprint.get("")
def show(code: str) -> AnyResponse:
    """Every vendor with told, delivered, seen, answered, or silent and why; of a draft, what will be published."""
    return _board(mine(code), Typed(), 200)


@blueprint.post("/hold")
def answer_hold(code: str) -> AnyResponse:
    """The author's word about why the want is held."""
    intent, typed = mine(code), Typed(request.form)
    with typed.attempt():
        holds.answer(db(), intent, typed.get("answer"), now())
    if typed.problems:
        return _board(intent, typed, 422)
    flash(_("Thank you. The operator reads it before deciding."))
    return redirect(url_for("board.show", code=code), 303)


def _board(intent: Intent, typed: Typed, status: int) -> AnyResponse:
    shown = _parts(intent)
    page = render_template(
        "me/board.html",
        **shown,
        typed=typed,
        told=sum(shown["counts"].values()) - shown["counts"][Standing.WITHHELD],
        listening=_listening(intent),
        unknown=intent.state == "draft" and accounts.was_asked_at(db(), intent.account_id, intent.created_at),
        hold=holds.current(db(), intent) if intent.held_at is not None else None,
        buyers=_buyers(intent),
        buyer=_bought_from(intent),
        tag=_tag(intent),
        waiting=turns.waiting(db(), intent),
        line=[(lead, turns.place_of(lead.turn)) for lead in turns.line(db(), intent) if lead.turn],
    )
    return make_response(page, status)


@blueprint.get("/live")
def live(code: str) -> AnyResponse:
    """The part of the board that changes by itself; 304 while nothing has (a page with script asks now and then)."""
    intent = mine(code)
    tag = _tag(intent)
    if request.if_none_match.contains(tag):
        answer = make_response("", 304)
    else:
        answer = make_response(render_template("me/_live.html", **_parts(intent)))
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _parts(intent: Intent) -> dict[str, Any]:
    trees = taxonomy.trees(db())
    only, sort = request.args.get("only", ""), request.args.get("sort", "")
    wanted = Standing(only) if only in list(Standing) else None
    by = Sort(sort) if sort in list(Sort) else Sort.PRICE
    page = board.page(db(), intent, only=wanted, after=request.args.get("after"))
    return {
        "intent": intent,
        "page": page,
        "explanation": None if page.rows or wanted else explain(db(), intent, language=locale()),
        "counts": board.counts(db(), intent),
        "offers": offers.page(db(), intent, trees.regions, by=by, after=request.args.get("offers_after")),
        "offers_begin": "offers_after" in request.args,
        "sort": by,
        "sorts": SORTS,
        "only": wanted,
        "trees": trees,
    }


def _tag(intent: Intent) -> str:
    seen = (board.stamp(db(), intent), sorted(request.args.items()), locale(), str(zone()))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:24]


def _buyers(intent: Intent) -> list[tuple[str, str]]:
    answered = (
        select(Vendor.slug, Vendor.name)
        .join(Lead)
        .where(Lead.intent_id == intent.id, Lead.responded_at.is_not(None), Lead.withheld.is_(None))
        .order_by(Lead.chosen_at.is_(None), Vendor.name)
        .limit(_BUYERS_SHOWN)
    )
    return list(db().execute(answered))


def _listening(intent: Intent) -> int | None:
    """How many vendors a draft would reach; None when it is none any more, or lacks what vendors are found by."""
    if intent.state != "draft" or intent.category_id is None or intent.region_id is None:
        return None
    return listeners(db(), intent, now())


@blueprint.get("/why")
def why(code: str) -> AnyResponse:
    """Why it reached whom it reached; and, for one vendor that is named, why or why not."""
    intent = mine(code)
    typed = Typed(request.args)
    asked = typed.get("vendor").strip().rstrip("/").rpartition("/")[2]
    vendor, answer = None, None
    if asked:
        try:
            vendor = team.by_slug(db(), asked)
            answer = explain_vendor(db(), intent, vendor, language=locale())
        except NotFound:
            typed.problems["vendor"] = _("There is no such vendor; its name stands at the end of its page’s address.")
    found = explain(db(), intent, language=locale())
    page = render_template("me/why.html", intent=intent, typed=typed, found=found, vendor=vendor, answer=answer)
    return make_response(page, 422 if typed.problems else 200)


@blueprint.get("/vendors/<slug>")
def thread(code: str, slug: str) -> AnyResponse:
    """The conversation with one vendor."""
    return _thread(_lead(mine(code), slug), Typed(), 200)


@blueprint.post("/vendors/<slug>/say")
def say(code: str, slug: str) -> AnyResponse:
    """Write to this vendor."""
    lead = _lead(mine(code), slug)
    typed = Typed(request.form)
    with typed.attempt():
        respond.say(db(), lead, typed.get("body"), now())
    if typed.problems:
        return _thread(lead, typed, 422)
    flash(_("Sent to %(name)s.", name=lead.vendor.name))
    return _to_thread(lead)


@blueprint.post("/vendors/<slug>/reveal")
def reveal(code: str, slug: str) -> AnyResponse:
    """Show this vendor, and no other, name, mail address and telephone."""
    lead = _lead(mine(code), slug)
    respond.reveal(db(), lead, now())
    flash(_("%(name)s can now see your contact details; no other vendor can.", name=lead.vendor.name))
    return _to_thread(lead)


@blueprint.post("/vendors/<slug>/turn-down")
def turn_down(code: str, slug: str) -> AnyResponse:
    """No, thank you: this vendor can say no more about this want."""
    lead = _lead(mine(code), slug)
    respond.turn_down(db(), lead, now())
    flash(_("%(name)s can say no more about this want.", name=lead.vendor.name))
    return redirect(url_for("board.show", code=code), 303)


@blueprint.post("/vendors/<slug>/block")
def block(code: str, slug: str) -> AnyResponse:
    """Never tell this vendor of a want of mine again."""
    lead = _lead(mine(code), slug)
    respond.block(db(), me(), lead.vendor, now())
    flash(_("%(name)s will never hear of a want of yours again.", name=lead.vendor.name))
    return redirect(url_for("board.show", code=code), 303)


@blueprint.post("/vendors/<slug>/shortlist")
def shortlist(code: str, slug: str) -> AnyResponse:
    """On or off the short list; the vendor does not learn of it."""
    lead = _lead(mine(code), slug)
    keep = request.form.get("keep", "1") == "1"
    choose.shortlist(db(), lead, now(), keep=keep)
    name = lead.vendor.name
    flash(_("%(name)s is on your short list.", name=name) if keep else _("%(name)s is off your short list.", name=name))
    return redirect(url_for("board.show", code=code), 303)


@blueprint.post("/vendors/<slug>/choose")
def choose_it(code: str, slug: str) -> AnyResponse:
    """This one: it sees the contact details from now on."""
    lead = _lead(mine(code), slug)
    choose.choose(db(), lead, now())
    flash(
        _(
            "You have chosen %(name)s, who can now see your contact details. When you have bought it, close the want.",
            name=lead.vendor.name,
        )
    )
    return redirect(url_for("board.show", code=code), 303)


@blueprint.post("/vendors/<slug>/judge")
def judge(code: str, slug: str) -> AnyResponse:
    """A thumb and a sentence about a real exchange."""
    lead, typed = _lead(mine(code), slug), Typed(request.form)
    if typed.get("glad") not in ("yes", "no"):
        typed.problems["glad"] = _("Please say whether you were glad of it or not.")
    else:
        with typed.attempt():
            choose.judge(db(), lead, now(), glad=typed.get("glad") == "yes", words=typed.get("words"))
    if typed.problems:
        return _thread(lead, typed, 422)
    flash(_("Thank you. %(name)s reads it; others see only how many were glad.", name=lead.vendor.name))
    return _to_thread(lead)


def _bought_from(intent: Intent) -> Vendor | None:
    return db().get(Vendor, intent.fulfilled_by) if intent.fulfilled_by is not None else None


def _lead(intent: Intent, slug: str) -> Lead:
    vendor = team.by_slug(db(), slug)
    lead = db().get(Lead, (intent.id, vendor.id))
    if lead is None:
        raise NotFound(_("This vendor was not told of this want."))
    return lead


def _thread(lead: Lead, typed: Typed, status: int) -> AnyResponse:
    page = render_template(
        "me/thread.html",
        lead=lead,
        intent=lead.intent,
        vendor=lead.vendor,
        standing=leads.standing(lead),
        said=respond.thread(db(), lead),
        talked=choose.took_place(db(), lead),
        exchange=db().get(Exchange, (lead.intent_id, lead.vendor_id)),
        agreed=respond.has_agreed(db(), lead),
        account=me(),
        typed=typed,
        trees=taxonomy.trees(db()),
    )
    return make_response(page, status)


def _to_thread(lead: Lead) -> AnyResponse:
    return redirect(url_for("board.thread", code=lead.intent.code, slug=lead.vendor.slug), 303)
