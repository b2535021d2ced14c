"""A vendor's people see how they answer, beside what is published of all who hear of the same things."""

from collections.abc import Callable
from datetime import timedelta

from rooms import publish_want, start_vendor
from sqlalchemy import update
from visiting import Clock, Visitor
from world import World

from intents.models import Intent
from vendors.models import Lead
from vrm import route
from vrm.kernel.db import Store


def test_a_vendor_sees_its_own_shares_beside_those_of_everybody(visitor: Callable[[], Visitor], world: World) -> None:
    page = visitor().sign_in(world.ben).get(f"/vendor/{world.vendor.slug}/answers")
    assert "How you answer" in page
    assert page.count("<svg") == 2
    assert "Everybody" in page  # Fewer than 11 leads are in any category.
    assert "wants have reached you" in page or "want has reached you" in page


def test_whoever_hears_of_cars_is_beside_all_who_do(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    with store.write() as session:
        for number in range(12):
            start_vendor(session, world.carol, clock(), name=f"Car {number}", wish=("cars-trucks-vans", "gb"))
        intent = publish_want(session, session.merge(world.ana, load=False), clock())
        route.route(session, intent, clock())
        mine = Lead.intent_id.in_((intent.id,))
        long_ago = clock() - timedelta(days=2)
        session.execute(update(Intent).where(Intent.id == intent.id).values(opened_at=long_ago))
        session.execute(update(Lead).where(mine).values(undelivered=None, notified_at=long_ago, delivered_at=long_ago))
    ben = visitor().sign_in(world.ben)
    assert "All in Vehicles" in ben.get(f"/vendor/{world.vendor.slug}/answers")


def test_with_nothing_to_count_it_says_what_will_be_here(visitor: Callable[[], Visitor], world: World) -> None:
    page = visitor().sign_in(world.carol).get(f"/vendor/{world.carols.slug}/answers")
    assert "Nothing to count yet" in page
    assert f"/vendor/{world.carols.slug}/subscriptions" in page
