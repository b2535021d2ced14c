"""An Authorization header → who calls, and what their token may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import request
from sqlalchemy import update
from sqlalchemy.orm import Session

from vrm.kernel import accounts
from vrm.kernel.accounts import Account, ApiToken, Scope
from vrm.web.api import quota
from vrm.web.api.problems import NoToken, WrongScope
from vrm.web.desk import SAFE, db, desk, now


@dataclass(frozen=True, slots=True)
class Caller:
    """The account that a request acts for, in the request's own session, at its one moment."""

    session: Session
    account: Account
    scopes: frozenset[Scope]
    now: datetime
    token_id: int

    def may(self, scope: Scope) -> bool:
        """Whether the token was made for this."""
        return scope in self.scopes


def caller(any_of: Iterable[Scope]) -> Caller:
    """Who calls, with a token that has one of the scopes (or any token when there are none).

    Raises NoToken (401) and WrongScope (403). Looking does not take the store's write lock, so that nobody
    without a token can make writers wait.
    """
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NoToken("Send a token: Authorization: Bearer vrm_… (made on the page of your account).")
    with desk().store.read() as session:
        token = accounts.bearer(session, secret.strip(), now())
        if token is None:
            raise _refused()
        runs_it = token.account.is_operator
    quota.spend(token.secret_hash, now())
    _note_use(token)
    wanted = tuple(any_of)
    # Whoever is an operator no more has a token that says so and opens nothing.
    scopes = frozenset(scope for scope in Scope if scope in token.scopes and (runs_it or scope is not Scope.OPERATOR))
    if wanted and not scopes.intersection(wanted):
        raise WrongScope(wanted)
    session = db()
    stays = accounts.STAYS if request.method not in SAFE else None
    account = session.get_one(Account, token.account_id, with_for_update=stays)
    if account.closed_at is not None:  # Since we looked.
        raise _refused()
    return Caller(session, account, scopes, now(), token.id)


def _refused() -> NoToken:
    return NoToken(
        "This token is unknown, has expired or was revoked; make a new one on the page of your account.",
        'Bearer error="invalid_token"',
    )


def _note_use(token: ApiToken) -> None:
    hour = now().replace(minute=0, second=0, microsecond=0)
    if token.last_used_at is None or token.last_used_at < hour:
        with desk().store.write() as session:
            session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=hour))
