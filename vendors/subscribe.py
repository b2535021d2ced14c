"""A vendor's standing orders: create, edit, pause, resume, end."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from intents.draft import Condition
from intents.models import Intent
from vendors.models import Subscription, SubscriptionWord, Vendor
from vrm.kernel import earth, rates, stems, taxonomy, text
from vrm.kernel.db import MomentType, is_code, new_code
from vrm.kernel.errors import BadInput, LimitReached, NotFound
from vrm.kernel.money import Money, check_currency
from vrm.kernel.sql import holds
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Tree

AT_MOST = 1_000  # Live subscriptions of one vendor.
TOO_MANY = f"A vendor can have {AT_MOST:,} subscriptions; one for a wider category covers many."
WORDS_AT_MOST = 20  # Required, and as many excluded.
_LONGEST = 80
_MANY = 1_000_000
_LOOKED_AT = 1_000  # Wants, to see which word is the rarest.
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(-[A-Za-z0-9]{2,8}){0,4}")


@dataclass(frozen=True, slots=True)
class Reach:
    """A circle instead of a region. Degrees; None: around the point of the region that is named."""

    radius_km: float
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a subscription asks for. A category and a region cover all that lies below them."""

    category_id: int
    region_id: int
    reach: Reach | None = None
    name: str = ""
    required: tuple[str, ...] = ()  # Words and phrases; a want must say all of them, and none of the excluded.
    excluded: tuple[str, ...] = ()
    words_in: str | None = None  # The language in which they are compared: en, de, fr or es; None: letter by letter.
    min_quantity: int | None = None
    lead_days: int | None = None  # Wants that are needed sooner are not told; wants that name no day are.
    language: str | None = None  # BCP 47, of which the country does not count. Wants that name none are told.
    min_budget: Money | None = None  # Wants that name a lower budget are not told; wants without one are.
    condition: Condition = Condition.ANY


def subscribe(session: Session, vendor: Vendor, order: Order, now: datetime) -> Subscription:
    """A new subscription; open wants that match it are found soon after. Raises BadInput, LimitReached."""
    live = session.scalar(
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
    )
    if (live or 0) >= AT_MOST:
        raise LimitReached(TOO_MANY)
    subscription = Subscription(code=new_code(), vendor_id=vendor.id, vendor=vendor, created_at=now)
    order = _check(session, order)
    _write(session, subscription, order, now)
    subscription.silent_at = _silent_with(session, vendor.id)
    session.add(subscription)
    session.flush()
    _write_words(session, subscription)
    return subscription


def subscribe_all(session: Session, vendor: Vendor, orders: Sequence[Order], now: datetime) -> list[Subscription]:
    """As many subscriptions, written together. The orders must have come from `checked`, and the limit been kept."""
    made = []
    for order in orders:
        subscription = Subscription(code=new_code(), vendor_id=vendor.id, vendor=vendor, created_at=now)
        with session.no_autoflush:
            _write(session, subscription, order, now)
        made.append(subscription)
    session.add_all(made)
    session.flush()
    rows = [row for subscription in made for row in _words_of(subscription)]
    if rows:
        session.execute(insert(SubscriptionWord), rows)
    return made


def checked(session: Session, order: Order) -> Order:
    """The order as it would be stored. BadInput with a sentence for every field that does not hold."""
    return _check(session, order)


def proposed(session: Session, vendor: Vendor, order: Order, now: datetime) -> Subscription:
    """What `subscribe` would make of this order, kept nowhere: to look at what it would bring. Raises BadInput."""
    subscription = Subscription(code="", vendor_id=vendor.id, created_at=now)
    _write(session, subscription, _check(session, order), now)
    return subscription


def cautions(order: Order, trees: Trees) -> tuple[str, ...]:
    """What a vendor should know of an order that is allowed, in sentences; mostly nothing."""
    found = []
    everything = order.category_id == trees.categories.root.id and order.region_id == trees.regions.root.id
    if everything and order.reach is None and not order.required:
        found.append("This is everything, everywhere: every want that is published comes to you.")
    floor = order.min_budget
    if floor is not None and floor.minor and floor.currency not in rates.known():
        found.append(
            f"There is no exchange rate for {floor.currency}: only budgets in {floor.currency} are held against yours, "
            "and wants with a budget in other money come whatever it is."
        )
    return tuple(found)


