"""Wants of which a few vendors are told at a time → whose turn it is, and whose comes when one is over.

Whoever matches stands in a line that anybody can recompute: first vendors whose website is proven, then those who
are nearest to the want, then by the SHA-256 of the lead's code. Nobody chooses that number: the want's half of the code
was drawn when the want was written, so that each want draws anew, and the vendor's when the vendor was founded. Near is
told in a few bands and not by the metre: by the metre, the same shops would win every want of their town.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, cast, exists, func, literal, literal_column, or_, select, update
from sqlalchemy.orm import Session, aliased, contains_eager
from sqlalchemy.types import BigInteger, String

from intents.events import EventKind, note
from intents.models import Intent
from notifiers.models import Notification
from vendors.models import Actor, Kind, Lead, Response, Subscription, Vendor
from vrm import route, rule
from vrm.kernel import earth, taxonomy
from vrm.kernel.db import MomentType
from vrm.kernel.sql import sha256_hex
from vrm.kernel.tree import Spot
from vrm.route import Fresh

_LOOK_AGAIN = timedelta(minutes=10)  # While a message is on its way: it may arrive, or turn out never to.
_DIGITS = 16
# Kilometres from the want, each the end of a band.
_BANDS = (2, 5, 10, 20, 50, 100, 200, 500, 1_000)
_FARTHEST = len(_BANDS)  # Or not known how far.
# In the words of the partial indexes, so that the planner recognises them whatever is bound.
_WAITS = Lead.withheld == literal_column("'cap'")
_UNCHECKED = {"synchronize_session": False}


def take_turns_owed(session: Session, now: datetime) -> int:
    """See to one want whose line has newcomers, or in which a turn may be over; 0 or 1 wants."""
    newcomer = select(Lead.intent_id).where(_WAITS, Lead.turn.is_(None)).limit(1)
    perhaps_over = select(Lead.intent_id).where(Lead.look_at <= now).order_by(Lead.look_at).limit(1)
    intent_id = session.scalar(newcomer) or session.scalar(perhaps_over)
    if intent_id is None:
        return 0
    intent = session.scalar(
        select(Intent).where(Intent.id == intent_id).with_for_update(skip_locked=True, key_share=True)
    )
    if intent is None:
        return 0
    take_turns(session, intent, now)
    return 1


def take_turns(session: Session, intent: Intent, now: datetime) -> int:
    """Give everybody who waits a place in line, and tell as many as may be told; how many were.

    A vendor who was told has its turn until it declines, cannot be reached, or is silent for the time that the customer
    has set. Who answered keeps it. Doing this again tells nobody more.
    """
    mine = Lead.intent_id == intent.id
    newcomers = update(Lead).where(mine, _WAITS, Lead.turn.is_(None)).values(turn=_place(session, intent))
    session.execute(newcomers, execution_options=_UNCHECKED)
    looked = update(Lead).where(mine, Lead.look_at.is_not(None)).values(look_at=None)
    session.execute(looked, execution_options=_UNCHECKED)
    if intent.state != "open":
        return 0
    told = _tell_next(session, intent, now)
    _look_again(session, intent, now)
    session.flush()
    return told


def _tell_next(session: Session, intent: Intent, now: datetime) -> int:
    mine = Lead.intent_id == intent.id
    next_ones = select(Lead.vendor_id).where(mine, _WAITS, Lead.unmatched_at.is_(None))
    if intent.tell_at_most is not None:
        taken = session.scalar(select(func.count()).select_from(Lead).where(*_has_turn(intent, now))) or 0
        if taken >= intent.tell_at_most:
            return 0
        # Whom nothing reaches would have its turn in vain.
        next_ones = next_ones.where(route.reachable(Lead.vendor_id)).order_by(Lead.turn, Lead.vendor_id)
        next_ones = next_ones.limit(intent.tell_at_most - taken)
    turn_comes = (
        update(Lead)
        .where(mine, Lead.vendor_id.in_(next_ones))
        .values(withheld=None, turn_came_at=now, undelivered=route.unreachable(Lead.vendor_id))
    )
    result = session.execute(turn_comes, execution_options=_UNCHECKED)
    told: int = result.rowcount  # type: ignore[attr-defined]  # A Result of DML is a CursorResult.
    if told:
        note(session, EventKind.IN_TURN, now, intent_id=intent.id)
        route.owe(session, Fresh.IN_TURN, intent.id, now)
    return told


def _look_again(session: Session, intent: Intent, now: datetime) -> None:
    """Note, on one of the leads, when the next turn may be over by itself, if anybody waits for that."""
    mine = Lead.intent_id == intent.id
    if not session.scalar(select(exists().where(mine, _WAITS, Lead.unmatched_at.is_(None)))):
        return
    silent = (*_has_turn(intent, now), Lead.responded_at.is_(None))
    soon = select(Lead.vendor_id).where(*silent, Lead.delivered_at.is_(None)).limit(1)
    look_at, on = now + _LOOK_AGAIN, session.scalar(soon)
    if on is None and intent.patience_h is not None:
        first = session.execute(
            select(Lead.vendor_id, Lead.delivered_at).where(*silent).order_by(Lead.delivered_at).limit(1)
        ).one_or_none()
        if first is not None:
            on, look_at = first.vendor_id, first.delivered_at + timedelta(hours=intent.patience_h)
    if on is not None:
        noted = update(Lead).where(mine, Lead.vendor_id == on).values(look_at=look_at)
        session.execute(noted, execution_options=_UNCHECKED)


def _has_turn(intent: Intent, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Who was told and whose turn is not over, in conditions over the leads of this intent."""
    later = aliased(Response)
    last_word_is_no = exists().where(
        Response.intent_id == Lead.intent_id,
        Response.vendor_id == Lead.vendor_id,
        Response.kind == Kind.DECLINE,
        Response.actor == Actor.HUMAN,
        ~exists().where(
            later.intent_id == Response.intent_id, later.vendor_id == Response.vendor_id, later.id > Response.id
        ),
    )
    still_tried = exists().where(
        Notification.intent_id == Lead.intent_id,
        Notification.vendor_id == Lead.vendor_id,
        Notification.done_at.is_(None),
    )
    found: list[ColumnElement[bool]] = [
        Lead.intent_id == intent.id,
        Lead.withheld.is_(None),
        Lead.declined_at.is_(None),
        Lead.unmatched_at.is_(None),
        or_(Lead.delivered_at.is_not(None), Lead.undelivered.is_(None), still_tried),
        or_(Lead.responded_at.is_(None), ~last_word_is_no),
    ]
    if intent.patience_h is not None:
        since = func.coalesce(Lead.delivered_at, Lead.turn_came_at, Lead.routed_at, type_=MomentType())
        found.append(or_(Lead.responded_at.is_not(None), since > now - timedelta(hours=intent.patience_h)))
    return tuple(found)


