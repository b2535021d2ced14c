"""An account and a purpose → a one-time link that is owed to its mailbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from flask import request
from sqlalchemy.orm import Session

from notifiers import letters
from notifiers.models import Topic
from vrm.kernel import accounts, limits
from vrm.kernel.accounts import Account, LinkPurpose
from vrm.kernel.errors import LimitReached
from vrm.kernel.languages import SOURCE
from vrm.kernel.text import mail_address
from vrm.web.words import _, locale

_TOPICS = {LinkPurpose.SIGN_IN: Topic.SIGN_IN, LinkPurpose.VERIFY: Topic.VERIFY}
_HOUR = timedelta(hours=1)
PER_HOUR_AND_PLACE = 60  # Links that one network asks for, whoever they go to. An office may share one.
PER_HOUR = 6  # Links to one mailbox: enough for the impatient, too few to annoy somebody else with.


@contextmanager
def coming_in(session: Session, email: str, now: datetime, *, invite_only: bool) -> Iterator[Account]:
    """The account of whoever asks to come in by mail, made when there is none.

    Where only the invited come in, what the block did for anybody else is undone: the asker is told the same, and it
    costs the same. BadInput for what is not an address, LimitReached when so many were named from one place that
    somebody has us write to the world, or when this mailbox got its share.
    """
    wait = limits.spend(session, "links", request.remote_addr or "", now, most=PER_HOUR_AND_PLACE, per=_HOUR)
    if wait is not None:
        said = _(
            "%(most)s links an hour are sent for one network, and all were. Please wait, or use your password.",
            most=PER_HOUR_AND_PLACE,
        )
        raise LimitReached(said, retry_after_s=int(wait.total_seconds()) + 1)
    _spend(session, mail_address(email), now)
    with session.begin_nested() as here:
        # Their letters are in the language of the page, too: a worker sees no browser.
        is_new = accounts.add_if_new(session, email, now, locale="" if locale() == SOURCE else locale())
        yield accounts.ensure(session, email, now)
        session.flush()
        if is_new and invite_only:
            here.rollback()


def mail_link(session: Session, account: Account, purpose: LinkPurpose, now: datetime) -> None:
    """Owe `account` a mail with a fresh link. LimitReached beyond 6 an hour."""
    _spend(session, account.email, now)
    owe_link(session, account, purpose, now)


def owe_link(session: Session, account: Account, purpose: LinkPurpose, now: datetime) -> None:
    """`mail_link` for whom `coming_in` has counted already."""
    secret = accounts.make_link(session, account, purpose, now)
    letters.owe_letter(session, account, _TOPICS[purpose], now, secret=secret, locale=locale())


def _spend(session: Session, address: str, now: datetime) -> None:
    """Count a link to this mailbox, by its one spelling, whether or not it has an account."""
    if limits.spend(session, "link", address, now, most=PER_HOUR, per=_HOUR) is not None:
        said = _(
            "%(most)s links an hour go to one address, and all were sent; look into the spam folder, too.",
            most=PER_HOUR,
        )
        raise LimitReached(said, retry_after_s=3600)
