"""A list of open wants → Atom (RFC 4287) and JSON Feed 1.1, for whoever follows it without an account."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from intents.models import Intent

_ATOM = "http://www.w3.org/2005/Atom"
ElementTree.register_namespace("", _ATOM)


def atom(title: str, here: str, page: str, entries: Sequence[tuple[Intent, str, str]], updated: datetime) -> bytes:
    """`entries` are (intent, its address, a line about place and budget); `page` is the list for people."""
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    _text(feed, "id", here)
    _text(feed, "title", title)
    _text(feed, "updated", _when(updated))
    for rel, href, kind in (("self", here, "application/atom+xml"), ("alternate", page, "text/html")):
        ElementTree.SubElement(feed, f"{{{_ATOM}}}link", {"rel": rel, "href": href, "type": kind})
    author = ElementTree.SubElement(feed, f"{{{_ATOM}}}author")
    _text(author, "name", "Somebody who wants to buy")  # An entry needs an author; who it is stays unsaid.
    for intent, url, line in entries:
        entry = ElementTree.SubElement(feed, f"{{{_ATOM}}}entry")
        _text(entry, "id", url)
        _text(entry, "title", intent.title)
        _text(entry, "published", _when(intent.opened_at or intent.created_at))
        _text(entry, "updated", _when(changed_at(intent)))
        ElementTree.SubElement(entry, f"{{{_ATOM}}}link", {"rel": "alternate", "href": url, "type": "text/html"})
        _text(entry, "summary", line)
        _text(entry, "content", f"{line}\n\n{intent.body}".strip())
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def json_feed(title: str, here: str, page: str, entries: Sequence[tuple[Intent, str, str]]) -> dict[str, Any]:
    """The same as JSON Feed (https://www.jsonfeed.org/version/1.1/)."""
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": page,
        "feed_url": here,
        "items": [
            {
                "id": url,
                "url": url,
                "title": intent.title,
                "summary": line,
                "content_text": f"{line}\n\n{intent.body}".strip(),
                "date_published": _when(intent.opened_at or intent.created_at),
                "date_modified": _when(changed_at(intent)),
            }
            for intent, url, line in entries
        ],
    }


def changed_at(intent: Intent) -> datetime:
    """When the want last said something new."""
    return intent.revisions[-1].made_at if intent.revisions else intent.created_at


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}").text = text


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
