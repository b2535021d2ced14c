"""A want that was changed → the leads that it has: which still match, which no longer do, which do again.

A vendor who was told and no longer matches keeps its lead, with a note; `announce` tells it of the change as everybody
else. One that was not told yet is not told. Nothing here is owed twice, and a want that was not changed is left alone.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from intents.models import Change, Intent, Revision
from notifiers.models import Notification, Topic
from vendors.models import Lead, Vendor, Withheld
from vrm import match
from vrm.kernel.taxonomy import Trees

_UNCHECKED = {"synchronize_session": False}


def rematch(session: Session, intent: Intent, trees: Trees, now: datetime) -> int:
    """Hold the leads of a changed want against it; how many that had not been told are to be told now after all.

    Only a change that is not announced yet counts as one, so that this happens once.
    """
    changed = select(
        exists().where(
            Revision.intent_id == intent.id, Revision.change == Change.AMENDED, Revision.announced_at.is_(None)
        )
    )
    if not session.scalar(changed):
        return 0
    parameters = match.intent_parameters(intent, trees, now)
    found = match.matching(session.get_bind().dialect.name).order_by(None).params(**parameters).subquery()
    mine = Lead.intent_id == intent.id
    _part(session, and_(mine, Lead.vendor_id.not_in(select(found.c.vendor_id)), _listens()), intent, now)
    return _return(session, and_(mine, Lead.vendor_id.in_(select(found.c.vendor_id))), found, intent, now)


def _part(session: Session, gone: ColumnElement[bool], intent: Intent, now: datetime) -> None:
    untold = and_(Lead.notified_at.is_(None), Lead.delivered_at.is_(None), Lead.seen_at.is_(None))
    first_word = (Notification.intent_id == intent.id, Notification.topic == Topic.LEAD_CREATED)
    never_sent = delete(Notification).where(
        *first_word,
        Notification.done_at.is_(None),
        Notification.tries == 0,
        Notification.vendor_id.in_(select(Lead.vendor_id).where(gone, untold)),
    )
    sent = exists().where(*first_word, Notification.vendor_id == Lead.vendor_id)
    not_told = update(Lead).where(gone, untold, Lead.withheld.is_(None), ~sent).values(withheld=Withheld.CHANGED)
    noted = update(Lead).where(gone, Lead.unmatched_at.is_(None)).values(unmatched_at=now)
    for statement in (never_sent, not_told, noted):
        session.execute(statement, execution_options=_UNCHECKED)


def _return(session: Session, matched: ColumnElement[bool], found: Subquery, intent: Intent, now: datetime) -> int:
    after_all = (
        update(Lead)
        .where(matched, Lead.withheld == Withheld.CHANGED)
        # As if it was routed now, so that it is owed its first word with those that are.
        .values(withheld=None if intent.tell_at_most is None else Withheld.CAP, routed_at=now, turn=None)
    )
    result = session.execute(after_all, execution_options=_UNCHECKED)
    again = update(Lead).where(matched, Lead.unmatched_at.is_not(None)).values(unmatched_at=None)
    reasons = (
        update(Lead)
        .where(matched, Lead.vendor_id == found.c.vendor_id, Lead.reasons != found.c.reasons)
        .values(reasons=found.c.reasons)
    )
    for statement in (again, reasons):
        session.execute(statement, execution_options=_UNCHECKED)
    count: int = result.rowcount  # type: ignore[attr-defined]  # A Result of DML is a CursorResult.
    return count


def _listens() -> ColumnElement[bool]:
    # Who takes a break has not stopped matching.
    silent = or_(Vendor.paused_at.is_not(None), Vendor.closed_at.is_not(None))
    return ~exists().where(Vendor.id == Lead.vendor_id, silent)
