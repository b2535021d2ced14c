"""Listening in public feeds over real HTTP on loopback: what is seen, what is left alone, and who can claim it."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from rooms import start_vendor
from sqlalchemy import select

sys.path.append(str(Path(__file__).parents[1] / "intents"))

from hosting import BlogHost, Said, Time, blog_host

from intents import blogs, manners
from intents.feed import FeedReader
from intents.fetching import Harvester
from intents.models import Blog, Entry, Intent
from vendors import listen, watches
from vendors.models import Vendor
from vendors.watches import Sighting
from vrm import personal
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, new_code
from vrm.kernel.errors import BadInput, NotFound
from vrm.kernel.outbound import Outbound

MINUTE = timedelta(minutes=1)
WANT = "Looking for a used bicycle near Leeds, £200 max. Anyone selling?"


@pytest.fixture(scope="module")
def reader() -> Iterator[FeedReader]:
    reader = FeedReader(at_once=1)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def host() -> Iterator[BlogHost]:
    with blog_host() as host:
        yield host


@pytest.fixture
def harvester(store: Store, reader: FeedReader, host: BlogHost, now: datetime) -> Harvester:
    host.says.clear()
    host.heard.clear()
    outbound = Outbound([ip_network("127.0.0.0/8")])
    return Harvester(store, outbound, reader, Time(now), "https://wants.example.org", texts=lambda name: ())


@pytest.fixture
def bens(store: Store, ben: Account, now: datetime) -> Vendor:
    with store.write() as session:
        return start_vendor(session, session.merge(ben, load=False), now)


def tag_feed(host: BlogHost, *posts: tuple[str, str], at: datetime) -> Said:
    items = "".join(
        f"<item><guid>{path}</guid><link>{host.url(path)}</link><pubDate>{at:%a, %d %b %Y %H:%M:%S} +0000</pubDate>"
        f"<description>{text}</description></item>"
        for path, text in posts
    )
    return Said(f'<rss version="2.0"><channel><title>#wanttobuy</title>{items}</channel></rss>')


def watch(store: Store, vendor: Vendor, url: str, now: datetime, blocked: str = "") -> int:
    with store.write() as session:
        return watches.watch(session, session.merge(vendor, load=False), url, now, blocked=blocked).id


def seen(store: Store) -> list[Sighting]:
    with store.read() as session:
        return list(session.scalars(select(Sighting).order_by(Sighting.id)))


def test_a_want_is_seen_with_its_link_and_what_and_where_and_chatter_leaves_no_trace(
    harvester: Harvester, store: Store, bens: Vendor, host: BlogHost, now: datetime
) -> None:
    posts = (("/@dora/115000000000000001", WANT), ("/@emil/115000000000000002", "It rained all day."))
    host.says["/tags/wanttobuy.rss"] = tag_feed(host, *posts, at=now - MINUTE)
    for path in ("/@dora/115000000000000001", "/@dora"):
        host.says[path] = Said("<html><p>hello")
    watch(store, bens, host.url("/tags/wanttobuy.rss"), now)
    assert listen.listen(harvester) == 1
    (one,) = seen(store)
    with store.read() as session:
        trees = taxonomy.trees(session)
        assert one.category_id is not None
        assert one.region_id is not None
        assert trees.categories.label(one.category_id) == "Bicycles"
        assert "Leeds" in trees.regions.label(one.region_id)
    assert one.url == host.url("/@dora/115000000000000001")
    assert not any("/@emil" in path for path, _ in host.heard)
    assert listen.listen(harvester) == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/robots.txt", Said("User-agent: *\nDisallow: /@dora/")),
        ("/robots.txt", Said("User-agent: *\nDisallow: /tags/")),
        ("/robots.txt", Said("", status=503)),
        ("/@dora/115000000000000001", Said('<meta name="robots" content="noindex, noarchive">')),
        ("/@dora/115000000000000001", Said("hello", headers={"X-Robots-Tag": "noindex"})),
        ("/@dora/115000000000000001", Said("gone", status=404)),
        ("/@dora", Said("<p>I cycle. #nobot</p>")),
    ],
)
def test_who_asks_machines_to_stay_away_is_left_alone(
    harvester: Harvester, store: Store, bens: Vendor, host: BlogHost, now: datetime, path: str, said: Said
) -> None:
    host.says["/tags/t.rss"] = tag_feed(host, ("/@dora/115000000000000001", WANT), at=now - MINUTE)
    host.says["/@dora/115000000000000001"] = host.says["/@dora"] = Said("hello")
    host.says[path] = said
    watch(store, bens, host.url("/tags/t.rss"), now)
    assert listen.listen(harvester) == 1
    assert seen(store) == []


def test_blocked_words_and_the_tag_in_the_post_itself_are_honoured(
    harvester: Harvester, store: Store, bens: Vendor, host: BlogHost, now: datetime
) -> None:
    host.says["/t.rss"] = tag_feed(host, ("/1", WANT + " #nobot"), ("/2", WANT), at=now - MINUTE)
    host.says["/1"] = host.says["/2"] = Said("hello")
    watch(store, bens, host.url("/t.rss"), now, blocked="boats\nBicycle")
    listen.listen(harvester)
    assert seen(store) == []


def test_only_who_proves_the_blog_makes_a_draft_of_the_post(
    harvester: Harvester, store: Store, bens: Vendor, ana: Account, carol: Account, host: BlogHost, now: datetime
) -> None:
    host.says["/t.rss"] = tag_feed(host, ("/ana/1", WANT), at=now - MINUTE)
    host.says["/ana/1"] = Said("hello")
    watch(store, bens, host.url("/t.rss"), now)
    listen.listen(harvester)
    (one,) = seen(store)
    with store.write() as session:
        invited = watches.invited(session, one.code)
        mine = watches.say_mine(session, session.merge(ana, load=False), invited, host.url("/ana/feed"), now)
        token = mine.proof_token
        hers = watches.say_mine(session, session.merge(carol, load=False), invited, host.url("/carol/feed"), now)
        hers.verified_at = now
    host.says["/carol/feed"] = tag_feed(host, ("/carol/1", WANT), at=now)
    host.says["/ana/feed"] = tag_feed(host, ("/ana/1", WANT), at=now)
    for blog in (mine, hers):
        with pytest.raises(BadInput):
            listen.claim(harvester, one.id, blog.id)
    host.says["/ana/feed"] = tag_feed(host, ("/ana/1", WANT), ("/ana/2", token), at=now)
    entry_id = listen.claim(harvester, one.id, mine.id)
    with store.read() as session:
        entry = session.get_one(Entry, entry_id)
        assert entry.intent is not None
        assert (entry.intent.state, entry.intent.account_id) == ("draft", ana.id)
        assert session.get_one(Sighting, one.id).claimed_at == now


@pytest.mark.parametrize("what", ["erased", "removed", "dismissed", "ended"])
def test_whoever_is_erased_or_a_post_that_is_put_aside_while_it_is_claimed_leaves_no_draft(
    harvester: Harvester, store: Store, bens: Vendor, ana: Account, host: BlogHost, now: datetime, what: str
) -> None:
    watched = watch(store, bens, host.url("/t.rss"), now)
    with store.write() as session:
        one = Sighting(code=new_code(), watch_id=watched, url=host.url("/ana/1"), seen_at=now)
        session.add(one)
        session.flush()
        hers = watches.say_mine(session, session.merge(ana, load=False), one, host.url("/ana/feed"), now)
        hers.verified_at = now

    def meanwhile() -> None:
        with store.write() as session:
            if what == "erased":
                personal.erase(session, session.get_one(Account, ana.id), now)
            elif what == "removed":
                blogs.remove(session, session.get_one(Blog, hers.id), now)
            elif what == "dismissed":
                session.get_one(Sighting, one.id).dismissed_at = now
            else:
                watches.end(session, session.get_one(watches.Watch, watched), now)

    feed = tag_feed(host, ("/ana/1", WANT), at=now)
    host.says["/ana/feed"] = replace(feed, meanwhile=meanwhile)
    with pytest.raises(NotFound):
        listen.claim(harvester, one.id, hers.id)
    with store.read() as session:
        assert session.scalars(select(Entry)).all() == session.scalars(select(Intent)).all() == []
        assert all(found.claimed_at is None for found in session.scalars(select(Sighting)))


def test_a_sighting_ends_with_its_watch_with_its_post_and_after_thirty_days(
    harvester: Harvester, store: Store, bens: Vendor, host: BlogHost, now: datetime
) -> None:
    with store.write() as session:
        vendor = session.merge(bens, load=False)
        one, two = (watches.watch(session, vendor, host.url(f"/{n}.rss"), now) for n in (1, 2))
        for watched, age in ((one, 31), (one, 1), (two, 1)):
            url = host.url(f"/{watched.code}/{age}")
            row = Sighting(code=f"s{watched.id}{age}", watch_id=watched.id, url=url, seen_at=now - timedelta(days=age))
            session.add(row)
    with store.write() as session:
        assert watches.forget(session, now) == 1
        watches.end(session, watches.watch_by_code(session, vendor, two.code), now)
    host.says["/1.rss"] = tag_feed(host, ("/x", "It rained."), at=now - timedelta(days=9))
    listen.listen(harvester)
    assert seen(store) == []
    with store.read() as session, pytest.raises(NotFound):
        watches.invited(session, f"s{one.id}1")


@pytest.mark.parametrize(
    ("rules", "path", "may"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow: /x", "/x", False),
        ("User-agent: vrm-intent-broker\nDisallow: /\n\nUser-agent: *\nAllow: /", "/x", False),
        ("User-agent: other\nDisallow: /", "/x", True),
        ("\x00\xff" * 50, "/x", True),
    ],
)
def test_robots_txt_is_read_as_it_is_meant(rules: str, path: str, may: bool) -> None:
    assert manners.robots_allow(rules.encode("latin-1"), f"https://a.example{path}") is may
