"""Tables of how word travels: channels, notifications (the outbox), attempts (what happened, each time)."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import Text

from vendors.models import Undelivered, Vendor
from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Code, Document, Id, Line, Moment, Ref, Word, choice, partial_index
from vrm.kernel.sealed import SealedDocument


class ChannelKind(StrEnum):
    """Where a vendor can be told. One file in notifiers/channels/ each, or one entry of chat.py."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"
    DISCORD = "discord"
    TELEGRAM = "telegram"
    TEAMS = "teams"
    GOOGLE_CHAT = "google-chat"
    WEBEX = "webex"
    PUSHOVER = "pushover"
    PUSHBULLET = "pushbullet"
    NTFY = "ntfy"
    FEED = "feed"


class Mode(StrEnum):
    """How often a channel is told of wants. Words of a conversation that has begun always come at once."""

    INSTANT = "instant"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


class Channel(Base):
    """One place where a vendor wants to be told. Verified before its first real message."""

    __tablename__ = "channels"
    __table_args__ = (
        UniqueConstraint("vendor_id", "code"),
        CheckConstraint("digest_hour BETWEEN 0 AND 23", name="digest_hour"),
        CheckConstraint("digest_day BETWEEN 0 AND 6", name="digest_day"),
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet"),
        CheckConstraint("backup_after_s IS NULL OR mode = 'instant'", name="backup_is_instant"),
        # route.route: working channels of vendors with new leads. The last columns let SQLite stay in the index.
        partial_index(
            "ix_channels_working",
            "vendor_id",
            "id",
            "verified_at",
            "paused_at",
            "switched_off_at",
            "ended_at",
            where="verified_at IS NOT NULL AND paused_at IS NULL AND switched_off_at IS NULL AND ended_at IS NULL",
        ),
        # route.catch_up_owed: channels that work and have not been told of what came before them.
        partial_index(
            "ix_channels_to_catch_up",
            "id",
            where="caught_up_at IS NULL AND verified_at IS NOT NULL AND switched_off_at IS NULL "
            "AND paused_at IS NULL AND ended_at IS NULL",
        ),
    )

    id: Mapped[Id]
    code: Mapped[Code]
    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"))
    kind: Mapped[ChannelKind] = mapped_column(choice(ChannelKind))
    label: Mapped[Line] = mapped_column(default="")
    # The kind's typed fields, e.g. {"address": …}; tokens, keys and addresses that are keys are sealed at rest.
    target: Mapped[dict[str, Any]] = mapped_column(SealedDocument("channel", frozenset({"address"})))
    challenge: Mapped[Word | None]  # What must come back before the channel counts as verified.
    challenge_tries: Mapped[int] = mapped_column(default=0)  # Wrong codes typed; a few, then a new challenge.
    created_at: Mapped[Moment]
    verified_at: Mapped[Moment | None]
    paused_at: Mapped[Moment | None]  # By the vendor, or by us with a reason.
    paused_because: Mapped[Line | None]  # Why we paused it; None when the vendor did.
    failing_since: Mapped[Moment | None]  # First failure since the last success.
    failures: Mapped[int] = mapped_column(default=0)  # Since the last success.
    switched_off_at: Mapped[Moment | None]  # By the broker, after a failure that will not mend itself.
    switched_off_because: Mapped[Line | None]
    ended_at: Mapped[Moment | None]  # Removed by the vendor.
    # None: leads for which no channel worked have still to be owed to this one. Emptied when it works again.
    caught_up_at: Mapped[Moment | None]
    # When it wants to be told, in the vendor's zone; `timing.of` makes one value of these.
    mode: Mapped[Mode] = mapped_column(choice(Mode), default=Mode.INSTANT, server_default="instant")
    digest_hour: Mapped[int] = mapped_column(default=8, server_default="8")
    digest_day: Mapped[int] = mapped_column(default=0, server_default="0")  # Of a weekly digest; 0 is Monday.
    quiet_from: Mapped[int | None]  # Minutes since midnight.
    quiet_until: Mapped[int | None]  # The same; may be the next morning's.
    office_only: Mapped[bool] = mapped_column(default=False, server_default=false())
    backup_after_s: Mapped[int | None]  # Set: it steps in when a lead was not seen this long after the others.
    fetched_at: Mapped[Moment | None]  # Feeds: the last time that it was fetched, to the minute.

    vendor: Mapped[Vendor] = relationship()


class Calendar(Base):
    """When a vendor is there: open hours of each day of the week in its zone, and whose public holidays it keeps."""

    __tablename__ = "calendars"

    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"), primary_key=True)
    # Seven lists, Monday first, of [from, until] in minutes since midnight.
    open: Mapped[list[list[list[int]]]] = mapped_column(Document)
    holidays: Mapped[Word] = mapped_column(default="")  # ISO 3166, such as "GB-ENG"; empty: none are kept.
    changed_at: Mapped[Moment]


class CalendarVersion(Base):
    """What a vendor's hours were from a moment on, until its next version: a wait is measured by those of its time."""

    __tablename__ = "calendar_versions"

    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[Moment] = mapped_column(primary_key=True)
    zone: Mapped[Word]
    open: Mapped[list[list[list[int]]]] = mapped_column(Document)  # As in Calendar.
    holidays: Mapped[Word] = mapped_column(default="")


