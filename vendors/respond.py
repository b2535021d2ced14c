"""What vendor and customer say to each other about one lead: offer, question, decline, reply, reveal."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intents.draft import Condition
from intents.events import EventKind, note
from intents.models import Intent
from vendors.models import (
    Actor,
    Agreement,
    Block,
    DeclineReason,
    Kind,
    Lead,
    Message,
    Response,
    SeenBy,
    Vendor,
    Via,
    Withheld,
)
from vrm.kernel import text
from vrm.kernel.accounts import Account
from vrm.kernel.db import add_if_new
from vrm.kernel.errors import BadInput, LimitReached, NotFound, WrongState
from vrm.kernel.money import Money

PER_MINUTE = 6  # Words of one side to one lead.
PER_LEAD = 100
LINKS_AT_MOST = 5
_LINK = re.compile(r"https?://[^\s/@<>\"\x00-\x1f]+\.[^\s@<>\"\x00-\x1f]+")
_SAME_AGAIN = timedelta(minutes=1)  # A second press of the same button is not a second answer.
_WORDS = {Kind.OFFER: "offer", Kind.QUESTION: "question", Kind.DECLINE: "decline", Kind.REPLY: "reply"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a vendor says, as a form, the API or a reply brings it."""

    kind: Kind
    body: str = ""
    price: Money | None = None  # Offers only.
    condition: Condition | None = None  # Offers only.
    valid_until: date | None = None  # Offers only.
    region_id: int | None = None  # Offers only: where it stands.
    links: tuple[str, ...] = ()  # Addresses of pictures and papers; not with declines.
    decline_reason: DeclineReason | None = None  # Declines only, and required there.


def respond(
    session: Session,
    lead: Lead,
    answer: Answer,
    now: datetime,
    *,
    via: Via,
    account: Account | None = None,
    actor: Actor = Actor.HUMAN,
) -> Response:
    """Record what the vendor says. A human's first word is the moment that responsiveness is measured by.

    The same words again within a minute are the same response. Raises BadInput with a sentence per field,
    WrongState when the intent is closed or the customer has turned the vendor down, LimitReached.
    """
    _lock(session, lead)
    refuse_ended(lead)
    answer = check(answer, now)
    again = _same_again(session, lead, answer, actor, now)
    if again is not None:
        return again
    _limit(session, Response, lead, now)
    response = Response(
        intent_id=lead.intent_id,
        vendor_id=lead.vendor_id,
        lead=lead,
        at=now,
        kind=answer.kind,
        actor=actor,
        via=via,
        account_id=account.id if account else None,
        body=answer.body,
        price=answer.price.minor if answer.price else None,
        currency=answer.price.currency if answer.price else None,
        condition=answer.condition,
        valid_until=answer.valid_until,
        region_id=answer.region_id,
        links=list(answer.links),
        decline_reason=answer.decline_reason,
    )
    session.add(response)
    _note(session, EventKind.RESPONSE, lead, now)
    if actor is Actor.HUMAN:
        see(session, lead, now, by=SeenBy.API if via is Via.API else SeenBy.POST)
        if lead.responded_at is None:
            lead.responded_at = now
        if answer.kind is Kind.DECLINE:
            _give_turn_back(lead, now)
    session.flush()
    return response


def see(session: Session, lead: Lead, now: datetime, *, by: SeenBy) -> None:
    """Record the first proof that the vendor read the lead; later ones change nothing. NotFound when withheld.

    Proof of reading is also proof of delivery, should no channel have given one.
    """
    if lead.withheld is not None:
        raise NotFound("There is no such lead.")
    if lead.seen_at is not None:
        return
    _lock(session, lead)  # So that the first proof stays the first.
    if lead.seen_at is None:
        lead.seen_at = now
        lead.seen_by = by
        if lead.delivered_at is None:
            lead.delivered_at = now
            lead.undelivered = None
        session.flush()


def fetched(session: Session, vendor: Vendor, leads: Collection[Lead], now: datetime) -> bool:
    """The vendor's own token fetched what holds these leads: proof of delivery. Whether it was the first for any."""
    fresh = [lead.intent_id for lead in leads if lead.delivered_at is None]
    if fresh:
        session.execute(
            update(Lead)
            .where(Lead.vendor_id == vendor.id, Lead.intent_id.in_(fresh), Lead.delivered_at.is_(None))
            .values(delivered_at=now, undelivered=None)
        )
    return bool(fresh)


