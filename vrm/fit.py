"""Answers to leads → how well each subscription fits its vendor, and what would make it fit better."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents.models import Intent
from vendors import subscribe
from vendors.models import MISFITS, Actor, DeclineReason, Kind, Lead, Response, Subscription, Vendor
from vendors.subscribe import Order
from vrm import rule
from vrm.kernel import taxonomy
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Tree

_AT_LEAST = 3  # Declines for one reason before anything is proposed.
_LOOKED_AT = 1_000  # The newest answered leads of a vendor.


@dataclass(frozen=True, slots=True)
class Judged:
    """One want with the vendor's judgement: `because` is None when it fitted, else why it should not have come."""

    intent: Intent
    because: DeclineReason | None


@dataclass(frozen=True, slots=True)
class Fit:
    """How the wants of one subscription were judged. Those without a judgement are in neither figure."""

    fits: int = 0
    misfits: Mapping[DeclineReason, int] = field(default_factory=dict)

    @property
    def judged(self) -> int:
        return self.fits + sum(self.misfits.values())


def judgement(answers: Iterable[tuple[Kind, DeclineReason | None]]) -> DeclineReason | bool | None:
    """What a person's answers to one lead say: True is that it fits, a reason that it should not have come.

    None is no judgement. Whoever offers or asks after a decline has taken it up after all.
    """
    because: DeclineReason | None = None
    for kind, reason in answers:
        if kind is not Kind.DECLINE or reason is DeclineReason.STOCK:
            return True
        if reason in MISFITS:
            because = reason
    return because


