"""Tables of who listens and answers: vendors, members, subscriptions, leads, and what is said about them."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import Text

from intents.draft import Condition
from intents.models import Intent
from vrm.kernel.accounts import Account
from vrm.kernel.db import Address, Base, Code, Document, Id, Line, Minor, Moment, Real, Ref, Word, choice, partial_index


class Role(StrEnum):
    """What a member may do for a vendor; each may also do what the next one may."""

    OWNER = "owner"  # Members and roles; end the vendor.
    ADMIN = "admin"  # Subscriptions and channels.
    MEMBER = "member"  # Read and answer leads.


# What matching reads of a subscription once it has found it. The last two are the same in all of an index, but
# without them SQLite reads the row of each subscription to see it.
_PROBED = (
    "vendor_id", "min_budget", "currency", "condition", "min_quantity", "lead_days", "language", "reach_km", "x", "y",
    "z", "has_words", "region_id", "id", "silent_at", "anchor",
)  # fmt: skip
_WORDS_PROBED = ("anchor", "category_id", "place", *(column for column in _PROBED if column != "anchor"))
_ASKS_FOR_WORDS = "silent_at IS NULL AND anchor IS NOT NULL"


class Vendor(Base):
    """An organisation that sells."""

    __tablename__ = "vendors"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)  # Half of a lead's public code.
    slug: Mapped[Word] = mapped_column(unique=True)
    name: Mapped[Line]
    website: Mapped[Address] = mapped_column(default="")
    about: Mapped[str] = mapped_column(Text, default="")
    # Its right of reply: what it says about the figures on its public page.
    reply: Mapped[str] = mapped_column(Text, default="", server_default="")
    replied_at: Mapped[Moment | None]  # When that was last changed.
    zone: Mapped[Word] = mapped_column(default="UTC")
    # Of what is written to its channels, such as "de"; "" is English.
    locale: Mapped[Word] = mapped_column(default="", server_default="")
    created_at: Mapped[Moment]
    verified_at: Mapped[Moment | None]  # Its website named it; see vendors/site.py.
    paused_at: Mapped[Moment | None]  # Gets no new leads.
    closed_at: Mapped[Moment | None]
    suspended_at: Mapped[Moment | None]  # By an operator; paused as well, and cannot answer.
    suspended_because: Mapped[Line | None]  # A sentence for its people.

    memberships: Mapped[list["Membership"]] = relationship(back_populates="vendor")


class Membership(Base):
    """A person who acts for a vendor."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_account", "account_id", "vendor_id"),)

    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column(choice(Role))
    created_at: Mapped[Moment]

    vendor: Mapped[Vendor] = relationship(back_populates="memberships")
    account: Mapped[Account] = relationship()


class Block(Base):
    """A customer who does not want to be sold to by this vendor again."""

    __tablename__ = "blocks"

    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[Moment]


def _region_of(context: Any) -> Any:
    return context.get_current_parameters()["region_id"]


