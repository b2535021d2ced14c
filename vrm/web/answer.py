"""An answer link in a message → the want and four buttons, without an account. A GET does nothing, whoever opens it."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from notifiers import links, register
from notifiers.links import Reached
from notifiers.models import ChannelKind
from vendors import leads, respond, team, templates
from vendors.models import Role, Via
from vrm.kernel import accounts, taxonomy
from vrm.kernel.accounts import LinkPurpose
from vrm.kernel.errors import NotAllowed
from vrm.web import visitors
from vrm.web.answering import answer_of, answer_typed, chosen_words
from vrm.web.desk import db, desk, now
from vrm.web.links import mail_link
from vrm.web.security import csrf
from vrm.web.typed import Typed
from vrm.web.want import currency_options
from vrm.web.words import _

blueprint = Blueprint("answer", __name__, url_prefix="/r/<token>")


@blueprint.get("")
def look(token: str) -> AnyResponse:
    """The want, why it came, and what can be said."""
    found = _reached(token)
    return _page(found, answer_typed(db(), found.lead, **chosen_words()), 200)


@blueprint.post("")
def answer(token: str) -> AnyResponse:
    """Offer, ask, decline or reply."""
    found, typed = _reached(token), Typed(request.form)
    what = answer_of(typed, taxonomy.trees(db()))
    if what is not None:
        with typed.attempt():
            respond.respond(db(), found.lead, what, now(), via=Via.LINK)
    if typed.problems:
        return _page(found, typed, 422)
    flash(_("Sent. The customer reads it now; what they answer comes to you the same way as this want."))
    return redirect(url_for("answer.look", token=token), 303)


@blueprint.post("/agree")
def agree(token: str) -> AnyResponse:
    """Accept the customer's terms."""
    respond.agree(db(), _reached(token).lead, now(), via=Via.LINK)
    flash(_("You have accepted the terms; both sides keep a record of it."))
    return redirect(url_for("answer.look", token=token), 303)


@blueprint.post("/account")
def join(token: str) -> AnyResponse:
    """An account for whoever reads this mailbox, in the vendor's team; the link that proves it is mailed there."""
    found = _reached(token)
    address = _joinable(found)
    if address is None:
        raise NotAllowed(_("Only a verified mailbox can become an account; ask an owner of the vendor to add you."))
    vendor = found.lead.vendor
    account = accounts.ensure(db(), address, now())
    if team.role_of(db(), vendor, account) is None:
        # A vendor without people, as an import makes them, belongs to whoever reads its mail: of two the first.
        db().refresh(vendor, with_for_update={"key_share": True})
        alone = not team.has_people(db(), vendor)
        team.add(db(), vendor, account, Role.OWNER if alone else Role.MEMBER, now())
        accounts.audit(db(), "membership.by-answer-link", vendor.slug, now(), by=account)
    mail_link(db(), account, LinkPurpose.SIGN_IN, now())
    session["onward"] = url_for("vendor.lead", code=found.lead.code)
    outbox = desk().settings.mail is None
    return make_response(
        render_template("door/link_sent.html", email=account.email, typed=None, want=None, outbox=outbox)
    )


@blueprint.post("/stop")
def stop(token: str) -> AnyResponse:
    """No more messages here."""
    found = links.told_channel(db(), desk().signer, token)
    register.stop(db(), found, now(), "the stop button")
    return make_response(render_template("answer/stopped.html", vendor=found.vendor))


@blueprint.get("/unsubscribe")
def ask_to_stop(token: str) -> AnyResponse:
    """Mail programs that cannot POST come here: a button."""
    return redirect(url_for("answer.look", token=token, do="stop"), 303)


@blueprint.post("/unsubscribe")
@csrf.exempt  # type: ignore[untyped-decorator] # Flask-WTF ships no types.
def unsubscribe(token: str) -> tuple[str, int, dict[str, str]]:
    """One click in a mail program (RFC 8058): no cookie, no form of ours, no further question."""
    found = links.told_channel(db(), desk().signer, token)
    register.stop(db(), found, now(), "one-click unsubscribe")
    return "No more messages go to this address.\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


def _reached(token: str) -> Reached:
    return links.reached(db(), desk().signer, token)


def _joinable(found: Reached) -> str | None:
    """The mailbox that can become an account: it is the vendor's own and was proven. None for other channels."""
    channel = found.channel
    if channel.kind is not ChannelKind.EMAIL or channel.verified_at is None or visitors.somebody() is not None:
        return None
    return str(channel.target["address"])


def _page(found: Reached, typed: Typed, status: int) -> AnyResponse:
    lead = found.lead
    page = render_template(
        "answer/answer.html",
        token=request.view_args["token"] if request.view_args else "",
        lead=lead,
        channel=found.channel,
        intent=lead.intent,
        vendor=lead.vendor,
        standing=leads.standing(lead),
        said=respond.thread(db(), lead),
        agreed=respond.has_agreed(db(), lead),
        told=leads.told_count(db(), lead.intent),
        trees=taxonomy.trees(db()),
        currencies=currency_options(typed),
        templates=templates.of_vendor(db(), lead.vendor),
        join=_joinable(found),
        typed=typed,
    )
    return make_response(page, status)
