"""Listening on the pages, the invitation to an author, what hubs call, and the page that replies to a post."""

import hmac
from collections.abc import Callable

from sqlalchemy import select
from visiting import Clock, Visitor
from world import World

from intents.models import Blog, Entry, HubLease
from vendors.watches import Watch
from vrm.kernel.db import Store


def test_a_vendor_listens_sees_and_stops(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ben, here = visitor().sign_in(world.ben), f"/vendor/{world.vendor.slug}/listening"
    page = ben.get(here)
    assert f"/sightings/{world.sighting_code}" in page
    assert "social.example.org/@dora" in page
    assert "cannot be shown" in ben.refused(here, 422, url="forum.example.org/wanted.rss", blocked="boats\x00")
    ben.press(here, url="forum.example.org/wanted.rss", blocked="boats")
    assert "listen there already" in ben.refused(here, 422, url="https://forum.example.org/wanted.rss")
    assert "private network" in ben.refused(here, 422, url="http://10.0.0.1/feed")
    ben.press(f"/vendor/{world.vendor.slug}/sightings/{world.sighting_code}/dismiss")
    assert "@dora" not in ben.get(here)
    visitor().get(f"/sightings/{world.sighting_code}", 404)
    ben.press(f"{here}/{world.watch_code}/end")
    with store.read() as session:
        live = session.scalars(select(Watch).where(Watch.ended_at.is_(None))).all()
    assert [watch.blocked for watch in live] == ["boats"]


def test_an_author_who_is_invited_names_the_blog_and_is_told_how_to_prove_it(
    visitor: Callable[[], Visitor], world: World
) -> None:
    page = visitor().get(f"/sightings/{world.sighting_code}")
    assert "Is this post yours?" in page
    assert "sign-in" in page
    ana = visitor().sign_in(world.ana)
    assert "address" in ana.refused(f"/sightings/{world.sighting_code}", 422, url="")
    onward = ana.press(f"/sightings/{world.sighting_code}", url="social.example.org/@dora")
    assert "vrm-" in ana.get(onward)
    assert "could not reach" in ana.refused(onward, 422)


def test_a_hub_is_answered_only_when_it_was_asked_and_heard_only_with_its_signature(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    topic = "https://ana.example.org/feed"
    with store.write() as session:
        lease = HubLease(
            blog_id=world.blog.id, code="hubcode", hub="https://hub.example/", topic=topic, secret="s" * 32
        )
        lease.ask_at = lease.asked_at = clock.moment
        session.add(lease)
        session.get_one(Blog, world.blog.id).next_fetch_at = clock.moment.replace(year=2027)
    hub = visitor().client
    asked = {"hub.mode": "subscribe", "hub.topic": topic, "hub.challenge": "echo-me", "hub.lease_seconds": "86400"}
    assert hub.get("/websub/hubcode", query_string={**asked, "hub.topic": "https://x.example/"}).status_code == 404
    assert hub.get("/websub/other", query_string=asked).status_code == 404
    answer = hub.get("/websub/hubcode", query_string=asked)
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "echo-me", "text/plain")
    assert hub.get("/websub/hubcode", query_string={**asked, "hub.mode": "unsubscribe"}).status_code == 404
    signed = hmac.new(b"s" * 32, b"<rss/>", "sha256").hexdigest()
    for given, is_due in (("sha256=" + "0" * 64, False), (f"sha256={signed}", True)):
        told = hub.post("/websub/hubcode", data=b"<rss/>", headers={"X-Hub-Signature": given})
        assert told.status_code == 202
        with store.read() as session:
            assert (session.get_one(Blog, world.blog.id).next_fetch_at.year == 2026) is is_due


def test_a_reply_is_there_only_for_an_author_who_wished_it(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    with store.write() as session:
        entry = session.get_one(Entry, world.entry.id)
        entry.reply_code, entry.intent_id, entry.url = "replycode", world.want.id, "https://ana.example.org/1"
    nobody = visitor()
    nobody.get("/replies/replycode", 404)
    with store.write() as session:
        session.get_one(Blog, world.blog.id).reply_to_posts = True
    page = nobody.get("/replies/replycode")
    assert 'class="u-in-reply-to" href="https://ana.example.org/1"' in page
    assert f"/intents/{world.want.code}" in page
    assert "Ana" not in page