class Subscription(Base):
    """A vendor's standing order: tell us of wants in this category, and in this region or so far around a point."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("vendor_id", "code"),
        CheckConstraint("(min_budget = 0) = (currency IS NULL)", name="currency"),
        CheckConstraint("min_budget >= 0", name="min_budget"),
        CheckConstraint("(reach_km IS NULL) = (x IS NULL)", name="reach_km"),
        CheckConstraint("min_quantity IS NULL OR min_quantity > 0", name="min_quantity"),
        CheckConstraint("lead_days IS NULL OR lead_days > 0", name="lead_days"),
        # match.matching: those without a required word are probed by each pair of a category and a place of the
        # intent, the others by the words that it says. Each covers the query; but PostgreSQL, whose index has no room
        # for a long row, reads the words of the reasons from the table.
        partial_index(
            "ix_subscriptions_probe",
            *("category_id", "place", *_PROBED),
            where="silent_at IS NULL AND anchor IS NULL",
        ),
        partial_index(
            *("ix_subscriptions_probe_said", *_WORDS_PROBED, "required"), where=_ASKS_FOR_WORDS, only="sqlite"
        ),
        partial_index("ix_subscriptions_probe_words", *_WORDS_PROBED, where=_ASKS_FOR_WORDS, only="postgresql"),
        # route.backfill_due: new or changed subscriptions that have not been held against open intents.
        partial_index(
            "ix_subscriptions_to_backfill",
            "changed_at",
            where="backfilled_at IS NULL AND ended_at IS NULL AND paused_at IS NULL",
        ),
    )

    id: Mapped[Id]
    code: Mapped[Code]
    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"))
    name: Mapped[Line] = mapped_column(default="")
    category_id: Mapped[Ref] = mapped_column(ForeignKey("categories.id"))
    region_id: Mapped[Ref] = mapped_column(ForeignKey("regions.id"))
    # With `reach_km` it covers a circle instead of the region: around this point in degrees; None: the region's own.
    reach_km: Mapped[Real | None]
    lat: Mapped[Real | None]
    lon: Mapped[Real | None]
    x: Mapped[Real | None]  # The centre, in either case: kilometres from the centre of the earth.
    y: Mapped[Real | None]
    z: Mapped[Real | None]
    place: Mapped[int] = mapped_column(BigInteger, default=_region_of)  # The region's id, or the circle's cell.
    # Words and phrases as the vendor wrote them, compared in the language `words_in`; None: letter by letter.
    required: Mapped[list[str]] = mapped_column(Document, default=list)
    excluded: Mapped[list[str]] = mapped_column(Document, default=list)
    words_in: Mapped[Word | None]
    anchor: Mapped[int | None] = mapped_column(BigInteger)  # The rarest required word, see `stems.anchor`.
    has_words: Mapped[bool] = mapped_column(default=False)  # SubscriptionWord says more than the anchor does.
    min_quantity: Mapped[int | None]
    lead_days: Mapped[int | None]  # Between today and the day by which it is needed.
    language: Mapped[Word | None]  # Of the want, without a country: "de". A want that does not say always passes.
    min_budget: Mapped[Minor] = mapped_column(default=0)  # 0: any. A want without a budget always passes.
    currency: Mapped[Word | None]
    condition: Mapped[Condition] = mapped_column(choice(Condition), default=Condition.ANY)
    created_at: Mapped[Moment]
    changed_at: Mapped[Moment]
    paused_at: Mapped[Moment | None]
    backfilled_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    # Since when it brings nothing: it is ended or paused, or its vendor is closed or paused. See `subscribe.silence`.
    silent_at: Mapped[Moment | None]

    vendor: Mapped[Vendor] = relationship()


class SubscriptionWord(Base):
    """What a want must say, or must not, for one subscription to get it; see `stems.needle`."""

    __tablename__ = "subscription_words"
    __table_args__ = ({"sqlite_with_rowid": False},)

    subscription_id: Mapped[Ref] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True)
    needle: Mapped[str] = mapped_column(String(500), primary_key=True)
    excluded: Mapped[bool]


class Tightening(Base):
    """A subscription made narrower by one press, so that one press takes it back."""

    __tablename__ = "tightenings"

    id: Mapped[Id]
    subscription_id: Mapped[Ref] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"), index=True)
    made_at: Mapped[Moment]
    before: Mapped[dict[str, Any]] = mapped_column(Document)  # As `tighten.kept` has it; and what it was after.
    after: Mapped[dict[str, Any]] = mapped_column(Document)
    undone_at: Mapped[Moment | None]


class Undelivered(StrEnum):
    """Why a vendor has not been reached. The first is not the vendor's nor our failure, only time."""

    NO_CHANNEL = "no-channel"  # The vendor has no verified, working channel.
    BOUNCED = "bounced"  # The mailbox does not exist or its server refused it for good.
    REFUSED = "refused"  # The other side answered, and said no.
    UNREACHABLE = "unreachable"  # No answer from the other side.
    SWITCHED_OFF = "switched-off"  # The channel was switched off before the message went out.
    TOO_LATE = "too-late"  # The want was over before the message went out.


