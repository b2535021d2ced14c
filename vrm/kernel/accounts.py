"""Accounts: who somebody is here, one-time links and API tokens. Only hashes of secrets are stored."""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib import import_module
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, ForeignKey, Index, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from vrm.kernel import text
from vrm.kernel.db import Address, Base, Document, Id, Line, Moment, Ref, Word, choice, is_row_id
from vrm.kernel.errors import BadInput, LinkSpent, NotFound, WrongState

LINK_LASTS = timedelta(minutes=30)
TOKEN_LASTS_AT_MOST = timedelta(days=3_660)


# A row that is read so is not erased before the transaction ends. Many may hold it at a time, and change its name.
STAYS: dict[str, Any] = {"read": True, "key_share": True}


class Scope(StrEnum):
    """What an API token may do, beside what its account may."""

    INTENTS_READ = "intents:read"
    INTENTS_WRITE = "intents:write"
    VENDORS_READ = "vendors:read"
    VENDORS_WRITE = "vendors:write"
    ACCOUNT_READ = "account:read"
    ACCOUNT_WRITE = "account:write"
    OPERATOR = "operator"  # Of operators only, and never unless it is asked for.


OF_EVERYBODY = tuple(scope for scope in Scope if scope is not Scope.OPERATOR)


class LinkPurpose(StrEnum):
    """What a one-time link does when its button is pressed. Both prove that the mailbox is the account's."""

    SIGN_IN = "sign-in"
    VERIFY = "verify"


class Account(Base):
    """A person. Customers, members of vendors, researchers and operators are all accounts."""

    __tablename__ = "accounts"

    id: Mapped[Id]
    email: Mapped[Address] = mapped_column(unique=True)  # As `text.mail_address` folds it.
    name: Mapped[Word] = mapped_column(default="")  # Shown to a vendor only after a reveal.
    phone: Mapped[Word] = mapped_column(default="")  # Shown to a vendor only after a reveal.
    password_hash: Mapped[Address | None]  # argon2id; None: signs in by link only.
    locale: Mapped[Word] = mapped_column(default="")  # Of the pages, such as "de"; "" is what the browser asks for.
    zone: Mapped[Word] = mapped_column(default="UTC")  # IANA name; mail to the account uses it.
    is_operator: Mapped[bool] = mapped_column(default=False)
    is_researcher: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Moment]
    verified_at: Mapped[Moment | None]  # First proof that the mailbox is theirs.
    closed_at: Mapped[Moment | None]
    suspended_at: Mapped[Moment | None]  # By an operator, see intents/suspension.py; it opens only its own data.
    suspended_because: Mapped[Line | None]  # A sentence for its owner.
    trusted_at: Mapped[Moment | None]  # An operator vouched for it: it does not begin small, see intents/vetting.py.

    @property
    def proven_mailbox(self) -> str | None:
        """The mail address, once its owner has shown that it is theirs."""
        return self.email if self.verified_at is not None else None


class Link(Base):
    """A one-time link that was mailed. Its GET shows a button; only the POST spends it."""

    __tablename__ = "links"

    id: Mapped[Id]
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[LinkPurpose] = mapped_column(choice(LinkPurpose))
    secret_hash: Mapped[Word] = mapped_column(unique=True)
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    spent_at: Mapped[Moment | None]

    account: Mapped[Account] = relationship()


class ApiToken(Base):
    """A named, scoped, expiring, revocable key to the API, shown once."""

    __tablename__ = "api_tokens"

    id: Mapped[Id]
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[Word]
    secret_hash: Mapped[Word] = mapped_column(unique=True)
    hint: Mapped[Word]  # The first letters, so that its owner can tell one from another.
    scopes: Mapped[list[str]] = mapped_column(Document)
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment | None]
    last_used_at: Mapped[Moment | None]  # To the hour: an exact time would make each request a write.
    revoked_at: Mapped[Moment | None]

    account: Mapped[Account] = relationship()


class Audit(Base):
    """Who did what that touches somebody's data or the running of the broker."""

    __tablename__ = "audits"
    __table_args__ = (Index("ix_audits_at", "at"),)

    id: Mapped[Id]
    at: Mapped[Moment]
    account_id: Mapped[Ref | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    action: Mapped[Word]  # "account.operator-made", "intent.removed" …
    subject: Mapped[Address]  # The public name of what it was done to.
    facts: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)


def ident(account: Account) -> str:
    """An account as audit rows name it: nothing of the person."""
    return f"account:{account.id}"


