"""A customer tells a few vendors at a time, on the pages: what they say to the customer and to who waits."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, update
from test_want import WANT
from visiting import Visitor
from world import World

from intents.models import Intent
from notifiers.models import Channel
from vendors.models import Lead, Vendor
from vrm import route, turns
from vrm.kernel.db import Store


def published(store: Store, world: World, ana: Visitor, now: datetime, **more: str) -> Intent:
    """Ana's want, told to one vendor at a time."""
    board = ana.press("/want", **WANT, tell_at_most="1", **more)
    ana.press(f"{board}/publish")
    with store.write() as session:
        intent = session.scalars(select(Intent).order_by(Intent.id.desc())).first()
        assert intent is not None
        session.execute(update(Vendor).where(Vendor.id != world.vendor.id).values(verified_at=now))
        route.route(session, intent, now)
        turns.take_turns(session, intent, now)
        return intent


def test_the_board_says_how_many_wait_and_in_which_order(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    ana = visitor().sign_in(world.ana)
    intent = published(store, world, ana, now, patience_h="48")
    page = ana.get(f"/me/intents/{intent.code}")
    assert "You tell one vendor at a time." in page
    assert "5 more fit and wait for their turn" in page
    assert "or is silent for 2 days." in page
    assert "Who waits (5 vendors), and why in this order" in page
    with store.read() as session:
        assert [page.index(lead.vendor.name) for lead in turns.line(session, intent)] == sorted(
            page.index(lead.vendor.name) for lead in turns.line(session, intent)
        )
    assert 'value="48" selected' in ana.get(f"/me/intents/{intent.code}/edit")
    waiting = ana.get(f"/me/intents/{intent.code}/vendors/{world.vendor.slug}")
    assert "Waits for its turn" in waiting
    assert "because you tell a few vendors at a time" in waiting


def test_who_waits_learns_that_it_waits_and_nothing_of_the_want(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    intent = published(store, world, visitor().sign_in(world.ana), now)
    ben = visitor().sign_in(world.ben)
    inbox = ben.get(f"/vendor/{world.vendor.slug}")
    assert "One more want fits you and waits" in inbox
    assert "prove yours" in inbox
    assert inbox.count(">A used Toyota Yaris") == 1  # An earlier one.
    ben.get(f"/vendor/leads/{intent.code}-{world.vendor.code}", 404)
    with store.write() as session:
        session.execute(update(Channel).values(caught_up_at=now))
        assert session.get_one(Lead, (intent.id, world.vendor.id)).turn_came_at is None


def test_a_cap_that_does_not_hold_gets_a_sentence(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    for most, patience, sentence in (
        ("0", "", "Tell 1 to 1,000 vendors"),
        ("5000", "", "Tell 1 to 1,000 vendors"),
        ("a few", "", "whole number"),
        ("", "24", "say that number, too"),
        ("3", "9999", "Wait 1 to 720 hours"),
        ("3", "soon", "whole number"),
    ):
        page = ana.refused("/want", 422, **WANT, tell_at_most=most, patience_h=patience)
        assert sentence in page
        assert "A used Toyota Yaris" in page


def test_a_vendor_is_told_how_to_prove_its_website(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    page = ben.get(f"/vendor/{world.vendor.slug}/settings")
    assert world.vendor.code in page
    # Nothing answers at that address, and the page says so.
    assert "could not be read" in ben.refused(f"/vendor/{world.vendor.slug}/prove", 422)
