"""The operator's first page: what there is, is owed, is stuck and waits for a person; counted, in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from intents.models import Blog, Intent
from notifiers import again, gauges
from notifiers.models import Channel
from vendors.models import Lead, Response, Subscription, Vendor
from vendors.reports import Report
from vrm.kernel.accounts import Account
from vrm.readers import Access
from vrm.web.words import ngettext

LATE = timedelta(minutes=2)  # For longer than this, nothing that is due waits for a worker that runs.


@dataclass(frozen=True, slots=True)
class Tile:
    """A number, the words beside it, and the page that has more; None where there is none."""

    count: int
    words: str
    page: str | None = None


def late_since(session: Session, now: datetime) -> datetime | None:
    """Since when something is due that a running worker would have taken up; None while all goes on."""
    due = gauges.owed(session, now).oldest_due_at
    return due if due is not None and due < now - LATE else None


def there(session: Session) -> list[Tile]:
    """What there is."""
    open_ = Intent.opened_at.is_not(None), Intent.closed_at.is_(None)
    wants = _count(session, select(func.count(Intent.id)).where(*open_))
    vendors = _count(session, select(func.count(Vendor.id)).where(Vendor.closed_at.is_(None)))
    orders = _count(session, select(func.count(Subscription.id)).where(Subscription.ended_at.is_(None)))
    leads = _count(session, select(func.count(Lead.intent_id)))
    answers = _count(session, select(func.count(Response.id)))
    people = _count(session, select(func.count(Account.id)).where(Account.closed_at.is_(None)))
    return [
        Tile(wants, ngettext("want open", "wants open", wants), url_for("browse.wants")),
        Tile(vendors, ngettext("vendor", "vendors", vendors)),
        Tile(orders, ngettext("subscription", "subscriptions", orders)),
        Tile(leads, ngettext("time a want fitted a vendor", "times a want fitted a vendor", leads)),
        Tile(answers, ngettext("answer", "answers", answers)),
        Tile(people, ngettext("person", "people", people), url_for("people.people")),
    ]


def owed(session: Session, now: datetime) -> list[Tile]:
    """What the worker has still to do."""
    unrouted = _count(
        session,
        select(func.count(Intent.id)).where(
            Intent.opened_at.is_not(None),
            Intent.routed_at.is_(None),
            Intent.closed_at.is_(None),
            Intent.paused_at.is_(None),
        ),
    )
    messages = gauges.owed(session, now)
    blogs = _count(
        session,
        select(func.count(Blog.id)).where(
            Blog.verified_at.is_not(None), Blog.ended_at.is_(None), Blog.next_fetch_at <= now
        ),
    )
    queue = url_for("admin.queue")
    return [
        Tile(unrouted, ngettext("want to find vendors for", "wants to find vendors for", unrouted)),
        Tile(messages.count, ngettext("message to be sent", "messages to be sent", messages.count), queue),
        Tile(messages.due, ngettext("of them is due now", "of them are due now", messages.due), queue),
        Tile(blogs, ngettext("blog to be read now", "blogs to be read now", blogs)),
    ]


def stuck(session: Session, now: datetime) -> list[Tile]:
    """What does not get on by itself."""
    lost = again.count_lost(session, now)
    channels = select(func.count(Channel.id)).where(Channel.ended_at.is_(None))
    failing = _count(session, channels.where(Channel.failing_since.is_not(None)))
    off = _count(session, channels.where(Channel.switched_off_at.is_not(None)))
    blogs = _count(session, select(func.count(Blog.id)).where(Blog.failing_since.is_not(None), Blog.ended_at.is_(None)))
    return [
        Tile(
            lost,
            ngettext("message given up in 30 days", "messages given up in 30 days", lost),
            url_for("lost.all_lost"),
        ),
        Tile(failing, ngettext("channel that fails", "channels that fail", failing)),
        Tile(off, ngettext("channel switched off", "channels switched off", off)),
        Tile(blogs, ngettext("blog that cannot be read", "blogs that cannot be read", blogs)),
    ]


def waiting(session: Session) -> list[Tile]:
    """What waits for an operator."""
    found = _count(session, select(func.count(Report.id)).where(Report.closed_at.is_(None)))
    held = _count(session, select(func.count(Intent.id)).where(Intent.held_at.is_not(None), Intent.closed_at.is_(None)))
    ask = _count(session, select(func.count(Access.id)).where(Access.approved_at.is_(None), Access.ended_at.is_(None)))
    queue = url_for("moderation.queue")
    return [
        Tile(found, ngettext("report to be looked at", "reports to be looked at", found), queue),
        Tile(held, ngettext("want held", "wants held", held), queue),
        Tile(ask, ngettext("researcher who asks", "researchers who ask", ask), url_for("research.ask")),
    ]


def _count(session: Session, query: Select[Any]) -> int:
    return session.scalar(query) or 0
