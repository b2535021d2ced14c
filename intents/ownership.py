"""A feed and a page -> does the blog belong to the one who got this token? And: a page -> the feeds it names. Pure."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from intents.addresses import web_address
from intents.feed import Feed
from intents.page import Element, elements_of

Method = Literal["post", "rel-me", "profile-field"]

NEWEST = 30  # Entries in which a token is looked for.
MAX_FEEDS = 10

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

    "post": the token stands in one of the newest entries. "rel-me": the blog's page links to `account_url` with
    rel="me". "profile-field": the same on a Mastodon profile. `page_url` is where `page_html` came from in the end.

    A page proves a feed only if the feed itself names that page as its home; otherwise anybody could put a link to
    a stranger's feed on a page of their own. With no feed the page proves nothing but itself.
    """
    if feed is not None and _has_token(feed, token):
        return Proof("post")
    if page_html is None or (feed is not None and not _same_page(feed.url, page_url)):
        return None
    elements = list(elements_of(page_html))
    base = _base_of(elements, page_url)
    for element in elements:
        # "ugc" is what blog software adds to the links of commenters.
        if element.name == "base" or "me" not in element.rels or "ugc" in element.rels:
            continue
        if _same_page(web_address(element.attributes.get("href", ""), base), account_url):
            return Proof("profile-field" if _is_mastodon(elements) else "rel-me")
    return None


def discover_feeds(page_html: bytes, page_url: str) -> tuple[str, ...]:
    """Addresses of the feeds that a page names (link rel="alternate"), best first, at most ten.

    Feeds of comments come last: what strangers write there is no want of the blog's owner.
    """
    elements = list(elements_of(page_html))
    base = _base_of(elements, page_url)
    found: dict[str, bool] = {}
    for element in elements:
        kind = element.attributes.get("type", "").split(";")[0].strip().lower()
        if element.name != "link" or "alternate" not in element.rels or kind not in _FEED_TYPES:
            continue
        address = web_address(element.attributes.get("href", ""), base)
        about = f"{element.attributes.get('title', '')} {address}".lower()
        if address:
            found.setdefault(address, "comment" in about)
    return tuple(sorted(found, key=lambda address: found[address]))[:MAX_FEEDS]


def _has_token(feed: Feed, token: str) -> bool:
    token = token.strip()
    if len(token) < _LEAST_TOKEN:
        return False
    whole = re.compile(rf"(?<![\w-]){re.escape(token)}(?![\w-])")
    return any(whole.search(said) for entry in feed.entries[:NEWEST] for said in (entry.title, entry.text, *entry.tags))


def _same_page(one: str, other: str) -> bool:
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


def _base_of(elements: list[Element], page_url: str) -> str:
    written = next((e.attributes["href"] for e in elements if e.name == "base" and "href" in e.attributes), "")
    try:
        return urljoin(page_url, written)
    except ValueError:
        return page_url
