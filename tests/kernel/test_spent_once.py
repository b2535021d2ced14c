"""What works once works once, however many try it at the same instant."""

from collections.abc import Callable
from datetime import datetime

import pyotp
import pytest
from sqlalchemy.orm import Session
from together import at_once

from vrm.kernel import accounts, factors
from vrm.kernel.accounts import Account, LinkPurpose
from vrm.kernel.db import Store
from vrm.kernel.errors import LinkSpent
from vrm.kernel.sealing import Sealer

MANY = 20
_SEALER = Sealer("k" * 40)
Spend = Callable[[Session], bool]


def _link(session: Session, account: Account, now: datetime) -> Spend:
    secret = accounts.make_link(session, account, LinkPurpose.SIGN_IN, now)

    def spend(session: Session) -> bool:
        try:
            return accounts.spend_link(session, secret, now).id == account.id
        except LinkSpent:
            return False

    return spend


def _recovery_code(session: Session, account: Account, now: datetime) -> Spend:
    code = factors.make_recovery_codes(session, account)[0]
    return lambda session: factors.take_code(session, account, code, now, sealer=_SEALER)


def _code_of_an_app(session: Session, account: Account, now: datetime) -> Spend:
    secret = pyotp.random_base32()
    app = pyotp.TOTP(secret)
    factors.confirm_totp(
        session, account, secret, app.generate_otp(int(now.timestamp()) // 30 - 1), now, sealer=_SEALER
    )
    code = app.generate_otp(int(now.timestamp()) // 30)
    return lambda session: factors.take_code(session, account, code, now, sealer=_SEALER)


@pytest.mark.parametrize("kind", [_link, _recovery_code, _code_of_an_app])
def test_of_twenty_at_once_one_gets_in(
    kind: Callable[[Session, Account, datetime], Spend], store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        spend = kind(session, session.merge(ana, load=False), now)

    def press() -> bool:
        with store.write() as session:
            return spend(session)

    came = at_once(*[press] * MANY)
    assert sorted(came, key=str) == [False] * (MANY - 1) + [True]
