"""Leads, intents and responses → the words and the JSON that messages are made of. Nothing of the customer is in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from sqlalchemy import select
from sqlalchemy.orm import Session

from intents.draft import Condition
from intents.models import Intent
from vendors.leads import reasons_of
from vendors.models import DeclineReason, Kind, Lead, Response, Subscription, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.money import Money
from vrm.kernel.tree import Tree

_REASONS_SHOWN = 3
_CONDITIONS = {Condition.ANY: "", Condition.NEW: "new", Condition.USED: "used"}
_DECLINES = {
    DeclineReason.CATEGORY: "they do not sell this",
    DeclineReason.REGION: "it is not their area",
    DeclineReason.BUDGET: "the budget does not fit",
    DeclineReason.STOCK: "it is out of stock",
    DeclineReason.TIME: "the time does not fit",
    DeclineReason.SPAM: "they do not think that it is a real want",
    DeclineReason.OTHER: "of something else",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom moments and money are written."""

    zone: str  # IANA.
    locale: str = "en"

    def moment(self, moment: datetime) -> str:
        """ "1 June 2027, 14:00 (Europe/London)"."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return f"{format_datetime(local, 'd MMMM y, HH:mm', locale=self.locale)} ({self.zone})"

    def day(self, day: date) -> str:
        """ "1 June 2027"."""
        text: str = format_date(day, "d MMMM y", locale=self.locale)
        return text


@dataclass(frozen=True, slots=True)
class Want:
    """An intent in words. `title` and `body` are the customer's own; everything else is ours."""

    title: str
    body: str
    place: str  # "Leeds, England, United Kingdom"; empty while a draft has none.
    category: str
    budget: str  # "up to £12,000", or empty.
    condition: str  # "new", "used", or empty.
    quantity: int
    needed_by: str
    ends: str

    @property
    def line(self) -> str:
        """Place and budget first, in one line."""
        parts = [
            self.place,
            self.budget or "no budget given",
            self.condition,
            f"{self.quantity} pieces" if self.quantity > 1 else "",
            f"needed by {self.needed_by}" if self.needed_by else "",
        ]
        return " · ".join(part for part in parts if part)


def want_of(session: Session, intent: Intent, reader: Reader) -> Want:
    """The intent as it is now."""
    trees = taxonomy.trees(session)
    return Want(
        title=intent.title,
        body=intent.body,
        place=_around(intent.near_km) + _place(trees.regions, intent.region_id) if intent.region_id is not None else "",
        category=trees.categories.label(intent.category_id) if intent.category_id is not None else "",
        budget=budget_text(intent, reader.locale),
        condition=_CONDITIONS[intent.condition],
        quantity=intent.quantity,
        needed_by=reader.day(intent.needed_by) if intent.needed_by else "",
        ends=reader.moment(intent.expires_at) if intent.expires_at else "",
    )


def budget_text(intent: Intent, locale: str) -> str:
    """ "£8,000 to £12,000", "up to £12,000", "from £8,000", or nothing."""
    if intent.currency is None:
        return ""
    low, high = (
        Money(minor, intent.currency).text(locale) if minor is not None else ""
        for minor in (intent.budget_min, intent.budget_max)
    )
    if low and high:
        return low if low == high else f"{low} to {high}"
    return f"up to {high}" if high else f"from {low}" if low else ""


@dataclass(frozen=True, slots=True)
class LeadRow:
    """As much of a lead as its first word takes, for where making entities of thousands would take too long."""

    intent: Intent
    vendor: Vendor
    reasons: list[list[Any]]

    @property
    def code(self) -> str:
        return f"{self.intent.code}-{self.vendor.code}"


def names_of(session: Session, leads: Iterable[Lead | LeadRow]) -> dict[int, str]:
    """What the vendors call the subscriptions that matched."""
    ids = {reason.subscription_id for lead in leads for reason in reasons_of(lead.reasons)[:_REASONS_SHOWN]}
    return dict(session.execute(select(Subscription.id, Subscription.name).where(Subscription.id.in_(ids))).all())


