"""A feed as it now is → drafts, revisions, and questions to its author. Says nothing of how it was fetched."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import Condition, IntentDraft
from intents.feed import Feed, FeedEntry
from intents.models import Blog, Decision, Entry, Intent, Origin
from intents.parse import NotAWant, is_tagged, parse_entry
from vrm.kernel import taxonomy
from vrm.kernel.errors import BadInput, VrmError

PER_BLOG_AND_DAY = 20  # Intents.


@dataclass(frozen=True, slots=True)
class _Reading:
    """One look at one blog."""

    session: Session
    blog: Blog
    trees: taxonomy.Trees
    now: datetime

    def parse(self, item: FeedEntry) -> IntentDraft | NotAWant:
        return parse_entry(
            item,
            trees=self.trees,
            home_region_id=self.blog.home_region_id,
            home_category_id=self.blog.home_category_id,
            now=self.now,
        )


def take(session: Session, blog: Blog, feed: Feed, now: datetime) -> None:
    """Consider every entry of a feed: new ones, edited ones, and wants that are no longer in it."""
    blog.title = feed.title[:200] or blog.title
    reading = _Reading(session, blog, taxonomy.trees(session), now)
    keys = [item.key for item in feed.entries]
    known = {
        entry.key: entry
        for entry in session.scalars(select(Entry).where(Entry.blog_id == blog.id, Entry.key.in_(keys)))
    }
    left_today = PER_BLOG_AND_DAY - _made_today(session, blog, now)
    # Oldest first: the day's limit then delays the newest.
    for item in sorted(feed.entries, key=lambda item: item.published_at or now):
        entry = known.get(item.key)
        if entry is None:
            left_today -= _consider(reading, item, may_make=left_today > 0)
        else:
            entry.vanished_at = None
            if entry.digest != digest(item):
                _follow_edit(reading, entry, item)
    _ask_about_vanished(session, blog, feed, now)
    session.flush()


def digest(item: FeedEntry) -> str:
    """A hash that an edit changes: title, text and tags."""
    said = "\x00".join((item.title, item.text, *item.tags))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _made_today(session: Session, blog: Blog, now: datetime) -> int:
    made = (
        select(func.count())
        .select_from(Entry)
        .where(Entry.blog_id == blog.id, Entry.intent_id.is_not(None), Entry.first_seen_at > now - timedelta(days=1))
    )
    return session.scalar(made) or 0


def _consider(reading: _Reading, item: FeedEntry, *, may_make: bool) -> int:
    """Decide on an entry that was not seen before; how many intents were made of it."""
    session, blog, now = reading.session, reading.blog, reading.now
    published_at = item.published_at or now
    entry = Entry(
        blog_id=blog.id,
        blog=blog,
        key=item.key,
        url=item.url[:2000],
        title=item.title[:200],
        digest=digest(item),
        published_at=published_at,
        first_seen_at=now,
        decision=Decision.SKIPPED,
    )
    if published_at < blog.created_at or item.date_replaced:
        entry.reason = "Older than the registration of the blog; only newer posts are read."
        session.add(entry)
        return 0
    found = reading.parse(item)
    if isinstance(found, NotAWant):
        entry.reason = found.sentence
        session.add(entry)
        return 0
    if not may_make:
        # Not noted, and so considered again when the day's limit is over.
        return 0
    session.add(entry)
    return _make(reading, entry, item, found)


def _make(reading: _Reading, entry: Entry, item: FeedEntry, found: IntentDraft) -> int:
    session, blog, now = reading.session, reading.blog, reading.now
    try:
        entry.intent = publish.draft(session, blog.account, found, now, origin=Origin.BLOG)
    except BadInput as error:
        entry.reason = str(error)[:500]
        return 0
    complete = found.category_id is not None and found.region_id is not None
    if blog.publish_tagged and is_tagged(item) and complete:
        try:
            publish.publish(session, entry.intent, now)
        except VrmError as error:
            entry.reason = str(error)[:500]
        else:
            entry.decision = Decision.PUBLISHED
            return 1
    entry.decision = Decision.ASKED
    entry.ask_at = now
    return 1


def _follow_edit(reading: _Reading, entry: Entry, item: FeedEntry) -> None:
    """An edited post: its intent is revised; one that made no want may make one now."""
    entry.digest = digest(item)
    entry.title = item.title[:200]
    found = reading.parse(item)
    intent = entry.intent
    if intent is None:
        if isinstance(found, NotAWant):
            entry.reason = found.sentence
        elif entry.published_at >= reading.blog.created_at and entry.decision is Decision.SKIPPED:
            _make(reading, entry, item, found)
    elif intent.closed_at is not None:
        entry.reason = "The post was edited after its want was closed; publish a new one if you still want it."
    elif isinstance(found, NotAWant):
        entry.reason = f"After your edit this no longer reads as a want: {found.sentence}"[:500]
        entry.ask_at = reading.now
    else:
        try:
            publish.amend(reading.session, intent, _merged(intent, found), reading.now)
        except VrmError as error:
            entry.reason = str(error)[:500]
            entry.ask_at = reading.now


def _merged(intent: Intent, found: IntentDraft) -> IntentDraft:
    """What an edited post changes: its words always; what we only understood stays as the author left it.

    The author may have corrected our reading on the page, and an edit elsewhere in the post must not undo that.
    """
    before = publish.draft_of(intent)
    return replace(
        before,
        title=found.title,
        body=found.body,
        category_id=before.category_id if before.category_id is not None else found.category_id,
        region_id=before.region_id if before.region_id is not None else found.region_id,
        budget=found.budget or before.budget,
        condition=found.condition if found.condition is not Condition.ANY else before.condition,
        needed_by=found.needed_by or before.needed_by,
    )


def _ask_about_vanished(session: Session, blog: Blog, feed: Feed, now: datetime) -> None:
    """Wants whose post is gone though older posts are still in the feed: their author is asked."""
    present = {entry.key for entry in feed.entries}
    oldest = min((entry.published_at for entry in feed.entries if entry.published_at), default=None)
    waiting = session.scalars(
        select(Entry)
        .join(Intent)
        .where(Entry.blog_id == blog.id, Entry.vanished_at.is_(None), Intent.closed_at.is_(None))
    )
    for entry in waiting:
        scrolled_off = oldest is not None and entry.published_at < oldest
        if entry.key not in present and not scrolled_off:
            entry.vanished_at = now
            entry.ask_at = now
