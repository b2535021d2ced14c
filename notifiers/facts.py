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
from vendors.leads import Reason, reasons_of
from vendors.models import DeclineReason, Kind, Lead, Response, Subscription, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.languages import SOURCE, later, translations
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Tree

_REASONS_SHOWN = 3
_DAY = {"en": "d MMMM y", "de": "d. MMMM y"}
_CONDITIONS = {Condition.ANY: "", Condition.NEW: later("new"), Condition.USED: later("used")}
_DECLINES = {
    DeclineReason.CATEGORY: later("%(name)s says “not for us”: they do not sell this."),
    DeclineReason.REGION: later("%(name)s says “not for us”: it is not their area."),
    DeclineReason.BUDGET: later("%(name)s says “not for us”: the budget does not fit."),
    DeclineReason.STOCK: later("%(name)s says “not for us”: it is out of stock."),
    DeclineReason.TIME: later("%(name)s says “not for us”: the time does not fit."),
    DeclineReason.SPAM: later("%(name)s says “not for us”: they do not think that it is a real want."),
    DeclineReason.OTHER: later("%(name)s says “not for us”, for another reason."),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom something is written: in which language, and by which clock."""

    zone: str  # IANA.
    locale: str = SOURCE

    def say(self, text: str, **values: Any) -> str:
        """A text of ours in their language, with the values in its blanks."""
        said: str = translations(self.locale).ugettext(text)
        return said % values if values else said

    def quoted(self, words: str) -> str:
        """Somebody else's words within a sentence of ours."""
        return self.say("“%(words)s”", words=words)

    def moment(self, moment: datetime) -> str:
        """ "1 June 2027, 14:00 (Europe/London)"."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return f"{format_datetime(local, _DAY[self.locale] + ', HH:mm', locale=self.locale)} ({self.zone})"

    def day(self, day: date) -> str:
        """ "1 June 2027"."""
        text: str = format_date(day, _DAY[self.locale], locale=self.locale)
        return text


@dataclass(frozen=True, slots=True)
class Want:
    """An intent in words. `title` and `body` are the customer's own; everything else is ours."""

    title: str
    body: str
    place: str  # "Leeds, England, United Kingdom"; empty while a draft has none.
    town: str  # "Leeds", or whatever else it is.
    category: str
    budget: str  # "up to £12,000", or empty.
    condition: str  # "new", "used", or empty.
    pieces: str  # "4 pieces", or empty for one.
    needed_by: str  # "needed by 1 June 2027", or empty.
    ends: str

    @property
    def line(self) -> str:
        """Place and budget first, in one line."""
        parts = (self.place, self.budget, self.condition, self.pieces, self.needed_by)
        return " · ".join(part for part in parts if part)


def want_of(session: Session, intent: Intent, reader: Reader) -> Want:
    """The intent as it is now."""
    trees, say, language = taxonomy.trees(session), reader.say, reader.locale
    place = _place(trees.regions, intent.region_id, language) if intent.region_id is not None else ""
    if intent.near_km is not None:
        place = say("within %(km)s km of %(place)s", km=f"{intent.near_km:g}", place=place)
    return Want(
        title=intent.title,
        body=intent.body,
        place=place,
        town=trees.regions.label(intent.region_id, language) if intent.region_id is not None else "",
        category=trees.categories.label(intent.category_id, language) if intent.category_id is not None else "",
        budget=budget_text(intent, reader) or say("no budget given"),
        condition=say(_CONDITIONS[intent.condition]) if _CONDITIONS[intent.condition] else "",
        pieces=say("%(num)s pieces", num=intent.quantity) if intent.quantity > 1 else "",
        needed_by=say("needed by %(day)s", day=reader.day(intent.needed_by)) if intent.needed_by else "",
        ends=reader.moment(intent.expires_at) if intent.expires_at else "",
    )


def budget_text(intent: Intent, reader: Reader) -> str:
    """ "£8,000 to £12,000", "up to £12,000", "from £8,000", or nothing."""
    if intent.currency is None:
        return ""
    low, high = (
        Money(minor, intent.currency).text(reader.locale) if minor is not None else ""
        for minor in (intent.budget_min, intent.budget_max)
    )
    if low and high:
        return low if low == high else reader.say("%(low)s to %(high)s", low=low, high=high)
    return reader.say("up to %(high)s", high=high) if high else reader.say("from %(low)s", low=low) if low else ""


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


def why(
    session: Session, lead: Lead | LeadRow, names: Mapping[int, str] | None = None, reader: Reader | None = None
) -> str:
    """One sentence with the vendor's own subscriptions that matched when the lead was routed; English for programs."""
    trees, reader = taxonomy.trees(session), reader or Reader("UTC")
    if names is None:
        names = names_of(session, [lead])
    shown = reasons_of(lead.reasons)[:_REASONS_SHOWN]
    parts = [
        _reason(reason, trees, reader)
        + (f" ({reader.quoted(names[reason.subscription_id])})" if names.get(reason.subscription_id) else "")
        for reason in shown
    ]
    more = len(lead.reasons) - len(shown)
    if more > 0:
        parts.append(reader.say("%(num)s more", num=more))
    what = _listed(parts or [reader.say("wants like it")], reader)
    return reader.say("You get this because %(vendor)s listens for: %(what)s.", vendor=lead.vendor.name, what=what)


def _reason(reason: Reason, trees: Trees, reader: Reader) -> str:
    what = trees.categories.label(reason.category_id, reader.locale)
    where = trees.regions.label(reason.region_id, reader.locale)
    if not reason.words:
        return reader.say("%(what)s in %(where)s", what=what, where=where)
    said = _listed([reader.quoted(word) for word in reason.words], reader)
    return reader.say("%(what)s in %(where)s, with %(words)s", what=what, where=where, words=said)


def _listed(parts: Sequence[str], reader: Reader) -> str:
    *most, last = parts
    together = reader.say("and")
    return f"{', '.join(most)} {together} {last}" if most else last


def _place(tree: Tree, region_id: int, language: str) -> str:
    labels = [node.label_in(language) for node in reversed(tree.path(region_id))]
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
    name, say = response.lead.vendor.name, reader.say
    if response.kind is Kind.OFFER:
        money = Money(response.price, response.currency) if response.price is not None and response.currency else None
        condition = _CONDITIONS[response.condition] if response.condition else ""
        parts = [
            money.text(reader.locale) if money else "",
            say(condition) if condition else "",
            say("good until %(day)s", day=reader.day(response.valid_until)) if response.valid_until else "",
        ]
        terms = ", ".join(part for part in parts if part)
        if not terms:
            return Said(say("%(name)s makes an offer.", name=name), response.body)
        return Said(say("%(name)s makes an offer: %(terms)s.", name=name, terms=terms), response.body)
    if response.kind is Kind.DECLINE:
        return Said(say(_DECLINES[response.decline_reason or DeclineReason.OTHER], name=name), response.body)
    if response.kind is Kind.QUESTION:
        return Said(say("%(name)s asks:", name=name), response.body)
    return Said(say("%(name)s writes:", name=name), response.body)