def why(session: Session, lead: Lead | LeadRow, names: Mapping[int, str] | None = None) -> str:
    """One sentence with the vendor's own subscriptions that matched when the lead was routed."""
    trees = taxonomy.trees(session)
    if names is None:
        names = names_of(session, [lead])
    shown = reasons_of(lead.reasons)[:_REASONS_SHOWN]
    parts = [
        reason.text(trees) + (f" (“{names[reason.subscription_id]}”)" if names.get(reason.subscription_id) else "")
        for reason in shown
    ]
    more = len(lead.reasons) - len(shown)
    if more > 0:
        parts.append(f"{more} more of your subscriptions")
    return f"{lead.vendor.name} gets this because you subscribed to {_listed(parts)}."


def _listed(parts: Sequence[str]) -> str:
    *most, last = parts or ["wants like it"]
    return f"{', '.join(most)} and {last}" if most else last


def _around(km: float | None) -> str:
    return f"within {km:g} km of " if km is not None else ""


def _place(tree: Tree, region_id: int) -> str:
    labels = [node.label for node in reversed(tree.path(region_id))]
    # The continent tells nobody anything when the country stands there.
    return ", ".join(labels[:-1] if len(labels) > 1 else labels)


# --- JSON of webhooks -----------------------------------------------------------------------------


def lead_json(lead: Lead | LeadRow, want: Mapping[str, Any], why: str, *, url: str, answer_url: str) -> dict[str, Any]:
    """`data` of lead.created and lead.updated, as the contract has it; `want` is its `intent_json`."""
    return {
        "lead": {"code": lead.code, "url": url, "why": why},
        "intent": want,
        "answer_url": answer_url,
        "sequence": lead.intent.revision,
    }


def intent_json(session: Session, intent: Intent) -> dict[str, Any]:
    """What a vendor may know of an intent."""
    trees = taxonomy.trees(session)
    return {
        "code": intent.code,
        "title": intent.title,
        "body": intent.body,
        "category": _node_json(trees.categories, intent.category_id),
        "region": _node_json(trees.regions, intent.region_id),
        "within_km": intent.near_km,  # Of the region's own point. Where exactly is not for vendors: it may be a home.
        "budget": _budget_json(intent),
        "condition": intent.condition.value,
        "quantity": intent.quantity,
        "needed_by": intent.needed_by.isoformat() if intent.needed_by else None,
        "expires_at": intent.expires_at.astimezone(UTC).isoformat() if intent.expires_at else None,
        "state": intent.state,
    }


@lru_cache(maxsize=1024)
def _node_json(tree: Tree, id_: int | None) -> dict[str, Any] | None:
    if id_ is None:
        return None
    path = tree.path(id_)
    return {"id": path[-1].slug, "label": path[-1].label, "path": [node.label for node in path]}


def _budget_json(intent: Intent) -> dict[str, Any] | None:
    if intent.currency is None:
        return None
    return {
        "min": str(Money(intent.budget_min, intent.currency).amount) if intent.budget_min is not None else None,
        "max": str(Money(intent.budget_max, intent.currency).amount) if intent.budget_max is not None else None,
        "currency": intent.currency,
    }


# --- What a vendor said ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A response in words. `body` is the vendor's own."""

    line: str  # "Leeds Toyota makes an offer: £11,500, used, good until 1 June 2027."
    body: str


def said_of(response: Response, reader: Reader) -> Said:
    """What a vendor answered, for the customer."""
    name = response.lead.vendor.name
    if response.kind is Kind.OFFER:
        money = Money(response.price, response.currency) if response.price is not None and response.currency else None
        parts = [
            money.text(reader.locale) if money else "",
            _CONDITIONS[response.condition] if response.condition else "",
            f"good until {reader.day(response.valid_until)}" if response.valid_until else "",
        ]
        terms = ", ".join(part for part in parts if part)
        return Said(f"{name} makes an offer{': ' if terms else ''}{terms}.", response.body)
    if response.kind is Kind.DECLINE:
        because = _DECLINES[response.decline_reason or DeclineReason.OTHER]
        return Said(f"{name} says “not for us”, because {because}.", response.body)
    verb = "asks" if response.kind is Kind.QUESTION else "writes"
    return Said(f"{name} {verb}:", response.body)
