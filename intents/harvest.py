"""Blogs that are due → conditional GET → entries → drafts, and published wants where the author chose that.

Fetching holds no transaction: a blog is claimed and committed, fetched, and what was found is committed.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents.blogs import TWICE
from intents.entries import take
from intents.feed import Feed, FeedReader
from intents.models import Blog
from intents.ownership import Proof, discover_feeds, find_proof
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, NotAFeed, NotReachable, OutsideError
from vrm.kernel.outbound import FEED, PAGE, Answer, Outbound

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=15)  # No blog is read more often, unless its author presses the button.
BACK_OFF_AT_MOST = timedelta(hours=24)
DEAD_AFTER = timedelta(days=14)  # Of failures only.
_AT_ONCE = 20  # Blogs claimed together.
_LEASE = timedelta(minutes=5)  # A claim outlives the slowest fetch and parse; a dead claimer loses it.


@dataclass(frozen=True, slots=True)
class Harvester:
    """What reading blogs takes. `home_url` is the broker's own address, to which rel="me" links point."""

    store: Store
    outbound: Outbound
    reader: FeedReader
    clock: Clock
    home_url: str

    def proof_url(self, blog: Blog) -> str:
        """The address that a rel="me" link on the blog has to point to."""
        return f"{self.home_url}/proof/{blog.proof_token}"


# --- Proof ----------------------------------------------------------------------------------------


def prove(harvester: Harvester, blog_id: int) -> Proof:
    """Look whether the blog shows its proof, and begin to read it if so.

    Raises BadInput("url") with what was looked for when there is none, or when another of the account's blogs has
    the same feed; OutsideError when it cannot be read.
    """
    with harvester.store.read() as session:
        blog = session.get_one(Blog, blog_id)
    now = harvester.clock()
    answer = harvester.outbound.get_sync(blog.url, policy=PAGE)
    if not 200 <= answer.status < 300:
        raise NotReachable(f"The blog answered {answer.status}; please check its address.")
    feed, feed_url, page = _feed_behind(harvester, answer, blog.url, now)
    proof = _proof(harvester, blog, feed, page, answer.url)
    if proof is None and page is None and feed.url:
        proof = _proof_at_home(harvester, blog, feed)
    if proof is None:
        raise BadInput(
            {
                "url": f"We read the blog and found neither “{blog.proof_token}” in one of its newest posts nor a "
                f'rel="me" link to {harvester.proof_url(blog)}. Add one of them and try again.'
            }
        )
    with harvester.store.write() as session:
        blog = session.get_one(Blog, blog_id)
        twin = select(Blog.id).where(
            Blog.account_id == blog.account_id,
            Blog.feed_url == feed_url,
            Blog.ended_at.is_(None),
            Blog.id != blog.id,
        )
        if session.scalar(twin) is not None:
            raise BadInput({"url": TWICE})
        blog.verified_at = blog.verified_at or now
        blog.verified_by = proof.method
        blog.feed_url = feed_url
        blog.title = feed.title[:200]
        blog.next_fetch_at = now
    return proof


def _proof(harvester: Harvester, blog: Blog, feed: Feed, page: bytes | None, page_url: str) -> Proof | None:
    return find_proof(
        token=blog.proof_token,
        account_url=harvester.proof_url(blog),
        feed=feed,
        page_html=page,
        page_url=page_url,
    )


def _proof_at_home(harvester: Harvester, blog: Blog, feed: Feed) -> Proof | None:
    """When the feed itself was registered: a rel="me" link would be on the page that it names as its home."""
    try:
        home = harvester.outbound.get_sync(feed.url, policy=PAGE)
    except OutsideError:
        return None
    return _proof(harvester, blog, feed, home.body, home.url) if 200 <= home.status < 300 else None


def _feed_behind(harvester: Harvester, answer: Answer, asked: str, now: datetime) -> tuple[Feed, str, bytes | None]:
    """The feed that an address is or names, its address, and the page if there is one."""
    try:
        return _read(harvester, answer, now), _address_of(answer, asked), None
    except NotAFeed:
        for url in discover_feeds(answer.body, answer.url):
            try:
                found = harvester.outbound.get_sync(url, policy=FEED)
                if 200 <= found.status < 300:
                    return _read(harvester, found, now), _address_of(found, url), answer.body
            except OutsideError:
                continue  # A page may name several, and one that does not answer must not hide the next.
        raise


def _address_of(answer: Answer, asked: str) -> str:
    # A redirect that is not for good may lead elsewhere tomorrow.
    return answer.moved_permanently_to or asked


def _read(harvester: Harvester, answer: Answer, now: datetime) -> Feed:
    content_type = answer.headers.get("Content-Type", "")
    return harvester.reader.read(answer.body, content_type=content_type, url=answer.url, fetched_at=now)


# --- Reading what is due --------------------------------------------------------------------------


def harvest(harvester: Harvester) -> int:
    """Read every blog that is due, a batch at a time; how many were read, in vain or not."""
    with harvester.store.write() as session:
        claimed = _claim(session, harvester.clock())
    if claimed:
        asyncio.run(_harvest(harvester, claimed))
    return len(claimed)


