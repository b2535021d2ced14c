"""Matching: the SQL from both sides and the sentence in Python hold the same rule, on random trees of everything."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rooms import publish_want, start_vendor
from sqlalchemy import Select, delete, event, select, text
from sqlalchemy.orm import Session

from intents.draft import Budget, Condition
from intents.models import Intent
from vendors.models import Lead, Subscription, Vendor
from vendors.subscribe import Order, subscribe
from vrm import match, route
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.money import Money

CATEGORIES = ["anything", "vehicles", "cars-trucks-vans", "plumber"]
REGIONS = ["world", "gb", "gb-lds", "fr", "eu"]


@dataclass(frozen=True)
class Want:
    category: str
    region: str
    budget: int | None
    currency: str
    condition: Condition


@dataclass(frozen=True)
class Wish:
    vendor: int
    category: str
    region: str
    floor: int
    currency: str
    condition: Condition


conditions = st.sampled_from(list(Condition))
currencies = st.sampled_from(["GBP", "EUR"])
wants = st.builds(
    Want,
    st.sampled_from(CATEGORIES),
    st.sampled_from(REGIONS),
    st.none() | st.integers(0, 3),
    currencies,
    conditions,
)
wishes = st.builds(
    Wish,
    st.integers(0, 2),
    st.sampled_from(CATEGORIES),
    st.sampled_from(REGIONS),
    st.integers(0, 3),
    currencies,
    conditions,
)


def fits(wish: Wish, want: Want, trees: taxonomy.Trees) -> bool:
    """The rule as a person would say it."""
    above = [node.slug for node in trees.categories.path(slug(trees.categories, want.category))] + ["anything"]
    around = [node.slug for node in trees.regions.path(slug(trees.regions, want.region))] + ["world"]
    if want.region == "fr":
        around.append("eu")
    floor_is_met = wish.floor == 0 or want.budget is None or wish.currency != want.currency or want.budget >= wish.floor
    goods_are_right = Condition.ANY in (wish.condition, want.condition) or wish.condition == want.condition
    return wish.category in above and wish.region in around and floor_is_met and goods_are_right


def slug(tree: taxonomy.Tree, name: str) -> int:
    node = tree.by_slug(name)
    assert node is not None, name
    return node.id


def wish_for(session: Session, vendors: list[Vendor], wish: Wish, trees: taxonomy.Trees, now: datetime) -> Subscription:
    order = Order(
        category_id=slug(trees.categories, wish.category),
        region_id=slug(trees.regions, wish.region),
        min_budget=Money(wish.floor, wish.currency) if wish.floor else None,
        condition=wish.condition,
    )
    return subscribe(session, vendors[wish.vendor], order, now)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(want=wants, wished=st.lists(wishes, max_size=6))
def test_sql_from_both_sides_and_python_agree_with_the_rule(
    store: Store, ana: Account, ben: Account, now: datetime, want: Want, wished: list[Wish]
) -> None:
    with store.session(writes=True) as session:
        trees = taxonomy.trees(session)
        vendors = [start_vendor(session, ben, now, name=f"Shop {number}") for number in range(3)]
        intent = publish_want(
            session,
            ana,
            now,
            category=want.category,
            region=want.region,
            budget=Budget(None, want.budget, want.currency) if want.budget is not None else None,
            condition=want.condition,
        )
        subscriptions = [wish_for(session, vendors, wish, trees, now) for wish in wished]
        expected: dict[int, list[int]] = {}
        for subscription, wish in zip(subscriptions, wished, strict=True):
            assert (not match.stops(subscription, intent, trees)) == fits(wish, want, trees)
            if fits(wish, want, trees):
                expected.setdefault(subscription.vendor_id, []).append(subscription.id)

        route.route(session, intent, now)
        assert reasons(session) == expected

        session.execute(delete(Lead))
        for subscription in subscriptions:
            route.backfill(session, subscription, now + timedelta(seconds=1))
        assert set(reasons(session)) == set(expected)
        session.rollback()


def reasons(session: Session) -> dict[int, list[int]]:
    return {
        lead.vendor_id: sorted(subscription_id for subscription_id, _category, _region in lead.reasons)
        for lead in session.scalars(select(Lead))
    }


def test_five_subscriptions_of_one_vendor_make_one_lead_with_five_reasons(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        trees = taxonomy.trees(session)
        for category, region in (
            ("anything", "world"), ("vehicles", "world"), ("cars-trucks-vans", "gb"), ("anything", "gb-lds"),
            ("cars-trucks-vans", "gb-lds"),
        ):  # fmt: skip
            wish_for(session, [vendor], Wish(0, category, region, 0, "GBP", Condition.ANY), trees, now)
        intent = publish_want(session, ana, now)
        assert route.route(session, intent, now) == 1
        lead = session.scalars(select(Lead)).one()
        assert len(lead.reasons) == 5
        assert all(len(reason) == 3 for reason in lead.reasons)


def test_vendors_do_not_hear_of_their_own_members_wants(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        intent = publish_want(session, ben, now)
        assert route.route(session, intent, now) == 0
        subscription = session.scalars(select(Subscription).where(Subscription.vendor_id == vendor.id)).one()
        assert route.backfill(session, subscription, now) == 0


@pytest.mark.parametrize("ended", ["paused_at", "closed_at"])
def test_a_vendor_that_is_paused_or_closed_is_not_told(
    store: Store, ana: Account, ben: Account, now: datetime, ended: str
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        setattr(vendor, ended, now)
        session.flush()
        intent = publish_want(session, ana, now)
        assert route.route(session, intent, now) == 0


def test_finding_probes_the_covering_index_and_never_scans_the_subscriptions(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        intent = publish_want(session, ana, now)
        trees = taxonomy.trees(session)
        vendor = start_vendor(session, ben, now)
        session.execute(
            Subscription.__table__.insert(),  # type: ignore[attr-defined]  # A Table, whatever its stubs say.
            [
                {
                    "code": f"c{number}", "vendor_id": vendor.id, "name": "", "condition": "any", "min_budget": 0,
                    "category_id": slug(trees.categories, "anything") + number % 2000,
                    "region_id": slug(trees.regions, "world") + number % 400, "created_at": now, "changed_at": now,
                }
                for number in range(20_000)
            ],
        )  # fmt: skip
        session.execute(text("ANALYZE subscriptions"))
        plan = plan_of(session, match.matching(store.dialect), match.intent_parameters(intent, trees, now))
    assert "ix_subscriptions_probe" in plan
    assert "Seq Scan on subscriptions" not in plan
    assert "SCAN subscriptions" not in plan
    if store.dialect == "sqlite":
        assert "COVERING INDEX ix_subscriptions_probe" in plan
        assert "ix_vendors_silent" in plan


def plan_of(session: Session, statement: Select[Any], parameters: dict[str, Any]) -> str:
    """The store's plan for a statement as it is really sent, as one text."""
    sent: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        sent.append((sql, values))

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", keep)
    session.execute(statement, parameters).all()
    event.remove(engine, "before_cursor_execute", keep)
    sql, values = sent[-1]
    how = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in session.connection().exec_driver_sql(f"{how} {sql}", values))


def test_an_intent_without_a_region_cannot_be_matched(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = Intent(code="x", category_id=1)
        with pytest.raises(ValueError, match="no category or region"):
            match.intent_parameters(intent, taxonomy.trees(session), now)
