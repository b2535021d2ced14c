"""What a subscription would have brought, and whom a want would reach, before anybody commits to it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents.draft import Condition, Visibility
from intents.models import Intent
from vendors.models import Subscription
from vrm import match, rule
from vrm.kernel import taxonomy

SPAN = timedelta(days=30)
_SHOWN = 5
_LOOKED_AT = 1_000
_WITHOUT = {
    "budget": "with a lower budget to begin with",
    "condition": "in any condition",
    "distance": "from a little farther away",
    "words": "without the words that they must say",
    "excluded": "without the words that they must not say",
    "quantity": "with a smaller number",
    "lead-time": "with less time to do it",
    "language": "in any language",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What came in the last 30 days that a subscription covers."""

    count: int
    newest: tuple[Intent, ...]  # A few, public ones only: the others are for the vendors who were told.
    stopped: tuple[str, ...] = ()  # What its filters kept away, with counts.


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
    return Preview(count or 0, tuple(session.scalars(newest)), tuple(_stopped(session, subscription, now)))


def _stopped(session: Session, subscription: Subscription, now: datetime) -> Iterator[str]:
    """How many wants of its category and its place each single filter kept away."""
    trees = taxonomy.trees(session)
    bare = Subscription(
        vendor_id=subscription.vendor_id,
        category_id=subscription.category_id,
        region_id=subscription.region_id,
        reach_km=subscription.reach_km,
        x=subscription.x,
        y=subscription.y,
        z=subscription.z,
        required=[],
        excluded=[],
        min_budget=0,
        condition=Condition.ANY,
    )
    near = select(Intent).where(Intent.opened_at > now - SPAN, *match.covered(bare, trees))
    alone: Counter[str] = Counter()
    for intent in session.scalars(near.order_by(Intent.opened_at.desc()).limit(_LOOKED_AT)):
        stops = [stop.value for stop in rule.stops(subscription, intent, trees)]
        if len(stops) == 1:
            alone[stops[0]] += 1
    for stop, count in alone.most_common():
        if stop in _WITHOUT:
            yield f"{count:,} more would have come {_WITHOUT[stop]}."


def listeners(session: Session, intent: Intent, now: datetime) -> int:
    """How many vendors would be told of this intent if it were published now; it needs a category and a region."""
    found = match.matching(session.get_bind().dialect.name).order_by(None).subquery()
    parameters = match.intent_parameters(intent, taxonomy.trees(session), now)
    return session.scalar(select(func.count()).select_from(found), parameters) or 0
