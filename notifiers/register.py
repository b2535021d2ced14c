"""A vendor's channels: add, prove, test, change, pause, end. An unproven one only ever gets a challenge or a test."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intents.models import Intent
from notifiers import links
from notifiers.channels import KINDS, Proof
from notifiers.channels.webhook import new_secret, rotated
from notifiers.models import Attempt, Channel, ChannelKind, Notification, Result, Topic
from vendors import subscribe
from vendors.models import Vendor
from vrm.kernel import text
from vrm.kernel.accounts import audit
from vrm.kernel.db import new_code
from vrm.kernel.errors import BadInput, LimitReached, LinkSpent, NotFound, WrongState
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer

AT_MOST = 20  # Channels of one vendor.
WRONG_CODES = 5  # Then the code is spent, and a new one has to be sent.
WRONG_CODE = "That is not the code that we sent; please read it again."  # For the page.
PER_HOUR = 10  # Challenges and tests to one channel: not a way to annoy somebody else with.
_SECRETS = ("secret", "old_secret", "old_until")
_SEND_NOW_WITHIN = timedelta(seconds=60)  # Later the worker takes it over.


class State(StrEnum):
    """How a channel is doing. Only the second and third get real messages."""

    UNVERIFIED = "unverified"
    WORKING = "working"
    FAILING = "failing"  # The last attempts failed; it is tried on.
    PAUSED = "paused"
    OFF = "off"  # Switched off by us; `switched_off_because` says why.
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel that was just added. `challenge` is to be sent now; `secret` is shown once, webhooks only."""

    channel: Channel
    secret: str | None
    challenge: Notification | None  # None: the channel is proven by being fetched.


def state(channel: Channel) -> State:
    """The one word for it."""
    if channel.ended_at is not None:
        return State.ENDED
    if channel.switched_off_at is not None:
        return State.OFF
    if channel.verified_at is None:
        return State.UNVERIFIED
    if channel.paused_at is not None:
        return State.PAUSED
    return State.FAILING if channel.failing_since is not None else State.WORKING


# --- Finding --------------------------------------------------------------------------------------


def channels_of(session: Session, vendor: Vendor) -> list[Channel]:
    """The vendor's channels, removed ones left out, oldest first."""
    return list(
        session.scalars(
            select(Channel).where(Channel.vendor_id == vendor.id, Channel.ended_at.is_(None)).order_by(Channel.id)
        )
    )


def by_code(session: Session, vendor: Vendor, code: str) -> Channel:
    """The vendor's channel with this code; NotFound for anybody else's and for a removed one."""
    channel = session.scalar(
        select(Channel).where(Channel.vendor_id == vendor.id, Channel.code == code, Channel.ended_at.is_(None))
    )
    if channel is None:
        raise NotFound("There is no such channel.")
    return channel


def log(session: Session, channel: Channel, *, limit: int = 50) -> list[tuple[Notification, list[Attempt]]]:
    """The newest messages to this channel, each with its attempts, oldest first."""
    notifications = session.scalars(
        select(Notification).where(Notification.channel_id == channel.id).order_by(Notification.id.desc()).limit(limit)
    ).all()
    attempts: dict[int, list[Attempt]] = {notification.id: [] for notification in notifications}
    for attempt in session.scalars(
        select(Attempt).where(Attempt.notification_id.in_(list(attempts))).order_by(Attempt.id)
    ):
        attempts[attempt.notification_id].append(attempt)
    return [(notification, attempts[notification.id]) for notification in notifications]


# --- Adding and changing --------------------------------------------------------------------------


def add_channel(
    session: Session,
    vendor: Vendor,
    kind: ChannelKind,
    fields: Mapping[str, str],
    now: datetime,
    *,
    outbound: Outbound,
    label: str = "",
) -> NewChannel:
    """A new, unproven channel, and the challenge that proves it, to be sent with `deliver.send_now`.

    Raises BadInput with a sentence per field, WrongState when the vendor has this very place already, LimitReached.
    """
    there = channels_of(session, vendor)
    if len(there) >= AT_MOST:
        raise LimitReached(f"{AT_MOST} channels are the most; remove one that is no longer needed.")
    target = _clean(session, vendor, kind, fields, label=label, outbound=outbound)
    _refuse_twice(there, kind, target, but=None)
    secret = new_secret() if KINDS[kind].signs else None
    is_fetched = KINDS[kind].proof is Proof.FETCH
    if is_fetched:
        target["secret"] = new_code(32)
    channel = Channel(
        code=new_code(),
        vendor_id=vendor.id,
        vendor=vendor,
        kind=kind,
        label=_label(label),
        target=target | ({"secret": secret} if secret else {}),
        created_at=now,
    )
    session.add(channel)
    session.flush()
    return NewChannel(channel, secret, None if is_fetched else new_challenge(session, channel, now))


