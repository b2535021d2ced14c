"""Feeds as the networks write them, and feeds as nobody should."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.feed import MAX_TEXT, MAX_TITLE, Feed, FeedEntry, read_feed
from intents.feed_formats import understand
from vrm.kernel.errors import NotAFeed

FEEDS = Path(__file__).parent / "feeds"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
URL = "https://blog.example/feed"


def at(day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


BLOGGER = Feed(
    title="Wheels & other wishes",
    url="https://wishes.blogspot.example/",
    entries=(
        FeedEntry(
            key="tag:blogger.com,1999:blog-4711.post-2",
            url="https://wishes.blogspot.example/2026/11/i-want-toyota-yaris.html",
            title="I want a Toyota Yaris",
            text="A used car near Leeds, under £12k, by June.\n\nFive doors & not red.\nNo vans.",
            tags=("Yaris", "intent"),
            author="Ana",
            published_at=at(20, 18, 30),
            updated_at=at(20, 18, 31, 9),
            language=None,
        ),
        FeedEntry(
            key="tag:blogger.com,1999:blog-4711.post-1",
            url="https://wishes.blogspot.example/2008/06/rain-again.html",
            title="Rain again",
            text="It rained.",
            tags=(),
            author="Ana",
            published_at=NOW,
            updated_at=NOW,
            language=None,
            date_replaced=True,
        ),
    ),
    warnings=("Some dates are more than a year ago or a day ahead; they count as the time of reading.",),
    hub="http://pubsubhubbub.appspot.com/",
    topic="https://www.blogger.com/feeds/4711/posts/default",
)
WORDPRESS = Feed(
    title="Carla’s shed",
    url="https://carla.example",
    entries=(
        FeedEntry(
            key="https://carla.example/?p=123",
            url="https://carla.example/2026/11/19/wanted-garden-shed/",
            title="Wanted: garden shed & base",
            text="About 2 × 3 m, second-hand is fine. Budget: £150–200.\n\ndelivered to York\nwith a base",
            tags=("Garden", "Want to Buy"),
            author="Carla",
            published_at=at(19, 8, 14, 55),
            updated_at=None,
            language="en-GB",
        ),
    ),
    warnings=(),
    topic="https://carla.example/feed/",
)
MASTODON = Feed(
    title="Dora 🚲",
    url="https://social.example/@dora",
    entries=(
        FeedEntry(
            key="https://social.example/@dora/115000000000000001",
            url="https://social.example/@dora/115000000000000001",
            title="",
            text="Good morning! I'm looking for a used bicycle in #Leeds, $120 max.\n\n#WantToBuy",
            tags=("WantToBuy", "leeds"),
            author="",
            published_at=at(20, 7),
            updated_at=None,
            language=None,
        ),
    ),
    warnings=(),
    about="Public posts from @dora@social.example",
)
TUMBLR = Feed(
    title="eve collects",
    url="https://eve-collects.tumblr.example/",
    entries=(
        FeedEntry(
            key="https://eve-collects.tumblr.example/post/700000000000000001",
            url="https://eve-collects.tumblr.example/post/700000000000000001",
            title="ISO: a cello teacher",
            text="Evenings, in Bath.",
            tags=("vrm", "cello lessons"),
            author="",
            published_at=at(19),
            updated_at=None,
            language=None,
        ),
    ),
    warnings=(),
    hub="http://tumblr.superfeedr.com/",
)
YOUTUBE = Feed(
    title="Finn builds",
    url="https://www.youtube.com/channel/UCxyz",
    entries=(
        FeedEntry(
            key="yt:video:abcdefghijk",
            url="https://www.youtube.com/watch?v=abcdefghijk",
            title="I'm looking for a lathe",
            text="Used, up to 2.500 EUR, near Bremen.\nWrite to me & tell me more.\n\n#intent #lathe",
            tags=(),
            author="Finn builds",
            published_at=at(10, 10),
            updated_at=at(11, 11),
            language=None,
        ),
    ),
    warnings=(),
    topic="http://www.youtube.com/feeds/videos.xml?channel_id=UCxyz",
)
JSON_FEED = Feed(
    title="Gita writes",
    url="https://gita.example/",
    entries=(
        FeedEntry(
            key="17",
            url="https://blog.example/notes/17",
            title="",
            text="Looking for a caterer in Pune, budget ₹1,50,000.",
            tags=("intent", "catering"),
            author="Gita",
            published_at=at(12, 4),
            updated_at=at(12, 5),
            language="en-IN",
        ),
    ),
    warnings=(),
    topic="https://gita.example/feed.json",
)


def rss(*items: str, head: str = "") -> bytes:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>T</title>{inside}</channel></rss>'.encode()


def read(body: bytes, content_type: str = "application/rss+xml") -> Feed:
    return understand(body, content_type=content_type, url=URL, fetched_at=NOW)


# --- As the networks write them -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [
        ("blogger.atom", "application/atom+xml; charset=UTF-8", BLOGGER),
        ("wordpress.rss", "application/rss+xml; charset=UTF-8", WORDPRESS),
        ("mastodon.rss", "application/rss+xml; charset=utf-8", MASTODON),
        ("tumblr.rss", "text/xml; charset=utf-8", TUMBLR),
        ("youtube.atom", "text/xml; charset=UTF-8", YOUTUBE),
        ("feed.json", "application/feed+json", JSON_FEED),
    ],
)
def test_a_feed_is_read_as_its_network_writes_it(name: str, content_type: str, expected: Feed) -> None:
    body = (FEEDS / name).read_bytes()
    assert read_feed(body, content_type=content_type, url=URL, fetched_at=NOW) == expected


def test_the_text_of_a_post_is_not_what_describes_its_picture() -> None:
    assert "stolen" not in read((FEEDS / "mastodon.rss").read_bytes()).entries[0].text


# --- What is not a feed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "nothing at this address"),
        (b" \r\n ", "nothing at this address"),
        (b"<!DOCTYPE html><html><head><title>Hi</title></head></html>", "web page"),
        (b"hello", "neither Atom"),
        (b"/etc/passwd", "neither Atom"),
        (b"http://127.0.0.1/feed", "neither Atom"),
        (b"{}", "no JSON Feed"),
        (b'{"version": NaN}', "cannot be read as JSON"),
        (b'{"version":' + b"[" * 50_000, "cannot be read as JSON"),
    ],
)
def test_what_is_not_a_feed_is_refused_with_a_sentence(body: bytes, words: str) -> None:
    with pytest.raises(NotAFeed, match=words):
        read(body, "text/html")


# --- Identity, links, dates, bounds ---------------------------------------------------------------


def test_an_entry_is_told_by_guid_then_link_then_what_it_says() -> None:
    keys = [
        entry.key
        for entry in read(
            rss(
                "<guid>17</guid><link>https://a.example/1</link>",
                "<link>https://a.example/2</link>",
                "<title>only words</title>",
            )
        ).entries
    ]
    assert keys[:2] == ["17", "https://a.example/2"]
    assert keys[2].startswith("sha256:")


def test_a_guid_stays_the_same_when_the_feed_moves() -> None:
    body = rss("<guid>17</guid>")
    moved = understand(body, content_type="text/xml", url="https://new.example/other/feed", fetched_at=NOW)
    assert moved.entries[0].key == read(body).entries[0].key


def test_of_entries_with_one_id_the_newest_is_read() -> None:
    feed = read(
        rss(
            "<guid>1</guid><title>old</title><pubDate>Wed, 18 Nov 2026 10:00:00 GMT</pubDate>",
            "<guid>1</guid><title>new</title><pubDate>Thu, 19 Nov 2026 10:00:00 GMT</pubDate>",
        )
    )
    assert [entry.title for entry in feed.entries] == ["new"]
    assert any("same id" in warning for warning in feed.warnings)


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://user:pw@a.example/",
        "http://",
        "https://[::1",
    ],
)
def test_a_link_that_is_no_web_address_is_dropped(link: str) -> None:
    assert read(rss(f"<title>x</title><guid>g</guid><link>{link}</link>")).entries[0].url == ""


def test_a_relative_link_is_made_absolute() -> None:
    assert read(rss("<link>/a</link>")).entries[0].url == "https://blog.example/a"


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 1000 00:00:00 GMT",
        "Tue, 03 Jun 2008 09:00:00 GMT",
        (NOW + timedelta(days=1, seconds=1)).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        (NOW - timedelta(days=365, seconds=1)).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    ],
)
def test_a_date_out_of_bounds_becomes_the_fetch_time_and_says_so(date: str) -> None:
    entry = read(rss(f"<title>x</title><pubDate>{date}</pubDate>")).entries[0]
    assert (entry.published_at, entry.date_replaced) == (NOW, True)


@pytest.mark.parametrize("days", [1, -365])
def test_a_date_on_the_bounds_stays(days: int) -> None:
    moment = NOW + timedelta(days=days)
    entry = read(rss(f"<title>x</title><pubDate>{moment:%a, %d %b %Y %H:%M:%S} GMT</pubDate>")).entries[0]
    assert (entry.published_at, entry.date_replaced) == (moment, False)


def test_a_missing_or_unreadable_date_is_none() -> None:
    feed = read(rss("<title>x</title>", "<title>y</title><pubDate>soon</pubDate>"))
    assert [entry.published_at for entry in feed.entries] == [None, None]


def test_of_ten_thousand_entries_the_newest_five_hundred_are_read() -> None:
    dates = [NOW - timedelta(minutes=9_999 - number) for number in range(10_000)]
    body = rss(
        *(
            f"<guid>g{number}</guid><pubDate>{date:%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
            for number, date in enumerate(dates)
        )
    )
    feed = read_feed(body, content_type="application/rss+xml", url=URL, fetched_at=NOW)
    assert [entry.key for entry in feed.entries] == [f"g{number}" for number in range(9_999, 9_499, -1)]
    assert "10,000 entries" in feed.warnings[0]


def test_title_and_text_are_bounded() -> None:
    entry = read(rss(f"<title>{'é' * 300}</title><description>{'é' * 30_000}</description>")).entries[0]
    assert len(entry.title) == MAX_TITLE
    assert MAX_TEXT - 3 <= len(entry.text.encode()) <= MAX_TEXT


@pytest.mark.parametrize(
    "content_type", ["text/xml", "text/html", "text/plain", "", "application/octet-stream", "\x00"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_feed_without_a_charset_is_read_as_it_declares_itself(content_type: str, encoding: str) -> None:
    written = f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel><item><title>é✓</title></item>'
    assert read(f"{written}</channel></rss>".encode(encoding), content_type).entries[0].title == "é✓"


def test_an_ill_formed_feed_is_read_with_a_warning() -> None:
    feed = read(b'<rss version="2.0"><channel><item><title>Tom & Jerry</title></item></channel>')
    assert feed.entries[0].title == "Tom & Jerry"
    assert "not well-formed" in feed.warnings[0]


# --- Hostile feeds --------------------------------------------------------------------------------


def test_a_reference_to_half_a_character_does_not_lose_the_feed() -> None:
    feed = read(rss("<title>x&#xD800;y&#55296;&#x0;&#1114112;</title><description>&amp;#xD800;z</description>"))
    assert (feed.entries[0].title, feed.entries[0].text) == ("x\ufffdy\ufffd\ufffd\ufffd", "\ufffdz")


def test_half_a_character_in_json_is_dropped() -> None:
    item = {"id": "\ud800", "content_text": "a \ud800 b", "url": "https://a.example/\ud800"}
    body = json.dumps({"version": "https://jsonfeed.org/version/1", "items": [item]}).encode()
    entry = read(body).entries[0]
    assert (entry.text, entry.url) == ("a b", "")
    entry.key.encode()


def test_entities_neither_explode_nor_read_files() -> None:
    bomb = "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    head = f'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">{bomb}<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    feed = read(rss("<title>one</title>", "<title>&m;</title>", "<title>&x;</title>", head=head))
    assert all("root:" not in entry.title and len(entry.title) <= MAX_TITLE for entry in feed.entries)


@settings(deadline=None)  # The first one starts the child.
@given(st.binary(max_size=400))
def test_any_bytes_are_a_feed_or_not(junk: bytes) -> None:
    for body in (junk, rss("<title>x</title>")[:60] + junk, b'{"version":"https://jsonfeed.org/version/1",' + junk):
        with suppress(NotAFeed):
            read_feed(body, content_type="text/xml", url=URL, fetched_at=NOW)
