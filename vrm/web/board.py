"""One want → its board: every vendor with where it stands, and the conversation with each."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents.models import Intent
from vendors import leads, respond, team
from vendors.leads import Standing
from vendors.models import Kind, Lead, Response, Vendor
from vrm.explain import explain
from vrm.kernel import taxonomy
from vrm.kernel.errors import NotFound
from vrm.preview import listeners
from vrm.web.desk import db, now
from vrm.web.me import mine
from vrm.web.typed import Typed
from vrm.web.visitors import me, signed_in
from vrm.web.words import _

blueprint = Blueprint("board", __name__, url_prefix="/me/intents/<code>")

_ORDER = list(Standing)


@dataclass(frozen=True, slots=True)
class Row:
    """One vendor on the board."""

    lead: Lead
    standing: Standing
    last: Response | None  # What it said last.
    offer: Response | None  # Its newest offer.


@blueprint.get("")
@signed_in
def show(code: str) -> AnyResponse:
    """Every vendor with told, delivered, seen, answered, or silent and why; of a draft, what will be published."""
    intent = mine(code)
    rows = _rows(intent)
    counts = {standing: sum(row.standing is standing for row in rows) for standing in Standing}
    page = render_template(
        "me/board.html",
        intent=intent,
        rows=rows,
        counts=counts,
        told=sum(row.lead.withheld is None for row in rows),
        explanation=explain(db(), intent),
        listening=_listening(intent),
        buyer=_bought_from(intent),
        trees=taxonomy.trees(db()),
    )
    return make_response(page)


def _listening(intent: Intent) -> int | None:
    """How many vendors a draft would reach; None when it is none any more, or lacks what vendors are found by."""
    if intent.state != "draft" or intent.category_id is None or intent.region_id is None:
        return None
    return listeners(db(), intent, now())


@blueprint.get("/vendors/<slug>")
@signed_in
def thread(code: str, slug: str) -> AnyResponse:
    """The conversation with one vendor."""
    return _thread(_lead(mine(code), slug), Typed(), 200)


@blueprint.post("/vendors/<slug>/say")
@signed_in
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
@signed_in
def reveal(code: str, slug: str) -> AnyResponse:
    """Show this vendor, and no other, name, mail address and telephone."""
    lead = _lead(mine(code), slug)
    respond.reveal(db(), lead, now())
    flash(_("%(name)s can now see your contact details; no other vendor can.", name=lead.vendor.name))
    return _to_thread(lead)


@blueprint.post("/vendors/<slug>/turn-down")
@signed_in
def turn_down(code: str, slug: str) -> AnyResponse:
    """No, thank you: this vendor can say no more about this want."""
    lead = _lead(mine(code), slug)
    respond.turn_down(db(), lead, now())
    flash(_("%(name)s can say no more about this want.", name=lead.vendor.name))
    return redirect(url_for("board.show", code=code), 303)


@blueprint.post("/vendors/<slug>/block")
@signed_in
def block(code: str, slug: str) -> AnyResponse:
    """Never tell this vendor of a want of mine again."""
    lead = _lead(mine(code), slug)
    respond.block(db(), me(), lead.vendor, now())
    flash(_("%(name)s will never hear of a want of yours again.", name=lead.vendor.name))
    return redirect(url_for("board.show", code=code), 303)


def _rows(intent: Intent) -> list[Row]:
    said: Mapping[int, list[Response]] = defaultdict(list)
    for response in db().scalars(
        select(Response).where(Response.intent_id == intent.id).order_by(Response.at, Response.id)
    ):
        said[response.vendor_id].append(response)
    rows = []
    for lead in leads.of_intent(db(), intent):
        theirs = said[lead.vendor_id]
        offers = [response for response in theirs if response.kind is Kind.OFFER]
        rows.append(Row(lead, leads.standing(lead), theirs[-1] if theirs else None, offers[-1] if offers else None))
    # Answers first, offers before declines, then as the vendors are called.
    rows.sort(key=lambda row: (_ORDER.index(row.standing), row.offer is None, row.lead.declined_at is not None))
    return rows


def _bought_from(intent: Intent) -> Vendor | None:
    return db().get(Vendor, intent.fulfilled_by) if intent.fulfilled_by is not None else None


def _lead(intent: Intent, slug: str) -> Lead:
    vendor = team.by_slug(db(), slug)
    lead = db().get(Lead, (intent.id, vendor.id))
    if lead is None:
        raise NotFound("This vendor was not told of this want.")
    return lead


def _thread(lead: Lead, typed: Typed, status: int) -> AnyResponse:
    page = render_template(
        "me/thread.html",
        lead=lead,
        intent=lead.intent,
        vendor=lead.vendor,
        standing=leads.standing(lead),
        said=respond.thread(db(), lead),
        agreed=respond.has_agreed(db(), lead),
        account=me(),
        typed=typed,
        trees=taxonomy.trees(db()),
    )
    return make_response(page, status)


def _to_thread(lead: Lead) -> AnyResponse:
    return redirect(url_for("board.thread", code=lead.intent.code, slug=lead.vendor.slug), 303)
