"""Signing in and out: a link by mail whose button spends it, or a password."""

import math
from datetime import timedelta

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from vrm.kernel import accounts, limits
from vrm.kernel.accounts import LinkPurpose
from vrm.kernel.errors import BadInput
from vrm.web import visitors
from vrm.web.desk import db, desk, now, own_path
from vrm.web.links import mail_link
from vrm.web.words import _, ngettext

blueprint = Blueprint("door", __name__)

_TRIES_PER = timedelta(minutes=15)  # Of a password. A link by mail is the way in for who has used them up.
_TRIES_BY_MAILBOX = 10
_TRIES_BY_ADDRESS = 60  # An office may share one.


@blueprint.get("/sign-in")
def sign_in() -> AnyResponse:
    """Two ways in: a link by mail, which also makes an account, or a password."""
    onward = own_path(request.args.get("next"), otherwise="")
    if visitors.somebody() is not None:
        return redirect(onward or url_for("me.boards"), 303)
    return _page(200, onward=onward)


@blueprint.post("/sign-in")
def send_link() -> Response:
    """Mail a link, whether or not there is an account: nobody learns which."""
    email = request.form.get("email", "")
    onward = own_path(request.form.get("next"), otherwise="")
    kept = request.form.get("kept", "")
    try:
        account = accounts.ensure(db(), email, now())
        mail_link(db(), account, LinkPurpose.SIGN_IN, now())
        session["onward"] = onward  # The link is mostly opened in the browser that asked for it.
    except BadInput as error:
        return _page(422, onward=onward, kept=kept, email=email, problems=error.problems)
    typed = visitors.kept_typed(kept) if kept else None
    page = render_template("door/link_sent.html", email=account.email, typed=typed, outbox=desk().settings.mail is None)
    return make_response(page)


@blueprint.post("/sign-in/password")
def with_password() -> AnyResponse:
    """Sign in with a password."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    onward = own_path(request.form.get("next"), otherwise="")
    kept = request.form.get("kept", "")
    wait = _wait_before_a_try(email)
    if wait is not None:
        minutes = math.ceil(wait.total_seconds() / 60)
        problems = {
            "password": ngettext(
                "Too many tries. Please wait a minute, or let us mail you a link; that always works.",
                "Too many tries. Please wait %(num)s minutes, or let us mail you a link; that always works.",
                minutes,
            )
        }
        return _page(429, onward=onward, kept=kept, email=email, problems=problems)
    problems = {}
    # Nothing is written here, and hashing takes a while: no other writer has to wait for it.
    with desk().store.read() as reading:
        try:
            account = accounts.find(reading, email)
        except BadInput as error:
            account, problems = None, error.problems
        if not problems and not desk().passwords.check(account, password):
            problems = {"password": _("Mail address and password do not belong together. A link by mail always works.")}
    if problems or account is None:
        return _page(422, onward=onward, kept=kept, email=email, problems=problems)
    visitors.sign_in(account)
    typed = visitors.kept_typed(kept) if kept else None
    if typed:
        return make_response(render_template("press_again.html", path=typed[0], fields=typed[1]))
    return redirect(onward or url_for("me.boards"), 303)


def _wait_before_a_try(email: str) -> timedelta | None:
    """Counts a try of a password, for this mailbox (whether or not it has an account) and from this address."""
    subjects = ((email.strip().casefold()[:254], _TRIES_BY_MAILBOX), (request.remote_addr or "", _TRIES_BY_ADDRESS))
    with desk().store.write() as session:
        waits = [
            limits.spend(session, "password", subject, now(), most=most, per=_TRIES_PER) for subject, most in subjects
        ]
    return max((wait for wait in waits if wait is not None), default=None)


@blueprint.get("/sign-in/<secret>")
@blueprint.get("/verify/<secret>")
def look_at_link(secret: str) -> str:
    """A button, because programs that scan mail open every link."""
    return render_template("door/link.html", link=accounts.look_at_link(db(), secret, now()))


@blueprint.post("/sign-in/<secret>")
@blueprint.post("/verify/<secret>")
def spend_link(secret: str) -> AnyResponse:
    """Prove the mailbox and begin a session."""
    onward = own_path(session.get("onward"), otherwise=url_for("me.boards"))
    visitors.sign_in(accounts.spend_link(db(), secret, now()))
    return redirect(onward, 303)


@blueprint.post("/verify")
@visitors.signed_in
def send_proof() -> AnyResponse:
    """Mail a link that proves the mailbox of who is signed in."""
    mail_link(db(), visitors.me(), LinkPurpose.VERIFY, now())
    session["onward"] = own_path(request.form.get("next"), otherwise="")
    flash(_("We sent a link to %(email)s. Open it and press its button.", email=visitors.me().email))
    return redirect(own_path(request.form.get("next"), otherwise=url_for("account.form")), 303)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End this session."""
    visitors.sign_out()
    return redirect(url_for("home.home"), 303)


def _page(
    status: int, *, onward: str, kept: str = "", email: str = "", problems: dict[str, str] | None = None
) -> Response:
    waiting = visitors.kept_typed(kept) is not None if kept else False
    page = render_template(
        "door/sign_in.html", next=onward, kept=kept, email=email, problems=problems or {}, waiting=waiting
    )
    return make_response(page, status)
