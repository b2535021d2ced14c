"""Rows that owe a person a word (an entry to be asked about, an answer to be told of) → mails that are owed."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from intents.holds import Hold
from intents.models import Blog, Entry
from notifiers.models import Channel, ChannelKind, Notification, Topic
from vendors.models import Actor, Lead, Membership, Response, Role, Vendor
from vendors.reports import Report
from vrm.kernel.accounts import Account
from vrm.kernel.db import new_code

_BATCH = 200


def owe_letter(session: Session, account: Account, topic: Topic, now: datetime, **params: Any) -> Notification:
    """Owe `account` a mail. SIGN_IN and VERIFY take `secret`; it is forgotten when the mail is done."""
    return _owe(session, account.id, topic, now, params=params)


def owe_letters(session: Session, now: datetime) -> int:
    """Turn entries to be asked about, answers and decisions to be told of into mails; how many rows were seen to."""
    return _owe_asking(session, now) + _owe_answered(session, now) + _owe_decided(session, now)


def owe_channel_off(session: Session, channel: Channel, now: datetime) -> None:
    """Tell the people who look after the vendor's channels, and its other channels, that one was switched off."""
    accounts = session.scalars(
        select(Membership.account_id).where(
            Membership.vendor_id == channel.vendor_id, Membership.role.in_([Role.OWNER, Role.ADMIN])
        )
    )
    for account_id in accounts:
        _owe(session, account_id, Topic.OFF_LETTER, now, params={"channel": channel.id})
    others = session.scalars(
        select(Channel.id).where(
            Channel.vendor_id == channel.vendor_id,
            Channel.id != channel.id,
            Channel.kind != ChannelKind.FEED,
            Channel.verified_at.is_not(None),
            Channel.paused_at.is_(None),
            Channel.switched_off_at.is_(None),
            Channel.ended_at.is_(None),
        )
    )
    session.add_all(
        Notification(
            code=new_code(),
            topic=Topic.CHANNEL_OFF,
            channel_id=id_,
            params={"channel": channel.id},
            owed_at=now,
            due_at=now,
        )
        for id_ in others
    )


def owe_suspended(session: Session, vendor: Vendor, now: datetime) -> None:
    """Tell the vendor's owners and admins that an operator suspended it, and why."""
    people = select(Membership.account_id).where(
        Membership.vendor_id == vendor.id, Membership.role.in_([Role.OWNER, Role.ADMIN])
    )
    for account_id in session.scalars(people):
        _owe(session, account_id, Topic.MODERATION, now, params={"word": "suspended", "vendor": vendor.id})


def owe_account(session: Session, account: Account, now: datetime) -> None:
    """Tell a person that an operator suspended their account, and why; or that it is theirs again."""
    word = "account-restored" if account.suspended_at is None else "account-suspended"
    _owe(session, account.id, Topic.MODERATION, now, params={"word": word, "account": account.id})


def _owe_decided(session: Session, now: datetime) -> int:
    """What operators decided about held wants and about reports."""
    held = session.scalars(
        select(Hold)
        .where(Hold.to_tell.is_not(None))
        .options(joinedload(Hold.intent))
        .order_by(Hold.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True, of=Hold)
    ).all()
    for one in held:
        word = one.to_tell.value if one.to_tell else ""
        one.to_tell = None
        _owe(session, one.intent.account_id, Topic.MODERATION, now, params={"word": word, "hold": one.id})
    ruled = session.scalars(
        select(Report)
        .where(Report.closed_at.is_not(None), Report.told_at.is_(None), Report.account_id.is_not(None))
        .order_by(Report.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for report in ruled:
        report.told_at = now
        word = report.ruling.value if report.ruling else ""
        if report.account_id is not None:
            _owe(session, report.account_id, Topic.MODERATION, now, params={"word": word, "report": report.id})
    session.flush()
    return len(held) + len(ruled)


def _owe_asking(session: Session, now: datetime) -> int:
    entries = session.scalars(
        select(Entry)
        .where(Entry.ask_at.is_not(None), Entry.ask_at <= now)
        .options(joinedload(Entry.blog), joinedload(Entry.intent))
        .order_by(Entry.ask_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True, of=Entry)
    ).all()
    for entry in entries:
        entry.ask_at = None
        if _is_still_a_question(entry, entry.blog):
            topic = Topic.ASK_ENTRY if entry.vanished_at is None else Topic.ASK_VANISHED
            _owe(session, entry.blog.account_id, topic, now, occasion=entry.id)
    session.flush()
    return len(entries)


def _is_still_a_question(entry: Entry, blog: Blog) -> bool:
    if blog.ended_at is not None or entry.intent is None or entry.intent.closed_at is not None:
        return False
    # Of a draft whose post is gone nobody has heard: there is nothing to withdraw.
    return entry.vanished_at is None or entry.intent.opened_at is not None


def _owe_answered(session: Session, now: datetime) -> int:
    # The update takes the rows: two workers at once cannot both have one.
    owed = (
        select(Response.id)
        .where(Response.told_at.is_(None))
        .order_by(Response.at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    taken = session.scalars(
        update(Response)
        .where(Response.id.in_(owed), Response.told_at.is_(None))
        .values(told_at=now)
        .returning(Response.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not taken:
        return 0
    responses = session.scalars(
        select(Response)
        .where(Response.id.in_(taken))
        .options(joinedload(Response.lead).joinedload(Lead.intent))
        .order_by(Response.id)
    )
    for response in responses:
        # An answering machine is no news to anybody.
        if response.actor is not Actor.AUTO:
            _owe(
                session,
                response.lead.intent.account_id,
                Topic.ANSWERED,
                now,
                occasion=response.id,
                lead=(response.intent_id, response.vendor_id),
            )
    return len(taken)


def _owe(
    session: Session,
    account_id: int,
    topic: Topic,
    now: datetime,
    *,
    params: dict[str, Any] | None = None,
    occasion: int = 0,
    lead: tuple[int, int] | None = None,
) -> Notification:
    notification = Notification(
        code=new_code(),
        topic=topic,
        account_id=account_id,
        intent_id=lead[0] if lead else None,
        vendor_id=lead[1] if lead else None,
        occasion=occasion,
        params=params or {},
        owed_at=now,
        due_at=now,
    )
    session.add(notification)
    session.flush()
    return notification