class Withheld(StrEnum):
    """By which rule a matching vendor is not told."""

    BLOCKED = "blocked"
    CAP = "cap"  # The customer tells a few at a time, and its turn has not come.
    CHANGED = "changed"  # The customer changed the want before it was told, and it no longer matches.


class SeenBy(StrEnum):
    """What proved that a lead was read."""

    PAGE = "page"  # A signed-in page view.
    POST = "post"  # A button was pressed.
    API = "api"  # An authenticated read.


class Lead(Base):
    """One intent × one vendor: the unit that is routed, seen, answered and measured."""

    __tablename__ = "leads"
    __table_args__ = (
        Index("ix_leads_inbox", "vendor_id", "intent_id"),
        # announce.announce: reveals that the vendor has not been told of.
        partial_index(
            "ix_leads_to_announce", "revealed_at", where="revealed_at IS NOT NULL AND reveal_announced_at IS NULL"
        ),
        # turns.take_turns: who waits and has no place yet; then the line itself; then turns that may be over.
        partial_index("ix_leads_to_line_up", "intent_id", where="withheld = 'cap' AND turn IS NULL"),
        partial_index("ix_leads_line", "intent_id", "turn", where="withheld = 'cap'"),
        partial_index("ix_leads_waiting", "vendor_id", where="withheld = 'cap'"),
        partial_index("ix_leads_turns", "look_at", where="look_at IS NOT NULL"),
        # Key order is the order of writing, and SQLite then keeps one tree instead of two.
        {"sqlite_with_rowid": False},
    )

    intent_id: Mapped[Ref] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"), primary_key=True)
    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"), primary_key=True)
    # [[subscription id, its category id, its region id, its required words if there are any], …] as they were when it
    # was routed.
    reasons: Mapped[list[list[Any]]] = mapped_column(Document)
    routed_at: Mapped[Moment]
    withheld: Mapped[Withheld | None] = mapped_column(choice(Withheld))
    notified_at: Mapped[Moment | None]
    delivered_at: Mapped[Moment | None]
    undelivered: Mapped[Undelivered | None] = mapped_column(choice(Undelivered))  # While delivered_at is None.
    seen_at: Mapped[Moment | None]
    seen_by: Mapped[SeenBy | None] = mapped_column(choice(SeenBy))
    responded_at: Mapped[Moment | None]
    revealed_at: Mapped[Moment | None]  # The customer showed their contact details.
    reveal_announced_at: Mapped[Moment | None]  # When word of it came to be owed to the vendor.
    declined_at: Mapped[Moment | None]  # By the customer: no, thank you.
    shortlisted_at: Mapped[Moment | None]  # By the customer, for their own eyes.
    chosen_at: Mapped[Moment | None]  # By the customer: this one. At most one lead of an intent has it.
    unmatched_at: Mapped[Moment | None]  # The customer changed the want so that no subscription matches any more.
    # Only where the customer tells a few at a time. The place in line, which sorts as text: see turns.place.
    turn: Mapped[Word | None]
    turn_came_at: Mapped[Moment | None]
    look_at: Mapped[Moment | None]  # When to look whether its turn is over.

    intent: Mapped[Intent] = relationship()
    vendor: Mapped[Vendor] = relationship()

    @property
    def code(self) -> str:
        """The public code: computed from its key's public halves, stored nowhere, authorised at each use."""
        return f"{self.intent.code}-{self.vendor.code}"


def _lead_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["intent_id", "vendor_id"], ["leads.intent_id", "leads.vendor_id"], ondelete="CASCADE")


class Kind(StrEnum):
    """What a vendor says to a lead."""

    OFFER = "offer"
    QUESTION = "question"
    DECLINE = "decline"
    REPLY = "reply"


class Actor(StrEnum):
    """Who said it. Only a human's word counts as an answer."""

    HUMAN = "human"
    AUTO = "auto"
    UNKNOWN = "unknown"


class DeclineReason(StrEnum):
    """Why a vendor says "not for us"."""

    CATEGORY = "category"  # We do not sell this.
    REGION = "region"  # Not our area.
    BUDGET = "budget"
    STOCK = "stock"  # Out of stock.
    TIME = "time"  # Too late, or too soon.
    SPAM = "spam"  # Not a real want.
    OTHER = "other"


