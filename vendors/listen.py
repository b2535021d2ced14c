"""Watched feeds that are due → posts that read like wants → sightings. What is no want leaves no trace.

Who asks not to be read by machines is not: robots.txt, noindex, #nobot in the post or on the author's page.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intents import manners, pace
from intents.blogs import still_there
from intents.detect import detect
from intents.entries import take_claimed
from intents.feed import Feed, FeedEntry
from intents.fetching import ACCEPT, Harvester
from intents.lexicon import lexicon
from intents.meaning import find_region
from intents.models import Blog, Entry
from intents.ownership import same_page
from intents.prove import prove
from intents.understand import understand
from vendors import watches
from vendors.watches import Sighting, Watch
from vrm.kernel import taxonomy
from vrm.kernel.db import new_code
from vrm.kernel.errors import BadInput, NotFound, NotReachable, OutsideError
from vrm.kernel.outbound import FEED, PAGE

log = logging.getLogger(__name__)

MOST_HITS = 20  # Pages of strangers looked at for one reading of one feed.
_AT_ONCE = 10
_LEASE = timedelta(minutes=10)
_SINCE = timedelta(days=2)  # Older posts are no longer news at the first look.
_REFUSED = "This site asks machines not to read it (robots.txt or noindex), so we do not."


@dataclass(frozen=True, slots=True)
class Seen:
    """A post that reads like a want."""

    url: str
    category_id: int | None
    region_id: int | None


@dataclass(slots=True)
class _Visit:
    """One round of listening: what hosts say in their robots.txt is asked once."""

    harvester: Harvester
    robots: dict[str, bytes | None] = field(default_factory=dict)

    def may_read(self, url: str) -> bool:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        if place not in self.robots:
            self.robots[place] = self._robots_of(place)
        rules = self.robots[place]
        return rules is not None and manners.robots_allow(rules, url)

    def _robots_of(self, place: str) -> bytes | None:
        """None: the host does not answer well, and then nothing of it may be read (RFC 9309 §2.3.1.4)."""
        try:
            answer = self.harvester.outbound.get_sync(f"{place}/robots.txt", policy=PAGE)
        except OutsideError:
            return None
        if answer.status >= 500:
            return None
        return answer.body if 200 <= answer.status < 300 else b""

    def is_welcome(self, url: str) -> bool:
        """Whether neither the post's page nor its author's asks us to stay away."""
        for address in filter(None, (url, manners.profile_of(url))):
            if not self.may_read(address):
                return False
            try:
                page = self.harvester.outbound.get_sync(address, policy=PAGE)
            except OutsideError:
                return False
            text = page.body[:200_000].decode("utf-8", "replace")
            tag = page.headers.get("X-Robots-Tag", "")
            if page.status >= 400 or manners.forbids_index(page.body, tag) or manners.says_nobot(text):
                return False
        return True


def listen(harvester: Harvester) -> int:
    """Read the watched feeds that are due; how many were."""
    now = harvester.clock()
    with harvester.store.write() as session:
        claimed = session.scalars(
            select(Watch)
            .where(Watch.ended_at.is_(None), Watch.next_fetch_at <= now)
            .order_by(Watch.next_fetch_at)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for watch in claimed:
            watch.next_fetch_at = now + _LEASE
    visit = _Visit(harvester)
    for watch in claimed:
        try:
            _look(visit, watch, now)
        except OutsideError as error:
            _note_failure(harvester, watch, error, now)
        except Exception:
            # One bad feed never stops the others.
            log.exception("watch %s could not be read", watch.code)
            _note_failure(harvester, watch, OutsideError("Reading it failed for a reason of ours."), now)
    return len(claimed)


def _look(visit: _Visit, watch: Watch, now: datetime) -> None:
    harvester = visit.harvester
    if not visit.may_read(watch.url):
        raise OutsideError(_REFUSED)
    conditions = {"If-None-Match": watch.etag, "If-Modified-Since": watch.last_modified, "Accept": ACCEPT}
    headers = {name: value for name, value in conditions.items() if value}
    answer = harvester.outbound.get_sync(watch.url, policy=FEED, headers=headers)
    if manners.forbids_index(b"", answer.headers.get("X-Robots-Tag", "")):
        raise OutsideError(_REFUSED)
    feed: Feed | None = None
    if answer.status != 304:
        if not 200 <= answer.status < 300:
            wait = pace.wait_asked_for(answer.headers.get("Retry-After", ""), now)
            raise OutsideError(f"The feed answered {answer.status}.", retry_after_s=wait)
        feed = harvester.read(answer, now)
    seen = [one for one in sightings_in(harvester, watch, feed, now) if visit.is_welcome(one.url)] if feed else []
    with harvester.store.write() as session:
        watch = session.get_one(Watch, watch.id, with_for_update=True)
        watch.failures, watch.trouble, watch.fetched_at = 0, None, now
        usual = pace.EVERY
        if feed is not None:
            usual = pace.rhythm(feed.entries, now)
            watch.title = feed.title[:200] or watch.title
            watch.newest_at = max(filter(None, (watch.newest_at, *(_moment(e) for e in feed.entries))), default=None)
            watch.etag = answer.headers.get("ETag", "")[:500] or None
            watch.last_modified = answer.headers.get("Last-Modified", "")[:500] or None
            _forget_vanished(session, watch, feed)
        watch.next_fetch_at = now + pace.after_answer(usual, answer)
        known = set(session.scalars(select(Sighting.url).where(Sighting.watch_id == watch.id)))
        for one in seen:
            if one.url not in known and watch.ended_at is None:
                session.add(
                    Sighting(
                        code=new_code(),
                        watch_id=watch.id,
                        url=one.url,
                        category_id=one.category_id,
                        region_id=one.region_id,
                        seen_at=now,
                    )
                )


def sightings_in(harvester: Harvester, watch: Watch, feed: Feed, now: datetime) -> list[Seen]:
    """The new posts of a feed that read like wants and whose words do not forbid it, at most 20."""
    if manners.says_nobot(feed.about, feed.title):
        return []
    with harvester.store.read() as session:
        trees = taxonomy.trees(session)
    after = watch.newest_at or now - _SINCE
    found: list[Seen] = []
    for entry in feed.entries:
        moment = _moment(entry)
        words = (entry.title, entry.text, *(f"#{tag}" for tag in entry.tags))
        is_news = moment is not None and moment > after and bool(entry.url)
        if not is_news or manners.says_nobot(*words) or manners.names_blocked(watch.blocked, *words):
            continue
        text = f"{entry.title}. {entry.text}" if entry.title else entry.text
        read = understand(text, trees=trees, lexicon=lexicon(), now=now)
        sure = "category" in read.sure
        if detect(entry.text, title=entry.title, tags=entry.tags, names_thing=sure).is_want:
            _named, region = find_region(trees.regions, entry.title or text[:300], text, entry.tags, home_id=None)
            category_id = read.categories[0].node_id if sure else None
            found.append(Seen(entry.url, category_id, region.id if region is not None else None))
    return found[:MOST_HITS]


def _moment(entry: FeedEntry) -> datetime | None:
    return None if entry.date_replaced else entry.published_at or entry.updated_at


def _forget_vanished(session: Session, watch: Watch, feed: Feed) -> None:
    """A post that its author took back is gone here, too, unless it only scrolled off the feed."""
    moments = [moment for entry in feed.entries if (moment := _moment(entry)) is not None]
    if not moments:
        return
    present = [entry.url for entry in feed.entries]
    gone = delete(Sighting).where(
        Sighting.watch_id == watch.id,
        Sighting.claimed_at.is_(None),
        Sighting.seen_at > min(moments) + timedelta(days=1),
        Sighting.url.not_in(present),
    )
    session.execute(gone, execution_options={"synchronize_session": False})


def _note_failure(harvester: Harvester, watch: Watch, trouble: OutsideError, now: datetime) -> None:
    with harvester.store.write() as session:
        watch = session.get_one(Watch, watch.id, with_for_update=True)
        watch.failures += 1
        watch.trouble = str(trouble)[:500]
        watch.next_fetch_at = now + pace.after_failures(watch.failures, trouble.retry_after_s)


# --- The author claims it -------------------------------------------------------------------------


def claim(harvester: Harvester, sighting_id: int, blog_id: int) -> int:
    """Make a draft of the post that was seen, for whoever has proven its blog; the id of the entry.

    Goes out, so the caller has no transaction open. Raises BadInput("url") when the blog is not proven or does not
    have the post, NotFound when blog or sighting went meanwhile, and OutsideError when it cannot be read.
    """
    with harvester.store.read() as session:
        blog, sighting = session.get(Blog, blog_id), session.get(Sighting, sighting_id)
    if blog is not None and blog.verified_at is None:
        prove(harvester, blog_id)
        with harvester.store.read() as session:
            blog = session.get(Blog, blog_id)
    if blog is None or sighting is None:
        raise NotFound("This invitation is not open any more.")
    now = harvester.clock()
    answer = harvester.outbound.get_sync(blog.feed_url, policy=FEED, headers={"Accept": ACCEPT})
    if not 200 <= answer.status < 300:
        raise NotReachable(f"The blog answered {answer.status}; please try again later.")
    item = _post_at(sighting.url, harvester.read(answer, now).entries)
    if item is None:
        raise BadInput(
            {"url": "That blog is yours, but this post is not in its feed; please name the one that has it."}
        )
    with harvester.store.write() as session:
        blog = still_there(session, blog_id)
        watches.invited(session, sighting.code, held=True).claimed_at = now
        entry: Entry = take_claimed(session, blog, item, now)
        return entry.id


def _post_at(url: str, entries: Sequence[FeedEntry]) -> FeedEntry | None:
    return next((entry for entry in entries if same_page(entry.url, url)), None)
