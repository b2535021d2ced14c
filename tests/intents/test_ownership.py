"""Whose blog is it: tokens in posts, rel="me" links, Mastodon profiles; and which feeds a page names."""

from datetime import UTC, datetime

import pytest

from intents.feed import Feed, FeedEntry
from intents.ownership import Proof, discover_feeds, find_proof

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TOKEN = "vrm-7hK2pQ9xWm"
ACCOUNT = "https://broker.example/u/ana"
HOME = "https://blog.example/"


def feed(*texts: str, url: str = HOME, title: str = "") -> Feed:
    entries = tuple(
        FeedEntry(
            key=str(number),
            url="",
            title=title,
            text=text,
            tags=(),
            author="",
            published_at=NOW,
            updated_at=None,
            language=None,
        )
        for number, text in enumerate(texts)
    )
    return Feed(title="", url=url, entries=entries, warnings=())


def prove(
    *, feed: Feed | None = None, page: str | None = None, page_url: str = HOME, token: str = TOKEN
) -> Proof | None:
    page_html = None if page is None else page.encode()
    return find_proof(token=token, account_url=ACCOUNT, feed=feed, page_html=page_html, page_url=page_url)


# --- A post ---------------------------------------------------------------------------------------


def test_a_token_in_a_post_is_proof() -> None:
    assert prove(feed=feed("Hello", f"My token: {TOKEN}.")) == Proof("post")
    assert prove(feed=feed("Hello", title=TOKEN)) == Proof("post")


@pytest.mark.parametrize("text", ["", "vrm-", TOKEN.lower(), TOKEN[:-1], TOKEN + "x", "x" + TOKEN])
def test_a_part_of_a_token_or_another_is_no_proof(text: str) -> None:
    assert prove(feed=feed(text)) is None


def test_a_token_in_an_old_post_is_no_proof() -> None:
    assert prove(feed=feed(*["Hello"] * 30, TOKEN)) is None


@pytest.mark.parametrize("token", ["", " ", "a", "token"])
def test_a_token_that_is_too_short_proves_nothing(token: str) -> None:
    assert prove(feed=feed("a token"), token=token) is None


# --- A page ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        f'<a rel="me" href="{ACCOUNT}">me</a>',
        f'<link rel="me" href="{ACCOUNT}/">',
        f"<a href={ACCOUNT.replace('https', 'http')} rel='author me'>me</a>",
        f'<a rel="me" href="{ACCOUNT}#top">me</a>',
        '<base href="https://broker.example/"><a rel="me" href="u/ana">me</a>',
    ],
)
def test_a_rel_me_link_to_the_account_is_proof(link: str) -> None:
    assert prove(feed=feed(), page=f"<html>{link}</html>") == Proof("rel-me")


@pytest.mark.parametrize(
    "link",
    [
        f'<a href="{ACCOUNT}">me</a>',
        f'<a rel="menu" href="{ACCOUNT}">me</a>',
        '<a rel="me" href="https://broker.example/u/anabel">me</a>',
        '<a rel="me" href="https://broker.example.evil.example/u/ana">me</a>',
        '<a rel="me" href="/u/ana">me</a>',
        '<a rel="me">me</a>',
        '<a rel="me" href="https://[">me</a>',
        f'<a rel="me ugc nofollow" href="{ACCOUNT}">a commenter</a>',
        f'<!-- <a rel="me" href="{ACCOUNT}"> -->',
        f"<img alt='<a rel=me href={ACCOUNT}>'>",
        f"<textarea><a rel=me href={ACCOUNT}></textarea>",
        f'<base rel="me" href="{ACCOUNT}">',
    ],
)
def test_another_link_is_no_proof(link: str) -> None:
    assert prove(feed=feed(), page=f"<html>{link}</html>") is None


def test_a_verified_field_of_a_mastodon_profile_is_proof() -> None:
    page = (
        '<link href="https://social.example/users/ana" rel="alternate" type="application/activity+json">'
        f'<dl><dt>Broker</dt><dd><a href="{ACCOUNT}" rel="nofollow noopener me" translate="no">broker</a></dd></dl>'
    )
    profile = "https://social.example/@ana"
    assert prove(feed=feed(url=profile), page=page, page_url=profile) == Proof("profile-field")


def test_a_page_of_ones_own_proves_no_feed_of_a_stranger() -> None:
    page = f'<a rel="me" href="{ACCOUNT}">me</a>'
    assert prove(feed=feed(url="https://stranger.example/"), page=page) is None
    assert prove(feed=feed(url=""), page=page) is None
    assert prove(feed=feed(url="http://www.blog.example"), page=page) == Proof("rel-me")


def test_a_page_without_a_feed_proves_itself() -> None:
    assert prove(page=f'<a rel="me" href="{ACCOUNT}">me</a>') == Proof("rel-me")


def test_nothing_proves_nothing() -> None:
    assert prove() is None
    assert prove(feed=feed(), page="") is None


# --- Feeds of a page ------------------------------------------------------------------------------


def test_the_feeds_of_a_page_are_found_comments_last() -> None:
    page = """
        <link rel="alternate" type="application/rss+xml" title="Blog » Comments Feed" href="/comments/feed/">
        <link rel="alternate" type="application/rss+xml; charset=utf-8" title="Blog » Feed" href="/feed/">
        <link rel="stylesheet" href="/x.css"><link rel="alternate" hreflang="de" href="/de">
        <LINK REL="ALTERNATE" TYPE="application/feed+json" HREF="https://blog.example/feed.json">
        <link rel="alternate" type="application/rss+xml" href="/feed/">
        <link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
        <!-- <link rel="alternate" type="application/rss+xml" href="/old"> -->
    """
    assert discover_feeds(page.encode(), HOME) == (
        "https://blog.example/feed/",
        "https://blog.example/feed.json",
        "https://blog.example/comments/feed/",
    )


def test_no_more_than_ten_feeds_are_found() -> None:
    page = "".join(f'<link rel="alternate" type="application/atom+xml" href="/{n}">' for n in range(20))
    assert len(discover_feeds(page.encode(), HOME)) == 10


def test_a_page_that_is_none_names_no_feed() -> None:
    assert discover_feeds(b"\xff\xfe\x00", HOME) == ()
