"""What happened to wants and leads, in one order for all programs that follow: nothing is missed, nothing comes twice.

Whoever changes something notes it in the same transaction. Transactions commit in another order than they number
their rows in, so a follower that remembers the highest id would miss what commits late. Hence a place in the order
(`seq`) is given only to what is committed, by one transaction at a time (see `number`): whoever sees a place sees
every place before it. Nothing is measured from here: what counts of a lead stands with the lead, so that the oldest
may be forgotten.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from secrets import randbits

from sqlalchemy import BigInteger, ForeignKey, Table, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from vrm.kernel.db import Base, Id, Moment, Ref, choice, partial_index

_BATCH = 20_000  # Events that one transaction gives places to.
_FORGOTTEN_AT_ONCE = 500


class EventKind(StrEnum):
    """What happened. The first ones happen to a want, the others to leads."""

    OPENED = "opened"
    CHANGED = "changed"
    HIDDEN = "hidden"  # It was public, and is not any more.
    PAUSED = "paused"
    RESUMED = "resumed"
    CLOSED = "closed"
    ROUTED = "routed"  # Leads were opened, all at the event's moment: of one want, or of one vendor.
    IN_TURN = "in-turn"  # Leads that had waited are told, all at the event's moment.
    RESPONSE = "response"
    MESSAGE = "message"
    REVEALED = "revealed"
    DECLINED = "declined"  # By the customer.


class Event(Base):
    """One thing that happened to a want (no vendor), to leads of a vendor (no intent), or to one lead (both)."""

    __tablename__ = "events"
    __table_args__ = (
        # events.number: what is committed and has no place yet.
        partial_index("ix_events_to_number", "id", where="seq IS NULL"),
    )

    id: Mapped[Id]
    seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)  # Its place in the order; None: not yet.
    kind: Mapped[EventKind] = mapped_column(choice(EventKind))
    at: Mapped[Moment]
    intent_id: Mapped[Ref | None] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"))
    vendor_id: Mapped[Ref | None] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"))


class EventClock(Base):
    """The last place that was given; one row. Its lock is what makes one numberer wait for another."""

    __tablename__ = "event_clocks"

    id: Mapped[Id]
    last: Mapped[int] = mapped_column(BigInteger)
    forgotten: Mapped[int] = mapped_column(BigInteger, default=0)  # The last place that is not kept any more.
    # By chance after each restore: the places that were given after the backup was made are given again.
    timeline: Mapped[int] = mapped_column(BigInteger, default=0)


_CLOCKS: Table = Base.metadata.tables[EventClock.__tablename__]


def note(
    session: Session, kind: EventKind, now: datetime, *, intent_id: int | None = None, vendor_id: int | None = None
) -> None:
    """Write down what the same transaction does."""
    session.add(Event(kind=kind, at=now, intent_id=intent_id, vendor_id=vendor_id))


def is_behind(session: Session) -> bool:
    """Whether anything that is committed has no place yet."""
    return bool(session.scalar(select(exists().where(Event.seq.is_(None)))))


def number(session: Session) -> int:
    """Give what is committed its places, in the order of its ids; how many got one. Commit soon: others wait."""
    session.flush()
    _wind_up(session)
    # From here on this is the only transaction that gives places, until it commits.
    last = session.execute(
        update(EventClock).where(EventClock.id == 1).values(last=EventClock.last).returning(EventClock.last)
    ).scalar_one()
    waiting = (
        select(Event.id, func.row_number().over(order_by=Event.id).label("place"))
        .where(Event.seq.is_(None))
        .order_by(Event.id)
        .limit(_BATCH)
        .subquery()
    )
    placed = session.execute(
        update(Event)
        .where(Event.id == waiting.c.id)
        .values(seq=last + waiting.c.place)
        .execution_options(synchronize_session=False)
    )
    many: int = placed.rowcount  # type: ignore[attr-defined]  # A Result of DML is a CursorResult.
    if many:
        session.execute(update(EventClock).where(EventClock.id == 1).values(last=last + many))
    return many


def clock(session: Session) -> EventClock:
    """How far the order goes, and from where on it is kept, as it is at this moment."""
    found = session.get(EventClock, 1, populate_existing=True)
    return found or EventClock(id=1, last=0, forgotten=0, timeline=0)


def forget(session: Session, now: datetime, *, keep: timedelta) -> int:
    """Delete the first of what was kept for longer than `keep`, in their order; how many. `clock` says how far."""
    before = now - keep
    oldest = session.scalar(select(Event.at).order_by(Event.id).limit(1))
    if oldest is None or oldest >= before:
        return 0
    number(session)  # What never had a place could not be told to be gone; and two do not forget at once.
    first = select(Event.seq, Event.at).where(Event.seq.is_not(None)).order_by(Event.seq).limit(_FORGOTTEN_AT_ONCE)
    places = [seq for seq, _ in takewhile(lambda row: row.at < before, session.execute(first).all()) if seq is not None]
    if places:
        alone = {"synchronize_session": False}
        session.execute(delete(Event).where(Event.seq <= places[-1]).execution_options(**alone))
        session.execute(update(EventClock).values(forgotten=places[-1]).execution_options(**alone))
    return len(places)


def begin_anew(session: Session) -> None:
    """After a restore: whoever has followed further than the backup goes is to know it."""
    _wind_up(session)
    session.execute(update(EventClock).values(timeline=randbits(48)))


def _wind_up(session: Session) -> None:
    insert = insert_postgresql if session.get_bind().dialect.name == "postgresql" else insert_sqlite
    session.execute(insert(_CLOCKS).values(id=1, last=0, forgotten=0, timeline=0).on_conflict_do_nothing())
