"""What changed about leads that vendors were told of → word of it, owed to the channels that told them, once."""

from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Insert, Select, Table, bindparam, exists, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session, aliased

from intents.models import Change, Intent, Revision
from notifiers.models import Channel, ChannelKind, Notification, Result, Topic
from vendors.models import Lead, Message
from vrm.kernel.db import MomentType
from vrm.kernel.sql import random_code

LATER = frozenset({Topic.LEAD_UPDATED, Topic.LEAD_WITHDRAWN, Topic.LEAD_REVEALED, Topic.MESSAGE_CREATED})
_BATCH = 200
_COLUMNS = ("code", "topic", "channel_id", "intent_id", "vendor_id", "occasion", "params", "owed_at", "due_at", "tries")


def announce(session: Session, now: datetime) -> int:
    """Owe word of changed and ended wants, of messages and of reveals; how many of these were seen to.

    A replay owes nothing twice: (lead, channel, topic, occasion) is unique. Whether a channel's first word ever
    arrived is asked again when this one goes out.
    """
    return _revisions(session, now) + _messages(session, now) + _reveals(session, now)


def _revisions(session: Session, now: datetime) -> int:
    revisions = session.scalars(
        select(Revision)
        .join(Intent)
        # A change is told after the want was held against everybody again: some may no longer match, and are told so.
        .where(
            Revision.announced_at.is_(None),
            or_(
                Revision.change != Change.AMENDED,
                Intent.routed_at.is_not(None),
                Intent.paused_at.is_not(None),
                Intent.closed_at.is_not(None),
            ),
        )
        .order_by(Revision.made_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True, of=Revision)
    ).all()
    for revision in revisions:
        if revision.change is not Change.OPENED:
            topic = Topic.LEAD_WITHDRAWN if revision.change is Change.CLOSED else Topic.LEAD_UPDATED
            # Who was owed a first word after the change reads it there.
            known = revision.made_at
            _owe(session, topic, now, intent=revision.intent_id, occasion=revision.number, known=known)
        revision.announced_at = now
    session.flush()
    return len(revisions)


