"""Blogs over real HTTP on loopback: politeness, trouble, and what is read when all goes well."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest
from hosting import BlogHost, Said, Time, blog_of, item, register, rss
from sqlalchemy import func, select
from together import at_once

from intents import blogs
from intents.fetching import Harvester
from intents.harvest import harvest
from intents.models import Blog, Entry, Intent
from intents.prove import prove
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import NotReachable
from vrm.kernel.outbound import NOT_REACHABLE, Outbound

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HOME = "https://wants.example.org"


def count(store: Store, table: type[Intent] | type[Entry]) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def go(harvester: Harvester, time: Time, blog_id: int) -> Blog:
    """Let time pass until the blog is due, and read it."""
    time.now = max(time.now, blog_of(harvester.store, blog_id).next_fetch_at)
    assert harvest(harvester) == 1
    return blog_of(harvester.store, blog_id)


# --- Reading --------------------------------------------------------------------------------------


def test_a_want_on_a_blog_becomes_a_draft_and_older_posts_are_left_alone(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime
) -> None:
    host.says["/feed"] = Said(rss(item("new", now + MINUTE), item("old", now - 900 * HOUR)))
    blog_id = register(store, ana, host.url("/feed"), now)
    time.now = now + 2 * MINUTE
    blog = go(harvester, time, blog_id)
    assert (blog.title, blog.fetched_at, blog.failures, blog.trouble) == ("Ana writes", time.now, 0, None)
    with store.read() as session:
        (intent,) = session.scalars(select(Intent)).all()
        assert (intent.title, intent.state) == ("Toyota Yaris near Leeds, new", "draft")
    assert count(store, Entry) == 2


def test_tagged_wants_are_published_edited_and_asked_about_when_they_vanish(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime
) -> None:
    blog_id = register(store, ana, host.url("/feed"), now, tagged=True)
    time.now = now + 2 * MINUTE
    chatter = item("chatter", now, title="Rain", tag="weather")
    for said in (item("1", now + MINUTE), item("1", now + MINUTE, text="Under £9,000."), ""):
        host.says["/feed"] = Said(rss(said, chatter))
        go(harvester, time, blog_id)
    with store.read() as session:
        (intent,) = session.scalars(select(Intent)).all()
        assert (intent.state, intent.revision, intent.budget_max) == ("open", 2, 900_000)
        entry = session.scalars(select(Entry).where(Entry.key == "1")).one()
        assert (entry.vanished_at, entry.ask_at) == (time.now, time.now)


def test_only_what_is_proven_live_and_due_is_read(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, now: datetime
) -> None:
    register(store, ana, host.url("/unproven"), now, proven=False)
    ended, later = register(store, ana, host.url("/ended"), now), register(store, ana, host.url("/later"), now)
    with store.write() as session:
        blogs.remove(session, session.get_one(Blog, ended), now)
        session.get_one(Blog, later).next_fetch_at = now + MINUTE
    assert harvest(harvester) == 0
    assert host.heard == []


def test_two_workers_at_once_read_a_blog_once(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, now: datetime
) -> None:
    host.says["/feed"] = Said(rss())
    register(store, ana, host.url("/feed"), now)
    other = replace(harvester, outbound=Outbound([ip_network("127.0.0.0/8")]))
    assert sorted(map(str, at_once(lambda: harvest(harvester), lambda: harvest(other)))) == ["0", "1"]
    assert len(host.heard) == 1


def test_one_broken_blog_does_not_stop_the_others(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime
) -> None:
    host.says["/broken"] = Said("<html>no feed", headers={"Cache-Control": "max-age=" + "9" * 5_000})
    host.says["/moved"] = Said(status=301, headers={"Location": "http://[::1"})
    host.says["/loop"] = Said(status=302, headers={"Location": "/loop"})
    host.says["/wait"] = Said(status=503, headers={"Retry-After": "9" * 4_000})
    for path in ("/broken", "/moved", "/loop", "/wait", "/none"):
        register(store, ana, host.url(path), now)
    host.says["/good"] = Said(rss(item("1", now + MINUTE)))
    register(store, ana, host.url("/good"), now)
    time.now = now + 2 * MINUTE
    assert harvest(harvester) == 6
    assert count(store, Intent) == 1
    with store.read() as session:
        trouble = {blog.url: blog.trouble for blog in session.scalars(select(Blog))}
    assert trouble.pop(host.url("/good")) is None
    assert all(sentence and sentence.endswith(".") for sentence in trouble.values())


def test_what_a_customer_removes_while_it_is_fetched_is_not_read(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime
) -> None:
    host.says["/feed"] = Said(rss(item("1", now + MINUTE)))
    blog_id = register(store, ana, host.url("/feed"), now)
    time.now = now + 2 * MINUTE

    def clock() -> datetime:
        # The second look at the clock is after the fetch.
        looks.append(1)
        if len(looks) == 2:
            with store.write() as session:
                blogs.remove(session, session.get_one(Blog, blog_id), time.now)
        return time.now

    looks: list[int] = []
    assert harvest(replace(harvester, clock=clock)) == 1
    assert (count(store, Intent), count(store, Entry)) == (0, 0)


# --- Politeness -----------------------------------------------------------------------------------


def test_a_feed_is_asked_only_whether_it_changed(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime
) -> None:
    changed = "Sat, 21 Nov 2026 11:00:00 GMT"
    host.says["/feed"] = Said(rss(), headers={"ETag": '"v1"', "Last-Modified": changed})
    blog_id = register(store, ana, host.url("/feed"), now)
    go(harvester, time, blog_id)
    blog = go(harvester, time, blog_id)
    first, second = (headers for _, headers in host.heard)
    assert "If-None-Match" not in first
    assert (second["If-None-Match"], second["If-Modified-Since"]) == ('"v1"', changed)
    assert (blog.fetched_at, blog.etag, blog.failures) == (time.now, '"v1"', 0)
    host.says["/feed"] = Said(rss(item("1", time.now + MINUTE)), headers={"ETag": '"v2"'})
    time.now += 2 * MINUTE
    assert (go(harvester, time, blog_id).etag, count(store, Intent)) == ('"v2"', 1)


def test_what_the_days_limit_put_off_is_read_the_next_day_though_the_feed_did_not_change(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime
) -> None:
    posts = [item(f"{number}", now + number * MINUTE) for number in range(23)]
    host.says["/feed"] = Said(rss(*posts), headers={"ETag": '"v1"'})
    blog_id = register(store, ana, host.url("/feed"), now)
    time.now = now + HOUR
    go(harvester, time, blog_id)
    assert count(store, Intent) == 20
    time.now += 24 * HOUR
    go(harvester, time, blog_id)
    assert count(store, Intent) == 23
    assert go(harvester, time, blog_id).etag == '"v1"'
    assert ["If-None-Match" in headers for _, headers in host.heard] == [False, False, True]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("", 15 * MINUTE),
        ("max-age=60", 15 * MINUTE),
        ("public, max-age=7200", 2 * HOUR),
        ("no-cache, Max-Age=7200", 2 * HOUR),
        ("max-age=999999999999999", 24 * HOUR),
        ("max-age=soon", 15 * MINUTE),
        ("max-age=-1", 15 * MINUTE),
    ],
)
def test_no_blog_is_read_more_often_than_it_wishes_nor_than_every_quarter_of_an_hour(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, header: str, wait: timedelta
) -> None:
    host.says["/feed"] = Said(rss(), headers={"Cache-Control": header})
    blog_id = register(store, ana, host.url("/feed"), time.now)
    assert go(harvester, time, blog_id).next_fetch_at == time.now + wait


def test_a_feed_that_moved_for_good_is_read_where_it_is_now_and_one_that_did_not_is_not(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    host.says["/new"] = Said(rss())
    host.says["/for-good"] = Said(status=301, headers={"Location": "/new"})
    host.says["/today"] = Said(status=302, headers={"Location": "/new"})
    for path, leads_to in (("/today", "/today"), ("/for-good", "/new")):
        blog_id = register(store, ana, host.url(path), time.now)
        assert go(harvester, time, blog_id).feed_url == host.url(leads_to)
        with store.write() as session:
            blogs.remove(session, session.get_one(Blog, blog_id), time.now)


def test_a_feed_that_moved_to_another_of_the_same_person_stays_where_it_is(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    host.says["/new"] = Said(rss())
    host.says["/old"] = Said(status=308, headers={"Location": "/new"})
    register(store, ana, host.url("/new"), time.now)
    old = register(store, ana, host.url("/old"), time.now)
    assert harvest(harvester) == 2
    blog = blog_of(store, old)
    assert (blog.feed_url, blog.trouble) == (host.url("/old"), None)


# --- Trouble --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 500])
def test_a_blog_that_fails_is_asked_less_and_less_until_once_a_day(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime, status: int
) -> None:
    host.says["/feed"] = Said(status=status)
    blog_id = register(store, ana, host.url("/feed"), now)
    waits = []
    for _ in range(8):
        blog = go(harvester, time, blog_id)
        waits.append(blog.next_fetch_at - time.now)
    assert waits == [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, 24 * HOUR, 24 * HOUR]
    assert (blog.failing_since, blog.trouble) == (now, f"The blog answered {status}.")
    host.says["/feed"] = Said(rss())
    blog = go(harvester, time, blog_id)
    assert (blog.failures, blog.failing_since, blog.trouble) == (0, None, None)
    assert blog.next_fetch_at == time.now + 15 * MINUTE


def test_fourteen_days_of_failures_are_the_end_and_a_day_less_is_not(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime
) -> None:
    blog_id = register(store, ana, host.url("/nothing"), now)
    go(harvester, time, blog_id)
    while time.now < now + timedelta(days=14):
        assert blog_of(store, blog_id).ended_at is None
        blog = go(harvester, time, blog_id)
    assert blog.ended_at == time.now
    assert blog.trouble == "Not readable for 14 days: The blog answered 404."
    time.now += timedelta(days=2)
    assert harvest(harvester) == 0


def test_a_blog_that_says_that_it_is_gone_is_not_asked_again(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    host.says["/feed"] = Said(status=410)
    blog = go(harvester, time, register(store, ana, host.url("/feed"), time.now))
    assert (blog.ended_at, blog.trouble) == (time.now, "The blog says that it is gone for good.")


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("7200", 2 * HOUR),
        ("60", 30 * MINUTE),
        ("9999999999", 24 * HOUR),
        ("Sat, 21 Nov 2026 15:00:00 GMT", 3 * HOUR),
        ("Sat, 21 Nov 2020 15:00:00 GMT", 30 * MINUTE),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 30 * MINUTE),
        ("soon", 30 * MINUTE),
        ("", 30 * MINUTE),
        ("-5", 30 * MINUTE),
    ],
)
def test_a_host_that_asks_us_to_wait_is_obeyed_within_a_day(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, asked: str, wait: timedelta
) -> None:
    host.says["/feed"] = Said(status=503, headers={"Retry-After": asked})
    blog = go(harvester, time, register(store, ana, host.url("/feed"), time.now))
    assert blog.next_fetch_at == time.now + wait


def test_what_is_no_feed_is_a_trouble_in_words(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    host.says["/feed"] = Said("<html><body>Hello</body></html>", headers={"Content-Type": "text/html"})
    blog = go(harvester, time, register(store, ana, host.url("/feed"), time.now))
    assert (blog.failures, blog.fetched_at) == (1, None)
    assert blog.trouble is not None
    assert "feed" in blog.trouble


def test_a_host_that_is_ours_is_refused_in_the_words_for_one_that_does_not_answer(
    harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time
) -> None:
    host.says["/feed"] = Said(rss())
    ours = replace(harvester, outbound=Outbound())
    blog_id = register(store, ana, host.url("/feed"), time.now)
    assert go(ours, time, blog_id).trouble == NOT_REACHABLE
    with pytest.raises(NotReachable) as refused:
        prove(ours, blog_id)
    assert str(refused.value) == NOT_REACHABLE
    dead = register(store, ana, "http://127.0.0.1:9/feed", time.now)
    time.now += MINUTE
    assert go(harvester, time, dead).trouble == NOT_REACHABLE
    assert host.heard == []