# --- The line -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lead stands in line, read from its `turn`: what is smaller comes first, from the first field on."""

    proven: bool  # The vendor's website was proven when it came to the line; True comes first.
    within_km: int | None  # So near it is, at the most, by the nearest of its reasons; None: farther, or not known.
    number: str  # The first 16 hexadecimal digits of the SHA-256 of the lead's code.


def place_of(turn: str) -> Place:
    """What a lead's `turn` says."""
    band = int(turn[1])
    return Place(proven=turn[0] == "0", within_km=_BANDS[band] if band < _FARTHEST else None, number=turn[2:])


def waiting(session: Session, intent: Intent) -> int:
    """How many vendors match and wait for their turn."""
    line = (Lead.intent_id == intent.id, _WAITS, Lead.unmatched_at.is_(None))
    return session.scalar(select(func.count()).select_from(Lead).where(*line)) or 0


def line(session: Session, intent: Intent, *, limit: int = 10) -> list[Lead]:
    """The first of those who wait, in order, vendors loaded; whoever has no place yet is left out."""
    waits = (Lead.intent_id == intent.id, _WAITS, Lead.unmatched_at.is_(None), Lead.turn.is_not(None))
    found = select(Lead).join(Lead.vendor).options(contains_eager(Lead.vendor)).where(*waits)
    return list(session.scalars(found.order_by(Lead.turn, Lead.vendor_id).limit(limit)))


def before(session: Session, lead: Lead) -> int:
    """How many wait before this one, which waits too."""
    ahead = (Lead.intent_id == lead.intent_id, _WAITS, Lead.unmatched_at.is_(None), Lead.turn < lead.turn)
    return session.scalar(select(func.count()).select_from(Lead).where(*ahead)) or 0


def waits_for(session: Session, vendor: Vendor) -> int:
    """In how many open wants this vendor waits for its turn. What they are is not for it to know yet."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Lead)
            .join(Intent, Intent.id == Lead.intent_id)
            .where(Lead.vendor_id == vendor.id, _WAITS, Lead.unmatched_at.is_(None), Intent.closed_at.is_(None))
        )
        or 0
    )


def _place(session: Session, intent: Intent) -> ColumnElement[str]:
    """A lead's place in line, in SQL: see `Place`."""
    vendor = select(Vendor.code).where(Vendor.id == Lead.vendor_id).scalar_subquery()
    proven = exists().where(Vendor.id == Lead.vendor_id, Vendor.verified_at.is_not(None))
    draw = func.substr(sha256_hex(literal(f"{intent.code}-", String).concat(vendor)), 1, _DIGITS)
    return case((proven, "0"), else_="1").concat(cast(_band(session, intent), String)).concat(draw)


def _band(session: Session, intent: Intent) -> ColumnElement[int]:
    """How near the nearest of a lead's reasons is, in SQL: a circle by its centre, a region by its farthest city."""
    parts: list[ColumnElement[Any]]
    if session.get_bind().dialect.name == "postgresql":
        reasons = func.jsonb_array_elements(Lead.reasons).table_valued("value")
        parts = [reasons.c.value.op("->>")(at) for at in (0, 2)]
    else:  # Its "->>" came with 3.38, later than some systems that have Python 3.11.
        reasons = func.json_each(Lead.reasons).table_valued("value")
        parts = [func.json_extract(reasons.c.value, f"$[{at}]") for at in (0, 2)]
    subscription_id, region_id = (cast(part, BigInteger) for part in parts)
    trees = taxonomy.trees(session)
    spot = rule.spot_of(intent, trees)
    if spot is None:
        return literal(_FARTHEST)
    regions = {id_: _band_of(spot, trees.regions.spot(id_)) for id_ in rule.above(intent, trees)}
    apart = earth.apart_squared((Subscription.x, Subscription.y, Subscription.z), spot.point)
    to_centre = case(*((apart <= earth.straight_squared(km), band) for band, km in enumerate(_BANDS)), else_=_FARTHEST)
    in_region = case(regions, value=region_id, else_=_FARTHEST)
    nearest = (
        select(func.min(case((Subscription.reach_km.is_not(None), to_centre), else_=in_region)))
        .select_from(reasons.outerjoin(Subscription, Subscription.id == subscription_id))
        .scalar_subquery()
    )
    return func.coalesce(nearest, _FARTHEST)


def _band_of(wanted: Spot, listened: Spot | None) -> int:
    """Of a region: how far from the want the farthest of its cities may lie."""
    if listened is None:
        return _FARTHEST
    km = earth.apart_km(wanted.point, listened.point) + max(0, -listened.slack_km)
    return bisect_left(_BANDS, km)
