"""The one door for wants, whoever brings them: draft, open, amend, pause, resume, withdraw, close, expire."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from intents.checking import check, is_over
from intents.draft import Budget, Condition, IntentDraft, Near, Visibility
from intents.events import EventKind, note
from intents.models import Change, Intent, IntentPlace, Origin, Outcome, Revision
from vrm.kernel import earth, stems, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import is_code, new_code
from vrm.kernel.errors import BadInput, LimitReached, NotAllowed, NotFound, WrongState

PER_DAY = 20  # Intents that one customer may open in 24 hours.
LASTS = timedelta(days=30)  # When the customer does not say.
_EXPIRE_BATCH = 500

# What decides who hears of a want; a change of one of these is routed again.
_ROUTING_FIELDS = (
    "title", "body", "category_id", "region_id", "near_km", "near_lat", "near_lon", "budget_min", "budget_max",
    "currency", "condition", "quantity", "needed_by", "language",
)  # fmt: skip
# How many are told at a time. A change moves the line of those who wait, and is nobody else's news.
_CAP_FIELDS = ("tell_at_most", "patience_h")
_CONTENT_FIELDS = (*_ROUTING_FIELDS, "expires_at", "visibility", "terms", *_CAP_FIELDS)
_NEWS = {
    Change.OPENED: EventKind.OPENED,
    Change.AMENDED: EventKind.CHANGED,
    Change.PAUSED: EventKind.PAUSED,
    Change.RESUMED: EventKind.RESUMED,
    Change.CLOSED: EventKind.CLOSED,
}
_PLACE_FIELDS = ("near_lat", "near_lon")  # A revision says how far, and never from where.


def by_code(session: Session, code: str) -> Intent:
    """The intent with this public code; NotFound when there is none."""
    intent = session.scalar(select(Intent).where(Intent.code == code)) if is_code(code) else None
    if intent is None:
        raise NotFound("There is no such want.")
    return intent


def draft(
    session: Session, account: Account, draft: IntentDraft, now: datetime, *, origin: Origin = Origin.WEB
) -> Intent:
    """Keep a want as a draft: nobody hears of it. It may lack a category and a region.

    Raises BadInput with a sentence per field.
    """
    clean = check(session, draft, now)
    intent = Intent(code=new_code(), account_id=account.id, account=account, origin=origin, created_at=now, revision=0)
    _write(session, intent, clean)
    return intent


def publish(session: Session, intent: Intent, now: datetime) -> None:
    """Open a draft: the router finds it from now on. An intent that is open already stays as it is.

    Raises BadInput when it lacks a category or region or is needed by a day that is over, NotAllowed when its
    author's mailbox is not proven, LimitReached beyond 20 in 24 hours, WrongState when it is closed or held.
    """
    _lock(session, intent)
    if intent.opened_at is not None and intent.closed_at is None:
        return
    _refuse_closed(intent)
    _refuse_held(intent)
    check_complete(intent, now)
    if intent.canary_for is None:
        check_daily_limit(session, intent.account_id, now)
    if intent.expires_at is None or intent.expires_at <= now:
        intent.expires_at = now + LASTS
    intent.opened_at = now
    _revise(session, intent, Change.OPENED, now)


def check_complete(intent: Intent, now: datetime) -> None:
    """Raise as `publish` for a draft that lacks something, or whose author's mailbox is not proven."""
    if intent.account.suspended_at is not None:
        raise NotAllowed("An operator has suspended this account; write to them to settle it.")
    if intent.account.verified_at is None:
        raise NotAllowed("Please confirm your mail address first; the link is in the mail that we sent you.")
    lacking: dict[str, str] = {}
    if intent.category_id is None:
        lacking["category"] = "Please choose a category, so that the right vendors hear of it."
    if intent.region_id is None:
        lacking["region"] = "Please say where, such as Leeds or United Kingdom."
    if intent.needed_by is not None and is_over(intent.needed_by, now):
        lacking["needed_by"] = f"{intent.needed_by:%d %B %Y} is over; please choose a day to come."
    if lacking:
        raise BadInput(lacking)


