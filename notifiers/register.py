"""A vendor's channels: add, change, pause, end. An unproven one only ever gets a challenge or a test; see `proving`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifiers.channels import KINDS, Proof
from notifiers.channels.webhook import new_secret, rotated
from notifiers.models import Attempt, Channel, ChannelKind, Notification
from notifiers.proving import begin_again, mend, new_challenge, refuse_ended, test
from vendors import subscribe
from vendors.models import Vendor
from vrm.kernel import text
from vrm.kernel.accounts import audit
from vrm.kernel.db import is_code, new_code
from vrm.kernel.errors import BadInput, LimitReached, NotFound, WrongState
from vrm.kernel.outbound import Outbound

AT_MOST = 20  # Channels of one vendor.
_SECRETS = ("secret", "old_secret", "old_until")


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
    challenge: Notification | None  # None: it is proven already, or by being fetched.


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
    theirs = select(Channel).where(Channel.vendor_id == vendor.id, Channel.code == code, Channel.ended_at.is_(None))
    channel = session.scalar(theirs) if is_code(code) else None
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
    proven_mailbox: str | None = None,
) -> NewChannel:
    """A new, unproven channel, and the challenge that proves it, to be sent with `deliver.send_now`.

    `proven_mailbox`: that of whoever adds it. It was proven by signing in, and needs no second proof as a channel.

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
    if kind is ChannelKind.EMAIL and target["address"] == proven_mailbox:
        channel.verified_at = now
    session.add(channel)
    session.flush()
    needs_none = is_fetched or channel.verified_at is not None
    return NewChannel(channel, secret, None if needs_none else new_challenge(session, channel, now))


def edit(
    session: Session,
    channel: Channel,
    fields: Mapping[str, str],
    now: datetime,
    *,
    outbound: Outbound,
    label: str = "",
    proven_mailbox: str | None = None,
) -> Notification | None:
    """Change where it leads, or what it is called. A new place must be proven again: the challenge to send, or None.

    A webhook keeps its secret. `proven_mailbox` is as in `add_channel`. Raises as `add_channel` does.
    """
    refuse_ended(channel)
    target = _clean(session, channel.vendor, channel.kind, fields, label=label, outbound=outbound)
    channel.label = _label(label)
    kind = KINDS[channel.kind]
    if kind.place(target) == kind.place(channel.target):
        session.flush()
        return None
    _refuse_twice(channels_of(session, channel.vendor), channel.kind, target, but=channel)
    channel.target = _with_secrets(target, channel)
    if kind.proof is Proof.FETCH:
        session.flush()
        return None  # Its address stays, and whoever has it has it.
    is_proven = channel.kind is ChannelKind.EMAIL and target["address"] == proven_mailbox
    channel.verified_at = now if is_proven else None
    mend(channel)
    if is_proven:
        channel.challenge = None
        session.flush()
        return None
    return new_challenge(session, channel, now)


def try_out(
    session: Session,
    channel: Channel,
    fields: Mapping[str, str],
    now: datetime,
    *,
    outbound: Outbound,
    label: str = "",
) -> Notification:
    """A test as `proving.test` makes it, to where `edit` with the same fields would lead. Nothing else is changed.

    Tests of places that are not proven count with challenges, so that nobody can be told more often by them. Raises
    as `edit` and `test` do.
    """
    refuse_ended(channel)
    target = _clean(session, channel.vendor, channel.kind, fields, label=label, outbound=outbound)
    notification = test(session, channel, now)
    if (there := _with_secrets(target, channel)) != channel.target:
        notification.params = {"target": there, "to": KINDS[channel.kind].shown(there)}
        session.flush()
    return notification


def _with_secrets(target: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    return {**target, **{name: channel.target[name] for name in _SECRETS if name in channel.target}}


def rename(session: Session, channel: Channel, label: str) -> None:
    """Change what it is called, and nothing else. BadInput."""
    refuse_ended(channel)
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
    refuse_ended(channel)
    channel.paused_at = channel.paused_at or now
    session.flush()


def rotate(session: Session, channel: Channel, now: datetime) -> str:
    """A new secret, shown once; a webhook's old one signs beside it for 24 hours, a feed's old address ends at once.

    WrongState for a kind that has no secret of ours.
    """
    refuse_ended(channel)
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
    refuse_ended(channel)
    channel.paused_at = channel.paused_because = None
    mend(channel)
    begin_again(session, channel, now)
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
