"""Somebody who has proven who they are → a session, after a second proof where they want one to be asked for."""

import logging
from datetime import timedelta

from flask import make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from vrm.kernel import accounts, factors, limits
from vrm.kernel.accounts import Account
from vrm.kernel.errors import BadInput
from vrm.kernel.sealing import Sealer
from vrm.kernel.text import one_spelling
from vrm.web import visitors
from vrm.web.desk import db, desk, now, save
from vrm.web.words import _, ngettext
from vrm.wiring import sealer_of

_log = logging.getLogger(__name__)

_TRIES_PER = timedelta(minutes=15)  # Of a password or code. A link by mail is the way in for who has used them up.
_TRIES_BY_MAILBOX = 10
_TRIES_BY_ADDRESS = 60  # An office may share one.
_HALF_LASTS_S = 600
_HALF = "half"
_ASIDE = "aside"
_ASIDE_AT_MOST = 2_000  # Letters, so that the cookie fits; what is longer waits on the page that asked for the link.


def enter(account: Account, onward: str, kept: str = "") -> AnyResponse:
    """Begin a session and go on to where somebody was going, or ask for the second proof."""
    if factors.has_totp(db(), account):
        session[_HALF] = [account.id, int(now().timestamp())]
        return second_page(200, onward=onward, kept=kept)
    return begin(account, onward, kept)


def begin(account: Account, onward: str, kept: str = "") -> AnyResponse:
    """Begin a session and go on to where somebody was going; what was typed before waits for its button."""
    visitors.sign_in(account)
    if account.suspended_at is not None:
        return redirect(url_for("mydata.look"), 303)
    typed = visitors.kept_typed(kept) if kept else None
    if typed:
        return make_response(render_template("press_again.html", path=typed[0], fields=typed[1], entered=True))
    return redirect(onward or url_for("me.boards"), 303)


def set_aside(email: str, kept: str) -> None:
    """Let what was typed before wait for whoever opens the link that goes to this mailbox, in this browser."""
    session.pop(_ASIDE, None)
    if kept and len(kept) <= _ASIDE_AT_MOST:
        session[_ASIDE] = [email, kept]


def set_aside_for(account: Account) -> str:
    """What waits for the owner of this mailbox, once; "" when nothing does."""
    email, kept = session.pop(_ASIDE, ("", ""))
    return str(kept) if email == account.email else ""


def half_entered() -> Account | None:
    """Whose first proof was given in this browser within the last ten minutes."""
    account_id, at = session.get(_HALF, (0, 0))
    account = db().get(Account, account_id) if now().timestamp() - at < _HALF_LASTS_S else None
    return None if account is None or account.closed_at is not None else account


def second_page(status: int, *, onward: str, kept: str, problems: dict[str, str] | None = None) -> AnyResponse:
    """The page that asks for a code."""
    page = render_template("door/second.html", next=onward, kept=kept, problems=problems or {})
    return make_response(page, status)


def password_of(email: str, password: str) -> tuple[Account | None, dict[str, str], int]:
    """Whose address and password these are; or None, what to say, and the status that says it.

    Says the same, after the same time, for an address that has no account. Each call counts as a try.
    """
    wait = too_many("password", one_spelling(email))
    if wait:
        return None, {"password": wait}, 429
    # Nothing is written here, and hashing takes a while: no other writer has to wait for it.
    with desk().store.read() as reading:
        try:
            account = accounts.find(reading, email)
        except BadInput as error:
            return None, error.problems, 422
        if not desk().passwords.check(account, password) or account is None:
            note_refused("password", account)
            sentence = _("Mail address and password do not belong together. A link by mail always works.")
            return None, {"password": sentence}, 422
    return db().get_one(Account, account.id), {}, 200


def note_refused(how: str, account: Account | None = None) -> None:
    """One line of the log for each proof that did not hold: with the account's number, never what was typed.

    Those that held are in the audit. What strangers can cause at will does not belong there.
    """
    _log.warning("a proof was refused", extra={"proof": how, "account": account.id if account else None})


def too_many(what: str, subject: str) -> str:
    """Count a try of `what` for this mailbox or account (whether or not there is one) and from this address.

    "" while there may be more, else a sentence that says how long to wait.
    """
    save()  # The count is kept although the request may be refused; on SQLite one transaction writes at a time.
    subjects = ((subject, _TRIES_BY_MAILBOX), (request.remote_addr or "", _TRIES_BY_ADDRESS))
    with desk().store.write() as writing:
        waits = [limits.spend(writing, what, of, now(), most=most, per=_TRIES_PER) for of, most in subjects]
    minutes = max((-(-wait // timedelta(minutes=1)) for wait in waits if wait is not None), default=0)
    if not minutes:
        return ""
    note_refused(f"{what}, too often")
    return ngettext(
        "Too many tries. Please wait a minute, or let us mail you a link; that always works.",
        "Too many tries. Please wait %(num)s minutes, or let us mail you a link; that always works.",
        minutes,
    )


def sealer() -> Sealer:
    """What keeps secrets that must be read again."""
    return sealer_of(desk().settings)
