"""A vendor's area: founded in a minute, its inbox, and one lead with its conversation."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from intents import publish
from intents.models import Intent
from notifiers import office, register
from notifiers.channels import KINDS
from notifiers.models import ChannelKind
from vendors import inbox as sought
from vendors import leads, respond, site, subscribe, team, templates
from vendors.inbox import Box, Sought
from vendors.leads import Standing
from vendors.models import DeclineReason, Exchange, Lead, SeenBy, Vendor, Via
from vendors.subscribe import Order
from vrm import turns
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.errors import NotFound, OutsideError
from vrm.kernel.languages import LANGUAGES, spoken
from vrm.web.acting import acting_for, vendor_page
from vrm.web.answering import answer_of, answer_typed, chosen_words
from vrm.web.browse import node_asked, words_asked
from vrm.web.desk import db, desk, now, own_path
from vrm.web.sending import send_now
from vrm.web.typed import Typed
from vrm.web.visitors import me, somebody
from vrm.web.want import currency_options
from vrm.web.words import _, later, locale, ngettext
from vrm.why import why_us

blueprint = Blueprint("vendor", __name__, url_prefix="/vendor")

BOXES = {
    Box.TO_ANSWER: later("To answer"),
    Box.ANSWERED: later("Answered"),
    Box.OVER: later("Over"),
}


@blueprint.get("")
def home() -> AnyResponse:
    """The vendors of who is signed in, or how to become one."""
    account = somebody()
    mine = team.vendors_of(db(), account) if account else []
    if len(mine) == 1 and "new" not in request.args:
        return redirect(url_for("vendor.inbox", slug=mine[0].slug), 303)
    return _home(mine, Typed(email=account.email if account else ""), 200)


@blueprint.get("/channels")
def to_channels() -> AnyResponse:
    """Where messages about channels lead: to the channels, when there is one vendor only."""
    mine = team.vendors_of(db(), me())
    if len(mine) == 1:
        return redirect(url_for("channels.channels", slug=mine[0].slug), 303)
    return redirect(url_for("vendor.home"), 303)


@blueprint.post("")
def found() -> AnyResponse:
    """A new vendor with its first subscription and its first channel, in one step."""
    account, typed = me(), Typed(request.form)
    trees = taxonomy.trees(db())
    category, region = typed.node("category", trees.categories), typed.node("region", trees.regions)
    if category is None:
        typed.problems.setdefault("category", _("Please say what you sell; you can add more later."))
    if region is None:
        typed.problems.setdefault("region", _("Please say where you sell; “World” is fine."))
    made = None
    with typed.attempt():
        said = {"name": typed.get("name"), "website": typed.get("website")}
        made = team.found(db(), account, now(), **said, zone=_zone_of(account, region), locale=locale())
    if made is not None and category is not None and region is not None:
        with typed.attempt():
            subscribe.subscribe(db(), made, Order(category_id=category, region_id=region), now())
        with typed.attempt(address="email"):
            new = register.add_channel(
                db(),
                made,
                ChannelKind.EMAIL,
                {"address": typed.get("email")},
                now(),
                outbound=desk().post.outbound,
                proven_mailbox=account.proven_mailbox,
            )
    if made is None or typed.problems:
        return _home([], typed, 422)
    if new.challenge is not None:
        send_now(new.challenge)
    elif new.channel.verified_at is not None:
        flash(_("%(name)s listens. New wants go to %(email)s, and here.", name=made.name, email=account.email))
        return redirect(url_for("vendor.inbox", slug=made.slug), 303)
    flash(_("%(name)s listens. One step is left: show us that the mailbox is yours.", name=made.name))
    return redirect(url_for("channels.channel", slug=made.slug, code=new.channel.code), 303)


@blueprint.get("/<slug>")
def inbox(slug: str) -> AnyResponse:
    """The vendor's leads, newest first, each with where it stands; by what is to be done, kind, place and words."""
    return _inbox(acting_for(slug), 200)


