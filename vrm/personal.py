"""One person → everything that is kept about them, to take along; or its erasure, which leaves what was counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, text, update
from sqlalchemy.orm import Session

from intents import publish
from intents.corrections import Correction
from intents.draft import Visibility
from intents.holds import Hold
from intents.models import Blog, Entry, Intent, IntentPlace, Revision
from notifiers.models import Channel, Notification
from vendors.leads import standing
from vendors.models import (
    Agreement,
    Block,
    Exchange,
    Lead,
    Membership,
    Message,
    Response,
    Role,
    Subscription,
    Vendor,
)
from vendors.reports import Report
from vendors.templates import Template
from vrm.kernel import accounts, taxonomy
from vrm.kernel.accounts import Account, ApiToken, Audit, audit, ident
from vrm.kernel.db import Base, new_code
from vrm.kernel.errors import WrongState
from vrm.kernel.factors import Passkey
from vrm.kernel.sessions import BrowserSession

Table = list[dict[str, Any]]

_SECRET = frozenset(
    {"said", "password_hash", "secret_hash", "credential_id", "public_key", "id", "account_id", "proof_token"}
)
ERASED = "(erased)"
_KEPT = frozenset({"intents", "responses", "agreements", "audits"})  # Without words or names; see `erase`.
_NO_POINT = dict.fromkeys(("near_km", "near_lat", "near_lon", "near_x", "near_y", "near_z"))  # Where they live, maybe.


def everything(session: Session, account: Account) -> dict[str, Table]:
    """What is kept about this person, by table, in plain values; secrets and row numbers are left out."""
    trees = taxonomy.trees(session)
    intents = list(session.scalars(select(Intent).where(Intent.account_id == account.id).order_by(Intent.id)))
    codes = {intent.id: intent.code for intent in intents}
    mine = select(Intent.id).where(Intent.account_id == account.id)
    vendors = dict(
        session.execute(
            select(Vendor.id, Vendor.slug).where(
                Vendor.id.in_(select(Lead.vendor_id).where(Lead.intent_id.in_(mine)))
                | Vendor.id.in_(select(Membership.vendor_id).where(Membership.account_id == account.id))
            )
        ).all()
    )

    def named(row: Base, *left_out: str) -> dict[str, Any]:
        said = _plain(row, {*left_out, "intent_id", "vendor_id", "category_id", "region_id"})
        if (intent_id := getattr(row, "intent_id", None)) in codes:
            said = {"intent": codes[intent_id]} | said
        if (vendor_id := getattr(row, "vendor_id", None)) in vendors:
            said = {"vendor": vendors[vendor_id]} | said
        for column, tree in (("category", trees.categories), ("region", trees.regions)):
            node_id = getattr(row, f"{column}_id", None)
            if node_id is not None:
                said[column] = tree.label(node_id)
        return said

    def of_intents(model: type[Any], *order: Any) -> Iterable[Any]:
        return session.scalars(select(model).where(model.intent_id.in_(mine)).order_by(*order))

    return {
        "account": [_plain(account)],
        "wants": [named(intent, "fulfilled_by") for intent in intents],
        "changes": [named(one) for one in of_intents(Revision, Revision.intent_id, Revision.number)],
        "vendors_told": [
            {**named(lead, "reasons"), "standing": standing(lead).value}
            for lead in of_intents(Lead, Lead.intent_id, Lead.vendor_id)
        ],
        "answers_to_you": [named(one) for one in of_intents(Response, Response.id)],
        "your_messages": [named(one) for one in of_intents(Message, Message.id)],
        "your_judgements": [named(one) for one in of_intents(Exchange, Exchange.intent_id)],
        "accepted_terms": [named(one) for one in of_intents(Agreement, Agreement.intent_id)],
        "answers_by_you": [named(one) for one in _of(session, Response, account)],
        "vendors_of_yours": [named(one) for one in _of(session, Membership, account)],
        "held_wants": [named(one) for one in of_intents(Hold, Hold.id)],
        "reports_by_you": [named(one) for one in _of(session, Report, account)],
        "blocked_vendors": [_plain(one) for one in _of(session, Block, account)],
        "blogs": [_plain(one) for one in _of(session, Blog, account)],
        "posts": [_plain(one) for one in session.scalars(_entries(account))],
        "sentences_that_teach": [_plain(one) for one in _of(session, Correction, account)],
        "passkeys": [_plain(one) for one in _of(session, Passkey, account)],
        "sessions": [_plain(one) for one in _of(session, BrowserSession, account)],
        "tokens": [_plain(one) for one in _of(session, ApiToken, account)],
        "letters": [_plain(one) for one in _of(session, Notification, account)],
        "done_by_you": [_plain(one) for one in _of(session, Audit, account)],
    }


def _of(session: Session, model: type[Any], account: Account) -> Iterable[Any]:
    return session.scalars(select(model).where(model.account_id == account.id))


def _entries(account: Account) -> Select[Any]:
    return select(Entry).join(Blog).where(Blog.account_id == account.id).order_by(Entry.id)


def _plain(row: Base, left_out: Iterable[str] = ()) -> dict[str, Any]:
    return {
        column.key: _value(getattr(row, column.key))
        for column in row.__mapper__.column_attrs
        if column.key not in _SECRET and column.key not in left_out
    }


def _value(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


# --- Erasing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gone:
    """What an erasure will take, or took."""

    wants: int
    open_wants: int
    closed_vendors: tuple[str, ...]  # Names of vendors that nobody else acts for.
    handed_on: tuple[str, ...] = ()  # Names of vendors that get another owner.


def would_go(session: Session, account: Account) -> Gone:
    """What `erase` will take. WrongState when it cannot: the sentence says what to do first.

    Whoever is suspended can do nothing first, and need not: what they own gets another owner, as in `forget_again`.
    """
    if account.is_operator and not _others(session, Account.is_operator.is_(True), account):
        raise WrongState("You are the only operator here; make somebody else one before you leave.")
    alone: list[str] = []
    handed_on: list[str] = []
    for vendor in _owned(session, account):
        members = (Membership.vendor_id == vendor.id, Membership.account_id != account.id)
        roles = list(session.scalars(select(Membership.role).where(*members)))
        if not roles:
            alone.append(vendor.name)
        elif Role.OWNER in roles:
            continue
        elif account.suspended_at is not None:
            handed_on.append(vendor.name)
        else:
            raise WrongState(f"{vendor.name} has other members and no other owner; make one of them an owner first.")
    counted = select(func.count(), func.count().filter(Intent.closed_at.is_(None))).where(
        Intent.account_id == account.id, Intent.opened_at.is_not(None)
    )
    wants, still_open = session.execute(counted).one()
    return Gone(wants, still_open, tuple(alone), tuple(handed_on))


def forget_again(session: Session, account: Account, now: datetime) -> None:
    """Erase somebody who was erased before, and came back with a backup from before that. Nothing refuses it.

    A vendor that would be left with members and no owner gets one: the member who has been there longest.
    """
    _hand_on(session, account)
    account.is_operator = False
    session.flush()
    erase(session, account, now)


def _hand_on(session: Session, account: Account) -> None:
    for vendor in _owned(session, account):
        others = select(Membership).where(Membership.vendor_id == vendor.id, Membership.account_id != account.id)
        members = list(session.scalars(others.order_by(Membership.created_at, Membership.account_id)))
        if members and all(member.role is not Role.OWNER for member in members):
            members[0].role = Role.OWNER
    session.flush()


def erase(session: Session, account: Account, now: datetime) -> Gone:
    """Remove every word and name of this person from the store.

    Wants, leads and answers stay as moments without words, so that what was measured stays true: who was told, when,
    and what kind of answer came. The account itself stays as a closed one without a name, because they refer to it.
    WrongState as `would_go`, and when it was done already.
    """
    accounts.alone(session, account)
    gone = would_go(session, account)
    if gone.handed_on:
        _hand_on(session, account)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete = ON"))  # What is removed is overwritten, not only unlinked.
    for intent in session.scalars(select(Intent).where(Intent.account_id == account.id, Intent.closed_at.is_(None))):
        publish.withdraw(session, intent, now)
    for vendor in _owned(session, account):
        if vendor.name in gone.closed_vendors:
            _close(session, vendor, now)
    _erase_words(session, select(Intent.id).where(Intent.account_id == account.id))
    for table in Base.metadata.sorted_tables:  # Sessions, passkeys, tokens, letters, blogs …: whatever is theirs alone.
        if "account_id" in table.c and table.name not in _KEPT:
            session.execute(delete(table).where(table.c.account_id == account.id))
    for nameless in (Response, Agreement, Audit):
        session.execute(update(nameless).where(nameless.account_id == account.id).values(account_id=None))
    session.execute(update(Audit).where(Audit.subject == account.email).values(subject=ERASED, facts={}))
    _make_nobody(account, now)
    audit(session, "account.erased", ident(account), now, by=None, wants=gone.wants)
    session.flush()
    return gone


def _erase_words(session: Session, intents: Select[Any]) -> None:
    wiped: Mapping[type[Any], dict[str, Any]] = {
        Intent: {
            "title": ERASED,
            "body": "",
            "terms": "",
            "said": "",
            **_NO_POINT,
            "budget_min": None,
            "budget_max": None,
            "currency": None,
            "needed_by": None,
            "language": None,
            "visibility": Visibility.UNLISTED,
        },
        Revision: {"content": {"title": ERASED}},
        Message: {"body": ""},
        Response: {"body": "", "links": [], "region_id": None},
        Exchange: {"words": ""},
        Agreement: {"terms": ""},
        Hold: {"answer": ""},
    }
    session.execute(delete(IntentPlace).where(IntentPlace.intent_id.in_(intents)))
    for model, values in wiped.items():
        theirs = model.id if model is Intent else model.intent_id
        statement = update(model).where(theirs.in_(intents)).values(**values)
        session.execute(statement, execution_options={"synchronize_session": False})
    session.expire_all()


def _close(session: Session, vendor: Vendor, now: datetime) -> None:
    """End a vendor that was one person: its name and its ways to be told are that person's."""
    for model in (Template, Membership):
        session.execute(delete(model).where(model.vendor_id == vendor.id))
    live = (Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
    session.execute(update(Subscription).where(*live).values(ended_at=now, silent_at=now))
    ended = {"ended_at": now, "target": {}, "label": "", "challenge": None}
    session.execute(update(Channel).where(Channel.vendor_id == vendor.id).values(**ended))
    session.execute(update(Response).where(Response.vendor_id == vendor.id).values(body="", links=[]))
    vendor.name, vendor.slug = ERASED, f"erased-{new_code()}"
    vendor.website = vendor.about = vendor.reply = ""
    vendor.replied_at = None
    vendor.closed_at = now


def _make_nobody(account: Account, now: datetime) -> None:
    account.email = f"erased-{new_code()}@erased.invalid"
    account.name = account.phone = account.locale = ""
    account.zone = "UTC"
    account.password_hash = account.verified_at = None
    account.is_operator = account.is_researcher = False
    account.closed_at = now


def _owned(session: Session, account: Account) -> list[Vendor]:
    return list(
        session.scalars(
            select(Vendor)
            .join(Membership)
            .where(Membership.account_id == account.id, Membership.role == Role.OWNER, Vendor.closed_at.is_(None))
        )
    )


def _others(session: Session, condition: ColumnElement[bool], account: Account) -> bool:
    others = select(Account.id).where(condition, Account.id != account.id, Account.closed_at.is_(None)).limit(1)
    return session.scalar(others) is not None
