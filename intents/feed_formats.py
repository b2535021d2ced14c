"""Atom, RSS or JSON Feed bytes -> Feed. Run by `feed_child` only: feedparser is not to be trusted with our process."""

import calendar
import hashlib
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax import SAXException

import feedparser  # type: ignore[import-untyped]  # It ships no types.
from feedparser.namespaces import mediarss  # type: ignore[import-untyped]  # Nor here.

from intents.addresses import web_address
from intents.feed import MAX_ENTRIES, MAX_TEXT, MAX_TITLE, Feed, FeedEntry
from intents.plain import plain_line, plain_text
from vrm.kernel.errors import NotAFeed

OLDEST = timedelta(days=365)
NEWEST = timedelta(days=1)
MAX_KEY = 500
MAX_TAGS = 50
MAX_TAG = 100

# feedparser takes what describes a picture (Mastodon writes one for each) for the text of the post itself. Without
# these handlers a description of media without attributes (YouTube's) is kept as "media_description".
del mediarss.Namespace._start_media_description, mediarss.Namespace._end_media_description

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")
_CHARACTER_REFERENCE = re.compile(rb"&#(?:x0*([0-9a-f]{1,12})|0*([0-9]{1,12}));", re.IGNORECASE)
# Blogger marks posts, comments and settings with a category of this scheme; it is no tag.
_KIND_SCHEME = "http://schemas.google.com/g/2005#kind"


@dataclass(frozen=True, slots=True)
class _Raw:
    """One entry as a format wrote it, before anything is made safe."""

    guid: str
    link: str  # http(s), or "".
    title: str
    text: str
    tags: tuple[str, ...]
    author: str
    published_at: datetime | None
    updated_at: datetime | None
    language: str