def audit(session: Session, action: str, subject: str, now: datetime, *, by: Account | None, **facts: Any) -> None:
    """Leave a row that says who did what. Neither `subject` nor `facts` hold anything of a person but `ident`."""
    session.add(Audit(at=now, account_id=by.id if by else None, action=action, subject=subject, facts=facts))


# --- Passwords ------------------------------------------------------------------------------------


class Passwords:
    """Hashes with argon2id (RFC 9106). Tests pass cheap parameters; nobody else should."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # Verified against when there is no account or no password, so that both take as long.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str, *, field: str = "password", about: Iterable[str] = ()) -> str:
        """A hash to store; BadInput naming `field` for a password that is too short, too long, or soon guessed.

        `about` are words that a guesser would know: the person's name and address.
        """
        prepared = _prepared(password)
        if prepared is None or not 10 <= len(prepared) <= 200:
            raise BadInput({field: "Please use between 10 and 200 characters; a sentence is fine."})
        if _soon_guessed(prepared, about):
            sentence = "This is among the first passwords that a stranger would try; a sentence of your own is better."
            raise BadInput({field: sentence})
        return self._hasher.hash(prepared)

    def check(self, account: Account | None, password: str) -> bool:
        """Whether `password` is the account's. Takes as long when there is no such account."""
        stored = account.password_hash if account else None
        prepared = _prepared(password[:1_000])
        if prepared is None or len(prepared) > 200:
            # No account has such a password, and verifying takes its time all the same.
            stored, prepared = None, ""
        try:
            self._hasher.verify(stored or self._nobody, prepared)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


def _guesses(password: str, known: Sequence[str]) -> float:
    # Its lists of passwords are fifteen megabytes, which only a process needs that takes a new password.
    found = import_module("zxcvbn").zxcvbn(password, user_inputs=known)
    return float(found["guesses"])


def _soon_guessed(password: str, about: Iterable[str]) -> bool:
    """Whether guessing it takes fewer than a million tries, by the lists of known passwords in zxcvbn.

    Longer ones than it reads are not guessed; NIST SP 800-63B §3.1.1.2 asks for the comparison with such lists.
    """
    known = [part for words in about for part in re.split(r"[^\w]+", words) if len(part) > 2]
    return len(password) <= 72 and _guesses(password, known) < 1_000_000


def _prepared(password: str) -> str | None:
    """One form for what keyboards spell in several (RFC 8265 §4.2.2: NFC); None for what UTF-8 cannot hold."""
    prepared = unicodedata.normalize("NFC", password)
    return None if any("\ud800" <= letter <= "\udfff" for letter in prepared) else prepared


# --- Accounts -------------------------------------------------------------------------------------


def find(session: Session, email: str) -> Account | None:
    """The open account with this address (in any spelling), or None. BadInput for what is not an address."""
    return session.scalar(select(Account).where(*_open(email)))


def _open(email: str) -> tuple[ColumnElement[bool], ...]:
    return Account.email == text.mail_address(email), Account.closed_at.is_(None)


def ensure(session: Session, email: str, now: datetime, *, name: str = "") -> Account:
    """The open account with this address, made when there is none. BadInput for what is not an address."""
    add_if_new(session, email, now, name=name)
    account = session.scalar(select(Account).where(*_open(email)).with_for_update(**STAYS))
    if account is None:
        raise BadInput({"email": "The account with this address was closed; please use another address."})
    return account


def by_number(session: Session, number: int) -> Account:
    """The open account with this number, held until the end for whoever changes what it may; NotFound."""
    found = session.get(Account, number, with_for_update={"key_share": True}) if is_row_id(number) else None
    if found is None or found.closed_at is not None:
        raise NotFound("There is no such account.")
    return found


def add_if_new(session: Session, email: str, now: datetime, *, name: str = "", locale: str = "") -> bool:
    """Make an account for this address unless there is one; whether it was made. BadInput for what is not an address.

    One statement either way: how long it takes tells nobody which.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"email": text.mail_address(email), "name": clean_name(name), "locale": locale, "created_at": now}
    made = dialect.insert(Account).values(row).on_conflict_do_nothing(index_elements=["email"]).returning(Account.id)
    return session.execute(made).first() is not None


def alone(session: Session, account: Account) -> None:
    """Wait for whoever writes in the name of this account; later ones wait for us. WrongState when it is closed."""
    session.flush()
    session.refresh(account, with_for_update=True)
    if account.closed_at is not None:
        raise WrongState("This account is closed already.")


def clean_name(name: str) -> str:
    """A person's name as it is stored; may be empty."""
    return text.line(name, field="name", label="The name", most=64, least=0)


