"""A vendor's leads → its private feed, as Atom (RFC 4287) and as JSON Feed 1.1."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup, escape
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intents.models import Revision
from notifiers import facts, links, proving
from notifiers.facts import Reader
from notifiers.models import Channel
from notifiers.post import Post
from vendors import leads, respond
from vendors.models import Lead, Subscription
from vrm.kernel.languages import spoken

_SHOWN = 50
_LOOKED_AT = 500  # Of which those of one subscription are picked.
_ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True, slots=True)
class Item:
    """One want in the feed."""

    lead: Lead
    url: str
    title: str
    text: str
    html: str
    published_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """All that a document needs. `items` are the newest first."""

    id: str
    title: str
    home_url: str
    changed_at: datetime
    items: Sequence[Item]


def feed_of(session: Session, channel: Channel, post: Post) -> Feed:
    """What the feed of this channel says now: its vendor's newest 50 leads, or those of its one subscription."""
    found = _leads(session, channel)
    changes = _changed(session, found)
    items = [_item(session, lead, channel, post, changes.get(lead.intent_id, lead.routed_at)) for lead in found]
    changed_at = max((item.changed_at for item in items), default=channel.created_at)
    title = f"Wants for {channel.vendor.name}" + (f": {channel.label}" if channel.label else "")
    return Feed(
        f"urn:vrm:feed:{channel.code}", title, f"{post.base_url}/vendor/{channel.vendor.slug}", changed_at, items
    )


def fetched(session: Session, channel: Channel, shown: Feed, now: datetime) -> None:
    """Somebody with the secret address has this now: proof that the channel is theirs, and of delivery."""
    if channel.verified_at is None:
        proving.mark_verified(session, channel, now)
    if channel.fetched_at is None or (now - channel.fetched_at).total_seconds() >= 60:
        channel.fetched_at = now
    found = [item.lead for item in shown.items]
    fresh = [lead.intent_id for lead in found if lead.notified_at is None]
    if fresh:
        session.execute(
            update(Lead)
            .where(Lead.vendor_id == channel.vendor_id, Lead.intent_id.in_(fresh), Lead.notified_at.is_(None))
            .values(notified_at=now)
        )
    respond.fetched(session, channel.vendor, found, now)
    session.flush()


def _leads(session: Session, channel: Channel) -> list[Lead]:
    code = str(channel.target.get("subscription", ""))
    if not code:
        return leads.inbox(session, channel.vendor, limit=_SHOWN).leads
    ours = select(Subscription.id).where(Subscription.vendor_id == channel.vendor_id, Subscription.code == code)
    subscription_id = session.scalar(ours)
    found = leads.inbox(session, channel.vendor, limit=_LOOKED_AT).leads
    return [lead for lead in found if any(reason[0] == subscription_id for reason in lead.reasons)][:_SHOWN]


def _changed(session: Session, found: Sequence[Lead]) -> dict[int, datetime]:
    last = (
        select(Revision.intent_id, func.max(Revision.made_at))
        .where(Revision.intent_id.in_([lead.intent_id for lead in found]))
        .group_by(Revision.intent_id)
    )
    return {row[0]: row[1] for row in session.execute(last)}


def _item(session: Session, lead: Lead, channel: Channel, post: Post, changed_at: datetime) -> Item:
    intent = lead.intent
    reader = Reader(lead.vendor.zone, spoken(lead.vendor.locale))
    want = facts.want_of(session, intent, reader)
    over = "" if intent.closed_at is None else reader.say("This want is over; there is nothing left to answer.")
    parts = [over, want.line, want.body, facts.why(session, lead, reader=reader)]
    url = links.answer_url(post.base_url, post.signer, lead, channel)
    paragraphs = [escape(part).replace("\n", Markup("<br>\n")) for part in parts if part]
    button = Markup('<p><a href="{}">{}</a></p>').format(url, reader.say("Read it and answer"))
    return Item(
        lead=lead,
        url=url,
        title=reader.say("Over: %(title)s", title=want.title) if over else want.title,
        text="\n\n".join(part for part in parts if part),
        html=str(Markup("\n").join([*(Markup("<p>{}</p>").format(part) for part in paragraphs), button])),
        published_at=lead.routed_at,
        changed_at=max(lead.routed_at, changed_at),
    )


# --- Documents ------------------------------------------------------------------------------------


def atom(feed: Feed, own_url: str) -> bytes:
    """The feed as Atom."""
    ET.register_namespace("", _ATOM)
    root = ET.Element(f"{{{_ATOM}}}feed")
    _text(root, "id", feed.id)
    _text(root, "title", feed.title)
    _text(root, "updated", _moment(feed.changed_at))
    _text(_text(root, "author"), "name", "VRM Intent Broker")
    _text(root, "link", rel="self", href=own_url)
    _text(root, "link", rel="alternate", href=feed.home_url)
    for item in feed.items:
        entry = _text(root, "entry")
        _text(entry, "id", _id(item))
        _text(entry, "title", item.title)
        _text(entry, "updated", _moment(item.changed_at))
        _text(entry, "published", _moment(item.published_at))
        _text(entry, "link", rel="alternate", href=item.url)
        _text(entry, "content", item.html, type="html")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def json_feed(feed: Feed, own_url: str) -> bytes:
    """The feed as JSON Feed 1.1 (jsonfeed.org)."""
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home_url,
        "feed_url": own_url,
        "items": [
            {
                "id": _id(item),
                "url": item.url,
                "title": item.title,
                "content_html": item.html,
                "content_text": item.text,
                "date_published": _moment(item.published_at),
                "date_modified": _moment(item.changed_at),
            }
            for item in feed.items
        ],
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _id(item: Item) -> str:
    return f"urn:vrm:lead:{item.lead.code}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    child.text = text
    return child
