"""How an account signs in, on one page: its password, its passkeys, a second proof, and where it is signed in."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec

import segno
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

from vrm.kernel import factors, sessions
from vrm.kernel.accounts import LinkPurpose, audit, ident
from vrm.web import entering, passkeys, visitors
from vrm.web.desk import db, desk, now, own_path
from vrm.web.links import mail_link
from vrm.web.typed import Typed
from vrm.web.visitors import me, this_browser
from vrm.web.words import _

blueprint = Blueprint("signing_in", __name__, url_prefix="/me/signing-in")

_Given = ParamSpec("_Given")
_PROPOSED = "totp_proposed"


def proven_lately(view: Callable[_Given, AnyResponse]) -> Callable[_Given, AnyResponse]:
    """The view, for who proved lately that they are the account's owner; others are asked to, once more."""

    @wraps(view)
    def checked(*args: _Given.args, **named: _Given.kwargs) -> AnyResponse:
        me()
        if sessions.is_fresh(this_browser(), now()):
            return view(*args, **named)
        return _ask_again(200, visitors.keep_typed())

    return checked


@blueprint.get("")
def form() -> AnyResponse:
    """Everything about signing in."""
    return _page({}, 200)


@blueprint.post("/password")
def password() -> AnyResponse:
    """Set or change the password; every other session ends."""
    account, typed = me(), Typed({})
    hashed = None
    if account.password_hash:
        wait = entering.too_many("password", account.email)
        if wait:
            typed.problems["old_password"] = wait
        elif not desk().passwords.check(account, request.form.get("old_password", "")):
            entering.note_refused("password", account)
            typed.problems["old_password"] = _("This is not your present password.")
    elif not sessions.is_fresh(this_browser(), now()):
        return _ask_again(200, "")
    with typed.attempt():
        hashed = desk().passwords.hash(request.form.get("password", ""), about=(account.name, account.email))
    if hashed is None or typed.problems:
        return _page(typed.problems, 422)
    account.password_hash = hashed
    audit(db(), "account.password-set", ident(account), now(), by=account)
    _end_others()
    flash(_("Your password is set. Everywhere else you were signed out."))
    return redirect(url_for("signing_in.form"), 303)


# --- Where it is signed in --------------------------------------------------------------------------


@blueprint.post("/sessions/<code>/end")
def end_session(code: str) -> AnyResponse:
    """Sign one browser out."""
    sessions.end(db(), me(), code, now())
    audit(db(), "account.signed-out", ident(me()), now(), by=me())
    if code == this_browser().code:
        visitors.sign_out()
        return redirect(url_for("home.home"), 303)
    flash(_("Signed out there."))
    return redirect(url_for("signing_in.form"), 303)


@blueprint.post("/sessions/end-others")
def end_others() -> AnyResponse:
    """End every session but this one."""
    _end_others()
    audit(db(), "account.signed-out", ident(me()), now(), by=me())
    flash(_("Everywhere else you were signed out."))
    return redirect(url_for("signing_in.form"), 303)


# --- A second proof ---------------------------------------------------------------------------------


@blueprint.post("/app")
@proven_lately
def propose_app() -> AnyResponse:
    """Show a secret for an app on a telephone; nothing is asked for before a code of it comes back."""
    proposed = factors.propose_totp(me(), issuer=_issuer())
    # Sealed: a session cookie can be read by who holds it.
    session[_PROPOSED] = entering.sealer().seal("totp-proposed", proposed.secret)
    return _page({}, 200, proposed=proposed)


@blueprint.post("/app/confirm")
@proven_lately
def confirm_app() -> AnyResponse:
    """Ask for a code from now on; shows recovery codes once."""
    if _PROPOSED not in session:
        return redirect(url_for("signing_in.form"), 303)
    secret = entering.sealer().open("totp-proposed", session[_PROPOSED])
    typed = Typed(request.form)
    with typed.attempt():
        factors.confirm_totp(db(), me(), secret, typed.get("code"), now(), sealer=entering.sealer())
    if typed.problems:
        return _page(typed.problems, 422, proposed=factors.propose_totp(me(), issuer=_issuer(), secret=secret))
    session.pop(_PROPOSED)
    audit(db(), "account.app-added", ident(me()), now(), by=me())
    _end_others()
    return _page({}, 200, codes=factors.make_recovery_codes(db(), me()))


@blueprint.post("/app/remove")
@proven_lately
def remove_app() -> AnyResponse:
    """Ask for no code any more."""
    factors.remove_totp(db(), me())
    audit(db(), "account.app-removed", ident(me()), now(), by=me())
    flash(_("Signing in asks for no code any more."))
    return redirect(url_for("signing_in.form"), 303)


