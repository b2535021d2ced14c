"""What a customer makes of the answers: a short list, the one that is chosen, and a word afterwards."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intents.models import Intent
from vendors import respond
from vendors.models import Exchange, Lead, Message
from vrm.kernel import text
from vrm.kernel.errors import WrongState


def shortlist(session: Session, lead: Lead, now: datetime, *, keep: bool) -> None:
    """Put the vendor on the customer's short list, or take it off. Nobody else learns of it."""
    lead.shortlisted_at = (lead.shortlisted_at or now) if keep else None
    session.flush()


def choose(session: Session, lead: Lead, now: datetime) -> None:
    """This one: the vendor sees the customer's contact details from now on; another that was chosen is not any more.

    The want stays open until its author closes it. WrongState before the vendor has answered, when the intent is
    closed, and where `reveal` refuses.
    """
    session.flush()
    # Of two that are chosen at the same instant, the later one sees the earlier.
    session.refresh(lead.intent, with_for_update={"of": Intent, "key_share": True})
    if lead.responded_at is None:
        raise WrongState(f"{lead.vendor.name} has not answered yet; it can be chosen when it has.")
    if lead.intent.closed_at is not None:
        raise WrongState("This want is closed; nothing more can be chosen.")
    respond.reveal(session, lead, now)
    others = (Lead.intent_id == lead.intent_id, Lead.vendor_id != lead.vendor_id, Lead.chosen_at.is_not(None))
    session.execute(update(Lead).where(*others).values(chosen_at=None))
    lead.chosen_at = lead.chosen_at or now
    session.flush()


def took_place(session: Session, lead: Lead) -> bool:
    """Whether there was a real exchange: the vendor answered, and the customer wrote, showed themselves or bought."""
    if lead.responded_at is None or lead.intent.canary_for is not None:
        return False
    if lead.revealed_at is not None or lead.intent.fulfilled_by == lead.vendor_id:
        return True
    wrote = select(Message.id).where(Message.intent_id == lead.intent_id, Message.vendor_id == lead.vendor_id).limit(1)
    return session.scalar(wrote) is not None


def judge(session: Session, lead: Lead, now: datetime, *, glad: bool, words: str = "") -> Exchange:
    """The customer's thumb and sentence about an exchange; said again, it replaces what was said before.

    WrongState without a real exchange, BadInput for words that do not fit a line.
    """
    if not took_place(session, lead):
        raise WrongState(
            f"You can say how it went after you and {lead.vendor.name} have really talked: it answered, "
            "and you wrote to it, showed your contact details, or bought there."
        )
    words = text.line(words, field="words", label="The sentence", most=300, least=0)
    said = session.merge(
        Exchange(intent_id=lead.intent_id, vendor_id=lead.vendor_id, glad=glad, words=words, said_at=now)
    )
    session.flush()
    return said


@dataclass(frozen=True, slots=True)
class Gladness:
    """How many customers said how it went with one vendor, and how many of them were glad."""

    glad: int
    said: int


def gladness(session: Session, vendor_id: int) -> Gladness:
    """What customers said of real exchanges with this vendor, counted."""
    said = dict(
        session.execute(
            select(Exchange.glad, func.count()).where(Exchange.vendor_id == vendor_id).group_by(Exchange.glad)
        ).all()
    )
    return Gladness(said.get(True, 0), sum(said.values()))
