"""What came back from one attempt → the attempt's row, and what it means for notification, channel and lead."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    column,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from notifiers import bundle, proving
from notifiers.announce import pass_on
from notifiers.channels import KINDS, Outcome, Proof
from notifiers.decide import Health, Next, decide
from notifiers.letters import owe_channel_off
from notifiers.models import Attempt, Channel, Notification, Result, Topic
from notifiers.prepare import ABOUT_ITSELF, Ready
from notifiers.stand_ins import hurry_stand_ins
from vendors.models import Lead
from vrm.kernel.db import MomentType
from vrm.kernel.many import one_of

# What more follows from these.
_NOT_ROUTINE = ABOUT_ITSELF | {Topic.DIGEST}
_ATTEMPTS = cast(Table, Attempt.__table__)
_NOTIFICATIONS = cast(Table, Notification.__table__)
_LEADS = cast(Table, Lead.__table__)


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt that was made."""

    ready: Ready
    outcome: Outcome
    started_at: datetime
    took_ms: int


def record_routine(session: Session, tried: Sequence[Tried], now: datetime) -> list[Tried]:
    """Write what went as it should, nearly all of it, by a few statements together; the caller commits.

    Returns the others: each needs a look at its rows, by `record`.
    """
    routine = _routine(session, tried)
    if routine:
        _record_routine(session, routine, now)
    written = {id(one) for one in routine}
    return [one for one in tried if id(one) not in written]


_TROUBLED = select(Channel.id).where(
    one_of(Channel.id, "ids"), (Channel.failures > 0) | Channel.failing_since.is_not(None)
)


def _routine(session: Session, tried: Sequence[Tried]) -> list[Tried]:
    """Those that arrived for certain, of a topic and on a channel for which nothing else follows from that."""
    arrived = [
        one for one in tried if one.outcome.delivered and one.outcome.evidence and one.ready.topic not in _NOT_ROUTINE
    ]
    channel_ids = {one.ready.channel_id for one in arrived if one.ready.channel_id is not None}
    troubled = set(session.scalars(_TROUBLED, {"ids": channel_ids}))
    return [one for one in arrived if one.ready.channel_id not in troubled]


def _record_routine(session: Session, tried: Sequence[Tried], now: datetime) -> None:
    connection = session.connection()
    connection.execute(_DONE, {"ids": [one.ready.id for one in tried], "now": now})
    first_words = [
        {"of_intent": one.ready.lead[0], "of_vendor": one.ready.lead[1], "told": one.started_at}
        for one in sorted(tried, key=lambda one: one.ready.lead or (0, 0))
        if one.ready.topic is Topic.LEAD_CREATED and one.ready.lead is not None
    ]
    attempts = [_attempt_of(one) for one in tried]
    if connection.dialect.name == "postgresql":  # A statement for each row costs ten times as much there.
        connection.execute(_ATTEMPTED_TOGETHER, {"rows": _as_json(attempts)})
        if first_words:
            connection.execute(_REACHED_TOGETHER, {"rows": _as_json(first_words), "now": now})
        return
    connection.execute(insert(_ATTEMPTS), attempts)
    if first_words:
        connection.execute(_REACHED, [{**each, "now": now} for each in first_words])


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(rows, default=datetime.isoformat)


def _attempt_of(tried: Tried) -> dict[str, Any]:
    outcome = tried.outcome
    return {
        "notification_id": tried.ready.id,
        "started_at": tried.started_at,
        "took_ms": tried.took_ms,
        "verdict": outcome.verdict,
        "because": outcome.because,
        "status": outcome.status,
        "said": outcome.said,
    }


def record(session: Session, tried: Tried, now: datetime, jitter: float) -> Attempt:
    """Write everything that follows from an attempt; the caller commits. `jitter` is between 0.8 and 1.2."""
    ready, outcome = tried.ready, tried.outcome
    attempt = Attempt(**_attempt_of(tried))
    # Not the whole row: others may refer to a channel or a lead while its health is written down.
    lock: dict[str, Any] = {"key_share": True}
    notification = session.get(Notification, ready.id, with_for_update=lock)
    channel = session.get(Channel, ready.channel_id, with_for_update=lock) if ready.channel_id is not None else None
    health = Health(channel.failures, channel.failing_since) if channel is not None else Health()
    then = decide(outcome, ready.tries, health, now, jitter, retries=ready.retries)
    if notification is not None:  # It may have been erased meanwhile, and then nothing is kept of it.
        session.add(attempt)
    if notification is not None and notification.done_at is None:
        _close(notification, then, now)
    if channel is not None:
        _on_channel(session, channel, tried, then, now)
    if notification is not None and ready.topic is Topic.LEAD_CREATED:
        _on_lead(session, notification, tried, now)
        if then.result is Result.FAILED:
            hurry_stand_ins(session, notification, now)
    if notification is not None and then.result is Result.FAILED:
        pass_on(session, notification, now)
    if notification is not None and ready.topic is Topic.DIGEST:
        _on_digest(session, notification, tried, then, now)
    session.flush()
    return attempt


