"""A sentence → what it says, as JSON; nothing is stored or published."""

from datetime import date
from typing import Annotated

from babel.core import Locale, UnknownLocaleError
from pydantic import Field

from intents.lexicon import lexicon
from intents.places import Place
from intents.understand import Per, Understanding, understand
from vrm.kernel import taxonomy
from vrm.kernel.errors import BadInput
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, MomentIn, Told, node_id
from vrm.web.desk import desk
from vrm.web.warming import senses_at_hand

ROUTES = Routes("Understanding")
_LONGEST = 10_000
_LOCALE = "BCP 47: the language of the labels in the answer, and of a text that does not tell its own."


class TextIn(Given):
    """What somebody wants, in their own words; the first 2,000 characters are read."""

    text: Annotated[
        str, Field(min_length=1, max_length=_LONGEST, examples=["want a Toyota Yaris near Leeds, under £12k"])
    ]
    locale: Annotated[str, Field(max_length=35, examples=["en-GB"], description=_LOCALE)] | None = None
    home_region: Annotated[str, Field(max_length=200, description="Id or name of where the reader lives.")] | None = (
        None
    )
    now: (
        Annotated[MomentIn, Field(description="The moment that “by June” is counted from; the present one if missing.")]
        | None
    ) = None


class CategorySuggestion(Told):
    """A category that may be meant."""

    id: str
    label: str
    path: list[str]
    confidence: float
    why: Annotated[str, Field(description="What in the text speaks for it.")]


class PlaceUnderstood(Told):
    """A place that the text names; `code` is its ISO 3166 code, or that of what it lies in."""

    id: str
    name: str
    code: str | None
    path: list[str]
    confidence: float


class BudgetUnderstood(Told):
    """What may be spent; an open end is null. `per` is of a price by the month, the hour or the piece."""

    min: str | None
    max: str | None
    currency: str
    per: Per | None


class SpanOut(Told):
    """A piece of the text, counted in characters (Unicode code points) from 0."""

    start: int
    end: int
    text: str


class UnderstandingOut(Told):
    """What was understood. A field that the text does not say is null or empty; `sure` needs no question."""

    categories: list[CategorySuggestion]
    places: list[PlaceUnderstood]
    radius_km: float | None
    budget: BudgetUnderstood | None
    condition: str | None
    quantity: int | None
    needed_by: date | None
    urgent: bool
    brand: str | None
    model: str | None
    language: str
    confidence: dict[str, float]
    sure: list[str]
    not_understood: list[SpanOut]


@ROUTES.add("POST", "/understand", body=TextIn, answer=UnderstandingOut)
def understand_text(caller: Caller, body: TextIn) -> UnderstandingOut:
    """What a sentence says: category, places, budget, day and more, with how sure we are. Nothing is kept."""
    trees = taxonomy.trees(caller.session)
    home = node_id(trees.regions, body.home_region, "home_region") if body.home_region is not None else None
    if body.locale is not None:
        _check_locale(body.locale)
    found = understand(
        body.text,
        trees=trees,
        lexicon=lexicon(desk().settings.lexicon),
        locale=body.locale,
        home_region_id=home,
        now=body.now if body.now is not None else caller.now,
        senses=senses_at_hand(desk().settings, trees.categories),
    )
    return _told(trees, found, Locale.parse(body.locale.replace("_", "-"), sep="-").language if body.locale else "en")


def _check_locale(locale: str) -> None:
    try:
        Locale.parse(locale.replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError, TypeError) as error:
        raise BadInput({"locale": f"“{locale[:20]}” is not a locale; write one such as en-GB or de."}) from error


def _told(trees: Trees, found: Understanding, language: str) -> UnderstandingOut:
    nodes = [(suggestion, trees.categories.node(suggestion.node_id)) for suggestion in found.categories]
    return UnderstandingOut(
        categories=[
            CategorySuggestion(
                id=node.slug,
                label=node.label_in(language),
                path=[step.label_in(language) for step in trees.categories.path(node.id)],
                confidence=suggestion.confidence,
                why=suggestion.why,
            )
            for suggestion, node in nodes
        ],
        places=[_place(trees, place, language) for place in found.places],
        radius_km=found.radius_km,
        budget=_budget(found),
        condition=found.condition.value if found.condition is not None else None,
        quantity=found.quantity,
        needed_by=found.needed_by,
        urgent=found.urgent,
        brand=found.brand,
        model=found.model,
        language=found.language,
        confidence=found.confidence,
        sure=sorted(found.sure),
        not_understood=[SpanOut(start=span.start, end=span.end, text=span.text) for span in found.not_understood],
    )


def _place(trees: Trees, place: Place, language: str) -> PlaceUnderstood:
    path = trees.regions.path(place.node.id)
    coded = [step.slug.upper() for step in path if step.kind in ("country", "subdivision")]
    return PlaceUnderstood(
        id=place.node.slug,
        name=place.node.label_in(language),
        code=coded[-1] if coded else None,
        path=[step.label_in(language) for step in path],
        confidence=place.confidence,
    )


def _budget(found: Understanding) -> BudgetUnderstood | None:
    if found.budget is None:
        return None
    currency = found.budget.currency
    ends = (found.budget.min_minor, found.budget.max_minor)
    low, high = (None if end is None else str(Money(end, currency).amount) for end in ends)
    return BudgetUnderstood(min=low, max=high, currency=currency, per=found.budget_per)
