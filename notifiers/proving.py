"""A channel is the vendor's → proven, by what was sent there; tests of it; and a new beginning when it works again."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intents.models import Intent
from notifiers import links
from notifiers.channels import KINDS, Proof
from notifiers.models import Channel, Notification, Result, Topic
from vrm.kernel.db import new_code
from vrm.kernel.errors import LimitReached, LinkSpent, WrongState
from vrm.kernel.signing import Signer

WRONG_CODES = 5  # Then the code is spent, and a new one has to be sent.
PER_HOUR = 10  # Challenges and tests to one channel: not a way to annoy somebody else with.
_SEND_NOW_WITHIN = timedelta(seconds=60)  # Later the worker takes it over.


def leave_to_worker(challenge: Notification | None, now: datetime) -> None:
    """Nobody waits for this one: the worker sends it with what else is due."""
    if challenge is not None:
        challenge.due_at = now


def new_challenge(session: Session, channel: Channel, now: datetime) -> Notification:
    """A fresh challenge, to be sent with `deliver.send_now`. The one before is no good any more.

    WrongState when it is proven already, LimitReached beyond 10 messages an hour.
    """
    refuse_ended(channel)
    if channel.verified_at is not None:
        raise WrongState("This channel is verified already; send a test instead.")
    _refuse_fetched(channel)
    _limit(session, channel, now)
    if KINDS[channel.kind].proof is Proof.CODE:
        channel.challenge = f"{secrets.randbelow(10**6):06d}"
    else:
        channel.challenge = new_code(32)
    channel.challenge_tries = 0
    mend(channel)
    return _own_message(session, channel, Topic.CHALLENGE, now)


def verify_by_code(session: Session, channel: Channel, code: str, now: datetime) -> bool:
    """Prove a channel by what was read in it; False for a wrong code, which counts and so must be committed.

    After 5 wrong ones LinkSpent: a new code has to be asked for.
    """
    refuse_ended(channel)
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
    begin_again(session, channel, now)
    session.flush()


def test(session: Session, channel: Channel, now: datetime) -> Notification:
    """A sample want, to be sent with `deliver.send_now`; its attempt holds the other side's own words.

    LimitReached beyond 10 messages an hour.
    """
    refuse_ended(channel)
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


# --- When it works again ------------------------------------------------------------------------------


def begin_again(session: Session, channel: Channel, now: datetime) -> None:
    """Owe once more what was dropped while it did not work; the router looks for what was never owed."""
    if channel.verified_at is None or channel.paused_at or channel.switched_off_at or channel.ended_at:
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


def mend(channel: Channel) -> None:
    """Forget that it failed."""
    channel.failing_since = None
    channel.failures = 0
    channel.switched_off_at = None
    channel.switched_off_because = None


def refuse_ended(channel: Channel) -> None:
    """WrongState for one that was removed."""
    if channel.ended_at is not None:
        raise WrongState("This channel was removed; please add it again.")
