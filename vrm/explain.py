"""Why an intent reached nobody, or not this vendor, in sentences that a customer understands."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents.models import Intent
from vendors.leads import Standing, reasons_of, standing, told_count
from vendors.models import Block, Lead, Membership, Subscription, Vendor, Withheld
from vrm import rule
from vrm.kernel import earth, taxonomy
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.misses import near_misses, vendors, verb


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about who was told, most telling first."""

    told: int  # Vendors.
    sentences: tuple[str, ...]


_STANDINGS = {
    Standing.ANSWERED: "It was told, and has answered.",
    Standing.SEEN: "It was told and has read it, but has not answered.",
    Standing.UNSEEN: "The message was delivered, but nothing shows that anybody has read it.",
    Standing.ON_ITS_WAY: "Its message is on its way.",
    Standing.UNDELIVERED: "It matches, but could not be reached.",
}
_WITHHELD = {
    Withheld.BLOCKED: "It matches, but is not told, because you blocked it.",
    Withheld.CAP: "It matches and waits for its turn, because you tell a few vendors at a time.",
    Withheld.CHANGED: "It matched until you changed the want, which was before it was told.",
}


def explain(session: Session, intent: Intent, *, language: str = "en") -> Explanation:
    """Who was told, and when that is nobody, what came nearest and what stood in the way.

    The sentences are English; categories and regions in them are called as in `language`.
    """
    told = told_count(session, intent)
    before = _not_yet(intent)
    if before is not None:
        return Explanation(told, (before,))
    if told:
        return Explanation(told, (f"{vendors(told)} {verb(told, 'was', 'were')} told.",))
    return Explanation(0, tuple(near_misses(session, intent, taxonomy.trees(session).read_in(language))))


def explain_vendor(session: Session, intent: Intent, vendor: Vendor, *, language: str = "en") -> Explanation:
    """Why this vendor was, or was not, told of this intent; `language` as above."""
    trees = taxonomy.trees(session).read_in(language)
    told = told_count(session, intent)
    lead = session.get(Lead, (intent.id, vendor.id))
    if lead is not None:
        where = _WITHHELD[lead.withheld] if lead.withheld is not None else _STANDINGS[standing(lead)]
        return Explanation(told, (where, *_reasons(lead, trees)))
    return Explanation(told, tuple(_why_not(session, intent, vendor, trees)))


def _not_yet(intent: Intent) -> str | None:
    if intent.state == "draft":
        return "This want is a draft; vendors hear of it when it is published."
    if intent.routed_at is None and intent.state == "open":
        return "The broker is just now looking for vendors; look again in a moment."
    return None


def _reasons(lead: Lead, trees: Trees) -> list[str]:
    return [f"It listens to {reason.text(trees)}." for reason in reasons_of(lead.reasons)]


def _why_not(session: Session, intent: Intent, vendor: Vendor, trees: Trees) -> list[str]:
    before = _not_yet(intent)
    if before is not None:
        return [before]
    if vendor.closed_at is not None:
        return ["This vendor has closed its account here."]
    if session.get(Membership, (vendor.id, intent.account_id)) is not None:
        return ["You belong to this vendor yourself; vendors do not hear of their own members' wants."]
    if session.get(Block, (intent.account_id, vendor.id)) is not None:
        return ["You have blocked this vendor."]
    found = ["This vendor takes no new wants at the moment."] if vendor.paused_at is not None else []
    subscriptions = session.scalars(
        select(Subscription)
        .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
    ).all()
    if not subscriptions:
        found.append("This vendor has no subscription yet.")
    for subscription in subscriptions:
        stops = rule.stops(subscription, intent, trees)
        name = f"{trees.what(subscription.category_id)} in {trees.where(subscription.region_id)}"
        if stops:
            why = " and ".join(_stop(stop, subscription, intent, trees) for stop in stops)
            found.append(f"Its subscription “{name}” does not match: {why}.")
        elif not found:
            found.append(f"Its subscription “{name}” matches and is new; it will be told in a moment.")
    return found


def _stop(stop: rule.Stop, subscription: Subscription, intent: Intent, trees: Trees) -> str:
    match stop:
        case rule.Stop.CATEGORY:
            why = f"your want is in {_what(intent, trees)}"
        case rule.Stop.REGION:
            why = f"your want is in {_where(intent, trees)}"
        case rule.Stop.BUDGET:
            floor = Money(subscription.min_budget, subscription.currency or "GBP").text()
            why = f"it takes budgets from {floor} upwards"
        case rule.Stop.CONDITION:
            why = f"it sells {subscription.condition.value} goods only"
        case rule.Stop.DISTANCE:
            why = _too_far(subscription, intent, trees)
        case rule.Stop.WORDS:
            why = f"it listens for {_quoted(subscription.required, 'and')} only"
        case rule.Stop.EXCLUDED:
            why = f"it leaves out wants that say {_quoted(subscription.excluded, 'or')}"
        case rule.Stop.QUANTITY:
            why = f"it takes orders of {subscription.min_quantity:,} or more"
        case rule.Stop.LEAD_TIME:
            days = "a day" if subscription.lead_days == 1 else f"{subscription.lead_days} days"
            why = f"it needs {days}, and your want is needed sooner"
        case rule.Stop.LANGUAGE:
            why = f"it takes wants written in “{subscription.language}” only"
        case rule.Stop.PAUSED:
            why = "it is paused"
        case rule.Stop.RESERVED:
            why = "this is a marked want, made for one other vendor"
    return why


def _too_far(subscription: Subscription, intent: Intent, trees: Trees) -> str:
    reach = f"it serves {subscription.reach_km:g} km around its place"
    spot = rule.spot_of(intent, trees)
    if spot is None or subscription.x is None or subscription.y is None or subscription.z is None:
        return f"{reach}, and {_where(intent, trees)} has no place to measure from"
    far = earth.apart_km(earth.Point(subscription.x, subscription.y, subscription.z), spot.point)
    if spot.slack_km < 0:
        return f"{reach}, which is not all of {_where(intent, trees)}"
    return f"{reach}, which is {far:,.0f} km away"


def _quoted(words: list[str], last: str) -> str:
    *most, final = (f"“{word}”" for word in words)
    return f"{', '.join(most)} {last} {final}" if most else final


def _what(intent: Intent, trees: Trees) -> str:
    return trees.what(intent.category_id) if intent.category_id is not None else "nothing yet"


def _where(intent: Intent, trees: Trees) -> str:
    return trees.where(intent.region_id) if intent.region_id is not None else "no place yet"
