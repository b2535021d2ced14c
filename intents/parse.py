"""An entry of a customer's feed -> the draft of an intent, or the reason why it is none. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from intents.amounts import find_budget
from intents.days import find_day
from intents.draft import NEAR_AT_MOST_KM, Condition, IntentDraft, Near
from intents.feed import MAX_TITLE, FeedEntry
from intents.lexicon import Lexicon, lexicon
from intents.meaning import currency_of, find_category, find_region
from intents.phrases import (
    Found,
    LeadIn,
    find_condition,
    find_hashtags,
    find_lead_in,
    is_offer,
    without_article,
)
from intents.places import find_radius
from intents.stated import Stated
from intents.understand import understand
from vrm.kernel.taxonomy import Trees

SURE_TAGS = frozenset({"intent", "wanttobuy"})
WANT_TAGS = SURE_TAGS | {"vrm"}  # Also the name of a movement that people write about.
LONGEST = timedelta(days=364)  # That a post may ask to be open, so that publishing it is not refused.
_READ = 6_000  # Characters of an entry in which we look; what is wanted stands at the beginning.
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
_LEADS_ON = re.compile(
    r"\b(?:an?|the|in|near|around|from|to|at|of|for|with|my|bei|für|un|une|à|en|de)\s*$", re.IGNORECASE
)
_SENTENCES = 5  # An untitled post may greet before it says what it wants.

ReasonCode = Literal["no-sign", "offer", "question", "empty"]


@dataclass(frozen=True, slots=True)
class NotAWant:
    """Why an entry is not an intent: a code for programs and a sentence for its author."""

    reason_code: ReasonCode
    sentence: str


NO_SIGN = NotAWant(
    "no-sign",
    "Nothing says that this post is a want: tag it #intent, #wanttobuy or #vrm, or begin its title with “I want”.",
)
_OFFER = NotAWant("offer", "This post offers something for sale; only what you want to buy becomes an intent.")
_QUESTION = NotAWant("question", "The title is a question to readers; begin it with “I’m looking for” if you want it.")
_EMPTY = NotAWant("empty", "The post does not say what is wanted; name the thing or the service in its title.")


@dataclass(frozen=True, slots=True)
class Reading:
    """With what an entry is read. The homes stand in where it is silent; `now` (aware UTC) decides which June it is."""

    trees: Trees
    now: datetime
    home_region_id: int | None = None
    home_category_id: int | None = None
    lexicon: Lexicon = field(default_factory=lexicon)

    def currency_at(self, region_id: int | None) -> str | None:
        """Of the country of a region, else of the home."""
        return currency_of(self.trees.regions, region_id if region_id is not None else self.home_region_id)

    def category_of(self, title: str, text: str, tags: Iterable[str]) -> int | None:
        """The category that is surely meant, by the trees' own names, else by brands, models and everyday words."""
        named = find_category(self.trees.categories, title, text, tags)
        if named is not None:
            return named.id
        understood = understand(
            title, trees=self.trees, lexicon=self.lexicon, home_region_id=self.home_region_id, now=self.now
        )
        # A word that was not understood may be the one that counts: a cello case is no cello.
        if "category" in understood.sure and not understood.not_understood:
            return understood.categories[0].node_id
        return self.home_category_id


def parse_entry(entry: FeedEntry, reading: Reading, *, insisted: bool = False) -> IntentDraft | NotAWant:
    """Read a want from one entry. What is not surely said stays None, so that the author is asked.

    The blog's home category stands in where the entry says none that is sure; its home region only where the entry
    names no place at all. `insisted`: its author says that it is a want, so that it needs no sign of being one.
    """
    if entry.stated is not None:
        return _stated_draft(entry, entry.stated, reading)
    trees = reading.trees
    tagged = insisted or is_tagged(entry)
    headline = _headline(entry)
    lead_in = find_lead_in(headline)
    title = _title(headline[lead_in.end :] if lead_in is not None else headline)
    refusal = _refusal(headline, lead_in.value if lead_in is not None else None, title, tagged=tagged)
    if refusal is not None:
        return refusal
    text = entry.text[:_READ]
    tags = [tag for tag in (*entry.tags, *_hashtags(text)) if _folded(tag) not in WANT_TAGS]
    named, region = find_region(trees.regions, headline, text, tags, home_id=reading.home_region_id)
    region_id = region.id if region is not None else (None if named else reading.home_region_id)
    currency = reading.currency_at(region_id)
    budget = find_budget(headline, home_currency=currency) or find_budget(text, home_currency=currency, bare=False)
    today = reading.now.date()
    needed_by = find_day(headline, today, led=True) or find_day(text, today, led=True)
    condition = find_condition(headline) or find_condition(text)
    return IntentDraft(
        title=title,
        body=entry.text,
        category_id=reading.category_of(title, text, tags),
        region_id=region_id,
        near=_near(trees, region_id, find_radius(headline) or find_radius(text)),
        budget=budget.value if budget is not None else None,
        condition=condition.value if condition is not None else Condition.ANY,
        needed_by=needed_by.value if needed_by is not None else None,
        language=entry.language,
    )


