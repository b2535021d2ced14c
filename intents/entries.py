"""A feed as it now is → drafts, revisions, and questions to its author. Says nothing of how it was fetched."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents import publish, vetting
from intents.draft import Condition, IntentDraft
from intents.feed import Feed, FeedEntry
from intents.models import Blog, Decision, Entry, Intent, Origin
from intents.parse import SURE_TAGS, NotAWant, Reading, is_tagged, parse_entry
from vrm.kernel import taxonomy
from vrm.kernel.errors import BadInput, VrmError

PER_BLOG_AND_DAY = 20  # Intents.


# How much older than the registration a post may say it is that was not there at the first look: many blogs date
# their posts by day only.
_BY_DAY_ONLY = timedelta(days=1)


@dataclass(slots=True)
class _Reading:
    """One look at one blog: `room` is how many intents it may still make, `put_off` whether that was too few."""

    session: Session
    blog: Blog
    trees: taxonomy.Trees
    now: datetime
    room: int
    put_off: bool = False

    def parse(self, item: FeedEntry, *, insisted: bool = False) -> IntentDraft | NotAWant:
        reading = Reading(self.trees, self.now, self.blog.home_region_id, self.blog.home_category_id)
        return parse_entry(item, reading, insisted=insisted)


def take(session: Session, blog: Blog, feed: Feed, now: datetime) -> bool:
    """Consider every entry of a feed: new ones, edited ones, and wants that are no longer in it.

    Whether all could be considered. False when the day's limit put some off: then the feed must be read again even
    if it does not change. `blog.fetched_at` is None at the first look, when what has no date counts as old.
    """
    blog.title = feed.title[:200] or blog.title
    room = PER_BLOG_AND_DAY - _made_today(session, blog, now)
    reading = _Reading(session, blog, taxonomy.trees(session), now, room)
    # The newest of two with one key counts.
    items = {item.key: item for item in reversed(feed.entries)}
    known = {
        entry.key: entry
        for entry in session.scalars(select(Entry).where(Entry.blog_id == blog.id, Entry.key.in_(items)))
    }
    # Oldest first: the day's limit then delays the newest.
    for item in sorted(items.values(), key=lambda item: item.published_at or now):
        entry = known.get(item.key)
        if entry is None:
            _consider(reading, item)
        else:
            _note_presence(entry)
            if entry.digest != digest(item):
                _follow_edit(reading, entry, item)
    _ask_about_vanished(session, blog, feed, now)
    session.flush()
    return not reading.put_off


def take_claimed(session: Session, blog: Blog, item: FeedEntry, now: datetime) -> Entry:
    """Consider one post that its author, who has proven the blog, says is a want, however old it is.

    Raises BadInput("url") with the reason when nothing can be read from it.
    """
    reading = _Reading(session, blog, taxonomy.trees(session), now, room=1)
    entry = session.scalar(select(Entry).where(Entry.blog_id == blog.id, Entry.key == item.key))
    if entry is not None and entry.intent is not None:
        return entry
    found = reading.parse(item, insisted=True)
    if isinstance(found, NotAWant):
        raise BadInput({"url": found.sentence})
    if entry is None:
        entry = _entry_of(blog, item, now)
        session.add(entry)
    entry.insisted_at = now
    _make(reading, entry, item, found)
    session.flush()
    return entry


def digest(item: FeedEntry) -> str:
    """A hash that an edit changes: title, text and tags."""
    said = "\x00".join((item.title, item.text, *item.tags))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _made_today(session: Session, blog: Blog, now: datetime) -> int:
    made = (
        select(func.count())
        .select_from(Entry)
        .join(Intent)
        .where(Entry.blog_id == blog.id, Intent.created_at > now - timedelta(days=1))
    )
    return session.scalar(made) or 0


def _consider(reading: _Reading, item: FeedEntry) -> None:
    """Decide on an entry that was not seen before."""
    session, blog = reading.session, reading.blog
    entry = _entry_of(blog, item, reading.now)
    if _is_old(blog, item):
        entry.reason = "Older than the registration of the blog; only newer posts are read."
        # Of a post without a date only this is known, and an edit must not make it new.
        entry.published_at = min(entry.published_at, blog.created_at - timedelta(seconds=1))
    else:
        found = reading.parse(item)
        if isinstance(found, NotAWant):
            entry.reason = found.sentence
        elif reading.room <= 0:
            # Not noted, and so considered again when the day's limit is over.
            reading.put_off = True
            return
        else:
            _make(reading, entry, item, found)
    session.add(entry)


def _entry_of(blog: Blog, item: FeedEntry, now: datetime) -> Entry:
    return Entry(
        blog_id=blog.id,
        blog=blog,
        key=item.key,
        url=item.url[:2000],
        title=item.title[:200],
        digest=digest(item),
        published_at=item.published_at or now,
        first_seen_at=now,
        decision=Decision.SKIPPED,
    )


def _is_old(blog: Blog, item: FeedEntry) -> bool:
    if blog.fetched_at is None:
        return item.published_at is None or item.date_replaced or item.published_at < blog.created_at
    return item.published_at is not None and item.published_at < blog.created_at - _BY_DAY_ONLY


def _make(reading: _Reading, entry: Entry, item: FeedEntry, found: IntentDraft) -> None:
    session, blog, now = reading.session, reading.blog, reading.now
    try:
        entry.intent = publish.draft(session, blog.account, found, now, origin=Origin.BLOG)
    except BadInput as error:
        entry.reason = str(error)[:500]
        return
    reading.room -= 1
    entry.decision, entry.reason, entry.ask_at = Decision.ASKED, "", now
    entry.reply_at = now if blog.reply_to_posts and entry.url else None
    complete = found.category_id is not None and found.region_id is not None
    # A post that may be older than the registration is never published unasked.
    surely_new = entry.insisted_at is not None or (not item.date_replaced and entry.published_at >= blog.created_at)
    if blog.publish_tagged and is_tagged(item, among=SURE_TAGS) and complete and surely_new:
        try:
            held = vetting.submit(session, entry.intent, now)
        except VrmError as error:
            entry.reason = str(error)[:500]
        else:
            entry.reason = held.why if held is not None else ""
            entry.decision, entry.ask_at = Decision.PUBLISHED, None


def _note_presence(entry: Entry) -> None:
    if entry.vanished_at is not None:
        entry.vanished_at = None
        _settle(entry)


def _settle(entry: Entry) -> None:
    # A question that was overtaken before it was mailed is not asked; a draft still waits for its answer.
    if entry.decision is Decision.PUBLISHED:
        entry.ask_at = None


def _follow_edit(reading: _Reading, entry: Entry, item: FeedEntry) -> None:
    """An edited post: its intent is revised; one that made no want may make one now."""
    insisted = entry.insisted_at is not None
    found = reading.parse(item, insisted=insisted)
    intent = entry.intent
    is_new = insisted or entry.published_at >= reading.blog.created_at
    may_make = intent is None and entry.decision is Decision.SKIPPED and is_new
    if may_make and reading.room <= 0 and not isinstance(found, NotAWant):
        reading.put_off = True
        return
    entry.digest = digest(item)
    entry.title = item.title[:200]
    if intent is None:
        if isinstance(found, NotAWant):
            entry.reason = found.sentence
        elif may_make:
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
        else:
            entry.reason = ""
            _settle(entry)


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
