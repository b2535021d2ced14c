"""Open intents and new subscriptions → leads, and the notifications that they owe: one transaction, never twice.

Publishing and subscribing cannot miss each other: each commits first, and its own later transaction here
sees whatever committed before it. Whichever of the two commits second finds the other.
"""

from datetime import datetime
from enum import Enum, auto
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    case,
    delete,
    exists,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session, aliased

from intents import trials
from intents.events import EventKind, note
from intents.models import Intent
from intents.trials import Assignment, Consent, Ethics, Experiment
from notifiers.models import Channel, ChannelKind, Notification, Topic
from vendors.models import Lead, Subscription, Undelivered, Vendor, Withheld
from vrm import match
from vrm.kernel import taxonomy
from vrm.kernel.db import MomentType
from vrm.kernel.sql import random_code
from vrm.rematch import rematch


class Fresh(Enum):
    """Which leads are told just now: new ones of one intent or one vendor, or those of an intent whose turn came."""

    OF_INTENT = auto()
    OF_VENDOR = auto()
    IN_TURN = auto()


_OPENED = (*match.LEAD_COLUMNS, "undelivered", "withheld")
# In the words of the partial index ix_channels_working.
_WORKS = (
    Channel.verified_at.is_not(None),
    Channel.paused_at.is_(None),
    Channel.switched_off_at.is_(None),
    Channel.ended_at.is_(None),
)
# What is owed a look, the oldest first. The key is not locked: a backfill that writes a lead of an intent must not
# wait for whoever routes the intent, who waits for that lead.
_OLDEST_INTENT = (
    select(Intent)
    .where(
        Intent.opened_at.is_not(None),
        Intent.routed_at.is_(None),
        Intent.closed_at.is_(None),
        Intent.paused_at.is_(None),
    )
    .order_by(Intent.opened_at)
    .limit(1)
    .with_for_update(skip_locked=True, key_share=True)
)
_OLDEST_SUBSCRIPTION = (
    select(Subscription)
    .join(Vendor)
    .where(
        Subscription.backfilled_at.is_(None),
        Subscription.ended_at.is_(None),
        Subscription.paused_at.is_(None),
        Vendor.paused_at.is_(None),
        Vendor.closed_at.is_(None),
    )
    .order_by(Subscription.changed_at)
    .limit(1)
    .with_for_update(skip_locked=True, key_share=True, of=Subscription)
)


def route_owed(session: Session, now: datetime) -> int:
    """Route the oldest intent that is open and not routed as it now is; how many were routed, 0 or 1.

    One to a transaction: leads of many intents and of many subscriptions, written at once in different orders, would
    wait for each other on PostgreSQL.
    """
    intent = session.scalar(_OLDEST_INTENT)
    if intent is None:
        return 0
    route(session, intent, now)
    return 1


def route(session: Session, intent: Intent, now: datetime) -> int:
    """Open a lead for every vendor that the intent reaches and has none; how many were opened.

    Routing the same intent again opens none and owes nothing more. Where the customer tells a few at a time, the new
    leads wait, and `turns.take_turns_owed` finds them.
    """
    trees = taxonomy.trees(session)
    arm = trials.deal(session, intent, trees, now) if intent.canary_for is None else None
    capped = intent.tell_at_most is not None
    parameters = match.intent_parameters(intent, trees, now) | {"withheld": Withheld.CAP if capped else None}
    back = rematch(session, intent, trees, now) if intent.revision > 1 else 0
    opened = _count(session, opening(session.get_bind().dialect.name), parameters)
    if arm is not None and arm.experiment.ethics is Ethics.STUDY:
        opened -= _confine(session, Lead.intent_id == intent.id, now)
    if (opened or back) and not capped:
        owe(session, Fresh.OF_INTENT, intent.id, now)
        if arm is not None and arm.channel is not None:
            _prefer(session, intent, arm.channel)
    if intent.revision > 1:
        # Another cap, or none any more: whoever waits is looked at again.
        line_up_again(session, Lead.intent_id == intent.id)
    if opened:
        note(session, EventKind.ROUTED, now, intent_id=intent.id)
    intent.routed_at = now
    session.flush()
    return opened


def backfill_owed(session: Session, now: datetime) -> int:
    """Hold the oldest new or changed subscription against what is open; how many were held, 0 or 1."""
    subscription = session.scalar(_OLDEST_SUBSCRIPTION)
    if subscription is None:
        return 0
    backfill(session, subscription, now)
    return 1


