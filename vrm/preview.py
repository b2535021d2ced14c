"""What a subscription would have brought, and whom a want would reach, before anybody commits to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents.draft import Visibility
from intents.models import Intent
from vendors.models import Subscription
from vrm import match
from vrm.kernel import taxonomy

SPAN = timedelta(days=30)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """What came in the last 30 days that a subscription covers."""

    count: int
    newest: tuple[Intent, ...]  # A few, public ones only: the others are for the vendors who were told.


def would_have_come(session: Session, subscription: Subscription, now: datetime) -> Preview:
    """The wants of the last 30 days that this subscription, stored or only proposed, covers, closed ones included."""
    covered = (Intent.opened_at > now - SPAN, *match.covered(subscription, taxonomy.trees(session)))
    newest = (
        select(Intent)
        .where(*covered, Intent.visibility == Visibility.PUBLIC)
        .order_by(Intent.opened_at.desc(), Intent.id.desc())
        .limit(_SHOWN)
    )
    count = session.scalar(select(func.count()).select_from(Intent).where(*covered))
    return Preview(count or 0, tuple(session.scalars(newest)))


def listeners(session: Session, intent: Intent, now: datetime) -> int:
    """How many vendors would be told of this intent if it were published now; it needs a category and a region."""
    found = match.matching(session.get_bind().dialect.name).order_by(None).subquery()
    parameters = match.intent_parameters(intent, taxonomy.trees(session), now)
    return session.scalar(select(func.count()).select_from(found), parameters) or 0
