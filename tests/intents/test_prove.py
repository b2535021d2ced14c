"""A blog is somebody's when it shows their token or links to their proof, over real HTTP on loopback."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hosting import BlogHost, Said, Time, blog_of, item, register, rss
from sqlalchemy import select

from intents import blogs
from intents.fetching import Harvester
from intents.harvest import harvest
from intents.models import Blog
from intents.prove import prove
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, NotAFeed, OutsideError

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HOME = "https://wants.example.org"


def unproven(store: Store, ana: Account, url: str, now: datetime) -> Blog:
    return blog_of(store, register(store, ana, url, now, proven=False))


def test_the_token_in_a_post_proves_a_feed_which_is_then_due(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/feed"), time.now)
    host.says["/feed"] = Said(rss(item("proof", time.now, title="Proof", text=f"It is me: {blog.proof_token}")))
    time.now += MINUTE
    assert prove(harvester, blog.id).method == "post"
    blog = blog_of(store, blog.id)
    assert (blog.verified_at, blog.verified_by, blog.title) == (time.now, "post", "Ana writes")
    assert (blog.next_fetch_at, blog.feed_url) == (time.now, host.url("/feed"))


def test_a_link_on_the_page_proves_the_feed_that_calls_the_page_its_home(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/"), time.now)
    host.says["/"] = Said(
        f'<link rel="alternate" type="application/rss+xml" href="/dead">'
        f'<link rel="alternate" type="application/rss+xml" href="/feed">'
        f'<a rel="me" href="{harvester.proof_url(blog)}">me</a>',
        headers={"Content-Type": "text/html"},
    )
    host.says["/feed"] = Said(rss(home=host.url("/")))
    assert prove(harvester, blog.id).method == "rel-me"
    blog = blog_of(store, blog.id)
    assert (blog.url, blog.feed_url, blog.verified_by) == (host.url("/"), host.url("/feed"), "rel-me")


def test_a_link_on_the_home_page_also_proves_a_feed_that_was_registered_by_its_own_address(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/feed"), time.now)
    page = f'<a rel="me" href="{harvester.proof_url(blog)}">me</a>'
    host.says["/"] = Said(page, headers={"Content-Type": "text/html"})
    host.says["/feed"] = Said(rss(home=host.url("/")))
    assert prove(harvester, blog.id).method == "rel-me"


def test_without_proof_the_sentence_names_both_ways_and_nothing_is_read(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    host.says["/feed"] = Said(rss(item("1", time.now + MINUTE)))
    blog = unproven(store, ana, host.url("/feed"), time.now)
    with pytest.raises(BadInput) as refused:
        prove(harvester, blog.id)
    sentence = refused.value.problems["url"]
    assert blog.proof_token in sentence
    assert f'rel="me" link to {HOME}/proof/{blog.proof_token}' in sentence
    assert blog_of(store, blog.id).verified_at is None
    assert harvest(harvester) == 0


def test_the_proof_of_another_is_none(
    harvester: Harvester, store: Store, ana: Account, carol: Account, host: BlogHost, time: Time
) -> None:
    mine = unproven(store, ana, host.url("/feed"), time.now)
    hers = unproven(store, carol, host.url("/feed"), time.now)
    host.says["/feed"] = Said(rss(item("proof", time.now, text=mine.proof_token)))
    with pytest.raises(BadInput):
        prove(harvester, hers.id)


def test_a_page_without_a_feed_and_a_page_that_is_missing_are_told_apart(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    host.says["/page"] = Said("<html>Hello</html>", headers={"Content-Type": "text/html"})
    with pytest.raises(NotAFeed):
        prove(harvester, unproven(store, ana, host.url("/page"), time.now).id)
    with pytest.raises(OutsideError, match="The blog answered 404; please check its address"):
        prove(harvester, unproven(store, ana, host.url("/none"), time.now).id)


def test_a_redirect_that_is_not_for_good_is_not_kept_when_a_blog_is_proven(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/today"), time.now)
    host.says["/today"] = Said(status=302, headers={"Location": "/feed"})
    host.says["/feed"] = Said(rss(item("proof", time.now, text=blog.proof_token)))
    prove(harvester, blog.id)
    assert blog_of(store, blog.id).feed_url == host.url("/today")


def test_a_page_and_its_feed_are_one_blog(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    register(store, ana, host.url("/feed"), time.now)
    blog = unproven(store, ana, host.url("/"), time.now)
    page = '<link rel="alternate" type="application/rss+xml" href="/feed">'
    host.says["/"] = Said(page, headers={"Content-Type": "text/html"})
    host.says["/feed"] = Said(rss(item("proof", time.now, text=blog.proof_token)))
    with pytest.raises(BadInput, match="registered this blog already"):
        prove(harvester, blog.id)
    with store.write() as session:
        for number in session.scalars(select(Blog.id).where(Blog.id != blog.id)):
            blogs.remove(session, session.get_one(Blog, number), time.now)
    prove(harvester, blog.id)
    assert blog_of(store, blog.id).feed_url == host.url("/feed")


# --- Proof by whoever runs the host, by the profile, and feeds that no page names -----------------


def test_a_file_at_the_well_known_address_proves_every_feed_of_the_host(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/feed"), time.now)
    host.says["/feed"] = Said(rss())
    host.says["/.well-known/vrm.txt"] = Said(f"# ours\nvrm={blog.proof_token}\n")
    assert prove(harvester, blog.id).method == "well-known"


def test_a_file_of_another_host_proves_nothing(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/feed"), time.now)
    host.says["/feed"] = Said(rss())
    elsewhere = host.url("/file").replace("127.0.0.1", "localhost")
    host.says["/.well-known/vrm.txt"] = Said(status=302, headers={"Location": elsewhere})
    host.says["/file"] = Said(blog.proof_token)
    with pytest.raises(BadInput, match=r"/\.well-known/vrm\.txt"):
        prove(harvester, blog.id)


def test_a_record_in_the_dns_proves_the_blog_of_that_host(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/feed"), time.now)
    host.says["/feed"] = Said(rss(home="https://ana.example.org/"))
    records = {"_vrm.ana.example.org": ("v=spf1 -all", f"vrm={blog.proof_token}")}
    knowing = replace(harvester, texts=lambda name: records.get(name, ()))
    assert prove(knowing, blog.id).method == "dns"


def test_a_profile_that_the_feed_carries_proves_it(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/feed"), time.now)
    host.says["/feed"] = Said(rss().replace("<link>", f"<description>Me. {blog.proof_token}</description><link>"))
    assert prove(harvester, blog.id).method == "about"


def test_a_feed_that_no_page_names_is_found_where_feeds_usually_are(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/ana"), time.now)
    host.says["/ana"] = Said("<!doctype html><html><p>Hello", headers={"Content-Type": "text/html"})
    host.says["/ana/rss"] = Said(rss(item("p", time.now, text=blog.proof_token)))
    assert prove(harvester, blog.id).method == "post"
    assert blog_of(store, blog.id).feed_url == host.url("/ana/rss")


def test_a_page_of_marked_posts_is_a_feed_of_its_own(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    blog = unproven(store, ana, host.url("/notes"), time.now)
    page = f'<!doctype html><a rel="me" href="{harvester.proof_url(blog)}">me</a><p class="h-entry">Hello</p>'
    host.says["/notes"] = Said(page, headers={"Content-Type": "text/html"})
    assert prove(harvester, blog.id).method == "rel-me"
    assert blog_of(store, blog.id).feed_url == host.url("/notes")


def test_a_feed_that_moved_to_another_host_is_followed_only_where_the_proof_is_shown(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    new = host.url("/new").replace("127.0.0.1", "localhost")
    host.says["/feed"] = Said(status=301, headers={"Location": new})
    host.says["/new"] = Said(rss())
    blog_id = register(store, ana, host.url("/feed"), time.now)
    assert harvest(harvester) == 1
    blog = blog_of(store, blog_id)
    assert (blog.feed_url, blog.trouble) == (host.url("/feed"), None)
    host.says["/new"] = Said(rss(item("p", time.now, text=blog.proof_token)))
    time.now = blog.next_fetch_at
    assert harvest(harvester) == 1
    assert blog_of(store, blog_id).feed_url == new