def edit(session: Session, subscription: Subscription, order: Order, now: datetime) -> None:
    """Change what a subscription asks for; it is held against open wants again. Raises BadInput."""
    order = _check(session, order)
    _lock(session, subscription)
    _write(session, subscription, order, now)
    session.flush()
    _write_words(session, subscription)


def pause(session: Session, subscription: Subscription, now: datetime) -> None:
    """No new leads through this subscription until `resume`."""
    _lock(session, subscription)
    subscription.paused_at = subscription.paused_at or now
    subscription.silent_at = subscription.silent_at or now
    session.flush()


def resume(session: Session, subscription: Subscription, now: datetime) -> None:
    """New leads again; what was published meanwhile and is still open comes too."""
    # The vendor first, as in pausing it: two who lock the same rows in another order wait for each other.
    of_vendor = _silent_with(session, subscription.vendor_id)
    _lock(session, subscription)
    if subscription.paused_at is not None:
        subscription.paused_at = None
        subscription.silent_at = subscription.ended_at or of_vendor
        subscription.changed_at = now
        subscription.backfilled_at = None
        session.flush()


def end(session: Session, subscription: Subscription, now: datetime) -> None:
    """Remove a subscription. Leads that it brought stay."""
    subscription.ended_at = subscription.ended_at or now
    subscription.silent_at = subscription.silent_at or now
    session.flush()


def silence(session: Session, vendor: Vendor) -> None:
    """Have this vendor's subscriptions say whether they listen, after the vendor was paused, resumed or closed."""
    session.flush()
    of_vendor = literal(vendor.paused_at or vendor.closed_at, MomentType())
    since = func.coalesce(Subscription.ended_at, Subscription.paused_at, of_vendor)
    session.execute(update(Subscription).where(Subscription.vendor_id == vendor.id).values(silent_at=since))


def by_code(session: Session, vendor: Vendor, code: str) -> Subscription:
    """A live subscription of this vendor; NotFound for any other."""
    theirs = select(Subscription).where(
        Subscription.vendor_id == vendor.id, Subscription.code == code, Subscription.ended_at.is_(None)
    )
    subscription = session.scalar(theirs) if is_code(code) else None
    if subscription is None:
        raise NotFound("There is no such subscription.")
    return subscription


def subscriptions_of(session: Session, vendor: Vendor) -> list[Subscription]:
    """The vendor's live subscriptions, oldest first."""
    return list(
        session.scalars(
            select(Subscription)
            .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
            .order_by(Subscription.id)
        )
    )


def order_of(subscription: Subscription) -> Order:
    """What the subscription asks for, in the shape in which it is edited."""
    floor = Money(subscription.min_budget, subscription.currency) if subscription.currency else None
    return Order(
        category_id=subscription.category_id,
        region_id=subscription.region_id,
        reach=Reach(subscription.reach_km, subscription.lat, subscription.lon) if subscription.reach_km else None,
        name=subscription.name,
        required=tuple(subscription.required),
        excluded=tuple(subscription.excluded),
        words_in=subscription.words_in,
        min_quantity=subscription.min_quantity,
        lead_days=subscription.lead_days,
        language=subscription.language,
        min_budget=floor,
        condition=subscription.condition,
    )


def _silent_with(session: Session, vendor_id: int) -> datetime | None:
    """Since when the whole vendor listens to nothing. It cannot be paused until this transaction ends.

    Whoever pauses it then sees the subscription that is being written.
    """
    since = select(func.coalesce(Vendor.paused_at, Vendor.closed_at)).where(Vendor.id == vendor_id)
    return session.scalar(since.with_for_update(read=True))


