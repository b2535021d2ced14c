"""A vendor's standing orders: create, edit, pause, resume, end."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents.draft import Condition
from vendors.models import Subscription, Vendor
from vrm.kernel import taxonomy, text
from vrm.kernel.db import is_code, new_code
from vrm.kernel.errors import BadInput, LimitReached, NotFound
from vrm.kernel.money import Money, check_currency

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
    _write(subscription, _check(session, order), now)
    session.add(subscription)
    session.flush()
    return subscription


def proposed(session: Session, vendor: Vendor, order: Order, now: datetime) -> Subscription:
    """What `subscribe` would make of this order, kept nowhere: to look at what it would bring. Raises BadInput."""
    subscription = Subscription(code="", vendor_id=vendor.id, created_at=now)
    _write(subscription, _check(session, order), now)
    return subscription


def edit(session: Session, subscription: Subscription, order: Order, now: datetime) -> None:
    """Change what a subscription asks for; it is held against open wants again. Raises BadInput."""
    order = _check(session, order)
    _lock(session, subscription)
    _write(subscription, order, now)
    session.flush()


def pause(session: Session, subscription: Subscription, now: datetime) -> None:
    """No new leads through this subscription until `resume`."""
    _lock(session, subscription)
    subscription.paused_at = subscription.paused_at or now
    session.flush()


def resume(session: Session, subscription: Subscription, now: datetime) -> None:
    """New leads again; what was published meanwhile and is still open comes too."""
    _lock(session, subscription)
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
    theirs = select(Subscription).where(
        Subscription.vendor_id == vendor.id, Subscription.code == code, Subscription.ended_at.is_(None)
    )
    subscription = session.scalar(theirs) if is_code(code) else None
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


def _lock(session: Session, subscription: Subscription) -> None:
    # Backfilling sets `backfilled_at` of what it read; a change at the same instant has to come before or after it.
    session.flush()
    session.refresh(subscription, with_for_update={"of": Subscription})


def _check(session: Session, order: Order) -> Order:
    """The order as it would be stored, or BadInput with a sentence for every field that does not hold."""
    trees = taxonomy.trees(session)
    problems: dict[str, str] = {}
    if order.category_id not in trees.categories:
        problems["category"] = "There is no such category; please choose one from the list."
    if order.region_id not in trees.regions:
        problems["region"] = "There is no such region; please choose one from the list."
    name, floor = order.name, order.min_budget
    try:
        name = text.line(order.name, field="name", label="The name", most=100, least=0)
    except BadInput as error:
        problems |= error.problems
    try:
        floor = _floor(order.min_budget)
    except BadInput as error:
        problems |= error.problems
    if problems:
        raise BadInput(problems)
    return replace(order, name=name, min_budget=floor)


def _floor(floor: Money | None) -> Money | None:
    if floor is None or floor.minor == 0:
        return None
    if not 0 < floor.minor < 10**15:
        raise BadInput({"min_budget": "A budget cannot be negative or larger than a country's; write it in digits."})
    return replace(floor, currency=check_currency(floor.currency))


def _write(subscription: Subscription, order: Order, now: datetime) -> None:
    subscription.name = order.name
    subscription.category_id = order.category_id
    subscription.region_id = order.region_id
    subscription.min_budget = order.min_budget.minor if order.min_budget else 0
    subscription.currency = order.min_budget.currency if order.min_budget else None
    subscription.condition = Condition(order.condition)
    subscription.changed_at = now
    subscription.backfilled_at = None
