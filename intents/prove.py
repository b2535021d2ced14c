"""A blog's address → what its owner shows there of a token that only they were given → a blog that may be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from sqlalchemy import select

from intents.blogs import TWICE, still_there
from intents.feed import Feed
from intents.fetching import ACCEPT, Harvester
from intents.models import Blog
from intents.ownership import (
    Proof,
    discover_feeds,
    find_proof,
    holds_token,
    hosts_of,
    record_name,
    well_known_url,
)
from vrm.kernel.errors import BadInput, NotAFeed, NotFound, NotReachable, OutsideError
from vrm.kernel.outbound import FEED, PAGE, Answer

# Where blog software keeps its feed when the page does not say, the commonest first.
_USUAL = ("feed", "rss", "feed.xml", "atom.xml", "index.xml", "feed.json")
_LINES = 100  # Of a file at /.well-known/.


@dataclass(frozen=True, slots=True)
class _Found:
    """What an address turned out to be: the feed, where it is, and the page that named it, if one did."""

    feed: Feed
    feed_url: str
    page: bytes | None
    page_url: str


def prove(harvester: Harvester, blog_id: int) -> Proof:
    """Look whether the blog shows its proof, and begin to read it if so.

    Raises BadInput("url") with what was looked for when there is none, or when another of the account's blogs has
    the same feed; OutsideError when it cannot be read.
    """
    with harvester.store.read() as session:
        blog = session.get(Blog, blog_id)
    if blog is None:
        raise NotFound("There is no such blog.")
    now = harvester.clock()
    found = _find(harvester, blog.url, now)
    proof = _proof(harvester, blog, found)
    if proof is None:
        raise BadInput({"url": _what_to_do(harvester, blog, found)})
    with harvester.store.write() as session:
        blog = still_there(session, blog_id)
        twin = select(Blog.id).where(
            Blog.account_id == blog.account_id,
            Blog.feed_url == found.feed_url,
            Blog.ended_at.is_(None),
            Blog.id != blog.id,
        )
        if session.scalar(twin) is not None:
            raise BadInput({"url": TWICE})
        blog.verified_at = blog.verified_at or now
        blog.verified_by = proof.method
        blog.feed_url = found.feed_url
        blog.title = found.feed.title[:200]
        blog.next_fetch_at = now
    return proof


def still_owned(harvester: Harvester, blog: Blog, feed: Feed, feed_url: str) -> bool:
    """Whether a feed at a new address is the blog's owner's, too: on the host of before, or it shows the proof."""
    if urlsplit(feed_url).hostname == urlsplit(blog.feed_url).hostname:
        return True
    return _proof(harvester, blog, _Found(feed, feed_url, None, feed_url)) is not None


def _what_to_do(harvester: Harvester, blog: Blog, found: _Found) -> str:
    host = next(iter(hosts_of(found.feed_url, found.feed)), "")
    return (
        f"We read the blog and found neither “{blog.proof_token}” in one of its newest posts nor a "
        f'rel="me" link to {harvester.proof_url(blog)}, nor the token in {well_known_url(found.feed_url, host)} '
        f"or in a TXT record of {record_name(host)}. Add one of them and try again."
    )


# --- Proof ----------------------------------------------------------------------------------------


def _proof(harvester: Harvester, blog: Blog, found: _Found) -> Proof | None:
    seen = _seen(harvester, blog, found.feed, found.page, found.page_url)
    if seen is None and found.page is None and found.feed.url:
        seen = _seen_at_home(harvester, blog, found.feed)
    return seen or _by_the_host(harvester, blog, found)


def _seen(harvester: Harvester, blog: Blog, feed: Feed, page: bytes | None, page_url: str) -> Proof | None:
    return find_proof(
        token=blog.proof_token,
        account_url=harvester.proof_url(blog),
        feed=feed,
        page_html=page,
        page_url=page_url,
    )


def _seen_at_home(harvester: Harvester, blog: Blog, feed: Feed) -> Proof | None:
    """When the feed itself was registered: a rel="me" link would be on the page that it names as its home."""
    try:
        home = harvester.outbound.get_sync(feed.url, policy=PAGE)
    except OutsideError:
        return None
    return _seen(harvester, blog, feed, home.body, home.url) if 200 <= home.status < 300 else None


def _by_the_host(harvester: Harvester, blog: Blog, found: _Found) -> Proof | None:
    """A token that whoever runs the host shows: in the DNS, or in a file of it."""
    for host in hosts_of(found.feed_url, found.feed):
        if holds_token(harvester.texts(record_name(host)), blog.proof_token):
            return Proof("dns")
        home = found.feed_url if urlsplit(found.feed_url).hostname == host else found.feed.url
        try:
            answer = harvester.outbound.get_sync(well_known_url(home, host), policy=PAGE)
        except OutsideError:
            continue
        # A host that sends everybody elsewhere says nothing of itself.
        if 200 <= answer.status < 300 and urlsplit(answer.url).hostname == host:
            lines = answer.body[:10_000].decode("utf-8", "replace").splitlines()[:_LINES]
            if holds_token(lines, blog.proof_token):
                return Proof("well-known")
    return None


# --- Discovery ------------------------------------------------------------------------------------


def _find(harvester: Harvester, url: str, now: datetime) -> _Found:
    """The feed that an address is or names. Raises NotAFeed, NotReachable, OutsideError."""
    answer = harvester.outbound.get_sync(url, policy=PAGE, headers={"Accept": ACCEPT})
    if not 200 <= answer.status < 300:
        raise NotReachable(f"The blog answered {answer.status}; please check its address.")
    named = list(discover_feeds(answer.body, answer.url, answer.headers.getall("Link", ())))
    try:
        feed = harvester.read(answer, now)
    except NotAFeed as refusal:
        feed, reason = None, refusal
    # A page with posts that are marked up names a feed, too: there its posts have their dates and all of their text.
    # Not so where what it marks up are wants, of which a feed would say less.
    if feed is not None and (not named or any(entry.stated is not None for entry in feed.entries)):
        is_page = _is_page(answer)
        return _Found(feed, _address_of(answer, url), answer.body if is_page else None, answer.url)
    for one in _candidates(named, answer.url, guess=feed is None):
        try:
            found = harvester.outbound.get_sync(one, policy=FEED, headers={"Accept": ACCEPT})
            if 200 <= found.status < 300:
                return _Found(harvester.read(found, now), _address_of(found, one), answer.body, answer.url)
        except OutsideError:
            continue  # A page may name several, and one that does not answer must not hide the next.
    if feed is not None:
        return _Found(feed, _address_of(answer, url), answer.body, answer.url)
    raise reason


def _candidates(named: list[str], page_url: str, *, guess: bool) -> Iterator[str]:
    yield from named
    if guess and not named:
        folder = page_url if page_url.endswith("/") else f"{page_url}/"
        yield from (urljoin(folder.partition("?")[0], name) for name in _USUAL)


def _is_page(answer: Answer) -> bool:
    start = answer.body[:2_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "html" in answer.headers.get("Content-Type", "") or start.startswith((b"<!doctype html", b"<html"))


def _address_of(answer: Answer, asked: str) -> str:
    # A redirect that is not for good may lead elsewhere tomorrow.
    return answer.moved_permanently_to or asked
