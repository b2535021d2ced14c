"""Signing in and out: a link by mail whose button spends it, a password or a passkey, and a second proof."""

from zoneinfo import available_timezones

from flask import (
    Blueprint,
    Response,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from vrm.kernel import accounts, factors
from vrm.kernel.accounts import LinkPurpose
from vrm.kernel.errors import BadInput, LinkSpent
from vrm.kernel.text import mail_address
from vrm.web import entering, passkeys, visitors
from vrm.web.desk import db, desk, now, own_path
from vrm.web.links import coming_in, mail_link, owe_link
from vrm.web.typed import Typed
from vrm.web.words import _

blueprint = Blueprint("door", __name__)


@blueprint.get("/sign-in")
def sign_in() -> AnyResponse:
    """The ways in. A link by mail also makes an account."""
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
        with coming_in(db(), email, now(), invite_only=desk().settings.invite_only) as account:
            owe_link(db(), account, LinkPurpose.SIGN_IN, now())
        shown = mail_address(email)
        session["onward"] = onward  # The link is mostly opened in the browser that asked for it.
        entering.set_aside(shown, kept)
    except BadInput as error:
        return _page(422, onward=onward, kept=kept, email=email, problems=error.problems)
    typed = visitors.kept_typed(kept) if kept else None
    page = render_template("door/link_sent.html", email=shown, typed=typed, outbox=desk().settings.mail is None)
    return make_response(page)


@blueprint.post("/sign-in/password")
def with_password() -> AnyResponse:
    """Sign in with a password."""
    email, kept = request.form.get("email", ""), request.form.get("kept", "")
    onward = own_path(request.form.get("next"), otherwise="")
    account, problems, status = entering.password_of(email, request.form.get("password", ""))
    if account is None:
        return _page(status, onward=onward, kept=kept, email=email, problems=problems)
    return entering.enter(account, onward, kept)


@blueprint.post("/sign-in/second")
def second() -> AnyResponse:
    """The second proof, for who wants one to be asked for: a code of their app, or a recovery code."""
    onward, kept = own_path(request.form.get("next"), otherwise=""), request.form.get("kept", "")
    account = entering.half_entered()
    if account is None:
        return _page(422, onward=onward, kept=kept, problems={"email": _("That took a while. Please begin again.")})
    wait = entering.too_many("second", str(account.id))
    if wait:
        return entering.second_page(429, onward=onward, kept=kept, problems={"code": wait})
    if not factors.take_code(db(), account, request.form.get("code", ""), now(), sealer=entering.sealer()):
        entering.note_refused("code", account)
        problems = {"code": _("This code does not fit. Use the one that your app shows now, or a recovery code.")}
        return entering.second_page(422, onward=onward, kept=kept, problems=problems)
    return entering.begin(account, onward, kept)


@blueprint.post("/sign-in/passkey/options")
def passkey_options() -> Response:
    """What the browser asks the device for."""
    return jsonify(passkeys.request_for_anybody())


@blueprint.post("/sign-in/passkey")
def with_passkey() -> AnyResponse:
    """Sign in with what the device answered; it has asked for a finger or a PIN, so it counts as both proofs."""
    onward, kept = own_path(request.form.get("next"), otherwise=""), request.form.get("kept", "")
    typed = Typed({})
    with typed.attempt():
        return entering.begin(passkeys.owner(request.form.get("credential", "")), onward, kept)
    entering.note_refused("passkey")
    return _page(422, onward=onward, kept=kept, problems=typed.problems)


@blueprint.get("/sign-in/<secret>")
@blueprint.get("/verify/<secret>")
def look_at_link(secret: str) -> str:
    """A button, because programs that scan mail open every link."""
    return render_template("door/link.html", link=accounts.look_at_link(db(), secret, now()))


@blueprint.post("/sign-in/<secret>")
@blueprint.post("/verify/<secret>")
def spend_link(secret: str) -> AnyResponse:
    """Prove the mailbox and begin a session. Whoever comes for the first time is told moments by their own clock."""
    try:
        is_first = accounts.look_at_link(db(), secret, now()).account.verified_at is None
        account = accounts.spend_link(db(), secret, now())
    except LinkSpent:
        entering.note_refused("link")
        raise
    if is_first and (zone := request.form.get("zone", "")) in available_timezones():
        account.zone = zone
    return entering.enter(account, own_path(session.get("onward"), otherwise=""), entering.set_aside_for(account))


@blueprint.post("/verify")
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
        "door/sign_in.html",
        next=onward,
        kept=kept,
        email=email,
        problems=problems or {},
        waiting=waiting,
        passkeys=passkeys.possible(),
    )
    return make_response(page, status)
