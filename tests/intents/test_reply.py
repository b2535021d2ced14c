"""A post is told where its want is, when its author wished so and its page takes webmentions."""

from datetime import datetime, timedelta

import pytest
from hosting import BlogHost, Said, Time, blog_of, item, register, rss
from multidict import CIMultiDict, CIMultiDictProxy
from sqlalchemy import select

from intents import blogs
from intents.fetching import Harvester
from intents.harvest import harvest
from intents.models import Blog, Entry
from intents.reply import endpoint_of, reply_owed
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.outbound import Answer

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def entry_of(store: Store) -> Entry:
    with store.read() as session:
        return session.scalars(select(Entry)).one()


@pytest.fixture
def published(harvester: Harvester, store: Store, ana: Account, host: BlogHost, time: Time, now: datetime) -> int:
    """A tagged post on a blog whose author wants replies, read and published."""
    post = item("1", now + MINUTE).replace("<guid>", f"<link>{host.url('/post')}</link><guid>")
    host.says["/feed"] = Said(rss(post))
    blog_id = register(store, ana, host.url("/feed"), now, tagged=True)
    with store.write() as session:
        home = taxonomy.trees(session).regions.resolve("gb", field="region").id
        blogs.choose(
            session,
            session.get_one(Blog, blog_id),
            publish_tagged=True,
            home_category_id=None,
            home_region_id=home,
            reply_to_posts=True,
        )
    time.now = now + 2 * MINUTE
    harvest(harvester)
    return blog_id


def test_a_post_that_takes_webmentions_is_told_once(
    harvester: Harvester, store: Store, host: BlogHost, time: Time, published: int
) -> None:
    host.says["/post"] = Said('<a rel="nofollow webmention" href="/mention">', headers={"Content-Type": "text/html"})
    host.says["/mention"] = Said(status=202)
    assert reply_owed(harvester) == 1
    told = entry_of(store)
    source = f"https://wants.example.org/replies/{told.reply_code}"
    assert host.posted == [("/mention", {"source": source, "target": host.url("/post")})]
    assert (told.replied_at, told.reply_at, told.reply_note) == (time.now, None, None)
    assert reply_owed(harvester) == 0
    assert blog_of(store, published).reply_to_posts


def test_a_page_that_takes_none_is_not_asked_again_and_its_author_reads_why(
    harvester: Harvester, store: Store, host: BlogHost, published: int
) -> None:
    host.says["/post"] = Said('<p>no <b rel="webmention" href="/mention"></p>')
    reply_owed(harvester)
    told = entry_of(store)
    assert (told.reply_at, told.replied_at) == (None, None)
    assert "webmention" in (told.reply_note or "")
    assert host.posted == []


def test_a_host_in_trouble_is_tried_again_four_times(
    harvester: Harvester, store: Store, host: BlogHost, time: Time, published: int
) -> None:
    host.says["/post"] = Said(headers={"Link": "</mention>; rel=webmention"})
    host.says["/mention"] = Said(status=500)
    waits = []
    while (owed := entry_of(store).reply_at) is not None:
        waits.append(owed - time.now)
        time.now = owed
        reply_owed(harvester)
    assert waits[1:] == [HOUR, 4 * HOUR, 16 * HOUR]
    assert entry_of(store).reply_note == "The post's host answered 500 to our reply."


@pytest.mark.parametrize(
    ("headers", "body", "endpoint"),
    [
        ({"Link": '<https://hook.example/?a=b>; rel="webmention"'}, "", "https://hook.example/?a=b"),
        ({"Link": "</x>; rel=prev, <../m>; REL=Webmention"}, '<a rel=webmention href="/no">', "https://b.example/m"),
        ({}, '<link rel="webmention">', ""),
        ({}, '<link rel="webmention" href="">', "https://b.example/posts/1"),
        ({}, '<!-- <a rel=webmention href="/no"> --><a rel="me webmention" href="m"></a>', "https://b.example/posts/m"),
        ({}, '<link rel="webmention" href="javascript:alert(1)">', "https://b.example/posts/1"),
        ({}, '<p>rel="webmention"', ""),
        ({"Link": "<" * 5_000 + '>; rel="' * 5_000}, "", ""),
    ],
)
def test_where_a_page_takes_webmentions(headers: dict[str, str], body: str, endpoint: str) -> None:
    page = Answer(
        status=200,
        headers=CIMultiDictProxy(CIMultiDict(headers)),
        body=body.encode(),
        url="https://b.example/posts/1",
        truncated=False,
        took_ms=0,
        moved_permanently_to=None,
    )
    assert endpoint_of(page) == endpoint
