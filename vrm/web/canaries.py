"""Marked wants, for operators: each is made for one vendor, and what shows that somebody else knows of it is listed."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents import canaries as marked
from intents.draft import IntentDraft
from intents.models import Intent
from notifiers.return_path import marked_address
from vendors import subscribe, team
from vendors.models import Lead, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account, audit, ident
from vrm.kernel.errors import NotFound
from vrm.web.desk import db, desk, now
from vrm.web.typed import Typed, preset_node
from vrm.web.visitors import me
from vrm.web.words import _, later, locale

blueprint = Blueprint("canaries", __name__, url_prefix="/admin/marked-wants")

_SHOWN = 100
FOUND = {
    marked.TraceKind.MAIL: later("wrote to its address"),
    marked.TraceKind.READ: later("opened its page, and does not act for the vendor"),
    marked.TraceKind.ANSWER: later("answered by mail, and is not whom we told"),
}


@blueprint.get("")
def canaries() -> AnyResponse:
    """All of them with what was found, and the form for one more; for `vendor`, filled in from what it listens for."""
    slug = request.args.get("vendor", "").strip()
    typed = Typed(vendor=slug)
    vendor = _vendor(typed) if slug else None
    if vendor is not None:
        typed = _proposed(vendor)
    return _page(typed, 422 if typed.problems else 200)


@blueprint.post("")
def set_one() -> AnyResponse:
    """Make a want that this vendor alone is told of."""
    typed, trees = Typed(request.form), taxonomy.trees(db())
    draft = IntentDraft(
        title=typed.get("title"),
        body=typed.get("body"),
        category_id=typed.node("category", trees.categories),
        region_id=typed.node("region", trees.regions),
    )
    if not desk().post.takes_mail and "@" not in draft.body:
        typed.problems["body"] = _("Write an address of yours that stands nowhere else: this broker reads no mail.")
    vendor = _vendor(typed)
    if vendor is not None and team.role_of(db(), vendor, me()) is not None:
        typed.problems["vendor"] = _("You act for this vendor, and nobody is told of their own wants.")
    if vendor is None or typed.problems:
        return _page(typed, 422)
    with typed.attempt(category_id="category", region_id="region"), db().begin_nested():
        intent = marked.make(db(), me(), vendor.id, draft, now())
        address = marked_address(desk().post, intent.id) if desk().post.takes_mail else ""
        marked.open_it(db(), intent, address, now())
    if typed.problems:
        return _page(typed, 422)
    audit(db(), "intent.marked", intent.code, now(), by=me(), vendor=vendor.slug)
    flash(_("Set. Only %(name)s is told of it.", name=vendor.name))
    return redirect(url_for("canaries.canaries"), 303)


def note_reader(intent: Intent, reader: Account | None) -> None:
    """Somebody opens the page of a marked want: written down unless they act for its vendor, or run this broker."""
    if intent.canary_for is None or reader is None or reader.is_operator or intent.closed_at is not None:
        return
    vendor = db().get(Vendor, intent.canary_for)
    if vendor is not None and team.role_of(db(), vendor, reader) is None:
        with desk().store.write() as session:
            same = session.get_one(Intent, intent.id)
            marked.trace(session, same, marked.TraceKind.READ, ident(reader), now())


def _vendor(typed: Typed) -> Vendor | None:
    try:
        return team.by_slug(db(), typed.get("vendor").strip().rpartition("/")[2])
    except NotFound:
        typed.problems["vendor"] = _("There is no such vendor; its name as its page has it in the address, please.")
        return None


def _proposed(vendor: Vendor) -> Typed:
    """The form with the place and category of its first subscription."""
    preset = {"vendor": vendor.slug}
    listens = [each for each in subscribe.subscriptions_of(db(), vendor) if each.paused_at is None]
    if listens:
        trees = taxonomy.trees(db())
        preset |= preset_node("category", trees.categories, listens[0].category_id)
        preset |= preset_node("region", trees.regions, listens[0].region_id)
        preset["title"] = _("Looking for: %(what)s", what=trees.categories.label(listens[0].category_id, locale()))
    return Typed(preset)


def _page(typed: Typed, status: int) -> AnyResponse:
    intents = marked.all_of_them(db(), _SHOWN)
    ids = [intent.id for intent in intents]
    vendors = db().scalars(select(Vendor).where(Vendor.id.in_({intent.canary_for for intent in intents}))).all()
    page = render_template(
        "admin/marked.html",
        typed=typed,
        marked=intents,
        vendors={vendor.id: vendor for vendor in vendors},
        leads={lead.intent_id: lead for lead in db().scalars(select(Lead).where(Lead.intent_id.in_(ids)))},
        traces=marked.traces_of(db(), intents),
        found=FOUND,
        takes_mail=desk().post.takes_mail,
    )
    return make_response(page, status)
