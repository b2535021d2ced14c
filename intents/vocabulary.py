"""Trees and lexicon -> an index in memory that finds the categories, brands and actions that a text names. Pure."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from intents.lexicon import Lexicon, Make
from intents.slips import Spelling
from intents.words import LANGUAGES, Word, is_small, key_of, stem
from vrm.kernel.names import fold
from vrm.kernel.tree import Node, Tree

How = Literal["word", "label", "deeper", "part", "model", "brand", "compound", "typo"]
# How much a hit says, by how it was found.
_WEIGHTS: dict[How, float] = {
    "word": 1.0, "label": 0.8, "deeper": 0.7, "part": 0.55, "model": 1.25, "brand": 0.7, "compound": 0.9, "typo": 0.6,
}  # fmt: skip
_HEAD_FIRST = frozenset(("fr", "es"))
_NO_HEAD = 0.4  # Of a word of a label that only says which: the starting of "Starting Blocks".
_ORDINARY = 0.3  # Of a brand whose name is an ordinary word.
_LONGEST = 6
_SHORT_HEADS = frozenset({"rad", "uhr"})  # Heads of German compounds with fewer than four letters.
# Frequent words that are one letter from the name of something.
_SPELT_RIGHT = frozenset(
    fold(
        "budget somebody someone anything anyone people preferably condition original collect collection "
        "delivery deliver delivered quality weekend tonight morning evening afternoon monday tuesday wednesday "
        "thursday friday saturday sunday january february october november december presupuesto precio semana mañana "
        "barato barata urgente cerca alguien quiero necesito jemand gerne günstig möglichst dringend brauche "
        "quelqu quelque urgent prix semaine demain besoin cherche together number around little bigger smaller "
        "between before within private company service holiday summer winter spring autumn mother father daughter "
        "sister brother parents partner husband friend neighbour"
    ).split()
)
# What is said of cars beside the name of a model: "Golf Variant, Diesel" is no sport.
_DRIVEN = frozenset(
    fold(
        "diesel petrol benzin benziner benzina essence gasolina tuv tdi tsi hdi tfsi mileage mileages hatchback estate "
        "saloon automatik schaltgetriebe baujahr kombi variant boite kilometrage kilometraje mot hybrid cabrio turbo"
    ).split()
)
_ON_WHEELS = frozenset(("cars-trucks-vans", "motorcycles-scooters", "recreational-vehicles"))
_SENTENCE_END = re.compile(r"[.!?;\n]")


@dataclass(frozen=True, slots=True)
class Hit:
    """Words `first` to `last` (without `last`) name the category `node_id`."""

    first: int
    last: int
    node_id: int
    weight: float
    how: How
    make: Make | None = None


@dataclass(frozen=True, slots=True)
class ActionHit:
    """Word `at` says what is to be done; `node_ids` are things that its own compound names ("Fahrradreparatur")."""

    at: int
    action: int
    node_ids: tuple[int, ...] = ()


class Vocabulary:
    """All names by language. Does not change."""

    def __init__(self, tree: Tree, lexicon: Lexicon) -> None:
        self.tree = tree
        self.lexicon = lexicon
        self._names: dict[str, dict[str, list[tuple[int, How]]]] = {language: {} for language in LANGUAGES}
        self._bags: dict[str, dict[str, list[tuple[int, float]]]] = {}
        self._pairs: dict[tuple[int, How], tuple[int, How]] = {}  # One of each, for a hundred thousand names.
        self._add_tree()
        for language, pairs in lexicon.words.items():
            for slug, word in pairs:
                self._add(language, word, slug, "word")
        self._makes: dict[str, list[Make]] = defaultdict(list)
        for make in lexicon.makes:
            if tree.by_slug(make.category) is not None:
                self._makes[key_of(make.name, "en")].append(make)
        self._actions = {
            language: {
                key_of(word, language): number
                for number, action in enumerate(lexicon.actions)
                for word in action.words.get(language, ())
            }
            for language in LANGUAGES
        }
        self._add_translations()
        for language, pairs in lexicon.deeper.items():
            for slug, word in pairs:
                self._add(language, word, slug, "deeper", only_new=True)
        self._spelling: dict[str, Spelling] = {}

    def _add(self, language: str, name: str, slug: str, how: How, *, only_new: bool = False) -> None:
        node = self.tree.by_slug(slug)
        key = key_of(name, language)
        if node is None or not key or (only_new and key in self._names[language]):
            return
        # "Lawn mower" and "lawnmower", "dish washer" and "dishwasher".
        for spelt in dict.fromkeys((key, key.replace(" ", "") if key.count(" ") == 1 else key)):
            there = self._names[language].setdefault(spelt, [])
            if all(node.id != id_ for id_, _ in there):
                there.append(self._pairs.setdefault((node.id, how), (node.id, how)))

    def _add_tree(self) -> None:
        for node in offered(self.tree):
            for synonym in node.synonyms:
                self._add("en", synonym, node.slug, "word")
        for node in offered(self.tree):
            self._add("en", node.label, node.slug, "label")
            for part in _parts(node.label):
                self._add("en", part, node.slug, "part")

    def _add_translations(self) -> None:
        """What the tree calls its nodes in other languages: after our own words, which know better."""
        for node in offered(self.tree):
            for language, names in node.names.items():
                if language == "en" or language not in self._names:
                    continue
                for label in names[:1]:
                    self._add(language, label, node.slug, "label")
                    for part in re.split(r",|&|/| und | et | y ", label):
                        self._add(language, part, node.slug, "part")
                for name in names[1:]:
                    if key_of(name, language) not in self._actions[language]:
                        self._add(language, name, node.slug, "part")

    def knows(self, folded: str, language: str) -> bool:
        """Whether this word alone names something in the language."""
        return stem(folded, language) in self._names[language]

    def is_thing(self, name: str, language: str) -> bool:
        """Whether a name is that of a category, so that it is hardly a place's."""
        there = self._names[language].get(key_of(name, language), ())
        return any(how != "deeper" for _, how in there)

    # --- Finding ----------------------------------------------------------------------------------

    def hits(self, words: Sequence[Word], language: str, *, sure: bool = True) -> list[Hit]:
        """What the words name, in `language` and in English (in every language when it is not sure); makes too."""
        found: list[Hit] = []
        for tongue in dict.fromkeys((language, "en", *(() if sure else LANGUAGES))):
            scale = 1.0 if tongue == language else 0.85
            found += self._names_in(words, tongue, scale)
        found += self._makes_in(words)
        covered = {at for hit in found for at in range(hit.first, hit.last)}
        if language == "de" or not sure:
            for at, word in enumerate(words):
                if at not in covered:
                    found += self._compound(at, word.folded, sure=sure)
        covered = {at for hit in found for at in range(hit.first, hit.last)}
        found += self._typos(words, covered, language)
        return found

    def _names_in(self, words: Sequence[Word], language: str, scale: float) -> Iterator[Hit]:
        yield from self._names_of(words, [stem(word.folded, language) for word in words], language, scale)

    def _names_of(self, words: Sequence[Word], stems: Sequence[str], language: str, scale: float) -> Iterator[Hit]:
        names = self._names[language]
        end_of_last = 0
        for first in range(len(words)):
            for last in range(min(first + _LONGEST, len(words)), first, -1):
                ids = names.get(" ".join(stems[first:last]))
                if not ids and last - first == 2:
                    ids = names.get("".join(stems[first:last]))
                if last - first == 1 and is_small(words[first].folded):
                    continue  # "Una" is no nail (uña).
                if not ids or any(_SENTENCE_END.search(word.gap) for word in words[first + 1 : last]):
                    continue
                if last <= end_of_last:
                    break  # Within a longer name.
                end_of_last = last
                # A part of many labels ("Baby") says little for each.
                shared = sum(how == "part" for _, how in ids)
                for order, (id_, how) in enumerate(ids):
                    common = _WEIGHTS[how] / math.sqrt(shared) if how == "part" else _WEIGHTS[how]
                    weight = common * scale * (1 + 0.55 * (last - first - 1)) * (1 - 0.08 * min(order, 4))
                    yield Hit(first, last, id_, weight, how)
                break

    def _makes_in(self, words: Sequence[Word]) -> Iterator[Hit]:
        stems = [stem(word.folded, "en") for word in words]
        spans = []
        first = 0
        while first < len(words):
            for last in range(min(first + 4, len(words)), first, -1):
                makes = self._makes.get(" ".join(stems[first:last]))
                if last - first == 1 and is_small(words[first].folded):
                    continue  # "On" makes shoes.
                if makes and not any(_SENTENCE_END.search(word.gap) for word in words[first + 1 : last]):
                    spans.append((first, last, makes))
                    first = last - 1
                    break
            first += 1
        driven = any(word.folded in _DRIVEN for word in words)
        brands = {make.brand for _, _, makes in spans for make in makes if not (make.is_model and make.ordinary)}
        for first, last, makes in spans:
            for make in makes:
                numbered = last < len(words) and words[last].folded.isdigit() and len(words[last].folded) < 3
                told = numbered or (driven and make.category in _ON_WHEELS)
                if make.is_model and make.ordinary and not told and make.brand not in brands - _own_names(makes):
                    continue
                node = self.tree.by_slug(make.category)
                if node is not None:
                    how: How = "model" if make.is_model else "brand"
                    weight = _WEIGHTS[how] if make.is_model or not make.ordinary else _ORDINARY
                    yield Hit(first, last, node.id, weight * (1 + 0.2 * (last - first - 1)), how, make)

    def _compound(self, at: int, folded: str, *, sure: bool) -> Iterator[Hit]:
        """German: what a compound ends with is what it is."""
        if len(folded) < 6:
            return
        names = self._names["de"]
        for cut in range(1, len(folded) - 2):
            rest = folded[cut:]
            ids = names.get(stem(rest, "de"))
            if ids and (len(rest) >= 4 or rest in _SHORT_HEADS):
                for id_, how in ids:
                    yield Hit(at, at + 1, id_, _WEIGHTS["compound"] * _WEIGHTS[how], "compound")
                return
        for cut in range(len(folded) - 3, 3, -1) if sure else ():
            ids = names.get(stem(folded[:cut], "de")) or names.get(stem(folded[:cut].removesuffix("s"), "de"))
            if ids:
                yield Hit(at, at + 1, ids[0][0], 0.35, "compound")
                return

    def _typos(self, words: Sequence[Word], covered: set[int], language: str) -> Iterator[Hit]:
        """Names that the words would be, were each that nobody knows spelt right."""
        stems = [stem(word.folded, language) for word in words]
        slipped = set()
        for at, word in enumerate(words):
            if at in covered or not self._may_be_slip(word.folded):
                continue
            for tongue in dict.fromkeys((language, "en")):
                right = self._spelt(tongue).nearest(stem(word.folded, tongue))
                if right is not None:
                    stems[at] = right
                    slipped.add(at)
                    break
        if not slipped:
            return
        for tongue in dict.fromkeys((language, "en")):
            for hit in self._names_of(words, stems, tongue, _WEIGHTS["typo"]):
                if slipped.intersection(range(hit.first, hit.last)):
                    yield Hit(hit.first, hit.last, hit.node_id, hit.weight, "typo")

    def _spelt(self, language: str) -> Spelling:
        if language not in self._spelling:  # Sentences of nobody's language are rare.
            self._spelling[language] = Spelling(
                word
                for names in (self._names[language], self._actions[language])
                for name in names
                for word in name.split()
            )
        return self._spelling[language]

    def _may_be_slip(self, folded: str) -> bool:
        return (
            folded not in _SPELT_RIGHT
            and not is_small(folded)
            and not any(stem(folded, tongue) in self._actions[tongue] for tongue in LANGUAGES)
        )

    def actions(self, words: Sequence[Word], language: str, *, sure: bool = True) -> list[ActionHit]:
        """What is to be done with a thing; as for `hits`."""
        found = []
        for at, word in enumerate(words):
            for tongue in dict.fromkeys((language, "en", *(() if sure else LANGUAGES))):
                number = self._actions[tongue].get(stem(word.folded, tongue))
                if number is None and at + 1 < len(words):
                    both = f"{stem(word.folded, tongue)} {stem(words[at + 1].folded, tongue)}"
                    number = self._actions[tongue].get(both)
                if number is not None:
                    found.append(ActionHit(at, number))
                    break
            else:
                if language == "de" or not sure:
                    found += self._action_compound(at, word.folded)
        return found

    def action_at(self, name: str, at: int) -> list[ActionHit]:
        """The action of this name, as if word `at` said it; nothing when the lexicon has none of it."""
        return [ActionHit(at, number) for number, action in enumerate(self.lexicon.actions) if action.name == name]

    def _action_compound(self, at: int, folded: str) -> Iterator[ActionHit]:
        for cut in range(4, len(folded) - 3):
            number = self._actions["de"].get(stem(folded[cut:], "de"))
            if number is not None:
                thing = self._names["de"].get(stem(folded[:cut], "de")) or self._names["de"].get(
                    stem(folded[:cut].removesuffix("s"), "de"), []
                )
                yield ActionHit(at, number, tuple(id_ for id_, _ in thing))
                return

    def bag(self, words: Iterable[Word], language: str) -> dict[int, float]:
        """Categories whose labels share words with the text, as BM25 weighs them; small figures."""
        scores: dict[int, float] = defaultdict(float)
        if language not in self._bags:
            self._bags[language] = _bag(self.tree, language)
        for key in dict.fromkeys(stem(word.folded, language) for word in words):
            for id_, weight in self._bags[language].get(key, ()):
                scores[id_] += weight
        return scores


