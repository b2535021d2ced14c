"""Why nobody, and why not this vendor: each in sentences that a customer understands."""

from datetime import datetime

import pytest
from rooms import publish_want, route_all, start_vendor
from sqlalchemy import select

from intents import publish
from intents.draft import Budget, Condition, IntentDraft
from intents.models import Intent
from vendors import subscribe as orders
from vendors import team
from vendors.models import Block, Subscription, Vendor
from vendors.subscribe import Order, subscribe
from vrm.explain import explain, explain_vendor
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.money import Money


def routed(store: Store, intent: Intent, now: datetime) -> str:
    with store.write() as session:
        route_all(session, now)
    with store.read() as session:
        return " ".join(explain(session, session.get_one(Intent, intent.id)).sentences)


def test_a_draft_says_that_it_is_one(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = publish.draft(session, ana, IntentDraft(title="Toyota Yaris"), now)
        assert "is a draft" in explain(session, intent).sentences[0]


def test_before_routing_it_says_to_look_again(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        assert "look again in a moment" in explain(session, publish_want(session, ana, now)).sentences[0]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (
            ("cars-trucks-vans", "fr"),
            "1 vendor sells Cars, Trucks & Vans, but none of them in Leeds; the nearest is in France.",
        ),
        (("plumber", "gb-lds"), "No vendor listens to Cars, Trucks & Vans yet."),
    ],
)
def test_when_nobody_was_told_it_names_the_nearest_misses(
    store: Store, ana: Account, ben: Account, now: datetime, wish: tuple[str, str], sentence: str
) -> None:
    with store.write() as session:
        start_vendor(session, ben, now, wish=wish)
        intent = publish_want(session, ana, now)
    assert sentence in routed(store, intent, now)


def test_vendors_of_a_narrower_place_are_named_as_such(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-lds"))
        intent = publish_want(session, ana, now, region="gb")
    assert "in parts of United Kingdom only" in routed(store, intent, now)


def test_vendors_of_a_narrower_category_are_named_as_such(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-lds"))
        intent = publish_want(session, ana, now, category="vehicles")
    assert "choose a narrower category" in routed(store, intent, now)


def test_a_filter_that_stopped_a_vendor_is_named(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        trees = taxonomy.trees(session)
        order = Order(
            category_id=trees.categories.root.id,
            region_id=trees.regions.root.id,
            min_budget=Money(2_000_000, "GBP"),
            condition=Condition.NEW,
        )
        subscribe(session, vendor, order, now)
        intent = publish_want(session, ana, now, budget=Budget(None, 1_200_000, "GBP"), condition=Condition.USED)
    assert "but asks for a higher budget and sells in another condition" in routed(store, intent, now)
    with store.read() as session:
        why = " ".join(explain_vendor(session, session.get_one(Intent, intent.id), vendor).sentences)
    assert "it takes budgets from £20,000 upwards" in why
    assert "it sells new goods only" in why


def test_a_vendor_that_was_told_says_why_and_how_it_stands(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("vehicles", "gb"))
        intent = publish_want(session, ana, now)
    assert routed(store, intent, now) == "1 vendor was told."
    with store.read() as session:
        why = explain_vendor(session, session.get_one(Intent, intent.id), vendor).sentences
    assert why == ("It matches, but could not be reached.", "It listens to Vehicles in United Kingdom.")


def test_every_other_reason_has_its_sentence(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        intent = publish_want(session, ana, now)
        own = start_vendor(session, ana, now, name="Ana's own", wish=("anything", "world"))
        blocked = start_vendor(session, ben, now, name="Blocked", wish=("anything", "world"))
        session.add(Block(account_id=ana.id, vendor_id=blocked.id, created_at=now))
        away = start_vendor(session, ben, now, name="Away", wish=("plumber", "fr"))
        team.pause(session, away, now)
        empty = start_vendor(session, carol, now, name="Empty")
        asleep = start_vendor(session, carol, now, name="Asleep", wish=("anything", "world"))
        orders.pause(session, session.scalars(select(Subscription).filter_by(vendor_id=asleep.id)).one(), now)
    assert "No vendor listens" in routed(store, intent, now)

    def why(vendor: Vendor) -> str:
        with store.read() as session:
            vendor = session.get_one(Vendor, vendor.id)
            return " ".join(explain_vendor(session, session.get_one(Intent, intent.id), vendor).sentences)

    assert "You belong to this vendor yourself" in why(own)
    assert "You have blocked this vendor" in why(blocked)
    assert "takes no new wants at the moment" in why(away)
    assert "your want is in Cars, Trucks & Vans and your want is in Leeds" in why(away)
    assert "has no subscription yet" in why(empty)
    assert "it is paused" in why(asleep)