def edit(
    session: Session,
    channel: Channel,
    fields: Mapping[str, str],
    now: datetime,
    *,
    outbound: Outbound,
    label: str = "",
) -> Notification | None:
    """Change where it leads, or what it is called. A new place must be proven again: the challenge to send, or None.

    A webhook keeps its secret. Raises as `add_channel` does.
    """
    _refuse_ended(channel)
    target = _clean(session, channel.vendor, channel.kind, fields, label=label, outbound=outbound)
    channel.label = _label(label)
    kind = KINDS[channel.kind]
    if kind.place(target) == kind.place(channel.target):
        session.flush()
        return None
    _refuse_twice(channels_of(session, channel.vendor), channel.kind, target, but=channel)
    channel.target = target | {name: channel.target[name] for name in _SECRETS if name in channel.target}
    if kind.proof is Proof.FETCH:
        session.flush()
        return None  # Its address stays, and whoever has it has it.
    channel.verified_at = None
    _mend(channel)
    return new_challenge(session, channel, now)


def rename(session: Session, channel: Channel, label: str) -> None:
    """Change what it is called, and nothing else. BadInput."""
    _refuse_ended(channel)
    channel.label = _label(label)
    session.flush()


def _clean(
    session: Session, vendor: Vendor, kind: ChannelKind, fields: Mapping[str, str], *, label: str, outbound: Outbound
) -> dict[str, Any]:
    problems: dict[str, str] = {}
    target: dict[str, Any] = {}
    for make in (lambda: _label(label), lambda: target.update(KINDS[kind].clean(fields, outbound))):
        try:
            make()
        except BadInput as error:
            problems |= error.problems
    if target.get("subscription"):
        try:
            subscribe.by_code(session, vendor, str(target["subscription"]))
        except NotFound:
            problems["subscription"] = "There is no such subscription any more; choose another one, or all."
    if problems:
        raise BadInput(problems)
    return target


def _label(label: str) -> str:
    return text.line(label, field="label", label="The name", most=100, least=0)


def _refuse_twice(there: list[Channel], kind: ChannelKind, target: Mapping[str, Any], *, but: Channel | None) -> None:
    place = KINDS[kind].place(target)
    for channel in there:
        if channel is not but and channel.kind is kind and KINDS[kind].place(channel.target) == place:
            raise WrongState("You have this channel already; nothing needs to be added.")


def pause(session: Session, channel: Channel, now: datetime) -> None:
    """Nothing goes there until `resume`; what falls due meanwhile is dropped."""
    _refuse_ended(channel)
    channel.paused_at = channel.paused_at or now
    session.flush()


def rotate(session: Session, channel: Channel, now: datetime) -> str:
    """A new secret, shown once; a webhook's old one signs beside it for 24 hours, a feed's old address ends at once.

    WrongState for a kind that has no secret of ours.
    """
    _refuse_ended(channel)
    if KINDS[channel.kind].signs:
        channel.target = rotated(channel.target, now)
    elif KINDS[channel.kind].proof is Proof.FETCH:
        channel.target = {**channel.target, "secret": new_code(32)}
    else:
        raise WrongState("Only webhooks and feeds have a secret of ours; give this channel a new address instead.")
    session.flush()
    return str(channel.target["secret"])


def resume(session: Session, channel: Channel, now: datetime) -> None:
    """Let it get wants again, also after we switched it off. What came meanwhile and is still open comes too."""
    _refuse_ended(channel)
    channel.paused_at = channel.paused_because = None
    _mend(channel)
    _begin_again(session, channel, now)
    session.flush()


def end(session: Session, channel: Channel, now: datetime) -> None:
    """Remove it for good; its log stays."""
    channel.ended_at = channel.ended_at or now
    channel.challenge = None
    # Keys and tokens of others are not kept longer than they are needed.
    channel.target = {name: value for name, value in channel.target.items() if name not in _SECRETS}
    session.flush()


def stop(session: Session, channel: Channel, now: datetime, by: str) -> None:
    """What "stop" in a message does: the channel pauses, and its log says by which way. Twice is once.

    `by` is a few words, such as "one-click unsubscribe" (RFC 8058) or "the stop button".
    """
    if channel.ended_at is None and channel.paused_at is None:
        channel.paused_at = now
        audit(session, "channel.stopped", f"{channel.vendor.code}-{channel.code}", now, by=None, way=by)
    session.flush()


