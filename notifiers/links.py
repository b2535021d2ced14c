"""Every address that a message carries, and what the signed ones among them stand for. No GET of one does anything."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents.models import Blog, Entry, Intent
from notifiers.channels import Link
from notifiers.facts import LeadRow, Reader
from notifiers.models import Channel
from vendors import leads
from vendors.models import Lead, Vendor
from vrm.kernel.errors import LinkSpent
from vrm.kernel.signing import Signer

_ANSWER = "answer"
_ENTRY = "entry"
_CHANNEL = "channel"
_FEED = "feed"
_GONE = "This link does not lead anywhere any more. Please sign in to find what you were looking for."


# --- A vendor's answer ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom an answer link was sent to, and about what."""

    lead: Lead
    channel: Channel


def answer_url(base_url: str, signer: Signer, lead: Lead | LeadRow, channel: Channel) -> str:
    """The page on which whoever reads this channel answers this lead without an account."""
    return f"{base_url}/r/{signer.sign(_ANSWER, lead.intent.code, lead.vendor.code, channel.code)}"


def reached(session: Session, signer: Signer, token: str) -> Reached:
    """What an answer link stands for.

    LinkSpent when it is not ours or its channel was removed; NotFound when the lead is gone or was withheld.
    """
    codes = signer.read(_ANSWER, token)
    if len(codes) != 3:
        raise LinkSpent(_GONE)
    lead = leads.by_code(session, f"{codes[0]}-{codes[1]}")
    channel = session.scalar(select(Channel).where(Channel.vendor_id == lead.vendor_id, Channel.code == codes[2]))
    if channel is None or channel.ended_at is not None or lead.withheld is not None:
        raise LinkSpent(_GONE)
    return Reached(lead, channel)


def answers(url: str, reader: Reader) -> tuple[Link, ...]:
    """The four buttons of a lead."""
    return (
        Link(reader.say("Make an offer"), f"{url}?do=offer"),
        Link(reader.say("Ask a question"), f"{url}?do=question"),
        Link(reader.say("Not for us"), f"{url}?do=decline"),
        Link(reader.say("Stop these messages"), f"{url}?do=stop"),
    )


def unsubscribe_url(answer: str) -> str:
    """Takes the POST of RFC 8058; a GET of it shows the same button as "stop"."""
    return f"{answer}/unsubscribe"


def told_channel(session: Session, signer: Signer, token: str) -> Channel:
    """The channel that an answer link was sent to, whatever became of the lead: to stop must always be possible."""
    codes = signer.read(_ANSWER, token)
    channel = None
    if len(codes) == 3:
        channel = session.scalar(
            select(Channel)
            .join(Vendor, Vendor.id == Channel.vendor_id)
            .where(Vendor.code == codes[1], Channel.code == codes[2])
        )
    if channel is None:
        raise LinkSpent(_GONE)
    return channel


# --- A private feed -------------------------------------------------------------------------------


def feed_url(base_url: str, signer: Signer, channel: Channel, kind: str) -> str:
    """Where a vendor's private feed is fetched; `kind` is "atom" or "json". A new secret makes a new address."""
    return f"{base_url}/feeds/{signer.sign(_FEED, channel.vendor.code, channel.code, channel.target['secret'])}.{kind}"


def feed_channel(session: Session, signer: Signer, token: str) -> Channel:
    """The channel of a feed's address; LinkSpent when it was removed or has another address now."""
    codes = signer.read(_FEED, token)
    channel = None
    if len(codes) == 3:
        channel = session.scalar(
            select(Channel)
            .join(Vendor, Vendor.id == Channel.vendor_id)
            .where(Vendor.code == codes[0], Channel.code == codes[1], Vendor.closed_at.is_(None))
        )
    if channel is None or channel.ended_at is not None or channel.target.get("secret") != codes[2]:
        raise LinkSpent(_GONE)
    return channel


# --- A channel's proof ----------------------------------------------------------------------------


def verify_url(base_url: str, signer: Signer, channel: Channel) -> str:
    """The page whose button proves a mailbox. It is good for the challenge that is out now, and for no other."""
    token = signer.sign(_CHANNEL, channel.vendor.code, channel.code, str(channel.challenge))
    return f"{base_url}/channels/verify/{token}"


def channel_of(session: Session, signer: Signer, token: str) -> Channel:
    """The channel whose present challenge the token carries; LinkSpent when there is none."""
    codes = signer.read(_CHANNEL, token)
    if len(codes) != 3:
        raise LinkSpent(_GONE)
    channel = session.scalar(
        select(Channel)
        .join(Vendor, Vendor.id == Channel.vendor_id)
        .where(Vendor.code == codes[0], Channel.code == codes[1])
    )
    if channel is None or channel.ended_at is not None or channel.challenge != codes[2]:
        raise LinkSpent("This link was used, or a newer one was sent. Please use the newest message.")
    return channel


# --- A customer's own pages -----------------------------------------------------------------------


def entry_url(base_url: str, signer: Signer, entry: Entry) -> str:
    """The page that asks a blog's author about one of its posts."""
    return f"{base_url}/entries/{signer.sign(_ENTRY, entry.blog.code, str(entry.id))}"


def entry_of(session: Session, signer: Signer, token: str) -> Entry:
    """The entry that the token names; LinkSpent when there is none."""
    codes = signer.read(_ENTRY, token)
    if len(codes) != 2 or not codes[1].isdigit():
        raise LinkSpent(_GONE)
    entry = session.scalar(select(Entry).join(Blog).where(Blog.code == codes[0], Entry.id == int(codes[1])))
    if entry is None:
        raise LinkSpent(_GONE)
    return entry


def board_url(base_url: str, intent: Intent) -> str:
    """Where the customer sees who was told and who answered."""
    return f"{base_url}/me/intents/{intent.code}"


def one_time_url(base_url: str, path: str, secret: str) -> str:
    """`path` is "sign-in" or "verify"."""
    return f"{base_url}/{path}/{secret}"


def lead_url(base_url: str, lead: Lead | LeadRow) -> str:
    """Where a signed-in vendor reads the lead."""
    return f"{base_url}/vendor/leads/{lead.code}"


def channels_url(base_url: str) -> str:
    """Where a vendor mends its channels."""
    return f"{base_url}/vendor/channels"
