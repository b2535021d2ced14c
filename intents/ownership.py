"""A feed and a page -> does the blog belong to the one who got this token? And: a page -> the feeds it names. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from intents.addresses import web_address
from intents.feed import Feed
from intents.page import Element, base_of, elements_of, links_of

Method = Literal["post", "about", "rel-me", "profile-field", "dns", "well-known"]

NEWEST = 30  # Entries in which a token is looked for.
MAX_FEEDS = 10

_NEVER = re.compile(r"(?!)")
_LEAST_TOKEN = 8  # Characters; a shorter token would stand in posts by accident.
_FEED_TYPES = frozenset({"application/atom+xml", "application/rss+xml", "application/feed+json", "application/rdf+xml"})


@dataclass(frozen=True, slots=True)
class Proof:
    """How a blog was shown to be somebody's."""

    method: Method


def find_proof(
    *, token: str, account_url: str, feed: Feed | None, page_html: bytes | None, page_url: str
) -> Proof | None:
    """The first proof there is that whoever got `token` and owns the page `account_url` (ours) writes the blog.

    "post": the token stands in one of the newest entries. "about": in what the feed says of itself, which on Bluesky
    is the profile. "rel-me": the blog's page links to `account_url` with
    rel="me". "profile-field": the same on a Mastodon profile. `page_url` is where `page_html` came from in the end.

    A page proves a feed only if the feed itself names that page as its home; otherwise anybody could put a link to
    a stranger's feed on a page of their own. With no feed the page proves nothing but itself.
    """
    if feed is not None and _has_token(feed, token):
        return Proof("post")
    if feed is not None and _whole(token).search(feed.about):
        return Proof("about")
    if page_html is None or (feed is not None and not same_page(feed.url, page_url)):
        return None
    elements = list(elements_of(page_html))
    base = base_of(elements, page_url)
    for element in elements:
        # "ugc" is what blog software adds to the links of commenters.
        if element.name == "base" or "me" not in element.rels or "ugc" in element.rels:
            continue
        if same_page(web_address(element.attributes.get("href", ""), base), account_url):
            return Proof("profile-field" if _is_mastodon(elements) else "rel-me")
    return None


def discover_feeds(page_html: bytes, page_url: str, link_headers: Sequence[str] = ()) -> tuple[str, ...]:
    """Addresses of the feeds that a page names, best first, at most ten.

    Links of rel="alternate" with a feed's type and of rel="feed" (an h-feed), in the page or in its Link headers.
    Feeds of comments come last: what strangers write there is no want of the blog's owner.
    """
    elements = list(elements_of(page_html))
    base = base_of(elements, page_url)
    found: dict[str, bool] = {}
    for element in elements:
        if element.name != "base" and _names_feed(element.rels, element.attributes):
            address = web_address(element.attributes.get("href", ""), base)
            if address:
                found.setdefault(address, "comment" in f"{element.attributes.get('title', '')} {address}".lower())
    for href, rels, attributes in links_of(link_headers):
        address = web_address(href, page_url)
        if address and _names_feed(rels, attributes):
            found.setdefault(address, "comment" in address.lower())
    found.pop(page_url, None)
    return tuple(sorted(found, key=lambda address: found[address]))[:MAX_FEEDS]


def _names_feed(rels: frozenset[str], attributes: Mapping[str, str]) -> bool:
    kind = attributes.get("type", "").split(";")[0].strip().lower()
    return ("alternate" in rels and kind in _FEED_TYPES) or "feed" in rels


def hosts_of(feed_url: str, feed: Feed) -> tuple[str, ...]:
    """Hosts whose owner may speak for a feed: the feed's own, and that of the page that the feed names as its home."""
    hosts = [urlsplit(address).hostname or "" for address in (feed_url, feed.url) if address]
    return tuple(dict.fromkeys(filter(None, hosts)))


def record_name(host: str) -> str:
    """Where in the DNS a host's owner shows the token."""
    return f"_vrm.{host}"


def well_known_url(address: str, host: str) -> str:
    """Where on the web a host's owner shows it: on `host`, by the scheme and the port of `address` when that is its."""
    parts = urlsplit(address)
    place = parts.netloc if parts.hostname == host else host
    return f"{parts.scheme}://{place}/.well-known/vrm.txt"


def holds_token(texts: Iterable[str], token: str) -> bool:
    """Whether one of the texts (TXT records, or the lines of a file) is the token, or says "vrm=" before it."""
    return len(token) >= _LEAST_TOKEN and any(text.strip().removeprefix("vrm=") == token for text in texts)


def _has_token(feed: Feed, token: str) -> bool:
    whole = _whole(token)
    return any(whole.search(said) for entry in feed.entries[:NEWEST] for said in (entry.title, entry.text, *entry.tags))


def _whole(token: str) -> re.Pattern[str]:
    """The token as a word of its own; nothing for one so short that it would stand there by accident."""
    token = token.strip()
    if len(token) < _LEAST_TOKEN:
        return _NEVER
    return re.compile(rf"(?<![\w-]){re.escape(token)}(?![\w-])")


def same_page(one: str, other: str) -> bool:
    """Whether two addresses lead to one page."""
    return bool(one) and bool(other) and _page_of(one) == _page_of(other)


def _page_of(address: str) -> tuple[str, str, str]:
    """What makes two addresses one page: not http or https, "www.", a last slash or a fragment."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").removeprefix("www.")
        port = parts.port
    except ValueError:
        return ("", address, "")
    place = host if port in {None, 80, 443} else f"{host}:{port}"
    return (place, parts.path.rstrip("/"), parts.query)


def _is_mastodon(elements: list[Element]) -> bool:
    """Mastodon (and what speaks its language) names the profile's ActivityPub document; blogs with a plug-in do too."""
    return any(
        element.name == "link"
        and "alternate" in element.rels
        and element.attributes.get("type", "").lower().startswith("application/activity+json")
        for element in elements
    )
