"""What came in by mail → a response, a message to the vendor, or what a bounce says about a channel; twice is once."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.utils import parseaddr

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents import canaries
from intents.canaries import TraceKind
from intents.models import Intent
from notifiers import inbound, return_path
from notifiers.announce import pass_on
from notifiers.channels.base import kept
from notifiers.inbound import Bounce, Nothing, Reply
from notifiers.letters import owe_channel_off
from notifiers.models import Arrival, Attempt, Channel, Notification, Result, Topic, Verdict
from notifiers.post import Post
from notifiers.return_path import Return
from notifiers.stand_ins import hurry_stand_ins
from vendors import respond
from vendors.models import Actor, Kind, Lead, Undelivered, Via
from vendors.respond import Answer
from vrm.kernel.accounts import Account
from vrm.kernel.db import add_if_new
from vrm.kernel.errors import BadInput, LimitReached, NotFound, VrmError, WrongState

STILL_COUNTS = timedelta(hours=72)  # A mail that comes back later had arrived somewhere.
SOFT_AT_MOST, SOFT_WITHIN = 3, timedelta(days=7)
_ABOUT_A_LEAD = frozenset(
    {Topic.LEAD_CREATED, Topic.LEAD_UPDATED, Topic.LEAD_REVEALED, Topic.LEAD_WITHDRAWN, Topic.MESSAGE_CREATED}
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as it came in. `sender` is that of the envelope; empty is the null sender, None is not known."""

    to: str
    sender: str | None
    raw: bytes


def receive(session: Session, post: Post, letter: Letter, now: datetime) -> str:
    """Do what the mail asks for; what came of it, in a few words. The same mail again does nothing.

    Raises NotFound when it is about nothing of ours, BadInput, WrongState or LimitReached when its words cannot
    be taken: the sentence is for the one who wrote it.
    """
    named = return_path.read_address(post, letter.to)
    if named is not None and named.what == "c":
        return _to_marked(session, named.row_id, letter, now)
    found, what = _find(session, post, letter, named)
    digest = hashlib.sha256(letter.to.lower().encode() + b"\0" + letter.raw).hexdigest()
    arrival = Arrival(digest=digest, at=now, notification_id=found.id, came_to="")
    if not add_if_new(session, arrival):
        return "the same mail as before"
    arrival.came_to = _take(session, found, what, now)[:500]
    if isinstance(what, Reply):
        _heed_marked(session, found, letter, now)
    session.flush()
    return arrival.came_to


# --- Marked wants ---------------------------------------------------------------------------------


def _to_marked(session: Session, intent_id: int, letter: Letter, now: datetime) -> str:
    """Somebody used an address that stands in one marked want."""
    intent = session.get(Intent, intent_id)
    if intent is None or intent.canary_for is None:
        raise NotFound("There is no such address here, or what it was about is gone.")
    inbound.refuse_odd(letter.raw)
    mail = message_from_bytes(letter.raw[:200_000], policy=policy.default)
    who = letter.sender or parseaddr(inbound.header(mail, "From"))[1] or "(nobody)"
    canaries.trace(session, intent, TraceKind.MAIL, who, now, said=inbound.header(mail, "Subject"))
    return "a mail to a marked want"


def _heed_marked(session: Session, found: Notification, letter: Letter, now: datetime) -> None:
    """An answer to a marked want, from another address than the one that was told of it."""
    intent = session.get(Intent, found.intent_id) if found.intent_id is not None else None
    told = str(found.channel.target.get("address", "")) if found.channel is not None else ""
    if intent is None or intent.canary_for is None or not letter.sender or not told:
        return
    if letter.sender.casefold() != told.casefold():
        canaries.trace(session, intent, TraceKind.ANSWER, letter.sender, now)


# --- Which message it is about --------------------------------------------------------------------