def _bag(tree: Tree, language: str) -> dict[str, list[tuple[int, float]]]:
    """Every rare word of a label: whose labels, and how much it says of each."""
    counts: dict[str, int] = defaultdict(int)
    labels = {node.id: node.label_in(language) for node in offered(tree)}
    bags = {id_: set(key_of(label, language).split()) for id_, label in labels.items()}
    for words in bags.values():
        for word in words:
            counts[word] += 1
    bag: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for id_, words in bags.items():
        heads = {key.split()[0 if language in _HEAD_FIRST else -1] for part in _parts(labels[id_])
                 if (key := key_of(part, language))}  # fmt: skip
        for word in words:
            if counts[word] <= 60 and not is_small(word):
                rare = math.log(1 + len(bags) / counts[word]) / (9 * math.sqrt(len(words)))
                bag[word].append((id_, rare if word in heads else rare * _NO_HEAD))
    return dict(bag)


def _parts(label: str) -> list[str]:
    """ "Cookware & Bakeware" is both; of "White & Cream Sauces" the first is "White Sauces", for white is no thing."""
    parts = [part.strip() for part in re.split(r",|&|/| and ", label)]
    *_, head = parts[-1].split() or [""]
    if " " not in parts[-1]:
        return parts
    return [part if part.endswith("s") or part == parts[-1] else f"{part} {head}" for part in parts]


def _own_names(makes: Sequence[Make]) -> set[str]:
    """Brands that the very same words would name: "Honda Jazz" needs another word for the brand of "Jazz"."""
    return {make.brand for make in makes if not make.is_model}


@lru_cache(maxsize=4)
def vocabulary(tree: Tree, lexicon: Lexicon) -> Vocabulary:
    """The index for a tree and a lexicon, built once (about half a second)."""
    return Vocabulary(tree, lexicon)


def offered(tree: Tree) -> Iterator[Node]:
    """Every node that is offered, but the root."""
    todo = [tree.root.id]
    while todo:
        for child in tree.children(todo.pop()):
            todo.append(child.id)
            yield child