def _lock(session: Session, subscription: Subscription) -> None:
    # Backfilling sets `backfilled_at` of what it read; a change at the same instant has to come before or after it.
    session.flush()
    session.refresh(subscription, with_for_update={"of": Subscription})


def _check(session: Session, order: Order) -> Order:
    """The order as it would be stored, or BadInput with a sentence for every field that does not hold."""
    trees = taxonomy.trees(session)
    problems: dict[str, str] = {}
    clean: dict[str, Any] = {}
    checks: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("category_id", lambda: _standing(trees.categories, order.category_id, "category")),
        ("region_id", lambda: _standing(trees.regions, order.region_id, "region")),
        ("reach", lambda: _reach(order, trees.regions)),
        ("name", lambda: text.line(order.name, field="name", label="The name", most=100, least=0)),
        ("min_budget", lambda: _floor(order.min_budget)),
        ("required", lambda: _words(order.required, "required")),
        ("excluded", lambda: _words(order.excluded, "excluded")),
        ("words_in", lambda: _language(order.words_in, "words_in")),
        ("min_quantity", lambda: _at_least_one(order.min_quantity, "min_quantity", "The quantity", _MANY)),
        ("lead_days", lambda: _at_least_one(order.lead_days, "lead_days", "The days", 365)),
        ("language", lambda: _language(order.language, "language")),
    )
    for field, make in checks:
        try:
            clean[field] = make()
        except BadInput as error:
            problems |= error.problems
    wanted = {stems.needle(word, clean.get("words_in")) for word in clean.get("required", ())}
    both = [word for word in clean.get("excluded", ()) if stems.needle(word, clean.get("words_in")) in wanted]
    if both:
        problems["excluded"] = f"“{both[0]}” is required and excluded, so nothing would ever come; take one away."
    if problems:
        raise BadInput(problems)
    return replace(order, **clean)


def _standing(tree: Tree, node_id: int, field: str) -> int:
    """The node that stands for this one today."""
    if node_id not in tree:
        raise BadInput({field: f"There is no such {field}; please choose one from the list."})
    return tree.current(node_id).id


def _reach(order: Order, regions: Tree) -> Reach | None:
    reach = order.reach
    if reach is None:
        return None
    if not 1 <= reach.radius_km <= earth.FARTHEST_KM:
        raise BadInput(
            {
                "near/radius_km": f"Say 1 to {earth.FARTHEST_KM:,} km; for a place alone leave the kilometres out, for "
                "farther name a region, such as England or Europe."
            }
        )
    if (reach.lat is None) != (reach.lon is None):
        raise BadInput({"near/lat": "Give both lat and lon, or neither to go from the region's own point."})
    if reach.lat is None or reach.lon is None:
        spot = regions.spot(order.region_id) if order.region_id in regions else None
        if spot is None or spot.slack_km < 0:
            raise BadInput({"region": "Name a city to draw a circle around; this region has no one middle."})
    elif not (-90 <= reach.lat <= 90 and -180 <= reach.lon <= 180):
        raise BadInput({"near/lat": "A point is degrees of latitude and longitude, such as 53.8 and -1.55."})
    return reach


def _floor(floor: Money | None) -> Money | None:
    if floor is None or floor.minor == 0:
        return None
    if not 0 < floor.minor < 10**15:
        raise BadInput({"min_budget": "A budget cannot be negative or larger than a country's; write it in digits."})
    return replace(floor, currency=check_currency(floor.currency))


def _words(words: Sequence[str], field: str) -> tuple[str, ...]:
    """As they are kept: one line each, no two alike."""
    kept: dict[str, str] = {}
    for word in words:
        line = text.line(word, field=field, label=f"“{word[:20]}”", most=_LONGEST, least=0)
        if line and not stems.words_of(line):
            raise BadInput({field: f"“{line}” has no letter or digit to look for; please take it away."})
        if line:
            kept.setdefault(line.casefold(), line)
    if len(kept) > WORDS_AT_MOST:
        raise BadInput(
            {field: f"That is {len(kept)} words or phrases; use at most {WORDS_AT_MOST}, or more subscriptions."}
        )
    return tuple(kept.values())


