"""A vendor's private feed: what stands in it, and that fetching it is what proves it."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser
import pytest
from notifiers_world import World, a_world, look
from rooms import NOW, route_all
from sqlalchemy import select

from intents import publish
from intents.models import Intent
from notifiers import feed, links, office, proving, register
from notifiers.deliver import deliver
from notifiers.models import Channel, ChannelKind, Notification
from notifiers.post import Post
from notifiers.timing import Timing
from vendors import subscribe
from vendors.models import Lead, Undelivered
from vrm import route
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, LinkSpent, WrongState

BODY = "Five doors <script>alert(1)</script> & a “roof”.\nNot red."


@pytest.fixture
def world(store: Store, ana: Account, ben: Account) -> World:
    world = a_world(store, ana, ben, NOW, title="Yaris <b>& more</b>")
    with store.write() as session:
        session.get_one(Intent, world.intent.id).body = BODY
    return world


def made(store: Store, world: World, post: Post, subscription: str = "") -> Channel:
    with store.write() as session:
        fields = {"subscription": subscription}
        new = register.add_channel(
            session, session.merge(world.vendor), ChannelKind.FEED, fields, NOW, outbound=post.outbound
        )
        assert (new.challenge, new.secret) == (None, None)
    return new.channel


def shown(store: Store, channel: Channel, post: Post) -> tuple[ET.Element, dict[str, object]]:
    with store.read() as session:
        found = feed.feed_of(session, session.get_one(Channel, channel.id), post)
        return ET.fromstring(feed.atom(found, "https://x/a")), json.loads(feed.json_feed(found, "https://x/j"))


def test_both_documents_hold_the_want_and_nobodys_markup(store: Store, world: World, post: Post) -> None:
    channel = made(store, world, post)
    with store.read() as session:
        found = feed.feed_of(session, session.get_one(Channel, channel.id), post)
        atom, document = feed.atom(found, "https://x/a"), json.loads(feed.json_feed(found, "https://x/j"))
    parsed = feedparser.parse(atom)
    assert not parsed.bozo
    (entry,), (item,) = parsed.entries, document["items"]
    assert entry.id == item["id"] == f"urn:vrm:lead:{world.intent.code}-{world.vendor.code}"
    assert item["title"] == "Yaris <b>& more</b>"
    assert "<script" not in item["content_html"]
    assert "&lt;script&gt;" in item["content_html"]
    assert BODY in item["content_text"]
    assert item["url"].startswith("https://wants.example/r/")
    # As a word of its own: three letters come up by chance in a token now and then.
    assert not re.search(r"\bana\b", json.dumps(document), re.IGNORECASE)
    assert document["version"] == "https://jsonfeed.org/version/1.1"


def test_the_first_fetch_proves_the_channel_and_every_fetch_the_delivery(
    store: Store, world: World, post: Post, tmp_path: Path
) -> None:
    channel = made(store, world, post)
    assert register.state(look(store, Channel, channel.id)) is register.State.UNVERIFIED
    with store.write() as session:
        session.get_one(Lead, (world.intent.id, world.vendor.id)).undelivered = Undelivered.NO_CHANNEL
        there = session.get_one(Channel, channel.id)
        feed.fetched(session, there, feed.feed_of(session, there, post), NOW)
    assert register.state(look(store, Channel, channel.id)) is register.State.WORKING
    lead = look(store, Lead, world.intent.id, world.vendor.id)
    assert (lead.notified_at, lead.delivered_at, lead.undelivered, lead.seen_at) == (NOW, NOW, None, None)


def test_standing_in_the_feed_is_no_proof(store: Store, world: World, post: Post, ana: Account) -> None:
    channel = made(store, world, post)
    with store.write() as session:
        proving.mark_verified(session, session.get_one(Channel, channel.id), NOW)
        session.get_one(Lead, (world.intent.id, world.vendor.id)).undelivered = Undelivered.NO_CHANNEL
    with store.write() as session:
        route_all(session, NOW)
        assert route.catch_up_owed(session, NOW) == 1
    assert deliver(store, post, lambda: NOW) == 1
    lead = look(store, Lead, world.intent.id, world.vendor.id)
    assert (lead.notified_at, lead.delivered_at) == (NOW, None)
    with store.read() as session:
        assert session.scalars(select(Notification.done_at)).all() == [NOW]


def test_a_feed_of_one_subscription_holds_what_that_one_brought(store: Store, world: World, post: Post) -> None:
    with store.write() as session:
        vendor = session.merge(world.vendor)
        (first,) = subscribe.subscriptions_of(session, vendor)
        other = subscribe.subscribe(session, vendor, subscribe.order_of(first), NOW)
    assert len(shown(store, made(store, world, post, first.code), post)[1]["items"]) == 1  # type: ignore[arg-type]
    assert shown(store, made(store, world, post, other.code), post)[1]["items"] == []
    with pytest.raises(BadInput, match="no such subscription"):
        made(store, world, post, "nonsense")


def test_a_want_that_is_over_says_so(store: Store, world: World, post: Post) -> None:
    channel = made(store, world, post)
    with store.write() as session:
        publish.withdraw(session, session.get_one(Intent, world.intent.id), NOW)
    (item,) = shown(store, channel, post)[1]["items"]  # type: ignore[misc]
    assert item["title"].startswith("Over: ")


def test_a_new_address_ends_the_old_one_and_nothing_is_sent_to_a_feed(store: Store, world: World, post: Post) -> None:
    channel = made(store, world, post)
    with store.write() as session:
        there = session.get_one(Channel, channel.id)
        url = links.feed_url(post.base_url, post.signer, there, "atom")
        token = url.rpartition("/")[2].removesuffix(".atom")
        assert links.feed_channel(session, post.signer, token) is there
        register.rotate(session, there, NOW)
        with pytest.raises(LinkSpent):
            links.feed_channel(session, post.signer, token)
        for refused in (
            lambda: proving.test(session, there, NOW),
            lambda: proving.new_challenge(session, there, NOW),
            lambda: office.set_timing(session, there, Timing(), NOW),
        ):
            with pytest.raises(WrongState):
                refused()
