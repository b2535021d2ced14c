"""Tables of what customers say: intents with their revisions, blogs with their entries."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import Text

from intents.draft import Condition, Visibility
from vrm.kernel.accounts import Account
from vrm.kernel.db import Address, Base, Code, Document, Id, Line, Minor, Moment, Real, Ref, Word, choice, partial_index
from vrm.kernel.sealed import SealedText


class Origin(StrEnum):
    """By which door an intent came in."""

    WEB = "web"
    API = "api"
    BLOG = "blog"


class Outcome(StrEnum):
    """How an intent ended."""

    FULFILLED = "fulfilled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REMOVED = "removed"


class Change(StrEnum):
    """What a revision did to an intent."""

    OPENED = "opened"
    AMENDED = "amended"
    PAUSED = "paused"
    RESUMED = "resumed"
    CLOSED = "closed"


class Intent(Base):
    """What one customer wants to buy. Draft until `opened_at`, then open until `closed_at`."""

    __tablename__ = "intents"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_has_outcome"),
        CheckConstraint(
            "opened_at IS NULL OR (category_id IS NOT NULL AND region_id IS NOT NULL AND expires_at IS NOT NULL)",
            name="open_is_complete",
        ),
        CheckConstraint("budget_min IS NULL OR budget_min >= 0", name="budget_min"),
        CheckConstraint("budget_max IS NULL OR budget_max >= 0", name="budget_max"),
        CheckConstraint("(budget_min IS NULL AND budget_max IS NULL) OR currency IS NOT NULL", name="currency"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("near_km IS NULL OR near_km > 0", name="near_km"),
        CheckConstraint("tell_at_most IS NULL OR tell_at_most > 0", name="tell_at_most"),
        CheckConstraint("patience_h IS NULL OR patience_h > 0", name="patience_h"),
        # route.to_route: what is open and was not routed since it opened or changed.
        partial_index(
            "ix_intents_to_route",
            "opened_at",
            where="opened_at IS NOT NULL AND routed_at IS NULL AND closed_at IS NULL AND paused_at IS NULL",
        ),
        # publish.expire: what is open, by when it ends.
        partial_index("ix_intents_to_expire", "expires_at", where="closed_at IS NULL AND opened_at IS NOT NULL"),
        # route.backfill: open intents below a category, or below a region.
        partial_index("ix_intents_open_category", "category_id", "region_id", where="closed_at IS NULL"),
        partial_index("ix_intents_open_region", "region_id", "category_id", where="closed_at IS NULL"),
        # preview.would_have_come: what was opened lately, whatever became of it. home: the newest.
        Index("ix_intents_opened", "opened_at"),
        # canaries.all_of_them; and whatever counts wants, to leave them out.
        partial_index("ix_intents_canaries", "canary_for", where="canary_for IS NOT NULL"),
        # A customer's boards, newest first.
        Index("ix_intents_account", "account_id", "created_at"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    origin: Mapped[Origin] = mapped_column(choice(Origin))
    title: Mapped[Line]
    body: Mapped[str] = mapped_column(Text, default="")
    category_id: Mapped[Ref | None] = mapped_column(ForeignKey("categories.id"))
    region_id: Mapped[Ref | None] = mapped_column(ForeignKey("regions.id"))
    # As far around a point as the customer would go. The point as it was given, in degrees, and never shown to vendors;
    # None: the region's own. Then as kilometres from the centre of the earth, in either case.
    near_km: Mapped[Real | None]
    near_lat: Mapped[Real | None]
    near_lon: Mapped[Real | None]
    near_x: Mapped[Real | None]
    near_y: Mapped[Real | None]
    near_z: Mapped[Real | None]
    budget_min: Mapped[Minor | None]
    budget_max: Mapped[Minor | None]
    currency: Mapped[Word | None]
    condition: Mapped[Condition] = mapped_column(choice(Condition), default=Condition.ANY)
    quantity: Mapped[int] = mapped_column(default=1)
    needed_by: Mapped[date | None]
    expires_at: Mapped[Moment | None]
    visibility: Mapped[Visibility] = mapped_column(choice(Visibility), default=Visibility.PUBLIC)
    language: Mapped[Word | None]
    terms: Mapped[str] = mapped_column(Text, default="")  # To be accepted before contact details are shown.
    tell_at_most: Mapped[int | None]  # Vendors told at a time; None: everybody who matches.
    patience_h: Mapped[int | None]  # Hours of silence after which the next vendor has its turn; None: a decline only.
    revision: Mapped[int] = mapped_column(default=0)  # Number of the newest Revision; the `sequence` of messages.
    created_at: Mapped[Moment]
    opened_at: Mapped[Moment | None]
    paused_at: Mapped[Moment | None]
    routed_at: Mapped[Moment | None]  # None: the router has not seen it as it is now.
    held_at: Mapped[Moment | None]  # Waits for an operator, see holds.py; paused as well if it was open.
    closed_at: Mapped[Moment | None]
    outcome: Mapped[Outcome | None] = mapped_column(choice(Outcome))
    # Made for this vendor alone, see canaries.py. No foreign key, as below.
    canary_for: Mapped[Ref | None]
    # Fulfilled by this vendor. No foreign key: vendors are a room further up, which this one does not know.
    fulfilled_by: Mapped[Ref | None]
    # Title and body as `stems.said` renders them: match.covered looks for words in it. Loaded by nobody.
    said: Mapped[str] = mapped_column(Text, default="", deferred=True, deferred_raiseload=True)

    account: Mapped[Account] = relationship()
    revisions: Mapped[list["Revision"]] = relationship(order_by="Revision.number", back_populates="intent")
    places: Mapped[list["IntentPlace"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    @property
    def state(self) -> str:
        """ "draft", "open", "paused" or "closed"."""
        if self.closed_at is not None:
            return "closed"
        if self.opened_at is None:
            return "draft"
        return "open" if self.paused_at is None else "paused"


class IntentPlace(Base):
    """One city in the circle around an intent's point: whoever listens there, or anywhere above it, hears."""

    __tablename__ = "intent_places"
    __table_args__ = (
        # match.covered: the intents whose circles reach what a subscription covers.
        Index("ix_intent_places_region", "region_id", "intent_id"),
        {"sqlite_with_rowid": False},
    )

    intent_id: Mapped[Ref] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"), primary_key=True)
    region_id: Mapped[Ref] = mapped_column(ForeignKey("regions.id"), primary_key=True)


