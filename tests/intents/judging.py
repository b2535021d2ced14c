"""The committed sentences, and whether what is understood of one is right, field by field."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self

from intents.embedding import Encoder
from intents.lexicon import Lexicon, lexicon
from intents.senses import Senses
from intents.understand import Understanding, understand
from vrm.kernel.edition import LANGUAGES, Edition
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Node, Tree, number

FOLDER = Path(__file__).parent / "wants"
TODAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
Half = Literal["tuning", "held out"]
FIELDS = (
    "category", "category among five", "place", "budget", "day", "radius", "condition", "quantity", "brand", "language",
)  # fmt: skip


@dataclass(frozen=True)
class Sentence:
    """One line of the files; see README.md beside them."""

    text: str
    lang: str
    home: str
    category: Any
    places: Any
    budget: Any
    needed_by: Any
    condition: str | None
    quantity: Any
    brand: Any
    radius_km: Any

    @property
    def half(self) -> Half:
        return "held out" if int(hashlib.sha256(self.text.encode()).hexdigest(), 16) % 2 else "tuning"


def sentences() -> list[Sentence]:
    return [
        Sentence(**json.loads(line))
        for path in sorted(FOLDER.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def committed_trees() -> Trees:
    """The trees of the committed files, without a database."""
    return Trees(_tree("categories"), _tree("regions"))


def _tree(name: str) -> Tree:
    rows = Edition.committed().lines[name]
    ids = {row["id"]: at for at, row in enumerate(rows, 1)}
    positions = number({ids[row["id"]]: ids[row["parent"]] if row["parent"] else None for row in rows})
    return Tree(
        Node(
            ids[row["id"]],
            row["id"],
            ids.get(row["parent"]),
            row["kind"],
            row["label"],
            tuple(filter(None, row["synonyms"].split("|"))),
            positions[ids[row["id"]]].lft,
            positions[ids[row["id"]]].rgt,
            positions[ids[row["id"]]].depth,
            lat=float(row["lat"]) if row["lat"] else None,
            lon=float(row["lon"]) if row["lon"] else None,
            population=int(row["population"] or 0),
            names={language: row[language].split("|") for language in LANGUAGES if row.get(language)},
        )
        for row in rows
    )


@dataclass(frozen=True)
class Judge:
    trees: Trees
    lexicon: Lexicon
    senses: Senses | None = None

    @classmethod
    def committed(cls) -> Self:
        return cls(committed_trees(), lexicon())

    def smart(self, encoder: Encoder) -> Self:
        """The same, with the extra "smart"."""
        return replace(self, senses=Senses.of(self.trees.categories, self.lexicon, encoder))

    def understand(self, sentence: Sentence) -> Understanding:
        home = self.trees.regions.by_slug(sentence.home)
        assert home is not None
        return understand(
            sentence.text,
            trees=self.trees,
            lexicon=self.lexicon,
            home_region_id=home.id,
            now=TODAY,
            senses=self.senses,
        )

    def verdicts(self, sentence: Sentence) -> dict[str, bool | None]:
        """Of each field whether it is right; None where it is not judged."""
        found = self.understand(sentence)
        slugs = [self.trees.categories.node(suggestion.node_id).slug for suggestion in found.categories]
        unjudged = sentence.category == "any"
        return {
            "category": None if unjudged else bool(slugs) and slugs[0] in sentence.category,
            "category among five": None if unjudged else any(slug in sentence.category for slug in slugs),
            "place": None if sentence.places == "any" else self._places_right(sentence, found),
            "budget": None if sentence.budget == "any" else _money(found) == sentence.budget,
            "day": None if sentence.needed_by == "any" else _day_right(sentence, found),
            "radius": None if sentence.radius_km == "any" else found.radius_km == sentence.radius_km,
            "condition": (found.condition.value if found.condition else None) == sentence.condition,
            "quantity": None if sentence.quantity == "any" else found.quantity == sentence.quantity,
            "brand": None
            if sentence.brand is None
            else found.brand in (sentence.brand if isinstance(sentence.brand, list) else [sentence.brand]),
            "language": found.language == sentence.lang,
        }

    def _places_right(self, sentence: Sentence, found: Understanding) -> bool:
        slugs = [place.node.slug for place in found.places]
        return len(slugs) == len(sentence.places) and all(
            slug in right for slug, right in zip(slugs, sentence.places, strict=True)
        )

    def failures(self, sentence: Sentence) -> list[str]:
        """What is wrong, for people who work on the rules."""
        found = self.understand(sentence)
        shown = {
            "category": [(self.trees.categories.node(s.node_id).slug, s.confidence, s.why) for s in found.categories],
            "category among five": "",
            "place": [place.node.slug for place in found.places],
            "budget": _money(found),
            "day": found.needed_by,
            "radius": found.radius_km,
            "condition": found.condition,
            "quantity": found.quantity,
            "brand": (found.brand, found.model),
            "language": found.language,
        }
        right = {"category": sentence.category, "place": sentence.places, "budget": sentence.budget,
                 "day": sentence.needed_by, "radius": sentence.radius_km, "condition": sentence.condition,
                 "quantity": sentence.quantity, "brand": sentence.brand, "language": sentence.lang}  # fmt: skip
        return [
            f"{field:<20} {sentence.text[:110]!r}\n    got {shown[field]}\n    not {right.get(field, '')}"
            for field, verdict in self.verdicts(sentence).items()
            if verdict is False
        ]


def _day_right(sentence: Sentence, found: Understanding) -> bool:
    if not sentence.needed_by:
        return found.needed_by is None
    return found.needed_by is not None and found.needed_by.isoformat() in sentence.needed_by


def _money(found: Understanding) -> dict[str, str | None] | None:
    if found.budget is None:
        return None
    ends = (found.budget.min_minor, found.budget.max_minor)
    low, high = (None if end is None else _plain(Money(end, found.budget.currency).amount) for end in ends)
    return {"min": low, "max": high, "currency": found.budget.currency}


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
