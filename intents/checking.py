"""What a want may say: each field checked, with a sentence where one does not hold."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from intents.draft import NEAR_AT_MOST_KM, Budget, IntentDraft
from vrm.kernel import earth, taxonomy, text
from vrm.kernel.errors import BadInput
from vrm.kernel.money import check_currency
from vrm.kernel.tree import Tree

LASTS_AT_MOST = timedelta(days=366)
TELL_AT_MOST = 1_000
PATIENCE_AT_MOST_H = 720
_NEEDED_AT_MOST = timedelta(days=5 * 366)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")


def check(session: Session, draft: IntentDraft, now: datetime) -> IntentDraft:
    """The draft as it would be stored, or BadInput with a sentence for every field that does not hold."""
    problems: dict[str, str] = {}

    def one_line(value: str) -> str:
        return text.line(value, field="title", label="The title", most=200)

    clean: dict[str, Any] = {}
    for field, make in (
        ("title", lambda: one_line(draft.title)),
        ("body", lambda: text.prose(draft.body, field="body", label="The description", most=20_000)),
        ("terms", lambda: text.prose(draft.terms, field="terms", label="The text of the terms", most=4_000)),
        ("budget", lambda: _budget(draft.budget)),
        ("region_id", lambda: _region(session, draft)),
        ("category_id", lambda: _standing(taxonomy.trees(session).categories, draft.category_id, "category")),
    ):
        try:
            clean[field] = make()
        except BadInput as error:
            problems |= error.problems
    problems |= _check_times(draft, now) | _check_cap(draft)
    if not 1 <= draft.quantity <= 1_000_000:
        problems["quantity"] = "The quantity must be between 1 and 1,000,000."
    if draft.language is not None and not _LANGUAGE.fullmatch(draft.language):
        problems["language"] = "Write the language as a tag, such as en or de-CH."
    if problems:
        raise BadInput(problems)
    return replace(draft, **clean)


def _region(session: Session, draft: IntentDraft) -> int | None:
    """The region, or the nearest city when only a point was given. BadInput when the two do not make a circle."""
    regions = taxonomy.trees(session).regions
    region_id = _standing(regions, draft.region_id, "region")
    near = draft.near
    if near is None:
        return region_id
    if not 1 <= near.radius_km <= NEAR_AT_MOST_KM:
        raise BadInput(
            {
                "near/radius_km": f"Say 1 to {NEAR_AT_MOST_KM} km; for a place alone leave the kilometres out, for "
                "farther name a region, such as England or Europe."
            }
        )
    if near.lat is None or near.lon is None:
        if near.lat is not None or near.lon is not None:
            raise BadInput({"near/lat": "Give both lat and lon, or neither to go from the region's own point."})
        spot = regions.spot(region_id) if region_id is not None else None
        if spot is None or spot.slack_km < 0:
            raise BadInput({"region": "Name a city to go so far around; this region has no one middle."})
        return region_id
    if not (-90 <= near.lat <= 90 and -180 <= near.lon <= 180):
        raise BadInput({"near/lat": "A point is degrees of latitude and longitude, such as 53.8 and -1.55."})
    nearest = regions.nearest(earth.point(near.lat, near.lon)) if region_id is None else None
    return nearest.id if nearest is not None else region_id


def _standing(tree: Tree, node_id: int | None, field: str) -> int | None:
    """The node that stands for this one today; BadInput when there is none."""
    if node_id is None:
        return None
    if node_id not in tree:
        raise BadInput({field: f"There is no such {field}; please choose one from the list."})
    return tree.current(node_id).id


def _check_times(draft: IntentDraft, now: datetime) -> dict[str, str]:
    problems: dict[str, str] = {}
    if draft.needed_by is not None:
        if is_over(draft.needed_by, now):
            problems["needed_by"] = f"{draft.needed_by:%d %B %Y} is over; please choose a day to come."
        elif draft.needed_by > (now + _NEEDED_AT_MOST).date():
            problems["needed_by"] = "That is more than five years ahead; please choose an earlier day."
    if draft.expires_at is not None:
        if draft.expires_at.tzinfo is None:
            problems["expires_at"] = "The time lacks its zone; write it such as 2027-06-30T12:00:00Z."
        elif draft.expires_at <= now:
            problems["expires_at"] = "The want would end before it began; please choose a later time."
        elif draft.expires_at > now + LASTS_AT_MOST:
            problems["expires_at"] = "A want stays open for a year at most; please choose an earlier time."
    return problems


def _check_cap(draft: IntentDraft) -> dict[str, str]:
    problems: dict[str, str] = {}
    if draft.tell_at_most is not None and not 1 <= draft.tell_at_most <= TELL_AT_MOST:
        problems["tell_at_most"] = f"Tell 1 to {TELL_AT_MOST:,} vendors at a time, or leave it out to tell all."
    if draft.patience_h is not None and not 1 <= draft.patience_h <= PATIENCE_AT_MOST_H:
        problems["patience_h"] = f"Wait 1 to {PATIENCE_AT_MOST_H} hours for an answer, or leave it out."
    elif draft.patience_h is not None and draft.tell_at_most is None:
        problems["patience_h"] = "Without a number of vendors to tell at a time nobody waits; say that number, too."
    return problems


def is_over(day: date, now: datetime) -> bool:
    """Whether a day is over everywhere on earth."""
    # A day is over when it is over everywhere, 12 hours after it is over at Greenwich.
    return day < (now - timedelta(hours=12)).date()


def _budget(budget: Budget | None) -> Budget | None:
    if budget is None or (budget.min_minor is None and budget.max_minor is None):
        return None
    for minor in (budget.min_minor, budget.max_minor):
        if minor is not None and not 0 <= minor < 10**15:
            raise BadInput({"budget": "A budget cannot be negative or larger than a country's; write it in digits."})
    if budget.min_minor is not None and budget.max_minor is not None and budget.min_minor > budget.max_minor:
        raise BadInput({"budget": "The lower end of the budget is above its upper end; please swap them."})
    return replace(budget, currency=check_currency(budget.currency, field="currency"))
