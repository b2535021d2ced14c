"""The accounts there are, for operators: found by address, invited, given or taken a role, vouched for, suspended."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents import vetting
from vrm import moderation
from vrm.kernel import accounts, sessions
from vrm.kernel.accounts import Account, LinkPurpose, audit, ident
from vrm.kernel.db import is_row_id
from vrm.kernel.errors import BadInput, WrongState
from vrm.web.desk import db, desk, now
from vrm.web.links import mail_link
from vrm.web.signing_in import proven_lately
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _

blueprint = Blueprint("people", __name__, url_prefix="/admin/accounts")

_SHOWN = 50
_ROLES = ("operator", "researcher")


@blueprint.get("")
def people() -> AnyResponse:
    """Accounts, the newest first. Addresses are personal data, so that each look is written down."""
    return _page(Typed(request.args), 200)


@blueprint.post("")
def invite() -> AnyResponse:
    """Make an account and mail its first link. Later ones are asked for on the page to sign in."""
    typed = Typed(request.form)
    account = None
    with typed.attempt():
        if accounts.find(db(), typed.get("email")) is not None:
            typed.problems["email"] = _("There is an account with this address already; it can sign in.")
        else:
            account = accounts.ensure(db(), typed.get("email"), now())
            account.trusted_at = now()  # Who invites, vouches.
    if account is None or typed.problems:
        return _page(typed, 422, people=False)
    mail_link(db(), account, LinkPurpose.SIGN_IN, now())
    audit(db(), "account.invited", ident(account), now(), by=me())
    flash(_("Invited: a link is on its way to %(email)s.", email=account.email))
    return redirect(url_for("people.people"), 303)


@blueprint.post("/<int:account_id>/<any(operator, researcher):role>")
@proven_lately
def set_role(account_id: int, role: str) -> AnyResponse:
    """Give or take a role, as the button said. Whose rights change signs in anew."""
    given = request.form.get("to") == "yes"
    operators = _operators() if role == "operator" and not given else []
    account = accounts.by_number(db(), account_id)
    if operators == [account.id]:
        raise WrongState(_("Somebody has to run this broker: make somebody else an operator first."))
    if getattr(account, f"is_{role}") != given:
        setattr(account, f"is_{role}", given)
        if account.id != me().id:
            sessions.end_all(db(), account, now())
        audit(db(), f"account.{role}-{'made' if given else 'ended'}", ident(account), now(), by=me())
    flash(_("Done. They sign in anew, with the rights that they have now."))
    return redirect(url_for("people.people", q=account.email), 303)


@blueprint.post("/<int:account_id>/sign-out")
def sign_out(account_id: int) -> AnyResponse:
    """End every session of the account, as after a telephone was lost."""
    account = accounts.by_number(db(), account_id)
    sessions.end_all(db(), account, now())
    audit(db(), "account.signed-out", ident(account), now(), by=me())
    flash(_("Signed out everywhere."))
    return redirect(url_for("people.people", q=account.email), 303)


@blueprint.post("/<int:account_id>/<any(vouch, suspend, restore):what>")
@proven_lately
def stand(account_id: int, what: str) -> AnyResponse:
    """Vouch for a new account, so that it does not begin small; stop one, or let it come in again."""
    account = accounts.by_number(db(), account_id)
    try:
        if what == "vouch":
            account.trusted_at = account.trusted_at or now()
            audit(db(), "account.vouched", ident(account), now(), by=me())
        elif what == "suspend":
            moderation.suspend_account(db(), account, now(), by=me(), why=request.form.get("why", ""))
        else:
            moderation.restore_account(db(), account, now(), by=me())
    except BadInput as error:
        if request.form.get("why", "").strip():
            raise  # To the page that shows what was typed.
        flash(str(error), "bad")
        return redirect(url_for("people.people", q=account.email), 303)
    flash(
        {
            "vouch": _("Done. What a new account may not does not hold for it."),
            "suspend": _("Suspended: signed out, tokens refused, wants held. They are told why."),
        }.get(what, _("Restored. They can sign in, and wants that were held go on."))
    )
    return redirect(url_for("people.people", q=account.email), 303)


def _operators() -> list[int]:
    """Who runs this broker, held until the end: of two who take each other's role, the second finds one."""
    there = select(Account).where(Account.is_operator.is_(True), Account.closed_at.is_(None))
    held = there.order_by(Account.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    return [account.id for account in db().scalars(held) if account.is_operator]


def _page(typed: Typed, status: int, *, people: bool = True) -> AnyResponse:
    """The page; without `people` only what was typed to invite somebody, so that nobody is looked at unwritten."""
    query = select(Account).where(Account.closed_at.is_(None)).order_by(Account.id.desc())
    sought = typed.get("q").strip().casefold()[:200]
    if sought:
        query = query.where(Account.email.contains(sought.replace("\x00", ""), autoescape=True))
    if typed.get("role") in _ROLES:
        query = query.where(getattr(Account, f"is_{typed.get('role')}").is_(True))
    before = typed.whole_or_none("before")
    if before and is_row_id(before):
        query = query.where(Account.id < before)
    found = db().scalars(query.limit(_SHOWN + 1)).all() if people else []
    shown = found[:_SHOWN]
    if people:
        with desk().store.write() as writing:
            audit(writing, "accounts.looked", "list", now(), by=me(), shown=[account.id for account in shown])
    page = render_template(
        "admin/accounts.html",
        typed=typed,
        people=shown,
        looked=people,
        new={account.id for account in shown if vetting.is_new(account, now())},
        next_before=shown[-1].id if len(found) > _SHOWN else None,
        invite_only=desk().settings.invite_only,
        roles=[("", _("Anybody")), ("operator", _("Operators")), ("researcher", _("Researchers"))],
    )
    return make_response(page, status)
