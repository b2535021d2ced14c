"""A key that a program sends with a request → that request done once: what was answered is kept for a day."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from vrm.kernel.accounts import Account
from vrm.kernel.db import Address, Base, Moment, Ref, Word
from vrm.kernel.errors import WrongState

KEPT = timedelta(hours=24)
_GIVEN_UP = timedelta(minutes=2)  # A claim without an answer is that of a process that died.
LONGEST = 255


class IdempotencyKey(Base):
    """One request that carried a key, with its answer. Committed together with what the request did."""

    __tablename__ = "idempotency_keys"

    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST), primary_key=True)
    fingerprint: Mapped[Word]  # Of method, address and body: the same key with another request is refused.
    at: Mapped[Moment]
    status: Mapped[int | None]  # None only inside the transaction that is still at work.
    location: Mapped[Address | None]
    body: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given before and is given again."""

    status: int
    location: str | None
    body: str


def fingerprint(method: str, address: str, body: bytes) -> str:
    """What two requests share only when they are the same."""
    return hashlib.sha256(b"\0".join((method.encode(), address.encode(), body))).hexdigest()


def claim(session: Session, account: Account, key: str, print_: str, now: datetime) -> Kept | None:
    """Take the key for the request with this fingerprint, or hand out the answer that it got before.

    A second request with the key waits until the first has committed or given up. Raises WrongState when the
    key was used for another request within 24 hours.
    """
    mine = (IdempotencyKey.account_id == account.id,)
    dead = IdempotencyKey.status.is_(None) & (IdempotencyKey.at <= now - _GIVEN_UP)
    session.execute(delete(IdempotencyKey).where(*mine, (IdempotencyKey.at <= now - KEPT) | dead))
    if _insert(session, {"account_id": account.id, "key": key, "fingerprint": print_, "at": now}):
        return None
    before = session.execute(
        select(IdempotencyKey.fingerprint, IdempotencyKey.status, IdempotencyKey.location, IdempotencyKey.body).where(
            *mine, IdempotencyKey.key == key
        )
    ).one_or_none()
    if before is None or (before.status is None and before.fingerprint == print_):
        raise WrongState("The first request with this Idempotency-Key is still at work; ask again in a moment.")
    if before.fingerprint != print_:
        raise WrongState("This Idempotency-Key was used for another request within 24 hours; make a new key.")
    return Kept(int(before.status), before.location, before.body or "")


def keep(session: Session, account: Account, key: str, kept: Kept) -> None:
    """Keep the answer beside the key that `claim` took in this transaction."""
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.account_id == account.id, IdempotencyKey.key == key)
        .values(status=kept.status, location=kept.location, body=kept.body)
    )


def release(session: Session, account: Account, key: str) -> None:
    """Give a key back that was claimed for what then failed."""
    session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.account_id == account.id, IdempotencyKey.key == key, IdempotencyKey.status.is_(None)
        )
    )


def _insert(session: Session, row: dict[str, Any]) -> bool:
    """Whether the row is new. PostgreSQL waits here for whoever holds the key; on SQLite all writers take turns."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = dialect.insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.key)
    return session.execute(made).first() is not None
