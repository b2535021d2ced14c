"""A session cookie → who is at the desk; a page for somebody else → a page to sign in, with nothing typed lost."""

import flask_login  # type: ignore[import-untyped] # It ships no types.
from flask import Flask, Response, g, request, session
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict

from vrm.kernel import sessions
from vrm.kernel.accounts import Account, audit, ident
from vrm.kernel.sessions import BrowserSession
from vrm.web.desk import SAFE, db, desk, from_here, now
from vrm.web.words import _

_KEPT_S = 24 * 3600
_KEPT_AT_MOST = 60_000
_NEVER_KEPT = {"csrf_token", "password", "new_password"}


class Visitor:
    """An account in one browser as Flask-Login wants it: named by the secret of the browser's session."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, browser: BrowserSession, account: Account, secret: str) -> None:
        self.browser = browser
        self.account = account
        self._secret = secret

    def get_id(self) -> str:
        return self._secret


class SignInNeeded(Exception):
    """This page is for somebody who is signed in."""


def somebody() -> Account | None:
    """Who is signed in, if anybody."""
    if not session:
        return None  # As most who read public pages and their JSON: nothing needs to be looked up.
    visitor = flask_login.current_user
    return visitor.account if isinstance(visitor._get_current_object(), Visitor) else None


def me() -> Account:
    """Who is signed in; SignInNeeded when nobody is."""
    account = somebody()
    if account is None:
        raise SignInNeeded
    return account


def this_browser() -> BrowserSession:
    """The session that this request comes from; SignInNeeded when there is none."""
    me()
    found: BrowserSession = flask_login.current_user.browser
    return found


def why_suspended(account: Account) -> str:
    """For its owner: why nothing works, and to whom to write; "" for an account that is not suspended."""
    if account.suspended_at is None:
        return ""
    return _(
        "An operator has suspended this account: %(why)s Write to %(who)s to settle it.",
        why=account.suspended_because,
        who=write_to(),
    )


def write_to() -> str:
    """The address at which operators are reached."""
    return desk().settings.mail_from


def sign_in(account: Account) -> None:
    """Begin a session for `account` in this browser; whatever the one before held is gone."""
    sign_out()
    audit(db(), "account.signed-in", ident(account), now(), by=account)
    began = sessions.begin(db(), account, now(), agent=request.headers.get("User-Agent", "")[:500])
    flask_login.login_user(Visitor(began.browser, account, began.secret))


def sign_out() -> None:
    """End the session, also for whoever has a copy of its cookie; the browser is asked to forget its pages."""
    if somebody() is not None:
        sessions.end(db(), me(), this_browser().code, now())
        g.signed_out = True
    flask_login.logout_user()
    session.clear()


def _load(secret: str) -> Visitor | None:
    browser = sessions.live(db(), secret, now(), writes=request.method not in SAFE)
    if browser is None:
        return None
    if sessions.is_stale(browser, now()):
        if request.method == "GET":
            with desk().store.write() as writing:
                sessions.seen(writing, browser, now())
        else:
            sessions.seen(db(), browser, now())
    return Visitor(browser, browser.account, secret)


class _Manager(flask_login.LoginManager):  # type: ignore[misc] # It ships no types.
    """Flask-Login's, without its second cookie, for which it would look into each session."""

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


def install(app: Flask) -> None:
    """Give the app its sessions, and the templates what they say of who is there."""
    manager = _Manager()
    manager.session_protection = None  # A telephone changes its address all the time.
    manager.init_app(app)
    manager.user_loader(_load)
    app.jinja_env.globals |= {"somebody": somebody, "write_to": write_to, "why_suspended": why_suspended}


# --- What was typed, while somebody signs in ------------------------------------------------------


def _keeper() -> URLSafeTimedSerializer:
    settings = desk().settings
    return URLSafeTimedSerializer([*reversed(settings.old_secret_keys), settings.secret_key], salt="vrm.kept")


def keep_typed() -> str:
    """The fields of this POST and where it went, sealed for a hidden field; "" when there is nothing to keep.

    Only what one of our own pages sent is kept: otherwise a stranger's page could have its words sent in our name.
    """
    if request.method != "POST" or not from_here():
        return ""
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in _NEVER_KEPT]
    sealed = str(_keeper().dumps([request.full_path.rstrip("?"), fields]))
    return sealed if len(sealed) <= _KEPT_AT_MOST else ""


def kept_typed(sealed: str) -> tuple[str, MultiDict[str, str]] | None:
    """Where it was to go, and the fields; None when there are none or they are older than a day."""
    try:
        path, fields = _keeper().loads(sealed, max_age=_KEPT_S)
    except BadData:
        return None
    return path, MultiDict([(name, value) for name, value in fields])


def zone_name() -> str:
    """The time zone in which this reader is shown moments."""
    account = somebody()
    return account.zone if account else "UTC"
