"""What is due → claimed for a while by one of those who send, so that no two send the same."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Select, Table, bindparam, select, update
from sqlalchemy.orm import Session

from notifiers.models import Notification
from vrm.kernel.many import one_of

LEASE = timedelta(seconds=45)  # A claim holds for this long; a claimer that died loses it then.
PER_CHANNEL = 8  # Claimed at once.
PER_QUICK_CHANNEL = 32  # The same for one that answers at once: it is through with them in no time.


def claim(
    session: Session,
    now: datetime,
    limit: int,
    *,
    in_flight: Mapping[int, int] | None = None,
    quick: Collection[int] = (),
) -> list[int]:
    """Take up to `limit` of what is due, oldest first, for `LEASE`; their ids. The caller commits.

    Two claims at once take different ones. `in_flight` counts what is claimed for each channel: no channel gets
    more than `PER_CHANNEL`, so that a slow one cannot take every place; those in `quick` get `PER_QUICK_CHANNEL`.
    """
    shares = _Shares(Counter(in_flight or {}), frozenset(quick))
    ids: list[int] = []
    while len(ids) < limit:
        rows = session.execute(_due(now, shares.busy(), limit - len(ids))).all()
        room = {id_: channel_id for id_, channel_id in rows if shares.takes(channel_id)}
        _lease(session, room, now)
        ids += room
        if len(room) == len(rows):  # Otherwise a channel has got its share now, and others may be behind it.
            break
    return ids


def _due(now: datetime, busy: Collection[int], limit: int) -> Select[int, int | None]:
    due = select(Notification.id, Notification.channel_id).where(
        Notification.done_at.is_(None), Notification.due_at <= now
    )
    if busy:
        due = due.where(Notification.channel_id.is_(None) | Notification.channel_id.not_in(busy))
    return due.order_by(Notification.due_at).limit(limit).with_for_update(skip_locked=True)


@dataclass(frozen=True, slots=True)
class _Shares:
    """How many more each channel may have."""

    taken: Counter[int]
    quick: frozenset[int]

    def takes(self, channel_id: int | None) -> bool:
        """Whether there is a place for one more, which it then has. Letters to accounts have no channel."""
        if channel_id is None:
            return True
        if self.taken[channel_id] >= self._share(channel_id):
            return False
        self.taken[channel_id] += 1
        return True

    def busy(self) -> list[int]:
        """Those that have all they may have."""
        return [channel_id for channel_id, count in self.taken.items() if count >= self._share(channel_id)]

    def _share(self, channel_id: int) -> int:
        return PER_QUICK_CHANNEL if channel_id in self.quick else PER_CHANNEL


def claim_one(session: Session, id_: int, now: datetime) -> bool:
    """Take this one, whether it is due or was never tried; False when it is done or under way."""
    free = session.scalar(
        select(Notification.id)
        .where(
            Notification.id == id_,
            Notification.done_at.is_(None),
            (Notification.tries == 0) | (Notification.due_at <= now),
        )
        .with_for_update(skip_locked=True)
    )
    _lease(session, [id_] if free is not None else [], now)
    return free is not None


_NOTIFICATIONS = cast(Table, Notification.__table__)
_LEASE = (
    update(_NOTIFICATIONS)
    .where(one_of(_NOTIFICATIONS.c.id, "ids"))
    .values(due_at=bindparam("until"), tries=_NOTIFICATIONS.c.tries + 1)
)


def _lease(session: Session, ids: Collection[int], now: datetime) -> None:
    if ids:
        session.execute(_LEASE, {"ids": list(ids), "until": now + LEASE})
