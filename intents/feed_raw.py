"""Entries as a format wrote them -> a Feed: plain text, within bounds, each entry once, the newest first."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from intents.feed import MAX_ENTRIES, MAX_TEXT, MAX_TITLE, Feed, FeedEntry
from intents.plain import plain_line, plain_text
from intents.stated import Stated, demands_in

OLDEST = timedelta(days=365)
NEWEST = timedelta(days=1)
MAX_KEY = 500
MAX_TAGS = 50
MAX_TAG = 100
MAX_ABOUT = 500

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """One entry as a format wrote it, before anything is made safe."""

    guid: str
    link: str  # http(s), or "".
    title: str
    text: str
    tags: tuple[str, ...] = ()
    author: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    language: str = ""
    stated: Stated | None = None


def text_of(value: Any) -> str:
    """`value` if it is text, else ""."""
    return value if isinstance(value, str) else ""


def moment_of(written: Any) -> datetime | None:
    """A moment as ISO 8601 writes it, in UTC, which it also is when it names no zone."""
    try:
        moment = datetime.fromisoformat(text_of(written).strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def feed_of(
    title: str,
    home: str,
    raw: Sequence[Raw],
    *,
    fetched_at: datetime,
    warnings: Sequence[str] = (),
    hub: str = "",
    topic: str = "",
    about: str = "",
) -> Feed:
    """The feed that `raw` makes; `home`, `hub` and `topic` are web addresses or ""."""
    said = list(warnings)
    # Stable, so that entries without a date stay in the order of the feed, before those with one.
    newest = sorted(raw, key=lambda entry: entry.published_at or entry.updated_at or fetched_at, reverse=True)
    made = [_entry(entry, fetched_at) for entry in newest[:MAX_ENTRIES]]
    entries = _once_each(made)
    if len(raw) > MAX_ENTRIES:
        said.append(f"The feed has {len(raw):,} entries; the newest {MAX_ENTRIES} were read.")
    if len(made) > len(entries):
        said.append("Some entries have the same id; of each, the newest was read.")
    if any(entry.date_replaced for entry in entries):
        said.append("Some dates are more than a year ago or a day ahead; they count as the time of reading.")
    return Feed(
        title=plain_line(title, most=MAX_TITLE),
        url=home,
        entries=tuple(entries),
        warnings=tuple(said),
        hub=hub,
        topic=topic,
        about=plain_line(about, most=MAX_ABOUT),
    )


def _entry(raw: Raw, fetched_at: datetime) -> FeedEntry:
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
        stated=raw.stated or next(iter(demands_in(raw.text)), None),
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
