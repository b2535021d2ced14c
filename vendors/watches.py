"""Whoever listens for wants in public feeds: where, and what was seen there."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, Text, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from intents import blogs
from intents.models import Blog
from vendors.models import Vendor
from vrm.kernel import text
from vrm.kernel.accounts import Account
from vrm.kernel.db import Address, Base, Code, Id, Line, Moment, Ref, is_code, new_code, partial_index
from vrm.kernel.errors import BadInput, LimitReached, NotFound, WrongState

AT_MOST = 20  # Live watches of one vendor, and of the operators together.
LASTS = timedelta(days=30)  # A sighting that its author did not claim is forgotten.
_MOST_WORDS = 2_000  # Characters of blocked words.


class Watch(Base):
    """A public feed (of a hashtag, a search, a forum) in which somebody listens for wants."""

    __tablename__ = "watches"
    __table_args__ = (
        # listen.listen: live watches by when they are next read.
        partial_index("ix_watches_due", "next_fetch_at", where="ended_at IS NULL"),
        Index("ix_watches_vendor", "vendor_id"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    vendor_id: Mapped[Ref | None] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"))  # None: operators.
    url: Mapped[Address]
    title: Mapped[Line] = mapped_column(default="")
    blocked: Mapped[str] = mapped_column(Text, default="")  # Words, one a line: a post with one of them is left alone.
    created_at: Mapped[Moment]
    next_fetch_at: Mapped[Moment]
    fetched_at: Mapped[Moment | None]
    newest_at: Mapped[Moment | None]  # Of the posts that were considered; older ones are not again.
    etag: Mapped[Line | None]
    last_modified: Mapped[Line | None]
    failures: Mapped[int] = mapped_column(default=0)  # In a row.
    trouble: Mapped[Line | None]
    ended_at: Mapped[Moment | None]


class Sighting(Base):
    """A post by somebody we do not know that reads like a want. Its link, what and where: nothing of the person.

    Only its author can make an intent of it, by proving the blog that it stands in.
    """

    __tablename__ = "sightings"
    __table_args__ = (
        UniqueConstraint("watch_id", "url"),
        Index("ix_sightings_seen_at", "seen_at"),  # listen.forget
    )

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)  # Names the page that invites the author.
    watch_id: Mapped[Ref] = mapped_column(ForeignKey("watches.id", ondelete="CASCADE"))
    url: Mapped[Address]
    category_id: Mapped[Ref | None] = mapped_column(ForeignKey("categories.id"))
    region_id: Mapped[Ref | None] = mapped_column(ForeignKey("regions.id"))
    seen_at: Mapped[Moment]
    claimed_at: Mapped[Moment | None]
    dismissed_at: Mapped[Moment | None]

    watch: Mapped[Watch] = relationship()


def watch(session: Session, vendor: Vendor | None, url: str, now: datetime, *, blocked: str = "") -> Watch:
    """Listen in a feed from now on, for a vendor, or (None) for the operators. Raises BadInput, LimitReached.

    `url` was checked by `Outbound.check`. A post with one of the `blocked` words, one a line, is left alone.
    """
    blocked = text.prose(blocked, field="blocked", label="The list of blocked words", most=_MOST_WORDS)
    live = (_of(vendor), Watch.ended_at.is_(None))
    if (session.scalar(select(func.count()).select_from(Watch).where(*live)) or 0) >= AT_MOST:
        raise LimitReached(f"You can listen in {AT_MOST} feeds; end one that brings nothing.")
    if session.scalar(select(Watch.id).where(*live, Watch.url == url)) is not None:
        raise BadInput({"url": "You listen there already; it is in the list."})
    made = Watch(
        code=new_code(),
        vendor_id=vendor.id if vendor is not None else None,
        url=url,
        title="",
        blocked="\n".join(filter(None, (word.strip() for word in blocked.splitlines()))),
        created_at=now,
        next_fetch_at=now,
        failures=0,
    )
    session.add(made)
    session.flush()
    return made


def watches_of(session: Session, vendor: Vendor | None) -> list[Watch]:
    """The live watches of a vendor, or of the operators; oldest first."""
    return list(session.scalars(select(Watch).where(_of(vendor), Watch.ended_at.is_(None)).order_by(Watch.id)))


def watch_by_code(session: Session, vendor: Vendor | None, code: str) -> Watch:
    """One of them; NotFound for any other's."""
    mine = select(Watch).where(Watch.code == code, _of(vendor), Watch.ended_at.is_(None))
    found = session.scalar(mine) if is_code(code) else None
    if found is None:
        raise NotFound("There is no such feed.")
    return found


def end(session: Session, watched: Watch, now: datetime) -> None:
    """Listen there no more, and forget what was seen there."""
    watched.ended_at = now
    session.execute(delete(Sighting).where(Sighting.watch_id == watched.id))
    session.flush()


def sightings_of(session: Session, vendor: Vendor | None, *, limit: int = 100) -> list[Sighting]:
    """What was seen, newest first, but for what was put aside."""
    return list(
        session.scalars(
            select(Sighting)
            .join(Watch)
            .where(_of(vendor), Watch.ended_at.is_(None), Sighting.dismissed_at.is_(None))
            .options(joinedload(Sighting.watch))
            .order_by(Sighting.seen_at.desc(), Sighting.id.desc())
            .limit(limit)
        )
    )


def dismiss(session: Session, vendor: Vendor | None, code: str, now: datetime) -> None:
    """Put a sighting aside: it is no want, or not for us. NotFound for any other's."""
    mine = select(Sighting).join(Watch).where(Sighting.code == code, _of(vendor))
    found = session.scalar(mine) if is_code(code) else None
    if found is None:
        raise NotFound("There is no such sighting.")
    found.dismissed_at = found.dismissed_at or now
    session.flush()


def invited(session: Session, code: str, *, held: bool = False) -> Sighting:
    """The sighting to whose author the invitation speaks; NotFound when it was forgotten or put aside.

    `held` keeps it as it is until the transaction ends.
    """
    asked = (
        select(Sighting)
        .join(Watch)
        .where(Sighting.code == code, Watch.ended_at.is_(None), Sighting.dismissed_at.is_(None))
    )
    found = session.scalar(asked.with_for_update(of=Sighting) if held else asked) if is_code(code) else None
    if found is None:
        raise NotFound("This invitation is not open any more.")
    return found


def say_mine(session: Session, account: Account, sighting: Sighting, url: str, now: datetime) -> Blog:
    """The account says that the post is theirs and names its blog, which is registered if it was not.

    Nothing is noted at the sighting: who somebody is, is nobody's business before it is proven.
    """
    if sighting.claimed_at is not None:
        raise WrongState("This post was claimed by its author already.")
    for blog in blogs.blogs_of(session, account):
        if blog.ended_at is None and url in {blog.url, blog.feed_url}:
            return blog
    return blogs.register(session, account, url, now)


def forget(session: Session, now: datetime) -> int:
    """Delete sightings that are too old; how many."""
    old = select(Sighting.id).where(Sighting.seen_at <= now - LASTS).limit(200)
    ids = session.scalars(old).all()
    session.execute(delete(Sighting).where(Sighting.id.in_(ids)))
    return len(ids)


def _of(vendor: Vendor | None) -> ColumnElement[bool]:
    return Watch.vendor_id == vendor.id if vendor is not None else Watch.vendor_id.is_(None)
