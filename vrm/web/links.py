"""An account and a purpose → a one-time link that is owed to its mailbox."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notifiers import letters
from notifiers.models import Topic
from vrm.kernel import accounts
from vrm.kernel.accounts import Account, Link, LinkPurpose
from vrm.kernel.errors import LimitReached

_TOPICS = {LinkPurpose.SIGN_IN: Topic.SIGN_IN, LinkPurpose.VERIFY: Topic.VERIFY}
PER_HOUR = 6  # Links to one mailbox: enough for the impatient, too few to annoy somebody else with.


def mail_link(session: Session, account: Account, purpose: LinkPurpose, now: datetime) -> None:
    """Owe `account` a mail with a fresh link. LimitReached beyond 6 an hour."""
    hour_ago = now - timedelta(hours=1)
    lately = session.scalar(
        select(func.count()).select_from(Link).where(Link.account_id == account.id, Link.created_at > hour_ago)
    )
    if (lately or 0) >= PER_HOUR:
        raise LimitReached(
            f"{PER_HOUR} links an hour go to one address, and all were sent; look into the spam folder, too.",
            retry_after_s=3600,
        )
    secret = accounts.make_link(session, account, purpose, now)
    letters.owe_letter(session, account, _TOPICS[purpose], now, secret=secret)
