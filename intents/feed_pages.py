"""A page marked up for machines (h-feed, h-entry, h-listing, JSON-LD) -> Feed. Run by `feed_child` only."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import mf2py  # type: ignore[import-untyped]  # It ships no types.

from intents.addresses import web_address
from intents.feed import Feed
from intents.feed_raw import Raw, feed_of, moment_of, text_of
from intents.plain import plain_text
from intents.stated import Stated, demands_in, from_listing

_MARKED_UP = re.compile(rb"\bh-(?:feed|entry|listing)\b|\bh(?:entry|feed)\b|application/ld\+json", re.IGNORECASE)
_POSTS = frozenset({"h-entry", "h-listing"})
_MAX_ITEMS = 2_000  # Looked at on one page.
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w-]{2,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]{2,40})", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,500})", re.IGNORECASE)


def page_feed(body: bytes, *, content_type: str, url: str, fetched_at: datetime) -> Feed | None:
    """The posts of a page, or None when it marks up none. `url` is where it came from in the end."""
    if not _MARKED_UP.search(body):
        return None
    page = _decoded(body, content_type)
    parsed = mf2py.parse(doc=page, html_parser="html5lib", url=url)
    items = parsed["items"]
    raw = [_raw_of(item, url) for item in _posts(items)]
    raw = _with_demands(raw, list(demands_in(page)), url)
    if not raw:
        return None
    feed = next((item for item in items if "h-feed" in item["type"]), None)
    properties = feed["properties"] if feed is not None else {}
    titled = _TITLE.search(page)
    rels = parsed["rels"]
    return feed_of(
        _one(properties, "name") or (titled[1] if titled else ""),
        # A page is its own home, wherever its markup says that it lives.
        url,
        raw,
        fetched_at=fetched_at,
        hub=next(filter(None, (web_address(link, url) for link in rels.get("hub", []))), ""),
        topic=next(filter(None, (web_address(link, url) for link in rels.get("self", []))), ""),
        about=_one(properties, "summary"),
    )


def _decoded(body: bytes, content_type: str) -> str:
    """By the header, else by the page's own word, else UTF-8; never an error."""
    named = _CHARSET.search(content_type)
    written = _META_CHARSET.search(body[:4_000])
    for charset in (named[1] if named else "", written[1].decode() if written else "", "utf-8"):
        try:
            return body.decode(charset, "replace")
        except (LookupError, ValueError):
            continue
    return body.decode("latin-1")


def _posts(items: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Entries and listings wherever they stand, but for what a post quotes or answers within itself."""
    waiting = list(items)[:_MAX_ITEMS]
    looked = 0
    while waiting and looked < _MAX_ITEMS:
        item = waiting.pop(0)
        looked += 1
        if not isinstance(item, dict):
            continue
        if _POSTS & set(item.get("type", [])):
            yield item
        else:
            waiting[:0] = item.get("children", [])
            waiting += [entry for entry in item.get("properties", {}).get("entry", []) if isinstance(entry, dict)]


def _raw_of(item: dict[str, Any], base: str) -> Raw:
    properties = item["properties"]
    content = next((one for one in properties.get("content", []) if isinstance(one, dict)), {})
    text = text_of(content.get("html")) or _one(properties, "content") or _one(properties, "summary", "description")
    link = web_address(_one(properties, "url"), base)
    stated = from_listing(properties) if "h-listing" in item["type"] else None
    return Raw(
        guid=_one(properties, "uid"),
        link=link,
        title=_title(_one(properties, "name"), text),
        text=text,
        tags=tuple(_said(tag) for tag in properties.get("category", [])),
        author=_one(properties, "author"),
        published_at=moment_of(_one(properties, "published", "listed")),
        updated_at=moment_of(_one(properties, "updated")),
        language=text_of(content.get("lang")) or text_of(item.get("lang")),
        stated=stated,
    )


def _title(name: str, text: str) -> str:
    """A note has no title: parsers make its name of all that it says."""
    said = " ".join(plain_text(text, most_bytes=2_000).split())
    return "" if said and " ".join(name.split())[:100].startswith(said[:100]) else name


def _with_demands(raw: list[Raw], demands: list[Stated], url: str) -> list[Raw]:
    """Demands that a page states beside its posts: each belongs to the post at its address, or to the only post."""
    rest = []
    for demand in demands:
        link = web_address(demand.url, url) or url
        at = next((n for n, post in enumerate(raw) if post.link == link), 0 if len(raw) == 1 else None)
        if at is not None and raw[at].stated is None:
            raw[at] = replace(raw[at], stated=demand)
        elif at is None:
            rest.append(
                Raw(
                    guid="",
                    link=link,
                    title=demand.name,
                    text=demand.text,
                    published_at=moment_of(demand.posted),
                    language=demand.language,
                    stated=demand,
                )
            )
    # Several demands at the address of the page itself would be one entry; what they say tells them apart.
    several = len({post.link for post in rest}) < len(rest)
    return raw + [replace(post, guid=f"{post.link}#{post.title}") if several else post for post in rest]


def _one(properties: dict[str, Any], *names: str) -> str:
    for name in names:
        for value in properties.get(name, []):
            if said := _said(value):
                return said
    return ""


def _said(value: Any) -> str:
    if isinstance(value, dict):
        named = value.get("properties", {}).get("name", [])
        return text_of(named[0] if named else "") or text_of(value.get("value"))
    return text_of(value)