@blueprint.post("/<slug>/several")
def several(slug: str) -> AnyResponse:
    """Say "not for us" to several wants, or that they were read."""
    vendor, typed = acting_for(slug), Typed(request.form)
    found = sought.picked(db(), vendor, request.form.getlist("want")[:200])
    if not found:
        typed.problems["want"] = _("Nothing is ticked; tick the wants that you mean.")
    reason = None
    if typed.get("what") == "decline":
        reason = typed.choice("decline_reason", DeclineReason, DeclineReason.OTHER)
        if not typed.get("decline_reason"):
            typed.problems["decline_reason"] = _("Please say why; it makes the next wants fit better.")
    if typed.problems:
        return _inbox(vendor, 422, typed)
    if reason is None:
        many = sought.see_all(db(), found, now())
        flash(ngettext("%(num)s want is marked as read.", "%(num)s wants are marked as read.", many))
    else:
        done = sought.decline_all(db(), found, reason, now(), account=me())
        flash(ngettext("Said to %(num)s customer.", "Said to %(num)s customers.", done.done))
        if done.left:
            flash(
                ngettext(
                    "%(num)s was over meanwhile and is left as it is.",
                    "%(num)s were over meanwhile and are left as they are.",
                    done.left,
                ),
                "warn",
            )
    return redirect(own_path(typed.get("back"), otherwise=url_for("vendor.inbox", slug=slug)), 303)


def _inbox(vendor: Vendor, status: int, typed: Typed | None = None) -> AnyResponse:
    trees = taxonomy.trees(db())
    asked = Typed(request.args)
    only = asked.get("only")
    wanted = Sought(
        box=Box(only) if only in list(Box) else None,
        standing=Standing(only) if only in list(Standing) and only not in list(Box) else None,
        category=node_asked(asked, "category", trees.categories),
        region=node_asked(asked, "region", trees.regions),
        words=words_asked(asked),
    )
    page = leads.inbox(
        db(),
        vendor,
        where=sought.conditions(wanted, trees),
        before=sought.begins_before(db(), vendor, asked.get("before")),
    )
    named = {name: asked.get(name) for name in ("only", "category", "region", "q") if asked.get(name)}
    channels = register.channels_of(db(), vendor)
    return make_response(
        vendor_page(
            "vendor/inbox.html",
            vendor,
            page=page,
            wanted=wanted,
            narrowed=any((wanted.standing, wanted.box, wanted.category, wanted.region, wanted.words)),
            named=named,
            asked=asked,
            boxes=BOXES,
            typed=typed or Typed(),
            standing=leads.standing,
            listens=len(subscribe.subscriptions_of(db(), vendor)),
            working=any(register.state(channel) in ("working", "failing") for channel in channels),
            channels=channels,
            waits=turns.waits_for(db(), vendor),
        ),
        status,
    )


@blueprint.get("/<slug>/why")
def why(slug: str) -> AnyResponse:
    """Why a want that anybody may see did, or did not, come to this vendor."""
    vendor, typed = acting_for(slug), Typed(request.args)
    code = typed.get("want").strip().rstrip("/").rpartition("/")[2]
    intent: Intent | None = None
    sentences: tuple[str, ...] = ()
    if code:
        try:
            found = publish.by_code(db(), code)
            sentences = why_us(db(), found, vendor, language=locale())
            intent = found
        except NotFound:
            typed.problems["want"] = _("There is no such want, or it is not a public one.")
    page = vendor_page("vendor/why.html", vendor, typed=typed, intent=intent, sentences=sentences)
    return make_response(page, 422 if typed.problems else 200)


@blueprint.get("/<slug>/settings")
def settings(slug: str) -> AnyResponse:
    """What the vendor says of itself."""
    vendor = acting_for(slug)
    return _settings(vendor, _said_of(vendor), 200)


@blueprint.post("/<slug>/settings")
def describe(slug: str) -> AnyResponse:
    """Change what it says of itself."""
    vendor, typed = acting_for(slug), Typed(request.form)
    with typed.attempt():
        team.describe(
            db(),
            vendor,
            name=typed.get("name"),
            website=typed.get("website"),
            about=typed.get("about"),
            zone=typed.get("zone"),
            locale=typed.get("locale"),
        )
        office.keep_version(db(), vendor, now())
        team.reply(db(), vendor, typed.get("reply"), now())
    if typed.problems:
        db().rollback()
        return _settings(acting_for(slug), typed, 422)
    flash(_("Saved."))
    return redirect(url_for("vendor.settings", slug=slug), 303)


@blueprint.post("/<slug>/prove")
def prove(slug: str) -> AnyResponse:
    """Look on the vendor's website for the proof that it is the vendor's."""
    vendor = acting_for(slug)
    website, code, typed = vendor.website, vendor.code, _said_of(vendor)
    db().rollback()  # A slow host must not hold up other writers.
    try:
        with typed.attempt():
            site.prove(desk().post.outbound, website=website, code=code, page_url=_page_url(slug))
    except OutsideError as error:
        typed.problems["website"] = str(error)
    vendor = acting_for(slug)
    if typed.problems:
        return _settings(vendor, typed, 422)
    site.mark_proven(db(), vendor, website, now())
    flash(
        _(
            "Proven: %(website)s is yours. Where a customer tells a few vendors at a time, you come first.",
            website=website,
        )
    )
    return redirect(url_for("vendor.settings", slug=slug), 303)


