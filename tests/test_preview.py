"""What a subscription would have brought, and whom a want would reach, before anybody commits to it."""

from dataclasses import replace
from datetime import datetime, timedelta

from rooms import publish_want, route_all, start_vendor
from sqlalchemy import func, select

from intents import publish
from intents.draft import Budget, Visibility
from vendors.models import Lead, Subscription
from vendors.subscribe import Order, proposed
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.money import Money
from vrm.preview import listeners, would_have_come

DAY = timedelta(days=1)


def test_it_counts_the_last_thirty_days_closed_wants_included_and_shows_public_ones(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        publish_want(session, ana, now - 31 * DAY, title="long ago")
        publish.withdraw(session, publish_want(session, ana, now - 20 * DAY, title="closed"), now)
        unlisted = publish_want(session, ana, now - 3 * DAY, title="unlisted")
        publish.amend(session, unlisted, replace(publish.draft_of(unlisted), visibility=Visibility.UNLISTED), now)
        publish_want(session, ana, now - 2 * DAY, title="cheap", budget=Budget(None, 100, "GBP"))
        publish_want(session, ana, now - 1 * DAY, title="elsewhere", region="fr")
        publish_want(session, ben, now - 1 * DAY, title="its own")
        trees = taxonomy.trees(session)
        order = Order(
            category_id=trees.categories.resolve("vehicles", field="category").id,
            region_id=trees.regions.resolve("gb", field="region").id,
            min_budget=Money(10_000, "GBP"),
        )
        preview = would_have_come(session, proposed(session, vendor, order, now), now)
        assert preview.count == 2
        assert [intent.title for intent in preview.newest] == ["closed"]
        assert session.scalar(select(func.count()).select_from(Subscription)) == 0


def test_the_number_of_listeners_is_the_number_that_is_told(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        start_vendor(session, ben, now, name="One", wish=("vehicles", "gb"))
        start_vendor(session, carol, now, name="Two", wish=("anything", "world"))
        start_vendor(session, carol, now, name="Three", wish=("plumber", "gb"))
        intent = publish_want(session, ana, now)
        assert listeners(session, intent, now) == 2
        route_all(session, now)
        assert session.scalar(select(func.count()).select_from(Lead)) == 2
