"""An account that an operator stops: signed out, its tokens refused, its wants held; all of it can be undone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents import holds
from intents.holds import HeldBy, Hold
from intents.models import Intent
from vrm.kernel import sessions, text
from vrm.kernel.accounts import Account
from vrm.kernel.errors import WrongState


def suspend(session: Session, account: Account, now: datetime, *, why: str) -> None:
    """Stop it until `restore`. BadInput("why") without a sentence for its owner, WrongState for an operator's."""
    why = text.line(why, field="why", label="The sentence to its owner", most=500)
    if account.is_operator:
        raise WrongState("An operator is not suspended; take that role from the account first.")
    if account.suspended_at is not None:
        raise WrongState("This account is suspended already.")
    account.suspended_at, account.suspended_because = now, why
    session.flush()
    sessions.end_all(session, account, now)
    for intent in _open(session, account):
        holds.hold(session, intent, now, by=HeldBy.SUSPENSION, why=why).to_tell = None  # One letter says it all.
    session.flush()


def restore(session: Session, account: Account, now: datetime) -> None:
    """Let it come in again; wants that were held by this go on. WrongState unless it is suspended."""
    if account.suspended_at is None:
        raise WrongState("This account is not suspended.")
    account.suspended_at = account.suspended_because = None
    held = select(Hold).join(Hold.intent).where(
        Intent.account_id == account.id,
        Intent.closed_at.is_(None),
        Hold.held_by == HeldBy.SUSPENSION,
        Hold.ended_at.is_(None),
    )  # fmt: skip
    for hold in session.scalars(held.order_by(Hold.intent_id)).all():
        holds.release(session, hold.intent, now)
        hold.to_tell = None
    session.flush()


def _open(session: Session, account: Account) -> Sequence[Intent]:
    mine = (Intent.account_id == account.id, Intent.opened_at.is_not(None), Intent.closed_at.is_(None))
    return session.scalars(select(Intent).where(*mine, Intent.held_at.is_(None)).order_by(Intent.id)).all()