def _messages(session: Session, now: datetime) -> int:
    messages = session.scalars(
        select(Message)
        .where(Message.announced_at.is_(None))
        .order_by(Message.at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for message in messages:
        _owe(
            session,
            Topic.MESSAGE_CREATED,
            now,
            intent=message.intent_id,
            vendor=message.vendor_id,
            occasion=message.id,
        )
        message.announced_at = now
    session.flush()
    return len(messages)


def _reveals(session: Session, now: datetime) -> int:
    leads = session.scalars(
        select(Lead)
        .where(Lead.revealed_at.is_not(None), Lead.reveal_announced_at.is_(None))
        .order_by(Lead.revealed_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for lead in leads:
        _owe(session, Topic.LEAD_REVEALED, now, intent=lead.intent_id, vendor=lead.vendor_id, occasion=0)
        lead.reveal_announced_at = now
    session.flush()
    return len(leads)


def pass_on(session: Session, word: Notification, now: datetime) -> None:
    """A later word did not arrive → owed to the vendor's other channels, unless one of them tells it anyway."""
    if word.topic not in LATER:
        return
    session.flush()
    values: dict[str, Any] = {"topic": word.topic, "this": word.topic, "occasion": word.occasion}
    values |= {"now": now, "known": now, "intent": word.intent_id, "vendor": word.vendor_id}
    session.execute(_passing_on(session.get_bind().dialect.name), values)


def _owe(
    session: Session,
    topic: Topic,
    now: datetime,
    *,
    intent: int,
    occasion: int,
    vendor: int | None = None,
    known: datetime | None = None,
) -> None:
    """Owe it to whom a first word was owed by `known`, which is `now` if not said."""
    dialect, of_one = session.get_bind().dialect.name, vendor is not None
    values: dict[str, Any] = {"topic": topic, "now": now, "intent": intent, "occasion": occasion, "known": known or now}
    values |= {} if vendor is None else {"vendor": vendor}
    session.execute(_owing(dialect, of_one_vendor=of_one), values)
    session.execute(_owing_elsewhere(dialect, of_one_vendor=of_one), values)


@cache
def _owing(dialect: str, *, of_one_vendor: bool) -> Insert:
    """INSERT … SELECT over the channels that a lead was told through, or may yet be. Built once for each shape."""
    told = aliased(Notification)
    query = (
        _word(told.channel_id, told.intent_id, told.vendor_id)
        .join(Channel, Channel.id == told.channel_id)
        .where(
            told.intent_id == bindparam("intent"),
            told.owed_at <= bindparam("known", type_=MomentType()),
            *_has_told(told),
            *works(Channel),
        )
    )
    if of_one_vendor:
        query = query.where(told.vendor_id == bindparam("vendor"))
    return _inserting(dialect, query)


@cache
def _owing_elsewhere(dialect: str, *, of_one_vendor: bool) -> Insert:
    """The same for vendors who were told, but by channels that do not work any more: over those that do."""
    told = aliased(Notification)
    query = _elsewhere(told, *_has_told(told))
    if of_one_vendor:
        query = query.where(Lead.vendor_id == bindparam("vendor"))
    return _inserting(dialect, query)


@cache
def _passing_on(dialect: str) -> Insert:
    """The same for one vendor, when it is this very word that no channel that works has told, or may yet tell."""
    same = aliased(Notification)
    of_this = (same.topic == bindparam("this"), same.occasion == bindparam("occasion"), _tells(same))
    return _inserting(dialect, _elsewhere(same, *of_this).where(Lead.vendor_id == bindparam("vendor")))


def _elsewhere(word: type[Notification], *conditions: ColumnElement[bool]) -> Select[Any]:
    """Over the channels that work of vendors who know of the lead, unless one of these has such a `word`."""
    teller = aliased(Channel)
    still = (
        exists()
        .where(word.intent_id == Lead.intent_id, word.vendor_id == Lead.vendor_id, *conditions)
        .where(teller.id == word.channel_id, *works(teller))
    )
    return (
        _word(Channel.id, Lead.intent_id, Lead.vendor_id)
        .join_from(Lead, Channel, Channel.vendor_id == Lead.vendor_id)
        .where(
            Lead.intent_id == bindparam("intent"),
            Lead.routed_at <= bindparam("known", type_=MomentType()),
            Lead.delivered_at.is_not(None),
            Lead.withheld.is_(None),
            Channel.kind != ChannelKind.FEED,  # It shows each want as it is.
            *works(Channel),
            ~still,
        )
    )


def _word(*whose: Any) -> Select[Any]:
    moment = bindparam("now", type_=MomentType())
    return select(
        random_code(),
        bindparam("topic", type_=Notification.topic.type),
        *whose,
        bindparam("occasion", type_=Notification.occasion.type),
        literal({}, Notification.params.type),
        moment,
        moment,
        literal(0),
    )


def _has_told(told: type[Notification]) -> tuple[ColumnElement[bool], ...]:
    return told.topic == Topic.LEAD_CREATED, _tells(told)


def _tells(word: type[Notification]) -> ColumnElement[bool]:
    """It arrived, or may yet."""
    return or_(word.result.is_(None), word.result.in_([Result.DELIVERED, Result.BUNDLED]))


def works(channel: type[Channel]) -> tuple[ColumnElement[bool], ...]:
    """It gets real messages."""
    return (
        channel.verified_at.is_not(None),
        channel.paused_at.is_(None),
        channel.switched_off_at.is_(None),
        channel.ended_at.is_(None),
    )


def _inserting(dialect: str, query: Select[Any]) -> Insert:
    make = insert_postgresql if dialect == "postgresql" else insert_sqlite
    # The table, not the entity: the ORM has no say in a statement of this kind.
    return make(cast(Table, Notification.__table__)).from_select(_COLUMNS, query).on_conflict_do_nothing()