def understand(body: bytes, *, content_type: str, url: str, fetched_at: datetime) -> Feed:
    """Read a feed in this process. Raises NotAFeed, and on hostile bytes anything that a parser raises."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if not start:
        raise NotAFeed("There is nothing at this address; please check the address of the feed.")
    if start.startswith(b"{"):
        return _from_json(body, url=url, fetched_at=fetched_at)
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
        raise NotAFeed(_why_not(body))
    warnings = []
    if parsed.get("bozo") and isinstance(parsed.get("bozo_exception"), SAXException):
        warnings.append("The feed is not well-formed XML; what could be read was read. A validator names the place.")
    raw = [_raw_of(entry, parsed.feed, url) for entry in parsed.entries]
    home = web_address(_text(parsed.feed.get("link")), url)
    return _feed(_text(parsed.feed.get("title")), home, raw, fetched_at=fetched_at, warnings=warnings)


def _possible(found: re.Match[bytes]) -> bytes:
    """A reference to no character (a lone surrogate, beyond Unicode) makes feedparser raise: U+FFFD stands in."""
    number = int(found[1], 16) if found[1] else int(found[2])
    impossible = number == 0 or 0xD800 <= number <= 0xDFFF or number > 0x10FFFF
    return b"&#xFFFD;" if impossible else found[0]


def _why_not(body: bytes) -> str:
    if re.search(rb"<(!doctype\s+html|html|head|body)\b", body[:5000], re.IGNORECASE):
        return "This is a web page, not a feed; please give the address of its feed, often the page's with /feed."
    return "This is neither Atom, RSS nor JSON Feed; please check the address of the feed."


def _raw_of(entry: feedparser.FeedParserDict, feed: feedparser.FeedParserDict, base: str) -> _Raw:
    # dict.get, because FeedParserDict answers "updated" with "published" and warns about it.
    content = _content_of(entry)
    title = dict.get(entry, "title_detail") or {}
    language = content.get("language") or title.get("language") or feed.get("language") or ""
    authors = [a.get("name") or "" for a in dict.get(entry, "authors") or [] if isinstance(a, dict)]
    return _Raw(
        guid=_text(dict.get(entry, "id")),
        link=web_address(_text(dict.get(entry, "link")), base),
        title=_text(dict.get(entry, "title")),
        text=_text(content.get("value")),
        tags=tuple(
            _text(tag.get("term")) or _text(tag.get("label"))
            for tag in dict.get(entry, "tags") or []
            if tag.get("scheme") != _KIND_SCHEME
        ),
        author=_text(next(filter(None, authors), "")),
        published_at=_from_struct(dict.get(entry, "published_parsed")),
        updated_at=_from_struct(dict.get(entry, "updated_parsed")),
        language=_text(language),
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
    if not isinstance(feed, dict) or not _text(feed.get("version")).startswith("https://jsonfeed.org/version/"):
        raise NotAFeed("This is JSON but no JSON Feed: it has no “version” of jsonfeed.org.")
    items = feed.get("items")
    raw = [
        _raw_of_item(item, feed, url) for item in (items if isinstance(items, list) else []) if isinstance(item, dict)
    ]
    home = web_address(_text(feed.get("home_page_url")), url)
    return _feed(_text(feed.get("title")), home, raw, fetched_at=fetched_at, warnings=[])


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _short_number(digits: str) -> int:
    return int(digits[:20])  # Python refuses to read very long numbers, and none matters here.


def _raw_of_item(item: dict[str, Any], feed: dict[str, Any], base: str) -> _Raw:
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    names = [_text(a.get("name")) for a in authors or [] if isinstance(a, dict)]
    tags = item.get("tags")
    guid = item.get("id")
    text = _text(item.get("content_html")) or _text(item.get("content_text")) or _text(item.get("summary"))
    return _Raw(
        guid=str(guid) if isinstance(guid, int | float) else _text(guid),
        link=web_address(_text(item.get("url")), base),
        title=_text(item.get("title")),
        text=text,
        tags=tuple(_text(tag) for tag in tags) if isinstance(tags, list) else (),
        author=next(filter(None, names), ""),
        published_at=_from_text(item.get("date_published")),
        updated_at=_from_text(item.get("date_modified")),
        language=_text(item.get("language")) or _text(feed.get("language")),
    )


def _from_text(written: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(written))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


# --- What every format has in common --------------------------------------------------------------


def _feed(title: str, home: str, raw: list[_Raw], *, fetched_at: datetime, warnings: list[str]) -> Feed:
    # Stable, so that entries without a date stay in the order of the feed, before those with one.
    newest = sorted(raw, key=lambda entry: entry.published_at or entry.updated_at or fetched_at, reverse=True)
    made = [_entry(entry, fetched_at) for entry in newest[:MAX_ENTRIES]]
    entries = _once_each(made)
    if len(raw) > MAX_ENTRIES:
        warnings.append(f"The feed has {len(raw):,} entries; the newest {MAX_ENTRIES} were read.")
    if len(made) > len(entries):
        warnings.append("Some entries have the same id; of each, the newest was read.")
    if any(entry.date_replaced for entry in entries):
        warnings.append("Some dates are more than a year ago or a day ahead; they count as the time of reading.")
    return Feed(
        title=plain_line(title, most=MAX_TITLE),
        url=home,
        entries=tuple(entries),
        warnings=tuple(warnings),
    )


def _entry(raw: _Raw, fetched_at: datetime) -> FeedEntry:
    published_at, published_replaced = _within(raw.published_at, fetched_at)
    updated_at, updated_replaced = _within(raw.updated_at, fetched_at)
    entry = FeedEntry(
        key="",
        url=raw.link,
        title=plain_line(raw.title, most=MAX_TITLE),
        text=plain_text(raw.text, most_bytes=MAX_TEXT),
        tags=_tags(raw.tags),
        author=plain_line(raw.author, most=MAX_TITLE),
        published_at=published_at,
        updated_at=updated_at,
        language=raw.language if _LANGUAGE.fullmatch(raw.language) else None,
        date_replaced=published_replaced or (updated_replaced and raw.published_at is None),
    )
    return replace(entry, key=_key(raw.guid, raw.link, entry))


def _key(guid: str, link: str, entry: FeedEntry) -> str:
    guid = "".join(guid.split())
    if guid and guid.isprintable() and len(guid) <= MAX_KEY:
        return guid
    if not guid and link and len(link) <= MAX_KEY:
        return link
    said = guid or link or f"{entry.title}\n{entry.text}"
    return "sha256:" + hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


def _once_each(entries: Iterable[FeedEntry]) -> list[FeedEntry]:
    by_key: dict[str, FeedEntry] = {}
    for entry in entries:
        by_key.setdefault(entry.key, entry)
    return list(by_key.values())


def _within(moment: datetime | None, fetched_at: datetime) -> tuple[datetime | None, bool]:
    if moment is None or fetched_at - OLDEST <= moment <= fetched_at + NEWEST:
        return moment, False
    return fetched_at, True


def _tags(written: Iterable[str]) -> tuple[str, ...]:
    tags: dict[str, str] = {}
    for tag in written:
        plain = plain_line(tag, most=MAX_TAG).lstrip("#").strip()
        if plain and len(tags) < MAX_TAGS:
            tags.setdefault(plain.casefold(), plain)
    return tuple(tags.values())