def _close(notification: Notification, then: Next, now: datetime) -> None:
    if then.due_at is not None:
        notification.due_at = then.due_at
        return
    notification.done_at = now
    notification.result = then.result
    notification.params = {name: notification.params[name] for name in ("to",) if name in notification.params}


def _on_channel(session: Session, channel: Channel, tried: Tried, then: Next, now: datetime) -> None:
    ready = tried.ready
    if KINDS[ready.kind].place(ready.target) != KINDS[channel.kind].place(channel.target):
        return  # It leads somewhere else by now; this says nothing about that place.
    if ready.topic is Topic.TEST and not tried.outcome.delivered:
        return  # Whoever asked for the test sees it fail.
    channel.failures = then.health.failures
    channel.failing_since = then.health.failing_since
    if then.switch_off is not None and channel.switched_off_at is None and channel.ended_at is None:
        channel.switched_off_at = now
        channel.switched_off_because = then.switch_off[:500]
        if channel.verified_at is not None:
            owe_channel_off(session, channel, now)
    is_proof = ready.topic is Topic.CHALLENGE and KINDS[ready.kind].proof is Proof.ECHO
    if is_proof and then.result is Result.DELIVERED and channel.challenge == ready.message.data["challenge"]:
        proving.mark_verified(session, channel, now)


def _on_lead(session: Session, notification: Notification, tried: Tried, now: datetime) -> None:
    outcome = tried.outcome
    mine = (Lead.intent_id == notification.intent_id, Lead.vendor_id == notification.vendor_id)
    values: dict[str, Any] = {"notified_at": _first(Lead.notified_at, tried.started_at)}
    if outcome.delivered and outcome.evidence:
        values |= {"delivered_at": _first(Lead.delivered_at, now), "undelivered": None}
    session.execute(update(Lead).where(*mine).values(values).execution_options(synchronize_session=False))
    if not outcome.delivered and outcome.because is not None:
        session.execute(
            update(Lead)
            .where(*mine, Lead.delivered_at.is_(None))
            .values(undelivered=outcome.because)
            .execution_options(synchronize_session=False)
        )


def _on_digest(session: Session, digest: Notification, tried: Tried, then: Next, now: datetime) -> None:
    """Each lead in it was tried as if by a message of its own."""
    told = tried.ready.message.about
    for member in bundle.members(session, digest.id):
        if member.id in told and member.topic is Topic.LEAD_CREATED:
            _on_lead(session, member, tried, now)
            if then.result is Result.FAILED:
                hurry_stand_ins(session, member, now)
    if then.result is not None:
        bundle.end(session, digest.id, then.result, now, told=told, because=tried.outcome.because)


# Built once; run for as many as were told together.
_DONE = (
    update(_NOTIFICATIONS)
    .where(one_of(_NOTIFICATIONS.c.id, "ids"), _NOTIFICATIONS.c.done_at.is_(None))
    .values(done_at=bindparam("now"), result=Result.DELIVERED, params={})
)
_REACHED = (
    update(_LEADS)
    .where(_LEADS.c.intent_id == bindparam("of_intent"), _LEADS.c.vendor_id == bindparam("of_vendor"))
    .values(
        notified_at=func.coalesce(_LEADS.c.notified_at, bindparam("told", type_=MomentType)),
        delivered_at=func.coalesce(_LEADS.c.delivered_at, bindparam("now", type_=MomentType)),
        undelivered=None,
    )
)


def _rows_of(columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Rows of one parameter for PostgreSQL; in JSON, which the driver does not go through value by value."""
    listed = func.json_to_recordset(bindparam("rows", type_=Text()).cast(JSON))
    rows = listed.table_valued(*(column(name, type_) for name, type_ in columns.items()), name="rows")
    return rows.render_derived(with_types=True)


_ATTEMPTED = _rows_of({each.name: each.type for each in _ATTEMPTS.c if each.name != "id"})
_ATTEMPTED_TOGETHER = insert(_ATTEMPTS).from_select([each.name for each in _ATTEMPTED.c], select(_ATTEMPTED))
_TOLD = _rows_of({"of_intent": BigInteger(), "of_vendor": BigInteger(), "told": MomentType()})
_REACHED_TOGETHER = (
    update(_LEADS)
    .where(_LEADS.c.intent_id == _TOLD.c.of_intent, _LEADS.c.vendor_id == _TOLD.c.of_vendor)
    .values(
        notified_at=func.coalesce(_LEADS.c.notified_at, _TOLD.c.told),
        delivered_at=func.coalesce(_LEADS.c.delivered_at, bindparam("now", type_=MomentType)),
        undelivered=None,
    )
)


def _first(column: InstrumentedAttribute[datetime | None], moment: datetime) -> ColumnElement[datetime]:
    return func.coalesce(column, literal(moment, MomentType()))