class Revision(Base):
    """One change of an intent, with what the intent said from then on. Vendors who were told hear of it."""

    __tablename__ = "revisions"
    __table_args__ = (
        # announce.announce: changes that the vendors who were told have not been told of.
        partial_index("ix_revisions_to_announce", "made_at", where="announced_at IS NULL"),
    )

    intent_id: Mapped[Ref] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    change: Mapped[Change] = mapped_column(choice(Change))
    made_at: Mapped[Moment]
    content: Mapped[dict[str, Any]] = mapped_column(Document)  # As `publish.content_of` writes it.
    announced_at: Mapped[Moment | None]

    intent: Mapped[Intent] = relationship(back_populates="revisions")


class Blog(Base):
    """A customer's own feed, read only after it was proven to be theirs."""

    __tablename__ = "blogs"
    __table_args__ = (
        # blogs.register: a blog once at a time; one that was removed may come again.
        Index(
            "uq_blogs_account_id_feed_url",
            "account_id",
            "feed_url",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # harvest.due: proven, live blogs by when they are next read.
        partial_index("ix_blogs_due", "next_fetch_at", where="verified_at IS NOT NULL AND ended_at IS NULL"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    url: Mapped[Address]  # As the customer gave it: the page or the feed.
    feed_url: Mapped[Address]  # What is fetched; follows permanent redirects.
    title: Mapped[Line] = mapped_column(default="")
    proof_token: Mapped[Code]  # To be shown on the blog.
    verified_at: Mapped[Moment | None]
    verified_by: Mapped[Word | None]  # One of `ownership.Method`.
    publish_tagged: Mapped[bool] = mapped_column(default=False)  # "Publish what I tag": no confirmation.
    # Tell each post whose want was published where its page is, for all to see.
    reply_to_posts: Mapped[bool] = mapped_column(default=False, server_default=false())
    home_category_id: Mapped[Ref | None] = mapped_column(ForeignKey("categories.id"))
    home_region_id: Mapped[Ref | None] = mapped_column(ForeignKey("regions.id"))
    created_at: Mapped[Moment]  # Nothing older than this is published.
    next_fetch_at: Mapped[Moment]
    fetched_at: Mapped[Moment | None]  # Last answer that was a feed, or 304.
    etag: Mapped[Line | None]
    last_modified: Mapped[Line | None]
    pace_s: Mapped[int] = mapped_column(default=900, server_default="900")  # Between two looks, by its own rhythm.
    failing_since: Mapped[Moment | None]
    failures: Mapped[int] = mapped_column(default=0)  # In a row.
    trouble: Mapped[Line | None]  # The last failure, in words for the customer.
    ended_at: Mapped[Moment | None]  # Removed by the customer, gone (410), or dead for 14 days.

    account: Mapped[Account] = relationship()


class HubLease(Base):
    """What was agreed with a blog's hub (WebSub): that it tells us when something is new, until a given moment."""

    __tablename__ = "hub_leases"
    __table_args__ = (
        # websub.renew: to be asked for, or to be asked for again before it ends.
        partial_index("ix_hub_leases_due", "ask_at", where="ask_at IS NOT NULL"),
    )

    blog_id: Mapped[Ref] = mapped_column(ForeignKey("blogs.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[Code] = mapped_column(unique=True)  # Names the address that the hub calls.
    hub: Mapped[Address]
    topic: Mapped[Address]
    secret: Mapped[str] = mapped_column(SealedText("hub"))  # Signs what the hub sends.
    ask_at: Mapped[Moment | None]  # When the hub is to be asked (again); None: it said no for good.
    asked_at: Mapped[Moment | None]  # Set while an answer is awaited: what nobody asked for is not confirmed.
    failures: Mapped[int] = mapped_column(default=0)  # In a row.
    until: Mapped[Moment | None]  # End of the lease; None: the hub has not confirmed yet.
    heard_at: Mapped[Moment | None]  # When it last said, with its signature, that something is new.
    trouble: Mapped[Line | None]

    blog: Mapped[Blog] = relationship()


class Decision(StrEnum):
    """What was done about an entry."""

    ASKED = "asked"  # A draft was made; its author is asked to confirm.
    PUBLISHED = "published"
    SKIPPED = "skipped"  # Not a want, or too old; `reason` says which.


class Entry(Base):
    """One item of a blog that was considered, with the decision and why."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("blog_id", "key"),
        # letters.owe: entries whose author has to be asked something.
        partial_index("ix_entries_to_ask", "ask_at", where="ask_at IS NOT NULL"),
        Index("uq_entries_reply_code", "reply_code", unique=True),
        # reply.reply_owed: posts that are to be told where their want is.
        partial_index("ix_entries_to_reply", "reply_at", where="reply_at IS NOT NULL"),
    )

    id: Mapped[Id]
    blog_id: Mapped[Ref] = mapped_column(ForeignKey("blogs.id", ondelete="CASCADE"))
    key: Mapped[Address]  # The feed's guid, or the link, or a hash.
    url: Mapped[Address] = mapped_column(default="")
    title: Mapped[Line] = mapped_column(default="")
    digest: Mapped[Word]  # Of title, text and tags: an edit changes it.
    published_at: Mapped[Moment]
    first_seen_at: Mapped[Moment]
    decision: Mapped[Decision] = mapped_column(choice(Decision))
    reason: Mapped[Line] = mapped_column(default="")  # A sentence for the author.
    intent_id: Mapped[Ref | None] = mapped_column(ForeignKey("intents.id", ondelete="SET NULL"), index=True)
    vanished_at: Mapped[Moment | None]
    ask_at: Mapped[Moment | None]  # Set: the author has to be asked about it, since then.
    insisted_at: Mapped[Moment | None]  # Its author said that it is a want, whatever it looks like.
    reply_code: Mapped[Code | None]  # Names the page that a reply points to.
    reply_at: Mapped[Moment | None]  # Set: the post has to be told, not before then.
    reply_tries: Mapped[int] = mapped_column(default=0, server_default="0")
    replied_at: Mapped[Moment | None]
    reply_note: Mapped[Line | None]  # Why the post could not be told, in words for its author.

    blog: Mapped[Blog] = relationship()
    intent: Mapped[Intent | None] = relationship()