def _near(trees: Trees, region_id: int | None, radius: Found[float] | None) -> Near | None:
    """A circle around the place; None where the place has no one middle, or nobody would go so far for it."""
    spot = trees.regions.spot(region_id) if region_id is not None else None
    if radius is None or spot is None or spot.slack_km < 0 or not 1 <= radius.value <= NEAR_AT_MOST_KM:
        return None
    return Near(radius.value)


def _stated_draft(entry: FeedEntry, stated: Stated, reading: Reading) -> IntentDraft | NotAWant:
    """A want stated for machines: what it says counts, and the words around it only where it is silent."""
    if stated.action == "offer":
        return _OFFER
    title = _title(stated.name or _headline(entry))
    if not title:
        return _EMPTY
    text, today = stated.text or entry.text, reading.now.date()
    region_id = _stated_region(entry, stated, reading)
    things = [find_category(reading.trees.categories, thing.strip(), "", ()) for thing in stated.thing.split(",")]
    category = next((node.id for node in things if node is not None), None)
    if category is None:
        category = reading.category_of(title, text[:_READ], (*entry.tags, *stated.thing.split(",")))
    budget = find_budget(stated.budget, home_currency=reading.currency_at(region_id))
    ends_on, needed_by = stated.ends_on, stated.needed_by
    is_fair = ends_on is not None and today < ends_on <= today + LONGEST
    return IntentDraft(
        title=title,
        body=text,
        category_id=category,
        region_id=region_id,
        budget=budget.value if budget is not None else None,
        condition=Condition(stated.condition) if stated.condition else Condition.ANY,
        quantity=stated.quantity or 1,
        needed_by=needed_by if needed_by is not None and needed_by >= today else None,
        expires_at=datetime.combine(ends_on, time(), UTC) if ends_on is not None and is_fair else None,
        language=entry.language,
    )


def _stated_region(entry: FeedEntry, stated: Stated, reading: Reading) -> int | None:
    regions, home_id = reading.trees.regions, reading.home_region_id
    if stated.place:
        _named, region = find_region(regions, f"in {stated.place}", "", (), home_id=home_id)
        return region.id if region is not None else None
    named, region = find_region(regions, stated.name, entry.text[:_READ], entry.tags, home_id=home_id)
    return region.id if region is not None else (None if named else home_id)


def _refusal(headline: str, lead_in: LeadIn | None, title: str, *, tagged: bool) -> NotAWant | None:
    if is_offer(headline):
        return _OFFER
    if not tagged and lead_in is None:
        return NO_SIGN
    # "Looking for a plumber?" is what plumbers write.
    if not tagged and lead_in is not None and not lead_in.first_person and headline.endswith("?"):
        return _QUESTION
    return None if title else _EMPTY


def is_tagged(entry: FeedEntry, *, among: frozenset[str] = WANT_TAGS) -> bool:
    """Whether its author marked the entry as a want, by a tag or for machines, which an untagged "I want" is not."""
    if entry.stated is not None:
        return entry.stated.action == "want"
    tags = (*entry.tags, *_hashtags(entry.title), *_hashtags(entry.text[:_READ]))
    return any(_folded(tag) in among for tag in tags)


def _hashtags(text: str) -> tuple[str, ...]:
    return tuple(found.value for found in find_hashtags(text))


def _folded(tag: str) -> str:
    """ "Want to Buy", "want-to-buy" and "#WantToBuy" are one tag."""
    return re.sub(r"[\s_#-]", "", tag).casefold()


def _headline(entry: FeedEntry) -> str:
    """The title; of an untitled post its first sentence that begins like a want, else its first with any words."""
    if title := _without_hashtags(entry.title):
        return title
    sentences = [s for part in _SENTENCE.split(entry.text[:_READ]) if (s := _without_hashtags(part))]
    first = sentences[:_SENTENCES]
    return next((s for s in first if find_lead_in(s) is not None), first[0] if first else "")


def _without_hashtags(text: str) -> str:
    """Tags that say "this is a want" and tags at the end go; one within a sentence is a word of it."""
    kept, end = [], len(text)
    tags = find_hashtags(text)
    for tag in reversed(tags):
        if text[tag.end : end].strip(" .,!?;:") or _LEADS_ON.search(text[: tag.start]):
            break
        end = tag.start
    at = 0
    for tag in tags:
        if tag.start >= end:
            break
        kept.append(text[at : tag.start])
        kept.append("" if _folded(tag.value) in WANT_TAGS else tag.value)
        at = tag.end
    kept.append(text[at:end])
    return " ".join("".join(kept).split())


def _title(thing: str) -> str:
    """ "a toyota yaris." -> "Toyota yaris"; "iPhone 13" keeps its small letter."""
    title = without_article(thing.strip(" .!?:;,–—-")).strip()
    if not any(letter.isalnum() for letter in title):
        return ""
    if title.split(" ", 1)[0].islower():
        title = title[0].upper() + title[1:]
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rstrip() + "…"