def backfill(session: Session, subscription: Subscription, now: datetime) -> int:
    """Open a lead for every open intent that this subscription reaches and its vendor has none of; how many."""
    dialect = session.get_bind().dialect.name
    trees = taxonomy.trees(session)
    # Whoever subscribed while a node was being merged has read the tree as it was before.
    subscription.category_id = trees.categories.current(subscription.category_id).id
    subscription.region_id = trees.regions.current(subscription.region_id).id
    if subscription.reach_km is None:
        subscription.place = subscription.region_id
    found = match.reached(dialect, subscription, trees, now)
    found = found.add_columns(
        unreachable(literal(subscription.vendor_id, Lead.vendor_id.type)),
        case((Intent.tell_at_most.is_not(None), literal(Withheld.CAP, Lead.withheld.type)), else_=None),
    )
    opened = _count(session, _inserting(dialect, Lead, _OPENED, found), {"now": now})
    if opened:
        opened -= _confine(session, Lead.vendor_id == subscription.vendor_id, now)
    if opened:
        owe(session, Fresh.OF_VENDOR, subscription.vendor_id, now)
        note(session, EventKind.ROUTED, now, vendor_id=subscription.vendor_id)
    subscription.backfilled_at = now
    session.flush()
    return opened


def _confine(session: Session, leads: ColumnElement[bool], now: datetime) -> int:
    """Of what was opened just now, take back the leads of a study to vendors who did not agree to it; how many.

    Nobody was told of them yet: that nobody means to buy must not reach whom it does not concern.
    """
    studies = (
        select(Assignment.intent_id)
        .join(Experiment, Experiment.id == Assignment.experiment_id)
        .where(Experiment.ethics == Ethics.STUDY)
    )
    agreed = (
        select(Consent.vendor_id)
        .join(Assignment, Assignment.experiment_id == Consent.experiment_id)
        .where(Assignment.intent_id == Lead.intent_id, Consent.vendor_id == Lead.vendor_id)
    )
    taken_back = delete(Lead).where(leads, Lead.routed_at == now, Lead.intent_id.in_(studies), ~agreed.exists())
    result = session.execute(taken_back.execution_options(synchronize_session=False))
    count: int = result.rowcount  # type: ignore[attr-defined]  # A Result of DML is a CursorResult.
    return count


def _prefer(session: Session, intent: Intent, kind: str) -> None:
    """Of a vendor with a channel of this kind, owe word of this want to no other: it is what the arm compares."""
    told = aliased(Notification)
    same_kind = select(Channel.id).where(Channel.kind == ChannelKind(kind))
    preferred = (
        select(told.id)
        .where(told.intent_id == intent.id, told.vendor_id == Notification.vendor_id, told.channel_id.in_(same_kind))
        .exists()
    )
    mine = (Notification.intent_id == intent.id, Notification.tries == 0, Notification.topic == Topic.LEAD_CREATED)
    others = delete(Notification).where(*mine, Notification.channel_id.not_in(same_kind), preferred)
    session.execute(others.execution_options(synchronize_session=False))


def catch_up_owed(session: Session, now: datetime) -> int:
    """Tell a channel that began (or began again) to work of the open leads for which nothing worked; 0 or 1 channels.

    Without this, a vendor who adds a first channel would never hear of what came before it.
    """
    channel = session.scalar(
        select(Channel)
        .where(*_WORKS, Channel.caught_up_at.is_(None))
        .order_by(Channel.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, of=Channel)
    )
    if channel is None:
        return 0
    waiting = (
        (Lead.vendor_id == channel.vendor_id)
        & Lead.undelivered.in_((Undelivered.NO_CHANNEL, Undelivered.SWITCHED_OFF))
        & Lead.unmatched_at.is_(None)
        & Lead.intent_id.in_(select(Intent.id).where(Intent.closed_at.is_(None)))
    )
    # What has a place in line keeps to it: somebody else may have had the turn meanwhile.
    back = update(Lead).where(waiting, Lead.withheld.is_(None), Lead.turn.is_not(None)).values(withheld=Withheld.CAP)
    session.execute(back.execution_options(synchronize_session=False))
    line_up_again(session, Lead.vendor_id == channel.vendor_id)
    session.execute(_owing(session.get_bind().dialect.name, waiting & (Channel.id == channel.id)), {"now": now})
    session.execute(update(Lead).where(waiting).values(undelivered=None).execution_options(synchronize_session=False))
    channel.caught_up_at = now
    session.flush()
    return 1


