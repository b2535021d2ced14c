"""Claimed notifications → what is to be sent now, what is not wanted any more, and what must wait."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from intents.models import Intent
from notifiers import bundle
from notifiers.announce import pass_on, works
from notifiers.channels import KINDS, Composed, Proof, Shared, Wire
from notifiers.compose import compose, compose_first_word
from notifiers.decide import SCHEDULE
from notifiers.facts import LeadRow, intent_json, names_of
from notifiers.hold import hold, is_at_once
from notifiers.models import Attempt, Channel, ChannelKind, Notification, Result, Topic, Verdict
from notifiers.post import Post
from notifiers.sending import Errand
from vendors.models import Lead, Undelivered
from vrm.kernel import taxonomy
from vrm.kernel.errors import VrmError
from vrm.kernel.many import one_of

_AGAIN_SOON = timedelta(seconds=30)
_MENDED_BY = timedelta(minutes=30)  # What we fail to write is our own fault, and no vendor can put it right.
_HAD_THE_NEWS = timedelta(minutes=2)  # More than lies between reading a row and sending what it says.
ABOUT_ITSELF = frozenset({Topic.CHALLENGE, Topic.TEST})

_log = logging.getLogger(__name__)

Entity = TypeVar("Entity", Channel, Intent)


@dataclass(frozen=True, slots=True)
class Ready:
    """One message with everything that sending it takes; nothing in it is tied to a session."""

    id: int
    topic: Topic
    tries: int
    kind: ChannelKind
    channel_id: int | None  # None for a letter to an account.
    lead: tuple[int, int] | None  # Intent and vendor, where it is about one.
    target: Mapping[str, Any]
    message: Composed
    wire: Wire
    retries: bool

    @property
    def errand(self) -> Errand:
        """What senders get of it, written to the end."""
        kind = KINDS[self.kind]
        packed = kind.pack(self.target, self.message, self.wire)
        return Errand(self.id, self.kind, kind.host(self.target), self.target, packed, self.wire)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A claimed row that is not sent now: not at all, or, with `due_at`, not yet."""

    id: int
    due_at: datetime | None = None
    in_digest: bool = False  # It goes out with others, in a digest that is due then.
    because: Undelivered | None = None  # Noted on a lead whose first word it was.
    said: str = ""  # What an attempt that failed before anything was sent says.


def prepare(session: Session, ids: Sequence[int], post: Post, now: datetime) -> list[Ready | Dropped]:
    """Look at claimed rows again and write what is still wanted. Only reads; `drop` writes what follows.

    A row that cannot be written stops no other.
    """
    taxonomy.hold(session)
    ready = _first_words(session, ids, post, now)
    others = set(ids) - {one.id for one in ready}
    return [*ready, *(_one_by_one(session, others, post, now) if others else ())]


# Built once: to build it anew takes longer than to run it.
_FIRST_WORDS = (
    select(
        Notification.id,
        Notification.code,
        Notification.tries,
        Notification.owed_at,
        Notification.channel_id,
        Notification.intent_id,
        Notification.vendor_id,
        Lead.reasons,
    )
    .join(Lead, (Lead.intent_id == Notification.intent_id) & (Lead.vendor_id == Notification.vendor_id))
    .where(
        one_of(Notification.id, "ids"),
        Notification.done_at.is_(None),
        Notification.topic == Topic.LEAD_CREATED,
        Notification.channel_id.is_not(None),
        Lead.withheld.is_(None),
        Lead.declined_at.is_(None),
    )
    .order_by(Notification.due_at, Notification.id)
)
_CHANNELS = select(Channel).where(one_of(Channel.id, "ids")).options(joinedload(Channel.vendor))
_INTENTS = select(Intent).where(one_of(Intent.id, "ids"))


def _first_words(session: Session, ids: Sequence[int], post: Post, now: datetime) -> list[Ready]:
    """Word of new leads to programs, most of what is sent, without an entity for each. Any doubt leaves a row out."""
    rows = session.execute(_FIRST_WORDS, {"ids": list(ids)}).all()
    channels = _by_id(session, _CHANNELS, {row.channel_id for row in rows})
    takes = {id_ for id_, channel in channels.items() if _takes_data_at_once(channel)}
    found = [row for row in rows if row.channel_id in takes]
    if not found:
        return []
    intents = _by_id(session, _INTENTS, {row.intent_id for row in found})
    leads = [LeadRow(intents[row.intent_id], channels[row.channel_id].vendor, row.reasons) for row in found]
    names = names_of(session, leads)
    wants = {id_: Shared(intent_json(session, intent)) for id_, intent in intents.items() if intent.closed_at is None}
    return [
        Ready(
            id=row.id,
            topic=Topic.LEAD_CREATED,
            tries=row.tries,
            kind=ChannelKind.WEBHOOK,
            channel_id=row.channel_id,
            lead=(row.intent_id, row.vendor_id),
            target=channels[row.channel_id].target,
            message=compose_first_word(
                session, lead, channels[row.channel_id], post, names=names, want=wants[row.intent_id]
            ),
            wire=Wire(_wire_id(row.id, row.code), None, row.owed_at, now),
            retries=True,
        )
        for row, lead in zip(found, leads, strict=True)
        if row.intent_id in wants
    ]


