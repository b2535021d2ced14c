"""A form → a want: said, kept while its author signs in, shown to whom it is for."""

import re
from datetime import timedelta

from babel.numbers import get_territory_currencies
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents import checking, corrections, publish
from intents.draft import Budget, Condition, IntentDraft, Near, Visibility
from intents.models import Intent
from vendors import leads
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account, LinkPurpose
from vrm.kernel.errors import BadInput, LimitReached, NotFound
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.kernel.text import mail_address
from vrm.web import entering, reading, visitors
from vrm.web.canaries import note_reader
from vrm.web.demand import demand
from vrm.web.desk import db, desk, now
from vrm.web.links import coming_in, owe_link
from vrm.web.typed import Typed, preset_node
from vrm.web.words import _, ngettext, span, zone

blueprint = Blueprint("want", __name__)

CURRENCIES = frozenset(
    re.findall(
        r"\w+",
        "EUR GBP USD CHF SEK NOK DKK PLN CZK HUF RON TRY UAH CAD AUD NZD JPY CNY INR KRW SGD HKD BRL MXN ZAR ILS AED",
    )
)
_SAME_AGAIN = timedelta(minutes=2)  # A second press of the same button is not a second want.


@blueprint.get("/want")
def form() -> Response:
    """An empty form, or one with what was understood of the sentence `said` on the front page."""
    today = now().astimezone(zone()).date()
    said = request.args.get("said") or request.args.get("title", "")
    read = reading.read(said, taxonomy.trees(db()))
    preset = {
        "currency": likely_currency(),
        "quantity": "1",
        "condition": Condition.ANY.value,
        "visibility": Visibility.PUBLIC.value,
        "expires_at": (today + timedelta(days=30)).isoformat(),
    }
    typed = Typed(preset | read.fields | {"said": read.said})
    typed.candidates.update(read.candidates)
    return show_form(typed, 200)


@blueprint.get("/want/understood")
def understood() -> str:
    """What was understood of `said` so far, as a part of a page: asked for again and again while it is typed."""
    read = reading.read(request.args.get("said", ""), taxonomy.trees(db()))
    return render_template("want/_understood.html", reading=read, linked=bool(request.args.get("linked")))


@blueprint.post("/want")
def said() -> AnyResponse:
    """Keep the want as a draft of who is signed in; otherwise ask where answers shall go."""
    typed = Typed(request.form)
    draft = read_draft(typed, taxonomy.trees(db()))
    if typed.problems:
        return show_form(typed, 422)
    author = visitors.somebody()
    if author is None:
        return _ask_who(typed, 200)
    intent = _keep(author, draft, typed)
    return redirect(url_for("board.show", code=intent.code), 303)


@blueprint.post("/want/author")
def author() -> AnyResponse:
    """Keep the want for the mailbox that is named; whoever can read it, or has its password, goes on."""
    typed = Typed(request.form)
    draft = read_draft(typed, taxonomy.trees(db()))
    if typed.problems:
        return show_form(typed, 422)
    password = request.form.get("password", "")
    if password:
        account, problems, status = entering.password_of(typed.get("email"), password)
        if account is not None:
            return entering.enter(account, url_for("board.show", code=_keep(account, draft, typed).code))
        typed.problems.update(problems)
        return _ask_who(typed, status)
    try:
        with coming_in(db(), typed.get("email"), now(), invite_only=desk().settings.invite_only) as account:
            session["onward"] = url_for("board.show", code=_keep(account, draft, typed).code)
            owe_link(db(), account, LinkPurpose.SIGN_IN, now())
    except BadInput as error:
        typed.note(error, {})
        return _ask_who(typed, 422)
    except LimitReached as error:
        typed.problems["email"] = str(error)
        return _ask_who(typed, 429)
    return _link_sent(mail_address(typed.get("email")), draft)  # Nobody learns who was invited.


def _link_sent(email: str, draft: IntentDraft) -> AnyResponse:
    outbox = desk().settings.mail is None
    return make_response(render_template("door/link_sent.html", email=email, typed=None, want=draft, outbox=outbox))


@blueprint.get("/intents/<code>")
def show(code: str) -> AnyResponse:
    """A want as anybody sees it: nothing of the person. Drafts do not exist for others."""
    intent = publish.by_code(db(), code)
    reader = visitors.somebody()
    mine = reader is not None and reader.id == intent.account_id
    if intent.opened_at is None or intent.held_at is not None:
        if not (mine or (intent.opened_at and reader is not None and reader.is_operator)):
            raise NotFound("There is no such want.")
        if mine:
            return redirect(url_for("board.show", code=code), 303)
    note_reader(intent, reader)
    page = render_template(
        "want/show.html",
        intent=intent,
        mine=mine,
        told=leads.told_count(db(), intent),
        trees=taxonomy.trees(db()),
        linked=demand(intent, taxonomy.trees(db()), url_for("want.show", code=code, _external=True)),
    )
    return make_response(page)


@blueprint.post("/want/forget")
def forget() -> AnyResponse:
    """Erase the sentences that somebody let us keep."""
    gone = corrections.forget(db(), visitors.me())
    flash(ngettext("%(num)s sentence is erased.", "%(num)s sentences are erased.", gone))
    return redirect(url_for("account.form"), 303)


# --- Reading and showing the form, also for edits -------------------------------------------------


