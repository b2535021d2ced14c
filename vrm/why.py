"""A want that anybody may see, and a vendor → why the vendor was told of it or not, in the vendor's words.

Nothing is said here that the want's own page does not say, but for what the vendor itself has set.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents.draft import Visibility
from intents.models import Intent
from vendors.leads import Standing, reasons_of, standing
from vendors.models import Block, Lead, Membership, Subscription, Vendor, Withheld
from vrm import rule, turns
from vrm.kernel import taxonomy
from vrm.kernel.errors import NotFound
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.misses import vendors

_STANDINGS = {
    Standing.ANSWERED: "You were told of it, and have answered.",
    Standing.SEEN: "You were told of it, and somebody of yours has read it.",
    Standing.UNSEEN: "You were told of it: the message was delivered.",
    Standing.ON_ITS_WAY: "It matches; its message to you is on its way.",
    Standing.UNDELIVERED: "It matches, but we could not reach you: look at how you are told. It is in your inbox.",
}


def why_us(session: Session, intent: Intent, vendor: Vendor, *, language: str = "en") -> tuple[str, ...]:
    """Why this vendor has, or has not, got the want. NotFound for a want that it could not see anyway.

    The sentences are English; categories and regions in them are called as in `language`.
    """
    lead = session.get(Lead, (intent.id, vendor.id))
    was_told = lead is not None and lead.withheld is None
    if not was_told and (intent.opened_at is None or intent.visibility is not Visibility.PUBLIC):
        raise NotFound("There is no such want, or it is not a public one.")
    trees = taxonomy.trees(session).read_in(language)
    if lead is not None and was_told:
        return (_STANDINGS[standing(lead)], *_because(lead, trees))
    if intent.closed_at is not None:
        return ("This want is over; nobody new is told of it.",)
    if lead is not None and lead.withheld is Withheld.CAP and lead.unmatched_at is None:
        before = turns.before(session, lead) if lead.turn else 0
        ahead = f"{vendors(before)} {'waits' if before == 1 else 'wait'} before you" if before else "you are the next"
        return (
            f"It matches, and waits: its customer tells a few vendors at a time, and {ahead}.",
            *_because(lead, trees),
        )
    return tuple(_why_not(session, intent, vendor, trees))


def _because(lead: Lead, trees: Trees) -> list[str]:
    return [f"You listen to {reason.text(trees)}." for reason in reasons_of(lead.reasons)]


def _why_not(session: Session, intent: Intent, vendor: Vendor, trees: Trees) -> list[str]:
    subscriptions = session.scalars(
        select(Subscription)
        .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
    ).all()
    if not subscriptions:
        return ["You do not listen for anything yet."]
    found = ["You take a break: no new want comes."] if vendor.paused_at is not None else []
    for subscription in subscriptions:
        stops = rule.stops(subscription, intent, trees)
        name = f"{trees.what(subscription.category_id)} in {trees.where(subscription.region_id)}"
        if stops:
            why = " and ".join(_stop(stop.value, subscription, intent, trees) for stop in stops)
            found.append(f"“{subscription.name or name}” does not match: {why}.")
        elif not found:
            found.append(
                _kept_back(session, intent, vendor) or f"“{subscription.name or name}” matches; look again soon."
            )
    return found


def _kept_back(session: Session, intent: Intent, vendor: Vendor) -> str | None:
    # One sentence for both, so that nobody learns who wrote a want or who blocked whom.
    own = session.get(Membership, (vendor.id, intent.account_id)) is not None
    blocked = session.get(Block, (intent.account_id, vendor.id)) is not None
    if own or blocked:
        return "It matches, but is kept from you: it is of one of your own people, or of somebody who blocked you."
    return None


def _stop(stop: str, subscription: Subscription, intent: Intent, trees: Trees) -> str:
    """What stands in the way, by the value of a `rule.Stop`."""
    where = trees.where(intent.region_id) if intent.region_id is not None else "no place yet"
    sentences = {
        "category": f"the want is in {trees.what(intent.category_id)}" if intent.category_id else "",
        "region": f"it is wanted in {where}",
        "distance": f"{where} is farther than you come",
        "budget": f"its budget is below {Money(subscription.min_budget, subscription.currency or 'GBP').text()}",
        "condition": f"{intent.condition.value} goods are wanted",
        "words": "it does not say the words that you listen for",
        "excluded": "it says a word that you leave out",
        "quantity": f"{intent.quantity:,} are wanted",
        "lead-time": "it is needed sooner than you can",
        "language": "it is written in another language",
        "paused": "you have paused it",
        "reserved": "it is not public",
    }
    return sentences[stop]