@cache
def opening(dialect: str) -> Insert:
    """The statement that opens an intent's leads; parameters as `match.matching` has them.

    Built once: building it for each intent costs more than running it.
    """
    found = match.matching(dialect).add_columns(
        unreachable(match.VENDOR_ID), bindparam("withheld", None, type_=Lead.withheld.type)
    )
    return _inserting(dialect, Lead, _OPENED, found)


def line_up_again(session: Session, whose: ColumnElement[bool]) -> None:
    """Have those of these leads that wait for their turn looked at again, by `turns.take_turns_owed`."""
    waiting = update(Lead).where(whose, Lead.withheld == Withheld.CAP, Lead.turn.is_not(None)).values(turn=None)
    session.execute(waiting.execution_options(synchronize_session=False))


def reachable(vendor_id: Any) -> ColumnElement[bool]:
    """Whether the vendor has a channel that works, for an expression in SQL."""
    return exists().where(Channel.vendor_id == vendor_id, *_WORKS)


def unreachable(vendor_id: Any) -> ColumnElement[Any]:
    """A new lead's `undelivered`, for an expression in SQL."""
    # As a column of what is inserted: changing the leads afterwards would write each of them twice.
    return case(
        (reachable(vendor_id), None),
        else_=literal(Undelivered.NO_CHANNEL, Lead.undelivered.type),
    )


def owe(session: Session, fresh: Fresh, whose: int, now: datetime) -> None:
    """Owe word of these leads to every working channel of their vendors."""
    for statement in telling(session.get_bind().dialect.name, fresh):
        session.execute(statement, {"whose": whose, "now": now})


@cache
def telling(dialect: str, fresh: Fresh) -> tuple[Insert] | tuple[Insert, Update]:
    """The statements that owe word of leads; parameters: `whose`, the intent's or vendor's id, and `now`."""
    of = Lead.vendor_id if fresh is Fresh.OF_VENDOR else Lead.intent_id
    since = Lead.turn_came_at if fresh is Fresh.IN_TURN else Lead.routed_at
    these = (of == bindparam("whose", type_=BigInteger)) & (since == bindparam("now", type_=MomentType))
    owing = _owing(dialect, these)
    if dialect == "sqlite":
        return (owing,)
    # Each statement of PostgreSQL looks anew: a channel that worked when the lead was opened may be paused by now.
    told = select(Notification.id).where(
        Notification.intent_id == Lead.intent_id, Notification.vendor_id == Lead.vendor_id
    )
    missed = (
        update(cast(Table, Lead.__table__))
        # A probe for each: of NOT EXISTS it makes a join, which went through 1,000 × 1,000 rows where it expected one.
        .where(these, Lead.withheld.is_(None), Lead.undelivered.is_(None), told.limit(1).scalar_subquery().is_(None))
        .values(undelivered=literal(Undelivered.NO_CHANNEL, Lead.undelivered.type))
    )
    return owing, missed


def _owing(dialect: str, leads: ColumnElement[bool]) -> Insert:
    owed = (
        select(
            random_code(),
            literal(Topic.LEAD_CREATED, Notification.topic.type),
            Channel.id,
            Lead.intent_id,
            Lead.vendor_id,
            literal(0),
            literal({}, Notification.params.type),
            bindparam("now", type_=MomentType),
            bindparam("now", type_=MomentType),
            literal(0),
        )
        .join_from(Lead, Channel, Channel.vendor_id == Lead.vendor_id)
        .where(leads, Lead.withheld.is_(None), *_WORKS)
    )
    columns = (
        "code", "topic", "channel_id", "intent_id", "vendor_id", "occasion", "params", "owed_at", "due_at", "tries",
    )  # fmt: skip
    return _inserting(dialect, Notification, columns, owed)


def _inserting(
    dialect: str, table: type[Lead] | type[Notification], columns: tuple[str, ...], found: Select[*tuple[Any, ...]]
) -> Insert:
    """INSERT … SELECT that leaves alone what is there already."""
    make = insert_postgresql if dialect == "postgresql" else insert_sqlite
    # The table, not the entity: the ORM has no say in a statement of this kind.
    return make(cast(Table, table.__table__)).from_select(list(columns), found).on_conflict_do_nothing()


def _count(session: Session, statement: Insert, parameters: dict[str, Any]) -> int:
    result = session.execute(statement, parameters, execution_options={"preserve_rowcount": True})
    count: int = result.rowcount  # type: ignore[attr-defined]  # A Result of DML is a CursorResult.
    return count
