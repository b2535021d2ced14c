"""Open wants for everybody: by kind and place, as pages and feeds that lead on; a want as linked data."""

import json
from collections.abc import Callable
from datetime import datetime
from xml.etree import ElementTree

import pytest
from flask import Flask
from rooms import publish_want
from visiting import Visitor
from world import World

from intents import browse
from intents.browse import Where
from intents.draft import Visibility
from vendors import choose, respond
from vendors.models import Exchange, Lead, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

ATOM = "{http://www.w3.org/2005/Atom}"


def test_a_list_goes_on_where_its_page_ended_and_holds_only_what_is_open_and_public(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        trees = taxonomy.trees(session)
        wants = [publish_want(session, ana, now, title=f"Want {number}", region="fr") for number in range(5)]
        publish_want(session, ana, now, title="In Leeds", category="bicycles")
        wants[1].visibility, wants[2].paused_at = Visibility.UNLISTED, now
        session.flush()
        france = Where(region=trees.regions.by_slug("fr"), category=trees.categories.by_slug("vehicles-parts"))
        first = browse.open_wants(session, trees, france, limit=2)
        assert [want.title for want in first.intents] == ["Want 4", "Want 3"]
        second = browse.open_wants(session, trees, france, limit=2, before=first.next_before)
        assert [want.title for want in second.intents] == ["Want 0"]
        assert second.next_before is None
        kinds, places = browse.below(session, trees, Where())
        assert sum(many for _, many in kinds) == sum(many for _, many in places) == 4
        worded = browse.open_wants(session, trees, Where(words="leeds IN"))
        assert [want.title for want in worded.intents] == ["In Leeds"]
        assert browse.open_wants(session, trees, Where(words="100%")).intents == []


def test_pages_narrow_by_what_is_typed_and_say_what_they_do_not_know(
    visitor: Callable[[], Visitor], world: World
) -> None:
    page = visitor().get("/intents?category=cars-trucks-vans&region=gb")
    assert "Wanted: Cars, Trucks &amp; Vans in United Kingdom" in page
    assert "small and reliable" in page
    assert "harpsichord" not in page
    assert "no category called" in visitor().get("/intents?category=blorgs")
    for nonsense in ("?before=x", "?before=%00", "?q=%25&region=%F0%9F%9A%B2", "?category=&region="):
        visitor().get("/intents" + nonsense)


def test_each_list_is_a_feed_in_two_formats(app: Flask, world: World) -> None:
    client = app.test_client()
    answer = client.get("/intents/feed.atom?category=cars-trucks-vans")
    feed = ElementTree.fromstring(answer.data)
    assert [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")] == [world.want.title]
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(
        "/intents/feed.atom?category=cars-trucks-vans", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    told = client.get("/intents/feed.json?region=gb").get_json()
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert len(told["items"]) == 2
    for text in (answer.text, json.dumps(told)):
        assert "ana@" not in text
        assert "Castro" not in text


def test_a_want_is_linked_data_on_its_page_and_beside_it(
    visitor: Callable[[], Visitor], app: Flask, world: World
) -> None:
    said = app.test_client().get(f"/intents/{world.want.code}.json").get_json()
    assert (said["@type"], said["name"]) == ("Demand", world.want.title)
    assert said["priceSpecification"] == {
        "@type": "PriceSpecification",
        "priceCurrency": "GBP",
        "minPrice": "8000.00",
        "maxPrice": "12000.00",
    }
    page = visitor().get(f"/intents/{world.want.code}")
    assert json.loads(page.partition('ld+json">')[2].partition("</script>")[0]) == said
    visitor().get(f"/intents/{world.draft.code}.json", 404)
    visitor().get("/intents/%00.json", 404)


def test_a_vendor_is_measured_in_public_only_from_eleven_leads_on(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    path = f"/vendors/{world.vendor.slug}"
    assert "Too few wants have reached it yet" in visitor().get(path)
    ben = visitor().sign_in(world.ben)
    ben.press(f"/vendor/{world.vendor.slug}/settings", name="Leeds Toyota", zone="UTC", reply="We were ill in May.")
    assert "ill in May" not in visitor().get(path)  # Nothing is said about it yet, so there is nothing to reply to.
    with store.write() as session:
        for number in range(10):
            intent = publish_want(session, session.merge(world.carol, load=False), now, title=f"Car {number}")
            session.add(
                Lead(intent_id=intent.id, vendor_id=world.vendor.id, reasons=[], routed_at=now, delivered_at=now)
            )
            session.flush()
            session.add(Exchange(intent_id=intent.id, vendor_id=world.vendor.id, glad=number > 1, said_at=now))
    page = visitor().get(path)
    assert "Of 11 wants that reached it" in page
    assert "95 % interval" in page
    assert "ill in May" in page
    assert "customers who talked with it were glad" not in page  # Ten said so, one too few.
    with store.write() as session:
        lead = session.get_one(Lead, (world.want.id, world.vendor.id))
        respond.say(session, lead, "Thanks.", now)
        choose.judge(session, lead, now, glad=True)
        assert session.get_one(Vendor, world.vendor.id).reply == "We were ill in May."
    assert "9 of 11 customers who talked with it were glad" in visitor().get(path)


@pytest.mark.parametrize("path", ["/intents", "/intents/feed.atom", "/intents/feed.json"])
def test_lists_hold_what_anybody_may_have_written(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime, path: str
) -> None:
    with store.write() as session:
        publish_want(session, session.merge(world.ana, load=False), now, title="<b>ورد</b> 🚲 & “x”", body="]]>\u202e")
    page = visitor().get(path)
    assert "<b>ورد" not in page
    assert "ورد" in page or "\\u0648" in page