def say(session: Session, lead: Lead, body: str, now: datetime) -> Message:
    """The customer's word to one vendor. Raises BadInput, WrongState when the intent is closed, LimitReached."""
    _lock(session, lead)
    refuse_ended(lead)
    body = text.prose(body, field="body", label="The message", most=8_000)
    if not body:
        raise BadInput({"body": "The message is empty; please write a line."})
    again = session.scalar(
        select(Message).where(
            Message.intent_id == lead.intent_id,
            Message.vendor_id == lead.vendor_id,
            Message.body == body,
            Message.at > now - _SAME_AGAIN,
        )
    )
    if again is not None:
        return again
    _limit(session, Message, lead, now)
    message = Message(intent_id=lead.intent_id, vendor_id=lead.vendor_id, lead=lead, at=now, body=body)
    session.add(message)
    _note(session, EventKind.MESSAGE, lead, now)
    session.flush()
    return message


def thread(session: Session, lead: Lead) -> list[Response | Message]:
    """Everything that was said about this lead, oldest first."""
    said: list[Response | Message] = []
    for model in (Response, Message):
        said += session.scalars(
            select(model).where(model.intent_id == lead.intent_id, model.vendor_id == lead.vendor_id)
        )
    return sorted(said, key=lambda word: (word.at, isinstance(word, Message), word.id))


def agree(session: Session, lead: Lead, now: datetime, *, via: Via, account: Account | None = None) -> Agreement:
    """The vendor accepts the customer's terms; the words are kept as they are now. WrongState without terms."""
    _lock(session, lead)
    refuse_ended(lead)
    if not lead.intent.terms:
        raise WrongState("This customer asks for no terms; there is nothing to accept.")
    agreement = session.get(Agreement, (lead.intent_id, lead.vendor_id))
    if agreement is None or agreement.terms != lead.intent.terms:
        agreement = session.merge(
            Agreement(
                intent_id=lead.intent_id,
                vendor_id=lead.vendor_id,
                terms=lead.intent.terms,
                agreed_at=now,
                account_id=account.id if account else None,
                via=via,
            )
        )
    see(session, lead, now, by=SeenBy.POST)
    session.flush()
    return agreement


def has_agreed(session: Session, lead: Lead) -> bool:
    """Whether the vendor accepted the terms as they now are; True when there are none."""
    if not lead.intent.terms:
        return True
    agreement = session.get(Agreement, (lead.intent_id, lead.vendor_id))
    return agreement is not None and agreement.terms == lead.intent.terms


def reveal(session: Session, lead: Lead, now: datetime) -> None:
    """Show this vendor, and no other, the customer's name, mail address and telephone.

    WrongState when the vendor has not accepted the customer's terms, or was turned down.
    """
    _lock(session, lead)
    if lead.withheld is not None or lead.declined_at is not None:
        raise WrongState("This vendor is not in the conversation any more.")
    if not has_agreed(session, lead):
        raise WrongState(f"{lead.vendor.name} has not accepted your terms yet; ask them to, in a message.")
    if lead.revealed_at is None:
        lead.revealed_at = now
        _note(session, EventKind.REVEALED, lead, now)
    session.flush()


def turn_down(session: Session, lead: Lead, now: datetime) -> None:
    """The customer's "no, thank you": this vendor can say no more about this intent."""
    _lock(session, lead)
    if lead.declined_at is None:
        lead.declined_at = now
        _note(session, EventKind.DECLINED, lead, now)
    _give_turn_back(lead, now)
    session.flush()


def block(session: Session, account: Account, vendor: Vendor, now: datetime) -> None:
    """Never tell this vendor of this customer's wants again. Its leads are turned down; undelivered ones withheld."""
    add_if_new(session, Block(account_id=account.id, vendor_id=vendor.id, created_at=now))
    theirs = (Lead.vendor_id == vendor.id) & Lead.intent_id.in_(
        select(Intent.id).where(Intent.account_id == account.id)
    )
    session.execute(update(Lead).where(theirs, Lead.turn.is_not(None)).values(look_at=now))
    told = (theirs, Lead.declined_at.is_(None))
    for intent_id in session.scalars(select(Lead.intent_id).where(*told)).all():
        note(session, EventKind.DECLINED, now, intent_id=intent_id, vendor_id=vendor.id)
    session.execute(update(Lead).where(*told).values(declined_at=now))
    unknown = Lead.delivered_at.is_(None) & Lead.seen_at.is_(None)
    session.execute(update(Lead).where(theirs, unknown).values(withheld=Withheld.BLOCKED))
    session.flush()


