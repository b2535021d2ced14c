"""A post on each kind of feed, served on loopback as its service writes it, becomes a confirmed want with a lead."""

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from rooms import person, route_all, start_vendor
from sqlalchemy import select

sys.path.append(str(Path(__file__).parent / "intents"))

from hosting import BlogHost, Said, Time, blog_host

from intents import blogs, publish
from intents.feed import FeedReader
from intents.fetching import Harvester
from intents.harvest import harvest
from intents.models import Blog, Entry
from intents.prove import prove
from vendors.models import Lead, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.outbound import Outbound

FEEDS = Path(__file__).parent / "intents" / "feeds"
REGISTERED = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
READ = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAGE = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Kind:
    """A feed as a service writes it, and what is wanted there. `dated`: it says when its posts were written."""

    file: str
    content_type: str
    title: str
    dated: bool = True


KINDS = (
    Kind("blogger.atom", "application/atom+xml; charset=UTF-8", "Toyota Yaris"),
    Kind("wordpress.rss", "application/rss+xml; charset=UTF-8", "Garden shed & base"),
    Kind("mastodon.rss", "application/rss+xml; charset=utf-8", "Used bicycle in Leeds, $120 max"),
    Kind("bluesky.rss", "application/rss+xml", "Used cello in Bristol, under £1,500"),
    Kind("tumblr.rss", "text/xml; charset=utf-8", "Cello teacher"),
    Kind("youtube.atom", "text/xml; charset=UTF-8", "Lathe"),
    Kind("feed.json", "application/feed+json", "Caterer in Pune, budget ₹1,50,000"),
    Kind("rss090.rdf", "text/xml", "Lawn mower, Derby", dated=False),
    Kind("rss091.rss", "text/xml", "Gebrauchten Rasenmäher in Bremen", dated=False),
    Kind("rss092.rss", "text/xml", "Used bicycle in York, £150 at most", dated=False),
    Kind("rss10.rdf", "application/rdf+xml", "Piano d'occasion à Lyon"),
    Kind("hfeed.html", PAGE, "Used tandem near Cambridge, £600 max"),
    Kind("hlisting.html", PAGE, "Espresso machine"),
    Kind("demand.html", PAGE, "Toyota Yaris", dated=False),
    Kind("demand.atom", "application/atom+xml", "Roofer for a leaking roof"),
)


@pytest.mark.slow
def test_a_post_on_each_kind_of_feed_becomes_a_confirmed_want_that_reaches_a_vendor(store: Store, ben: Account) -> None:
    time, reader = Time(REGISTERED), FeedReader(at_once=1)
    outbound = Outbound([ip_network("127.0.0.0/8")])
    harvester = Harvester(store, outbound, reader, time, "https://wants.example.org", texts=lambda name: ())
    with store.write() as session:
        vendor = start_vendor(session, ben, REGISTERED, wish=("anything", "world"))
    with blog_host() as host:
        owned = {kind: _register(harvester, host, kind, number) for number, kind in enumerate(KINDS)}
        time.now = READ
        assert harvest(harvester) == len(KINDS)
        _insist(store, [owned[kind] for kind in KINDS if not kind.dated], READ)
        harvest(harvester)
    reader.close()
    reached = {kind.file: _confirm(store, owned[kind], vendor, kind) for kind in KINDS}
    assert reached == {kind.file: kind.title for kind in KINDS}


def _register(harvester: Harvester, host: BlogHost, kind: Kind, number: int) -> int:
    """A customer of its own, who has proven the blog by a file of its host and lives in Britain."""
    body = (FEEDS / kind.file).read_bytes().decode("latin-1" if kind.file == "rss091.rss" else "utf-8")
    if kind.file == "rss091.rss":
        body = body.replace("ISO-8859-1", "UTF-8")  # As this server sends it.
    host.says[f"/{kind.file}"] = Said(body, headers={"Content-Type": kind.content_type})
    account = person(harvester.store, f"author{number}@example.org")
    with harvester.store.write() as session:
        mine = session.merge(account, load=False)
        blog = blogs.register(session, mine, host.url(f"/{kind.file}"), REGISTERED)
        home = taxonomy.trees(session).regions.resolve("gb", field="region").id
        blogs.choose(session, blog, publish_tagged=False, home_category_id=None, home_region_id=home)
    host.says["/.well-known/vrm.txt"] = Said(blog.proof_token)
    assert prove(harvester, blog.id).method == "well-known", kind.file
    with harvester.store.read() as session:
        assert session.get_one(Blog, blog.id).feed_url.endswith(kind.file)
    return blog.id


def _insist(store: Store, blog_ids: list[int], now: datetime) -> None:
    """Posts without a date may be old: their authors say that they are wants."""
    with store.write() as session:
        for entry in session.scalars(select(Entry).where(Entry.blog_id.in_(blog_ids))):
            blogs.insist(session, entry, now)


def _confirm(store: Store, blog_id: int, vendor: Vendor, kind: Kind) -> str:
    """Say yes to the one draft; its title, when the vendor has its lead."""
    with store.write() as session:
        (entry,) = session.scalars(select(Entry).where(Entry.blog_id == blog_id, Entry.intent_id.is_not(None)))
        intent = entry.intent
        assert intent is not None
        assert intent.state == "draft", kind.file
        if intent.category_id is None:  # The author corrects what was not understood.
            anything = taxonomy.trees(session).categories.root.id
            publish.amend(session, intent, replace(publish.draft_of(intent), category_id=anything), READ)
        blogs.confirm(session, entry, READ + timedelta(minutes=1))
        intent_id = intent.id
    with store.write() as session:
        route_all(session, READ + timedelta(minutes=2))
    with store.read() as session:
        lead = session.get(Lead, (intent_id, vendor.id))
        assert lead is not None, kind.file
        return lead.intent.title
