"""Standing orders: what they hold, what they refuse in words, and that no change of one is missed by the router."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rooms import start_vendor
from sqlalchemy import update
from sqlalchemy.orm import Session
from together import at_once, meeting

from intents.draft import Condition
from vendors import subscribe
from vendors.models import Subscription, Vendor
from vendors.subscribe import Order, Reach
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, LimitReached, NotFound
from vrm.kernel.money import Money

SECOND = timedelta(seconds=1)


def order(session: Session, **fields: Any) -> Order:
    trees = taxonomy.trees(session)
    return Order(**({"category_id": trees.categories.root.id, "region_id": trees.regions.root.id} | fields))


def subscribed(session: Session, ben: Account, now: datetime, **fields: Any) -> Subscription:
    return subscribe.subscribe(session, start_vendor(session, ben, now), order(session, **fields), now)


def backfilled(session: Session, subscription: Subscription, now: datetime) -> None:
    subscription.backfilled_at = now
    session.flush()


def test_a_subscription_holds_what_was_ordered_and_waits_for_the_router(
    store: Store, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        fields = {"name": "Everything 🌍", "min_budget": Money(500, "GBP"), "condition": Condition.USED}
        subscription = subscribed(session, ben, now, **fields)
        session.refresh(subscription)
        assert subscribe.order_of(subscription) == order(session, **fields)
        assert (subscription.created_at, subscription.changed_at, subscription.backfilled_at) == (now, now, None)
        assert subscribe.subscriptions_of(session, subscription.vendor) == [subscription]
        assert subscribe.by_code(session, subscription.vendor, subscription.code) is subscription


@pytest.mark.parametrize("floor", [None, Money(0, "GBP"), Money(0, "???")])
def test_a_floor_of_nothing_is_no_floor(store: Store, ben: Account, now: datetime, floor: Money | None) -> None:
    with store.write() as session:
        subscription = subscribed(session, ben, now, min_budget=floor)
        assert (subscription.min_budget, subscription.currency) == (0, None)
        assert subscribe.order_of(subscription).min_budget is None


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("category_id", 0, "category"),
        ("category_id", 2**70, "category"),
        ("region_id", -1, "region"),
        ("name", "x" * 101, "name"),
        ("name", "\x00", "name"),
        ("name", "\ud800", "name"),
        ("name", "\u202eeman", "name"),
        ("min_budget", Money(-500, "GBP"), "min_budget"),
        ("min_budget", Money(10**15, "GBP"), "min_budget"),
        ("min_budget", Money(500, "ZZZ"), "currency"),
        ("min_budget", Money(500, ""), "currency"),
        ("reach", Reach(0, 53.8, -1.5), "near/radius_km"),
        ("reach", Reach(50_000, 53.8, -1.5), "near/radius_km"),
        ("reach", Reach(float("nan"), 53.8, -1.5), "near/radius_km"),
        ("reach", Reach(30, 53.8, None), "near/lat"),
        ("reach", Reach(30, 91, 0), "near/lat"),
        ("reach", Reach(30), "region"),  # The world has no one middle.
        ("required", tuple(f"word {number}" for number in range(500)), "required"),
        ("required", ("!!!",), "required"),
        ("excluded", ("…",), "excluded"),
        ("required", ("x" * 81,), "required"),
        ("min_quantity", 0, "min_quantity"),
        ("lead_days", 366, "lead_days"),
        ("language", "!", "language"),
    ],
)
def test_a_field_that_does_not_hold_is_named_and_nothing_is_changed(
    store: Store, ben: Account, now: datetime, field: str, value: Any, named: str
) -> None:
    with store.write() as session:
        subscription = subscribed(session, ben, now)
        backfilled(session, subscription, now)
        bad = order(session, **({"name": "New"} | {field: value}))
        with pytest.raises(BadInput) as refused:
            subscribe.edit(session, subscription, bad, now + SECOND)
        assert list(refused.value.problems) == [named]
        assert not session.dirty
        with pytest.raises(BadInput):
            subscribe.subscribe(session, subscription.vendor, bad, now)
        assert subscribe.subscriptions_of(session, subscription.vendor) == [subscription]
        assert (subscription.name, subscription.backfilled_at) == ("", now)


def test_an_edit_is_held_against_open_wants_again(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        subscription = subscribed(session, ben, now)
        backfilled(session, subscription, now)
        subscribe.edit(session, subscription, order(session, condition=Condition.NEW), now + SECOND)
        session.refresh(subscription)
        assert (subscription.condition, subscription.changed_at) == (Condition.NEW, now + SECOND)
        assert subscription.backfilled_at is None


def test_pausing_waits_and_resuming_catches_up(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        subscription = subscribed(session, ben, now)
        backfilled(session, subscription, now)
        subscribe.resume(session, subscription, now + SECOND)
        assert subscription.backfilled_at == now
        subscribe.pause(session, subscription, now)
        subscribe.pause(session, subscription, now + SECOND)
        assert (subscription.paused_at, subscription.backfilled_at) == (now, now)
        subscribe.resume(session, subscription, now + 2 * SECOND)
        assert (subscription.paused_at, subscription.backfilled_at) == (None, None)
        assert subscription.changed_at == now + 2 * SECOND


def test_a_subscription_that_ended_is_gone_and_ending_it_again_is_harmless(
    store: Store, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        subscription = subscribed(session, ben, now)
        subscribe.end(session, subscription, now)
        subscribe.end(session, subscription, now + SECOND)
        assert subscription.ended_at == now
        assert subscribe.subscriptions_of(session, subscription.vendor) == []
        with pytest.raises(NotFound, match="There is no such subscription"):
            subscribe.by_code(session, subscription.vendor, subscription.code)


def test_carols_shop_learns_nothing_of_bens_subscriptions(
    store: Store, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        code = subscribed(session, ben, now).code
        hers = start_vendor(session, carol, now, name="Carol's")
        for said in (code, "", "\x00", "\ud800", "x" * 10_000):
            with pytest.raises(NotFound):
                subscribe.by_code(session, hers, said)
        assert subscribe.subscriptions_of(session, hers) == []


def test_a_thousand_are_the_most(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        said = order(session)
        session.add_all(
            Subscription(
                code=f"c{number}",
                vendor_id=vendor.id,
                category_id=said.category_id,
                region_id=said.region_id,
                created_at=now,
                changed_at=now,
                ended_at=now if number == 0 else None,
            )
            for number in range(subscribe.AT_MOST)
        )
        session.flush()
        subscribe.subscribe(session, vendor, said, now)
        with pytest.raises(LimitReached, match="1,000 subscriptions; one for a wider category covers many"):
            subscribe.subscribe(session, vendor, said, now)


def _shop(session: Session, ben: Account, now: datetime) -> tuple[Vendor, str]:
    subscription = subscribed(session, ben, now)
    return subscription.vendor, subscription.code


@pytest.mark.parametrize("verb", ["edit", "resume"])
def test_a_change_while_the_router_looks_is_looked_at_again(
    store: Store, ben: Account, now: datetime, verb: str
) -> None:
    """The router marks what it read as held against open wants; a change that it did not read must not be marked."""
    with store.write() as session:
        vendor, code = _shop(session, ben, now)
        if verb == "resume":
            subscribe.pause(session, subscribe.by_code(session, vendor, code), now)
    met = meeting(store)
    seen: list[str] = []

    def change() -> None:
        with store.write() as session:
            subscription = subscribe.by_code(session, vendor, code)
            met()
            if verb == "edit":
                subscribe.edit(session, subscription, order(session, condition=Condition.NEW), now + SECOND)
            else:
                subscribe.resume(session, subscription, now + SECOND)
            seen.append("change")

    def backfill() -> None:
        with store.write() as session:
            session.execute(update(Subscription).values(backfilled_at=now + SECOND))
            seen.append("backfill")
            met()

    assert at_once(change, backfill) == [None, None]
    with store.read() as session:
        marked = subscribe.by_code(session, vendor, code).backfilled_at is not None
        assert marked is (seen == ["change", "backfill"])


def test_filters_come_back_as_they_were_ordered(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        leeds = taxonomy.trees(session).regions.resolve("Leeds", field="region").id
        fields = {
            "region_id": leeds, "reach": Reach(30), "required": ("Yaris", "five doors"), "excluded": ("parts",),
            "words_in": "en", "min_quantity": 2, "lead_days": 5, "language": "en",
        }  # fmt: skip
        subscription = subscribed(session, ben, now, **fields)
        session.refresh(subscription)
        assert subscribe.order_of(subscription) == order(session, **fields)
        assert subscription.place > 2**50
        assert (subscription.anchor is not None, subscription.has_words) == (True, True)
        subscribe.edit(session, subscription, order(session, required=("yaris", "YARIS", " ")), now)
        assert (subscription.place, subscription.reach_km, subscription.x) == (order(session).region_id, None, None)
        assert (subscription.required, subscription.has_words) == (["yaris"], False)


def test_a_word_that_is_required_and_excluded_is_refused_whatever_its_ending(
    store: Store, ben: Account, now: datetime
) -> None:
    with store.write() as session, pytest.raises(BadInput, match="nothing would ever come"):
        subscribed(session, ben, now, required=("car",), excluded=("Cars",), words_in="en")


def test_what_is_allowed_but_needs_a_word_of_caution(store: Store) -> None:
    with store.read() as session:
        trees = taxonomy.trees(session)
        assert "everything, everywhere" in subscribe.cautions(order(session), trees)[0]
        floor = order(session, required=("yaris",), min_budget=Money(500, "UAH"))
        assert subscribe.cautions(floor, trees)[0].startswith("There is no exchange rate for UAH")
        assert subscribe.cautions(order(session, required=("yaris",), min_budget=Money(500, "USD")), trees) == ()
