"""The four buttons of a vendor, as a form → an answer to a lead."""

from intents.draft import Condition
from vendors.models import DeclineReason, Kind, Lead
from vendors.respond import Answer
from vrm.web.typed import Typed
from vrm.web.want import likely_currency
from vrm.web.words import _


def answer_of(typed: Typed) -> Answer | None:
    """What the form says; None, with `typed.problems`, when it does not hold."""
    if not typed.get("kind"):
        typed.problems["kind"] = _("Please choose what you want to say.")
        return None
    kind = typed.choice("kind", Kind, Kind.REPLY)
    reason = typed.choice("decline_reason", DeclineReason, DeclineReason.OTHER) if typed.get("decline_reason") else None
    offers = kind is Kind.OFFER
    answer = Answer(
        kind=kind,
        body=typed.get("body"),
        price=typed.money("price", "currency") if offers else None,
        condition=typed.choice("condition", Condition, Condition.ANY) if offers and typed.get("condition") else None,
        valid_until=typed.day("valid_until") if offers else None,
        decline_reason=reason if kind is Kind.DECLINE else None,
    )
    return None if typed.problems else answer


def answer_typed(lead: Lead | None = None, kind: str = "") -> Typed:
    """An empty answer, in the money of the want."""
    currency = lead.intent.currency if lead is not None else None
    return Typed(kind=kind, currency=currency or likely_currency())