def _takes_data_at_once(channel: Channel) -> bool:
    return channel.kind is ChannelKind.WEBHOOK and is_at_once(channel) and _takes(channel, Topic.LEAD_CREATED)


def _by_id(session: Session, query: Select[Entity], ids: Collection[int]) -> dict[int, Entity]:
    return {row.id: row for row in session.scalars(query, {"ids": list(ids)})}


def _one_by_one(session: Session, ids: Collection[int], post: Post, now: datetime) -> list[Ready | Dropped]:
    rows = session.scalars(
        select(Notification)
        .where(Notification.id.in_(ids), Notification.done_at.is_(None))
        .options(joinedload(Notification.channel).joinedload(Channel.vendor), joinedload(Notification.account))
        .order_by(Notification.due_at, Notification.id)
    ).all()
    prepared: list[Ready | Dropped] = []
    for row in rows:
        try:
            prepared.append(_unwanted(session, row, now) or _written(session, row, post, now))
        except VrmError as gone:
            _log.info("Notification %s is not wanted any more: %s", row.id, gone)
            prepared.append(Dropped(row.id))
        except Exception:
            _log.exception("Notification %s could not be written.", row.id)
            said = "We could not write this message; the operator finds the reason in the log."
            due_at = now + _MENDED_BY if row.tries < len(SCHEDULE) else None
            prepared.append(Dropped(row.id, due_at, said=said))
    return prepared


def drop(session: Session, dropped: Dropped, now: datetime) -> None:
    """Cancel a row that nobody waits for any more, or put it off; the caller commits."""
    row = session.get(Notification, dropped.id, with_for_update={"key_share": True})
    if row is None or row.done_at is not None:
        return
    if dropped.in_digest and dropped.due_at is not None:
        bundle.add(session, row, dropped.due_at, now)
        return
    if dropped.said:
        session.add(
            Attempt(notification_id=row.id, started_at=now, took_ms=0, verdict=Verdict.TRANSIENT, said=dropped.said)
        )
    elif dropped.due_at is not None:
        row.tries -= 1  # Nothing was tried.
    if dropped.due_at is not None:
        row.due_at = dropped.due_at
        return
    row.done_at = now
    row.result = Result.FAILED if dropped.said else Result.CANCELLED
    row.params = {}
    if row.topic is Topic.DIGEST:
        bundle.end(session, row.id, row.result, now, because=dropped.because or Undelivered.TOO_LATE)
    if row.result is Result.FAILED or dropped.because is Undelivered.SWITCHED_OFF:
        pass_on(session, row, now)
    if dropped.because is not None and row.topic is Topic.LEAD_CREATED:
        session.execute(
            update(Lead)
            .where(Lead.intent_id == row.intent_id, Lead.vendor_id == row.vendor_id, Lead.delivered_at.is_(None))
            .values(undelivered=dropped.because)
            .execution_options(synchronize_session=False)
        )


def _written(session: Session, row: Notification, post: Post, now: datetime) -> Ready:
    channel = row.channel
    if channel is not None:
        kind, target = channel.kind, row.params.get("target") or dict(channel.target)
    else:
        kind, target = ChannelKind.EMAIL, {"address": row.account.email if row.account else ""}
    only_once = row.topic is Topic.TEST or (row.topic is Topic.CHALLENGE and KINDS[kind].proof is Proof.ECHO)
    return Ready(
        id=row.id,
        topic=row.topic,
        tries=row.tries,
        kind=kind,
        channel_id=row.channel_id,
        lead=(row.intent_id, row.vendor_id) if row.intent_id is not None and row.vendor_id is not None else None,
        target=target,
        message=compose(session, row, post),
        wire=Wire(wire_id(row), _thread(session, row), row.owed_at, now),
        retries=not only_once,
    )


def wire_id(row: Notification) -> str:
    """What every attempt carries: the row, and a random half that nobody guesses."""
    return _wire_id(row.id, row.code)


def _wire_id(id_: int, code: str) -> str:
    return f"msg_{id_}_{code}"


