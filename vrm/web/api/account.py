"""The account that a token belongs to: what is kept of it, its tokens, and all of its data to take along."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import Field
from sqlalchemy import select

from intents import corrections
from vrm import personal
from vrm.kernel import accounts, text
from vrm.kernel.accounts import ApiToken, Scope, audit, ident
from vrm.kernel.errors import BadInput, NotFound
from vrm.kernel.languages import LANGUAGES
from vrm.web.api.bearer import Caller
from vrm.web.api.names import public_name
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Told
from vrm.web.desk import desk

ROUTES = Routes("Account")
READ, WRITE = (Scope.ACCOUNT_READ,), (Scope.ACCOUNT_WRITE,)


class AccountOut(Told):
    """Who the token acts for."""

    email: str
    name: str
    phone: str
    zone: str
    locale: str = Field(description="Of the pages; empty: as the browser asks.")
    is_operator: bool
    is_researcher: bool
    created_at: datetime
    verified_at: datetime | None


class AccountChange(Given):
    """What to change; what is left out stays as it is. The address is changed on the pages only."""

    name: str = ""
    phone: str = ""
    zone: Annotated[str, Field(examples=["Europe/London"], description="IANA time zone.")] = "UTC"
    locale: Annotated[str, Field(examples=["de"])] = ""


class TokenOut(Told):
    """A token, without its secret."""

    id: str
    name: str
    hint: str = Field(description="How its secret begins.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the hour.")
    current: bool = Field(description="Whether it is the one that asks.")


class Tokens(Told):
    """Tokens that were not revoked, newest first."""

    items: list[TokenOut]


class Everything(Told):
    """All that is kept about you: a list of rows under the name of each table."""

    tables: dict[str, list[dict[str, Any]]]


@ROUTES.add("GET", "/account", scopes=READ, answer=AccountOut)
def read_account(caller: Caller) -> AccountOut:
    """The account that the token acts for."""
    account = caller.account
    return AccountOut(**{field: getattr(account, field) for field in AccountOut.model_fields})


@ROUTES.add("PATCH", "/account", scopes=WRITE, body=AccountChange, answer=AccountOut)
def change_account(caller: Caller, body: AccountChange) -> AccountOut:
    """Change name, telephone, time zone or language."""
    said = body.model_dump(exclude_unset=True)
    problems: dict[str, str] = {}
    for field, clean in (
        ("name", accounts.clean_name),
        ("phone", lambda phone: text.line(phone, field="phone", label="The telephone number", most=40, least=0)),
    ):
        if field in said:
            try:
                said[field] = clean(said[field])
            except BadInput as error:
                problems |= error.problems
    if said.get("zone", "UTC") not in available_timezones():
        problems["zone"] = "There is no such time zone; choose one such as Europe/London."
    if said.get("locale", "") not in ("", *LANGUAGES):
        problems["locale"] = f"There are pages in {', '.join(LANGUAGES)}; leave it empty for what the browser asks."
    if problems:
        raise BadInput(problems)
    for field, value in said.items():
        setattr(caller.account, field, value)
    caller.session.flush()
    return read_account(caller)


@ROUTES.add("GET", "/account/data", scopes=READ, answer=Everything)
def export_data(caller: Caller) -> Everything:
    """All that is kept about you, to take along. Secrets are left out."""
    tables = personal.everything(caller.session, caller.account)
    with desk().store.write() as session:
        audit(session, "account.exported", ident(caller.account), caller.now, by=caller.account, kind="api")
    return Everything(tables=tables)


@ROUTES.add("DELETE", "/account/sentences", scopes=WRITE, status=204)
def forget_sentences(caller: Caller) -> None:
    """Erase the sentences that you let us keep to teach the reader."""
    corrections.forget(caller.session, caller.account)


@ROUTES.add("GET", "/account/tokens", scopes=READ, answer=Tokens)
def list_tokens(caller: Caller) -> Tokens:
    """Your tokens that were not revoked. New ones are made on the page of your account only."""
    return Tokens(
        items=[
            TokenOut(
                id=_name(token),
                name=token.name,
                hint=token.hint,
                scopes=token.scopes,
                created_at=token.created_at,
                expires_at=token.expires_at,
                last_used_at=token.last_used_at,
                current=token.id == caller.token_id,
            )
            for token in _tokens(caller)
        ]
    )


@ROUTES.add("DELETE", "/account/tokens/{token}", scopes=WRITE, status=204)
def revoke_token(caller: Caller, token: str) -> None:
    """End one of your tokens at once; this one, too."""
    found = next((one for one in _tokens(caller) if _name(one) == token), None)
    if found is None:
        raise NotFound("There is no such token.")
    accounts.revoke_token(caller.session, caller.account, found.id, caller.now)
    audit(caller.session, "account.token-revoked", ident(caller.account), caller.now, by=caller.account)


def _tokens(caller: Caller) -> list[ApiToken]:
    mine = (ApiToken.account_id == caller.account.id, ApiToken.revoked_at.is_(None))
    return list(caller.session.scalars(select(ApiToken).where(*mine).order_by(ApiToken.id.desc())))


def _name(token: ApiToken) -> str:
    return public_name("token", token.id)
