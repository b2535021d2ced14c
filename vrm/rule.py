"""One subscription and one intent → what keeps the one from the other: the rule of `match`, in Python."""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from intents.draft import Condition
from intents.models import Intent
from vendors.models import Subscription
from vendors.subscribe import needles
from vrm.kernel import earth, rates, stems
from vrm.kernel.earth import Point
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Spot


class Stop(StrEnum):
    """What keeps a subscription from an intent."""

    CATEGORY = "category"
    REGION = "region"
    DISTANCE = "distance"
    WORDS = "words"
    EXCLUDED = "excluded"
    BUDGET = "budget"
    CONDITION = "condition"
    QUANTITY = "quantity"
    LEAD_TIME = "lead-time"
    LANGUAGE = "language"
    PAUSED = "paused"
    RESERVED = "reserved"


def stops(subscription: Subscription, intent: Intent, trees: Trees, *, now: datetime | None = None) -> list[Stop]:
    """Everything about this subscription that keeps it from this intent; empty when it matches.

    Whether there is time enough is seen from `now`, or from when the intent was opened.
    """
    seen_from = now or intent.opened_at
    days = (intent.needed_by - seen_from.date()).days if intent.needed_by and seen_from else None
    text, sought = said(intent.title, intent.body), needles(subscription)
    spoken = language(intent)
    passes = {
        Stop.CATEGORY: intent.category_id is not None
        and trees.categories.covers(subscription.category_id, intent.category_id),
        Stop.REGION: subscription.reach_km is not None or subscription.region_id in above(intent, trees),
        Stop.DISTANCE: subscription.reach_km is None or _is_reached(subscription, intent, trees),
        Stop.WORDS: all(needle in text for needle, excluded in sought if not excluded),
        Stop.EXCLUDED: not any(needle in text for needle, excluded in sought if excluded),
        Stop.BUDGET: subscription.currency is None
        or intent.budget_max is None
        or rates.reaches(intent.budget_max, intent.currency or "", subscription.min_budget, subscription.currency),
        Stop.CONDITION: Condition.ANY in (subscription.condition, intent.condition)
        or subscription.condition == intent.condition,
        Stop.QUANTITY: (subscription.min_quantity or 1) <= intent.quantity,
        Stop.LEAD_TIME: days is None or (subscription.lead_days or days) <= days,
        Stop.LANGUAGE: subscription.language is None or spoken is None or subscription.language == spoken,
        Stop.PAUSED: subscription.paused_at is None,
        Stop.RESERVED: intent.canary_for in (None, subscription.vendor_id),
    }
    return [stop for stop, lets_pass in passes.items() if not lets_pass]


def spot_of(intent: Intent, trees: Trees) -> Spot | None:
    """Where it is wanted, for circles: around the intent's own point, or at its region's."""
    if intent.near_x is not None and intent.near_y is not None and intent.near_z is not None:
        return Spot(Point(intent.near_x, intent.near_y, intent.near_z), intent.near_km or 0)
    return trees.regions.spot(intent.region_id) if intent.region_id is not None else None


def _is_reached(subscription: Subscription, intent: Intent, trees: Trees) -> bool:
    spot = spot_of(intent, trees)
    if spot is None or subscription.reach_km is None:
        return False
    return earth.within(centre(subscription), spot.point, subscription.reach_km + spot.slack_km)


def centre(subscription: Subscription) -> Point:
    """Of its circle; only of one that has a circle."""
    if subscription.x is None or subscription.y is None or subscription.z is None:
        raise ValueError(f"Subscription {subscription.code} has no centre.")
    return Point(subscription.x, subscription.y, subscription.z)


def above(intent: Intent, trees: Trees) -> list[int]:
    """Every region that covers where it is wanted."""
    ids = [] if intent.region_id is None else [intent.region_id]
    if intent.near_km is not None:
        ids += [place.region_id for place in intent.places]
    return list(dict.fromkeys(upper for id_ in ids for upper in trees.regions.ancestors(id_)))


def language(intent: Intent) -> str | None:
    """In which it is written, without a country."""
    return intent.language.partition("-")[0].lower() if intent.language else None


# Of one intent it is asked for each subscription that may fit.
said = lru_cache(maxsize=16)(stems.said)
