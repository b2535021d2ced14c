"""An account and a purpose → a one-time link that is owed to its mailbox."""

from datetime import datetime, timedelta

from flask import request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notifiers import letters
from notifiers.models import Topic
from vrm.kernel import accounts, limits
from vrm.kernel.accounts import Account, Link, LinkPurpose
from vrm.kernel.errors import LimitReached
from vrm.kernel.languages import SOURCE
from vrm.kernel.text import one_spelling
from vrm.web.words import _, locale

_TOPICS = {LinkPurpose.SIGN_IN: Topic.SIGN_IN, LinkPurpose.VERIFY: Topic.VERIFY}
_HOUR = timedelta(hours=1)
PER_HOUR_AND_PLACE = 60  # Links that one network asks for, whoever they go to. An office may share one.
PER_HOUR = 6  # Links to one mailbox: enough for the impatient, too few to annoy somebody else with.


def account_for(session: Session, email: str, now: datetime, *, invite_only: bool) -> Account | None:
    """The account of whoever asks to come in by mail, made when there is none; None where only the invited come in.

    What the asker is told must not depend on it. BadInput for what is not an address, LimitReached when so many were
    named from one place that somebody has us write to the world.
    """
    wait = limits.spend(session, "links", request.remote_addr or "", now, most=PER_HOUR_AND_PLACE, per=_HOUR)
    if wait is not None:
        said = _(
            "%(most)s links an hour are sent for one network, and all were. Please wait, or use your password.",
            most=PER_HOUR_AND_PLACE,
        )
        raise LimitReached(said, retry_after_s=int(wait.total_seconds()) + 1)
    if not invite_only:
        is_new = accounts.find(session, email) is None
        made = accounts.ensure(session, email, now)
        if is_new and locale() != SOURCE:
            made.locale = locale()  # So that letters are in it, too: a worker sees no browser.
        return made
    account = accounts.find(session, email)
    if account is None and limits.spend(session, "link", one_spelling(email), now, most=PER_HOUR, per=_HOUR):
        raise _too_many()  # As `mail_link` says it of an address that has an account.
    return account


def mail_link(session: Session, account: Account, purpose: LinkPurpose, now: datetime) -> None:
    """Owe `account` a mail with a fresh link. LimitReached beyond 6 an hour."""
    hour_ago = now - _HOUR
    lately = session.scalar(
        select(func.count()).select_from(Link).where(Link.account_id == account.id, Link.created_at > hour_ago)
    )
    if (lately or 0) >= PER_HOUR:
        raise _too_many()
    secret = accounts.make_link(session, account, purpose, now)
    letters.owe_letter(session, account, _TOPICS[purpose], now, secret=secret, locale=locale())


def _too_many() -> LimitReached:
    return LimitReached(
        f"{PER_HOUR} links an hour go to one address, and all were sent; look into the spam folder, too.",
        retry_after_s=3600,
    )
