"""Why, and why not, for both sides, on the pages and by the API; nobody learns of a want that is not theirs to see."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from rooms import publish_want
from sqlalchemy import update
from visiting import Visitor
from world import World

from intents import publish
from intents.draft import Visibility
from intents.models import Intent
from notifiers import facts
from vendors import respond
from vendors.models import DeclineReason, Kind, Lead, Via
from vendors.respond import Answer
from vendors.subscribe import Order, edit, subscribe
from vrm import route
from vrm.explain import explain_vendor
from vrm.kernel import taxonomy
from vrm.kernel.db import Store
from vrm.web.api import lines as in_api


def test_a_customer_asks_why_nobody_and_why_not_this_vendor(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    lonely = f"/me/intents/{world.lonely.code}"
    assert "Who hears of it, and why" in ana.get(f"{lonely}/why")
    assert f"{lonely}/why" in ana.get(lonely)
    said = ana.get(f"/me/intents/{world.want.code}/why?vendor=https://broker.example/vendors/{world.carols.slug}/")
    assert "Carol’s Cakes" in said
    assert "does not match: your want is in" in said
    assert "There is no such vendor" in ana.get(f"{lonely}/why?vendor=nobody", 422)


def test_a_vendor_asks_why_it_did_not_get_a_public_want(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    carol = visitor().sign_in(world.carol)
    why = f"/vendor/{world.carols.slug}/why"
    assert "The want" in carol.get(why)
    said = carol.get(f"{why}?want=http://localhost/intents/{world.want.code}")
    assert (
        "“Food Items in France” does not match: the want is in Cars, Trucks &amp; Vans and it is wanted in Leeds"
        in said
    )
    with store.write() as session:
        session.execute(update(Intent).where(Intent.id == world.want.id).values(visibility=Visibility.UNLISTED))
        hidden = publish_want(session, world.ana, now, title="A secret wish")
        publish.amend(session, hidden, replace(publish.draft_of(hidden), visibility=Visibility.UNLISTED), now)
    for code in (hidden.code, world.draft.code, "nothing"):
        page = carol.get(f"{why}?want={code}", 422)
        assert "There is no such want, or it is not a public one." in page
        assert "secret" not in page
    ben = visitor().sign_in(world.ben)
    # Told of it, hence no secret, though it is unlisted by now.
    assert "You were told of it, and have answered." in ben.get(
        f"/vendor/{world.vendor.slug}/why?want={world.want.code}"
    )


def test_both_sides_read_which_words_matched_as_they_were_then(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    with store.write() as session:
        trees = taxonomy.trees(session)
        order = Order(
            category_id=trees.categories.root.id, region_id=trees.regions.root.id, required=("Bright <red>", "doors")
        )
        wish = subscribe(session, world.carols, order, now)
        want = publish_want(session, world.ana, now, title="A car, bright red", body="Five doors.")
        route.route(session, want, now)
        edit(session, wish, replace(order, required=("blue",)), now)
        lead = session.get_one(Lead, (want.id, world.carols.id))
        assert "with “Bright <red>” and “doors”" in facts.why(session, lead)
        assert [why.words for why in in_api.why(lead, trees)] == [["Bright <red>", "doors"]]
        assert "with “Bright <red>” and “doors”." in explain_vendor(session, want, lead.vendor).sentences[-1]
        code = lead.code
    words = "with the words Bright &lt;red&gt;, doors"
    assert words in visitor().sign_in(world.carol).get(f"/vendor/leads/{code}")
    assert words in visitor().sign_in(world.ana).get(f"/me/intents/{want.code}/vendors/{world.carols.slug}")


def test_nobody_learns_who_wrote_a_want_or_who_blocked_whom(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    with store.write() as session:
        own = publish_want(session, world.ben, now, title="Of Ben's own")
        respond.block(session, world.carol, world.vendor, now)
        blocked = publish_want(session, world.carol, now, title="Of somebody who blocked Ben's")
        for intent in (own, blocked):
            route.route(session, intent, now)
    ben = visitor().sign_in(world.ben)
    said = [ben.get(f"/vendor/{world.vendor.slug}/why?want={intent.code}") for intent in (own, blocked)]
    for page in said:
        assert "of one of your own people, or of somebody who blocked you" in page


def test_declines_are_counted_beside_the_subscription_and_a_press_narrows_it(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    subscriptions = f"/vendor/{world.vendor.slug}/subscriptions"
    ben = visitor().sign_in(world.ben)
    ben.press(f"{subscriptions}/{world.subscription_code}", category="Cars, Trucks & Vans", region="United Kingdom")
    with store.write() as session:
        for _ in range(3):
            intent = publish_want(session, world.ana, now, title="A van, anywhere", region="gb")
            route.route(session, intent, now)
            route.backfill_owed(session, now)
            lead = session.get_one(Lead, (intent.id, world.vendor.id))
            no = Answer(kind=Kind.DECLINE, decline_reason=DeclineReason.REGION)
            respond.respond(session, lead, no, now, via=Via.PAGE)
    page = ben.get(subscriptions)
    assert "You judged 4 wants that it brought; 1 of them fitted." in page
    assert "It would have spared you 3 of the 3, and lost none that fitted:" in page
    button = "Listen in Leeds only"
    assert button in page
    narrow = f"{subscriptions}/{world.subscription_code}/tighten"
    ben.press(narrow, what="region", to="fr")
    assert "That has changed meanwhile" in ben.get(subscriptions)
    ben.press(narrow, what="region", to="gb-lds")
    page = ben.get(subscriptions)
    assert button not in page
    assert "Take it back: listen as before" in page
    ben.press(f"{subscriptions}/{world.subscription_code}/loosen")
    assert button in ben.get(subscriptions)
    responsiveness = visitor().get("/responsiveness")
    assert "Of 5 wants that a vendor judged, 2 were for it" in responsiveness
    assert "We do not sell this" in responsiveness


def test_the_preview_follows_the_form_while_one_types(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    look = f"/vendor/{world.vendor.slug}/subscriptions/preview"
    wide = ben.get(f"{look}?category=Vehicles&region=United Kingdom&condition=any")
    assert "This would have brought you 1 want in the last 30 days." in wide
    dear = ben.get(f"{look}?category=Vehicles&region=United Kingdom&condition=any&min_budget=50000&currency=GBP")
    assert "1 more would have come with a lower budget to begin with." in dear
    for unfinished in ("", "?category=Veh", "?category=Vehicles&region=United Kingdom&min_budget=many"):
        assert "would have brought" not in ben.get(look + unfinished)