def _find(
    session: Session, post: Post, letter: Letter, named: Return | None
) -> tuple[Notification, Bounce | Reply | Nothing]:
    found = session.get(Notification, named.row_id) if named is not None else None
    if found is None:
        # Some answer the sender itself; then the id in the mail's own thread, half of it random, names the message.
        for id_, code in return_path.named_in(letter.raw[:200_000].decode("ascii", "replace")):
            row = session.get(Notification, id_)
            if row is not None and row.code.lower() == code:
                found = row
                break
    if found is None:
        raise NotFound("There is no such address here, or what it was about is gone.")
    what = inbound.read(letter.raw, letter.sender)
    if named is not None and named.what == "b" and isinstance(what, Reply):
        what = Nothing("a machine's word about a message")
    return found, what


def _take(session: Session, found: Notification, what: Bounce | Reply | Nothing, now: datetime) -> str:
    if isinstance(what, Nothing):
        return what.why
    if isinstance(what, Bounce):
        bounced(session, found, what, now)
        return "a hard bounce" if what.hard else "a soft bounce"
    if found.channel is not None and found.topic in _ABOUT_A_LEAD:
        return _from_vendor(session, found, what, now)
    if found.account is not None and found.topic is Topic.ANSWERED:
        return _from_customer(session, found, found.account, what, now)
    if what.auto:
        return "an answering machine"
    raise WrongState("Nobody reads replies to this message; please use the link in it.")


# --- Replies --------------------------------------------------------------------------------------


def _from_vendor(session: Session, found: Notification, reply: Reply, now: datetime) -> str:
    lead = session.get(Lead, (found.intent_id, found.vendor_id))
    if lead is None:
        raise NotFound("What this was about is gone.")
    if not reply.body and not reply.auto:
        raise BadInput({"body": "We found no words of yours above the quotation; please write them on top."})
    is_question = lead.responded_at is None and "?" in reply.body
    answer = Answer(kind=Kind.QUESTION if is_question else Kind.REPLY, body=reply.body)
    if not reply.auto:
        respond.respond(session, lead, answer, now, via=Via.MAIL)
        return "a reply of the vendor"
    try:
        with session.begin_nested():
            respond.respond(session, lead, answer, now, via=Via.MAIL, actor=Actor.AUTO)
    except VrmError:
        return "an answering machine, for nothing that is open"  # It must not be answered, so it is not refused.
    return "an answering machine of the vendor"


def _from_customer(session: Session, found: Notification, account: Account, reply: Reply, now: datetime) -> str:
    if reply.auto:
        return "an answering machine of the customer"
    lead = session.get(Lead, (found.intent_id, found.vendor_id))
    if lead is None:
        raise NotFound("What this was about is gone.")
    body = reply.body if lead.revealed_at is not None else without_traces(reply.body, account, reply.called)
    if not body:
        raise BadInput({"body": "We found no words of yours above the quotation; please write them on top."})
    respond.say(session, lead, body, now)
    return "a reply of the customer"


def without_traces(body: str, account: Account, called: str) -> str:
    """A customer's words without what their mail program adds of them: address, telephone, a name as last lines.

    `called` is how the mail program calls them, since many never told us a name.
    """
    body = re.sub(re.escape(account.email), "[hidden]", body, flags=re.IGNORECASE)
    digits = re.sub(r"\D", "", account.phone)
    if len(digits) >= 6:
        # However it is spaced; with or without the code of the country.
        loose = r"[ \t\u00a0().\-/]*".join(digits[-9:])
        body = re.sub(rf"[ \t\u00a0+\d().\-/]*{loose}", " [hidden]", body)
    lines = body.rstrip().splitlines()
    known = (account.name.casefold(), called.casefold())
    names = {_bare(name) for each in known for name in (each, *each.split())} | {"", "[hidden]"}
    while lines and _bare(lines[-1].casefold()) in names:
        lines.pop()
    return "\n".join(lines).strip()


def _bare(line: str) -> str:
    return line.strip(" ,.-–—")


# --- Bounces --------------------------------------------------------------------------------------


