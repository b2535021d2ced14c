"""One sentence -> what is wanted, where, for how much, by when, each with how sure we are. Pure; nothing is fetched.

Nothing here publishes or routes: a person looks at what was understood and corrects it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Literal

from babel.languages import get_official_languages

from intents.amounts import find_budget
from intents.days import find_day
from intents.draft import Budget, Condition
from intents.lexicon import Lexicon, Make
from intents.meaning import country_of, currency_of
from intents.phrases import Found, T
from intents.places import Place, find_places, find_radius
from intents.quantity import find_quantity
from intents.senses import LANGUAGE, Senses
from intents.states import find_state
from intents.suggest import SURE, Suggestion, suggest
from intents.vocabulary import Hit, Vocabulary, vocabulary
from intents.words import LANGUAGES, Word, is_small, language_of, words_of
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Node

MOST_CHARACTERS = 2_000
Per = Literal["hour", "day", "week", "month", "year", "night", "person", "piece"]
_PER: dict[Per, str] = {
    "hour": r"/ ?h(?:r|our)?\b|per hour|an hour|p\.?h\b|hourly|pro stunde|die stunde|de l['’]heure|par heure|"
    r"la hora|por hora|/ ?std",
    "month": r"/ ?mo(?:nth)?\b|per month|a month|pcm\b|p\.?m\b|monthly|pro monat|im monat|par mois|al mes|"
    r"por mes|/ ?monat|/ ?mois",
    "week": r"/ ?w(?:ee)?k\b|per week|a week|p\.?w\b|weekly|pro woche|par semaine|por semana",
    "day": r"/ ?day|per day|a day|pro tag|par jour|por d[ií]a|al d[ií]a",
    "night": r"per night|a night|pro nacht|par nuit|por noche|la noche",
    "year": r"per year|a year|p\.?a\b|pro jahr|im jahr|par an|al año",
    "person": r"per (?:person|head)|a person|p\.?p\b|pro person|par personne|por persona",
    "piece": r"each|per piece|a piece|pro stück|je\b|chacune?|cada un[ao]|pièce",
}
_PER_PATTERNS = tuple((per, re.compile(rf" ?(?:{pattern})", re.IGNORECASE)) for per, pattern in _PER.items())
_URGENT = re.compile(
    r"\b(?:a\.?s\.?a\.?p|urgent(?:ly|e|emente)?|immediately|right (?:now|away)|straight away|"
    r"as soon as possible|emergency|"
    r"dringend|sofort|schnellstmöglich|so schnell wie möglich|eilig|au plus vite|tout de suite|rapidement|"
    r"immédiatement|"
    r"ya mismo|cuanto antes|lo antes posible|ahora mismo|inmediatamente)\b",
    re.IGNORECASE,
)
# What is wanted for a while is rented.
_FOR_A_WHILE = re.compile(
    r"\b(?:for|für|pour|por|durante) (?:the |a |an |ein(?:e|en)? |une? |un[ao]? |el |les? |das )?(?:\w{1,6} )?"
    r"(?P<while>days?|weeks?|weekends?|nights?|tage?|wochen?|wochenenden?|nächte?|jours?|semaines?|week-?ends?|nuits?|"
    r"d[ií]as?|semanas?|fin(?:es)? de semana|noches?)\b",
    re.IGNORECASE,
)
_USUAL = {"radius_km": 0.9, "needed_by": 0.9, "condition": 0.9, "quantity": 0.8, "brand": 0.8}
_MONTH_FIRST = frozenset({"us"})
_SMALL = 3  # Words of so few letters are not reported as not understood.


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What a text says. A field that it does not say is None or empty.

    `confidence` has a figure from 0 to 1 for each field that was found; `sure` names those that need no question.
    """

    categories: tuple[Suggestion, ...] = ()
    places: tuple[Place, ...] = ()
    radius_km: float | None = None
    budget: Budget | None = None
    budget_per: Per | None = None
    condition: Condition | None = None
    quantity: int | None = None
    needed_by: date | None = None
    urgent: bool = False
    brand: str | None = None
    model: str | None = None
    language: str = "en"
    confidence: dict[str, float]
    not_understood: tuple[Span, ...] = ()

    @property
    def sure(self) -> frozenset[str]:
        """Fields that may stand without a question; of categories and places the first alone is meant."""
        return frozenset(field for field, figure in self.confidence.items() if figure >= SURE)


