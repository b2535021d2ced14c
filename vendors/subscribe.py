"""A vendor's standing orders: create, edit, pause, resume, end."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents.draft import Condition
from vendors.models import Subscription, Vendor
from vrm.kernel import taxonomy, text
from vrm.kernel.db import new_code
from vrm.kernel.errors import BadInput, LimitReached, NotFound
from vrm.kernel.money import Money

AT_MOST = 1_000  # Live subscriptions of one vendor.


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a subscription asks for. A category and a region cover all that lies below them."""

    category_id: int
    region_id: int
    name: str = ""
    min_budget: Money | None = None  # Wants that name a lower budget are not told; wants without one are.
    condition: Condition = Condition.ANY


def subscribe(session: Session, vendor: Vendor, order: Order, now: datetime) -> Subscription:
    """A new subscription; open wants that match it are found soon after. Raises BadInput, LimitReached."""
    live = session.scalar(
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
    )
    if (live or 0) >= AT_MOST:
        raise LimitReached(f"A vendor can have {AT_MOST:,} subscriptions; one for a wider category covers many.")
    subscription = Subscription(code=new_code(), vendor_id=vendor.id, vendor=vendor, created_at=now)
    _write(session, subscription, order, now)
    session.add(subscription)
    session.flush()
    return subscription


def edit(session: Session, subscription: Subscription, order: Order, now: datetime) -> None:
    """Change what a subscription asks for; it is held against open wants again. Raises BadInput."""
    _write(session, subscription, order, now)
    session.flush()


def pause(session: Session, subscription: Subscription, now: datetime) -> None:
    """No new leads through this subscription until `resume`."""
    subscription.paused_at = subscription.paused_at or now
    session.flush()


def resume(session: Session, subscription: Subscription, now: datetime) -> None:
    """New leads again; what was published meanwhile and is still open comes too."""
    if subscription.paused_at is not None:
        subscription.paused_at = None
        subscription.changed_at = now
        subscription.backfilled_at = None
        session.flush()


def end(session: Session, subscription: Subscription, now: datetime) -> None:
    """Remove a subscription. Leads that it brought stay."""
    subscription.ended_at = subscription.ended_at or now
    session.flush()


def by_code(session: Session, vendor: Vendor, code: str) -> Subscription:
    """A live subscription of this vendor; NotFound for any other."""
    subscription = session.scalar(
        select(Subscription).where(
            Subscription.vendor_id == vendor.id, Subscription.code == code, Subscription.ended_at.is_(None)
        )
    )
    if subscription is None:
        raise NotFound("There is no such subscription.")
    return subscription


def subscriptions_of(session: Session, vendor: Vendor) -> list[Subscription]:
    """The vendor's live subscriptions, oldest first."""
    return list(
        session.scalars(
            select(Subscription)
            .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
            .order_by(Subscription.id)
        )
    )


def order_of(subscription: Subscription) -> Order:
    """What the subscription asks for, in the shape in which it is edited."""
    floor = Money(subscription.min_budget, subscription.currency) if subscription.currency else None
    return Order(
        category_id=subscription.category_id,
        region_id=subscription.region_id,
        name=subscription.name,
        min_budget=floor,
        condition=subscription.condition,
    )


def _write(session: Session, subscription: Subscription, order: Order, now: datetime) -> None:
    trees = taxonomy.trees(session)
    problems: dict[str, str] = {}
    if order.category_id not in trees.categories:
        problems["category"] = "There is no such category; please choose one from the list."
    if order.region_id not in trees.regions:
        problems["region"] = "There is no such region; please choose one from the list."
    try:
        subscription.name = text.line(order.name, field="name", label="The name", most=100, least=0)
    except BadInput as error:
        problems |= error.problems
    if problems:
        raise BadInput(problems)
    floor = order.min_budget if order.min_budget and order.min_budget.minor > 0 else None
    subscription.category_id = order.category_id
    subscription.region_id = order.region_id
    subscription.min_budget = floor.minor if floor else 0
    subscription.currency = floor.currency if floor else None
    subscription.condition = Condition(order.condition)
    subscription.changed_at = now
    subscription.backfilled_at = None