# --- One-time links -------------------------------------------------------------------------------


def digest(secret: str) -> str:
    """What is stored of a random secret, and looked up."""
    # The secrets are 256 random bits: a plain digest cannot be searched, and can be looked up.
    # They come from addresses and headers, which may hold anything.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_link(session: Session, account: Account, purpose: LinkPurpose, now: datetime) -> str:
    """A new one-time secret for a link to `account`, good for 30 minutes. Only its digest is kept."""
    secret = secrets.token_urlsafe(32)
    session.add(
        Link(
            account_id=account.id,
            purpose=purpose,
            secret_hash=digest(secret),
            created_at=now,
            expires_at=now + LINK_LASTS,
        )
    )
    session.flush()
    return secret


def look_at_link(session: Session, secret: str, now: datetime) -> Link:
    """The link, without spending it; LinkSpent when it was used, is too old, or never existed."""
    link = session.scalar(select(Link).where(Link.secret_hash == digest(secret)))
    if link is None or link.spent_at is not None or link.expires_at <= now or link.account.closed_at is not None:
        raise LinkSpent("This link has been used or is too old. Ask for a new one; it arrives in a minute.")
    return link


def was_asked_at(session: Session, account_id: int, moment: datetime) -> bool:
    """Whether a link to this mailbox was asked for at that very moment, by whoever named it."""
    asked = select(Link.id).where(Link.account_id == account_id, Link.created_at == moment).limit(1)
    return session.scalar(asked) is not None


def spend_link(session: Session, secret: str, now: datetime) -> Account:
    """Use the link once: its account, whose mailbox is thereby proven. LinkSpent as `look_at_link`."""
    link = look_at_link(session, secret, now)
    # Conditional, so that of two requests at the same instant one loses.
    spent = session.execute(
        update(Link).where(Link.id == link.id, Link.spent_at.is_(None)).values(spent_at=now).returning(Link.id)
    )
    if spent.first() is None:
        raise LinkSpent("This link has been used. Ask for a new one; it arrives in a minute.")
    if link.account.verified_at is None:
        link.account.verified_at = now
    session.flush()
    return link.account


# --- API tokens -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; `secret` is shown once and kept nowhere."""

    token: ApiToken
    secret: str


def make_token(
    session: Session,
    account: Account,
    now: datetime,
    *,
    name: str,
    scopes: Iterable[str] = OF_EVERYBODY,
    lasts: timedelta | None = timedelta(days=90),
) -> NewToken:
    """A new API token. BadInput for a scope that is unknown or not the account's, and for a life that is not positive
    or above ten years.
    """
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in set(Scope)]
    if unknown or not wanted:
        known = ", ".join(Scope)
        raise BadInput({"scopes": f"Unknown scope {', '.join(unknown) or '(none)'}; choose from {known}."})
    if Scope.OPERATOR in wanted and not account.is_operator:
        raise BadInput({"scopes": "Only an operator's token can have the scope operator."})
    if lasts is not None and not timedelta(0) < lasts <= TOKEN_LASTS_AT_MOST:
        raise BadInput({"expires": "A token must expire in the future, within ten years, such as 30d."})
    secret = f"vrm_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        account_id=account.id,
        name=text.line(name, field="name", label="The token's name", most=64),
        secret_hash=digest(secret),
        hint=secret[:8],
        scopes=wanted,
        created_at=now,
        expires_at=now + lasts if lasts else None,
    )
    session.add(token)
    session.flush()
    return NewToken(token, secret)


def bearer(session: Session, secret: str, now: datetime) -> ApiToken | None:
    """The live token with this secret, or None: unknown, expired, revoked, or its account is closed or suspended."""
    token = session.scalar(select(ApiToken).where(ApiToken.secret_hash == digest(secret)))
    if (
        token is None
        or token.revoked_at is not None
        or (token.expires_at is not None and token.expires_at <= now)
        or token.account.closed_at is not None
        or token.account.suspended_at is not None
    ):
        return None
    return token


def revoke_token(session: Session, account: Account, token_id: int, now: datetime) -> None:
    """End a token of this account at once; NotFound for anybody else's."""
    token = session.get(ApiToken, token_id) if is_row_id(token_id) else None
    if token is None or token.account_id != account.id:
        raise NotFound("There is no such token.")
    token.revoked_at = token.revoked_at or now
    session.flush()