def understand(
    text: str,
    *,
    trees: Trees,
    lexicon: Lexicon,
    locale: str | None = None,
    home_region_id: int | None = None,
    now: datetime,
    senses: Senses | None = None,
) -> Understanding:
    """Read what is wanted from the first 2,000 characters of any text. Never raises.

    `locale` (BCP 47) decides when the text does not tell its language; the home region, which of two namesakes, which
    dollar and which order of day and month is meant; `now` (aware UTC), which June. With `senses`, categories of an
    English text are weighed by what they mean as well.
    """
    text = text[:MOST_CHARACTERS]
    known = vocabulary(trees.categories, lexicon)
    home = country_of(trees.regions, home_region_id)
    language, certainty = language_of(text, likely=_likely(locale, home), knows=known.knows)
    read = _Read(text, known, language, sure=certainty >= SURE)
    radius = find_radius(text)
    read.says(radius)
    day = find_day(text, now.date(), month_first=home is not None and home.slug in _MONTH_FIRST)
    read.says(day)
    home_money = currency_of(trees.regions, home_region_id)
    budget = find_budget(text, home_currency=home_money)
    priced = budget or find_budget(text, home_currency=home_money, rates=True)
    read.says(priced)
    is_thing = partial(known.is_thing, language=language)
    places = find_places(trees.regions, text, home=home, is_thing=is_thing, taken=read.taken, language=language)
    priced = _abroad(text, trees, priced, places, home_money)
    read.spans += [(place.start, place.end) for place in places]
    state = _state(text, day)
    read.says(state)
    quantity = find_quantity(text, taken=read.spans)
    suggested = suggest(known, read.words, language, read.hits, read.actions, ignore=read.inside())
    categories = suggested.suggestions
    if senses is not None and language == LANGUAGE:
        categories = senses.weigh(read.unread(), categories)
    make = _make(read.hits, categories)
    return Understanding(
        categories=categories,
        places=tuple(places),
        radius_km=_value(radius),
        budget=_value(priced),
        budget_per=_per(text, priced) if priced is not None else None,
        condition=_value(state),
        quantity=_value(quantity),
        needed_by=_value(day),
        urgent=_URGENT.search(text) is not None,
        brand=make.brand if make is not None else None,
        model=make.name if make is not None and make.is_model else None,
        language=language,
        confidence=_figures(
            {"radius_km": radius, "needed_by": day, "condition": state, "quantity": quantity, "brand": make},
            category=categories[0].confidence if categories else None,
            place=min((place.confidence for place in places), default=None),
            budget=None if priced is None else (0.9 if budget is not None else 0.45),
            language=certainty,
        ),
        not_understood=read.rest(suggested.used, quantity),
    )


def _value(found: Found[T] | None) -> T | None:
    return found.value if found is not None else None


def _likely(locale: str | None, home: Node | None) -> str | None:
    """The language to expect: of the locale, else the first official one at home that we know."""
    if locale:
        return locale.replace("_", "-").split("-")[0].lower()
    if home is None or len(home.slug) != 2:
        return None
    spoken = get_official_languages(home.slug.upper(), de_facto=True)
    return next((language for language in spoken if language in LANGUAGES), None)


def _state(text: str, day: Found[date] | None) -> Found[Condition] | None:
    state = find_state(text)
    if state is not None and day is not None and state.start < day.end and day.start < state.end:
        return None  # "New year's eve".
    return state