def _language(tag: str | None, field: str) -> str | None:
    if tag is None or not tag.strip():
        return None
    written = _LANGUAGE.fullmatch(tag.strip())
    if written is None:
        raise BadInput({field: "Write the language as a tag, such as en or de."})
    return written[1].lower()


def _at_least_one(number: int | None, field: str, label: str, most: int) -> int | None:
    if number is not None and not 1 <= number <= most:
        raise BadInput({field: f"{label} must be between 1 and {most:,}; leave it out for any."})
    return number


def _write(session: Session, subscription: Subscription, order: Order, now: datetime) -> None:
    subscription.name = order.name
    subscription.category_id = order.category_id
    subscription.region_id = order.region_id
    _write_reach(subscription, order, taxonomy.trees(session).regions)
    subscription.min_budget = order.min_budget.minor if order.min_budget else 0
    subscription.currency = order.min_budget.currency if order.min_budget else None
    subscription.condition = Condition(order.condition)
    subscription.required = list(order.required)
    subscription.excluded = list(order.excluded)
    subscription.words_in = order.words_in if order.required or order.excluded else None
    rarest = _rarest(session, order)
    subscription.anchor = stems.anchor(rarest, order.words_in) if rarest is not None else None
    subscription.has_words = bool(order.excluded) or len(order.required) > 1 or _is_phrase(order.required)
    subscription.min_quantity = order.min_quantity
    subscription.lead_days = order.lead_days
    subscription.language = order.language
    subscription.changed_at = now
    subscription.backfilled_at = None


def _write_reach(subscription: Subscription, order: Order, regions: Tree) -> None:
    reach, centre = order.reach, None
    if reach is not None and reach.lat is not None and reach.lon is not None:
        centre = earth.point(reach.lat, reach.lon)
    elif reach is not None:
        spot = regions.spot(order.region_id)
        centre = spot.point if spot is not None else None
    subscription.reach_km = reach.radius_km if reach is not None else None
    subscription.lat, subscription.lon = (reach.lat, reach.lon) if reach is not None else (None, None)
    subscription.x, subscription.y, subscription.z = centre if centre is not None else (None, None, None)
    subscription.place = order.region_id
    if centre is not None and reach is not None:
        subscription.place = earth.cell_of(centre, reach.radius_km)


def _rarest(session: Session, order: Order) -> str | None:
    """Of the words that a want must say, the one that the fewest of the newest wants do."""
    words = list(dict.fromkeys(word for phrase in order.required for word in stems.words_of(phrase)))
    if len(words) < 2:
        return words[0] if words else None
    newest = select(Intent.said).where(Intent.opened_at.is_not(None)).order_by(Intent.opened_at.desc())
    looked_at = newest.limit(_LOOKED_AT).subquery()
    sought = (stems.needle(word, order.words_in) for word in words)
    counts = session.execute(select(*(func.count(case((holds(looked_at.c.said, each), 1))) for each in sought))).one()
    return min(zip(words, counts, strict=True), key=lambda found: (found[1], -len(found[0])))[0]


def _is_phrase(required: Sequence[str]) -> bool:
    return any(len(stems.words_of(phrase)) > 1 for phrase in required)


def needles(subscription: Subscription) -> list[tuple[str, bool]]:
    """What a want is looked through for, and whether that excludes it."""
    return [
        (stems.needle(phrase, subscription.words_in), excluded)
        for phrases, excluded in ((subscription.required, False), (subscription.excluded, True))
        for phrase in phrases
    ]


def _write_words(session: Session, subscription: Subscription) -> None:
    session.execute(delete(SubscriptionWord).where(SubscriptionWord.subscription_id == subscription.id))
    rows = _words_of(subscription)
    if rows:
        session.execute(insert(SubscriptionWord), rows)


def _words_of(subscription: Subscription) -> list[dict[str, Any]]:
    if not subscription.has_words:
        return []
    return [
        {"subscription_id": subscription.id, "needle": needle, "excluded": excluded}
        for needle, excluded in dict(needles(subscription)).items()
    ]