def _first_word(session: Session, row: Notification) -> Notification | None:
    """The lead.created that this notification follows on its channel."""
    return session.scalar(
        select(Notification).where(
            Notification.intent_id == row.intent_id,
            Notification.vendor_id == row.vendor_id,
            Notification.channel_id == row.channel_id,
            Notification.topic == Topic.LEAD_CREATED,
        )
    )


def _thread(session: Session, row: Notification) -> str | None:
    if row.intent_id is None:
        return None
    if row.channel_id is None:
        # Letters about one vendor's answers: no message began their thread, so all of them name the lead.
        return f"lead_{row.intent_id}_{row.vendor_id}"
    if row.topic is Topic.LEAD_CREATED:
        return None
    first = _first_word(session, row)
    if first is not None and first.digest_id is not None:
        first = session.get(Notification, first.digest_id)
    return wire_id(first) if first is not None else None


# --- Is it still wanted? --------------------------------------------------------------------------


def _unwanted(session: Session, row: Notification, now: datetime) -> Dropped | None:
    """Why not to send it now, or None."""
    if row.account is not None:
        return Dropped(row.id) if row.account.closed_at is not None else None
    if row.channel is None or not _takes(row.channel, row.topic):
        return Dropped(row.id, because=Undelivered.SWITCHED_OFF)
    if row.topic in ABOUT_ITSELF:
        return None
    if row.intent_id is not None:
        if _is_over(session, row):
            return Dropped(row.id, because=Undelivered.TOO_LATE)
        premature = None if row.topic is Topic.LEAD_CREATED else _premature(session, row, now)
        if premature is not None:
            return premature
    held = hold(session, row, now)
    return Dropped(row.id, held.until, held.in_digest) if held is not None else None


def _is_over(session: Session, row: Notification) -> bool:
    """Whether its want has closed, or the customer has turned the vendor down, so that this word is of no use."""
    lead = session.get(Lead, (row.intent_id, row.vendor_id))
    if lead is None or lead.withheld is not None:
        return True
    if row.topic is Topic.LEAD_CREATED and lead.intent.closed_at is not None:
        return True
    return row.topic in (Topic.LEAD_CREATED, Topic.LEAD_UPDATED) and lead.declined_at is not None


def _takes(channel: Channel, topic: Topic) -> bool:
    if channel.ended_at is not None or channel.vendor.closed_at is not None:
        return False
    if topic in ABOUT_ITSELF:
        return topic is Topic.TEST or channel.verified_at is None
    return channel.verified_at is not None and channel.paused_at is None and channel.switched_off_at is None


def _premature(session: Session, row: Notification, now: datetime) -> Dropped | None:
    """A later word needs a first one that arrived. It waits for it, and is dropped when it said the same already."""
    first = _first_word(session, row)
    told_by = first
    if first is not None and first.digest_id is not None:
        told_by = session.get(Notification, first.digest_id)
    if told_by is not None and told_by.done_at is None:
        return Dropped(row.id, due_at=max(now + _AGAIN_SOON, min(told_by.due_at, now + timedelta(hours=1))))
    if first is None or told_by is None or first.result is not Result.DELIVERED:
        return None if _carries_on(session, row) else Dropped(row.id)
    sent_at = session.scalar(
        select(Attempt.started_at).where(Attempt.notification_id == told_by.id, Attempt.verdict == Verdict.DELIVERED)
    )
    if row.topic is Topic.LEAD_UPDATED and sent_at is not None and sent_at > row.owed_at + _HAD_THE_NEWS:
        return Dropped(row.id)
    return None


def _carries_on(session: Session, row: Notification) -> bool:
    """Whether a channel that did not tell of the lead itself speaks for those that did: they are off, or failed."""
    lead = session.get(Lead, (row.intent_id, row.vendor_id))
    if lead is None or lead.delivered_at is None:
        return False
    same, first = aliased(Notification), aliased(Notification)
    told_by_another = (
        select(same.id)
        .join(first, (first.channel_id == same.channel_id) & (first.intent_id == same.intent_id))
        .join(Channel, Channel.id == same.channel_id)
        .where(
            same.intent_id == row.intent_id,
            same.vendor_id == row.vendor_id,
            same.topic == row.topic,
            same.occasion == row.occasion,
            same.id != row.id,
            same.result.is_(None) | (same.result != Result.FAILED),
            first.vendor_id == row.vendor_id,
            first.topic == Topic.LEAD_CREATED,
            first.result.in_([Result.DELIVERED, Result.BUNDLED]),
            *works(Channel),
        )
    )
    return session.scalar(told_by_another.limit(1)) is None
