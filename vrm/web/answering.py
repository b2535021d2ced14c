"""The four buttons of a vendor, as a form → an answer to a lead."""

from flask import request
from sqlalchemy.orm import Session

from intents.draft import Condition
from vendors import templates
from vendors.models import DeclineReason, Kind, Lead
from vendors.respond import Answer
from vrm.kernel import taxonomy
from vrm.kernel.taxonomy import Trees
from vrm.web.typed import Typed
from vrm.web.want import likely_currency
from vrm.web.words import _, budget, locale


def answer_of(typed: Typed, trees: Trees) -> Answer | None:
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
        region_id=typed.node("place", trees.regions) if offers else None,
        links=tuple(typed.get("links").splitlines()),
        decline_reason=reason if kind is Kind.DECLINE else None,
    )
    return None if typed.problems else answer


def chosen_words() -> dict[str, str]:
    """Which of the four buttons and which template the address of this page names."""
    return {"kind": request.args.get("do", ""), "template_id": request.args.get("template", "")}


def answer_typed(session: Session, lead: Lead, kind: str = "", template_id: str = "") -> Typed:
    """An answer to begin with: in the money of the want, with the words of a template when one is chosen."""
    body = ""
    if template_id.isdecimal() and len(template_id) < 19:
        template = templates.find(session, lead.vendor, int(template_id))
        intent, trees = lead.intent, taxonomy.trees(session).read_in(locale())
        facts = {
            "title": intent.title,
            "place": trees.where(intent.region_id) if intent.region_id is not None else "",
            "budget": budget(intent),
            "vendor": lead.vendor.name,
        }
        body = templates.filled(template.body, facts)
    kind = "offer" if body and not kind else kind
    return Typed(kind=kind, currency=lead.intent.currency or likely_currency(), body=body)
