"""A vendor's standing orders: what, where, from which budget."""

from collections.abc import Sequence
from dataclasses import dataclass

from babel import Locale
from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from intents.draft import Condition
from vendors import subscribe, tighten
from vendors.models import Subscription, Vendor
from vendors.subscribe import Order, Reach
from vrm import fit
from vrm.kernel import rates, stems, taxonomy
from vrm.preview import Preview, would_have_come
from vrm.research.survival import wilson
from vrm.web import maps
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, now
from vrm.web.maps import Map
from vrm.web.typed import Typed, preset_node
from vrm.web.want import currency_options, likely_currency, typed_amount
from vrm.web.words import _, locale

_FIELDS = {"near/radius_km": "reach_km", "near/lat": "reach_km"}  # As the verbs call them, and the form.

blueprint = Blueprint("subscriptions", __name__, url_prefix="/vendor/<slug>/subscriptions")


@blueprint.get("")
def subscriptions(slug: str) -> str:
    """All of them."""
    vendor = acting_for(slug)
    found = subscribe.subscriptions_of(db(), vendor)
    return vendor_page(
        "vendor/subscriptions.html",
        vendor,
        subscriptions=found,
        standings=fit.standings(db(), vendor, found),
        undoable={each.id for each in found if tighten.last(db(), each) is not None},
        share=wilson,
    )


@blueprint.get("/new")
def new(slug: str) -> AnyResponse:
    """An empty form."""
    words_in = locale() if locale() in stems.LANGUAGES else ""
    typed = Typed(condition=Condition.ANY.value, currency=likely_currency(), words_in=words_in)
    return _form(acting_for(slug), typed, 200)


@blueprint.post("/new")
def add(slug: str) -> AnyResponse:
    """One more."""
    vendor, typed = acting_for(slug), Typed(request.form)
    order = _order(typed)
    if order is not None and _only_looks():
        return _looked(vendor, typed, order)
    if order is not None:
        with typed.attempt(**_FIELDS):
            subscribe.subscribe(db(), vendor, order, now())
            _caution(order)
    if typed.problems:
        return _form(vendor, typed, 422)
    flash(_("Subscribed. Wants that are open now and fit come in a moment."))
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


@blueprint.get("/<code>")
def subscription(slug: str, code: str) -> AnyResponse:
    """One of them, to be changed."""
    vendor = acting_for(slug)
    found = subscribe.by_code(db(), vendor, code)
    trees = taxonomy.trees(db())
    order = subscribe.order_of(found)
    floor = order.min_budget
    typed = Typed(
        {
            "name": order.name,
            **preset_node("category", trees.categories, order.category_id),
            **preset_node("region", trees.regions, order.region_id),
            "min_budget": typed_amount(floor.minor, floor.currency) if floor else "",
            "currency": floor.currency if floor else likely_currency(),
            "condition": order.condition.value,
            **_typed_filters(order),
        }
    )
    return _form(vendor, typed, 200, found, shown=_shown(found))


@blueprint.post("/<code>")
def edit(slug: str, code: str) -> AnyResponse:
    """Change it; it is held against open wants again."""
    vendor, typed = acting_for(slug), Typed(request.form)
    found = subscribe.by_code(db(), vendor, code)
    order = _order(typed)
    if order is not None and _only_looks():
        return _looked(vendor, typed, order, found)
    if order is not None:
        with typed.attempt(**_FIELDS):
            subscribe.edit(db(), found, order, now())
            _caution(order)
    if typed.problems:
        return _form(vendor, typed, 422, found)
    flash(_("Changed."))
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


@blueprint.post("/<code>/pause")
def pause(slug: str, code: str) -> AnyResponse:
    """No new leads through it."""
    subscribe.pause(db(), subscribe.by_code(db(), acting_for(slug), code), now())
    flash(_("Paused."))
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


@blueprint.post("/<code>/resume")
def resume(slug: str, code: str) -> AnyResponse:
    """New leads again."""
    subscribe.resume(db(), subscribe.by_code(db(), acting_for(slug), code), now())
    flash(_("Listening again."))
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


@blueprint.post("/<code>/end")
def end(slug: str, code: str) -> AnyResponse:
    """Remove it."""
    subscribe.end(db(), subscribe.by_code(db(), acting_for(slug), code), now())
    flash(_("Ended. The wants that it brought stay in the inbox."))
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


@blueprint.post("/<code>/tighten")
def narrow(slug: str, code: str) -> AnyResponse:
    """Make it narrower as the button said; one press takes it back."""
    vendor = acting_for(slug)
    found = subscribe.by_code(db(), vendor, code)
    wanted = (request.form.get("what", ""), request.form.get("to", ""))
    standing = fit.standings(db(), vendor, [found]).get(found.id)
    for proposal in standing.proposals if standing else ():
        if (proposal.what.value, proposal.value(taxonomy.trees(db()))) == wanted:
            tighten.tighten(db(), found, proposal.order, now())
            flash(_("Done. “Take it back” undoes it."))
            return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)
    flash(_("That has changed meanwhile; please look again."), "warn")
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


