"""Atom, RSS, JSON Feed or marked-up HTML bytes -> Feed. Run by `feed_child` only: no parser is trusted with more."""

import calendar
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.sax import SAXException

import feedparser  # type: ignore[import-untyped]  # It ships no types.
from feedparser.namespaces import mediarss  # type: ignore[import-untyped]  # Nor here.

from intents.addresses import web_address
from intents.feed import Feed
from intents.feed_pages import page_feed
from intents.feed_raw import Raw, feed_of, moment_of, text_of
from vrm.kernel.errors import NotAFeed

# feedparser takes what describes a picture (Mastodon writes one for each) for the text of the post itself. Without
# these handlers a description of media without attributes (YouTube's) is kept as "media_description".
del mediarss.Namespace._start_media_description, mediarss.Namespace._end_media_description

_CHARACTER_REFERENCE = re.compile(rb"&#(?:x0*([0-9a-f]{1,12})|0*([0-9]{1,12}));", re.IGNORECASE)
# Blogger marks posts, comments and settings with a category of this scheme; it is no tag.
_KIND_SCHEME = "http://schemas.google.com/g/2005#kind"


def understand(body: bytes, *, content_type: str, url: str, fetched_at: datetime) -> Feed:
    """Read a feed in this process. Raises NotAFeed, and on hostile bytes anything that a parser raises."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if not start:
        raise NotAFeed("There is nothing at this address; please check the address of the feed.")
    if start.startswith(b"{"):
        return _from_json(body, url=url, fetched_at=fetched_at)
    if start.startswith((b"<!doctype html", b"<html")):
        return _from_page(body, content_type=content_type, url=url, fetched_at=fetched_at)
    return _from_xml(body, content_type=content_type, url=url, fetched_at=fetched_at)


# --- Atom and RSS ---------------------------------------------------------------------------------


def _from_xml(body: bytes, *, content_type: str, url: str, fetched_at: datetime) -> Feed:
    # Bytes in a stream, never a name: feedparser would open a file or fetch an address that looks like one.
    # Nor is it told where the feed came from: it would make a guid "17" absolute, and the same entry would be another
    # one when the feed moves. We make links absolute ourselves.
    parsed = feedparser.parse(
        io.BytesIO(_CHARACTER_REFERENCE.sub(_possible, body)),
        # Without a charset the document knows its encoding best, whatever the media type (RFC 7303 §3).
        response_headers={"content-type": content_type if "charset" in content_type.lower() else "application/xml"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.get("version") and not parsed.entries:
        return _from_page(body, content_type=content_type, url=url, fetched_at=fetched_at)
    warnings = []
    if parsed.get("bozo") and isinstance(parsed.get("bozo_exception"), SAXException):
        warnings.append("The feed is not well-formed XML; what could be read was read. A validator names the place.")
    raw = [_raw_of(entry, parsed.feed, url) for entry in parsed.entries]
    if text_of(parsed.get("version")).startswith("rss"):
        # RSS knows no other date than dc:date where it has no pubDate.
        raw = [replace(entry, published_at=entry.published_at or entry.updated_at) for entry in raw]
    home = web_address(text_of(parsed.feed.get("link")), url)
    links = [link for link in parsed.feed.get("links") or [] if isinstance(link, dict)]
    return feed_of(
        text_of(parsed.feed.get("title")),
        home,
        raw,
        fetched_at=fetched_at,
        warnings=warnings,
        hub=_link_of(links, "hub", url),
        topic=_link_of(links, "self", url),
        about=text_of(parsed.feed.get("subtitle")),
    )


def _link_of(links: list[Any], rel: str, base: str) -> str:
    return next(filter(None, (web_address(text_of(e.get("href")), base) for e in links if e.get("rel") == rel)), "")


def _possible(found: re.Match[bytes]) -> bytes:
    """A reference to no character (a lone surrogate, beyond Unicode) makes feedparser raise: U+FFFD stands in."""
    number = int(found[1], 16) if found[1] else int(found[2])
    impossible = number == 0 or 0xD800 <= number <= 0xDFFF or number > 0x10FFFF
    return b"&#xFFFD;" if impossible else found[0]


def _from_page(body: bytes, *, content_type: str, url: str, fetched_at: datetime) -> Feed:
    feed = page_feed(body, content_type=content_type, url=url, fetched_at=fetched_at)
    if feed is None:
        raise NotAFeed(_why_not(body))
    return feed


def _why_not(body: bytes) -> str:
    if re.search(rb"<(!doctype\s+html|html|head|body)\b", body[:5000], re.IGNORECASE):
        return (
            "This is a web page without posts marked up as a feed; please give the address of its feed, "
            "often the page's with /feed."
        )
    return "This is neither Atom, RSS nor JSON Feed; please check the address of the feed."


def _raw_of(entry: feedparser.FeedParserDict, feed: feedparser.FeedParserDict, base: str) -> Raw:
    # dict.get, because FeedParserDict answers "updated" with "published" and warns about it.
    content = _content_of(entry)
    title = dict.get(entry, "title_detail") or {}
    language = content.get("language") or title.get("language") or feed.get("language") or ""
    authors = [a.get("name") or "" for a in dict.get(entry, "authors") or [] if isinstance(a, dict)]
    return Raw(
        guid=text_of(dict.get(entry, "id")),
        link=web_address(text_of(dict.get(entry, "link")), base),
        title=text_of(dict.get(entry, "title")),
        text=text_of(content.get("value")),
        tags=tuple(
            text_of(tag.get("term")) or text_of(tag.get("label"))
            for tag in dict.get(entry, "tags") or []
            if tag.get("scheme") != _KIND_SCHEME
        ),
        author=text_of(next(filter(None, authors), "")),
        published_at=_from_struct(dict.get(entry, "published_parsed")),
        updated_at=_from_struct(dict.get(entry, "updated_parsed")),
        language=text_of(language),
    )


def _content_of(entry: feedparser.FeedParserDict) -> dict[str, Any]:
    """The fullest text there is: content before summary before what describes a video."""
    for content in dict.get(entry, "content") or []:
        kind = content.get("type") or ""
        if content.get("value") and (kind.startswith("text/") or "html" in kind):
            return dict(content)
    return dict(dict.get(entry, "summary_detail") or {"value": dict.get(entry, "media_description")})


def _from_struct(moment: Any) -> datetime | None:
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(moment), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


# --- JSON Feed (jsonfeed.org, versions 1 and 1.1) -------------------------------------------------


def _from_json(body: bytes, *, url: str, fetched_at: datetime) -> Feed:
    try:
        feed = json.loads(body, parse_constant=_no_constant, parse_int=_short_number)
    except (ValueError, RecursionError) as failure:
        raise NotAFeed("This looks like JSON and cannot be read as JSON; please check the feed.") from failure
    if not isinstance(feed, dict) or not text_of(feed.get("version")).startswith("https://jsonfeed.org/version/"):
        raise NotAFeed("This is JSON but no JSON Feed: it has no “version” of jsonfeed.org.")
    items = feed.get("items")
    raw = [
        _raw_of_item(item, feed, url) for item in (items if isinstance(items, list) else []) if isinstance(item, dict)
    ]
    home = web_address(text_of(feed.get("home_page_url")), url)
    hubs = (
        [hub for hub in feed.get("hubs") or [] if isinstance(hub, dict)] if isinstance(feed.get("hubs"), list) else []
    )
    return feed_of(
        text_of(feed.get("title")),
        home,
        raw,
        fetched_at=fetched_at,
        hub=next(filter(None, (web_address(text_of(hub.get("url")), url) for hub in hubs)), ""),
        topic=web_address(text_of(feed.get("feed_url")), url),
        about=text_of(feed.get("description")),
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _short_number(digits: str) -> int:
    return int(digits[:20])  # Python refuses to read very long numbers, and none matters here.


def _raw_of_item(item: dict[str, Any], feed: dict[str, Any], base: str) -> Raw:
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    names = [text_of(a.get("name")) for a in authors or [] if isinstance(a, dict)]
    tags = item.get("tags")
    guid = item.get("id")
    text = text_of(item.get("content_html")) or text_of(item.get("content_text")) or text_of(item.get("summary"))
    return Raw(
        guid=str(guid) if isinstance(guid, int | float) else text_of(guid),
        link=web_address(text_of(item.get("url")), base),
        title=text_of(item.get("title")),
        text=text,
        tags=tuple(text_of(tag) for tag in tags) if isinstance(tags, list) else (),
        author=next(filter(None, names), ""),
        published_at=moment_of(item.get("date_published")),
        updated_at=moment_of(item.get("date_modified")),
        language=text_of(item.get("language")) or text_of(feed.get("language")),
    )
