"""One press that makes a subscription narrower, and one that takes it back."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from vendors import subscribe
from vendors.models import Subscription, Tightening
from vendors.subscribe import Order
from vrm.kernel.errors import WrongState
from vrm.kernel.money import Money


def tighten(session: Session, subscription: Subscription, order: Order, now: datetime) -> Tightening:
    """Let the subscription ask for `order` from now on, and remember what it asked for before."""
    before = kept(subscription)
    subscribe.edit(session, subscription, order, now)
    made = Tightening(subscription_id=subscription.id, made_at=now, before=before, after=kept(subscription))
    session.add(made)
    session.flush()
    return made


def undo(session: Session, subscription: Subscription, now: datetime) -> None:
    """Take the last tightening back; what was changed by hand since stays. WrongState when there is none."""
    made = last(session, subscription)
    if made is None:
        raise WrongState("There is nothing to take back; change the subscription itself.")
    before, after = made.before, made.after
    order = subscribe.order_of(subscription)
    if before["region_id"] != after["region_id"]:
        order = replace(order, region_id=before["region_id"])
    if before["category_id"] != after["category_id"]:
        order = replace(order, category_id=before["category_id"])
    if (before["min_budget"], before["currency"]) != (after["min_budget"], after["currency"]):
        floor = Money(before["min_budget"], before["currency"]) if before["currency"] else None
        order = replace(order, min_budget=floor)
    subscribe.edit(session, subscription, order, now)
    made.undone_at = now
    session.flush()


def last(session: Session, subscription: Subscription) -> Tightening | None:
    """The newest one that was not taken back, as long as the subscription still is as it made it."""
    made = session.scalar(
        select(Tightening)
        .where(Tightening.subscription_id == subscription.id, Tightening.undone_at.is_(None))
        .order_by(Tightening.id.desc())
        .limit(1)
    )
    return made if made is not None and made.after == kept(subscription) else None


def kept(subscription: Subscription) -> dict[str, Any]:
    """What of a subscription a press may change."""
    return {
        "category_id": subscription.category_id,
        "region_id": subscription.region_id,
        "min_budget": subscription.min_budget,
        "currency": subscription.currency,
    }