def check(answer: Answer, now: datetime) -> Answer:
    """The answer as it would be stored, or BadInput with a sentence for every field that does not hold."""
    problems: dict[str, str] = {}
    try:
        answer = replace(answer, body=text.prose(answer.body, field="body", label="The message", most=8_000))
    except BadInput as error:
        problems |= error.problems
    if answer.kind is Kind.DECLINE and answer.decline_reason is None:
        problems["decline_reason"] = "Please say why it is not for you; it makes the next wants fit better."
    if answer.kind is Kind.OFFER and answer.price is None and not answer.body:
        problems["body"] = "Please name a price or describe your offer."
    if answer.kind in (Kind.QUESTION, Kind.REPLY) and not answer.body:
        problems["body"] = f"The {_WORDS[answer.kind]} is empty; please write a line."
    if answer.price is not None and not 0 <= answer.price.minor < 10**15:
        problems["price"] = "A price cannot be negative or larger than a country's budget; write it in digits."
    if answer.valid_until is not None and answer.valid_until < (now - timedelta(hours=12)).date():
        problems["valid_until"] = "That day is over; please choose a day to come."
    links = tuple(filter(None, (link.strip() for link in answer.links)))
    if len(links) > LINKS_AT_MOST:
        problems["links"] = f"{LINKS_AT_MOST} links are the most; please leave some out."
    elif any(len(link) > 1_000 or not _LINK.fullmatch(link) for link in links):
        problems["links"] = "Each line must be a whole address, such as https://www.example.com/photo.jpg."
    if problems:
        raise BadInput(problems)
    answer = replace(answer, links=links)
    if answer.kind is not Kind.OFFER:
        answer = replace(answer, price=None, condition=None, valid_until=None, region_id=None)
    if answer.kind is Kind.DECLINE:
        return replace(answer, links=())
    return replace(answer, decline_reason=None)


def _lock(session: Session, lead: Lead) -> None:
    # Two words at the same instant take turns, so that the first is the first. The intent is held too, before the
    # lead as everywhere, so that nothing is said to a want while it is being closed.
    session.flush()
    session.refresh(lead.intent, with_for_update={"of": Intent, "read": True})
    session.refresh(lead, with_for_update={"of": Lead, "key_share": True})


def _note(session: Session, kind: EventKind, lead: Lead, now: datetime) -> None:
    note(session, kind, now, intent_id=lead.intent_id, vendor_id=lead.vendor_id)


def _give_turn_back(lead: Lead, now: datetime) -> None:
    # Where the customer tells a few at a time, somebody else may hear of it now.
    if lead.intent.tell_at_most is not None:
        lead.look_at = now


def refuse_ended(lead: Lead) -> None:
    """WrongState, with the reason, when nothing can be said any more."""
    if lead.withheld is not None:
        raise NotFound("There is no such lead.")
    if lead.intent.closed_at is not None:
        how = lead.intent.outcome.value if lead.intent.outcome else "closed"
        raise WrongState(
            f"This want is over ({how} on {lead.intent.closed_at:%d %B %Y}); nothing more can be said to it."
        )
    if lead.intent.held_at is not None or lead.vendor.suspended_at is not None:
        raise WrongState("An operator is looking at this; nothing can be said here until that is settled.")
    if lead.declined_at is not None:
        raise WrongState("The customer has said “no, thank you”; nothing more can be said here.")


def _same_again(session: Session, lead: Lead, answer: Answer, actor: Actor, now: datetime) -> Response | None:
    last = session.scalar(
        select(Response)
        .where(Response.intent_id == lead.intent_id, Response.vendor_id == lead.vendor_id)
        .order_by(Response.id.desc())
        .limit(1)
    )
    if last is None or last.at <= now - _SAME_AGAIN:
        return None
    price = Money(last.price, last.currency) if last.price is not None and last.currency else None
    said = Answer(
        kind=last.kind,
        body=last.body,
        price=price,
        condition=last.condition,
        valid_until=last.valid_until,
        region_id=last.region_id,
        links=tuple(last.links),
        decline_reason=last.decline_reason,
    )
    return last if said == answer and last.actor is actor else None


def _limit(session: Session, model: type[Response] | type[Message], lead: Lead, now: datetime) -> None:
    mine = (model.intent_id == lead.intent_id, model.vendor_id == lead.vendor_id)
    total = session.scalar(select(func.count()).select_from(model).where(*mine)) or 0
    if total >= PER_LEAD:
        raise LimitReached(f"{PER_LEAD} messages about one want are the most; please go on by mail or telephone.")
    lately = session.scalar(select(func.count()).select_from(model).where(*mine, model.at > now - timedelta(minutes=1)))
    if (lately or 0) >= PER_MINUTE:
        raise LimitReached(f"{PER_MINUTE} messages a minute are the most; please wait a minute.", retry_after_s=60)