class Topic(StrEnum):
    """What a notification is about. The first group goes to channels of vendors, the second to accounts."""

    LEAD_CREATED = "lead.created"
    LEAD_UPDATED = "lead.updated"
    LEAD_WITHDRAWN = "lead.withdrawn"
    LEAD_REVEALED = "lead.revealed"
    MESSAGE_CREATED = "message.created"
    DIGEST = "digest"  # One notification about many leads.
    CHANNEL_OFF = "channel.off"  # To another channel of the vendor, when one was switched off.
    CHALLENGE = "channel.challenge"
    TEST = "test"

    SIGN_IN = "letter.sign-in"
    VERIFY = "letter.verify"
    ASK_ENTRY = "letter.ask-entry"  # "We read a want on your blog: shall we publish it?"
    ASK_VANISHED = "letter.ask-vanished"  # "Your post is gone: shall we withdraw the want?"
    ANSWERED = "letter.answered"
    MODERATION = "letter.moderation"  # What an operator decided about a want, a report or a vendor.
    OFF_LETTER = "letter.channel-off"  # To the vendor's people, when a channel was switched off.


class Result(StrEnum):
    """How a notification ended."""

    DELIVERED = "delivered"
    FAILED = "failed"
    BUNDLED = "bundled"  # Its word is in a digest; it ends as the digest does.
    CANCELLED = "cancelled"  # Nobody is waiting for it any more: the channel ended, or the vendor stopped it.


class Notification(Base):
    """One message owed to one channel, or to one account by mail: the outbox row."""

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["intent_id", "vendor_id"], ["leads.intent_id", "leads.vendor_id"], ondelete="CASCADE"),
        CheckConstraint("(channel_id IS NULL) <> (account_id IS NULL)", name="one_receiver"),
        CheckConstraint("(done_at IS NULL) = (result IS NULL)", name="done_has_result"),
        # Told once of each occasion, however often a step is replayed. NULLs are distinct: letters are not held by it.
        UniqueConstraint("intent_id", "vendor_id", "channel_id", "topic", "occasion"),
        # deliver.claim: what is owed, by when it is due.
        partial_index("ix_notifications_due", "due_at", where="done_at IS NULL"),
        # A channel's log, newest first.
        Index("ix_notifications_channel", "channel_id", "id"),
        # bundle: what a digest is about.
        partial_index("ix_notifications_digest", "digest_id", where="digest_id IS NOT NULL"),
        # again.lost: what was given up, the newest first.
        partial_index("ix_notifications_lost", "done_at", where="result = 'failed'"),
    )

    id: Mapped[Id]
    code: Mapped[Code]  # Half of the id that every attempt carries on the wire.
    topic: Mapped[Topic] = mapped_column(choice(Topic))
    channel_id: Mapped[Ref | None] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    account_id: Mapped[Ref | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    intent_id: Mapped[Ref | None]
    vendor_id: Mapped[Ref | None]
    # Which one of its topic: 0 for the first word of a lead, a revision's number, a message's or response's id.
    occasion: Mapped[int] = mapped_column(default=0)
    # May hold the secret of a link: sealed at rest, and emptied when done, but for where a test of another place went.
    params: Mapped[dict[str, Any]] = mapped_column(SealedDocument("notification"), default=dict)
    owed_at: Mapped[Moment]
    due_at: Mapped[Moment]  # Next attempt. A claim moves it past the attempt's deadline, so a dead claimer loses it.
    tries: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[Moment | None]
    result: Mapped[Result | None] = mapped_column(choice(Result))
    digest_id: Mapped[Ref | None] = mapped_column(ForeignKey("notifications.id", ondelete="SET NULL"))

    channel: Mapped[Channel | None] = relationship()
    account: Mapped[Account | None] = relationship()


class Verdict(StrEnum):
    """What an attempt amounted to."""

    DELIVERED = "delivered"
    TRANSIENT = "transient"  # Worth another try.
    PERMANENT = "permanent"  # The same will fail again.


class Attempt(Base):
    """One try to send a notification, with what came back."""

    __tablename__ = "attempts"

    id: Mapped[Id]
    notification_id: Mapped[Ref] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[Moment]
    took_ms: Mapped[int]
    verdict: Mapped[Verdict] = mapped_column(choice(Verdict))
    because: Mapped[Undelivered | None] = mapped_column(choice(Undelivered))
    status: Mapped[int | None]  # HTTP or SMTP code, when the other side gave one.
    said: Mapped[str] = mapped_column(Text, default="")  # Up to 4 kB of its answer, or our sentence.

    notification: Mapped[Notification] = relationship()


class AttemptTotal(Base):
    """How many attempts ended alike that are not kept any more: what was counted once stays counted."""

    __tablename__ = "attempt_totals"

    id: Mapped[Id]
    verdict: Mapped[Verdict] = mapped_column(choice(Verdict))
    because: Mapped[Undelivered | None] = mapped_column(choice(Undelivered))
    count: Mapped[int] = mapped_column(BigInteger)
    took_ms: Mapped[int] = mapped_column(BigInteger)
    within: Mapped[list[int]] = mapped_column(Document)  # As `gauges.Tried` has it.


class Arrival(Base):
    """One mail that came in to us: a reply, an answering machine's, a bounce. Kept so that twice is once."""

    __tablename__ = "arrivals"

    id: Mapped[Id]
    digest: Mapped[Word] = mapped_column(unique=True)  # SHA-256 of whom it is to and what it says.
    at: Mapped[Moment]
    notification_id: Mapped[Ref | None] = mapped_column(ForeignKey("notifications.id", ondelete="SET NULL"))
    came_to: Mapped[Line]  # What was made of it, in a few words of ours; never its text.
