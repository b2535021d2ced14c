"""Matching: the SQL from both sides and the sentence in Python hold the same rule, on random trees of everything."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import event as event_of
from hypothesis import strategies as st
from little import POINTS
from rooms import plan_of, publish_want, start_vendor
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import Budget, Condition, IntentDraft, Near
from intents.models import Intent
from vendors.leads import reasons_of
from vendors.models import Lead, Subscription, Vendor
from vendors.subscribe import Order, Reach, silence, subscribe
from vrm import match, route, rule
from vrm.kernel import accounts, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.money import Money

CATEGORIES = ["anything", "vehicles", "cars", "plumber"]
REGIONS = ["world", "gb", "leeds", "york", "fr", "paris", "eu"]
ABOVE_CATEGORY = {"cars": ["vehicles"], "vehicles": [], "plumber": [], "anything": []}
ABOVE_REGION = {
    "leeds": ["gb", "europe"], "york": ["gb", "europe"], "paris": ["fr", "eu", "europe"],
    "gb": ["europe"], "fr": ["eu", "europe"], "eu": [], "world": [],
}  # fmt: skip
STEM = {"cars": "car", "cleaning": "clean"}
POUND = 1 / 0.8338  # Euros, on the day of the committed rates.


@dataclass(frozen=True)
class Circle:
    km: float
    at: tuple[float, float] | None  # None: around the region's own point.


@dataclass(frozen=True)
class Want:
    category: str
    region: str
    near: Circle | None
    words: list[str]
    budget: int | None
    currency: str
    condition: Condition
    quantity: int
    days_left: int | None
    language: str | None


@dataclass(frozen=True)
class Wish:
    vendor: int
    category: str
    region: str
    reach: Circle | None
    required: list[str]
    excluded: list[str]
    words_in: str | None
    floor: int
    currency: str
    condition: Condition
    min_quantity: int | None
    lead_days: int | None
    language: str | None


conditions = st.sampled_from(list(Condition))
currencies = st.sampled_from(["GBP", "EUR", "UAH"])  # There is no rate for the last.
words = st.sampled_from(["red", "car", "cars", "clean", "cleaning", "Über"])
points = st.none() | st.tuples(st.sampled_from([53.0, 53.83, 48.9]), st.sampled_from([-1.5, 0.1, 2.4]))
# A want's circle has 300 km at most, a vendor's 1,000.
around_wants = st.builds(Circle, st.sampled_from([1, 20, 34, 40, 90, 200, 300]), points)
around_vendors = st.builds(Circle, st.sampled_from([1, 20, 34, 40, 90, 200, 470]), points)
wants = st.builds(
    Want,
    st.sampled_from(CATEGORIES),
    st.sampled_from(REGIONS),
    st.none() | around_wants,
    st.lists(words, max_size=4),
    st.none() | st.integers(0, 4),
    currencies,
    conditions,
    st.integers(1, 3),
    st.none() | st.integers(0, 3),
    st.sampled_from([None, "de", "de-CH", "EN"]),
)
ASKED: dict[str, st.SearchStrategy[Any]] = {
    "category": st.sampled_from(CATEGORIES),
    "region": st.sampled_from(REGIONS),
    "reach": around_vendors,
    "required": st.lists(st.one_of(words, st.just("red cars")), min_size=1, max_size=2),
    "excluded": st.lists(words, max_size=1),
    "words_in": st.just("en"),
    "floor": st.integers(1, 3),
    "currency": currencies,
    "condition": conditions,
    "min_quantity": st.integers(1, 3),
    "lead_days": st.integers(1, 3),
    "language": st.sampled_from(["de", "en"]),
}
ANY_WANT = Wish(0, "anything", "world", None, [], [], None, 0, "GBP", Condition.ANY, None, None, None)
# A vendor asks for a few things; who asks for all of them gets nothing, and that proves little.
wishes = st.lists(st.sampled_from(list(ASKED)), max_size=4, unique=True).flatmap(
    lambda asked: st.builds(
        replace, st.just(ANY_WANT), vendor=st.integers(0, 2), **{name: ASKED[name] for name in asked}
    )
)


def fits(wish: Wish, want: Want) -> bool:
    """The rule as a person would say it."""
    said = " ".join(as_compared(word, wish.words_in) for word in want.words)
    return (
        wish.category in [want.category, *ABOVE_CATEGORY[want.category], "anything"]
        and (circle_fits(wish, want) if wish.reach else wish.region in regions_of(want))
        and all(f" {as_compared(phrase, wish.words_in)} " in f" {said} " for phrase in wish.required)
        and not any(f" {as_compared(word, wish.words_in)} " in f" {said} " for word in wish.excluded)
        and budget_fits(wish, want)
        and (Condition.ANY in (wish.condition, want.condition) or wish.condition == want.condition)
        and (wish.min_quantity or 1) <= want.quantity
        and (want.days_left is None or (wish.lead_days or 0) <= want.days_left)
        and (None in (wish.language, want.language) or str(want.language).lower().startswith(str(wish.language)))
    )


def as_compared(phrase: str, language: str | None) -> str:
    folded = phrase.lower().replace("ü", "u").split()
    return " ".join(STEM.get(word, word) if language == "en" else word for word in folded)


def budget_fits(wish: Wish, want: Want) -> bool:
    if not wish.floor or want.budget is None:
        return True
    if wish.currency == want.currency:
        return want.budget >= wish.floor
    euros = {"GBP": POUND, "EUR": 1}
    if wish.currency not in euros or want.currency not in euros:
        return True
    return want.budget * euros[want.currency] >= wish.floor * euros[wish.currency]


def regions_of(want: Want) -> list[str]:
    at = [want.region]
    if want.near:
        centre = want.near.at or POINTS[want.region]
        at += [city for city, point in POINTS.items() if geodesic_km(centre, point) <= want.near.km]
    return [upper for region in at for upper in [region, *ABOVE_REGION[region], "world"]]


def circle_fits(wish: Wish, want: Want) -> bool:
    assert wish.reach is not None
    centre = wish.reach.at or POINTS[wish.region]
    if want.near:
        point, slack = want.near.at or POINTS[want.region], want.near.km
    elif want.region == "gb":  # Between its two cities.
        point, slack = (53.8808, -1.3156), -geodesic_km(POINTS["leeds"], POINTS["york"]) / 2
    elif want.region in ("world", "eu"):
        return False
    else:
        point, slack = POINTS["paris" if want.region == "fr" else want.region], 0
    distance, allowed = geodesic_km(centre, point), wish.reach.km + slack
    assume(abs(distance - allowed) > 0.005 * distance)  # As exact as is promised.
    return distance <= allowed


def geodesic_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    km: float = Geodesic.WGS84.Inverse(*one, *other)["s12"] / 1000
    return km


def slug(tree: taxonomy.Tree, name: str) -> int:
    node = tree.by_slug(name)
    assert node is not None, name
    return node.id


def drawn(circle: Circle | None, region: str) -> Circle | None:
    """A circle that can be drawn: around a city, or a point that is given."""
    return circle if circle is None or circle.at or region in POINTS else None


def wish_for(session: Session, vendors: list[Vendor], wish: Wish, trees: taxonomy.Trees, now: datetime) -> Subscription:
    order = Order(
        category_id=slug(trees.categories, wish.category),
        region_id=slug(trees.regions, wish.region),
        reach=Reach(wish.reach.km, *(wish.reach.at or ())) if wish.reach else None,
        required=tuple(wish.required),
        excluded=tuple(wish.excluded),
        words_in=wish.words_in,
        min_budget=Money(wish.floor, wish.currency) if wish.floor else None,
        condition=wish.condition,
        min_quantity=wish.min_quantity,
        lead_days=wish.lead_days,
        language=wish.language,
    )
    return subscribe(session, vendors[wish.vendor], order, now)


def intent_of(session: Session, author: Account, want: Want, trees: taxonomy.Trees, now: datetime) -> Intent:
    draft = IntentDraft(
        title=" ".join(want.words) or "Something",
        category_id=slug(trees.categories, want.category),
        region_id=slug(trees.regions, want.region),
        near=Near(want.near.km, *(want.near.at or ())) if want.near else None,
        budget=Budget(None, want.budget, want.currency) if want.budget is not None else None,
        condition=want.condition,
        quantity=want.quantity,
        needed_by=now.date() + timedelta(days=want.days_left) if want.days_left is not None else None,
        language=want.language,
    )
    intent = publish.draft(session, author, draft, now)
    publish.publish(session, intent, now)
    return intent


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(want=wants, wished=st.lists(wishes, max_size=8))
def test_sql_from_both_sides_and_python_agree_with_the_rule(
    little_store: Store, now: datetime, want: Want, wished: list[Wish]
) -> None:
    want = replace(want, near=drawn(want.near, want.region))
    wished = [replace(wish, reach=drawn(wish.reach, wish.region)) for wish in wished if not contradicts(wish)]
    expected: dict[int, list[int]] = {}
    right = [fits(wish, want) for wish in wished]
    event_of(f"{sum(right)} of them match")
    with little_store.session(writes=True) as session:
        trees = taxonomy.trees(session)
        ana, ben = (accounts.ensure(session, f"{name}@example.org", now) for name in ("ana", "ben"))
        ana.verified_at = now
        vendors = [start_vendor(session, ben, now, name=f"Shop {number}") for number in range(3)]
        intent = intent_of(session, ana, want, trees, now)
        subscriptions = [wish_for(session, vendors, wish, trees, now) for wish in wished]
        for subscription, is_right in zip(subscriptions, right, strict=True):
            assert (not rule.stops(subscription, intent, trees)) == is_right
            if is_right:
                expected.setdefault(subscription.vendor_id, []).append(subscription.id)

        route.route(session, intent, now)
        assert reasons(session) == expected
        words = {each.id: each.required for each in subscriptions}
        kept = [reason for lead in session.scalars(select(Lead)) for reason in reasons_of(lead.reasons)]
        assert all(list(reason.words) == words[reason.subscription_id] for reason in kept)

        session.execute(delete(Lead))
        for subscription in subscriptions:
            route.backfill(session, subscription, now + timedelta(seconds=1))
        assert set(reasons(session)) == set(expected)
        kept = [reason for lead in session.scalars(select(Lead)) for reason in reasons_of(lead.reasons)]
        assert all(list(reason.words) == words[reason.subscription_id] for reason in kept)

        # As for a preview: seen from when it was opened.
        seen = [session.scalar(select(Intent.id).where(*match.covered(each, trees))) for each in subscriptions]
        assert [found is not None for found in seen] == right
        session.rollback()


def contradicts(wish: Wish) -> bool:
    """Whether a word is required and excluded, which is refused."""
    required = {as_compared(phrase, wish.words_in) for phrase in wish.required}
    return any(as_compared(word, wish.words_in) in required for word in wish.excluded)


def reasons(session: Session) -> dict[int, list[int]]:
    return {
        lead.vendor_id: [reason.subscription_id for reason in reasons_of(lead.reasons)]
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
            order = Order(category_id=slug(trees.categories, category), region_id=slug(trees.regions, region))
            subscribe(session, vendor, order, now)
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
        silence(session, vendor)
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
                    "anchor": number if number % 2 else None,
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
        assert "COVERING INDEX ix_subscriptions_probe (category_id=?" in plan
        assert "COVERING INDEX ix_subscriptions_probe_said (anchor=?" in plan
    else:
        assert "ix_subscriptions_probe_words" in plan


def test_an_intent_without_a_region_cannot_be_matched(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = Intent(code="x", category_id=1)
        with pytest.raises(ValueError, match="no category or region"):
            match.intent_parameters(intent, taxonomy.trees(session), now)
