"""A feed that names a hub (WebSub, W3C 2018) → a lease with the hub → a blog that is due when the hub says so.

The hub's word only makes a blog due; what is read is fetched from the blog itself. Without a lease blogs are polled.
"""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from intents.addresses import web_address
from intents.feed import Feed
from intents.fetching import Harvester
from intents.models import Blog, HubLease
from intents.page import links_of
from vrm.kernel.db import is_code, new_code
from vrm.kernel.errors import BadInput, NotFound, OutsideError
from vrm.kernel.outbound import FEED, Answer

log = logging.getLogger(__name__)

WISHED = timedelta(days=10)  # Hubs shorten or lengthen it as they like.
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=365)
POLL_ANYWAY = timedelta(hours=12)  # Hubs forget; a look now and then costs little.
SOON = timedelta(minutes=1)  # A hub that calls all the time makes us read no more often.

_AT_ONCE = 20
_LEASE = timedelta(minutes=5)  # Of a claim to ask.
_RETRY, _RETRY_AT_MOST = timedelta(hours=1), timedelta(days=1)
_METHODS = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}  # Not sha1 any more.


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub and the address under which it knows a feed."""

    url: str
    topic: str


def hub_of(feed: Feed, answer: Answer) -> Hub | None:
    """The hub that a feed or the headers of its answer name (WebSub §4), or None. Headers come first."""
    named: dict[str, str] = {"hub": "", "self": ""}
    for href, rels, _attributes in links_of(answer.headers.getall("Link", ())):
        for rel in rels & named.keys():
            named[rel] = named[rel] or web_address(href, answer.url)
    hub, topic = named["hub"] or feed.hub, named["self"] or feed.topic or answer.url
    return Hub(hub, topic) if hub else None


def note_hub(session: Session, blog: Blog, hub: Hub | None, now: datetime) -> None:
    """Have the hub asked that a feed names now; a feed that names none any more is polled again."""
    lease = session.get(HubLease, blog.id)
    if lease is not None and (hub is None or (lease.hub, lease.topic) != (hub.url, hub.topic)):
        session.delete(lease)
        session.flush()
        lease = None
    if hub is not None and lease is None:
        session.add(
            HubLease(blog_id=blog.id, code=new_code(24), hub=hub.url, topic=hub.topic, secret=new_code(32), ask_at=now)
        )


def promised_until(session: Session, blog_ids: Sequence[int]) -> dict[int, datetime]:
    """Until when hubs have promised to tell of these blogs, of those that have."""
    rows = session.execute(
        select(HubLease.blog_id, HubLease.until).where(HubLease.blog_id.in_(blog_ids), HubLease.until.is_not(None))
    )
    return {blog_id: until for blog_id, until in rows if until is not None}


def lease_on(session: Session, blog: Blog, now: datetime) -> HubLease | None:
    """The lease by which a hub has promised to say when the blog has something new, if one runs."""
    lease = session.get(HubLease, blog.id)
    return lease if lease is not None and lease.until is not None and lease.until > now else None


# --- Asking ---------------------------------------------------------------------------------------


def renew(harvester: Harvester) -> int:
    """Ask the hubs that are due to be asked; how many were."""
    try:
        # A hub could not call a broker that is not public.
        harvester.outbound.check(harvester.home_url, FEED)
    except BadInput:
        return 0
    now = harvester.clock()
    with harvester.store.write() as session:
        claimed = _claim(session, now)
    if claimed:
        asyncio.run(_ask_all(harvester, claimed))
    return len(claimed)


def _claim(session: Session, now: datetime) -> Sequence[HubLease]:
    due = session.scalars(
        select(HubLease)
        .join(Blog)
        .where(HubLease.ask_at <= now, Blog.ended_at.is_(None), Blog.verified_at.is_not(None))
        .order_by(HubLease.ask_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True, of=HubLease)
    ).all()
    for lease in due:
        lease.ask_at = now + _LEASE
        # Before the hub is asked: some call back before they have answered.
        lease.asked_at = now
    return due


async def _ask_all(harvester: Harvester, leases: Sequence[HubLease]) -> None:
    async with harvester.outbound:
        await asyncio.gather(*(_ask(harvester, lease) for lease in leases))


async def _ask(harvester: Harvester, lease: HubLease) -> None:
    form = {
        "hub.callback": f"{harvester.home_url}/websub/{lease.code}",
        "hub.mode": "subscribe",
        "hub.topic": lease.topic,
        "hub.lease_seconds": str(int(WISHED.total_seconds())),
        "hub.secret": lease.secret,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer = await harvester.outbound.post(lease.hub, body=urlencode(form).encode(), policy=FEED, headers=headers)
        trouble = "" if 200 <= answer.status < 300 else f"The hub answered {answer.status}."
    except OutsideError as error:
        trouble = str(error)
    await asyncio.to_thread(_note, harvester, lease.code, trouble)


def _note(harvester: Harvester, code: str, trouble: str) -> None:
    now = harvester.clock()
    with harvester.store.write() as session:
        lease = session.scalar(select(HubLease).where(HubLease.code == code).with_for_update())
        if lease is None:
            return
        lease.trouble = trouble[:500] or None
        # The hub confirms by a call of its own; when that does not come, it is asked again.
        if trouble or lease.asked_at is not None:
            lease.failures += 1
            lease.ask_at = now + min(_RETRY * (1 << min(lease.failures - 1, 10)), _RETRY_AT_MOST)


# --- Being called ---------------------------------------------------------------------------------


def lease_of(session: Session, code: str) -> HubLease:
    """The lease that a hub names in calling us; NotFound when it is none, or its blog is not read any more."""
    found = select(HubLease).where(HubLease.code == code).options(joinedload(HubLease.blog))
    lease = session.scalar(found) if is_code(code) else None
    if lease is None or lease.blog.ended_at is not None:
        raise NotFound("We do not listen to this any more.")
    return lease


def confirm(lease: HubLease, *, topic: str, lease_seconds: str, now: datetime) -> None:
    """The hub asks whether it was really us who subscribed (§5.3). Raises NotFound when it was not."""
    if lease.asked_at is None or topic != lease.topic:
        raise NotFound("We did not ask for this.")
    wished = timedelta(seconds=int(lease_seconds)) if lease_seconds.isdecimal() and len(lease_seconds) < 10 else WISHED
    lasts = min(max(SHORTEST, wished), LONGEST)
    lease.until = now + lasts
    lease.ask_at = now + lasts * 0.9
    lease.asked_at = lease.trouble = None
    lease.failures = 0


def deny(lease: HubLease, *, topic: str, reason: str) -> None:
    """The hub will not, or not any longer (§5.2): the blog is polled from now on."""
    if topic != lease.topic:
        raise NotFound("We did not ask for this.")
    lease.until = lease.ask_at = lease.asked_at = None
    lease.trouble = f"The hub refused: {reason}"[:500] if reason else "The hub refused."
    lease.blog.next_fetch_at = min(lease.blog.next_fetch_at, (lease.blog.fetched_at or lease.blog.created_at) + SOON)


def hear(session: Session, lease: HubLease, *, body: bytes, signature: str, now: datetime) -> bool:
    """Make the blog due when the hub says, signed with our secret (§7.1), that it has something new.

    False, and nothing is changed, when the signature does not fit, or when no lease runs.
    """
    method, _, given = signature.partition("=")
    if method not in _METHODS or lease.until is None or lease.until <= now:
        return False
    made = hmac.new(lease.secret.encode(), body, _METHODS[method]).hexdigest()
    if not hmac.compare_digest(made.encode(), given.strip().lower().encode()):
        return False
    lease.heard_at = now
    blog = lease.blog
    earliest = now if blog.fetched_at is None else max(now, blog.fetched_at + SOON)
    blog.next_fetch_at = min(blog.next_fetch_at, earliest)
    session.flush()
    return True