# A decline for one of these says that the want should not have come. “Out of stock” says nothing against it, and
# “another reason” nothing at all.
MISFITS = (
    DeclineReason.CATEGORY,
    DeclineReason.REGION,
    DeclineReason.BUDGET,
    DeclineReason.TIME,
    DeclineReason.SPAM,
)


class Via(StrEnum):
    """By which way a response came."""

    PAGE = "page"  # Signed in.
    LINK = "link"  # The answer link of a message.
    API = "api"
    MAIL = "mail"  # A reply to a message.


class Response(Base):
    """What a vendor says to a lead."""

    __tablename__ = "responses"
    __table_args__ = (
        _lead_key(),
        CheckConstraint("(price IS NULL) = (currency IS NULL)", name="price_has_currency"),
        CheckConstraint("(kind = 'decline') = (decline_reason IS NOT NULL)", name="decline_has_reason"),
        Index("ix_responses_lead", "intent_id", "vendor_id", "at"),
        # letters.owe: responses that the customer has not been written to about.
        partial_index("ix_responses_to_tell", "at", where="told_at IS NULL"),
    )

    id: Mapped[Id]
    intent_id: Mapped[Ref]
    vendor_id: Mapped[Ref]
    at: Mapped[Moment]
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    actor: Mapped[Actor] = mapped_column(choice(Actor))
    via: Mapped[Via] = mapped_column(choice(Via))
    account_id: Mapped[Ref | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    body: Mapped[str] = mapped_column(Text, default="")
    price: Mapped[Minor | None]
    currency: Mapped[Word | None]
    condition: Mapped[Condition | None] = mapped_column(choice(Condition))
    valid_until: Mapped[date | None]
    region_id: Mapped[Ref | None] = mapped_column(ForeignKey("regions.id"))  # Where what is offered stands.
    links: Mapped[list[str]] = mapped_column(
        Document, default=list, server_default="[]"
    )  # Pictures, papers: by address.
    decline_reason: Mapped[DeclineReason | None] = mapped_column(choice(DeclineReason))
    told_at: Mapped[Moment | None]  # When a letter to the customer came to be owed.

    lead: Mapped[Lead] = relationship()


class Message(Base):
    """What the customer says to one vendor, in the thread of a lead."""

    __tablename__ = "messages"
    __table_args__ = (
        _lead_key(),
        Index("ix_messages_lead", "intent_id", "vendor_id", "at"),
        # announce.announce: messages that the vendor has not been told of.
        partial_index("ix_messages_to_announce", "at", where="announced_at IS NULL"),
    )

    id: Mapped[Id]
    intent_id: Mapped[Ref]
    vendor_id: Mapped[Ref]
    at: Mapped[Moment]
    body: Mapped[str] = mapped_column(Text)
    announced_at: Mapped[Moment | None]

    lead: Mapped[Lead] = relationship()


class Agreement(Base):
    """A vendor's yes to the customer's terms; the words are kept as they were."""

    __tablename__ = "agreements"
    __table_args__ = (_lead_key(),)

    intent_id: Mapped[Ref] = mapped_column(primary_key=True)
    vendor_id: Mapped[Ref] = mapped_column(primary_key=True)
    terms: Mapped[str] = mapped_column(Text)
    agreed_at: Mapped[Moment]
    account_id: Mapped[Ref | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    via: Mapped[Via] = mapped_column(choice(Via))


class Exchange(Base):
    """What the customer says of a conversation that really took place: glad or not, and a sentence."""

    __tablename__ = "exchanges"
    __table_args__ = (
        _lead_key(),
        # figures: how many were glad, of one vendor.
        Index("ix_exchanges_vendor", "vendor_id", "glad"),
    )

    intent_id: Mapped[Ref] = mapped_column(primary_key=True)
    vendor_id: Mapped[Ref] = mapped_column(primary_key=True)
    glad: Mapped[bool]
    words: Mapped[Line] = mapped_column(default="")
    said_at: Mapped[Moment]