def _figures(found: Mapping[str, object], **figures: float | None) -> dict[str, float]:
    """How sure each field is that was found: by its own figure, or as sure as such fields are."""
    usual = {field: _USUAL[field] for field, value in found.items() if value is not None}
    return usual | {field: figure for field, figure in figures.items() if figure is not None}


def _abroad(
    text: str, trees: Trees, priced: Found[Budget] | None, places: list[Place], home: str | None
) -> Found[Budget] | None:
    """A budget that is only clear from the place: pesos in Guadalajara, for a reader who lives nowhere."""
    if priced is not None or home is not None or not places:
        return priced
    there = currency_of(trees.regions, places[0].node.id)
    return find_budget(text, home_currency=there) or find_budget(text, home_currency=there, rates=True)


def _per(text: str, priced: Found[Budget]) -> Per | None:
    return next((per for per, pattern in _PER_PATTERNS if pattern.match(text, priced.end)), None)


def _make(hits: list[Hit], suggestions: tuple[Suggestion, ...]) -> Make | None:
    """The brand or model that is wanted: one that agrees with a category that is suggested, models first."""
    likely = [suggestion.node_id for suggestion in suggestions[:2]]
    made = [hit for hit in hits if hit.make is not None]
    agreeing = [hit for hit in made if hit.node_id in likely]
    ranked = sorted(
        agreeing, key=lambda hit: (likely.index(hit.node_id), not hit.make or not hit.make.is_model, hit.first)
    )
    telling = [hit for hit in made if hit.make is not None and not hit.make.ordinary]
    return next((hit.make for hit in (*ranked, *telling)), None)


class _Read:
    """Which parts of the text have been understood so far."""

    def __init__(self, text: str, known: Vocabulary, language: str, *, sure: bool) -> None:
        self.text = text
        self.words: tuple[Word, ...] = words_of(text, language=language)
        self.spans: list[tuple[int, int]] = []
        self.hits = known.hits(self.words, language, sure=sure)
        self.actions = known.actions(self.words, language, sure=sure)
        if (lasts := _FOR_A_WHILE.search(text)) is not None:
            at = next((at for at, word in enumerate(self.words) if word.end > lasts.start("while")), None)
            self.actions += known.action_at("rent", at) if at is not None else []
        made = [hit for hit in self.hits if hit.make is not None and not hit.make.ordinary]
        self.taken = [(self.words[hit.first].start, self.words[hit.last - 1].end) for hit in made]

    def says(self, found: Found[float] | Found[date] | Found[Budget] | Found[Condition] | None) -> None:
        if found is not None:
            self.spans.append((found.start, found.end))
            self.taken.append((found.start, found.end))

    def inside(self) -> frozenset[int]:
        """Numbers of the words within what has been understood."""
        return frozenset(
            at
            for at, word in enumerate(self.words)
            if any(start < word.end and word.start < end for start, end in self.spans)
        )

    def unread(self) -> str:
        """The text without what has been understood of it."""
        kept, end = [], 0
        for start, last in sorted(self.spans):
            kept.append(self.text[end:start])
            end = max(end, last)
        return " ".join(" ".join((*kept, self.text[end:])).split())

    def rest(self, used: frozenset[int], quantity: Found[int] | None) -> tuple[Span, ...]:
        """What remains, without small words; neighbours joined."""
        spans = [*self.spans, *([(quantity.start, quantity.end)] if quantity is not None else [])]
        found: list[Span] = []
        last = -2
        for at, word in enumerate(self.words):
            known = at in used or any(start < word.end and word.start < end for start, end in spans)
            if known or len(word.folded) <= _SMALL or is_small(word.folded):
                continue
            if found and last == at - 1:
                begin = found[-1].start
                found[-1] = Span(begin, word.end, self.text[begin : word.end])
            else:
                found.append(Span(word.start, word.end, self.text[word.start : word.end]))
            last = at
        return tuple(found[:20])