def judged(session: Session, vendor: Vendor) -> dict[int, list[Judged]]:
    """By subscription: the judged ones of the newest wants that it brought."""
    leads = (
        select(Lead.intent_id, Lead.reasons)
        .where(Lead.vendor_id == vendor.id, Lead.responded_at.is_not(None))
        .order_by(Lead.intent_id.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    said: dict[int, list[tuple[Kind, DeclineReason | None]]] = defaultdict(list)
    brought_by: dict[int, Sequence[Sequence[int]]] = {}
    answers = select(leads.c.intent_id, leads.c.reasons, Response.kind, Response.decline_reason).join(
        Response,
        (Response.intent_id == leads.c.intent_id) & (Response.vendor_id == vendor.id) & (Response.actor == Actor.HUMAN),
    )
    for intent_id, reasons, kind, reason in session.execute(answers.order_by(Response.id)):
        said[intent_id].append((kind, reason))
        brought_by[intent_id] = reasons
    intents = {intent.id: intent for intent in session.scalars(select(Intent).where(Intent.id.in_(list(said))))}
    found: dict[int, list[Judged]] = defaultdict(list)
    for intent_id, answers_ in said.items():
        verdict = judgement(answers_)
        if verdict is not None:
            because = verdict if isinstance(verdict, DeclineReason) else None
            for subscription_id, *_ in brought_by[intent_id]:
                found[subscription_id].append(Judged(intents[intent_id], because))
    return found


def still_covered(subscription: Subscription, wants: Iterable[Judged], trees: Trees) -> list[Judged]:
    """Those that the subscription, as it is now, would bring again: what a change has cured counts no longer."""
    away = {rule.Stop.PAUSED}
    return [want for want in wants if not set(rule.stops(subscription, want.intent, trees)) - away]


def fit_of(wants: Iterable[Judged]) -> Fit:
    """The figure."""
    counts = Counter(want.because for want in wants)
    fits = counts.pop(None, 0)
    return Fit(fits, {reason: counts[reason] for reason in DeclineReason if counts[reason]})


# --- Making it fit --------------------------------------------------------------------------------


class What(StrEnum):
    """What of a subscription a proposal makes narrower."""

    REGION = "region"
    CATEGORY = "category"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A narrower order that keeps every want that fitted, and spares so many that did not."""

    what: What
    order: Order
    spares: int
    of: int  # Declines for this reason.

    def value(self, trees: Trees) -> str:
        """What it narrows to, for programs and to see whether it is still the same: a slug, or an amount."""
        if self.what is What.REGION:
            return trees.regions.node(self.order.region_id).slug
        if self.what is What.CATEGORY:
            return trees.categories.node(self.order.category_id).slug
        floor = self.order.min_budget
        return f"{floor.amount} {floor.currency}" if floor is not None else ""


def proposals(subscription: Subscription, wants: Sequence[Judged], trees: Trees) -> list[Proposal]:
    """What one press could make narrower, the most telling first; nothing that would have lost a want that fitted."""
    order = subscribe.order_of(subscription)
    fitted = [want.intent for want in wants if want.because is None]
    made = [
        _narrower_place(order, fitted, _declined(wants, DeclineReason.REGION), trees.regions, What.REGION),
        _narrower_place(order, fitted, _declined(wants, DeclineReason.CATEGORY), trees.categories, What.CATEGORY),
        _floor(order, fitted, _declined(wants, DeclineReason.BUDGET)),
    ]
    return sorted((proposal for proposal in made if proposal is not None), key=lambda proposal: -proposal.spares)


def _declined(wants: Iterable[Judged], because: DeclineReason) -> list[Intent]:
    return [want.intent for want in wants if want.because is because]


def _narrower_place(
    order: Order, fitted: Sequence[Intent], declined: Sequence[Intent], tree: Tree, what: What
) -> Proposal | None:
    """The lowest node that covers everything that fitted, when it leaves out some of what was declined."""
    name = f"{what}_id"
    places = [getattr(intent, name) for intent in fitted]
    # A circle has its own way of being narrower, and no region that would take its place.
    circle = what is What.REGION and order.reach is not None
    if len(declined) < _AT_LEAST or not places or circle:
        return None
    common = _lowest_common(tree, places)
    if common == getattr(order, name) or not tree.covers(getattr(order, name), common):
        return None
    spares = sum(not tree.covers(common, getattr(intent, name)) for intent in declined)
    narrower = replace(order, region_id=common) if what is What.REGION else replace(order, category_id=common)
    return Proposal(what, narrower, spares, len(declined)) if spares else None


def _lowest_common(tree: Tree, ids: Sequence[int]) -> int:
    paths = [[node.id for node in tree.path(id_)] for id_ in ids]
    common = tree.root.id
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        common = steps[0]
    return common


def _floor(order: Order, fitted: Sequence[Intent], declined: Sequence[Intent]) -> Proposal | None:
    """The lowest budget that fitted, or the lowest round sum above those that were declined when none named one."""
    budgets = [(intent.currency, intent.budget_max) for intent in declined if intent.budget_max is not None]
    if len(budgets) < _AT_LEAST:
        return None
    currency = Counter(currency for currency, _ in budgets).most_common(1)[0][0]
    if currency is None or (order.min_budget is not None and order.min_budget.currency != currency):
        return None
    low = [minor for of, minor in budgets if of == currency]
    good = [intent.budget_max for intent in fitted if intent.currency == currency and intent.budget_max is not None]
    floor = min(good) if good else _round_above(max(low))
    spares = sum(minor < floor for minor in low)
    if not spares or (order.min_budget is not None and floor <= order.min_budget.minor):
        return None
    return Proposal(What.BUDGET, replace(order, min_budget=Money(floor, currency)), spares, len(declined))


def _round_above(minor: int) -> int:
    """The next sum of one digit and zeros: 8,431 → 9,000."""
    step: int = 10 ** (len(str(minor)) - 1)
    return (minor // step + 1) * step


# --- Of one vendor, for its pages -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What a vendor is shown beside a subscription."""

    fit: Fit
    proposals: Sequence[Proposal]


def standings(session: Session, vendor: Vendor, subscriptions: Iterable[Subscription]) -> dict[int, Standing]:
    """By subscription, for those that brought anything that was judged."""
    trees = taxonomy.trees(session)
    of = judged(session, vendor)
    found = {}
    for subscription in subscriptions:
        wants = still_covered(subscription, of.get(subscription.id, ()), trees)
        if wants:
            found[subscription.id] = Standing(fit_of(wants), proposals(subscription, wants, trees))
    return found