@blueprint.post("/<code>/loosen")
def loosen(slug: str, code: str) -> AnyResponse:
    """Take the last tightening back."""
    tighten.undo(db(), subscribe.by_code(db(), acting_for(slug), code), now())
    flash(_("Taken back: you listen as before. Open wants that fit come in a moment."))
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


@blueprint.get("/preview")
def preview(slug: str) -> str:
    """What the form, as it is now, would have brought: a part of a page, for a form that shows it while one types."""
    vendor, typed = acting_for(slug), Typed(request.args)
    order = _order(typed)
    shown = None
    if order is not None:
        with typed.attempt(**_FIELDS):
            shown = _shown(subscribe.proposed(db(), vendor, order, now()))
    return render_template("vendor/_preview.html", shown=shown)


def _order(typed: Typed) -> Order | None:
    trees = taxonomy.trees(db())
    category, region = typed.node("category", trees.categories), typed.node("region", trees.regions)
    if category is None:
        typed.problems.setdefault("category", _("Please say what you sell."))
    if region is None:
        typed.problems.setdefault("region", _("Please say where; “World” is fine."))
    km = typed.kilometres("reach_km")
    floor = typed.money("min_budget", "currency")
    condition = typed.choice("condition", Condition, Condition.ANY)
    if typed.problems or category is None or region is None:
        return None
    order = Order(
        category_id=category,
        region_id=region,
        reach=_reach(typed, km, region) if km is not None else None,
        name=typed.get("name"),
        required=typed.lines("required"),
        excluded=typed.lines("excluded"),
        words_in=typed.get("words_in") or None,
        min_budget=floor,
        condition=condition,
        min_quantity=typed.whole_or_none("min_quantity"),
        lead_days=typed.whole_or_none("lead_days"),
        language=typed.get("language") or None,
    )
    return None if typed.problems else order


def _reach(typed: Typed, km: float, region_id: int) -> Reach:
    """Around the region, or around the point that the subscription had as long as it has the same region."""
    region = taxonomy.trees(db()).regions.node(region_id)
    lat, _space, rest = typed.get("reach_at").partition(" ")
    lon, _space, slug = rest.partition(" ")
    try:
        return Reach(km, float(lat), float(lon)) if slug == region.slug else Reach(km)
    except ValueError:
        return Reach(km)


def _typed_filters(order: Order) -> dict[str, str]:
    reach = order.reach
    fields = {
        "reach_km": f"{reach.radius_km:g}" if reach else "",
        "required": "\n".join(order.required),
        "excluded": "\n".join(order.excluded),
        "words_in": order.words_in or "",
        "min_quantity": str(order.min_quantity or ""),
        "lead_days": str(order.lead_days or ""),
        "language": order.language or "",
    }
    if reach and reach.lat is not None:
        fields["reach_at"] = f"{reach.lat} {reach.lon} {taxonomy.trees(db()).regions.node(order.region_id).slug}"
    return fields


def _only_looks() -> bool:
    """Whether the button was "look what it would have brought", which keeps nothing."""
    return "look" in request.form


def _looked(vendor: Vendor, typed: Typed, order: Order, found: Subscription | None = None) -> AnyResponse:
    shown = None
    with typed.attempt(**_FIELDS):
        shown = _shown(subscribe.proposed(db(), vendor, order, now()))
    cautions = subscribe.cautions(order, taxonomy.trees(db()))
    return _form(vendor, typed, 200 if shown else 422, found, shown=shown, cautions=cautions)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a subscription, stored or only proposed, would have brought, and from where."""

    preview: Preview
    map: Map | None


def _shown(subscription: Subscription) -> Shown:
    regions = taxonomy.trees(db()).regions
    return Shown(would_have_come(db(), subscription, now()), maps.picture(subscription, regions, locale()))


def _spoken() -> list[tuple[str, str]]:
    return [(tag, str(Locale.parse(tag).get_display_name(locale()))) for tag in stems.LANGUAGES]


def _caution(order: Order) -> None:
    for sentence in subscribe.cautions(order, taxonomy.trees(db())):
        flash(sentence, "warn")


def _form(
    vendor: Vendor,
    typed: Typed,
    status: int,
    found: Subscription | None = None,
    *,
    shown: Shown | None = None,
    cautions: Sequence[str] = (),
) -> AnyResponse:
    page = vendor_page(
        "vendor/subscription.html",
        vendor,
        typed=typed,
        subscription=found,
        currencies=currency_options(typed),
        shown=shown,
        cautions=cautions,
        languages=[("", _("no language: letter by letter")), *_spoken()],
        rates_of=rates.day(),
    )
    return make_response(page, status)
