"""A sentence → the fields of the form of a want, and a chip for each thing that was understood of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from babel.core import get_global
from flask import request

from intents.draft import Budget
from intents.lexicon import lexicon
from intents.places import Place
from intents.understand import MOST_CHARACTERS, Understanding, understand
from vrm.kernel.errors import Candidate
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.kernel.text import without_controls
from vrm.kernel.tree import Tree
from vrm.web.desk import desk, now
from vrm.web.typed import preset_node
from vrm.web.warming import senses_at_hand
from vrm.web.words import CONDITIONS, _, budget, day, later, locale, number

_TITLE = 200
_WORTH_ASKING = 0.3  # Of the confidence of the likeliest: what is less likely is not offered.
_PER = {
    "hour": later("an hour"), "day": later("a day"), "week": later("a week"), "month": later("a month"),
    "year": later("a year"), "night": later("a night"), "person": later("for each person"), "piece": later("for each"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that was understood: what it says in which field, and whether that needs a look."""

    field: str
    label: str
    text: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of `said`: fields of the form, what else a node may be, chips; and what says nothing."""

    said: str
    found: Understanding
    fields: dict[str, str]
    candidates: dict[str, Sequence[Candidate]]
    chips: tuple[Chip, ...]
    left_over: tuple[str, ...]


def read(said: str, trees: Trees) -> Reading:
    """Understand a sentence for the reader of this page. Nothing is kept."""
    said = " ".join(without_controls(said).split())[:MOST_CHARACTERS]
    found = understand(
        said,
        trees=trees,
        lexicon=lexicon(desk().settings.lexicon),
        locale=str(request.accept_languages.best or "") or None,
        home_region_id=home(trees.regions),
        now=now(),
        senses=senses_at_hand(desk().settings, trees.categories),
    )
    return Reading(
        said,
        found,
        _fields(said, found, trees),
        _candidates(found, trees),
        tuple(_chips(found, trees)),
        tuple(span.text for span in found.not_understood),
    )


def country() -> str | None:
    """The country (ISO 3166) that the browser's languages name or make likely; None when they say nothing."""
    for language in request.accept_languages.values():
        tag = language.replace("_", "-").split("-")
        found = (
            tag[-1].upper() if len(tag) > 1 else str(get_global("likely_subtags").get(tag[0], "")).rpartition("_")[2]
        )
        if len(found) == 2:
            return found
    return None


def home(regions: Tree) -> int | None:
    """The region of that country."""
    home = regions.by_slug((country() or "").lower())
    return home.id if home is not None else None


def _place(found: Understanding, trees: Trees) -> Place | None:
    """The one place that is meant; of several none, unless one lies in the other."""
    if not found.places:
        return None
    first, *others = found.places
    if all(trees.regions.covers(other.node.id, first.node.id) for other in others):
        return first
    return None


def _fields(said: str, found: Understanding, trees: Trees) -> dict[str, str]:
    fields = {"title": said if len(said) <= _TITLE else said[: _TITLE - 1].rsplit(" ", 1)[0] + "…"}
    if len(said) > _TITLE:
        fields["body"] = said
    if "category" in found.sure:
        fields |= preset_node("category", trees.categories, found.categories[0].node_id)
    place = _place(found, trees)
    if place is not None:
        fields |= preset_node("region", trees.regions, place.node.id)
    if found.budget is not None:
        fields |= {
            "budget_min": _typed(found.budget, found.budget.min_minor),
            "budget_max": _typed(found.budget, found.budget.max_minor),
            "currency": found.budget.currency,
        }
    if found.condition is not None:
        fields["condition"] = found.condition.value
    if found.quantity is not None:
        fields["quantity"] = str(found.quantity)
    if found.radius_km is not None and place is not None:
        fields["near_km"] = f"{found.radius_km:g}"
    if found.needed_by is not None:
        fields["needed_by"] = found.needed_by.isoformat()
    return fields


def _typed(money: Budget, minor: int | None) -> str:
    return "" if minor is None else str(Money(minor, money.currency).amount).removesuffix(".00")


def _candidates(found: Understanding, trees: Trees) -> dict[str, Sequence[Candidate]]:
    """What else may be meant, where more than one thing may."""
    offered: dict[str, Sequence[Candidate]] = {}
    best = max((suggestion.confidence for suggestion in found.categories), default=0.0)
    ids = [each.node_id for each in found.categories if each.confidence >= best * _WORTH_ASKING]
    if len(ids) > 1 or (ids and "category" not in found.sure):
        offered["category"] = [trees.categories.candidate(id_, locale()) for id_ in ids]
    if len(found.places) > 1:
        offered["region"] = [trees.regions.candidate(place.node.id, locale()) for place in found.places]
    return offered


def _chips(found: Understanding, trees: Trees) -> Iterator[Chip]:
    sure = found.sure
    if found.categories:
        what = trees.categories.label(found.categories[0].node_id, locale())
        yield Chip("category", _("What"), what, "category" in sure)
    if found.brand:
        made = " ".join(filter(None, [found.brand, found.model if found.model != found.brand else None]))
        yield Chip("title", _("Made by"), made, "brand" in sure)
    for place in found.places:
        yield Chip("region", _("Where"), trees.regions.label(place.node.id, locale()), place.confidence >= 0.5)
    if found.radius_km is not None:
        yield Chip("near_km", _("Around it"), _("%(km)s km", km=number(found.radius_km)), "radius_km" in sure)
    if found.budget is not None:
        text = " ".join(filter(None, [budget(found.budget), str(_PER.get(found.budget_per or "", ""))]))
        yield Chip(
            "budget_max" if found.budget.max_minor is not None else "budget_min", _("Budget"), text, "budget" in sure
        )
    if found.needed_by is not None:
        yield Chip("needed_by", _("Needed by"), day(found.needed_by).striptags(), "needed_by" in sure)
    elif found.urgent:
        yield Chip("needed_by", _("Needed by"), _("soon; please name a day"), False)
    if found.condition is not None:
        yield Chip("condition", _("Condition"), str(CONDITIONS[found.condition]), "condition" in sure)
    if found.quantity is not None:
        yield Chip("quantity", _("How many"), number(found.quantity), "quantity" in sure)