@blueprint.post("/<slug>/pause")
def pause(slug: str) -> AnyResponse:
    """No new leads."""
    team.pause(db(), acting_for(slug), now())
    flash(_("Paused: no new want comes until you listen again."))
    return redirect(url_for("vendor.settings", slug=slug), 303)


@blueprint.post("/<slug>/resume")
def resume(slug: str) -> AnyResponse:
    """New leads again."""
    team.resume(db(), acting_for(slug), now())
    flash(_("Listening again; wants that came meanwhile and are still open come, too."))
    return redirect(url_for("vendor.settings", slug=slug), 303)


# --- One lead -------------------------------------------------------------------------------------


@blueprint.get("/leads/<code>")
def lead(code: str) -> AnyResponse:
    """The want and what was said. That a signed-in person looks at it is evidence, and is written down."""
    _lead(code)
    with desk().store.write() as session:
        respond.see(session, leads.by_code(session, code), now(), by=SeenBy.PAGE)
    db().rollback()
    found = _lead(code)
    return _lead_page(found, answer_typed(db(), found, **chosen_words()), 200)


@blueprint.post("/leads/<code>/answer")
def answer(code: str) -> AnyResponse:
    """Offer, ask, decline or reply."""
    found, typed = _lead(code), Typed(request.form)
    what = answer_of(typed, taxonomy.trees(db()))
    if what is not None:
        with typed.attempt():
            respond.respond(db(), found, what, now(), via=Via.PAGE, account=me())
    if typed.problems:
        respond.refuse_ended(found)  # Its page has no form any more, in which the words would stand.
        return _lead_page(found, typed, 422)
    flash(_("Sent. The customer sees it on their board and by mail."))
    return redirect(url_for("vendor.lead", code=code), 303)


@blueprint.post("/leads/<code>/agree")
def agree(code: str) -> AnyResponse:
    """Accept the customer's terms."""
    respond.agree(db(), _lead(code), now(), via=Via.PAGE, account=me())
    flash(_("You have accepted the terms; both sides keep a record of it."))
    return redirect(url_for("vendor.lead", code=code), 303)


def _said_of(vendor: Vendor) -> Typed:
    said = {name: getattr(vendor, name) for name in ("name", "website", "about", "reply", "zone")}
    return Typed({**said, "locale": spoken(vendor.locale)})


def _settings(vendor: Vendor, typed: Typed, status: int) -> AnyResponse:
    proof = {"path": site.PATH, "page": _page_url(vendor.slug)}
    page = vendor_page("vendor/settings.html", vendor, typed=typed, proof=proof, languages=LANGUAGES)
    return make_response(page, status)


def _page_url(slug: str) -> str:
    return f"{desk().settings.base_url}{url_for('home.vendor', slug=slug)}"


def _lead(code: str) -> Lead:
    found = leads.by_code(db(), code)
    # The same words as for none at all: that there is one says who was told of the want.
    if found.withheld is not None or team.role_of(db(), found.vendor, me()) is None:
        raise NotFound("There is no such lead.")
    return found


def _lead_page(found: Lead, typed: Typed, status: int) -> AnyResponse:
    page = vendor_page(
        "vendor/lead.html",
        found.vendor,
        lead=found,
        intent=found.intent,
        standing=leads.standing(found),
        said=respond.thread(db(), found),
        agreed=respond.has_agreed(db(), found),
        told=leads.told_count(db(), found.intent),
        currencies=currency_options(typed),
        templates=templates.of_vendor(db(), found.vendor),
        exchange=db().get(Exchange, (found.intent_id, found.vendor_id)),
        typed=typed,
    )
    return make_response(page, status)


def _home(mine: list[Vendor], typed: Typed, status: int) -> AnyResponse:
    account: Account | None = somebody()
    return make_response(
        render_template("vendor/home.html", mine=mine, typed=typed, account=account, kinds=list(KINDS.values())), status
    )


def _zone_of(account: Account, region_id: int | None) -> str:
    """By whose clock a new vendor lives: its founder's, or that of where it sells when they have said nothing."""
    if account.zone != "UTC" or region_id is None:
        return account.zone
    return taxonomy.trees(db()).regions.node(region_id).zone or account.zone