@blueprint.post("/recovery-codes")
@proven_lately
def recovery_codes() -> AnyResponse:
    """New recovery codes; the old ones no longer work."""
    if not factors.has_totp(db(), me()):
        return redirect(url_for("signing_in.form"), 303)
    audit(db(), "account.recovery-codes-made", ident(me()), now(), by=me())
    return _page({}, 200, codes=factors.make_recovery_codes(db(), me()))


# --- Passkeys ---------------------------------------------------------------------------------------


@blueprint.post("/passkeys/options")
def passkey_options() -> Response:
    """What the browser is asked to make."""
    return jsonify(passkeys.registration(me()))


@blueprint.post("/passkeys")
@proven_lately
def add_passkey() -> AnyResponse:
    """Keep what the browser made."""
    typed = Typed(request.form)
    with typed.attempt():
        passkeys.register(me(), typed.get("credential"), typed.get("passkey_name"))
    if typed.problems:
        return _page(typed.problems, 422)
    audit(db(), "account.passkey-added", ident(me()), now(), by=me())
    flash(_("From now on this device signs you in."))
    return redirect(url_for("signing_in.form"), 303)


@blueprint.post("/passkeys/<int:passkey_id>/remove")
@proven_lately
def remove_passkey(passkey_id: int) -> AnyResponse:
    """Forget a passkey."""
    factors.remove_passkey(db(), me(), passkey_id)
    audit(db(), "account.passkey-removed", ident(me()), now(), by=me())
    flash(_("This passkey signs nobody in any more."))
    return redirect(url_for("signing_in.form"), 303)


# --- Proving it once more ---------------------------------------------------------------------------


@blueprint.post("/again")
def again() -> AnyResponse:
    """A password, a code or a passkey proves once more whose session this is; what was pressed goes on."""
    account, kept = me(), request.form.get("kept", "")
    problems: dict[str, str] = {}
    if request.form.get("credential"):
        typed = Typed({})
        with typed.attempt():
            if passkeys.owner(request.form["credential"]).id != account.id:
                typed.problems["passkey"] = _("This passkey is somebody else's.")
        problems = typed.problems
    elif wait := entering.too_many("again", str(account.id)):
        problems = {"proof": wait}
    elif not _proves(request.form.get("proof", "")):
        problems = {"proof": _("That does not fit. A link by mail always works.")}
    if problems:
        entering.note_refused("again", account)
        return _ask_again(422, kept, problems)
    this_browser().proved_at = now()
    db().flush()
    typed_before = visitors.kept_typed(kept)
    if typed_before:
        return make_response(render_template("press_again.html", path=typed_before[0], fields=typed_before[1]))
    return redirect(_own_page(), 303)


@blueprint.post("/again/mail")
def again_by_mail() -> AnyResponse:
    """Mail a link, which begins a session anew."""
    mail_link(db(), me(), LinkPurpose.SIGN_IN, now())
    session["onward"] = own_path(request.form.get("next"), otherwise=_own_page())
    flash(_("We sent a link to %(email)s. Open it and press its button.", email=me().email))
    return redirect(_own_page(), 303)


def _own_page() -> str:
    """Where one goes on after a proof that was for nothing in particular."""
    return url_for("mydata.look" if me().suspended_at is not None else "signing_in.form")


def _proves(proof: str) -> bool:
    account = me()
    if account.password_hash and desk().passwords.check(account, proof):
        return True
    return factors.has_totp(db(), account) and factors.take_code(db(), account, proof, now(), sealer=entering.sealer())


def _ask_again(status: int, kept: str, problems: dict[str, str] | None = None) -> AnyResponse:
    page = render_template(
        "me/again.html",
        kept=kept,
        problems=problems or {},
        by_password=bool(me().password_hash),
        by_code=factors.has_totp(db(), me()),
        by_passkey=passkeys.possible() and bool(factors.passkeys_of(db(), me())),
    )
    return make_response(page, status)


# --- The page ---------------------------------------------------------------------------------------


def _end_others() -> None:
    sessions.end_all(db(), me(), now(), but=this_browser())


def _issuer() -> str:
    return f"VRM ({request.host})"


def _page(
    problems: dict[str, str],
    status: int,
    *,
    proposed: factors.Proposed | None = None,
    codes: Sequence[str] | None = None,
) -> AnyResponse:
    page = render_template(
        "me/signing_in.html",
        account=me(),
        problems=problems,
        browsers=sessions.all_of(db(), me(), now()),
        this=this_browser(),
        has_app=factors.has_totp(db(), me()),
        codes_left=factors.recovery_codes_left(db(), me()),
        passkeys=factors.passkeys_of(db(), me()),
        passkeys_possible=passkeys.possible(),
        proposed=proposed,
        picture=segno.make(proposed.address, error="m").svg_inline(scale=4, dark="#000", light="#fff", border=3)
        if proposed
        else "",
        codes=codes,
    )
    response = make_response(page, status)
    if proposed is not None or codes is not None:
        response.headers["Cache-Control"] = "no-store"
    return response
