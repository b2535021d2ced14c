"""A customer's blogs, and what their author decides about the posts that were read there."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents import publish, vetting
from intents.models import Blog, Decision, Entry, Intent
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import is_code, is_row_id, new_code
from vrm.kernel.errors import BadInput, LimitReached, NotFound, WrongState

AT_MOST = 10  # Live blogs of one customer.
TWICE = "You have registered this blog already; it is in the list."
_SOON = timedelta(minutes=1)  # "Read it now" at most so often.


def register(
    session: Session,
    account: Account,
    url: str,
    now: datetime,
    *,
    publish_tagged: bool = False,
    reply_to_posts: bool = False,
    home_category_id: int | None = None,
    home_region_id: int | None = None,
) -> Blog:
    """Note that a customer says this blog is theirs; nothing is read before `harvest.prove` has seen proof.

    `url` is the blog's page or its feed, already checked by `Outbound.check`. Raises BadInput, LimitReached.
    """
    _check_homes(session, home_category_id, home_region_id)
    # Of two registrations at the same instant, one counts the other.
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update(key_share=True))
    live = (Blog.account_id == account.id, Blog.ended_at.is_(None))
    if (session.scalar(select(func.count()).select_from(Blog).where(*live)) or 0) >= AT_MOST:
        raise LimitReached(f"You can have {AT_MOST} blogs here; remove one that you no longer write.")
    if session.scalar(select(Blog.id).where(*live, (Blog.url == url) | (Blog.feed_url == url))) is not None:
        raise BadInput({"url": TWICE})
    blog = Blog(
        code=new_code(),
        account_id=account.id,
        account=account,
        url=url,
        feed_url=url,
        proof_token=f"vrm-{new_code()}",
        created_at=now,
        next_fetch_at=now,
        publish_tagged=publish_tagged,
        reply_to_posts=reply_to_posts,
        home_category_id=home_category_id,
        home_region_id=home_region_id,
    )
    session.add(blog)
    session.flush()
    return blog


def choose(
    session: Session,
    blog: Blog,
    *,
    publish_tagged: bool,
    home_category_id: int | None,
    home_region_id: int | None,
    reply_to_posts: bool = False,
) -> None:
    """Set how the blog's posts are read. The homes stand in where a post names no category or region.

    `reply_to_posts` is consent to tell each post in public where its want is; see `reply`.
    """
    _check_homes(session, home_category_id, home_region_id)
    blog.publish_tagged = publish_tagged
    blog.reply_to_posts = reply_to_posts
    blog.home_category_id = home_category_id
    blog.home_region_id = home_region_id
    session.flush()


def _check_homes(session: Session, home_category_id: int | None, home_region_id: int | None) -> None:
    trees = taxonomy.trees(session)
    problems: dict[str, str] = {}
    if home_category_id is not None and home_category_id not in trees.categories:
        problems["home_category"] = "There is no such category; please choose one from the list."
    if home_region_id is not None and home_region_id not in trees.regions:
        problems["home_region"] = "There is no such region; please choose one from the list."
    if problems:
        raise BadInput(problems)


def by_code(session: Session, account: Account, code: str) -> Blog:
    """A live blog of this account; NotFound for any other."""
    mine = select(Blog).where(Blog.code == code, Blog.account_id == account.id, Blog.ended_at.is_(None))
    blog = session.scalar(mine) if is_code(code) else None
    if blog is None:
        raise NotFound("There is no such blog.")
    return blog


def still_there(session: Session, blog_id: int) -> Blog:
    """The blog, held until the transaction ends; NotFound when it or its account went while it was being read."""
    of = select(Blog.account_id).where(Blog.id == blog_id).scalar_subquery()
    # The account first, as whoever erases it does: neither waits for the other.
    session.execute(select(Account.id).where(Account.id == of).with_for_update(key_share=True))
    live = select(Blog).where(Blog.id == blog_id, Blog.ended_at.is_(None))
    blog = session.scalar(live.with_for_update(of=Blog))
    if blog is None:
        raise NotFound("There is no such blog.")
    return blog


def blogs_of(session: Session, account: Account) -> list[Blog]:
    """The account's blogs, oldest first; of those that ended, the ones that ended by themselves."""
    return list(
        session.scalars(
            select(Blog)
            .where(Blog.account_id == account.id, Blog.ended_at.is_(None) | Blog.trouble.is_not(None))
            .order_by(Blog.id)
        )
    )


def remove(session: Session, blog: Blog, now: datetime) -> None:
    """Read this blog no more. Intents that came from it stay."""
    blog.ended_at = blog.ended_at or now
    blog.trouble = None
    session.flush()


def read_soon(session: Session, blog: Blog, now: datetime) -> None:
    """Read the blog at the next opportunity. WrongState before it is proven; LimitReached within a minute."""
    if blog.verified_at is None:
        raise WrongState("Please prove first that the blog is yours.")
    if blog.fetched_at is not None and blog.fetched_at > now - _SOON:
        raise LimitReached("This blog was read a moment ago; please wait a minute.", retry_after_s=60)
    blog.next_fetch_at = now
    session.flush()


def entry(session: Session, account: Account, entry_id: int) -> Entry:
    """An entry of one of this account's blogs; NotFound for any other."""
    mine = select(Entry).join(Blog).where(Entry.id == entry_id, Blog.account_id == account.id)
    found = session.scalar(mine) if is_row_id(entry_id) else None
    if found is None:
        raise NotFound("There is no such post.")
    return found


def entries_of(session: Session, blog: Blog, *, limit: int = 50) -> list[Entry]:
    """The newest entries that were considered."""
    return list(
        session.scalars(
            select(Entry).where(Entry.blog_id == blog.id).order_by(Entry.published_at.desc(), Entry.id).limit(limit)
        )
    )


def insist(session: Session, entry: Entry, now: datetime) -> None:
    """The author says that a post is a want, though it is old or shows no sign of it: it is read again, and soon.

    The post itself is not kept here, so that the next look at the blog makes the draft.
    """
    if entry.intent is not None or entry.blog.ended_at is not None:
        raise WrongState("This post is a want already, or its blog is not read any more.")
    entry.insisted_at = now
    entry.decision = Decision.SKIPPED
    entry.digest = ""  # As if it had been edited.
    entry.reason = "You said that it is a want; it is being read again."
    entry.blog.etag = entry.blog.last_modified = None
    entry.blog.next_fetch_at = now
    session.flush()


def confirm(session: Session, entry: Entry, now: datetime) -> Intent:
    """The author's yes: publish the draft that was made from this post. Raises as `publish.publish`."""
    if entry.intent is None:
        raise WrongState("No want was read from this post.")
    held = vetting.submit(session, entry.intent, now)
    entry.decision = Decision.PUBLISHED
    entry.reason = held.why if held is not None else ""
    entry.ask_at = None
    session.flush()
    return entry.intent


def dismiss(session: Session, entry: Entry, now: datetime) -> None:
    """The author's no to a draft, or "withdraw it" for a post that is gone. Harmless when it is closed already."""
    if entry.intent is not None and entry.intent.closed_at is None:
        publish.withdraw(session, entry.intent, now)
    entry.ask_at = None
    if entry.decision is Decision.ASKED:
        entry.decision = Decision.SKIPPED
        entry.reason = "You said that this is not a want."
    session.flush()


def keep(session: Session, entry: Entry) -> None:
    """The author still wants it although the post is gone."""
    entry.ask_at = None
    session.flush()