def amend(session: Session, intent: Intent, draft: IntentDraft, now: datetime) -> bool:
    """Replace what the intent says by `draft`; whether anything changed.

    An open intent gets a revision; when what decides its routing changed, it is routed again. Raises
    BadInput with a sentence per field, WrongState when it is closed.
    """
    _lock(session, intent)
    _refuse_closed(intent)
    clean = check(session, draft, now)
    if intent.canary_for is not None:
        clean = replace(clean, visibility=Visibility.UNLISTED)  # Whatever is edited: nobody else may find it.
    if intent.opened_at is not None:
        lacking = {
            field: "An open want needs this; choose one, or pause the want meanwhile."
            for field, value in (("category", clean.category_id), ("region", clean.region_id))
            if value is None
        }
        if lacking:
            raise BadInput(lacking)
        clean = replace(clean, expires_at=clean.expires_at or intent.expires_at)
    before = {field: getattr(intent, field) for field in _CONTENT_FIELDS}
    _write(session, intent, clean)
    changed = {field for field in _CONTENT_FIELDS if getattr(intent, field) != before[field]}
    if not changed:
        return False
    if "visibility" in changed and intent.opened_at is not None and intent.visibility is not Visibility.PUBLIC:
        note(session, EventKind.HIDDEN, now, intent_id=intent.id)
    if intent.opened_at is not None:
        if changed.intersection((*_ROUTING_FIELDS, *_CAP_FIELDS)):
            intent.routed_at = None
        _revise(session, intent, Change.AMENDED, now, told=changed.issubset(_CAP_FIELDS))
    session.flush()
    return True


def pause(session: Session, intent: Intent, now: datetime) -> None:
    """Stop new leads. WrongState unless it is open or paused."""
    _lock(session, intent)
    _refuse_unopened(intent)
    if intent.paused_at is None:
        intent.paused_at = now
        _revise(session, intent, Change.PAUSED, now)


def resume(session: Session, intent: Intent, now: datetime) -> None:
    """Let new leads come again, those included that would have come meanwhile. WrongState unless open or paused."""
    _lock(session, intent)
    _refuse_unopened(intent)
    _refuse_held(intent)
    if intent.paused_at is not None:
        intent.paused_at = None
        intent.routed_at = None
        _revise(session, intent, Change.RESUMED, now)


def withdraw(session: Session, intent: Intent, now: datetime) -> None:
    """Close it, unmet, by its author's wish. A draft is thrown away by this. WrongState when it is closed."""
    _close(session, intent, Outcome.WITHDRAWN, now)


def fulfil(session: Session, intent: Intent, now: datetime, *, vendor_id: int | None = None) -> None:
    """Close it as met, by this vendor when the customer says so. WrongState when it is closed or a draft."""
    _lock(session, intent)
    _refuse_unopened(intent)
    intent.fulfilled_by = vendor_id
    _end(session, intent, Outcome.FULFILLED, now)


def remove(session: Session, intent: Intent, now: datetime) -> None:
    """Close it by moderation. WrongState when it is closed."""
    _close(session, intent, Outcome.REMOVED, now)