def _claim(session: Session, now: datetime) -> list[Blog]:
    due = session.scalars(
        select(Blog)
        .where(Blog.verified_at.is_not(None), Blog.ended_at.is_(None), Blog.next_fetch_at <= now)
        .order_by(Blog.next_fetch_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for blog in due:
        blog.next_fetch_at = now + _LEASE
    return list(due)


async def _harvest(harvester: Harvester, blogs: list[Blog]) -> None:
    async with harvester.outbound:
        # Each is recorded as it comes, so that one slow host does not hold up the others.
        ends = await asyncio.gather(*(_read_one(harvester, blog) for blog in blogs), return_exceptions=True)
    for end in ends:
        if end is not None:
            raise end


async def _read_one(harvester: Harvester, blog: Blog) -> None:
    try:
        answer = await _fetch(harvester, blog)
        # In a thread: a transaction that waits for another writer must not stop the fetches.
        await asyncio.to_thread(_record, harvester, blog.id, answer)
    except Exception:
        # One bad blog never stops the others: it is put off like one that does not answer.
        log.exception("blog %s could not be read", blog.code)
        failure = OutsideError("Reading it failed for a reason of ours; it is tried again.")
        await asyncio.to_thread(_record, harvester, blog.id, failure)


async def _fetch(harvester: Harvester, blog: Blog) -> Answer | OutsideError:
    conditions = {"If-None-Match": blog.etag, "If-Modified-Since": blog.last_modified}
    headers = {name: value for name, value in conditions.items() if value}
    try:
        return await harvester.outbound.get(blog.feed_url, policy=FEED, headers=headers)
    except OutsideError as error:
        return error


def _record(harvester: Harvester, blog_id: int, answer: Answer | OutsideError) -> None:
    now = harvester.clock()
    feed: Feed | None = None
    trouble = answer if isinstance(answer, OutsideError) else _trouble_of(answer, now)
    if isinstance(answer, Answer) and trouble is None and answer.status != 304:
        try:
            feed = _read(harvester, answer, now)
        except NotAFeed as error:
            trouble = error
    with harvester.store.write() as session:
        blog = session.get(Blog, blog_id, with_for_update=True)
        if blog is None or blog.ended_at is not None:
            return  # Its author removed it while it was being fetched.
        if isinstance(answer, Answer) and answer.status == 410:
            blog.ended_at = now
            blog.trouble = "The blog says that it is gone for good."
        elif trouble is not None:
            _note_failure(blog, trouble, now)
        elif isinstance(answer, Answer):
            whole = take(session, blog, feed, now) if feed is not None else True
            _note_success(session, blog, answer, now)
            if not whole:
                # Otherwise "nothing changed" would keep the rest from being read tomorrow.
                blog.etag = blog.last_modified = None


def _trouble_of(answer: Answer, now: datetime) -> OutsideError | None:
    if answer.status == 304 or 200 <= answer.status < 300:
        return None
    wait = _wait_asked_for(answer.headers.get("Retry-After", ""), now)
    return OutsideError(f"The blog answered {answer.status}.", retry_after_s=wait)


def _wait_asked_for(retry_after: str, now: datetime) -> float | None:
    """Seconds of a Retry-After, which is a number or a date (RFC 9110 §10.2.3); None when it is neither."""
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
        return max(0.0, (until.astimezone(UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def _note_failure(blog: Blog, trouble: OutsideError, now: datetime) -> None:
    blog.failures += 1
    blog.failing_since = blog.failing_since or now
    blog.trouble = str(trouble)[:500]
    pause = min(EVERY * 2 ** min(blog.failures, 10), BACK_OFF_AT_MOST)
    if trouble.retry_after_s is not None:
        pause = min(max(pause, timedelta(seconds=trouble.retry_after_s)), BACK_OFF_AT_MOST)
    blog.next_fetch_at = now + pause
    if now - blog.failing_since >= DEAD_AFTER:
        blog.ended_at = now
        blog.trouble = f"Not readable for {DEAD_AFTER.days} days: {trouble}"[:500]


def _note_success(session: Session, blog: Blog, answer: Answer, now: datetime) -> None:
    blog.failures = 0
    blog.failing_since = None
    blog.trouble = None
    blog.fetched_at = now
    blog.next_fetch_at = now + min(max(EVERY, _fresh_for(answer)), BACK_OFF_AT_MOST)
    if answer.status != 304:
        blog.etag = answer.headers.get("ETag", "")[:500] or None
        blog.last_modified = answer.headers.get("Last-Modified", "")[:500] or None
    moved = answer.moved_permanently_to
    if moved and len(moved) <= 2000:
        mine = select(Blog.id).where(
            Blog.account_id == blog.account_id, Blog.feed_url == moved, Blog.ended_at.is_(None)
        )
        if session.scalar(mine) is None:
            blog.feed_url = moved


def _fresh_for(answer: Answer) -> timedelta:
    """Cache-Control's max-age (RFC 9111 §5.2.2.1); zero when there is none."""
    for directive in ",".join(answer.headers.getall("Cache-Control", ())).split(","):
        name, _, seconds = directive.strip().lower().partition("=")
        if name == "max-age" and seconds.isdecimal():
            return timedelta(seconds=int(seconds[:9]))
    return timedelta(0)
