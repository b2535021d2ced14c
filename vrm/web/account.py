"""An account: what vendors may be shown, and the tokens of its programs."""

from datetime import timedelta
from zoneinfo import available_timezones

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents import corrections
from vrm.kernel import accounts, text
from vrm.kernel.accounts import OF_EVERYBODY, ApiToken, NewToken, Scope, audit, ident
from vrm.kernel.languages import LANGUAGES
from vrm.web.desk import db, now
from vrm.web.signing_in import proven_lately
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _, ask_again

blueprint = Blueprint("account", __name__, url_prefix="/me/account")

_LIVES_DAYS = (30, 90, 365)


@blueprint.get("")
def form() -> AnyResponse:
    """Everything about an account on one page."""
    return _page(_typed(), 200)


@blueprint.post("")
def save() -> AnyResponse:
    """Name, telephone, time zone and language."""
    account, typed = me(), Typed(request.form)
    name = phone = ""
    with typed.attempt():
        name = accounts.clean_name(typed.get("name"))
    with typed.attempt():
        phone = text.line(typed.get("phone"), field="phone", label="The telephone number", most=40, least=0)
    if typed.get("zone") not in available_timezones():
        typed.problems["zone"] = _("There is no such time zone; choose one such as Europe/London.")
    if typed.get("locale") not in ("", *LANGUAGES):
        typed.problems["locale"] = _("Please choose one of those that are offered.")
    if typed.problems:
        return _page(typed, 422)
    account.name, account.phone, account.zone = name, phone, typed.get("zone")
    account.locale = typed.get("locale")
    ask_again()  # What follows is said in the new language.
    db().flush()
    flash(_("Saved."))
    return redirect(url_for("account.form"), 303)


@blueprint.post("/tokens")
@proven_lately
def make_token() -> AnyResponse:
    """A new token, whose secret is shown on this page and never again."""
    typed = _typed(token_name=request.form.get("token_name", ""))
    days = request.form.get("lasts", "90")
    made = None
    with typed.attempt(name="token_name"):
        made = accounts.make_token(
            db(),
            me(),
            now(),
            name=typed.get("token_name"),
            scopes=request.form.getlist("scopes"),
            lasts=timedelta(days=int(days)) if days in map(str, _LIVES_DAYS) else timedelta(days=90),
        )
    if made is not None:
        audit(db(), "account.token-made", ident(me()), now(), by=me(), scopes=made.token.scopes)
    return _page(typed, 200 if made is not None else 422, made=made)


@blueprint.post("/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> AnyResponse:
    """End a token at once."""
    accounts.revoke_token(db(), me(), token_id, now())
    audit(db(), "account.token-revoked", ident(me()), now(), by=me())
    flash(_("The token no longer works."))
    return redirect(url_for("account.form"), 303)


def _typed(**more: str) -> Typed:
    account = me()
    return Typed({"name": account.name, "phone": account.phone, "zone": account.zone, "locale": account.locale, **more})


def _page(typed: Typed, status: int, *, made: NewToken | None = None) -> AnyResponse:
    tokens = db().scalars(
        select(ApiToken)
        .where(ApiToken.account_id == me().id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    )
    page = render_template(
        "me/account.html",
        account=me(),
        typed=typed,
        zones=[
            (zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"
        ],
        languages=[("", _("As my browser asks")), *LANGUAGES.items()],
        tokens=tokens.all(),
        made=made,
        scopes=list(Scope) if me().is_operator else OF_EVERYBODY,
        taught=corrections.count(db(), me()),
        lives=[(str(days), _("%(days)s days", days=days)) for days in _LIVES_DAYS],
    )
    response = make_response(page, status)
    if made is not None:
        response.headers["Cache-Control"] = "no-store"
    return response