def read_draft(typed: Typed, trees: Trees) -> IntentDraft:
    """What the form says; what does not hold is in `typed.problems`."""
    low, high = typed.money("budget_min", "currency"), typed.money("budget_max", "currency")
    currency = next((money.currency for money in (low, high) if money), None)
    budget = Budget(low.minor if low else None, high.minor if high else None, currency) if currency else None
    draft = IntentDraft(
        title=typed.get("title"),
        body=typed.get("body"),
        category_id=typed.node("category", trees.categories),
        region_id=typed.node("region", trees.regions),
        near=_near(typed, trees),
        budget=budget,
        condition=typed.choice("condition", Condition, Condition.ANY),
        quantity=typed.whole("quantity", 1),
        needed_by=typed.day("needed_by"),
        expires_at=typed.end_of_day("expires_at"),
        visibility=typed.choice("visibility", Visibility, Visibility.PUBLIC),
        terms=typed.get("terms"),
        tell_at_most=typed.whole("tell_at_most", 0) if typed.get("tell_at_most").strip() else None,
        patience_h=typed.whole("patience_h", 0) if typed.get("patience_h") else None,
    )
    if draft.category_id is None:
        typed.problems.setdefault("category", _("Please choose a category, so that the right vendors hear of it."))
    if draft.region_id is None:
        typed.problems.setdefault("region", _("Please say where; “World” is fine."))
    with typed.attempt(budget="budget_max", **{"near/radius_km": "near_km"}):
        checking.check(db(), draft, now())
    return draft


def _near(typed: Typed, trees: Trees) -> Near | None:
    """So far around the region, or around the point that the want had as long as it has the same region."""
    km = typed.kilometres("near_km")
    if km is None:
        return None
    lat, _space, rest = typed.get("near_at").partition(" ")
    lon, _space, region_slug = rest.partition(" ")
    region = trees.regions.by_slug(region_slug) if region_slug else None
    try:
        point = (float(lat), float(lon)) if region and region.id == typed.node("region", trees.regions) else None
    except ValueError:
        point = None
    return Near(km, *point) if point else Near(km)


def show_form(typed: Typed, status: int, *, intent: Intent | None = None) -> Response:
    """The form with what was typed; for `intent` when it is an edit."""
    page = render_template(
        "want/form.html",
        typed=typed,
        intent=intent,
        currencies=currency_options(typed),
        reading=reading.read(typed.get("said"), taxonomy.trees(db())) if intent is None else None,
        patiences=_patience_options(typed),
    )
    return make_response(page, status)


def typed_of(intent: Intent, trees: Trees) -> Typed:
    """The form of an intent as it is now."""
    draft = publish.draft_of(intent)
    budget = draft.budget
    return Typed(
        {
            "title": draft.title,
            "body": draft.body,
            **preset_node("category", trees.categories, draft.category_id),
            **preset_node("region", trees.regions, draft.region_id),
            **_typed_near(draft, trees),
            "budget_min": typed_amount(budget.min_minor, budget.currency) if budget else "",
            "budget_max": typed_amount(budget.max_minor, budget.currency) if budget else "",
            "currency": budget.currency if budget else likely_currency(),
            "condition": draft.condition.value,
            "quantity": str(draft.quantity),
            "needed_by": draft.needed_by.isoformat() if draft.needed_by else "",
            "expires_at": draft.expires_at.astimezone(zone()).date().isoformat() if draft.expires_at else "",
            "visibility": draft.visibility.value,
            "terms": draft.terms,
            "tell_at_most": str(draft.tell_at_most or ""),
            "patience_h": str(draft.patience_h or ""),
        }
    )


def _patience_options(typed: Typed) -> list[tuple[str, str]]:
    """How long one vendor may be silent before the next is told, by hours; what was set by a program, too."""
    chosen = typed.get("patience_h")
    hours = {6, 24, 72, 168} | ({int(chosen)} if chosen.isdecimal() and len(chosen) < 6 else set())
    never = [("", _("no: only when one says no"))]
    return never + [(str(each), _("when it is silent for %(span)s", span=span(each * 3600))) for each in sorted(hours)]


def _typed_near(draft: IntentDraft, trees: Trees) -> dict[str, str]:
    near = draft.near
    if near is None:
        return {}
    fields = {"near_km": f"{near.radius_km:g}"}
    if near.lat is not None and draft.region_id is not None:
        fields["near_at"] = f"{near.lat} {near.lon} {trees.regions.node(draft.region_id).slug}"
    return fields


def likely_currency() -> str:
    """The money of the country that the browser names, or the euro."""
    country = reading.country()
    found = get_territory_currencies(country) if country else []
    return str(found[0]) if found else "EUR"


def typed_amount(minor: int | None, currency: str | None) -> str:
    """An amount as it is typed into a field: "12000" or "12000.50"."""
    if minor is None or currency is None:
        return ""
    return str(Money(minor, currency).amount).removesuffix(".00")


def _ask_who(typed: Typed, status: int) -> Response:
    return make_response(render_template("want/author.html", typed=typed), status)


def _keep(account: Account, draft: IntentDraft, typed: Typed) -> Intent:
    again = db().scalar(
        select(Intent)
        .where(
            Intent.account_id == account.id,
            Intent.opened_at.is_(None),
            Intent.closed_at.is_(None),
            Intent.created_at > now() - _SAME_AGAIN,
        )
        .order_by(Intent.id.desc())
        .limit(1)
    )
    if again is not None and publish.draft_of(again) == checking.check(db(), draft, now()):
        return again
    if typed.get("said") and typed.get("teach"):
        trees = taxonomy.trees(db())
        read = reading.read(typed.get("said"), trees)
        corrections.keep(
            db(), account, read.said, now(),
            found=read.found, draft=draft, trees=trees, home_id=reading.home(trees.regions),
        )  # fmt: skip
    return publish.draft(db(), account, draft, now())


def currency_options(typed: Typed) -> list[tuple[str, str]]:
    """Pairs for a `choose` macro: the common currencies, and the one that was typed."""
    known = CURRENCIES.union(filter(None, [typed.get("currency")[:3].upper()]))
    return [(code, code) for code in sorted(known)]
