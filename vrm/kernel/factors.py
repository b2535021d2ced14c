"""What proves a person beside a mailbox or a password: codes of an app (TOTP), recovery codes, passkeys (WebAuthn)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import ForeignKey, LargeBinary, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from vrm.kernel import text
from vrm.kernel.accounts import Account, digest
from vrm.kernel.db import Address, Base, Id, Moment, Ref, Word, is_row_id, new_code
from vrm.kernel.errors import BadInput, NotFound
from vrm.kernel.sealing import Sealer

RECOVERY_CODES = 10
_STEP_S = 30  # RFC 6238 §4.1, and what every app does.
_PURPOSE = "totp"


class Totp(Base):
    """The secret that an account shares with an app on its owner's telephone."""

    __tablename__ = "totps"

    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[Address]  # As `sealing` keeps it.
    confirmed_at: Mapped[Moment]
    last_step: Mapped[int] = mapped_column(default=0)  # Of the last code that was taken; none is taken twice.


class RecoveryCode(Base):
    """A code on paper, for who has lost the telephone. Each works once."""

    __tablename__ = "recovery_codes"

    id: Mapped[Id]
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[Word] = mapped_column(unique=True)
    spent_at: Mapped[Moment | None]


class Passkey(Base):
    """A key pair whose private half never leaves its owner's device."""

    __tablename__ = "passkeys"

    id: Mapped[Id]
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1_023), unique=True)  # At most that, WebAuthn L2 §4.
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]  # Grows with each use where the device counts; 0 where it does not.
    name: Mapped[Word]
    created_at: Mapped[Moment]
    last_used_at: Mapped[Moment | None]

    account: Mapped[Account] = relationship()


# --- Codes of an app --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposed:
    """A secret that an app may take; nothing is kept before a code of it comes back."""

    secret: str  # Base32.
    address: str  # otpauth://…, for the picture that the app reads.


def propose_totp(account: Account, *, issuer: str, secret: str = "") -> Proposed:
    """A new secret (or the one that was proposed before) for `account`."""
    secret = secret or pyotp.random_base32()
    return Proposed(secret, pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name=issuer))


def confirm_totp(session: Session, account: Account, secret: str, code: str, now: datetime, *, sealer: Sealer) -> None:
    """Keep the secret once a code shows that the app has it. BadInput for a code that does not fit."""
    step = _step_of(secret, code, now)
    if step is None:
        raise BadInput({"code": "This code does not fit. Use the one that the app shows now."})
    session.execute(delete(Totp).where(Totp.account_id == account.id))
    sealed = sealer.seal(_PURPOSE, secret)
    session.add(Totp(account_id=account.id, sealed=sealed, confirmed_at=now, last_step=step))
    session.flush()


def has_totp(session: Session, account: Account) -> bool:
    """Whether signing in asks for a second proof."""
    return session.get(Totp, account.id) is not None


def remove_totp(session: Session, account: Account) -> None:
    """Signing in no longer asks for a code; recovery codes go with it."""
    for table in (Totp, RecoveryCode):
        session.execute(delete(table).where(table.account_id == account.id))


def take_code(session: Session, account: Account, code: str, now: datetime, *, sealer: Sealer) -> bool:
    """Spend a code of the app or a recovery code of this account; False when it is neither, or was used."""
    folded = "".join(letter for letter in code.lower() if letter.isalnum())
    if not folded.isdecimal():
        return _take_recovery(session, account, folded, now)
    kept = session.get(Totp, account.id)
    step = _step_of(sealer.open(_PURPOSE, kept.sealed), folded, now) if kept is not None else None
    if step is None:
        return False
    # Conditional, so that of two requests with the same code one loses.
    taken = session.execute(
        update(Totp)
        .where(Totp.account_id == account.id, Totp.last_step < step)
        .values(last_step=step)
        .returning(Totp.account_id)
    )
    return taken.first() is not None


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Which 30 seconds the code belongs to: these, or the ones before or after (RFC 6238 §5.2); None for none."""
    given = "".join(letter for letter in code if letter.isalnum()).encode("utf-8", "replace")
    present = int(now.timestamp()) // _STEP_S
    app = pyotp.TOTP(secret)
    for step in (present - 1, present, present + 1):
        if secrets.compare_digest(app.generate_otp(step).encode(), given):
            return step
    return None


def make_recovery_codes(session: Session, account: Account) -> Sequence[str]:
    """Ten new codes in place of whatever there were; shown once and kept nowhere."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    codes = [new_code() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(account_id=account.id, secret_hash=digest(code)) for code in codes)
    session.flush()
    return ["-".join((code[:4], code[4:8], code[8:])) for code in codes]


def recovery_codes_left(session: Session, account: Account) -> int:
    """How many of them still work."""
    unspent = (RecoveryCode.account_id == account.id) & RecoveryCode.spent_at.is_(None)
    return session.scalar(select(func.count()).select_from(RecoveryCode).where(unspent)) or 0


def _take_recovery(session: Session, account: Account, code: str, now: datetime) -> bool:
    spent = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account.id,
            RecoveryCode.secret_hash == digest(code),
            RecoveryCode.spent_at.is_(None),
        )
        .values(spent_at=now)
        .returning(RecoveryCode.id)
    )
    return spent.first() is not None


# --- Passkeys ---------------------------------------------------------------------------------------


def passkeys_of(session: Session, account: Account) -> Sequence[Passkey]:
    """The account's passkeys, in the order in which they were added."""
    return session.scalars(select(Passkey).where(Passkey.account_id == account.id).order_by(Passkey.id)).all()


def passkey(session: Session, credential_id: bytes) -> Passkey | None:
    """The passkey that a browser names; None for one that is not known, or whose account is closed."""
    found = session.scalar(select(Passkey).where(Passkey.credential_id == credential_id))
    return None if found is None or found.account.closed_at is not None else found


def add_passkey(
    session: Session, account: Account, now: datetime, *, name: str, credential_id: bytes, public_key: bytes, count: int
) -> Passkey:
    """Keep a passkey whose registration was verified. BadInput for a name that does not hold."""
    added = Passkey(
        account_id=account.id,
        credential_id=credential_id,
        public_key=public_key,
        sign_count=count,
        name=text.line(name, field="passkey_name", label="The passkey's name", most=64),
        created_at=now,
    )
    session.add(added)
    session.flush()
    return added


def remove_passkey(session: Session, account: Account, passkey_id: int) -> None:
    """Forget a passkey of this account; NotFound for anybody else's."""
    found = session.get(Passkey, passkey_id) if is_row_id(passkey_id) else None
    if found is None or found.account_id != account.id:
        raise NotFound("There is no such passkey.")
    session.delete(found)
    session.flush()