def _begin_again(session: Session, channel: Channel, now: datetime) -> None:
    """Owe once more what was dropped while it did not work; the router looks for what was never owed."""
    if state(channel) is not State.WORKING:
        return
    channel.caught_up_at = None
    session.execute(
        update(Notification)
        .where(
            Notification.channel_id == channel.id,
            Notification.topic == Topic.LEAD_CREATED,
            Notification.result == Result.CANCELLED,
            Notification.intent_id.in_(select(Intent.id).where(Intent.closed_at.is_(None))),
        )
        .values(done_at=None, result=None, due_at=now, tries=0, digest_id=None)
        .execution_options(synchronize_session=False)
    )


def _mend(channel: Channel) -> None:
    channel.failing_since = None
    channel.failures = 0
    channel.switched_off_at = None
    channel.switched_off_because = None


def _refuse_ended(channel: Channel) -> None:
    if channel.ended_at is not None:
        raise WrongState("This channel was removed; please add it again.")


# --- Proving and testing --------------------------------------------------------------------------


def new_challenge(session: Session, channel: Channel, now: datetime) -> Notification:
    """A fresh challenge, to be sent with `deliver.send_now`. The one before is no good any more.

    WrongState when it is proven already, LimitReached beyond 10 messages an hour.
    """
    _refuse_ended(channel)
    if channel.verified_at is not None:
        raise WrongState("This channel is verified already; send a test instead.")
    _refuse_fetched(channel)
    _limit(session, channel, now)
    if KINDS[channel.kind].proof is Proof.CODE:
        channel.challenge = f"{secrets.randbelow(10**6):06d}"
    else:
        channel.challenge = new_code(32)
    channel.challenge_tries = 0
    _mend(channel)
    return _own_message(session, channel, Topic.CHALLENGE, now)


def verify_by_code(session: Session, channel: Channel, code: str, now: datetime) -> bool:
    """Prove a channel by what was read in it; False for a wrong code, which counts and so must be committed.

    After 5 wrong ones LinkSpent: a new code has to be asked for.
    """
    _refuse_ended(channel)
    session.flush()
    session.refresh(channel, with_for_update={"of": Channel})
    if channel.verified_at is not None:
        return True
    if channel.challenge is None or channel.challenge_tries >= WRONG_CODES:
        raise LinkSpent("That code is no good any more; ask for a new one, and we send it there.")
    typed = "".join(code.split())
    if not secrets.compare_digest(typed.encode(), channel.challenge.encode()):
        channel.challenge_tries += 1
        session.flush()
        return False
    mark_verified(session, channel, now)
    return True


def look_at_link(session: Session, signer: Signer, token: str) -> Channel:
    """The channel that the link in its challenge would prove, without doing so. LinkSpent when it is old."""
    return links.channel_of(session, signer, token)


def verify_by_link(session: Session, signer: Signer, token: str, now: datetime) -> Channel:
    """Prove a channel by the button behind the link in its challenge. LinkSpent when it is old."""
    channel = links.channel_of(session, signer, token)
    mark_verified(session, channel, now)
    return channel


def mark_verified(session: Session, channel: Channel, now: datetime) -> None:
    """It was proven: from now on it gets new wants."""
    channel.verified_at = channel.verified_at or now
    channel.challenge = None
    channel.challenge_tries = 0
    _begin_again(session, channel, now)
    session.flush()


def test(session: Session, channel: Channel, now: datetime) -> Notification:
    """A sample want, to be sent with `deliver.send_now`; its attempt holds the other side's own words.

    LimitReached beyond 10 messages an hour.
    """
    _refuse_ended(channel)
    _refuse_fetched(channel)
    _limit(session, channel, now)
    return _own_message(session, channel, Topic.TEST, now)


def _refuse_fetched(channel: Channel) -> None:
    if KINDS[channel.kind].proof is Proof.FETCH:
        raise WrongState("Nothing is sent to a feed: open its address in your reader, and that proves it.")


def _own_message(session: Session, channel: Channel, topic: Topic, now: datetime) -> Notification:
    notification = Notification(
        code=new_code(),
        topic=topic,
        channel_id=channel.id,
        channel=channel,
        params={},
        owed_at=now,
        due_at=now + _SEND_NOW_WITHIN,
    )
    session.add(notification)
    session.flush()
    return notification


def _limit(session: Session, channel: Channel, now: datetime) -> None:
    lately = session.scalar(
        select(func.count())
        .select_from(Notification)
        .where(
            Notification.channel_id == channel.id,
            Notification.topic.in_([Topic.CHALLENGE, Topic.TEST]),
            Notification.owed_at > now - timedelta(hours=1),
        )
    )
    if (lately or 0) >= PER_HOUR:
        raise LimitReached(
            f"{PER_HOUR} test messages an hour are the most for one channel; please wait a while.", retry_after_s=3600
        )