def bounced(session: Session, notification: Notification, bounce: Bounce, now: datetime) -> None:
    """Write down that a mail came back: nobody was reached by it, and what that means for its channel."""
    session.add(
        Attempt(
            notification_id=notification.id,
            started_at=now,
            took_ms=0,
            verdict=Verdict.PERMANENT if bounce.hard else Verdict.TRANSIENT,
            because=Undelivered.BOUNCED,
            said=kept(f"It came back: {bounce.said}"),
        )
    )
    sent_at = notification.done_at
    if sent_at is None or now - sent_at <= STILL_COUNTS:
        notification.done_at = sent_at or now
        notification.result = Result.FAILED
        for word in _words(session, notification):
            word.result = Result.FAILED
            if word.topic is Topic.LEAD_CREATED:
                _take_back(session, word, now)
            else:
                pass_on(session, word, now)
    session.flush()
    if notification.channel is not None and notification.topic is not Topic.TEST:
        _on_channel(session, notification.channel, sent_at, bounce, now)


def _words(session: Session, notification: Notification) -> list[Notification]:
    """The words of leads that this mail carried, the first ones first."""
    if notification.topic is not Topic.DIGEST:
        return [notification]
    carried = select(Notification).where(
        Notification.digest_id == notification.id, Notification.result == Result.DELIVERED
    )
    return sorted(session.scalars(carried), key=lambda word: word.topic is not Topic.LEAD_CREATED)


def _take_back(session: Session, word: Notification, now: datetime) -> None:
    lead = session.get(Lead, (word.intent_id, word.vendor_id), with_for_update={"key_share": True})
    if lead is None or lead.seen_at is not None or lead.delivered_at is None:
        return
    if word.done_at is not None and lead.delivered_at < word.done_at:
        return  # Another proof came before this one.
    lead.delivered_at = session.scalar(
        select(func.min(Notification.done_at)).where(
            Notification.intent_id == word.intent_id,
            Notification.vendor_id == word.vendor_id,
            Notification.topic == Topic.LEAD_CREATED,
            Notification.result == Result.DELIVERED,
            Notification.id != word.id,
        )
    )
    lead.undelivered = None if lead.delivered_at is not None else Undelivered.BOUNCED
    session.flush()
    hurry_stand_ins(session, word, now)


def _on_channel(session: Session, channel: Channel, sent_at: datetime | None, bounce: Bounce, now: datetime) -> None:
    if channel.ended_at is not None or channel.switched_off_at is not None:
        return
    if channel.verified_at is not None and sent_at is not None and sent_at < channel.verified_at:
        return  # It leads somewhere else by now, and that place was proven.
    if bounce.hard:
        channel.switched_off_at = now
        channel.switched_off_because = f"A mail came back: {bounce.said}"[:500]
    elif channel.paused_at is None and _soft_bounces(session, channel, now) >= SOFT_AT_MOST:
        channel.paused_at = now
        channel.paused_because = f"{SOFT_AT_MOST} mails came back within a week; the last one with: {bounce.said}"[:500]
    else:
        return
    session.flush()
    if channel.verified_at is not None:
        owe_channel_off(session, channel, now)


def _soft_bounces(session: Session, channel: Channel, now: datetime) -> int:
    """How many in a week, since the channel last began to work."""
    since = max(now - SOFT_WITHIN, channel.caught_up_at or channel.created_at)
    found = session.scalar(
        select(func.count())
        .select_from(Attempt)
        .join(Notification, Notification.id == Attempt.notification_id)
        .where(
            Notification.channel_id == channel.id,
            Attempt.because == Undelivered.BOUNCED,
            Attempt.verdict == Verdict.TRANSIENT,
            Attempt.started_at > since,
        )
    )
    return found or 0


def refusal(error: VrmError) -> str:
    """What a mail server says to the one who wrote (RFC 5321, RFC 3463)."""
    sentence = " ".join(str(error).encode("ascii", "replace").decode("ascii").split())
    if isinstance(error, LimitReached) and error.retry_after_s is not None:
        return f"451 4.7.1 {sentence}"
    if isinstance(error, NotFound):
        return f"550 5.1.1 {sentence}"
    return f"550 5.7.1 {sentence}"