def expire(session: Session, now: datetime) -> int:
    """Close what is past its end, a batch at a time; how many were closed."""
    overdue = session.scalars(
        select(Intent)
        .where(Intent.closed_at.is_(None), Intent.opened_at.is_not(None), Intent.expires_at <= now)
        .order_by(Intent.expires_at)
        .limit(_EXPIRE_BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    for intent in overdue:
        _end(session, intent, Outcome.EXPIRED, now)
    return len(overdue)


def draft_of(intent: Intent) -> IntentDraft:
    """What the intent says, in the shape in which it is edited."""
    budget = None
    if intent.currency is not None:
        budget = Budget(intent.budget_min, intent.budget_max, intent.currency)
    return IntentDraft(
        title=intent.title,
        body=intent.body,
        category_id=intent.category_id,
        region_id=intent.region_id,
        near=Near(intent.near_km, intent.near_lat, intent.near_lon) if intent.near_km is not None else None,
        budget=budget,
        condition=intent.condition,
        quantity=intent.quantity,
        needed_by=intent.needed_by,
        expires_at=intent.expires_at,
        visibility=intent.visibility,
        language=intent.language,
        terms=intent.terms,
        tell_at_most=intent.tell_at_most,
        patience_h=intent.patience_h,
    )


def _write(session: Session, intent: Intent, clean: IntentDraft) -> None:
    if (intent.title, intent.body) != (clean.title, clean.body):
        intent.said = stems.said(clean.title, clean.body)
    intent.title = clean.title
    intent.body = clean.body
    intent.category_id = clean.category_id
    intent.region_id = clean.region_id
    intent.budget_min = clean.budget.min_minor if clean.budget else None
    intent.budget_max = clean.budget.max_minor if clean.budget else None
    intent.currency = clean.budget.currency if clean.budget else None
    intent.condition = Condition(clean.condition)
    intent.quantity = clean.quantity
    intent.needed_by = clean.needed_by
    intent.expires_at = clean.expires_at
    intent.visibility = Visibility(clean.visibility)
    intent.language = clean.language
    intent.terms = clean.terms
    intent.tell_at_most = clean.tell_at_most
    intent.patience_h = clean.patience_h
    session.add(intent)
    _write_circle(session, intent, clean.near)


def _write_circle(session: Session, intent: Intent, near: Near | None) -> None:
    """Where it is, and every city that lies in it."""
    before = (intent.near_km, intent.near_x, intent.near_y, intent.near_z)
    regions = taxonomy.trees(session).regions
    centre = None
    if near is not None and near.lat is not None and near.lon is not None:
        centre = earth.point(near.lat, near.lon)
    elif near is not None and intent.region_id is not None:
        spot = regions.spot(intent.region_id)
        centre = spot.point if spot is not None else None
    intent.near_km = near.radius_km if near is not None else None
    intent.near_lat, intent.near_lon = (near.lat, near.lon) if near is not None else (None, None)
    intent.near_x, intent.near_y, intent.near_z = centre if centre is not None else (None, None, None)
    if before != (intent.near_km, intent.near_x, intent.near_y, intent.near_z):
        within = regions.around(centre, near.radius_km) if centre is not None and near is not None else []
        intent.places = [IntentPlace(region_id=id_) for id_ in within]
    session.flush()


def _content(intent: Intent) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        return value.isoformat() if hasattr(value, "isoformat") else value

    return {field: plain(getattr(intent, field)) for field in _CONTENT_FIELDS if field not in _PLACE_FIELDS}


def _revise(session: Session, intent: Intent, change: Change, now: datetime, *, told: bool = False) -> None:
    intent.revision += 1
    if not told:
        note(session, _NEWS[change], now, intent_id=intent.id)
    session.add(
        Revision(
            intent_id=intent.id,
            number=intent.revision,
            change=change,
            made_at=now,
            content=_content(intent),
            # Opening is told by the leads themselves.
            announced_at=now if told or change is Change.OPENED else None,
        )
    )
    session.flush()


def _close(session: Session, intent: Intent, outcome: Outcome, now: datetime) -> None:
    _lock(session, intent)
    _refuse_closed(intent)
    _end(session, intent, outcome, now)


def _end(session: Session, intent: Intent, outcome: Outcome, now: datetime) -> None:
    intent.closed_at = now
    intent.outcome = outcome
    if intent.opened_at is not None:
        _revise(session, intent, Change.CLOSED, now)
    session.flush()


def _lock(session: Session, intent: Intent) -> None:
    # Two edits at the same instant take turns. On SQLite the whole transaction already does. Rows that only refer to
    # the intent (its leads, its responses) need not wait: hence not the full FOR UPDATE.
    session.flush()
    session.refresh(intent, with_for_update={"key_share": True})


def _refuse_closed(intent: Intent) -> None:
    if intent.closed_at is not None:
        raise WrongState("This want is closed and can no longer be changed; publish a new one instead.")


def _refuse_held(intent: Intent) -> None:
    if intent.held_at is not None:
        raise WrongState("This want is being looked at by an operator; its board says why, and takes your answer.")


def _refuse_unopened(intent: Intent) -> None:
    _refuse_closed(intent)
    if intent.opened_at is None:
        raise WrongState("This want is still a draft; publish it first.")


def check_daily_limit(session: Session, account_id: int, now: datetime) -> None:
    """Raise LimitReached when the account published its most within 24 hours; what is held counts as well."""
    # Of two wants published at the same instant, one counts the other.
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
    day_ago = now - timedelta(days=1)
    lately = or_(Intent.opened_at > day_ago, Intent.held_at > day_ago)
    opened = (Intent.account_id == account_id, Intent.canary_for.is_(None), lately)
    count = session.scalar(select(func.count()).select_from(Intent).where(*opened)) or 0
    if count >= PER_DAY:
        began = func.coalesce(Intent.opened_at, Intent.held_at)
        first = session.scalar(select(func.min(began)).where(*opened)) or now
        wait = first + timedelta(days=1) - now
        raise LimitReached(
            f"You have published {PER_DAY} wants in 24 hours, which is the most; the next one is possible at "
            f"{first + timedelta(days=1):%H:%M} UTC.",
            retry_after_s=max(1, int(wait.total_seconds())),
        )
