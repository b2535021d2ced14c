"""Trees and lexicon -> an index in memory that finds the categories, brands and actions that a text names. Pure."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from intents.lexicon import Lexicon, Make
from intents.words import LANGUAGES, Word, is_small, key_of, stem
from vrm.kernel.names import fold
from vrm.kernel.tree import Node, Tree

How = Literal["word", "label", "part", "model", "brand", "compound", "typo"]
# How much a hit says, by how it was found.
_WEIGHTS: dict[How, float] = {
    "word": 1.0, "label": 0.8, "part": 0.55, "model": 1.25, "brand": 0.7, "compound": 0.9, "typo": 0.6,
}  # fmt: skip
_ORDINARY = 0.3  # Of a brand whose name is an ordinary word.
_LONGEST = 6
_SHORTEST_TYPO = 6
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
        self._bag: dict[str, list[tuple[int, float]]] = {}
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
        self._nearby = {language: _deletions(names) for language, names in self._names.items()}

    def _add(self, language: str, name: str, slug: str, how: How) -> None:
        node = self.tree.by_slug(slug)
        key = key_of(name, language)
        if node is None or not key:
            return
        # "Lawn mower" and "lawnmower", "dish washer" and "dishwasher".
        for spelt in dict.fromkeys((key, key.replace(" ", "") if key.count(" ") == 1 else key)):
            there = self._names[language].setdefault(spelt, [])
            if all(node.id != id_ for id_, _ in there):
                there.append((node.id, how))

    def _add_tree(self) -> None:
        counts: dict[str, int] = defaultdict(int)
        bags = {}
        for node in _below(self.tree):
            for synonym in node.synonyms:
                self._add("en", synonym, node.slug, "word")
            bags[node.id] = set(key_of(node.label, "en").split())
            for word in bags[node.id]:
                counts[word] += 1
        for node in _below(self.tree):
            self._add("en", node.label, node.slug, "label")
            for part in re.split(r",|&|/| and ", node.label):
                self._add("en", part, node.slug, "part")
        bag: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for id_, words in bags.items():
            for word in words:
                if counts[word] <= 60:
                    bag[word].append((id_, math.log(1 + len(bags) / counts[word]) / (9 * math.sqrt(len(words)))))
        self._bag = dict(bag)

    def _add_translations(self) -> None:
        """What the tree calls its nodes in other languages: after our own words, which know better."""
        for node in _below(self.tree):
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
        return key_of(name, language) in self._names[language]

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
        for at, word in enumerate(words):
            if at not in covered:
                found += self._typo(at, word.folded, language)
        return found

    def _names_in(self, words: Sequence[Word], language: str, scale: float) -> Iterator[Hit]:
        names = self._names[language]
        stems = [stem(word.folded, language) for word in words]
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
                for order, (id_, how) in enumerate(ids):
                    weight = _WEIGHTS[how] * scale * (1 + 0.55 * (last - first - 1)) * (1 - 0.08 * min(order, 4))
                    yield Hit(first, last, id_, weight, how)
                break

    def _makes_in(self, words: Sequence[Word]) -> Iterator[Hit]:
        stems = [stem(word.folded, "en") for word in words]
        spans = []
        first = 0
        while first < len(words):
            for last in range(min(first + 4, len(words)), first, -1):
                makes = self._makes.get(" ".join(stems[first:last]))
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

    def _typo(self, at: int, folded: str, language: str) -> Iterator[Hit]:
        if len(folded) < _SHORTEST_TYPO or not folded.isalpha() or folded in _SPELT_RIGHT:
            return
        if any(stem(folded, tongue) in self._actions[tongue] for tongue in LANGUAGES):
            return
        for tongue in dict.fromkeys((language, "en")):
            key = stem(folded, tongue)
            nearby = self._nearby[tongue]
            for short in (key, *_shorter(key)):
                for name in nearby.get(short, ()):
                    if name[0] == key[0] and abs(len(name) - len(key)) <= 1:
                        for id_, how in self._names[tongue][name][:2]:
                            yield Hit(at, at + 1, id_, _WEIGHTS["typo"] * _WEIGHTS[how], "typo")
                        return

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

    def bag(self, words: Iterable[Word]) -> dict[int, float]:
        """Categories whose English labels share words with the text, as BM25 weighs them; small figures."""
        scores: dict[int, float] = defaultdict(float)
        for key in dict.fromkeys(stem(word.folded, "en") for word in words):
            for id_, weight in self._bag.get(key, ()):
                scores[id_] += weight
        return scores


def _own_names(makes: Sequence[Make]) -> set[str]:
    """Brands that the very same words would name: "Honda Jazz" needs another word for the brand of "Jazz"."""
    return {make.brand for make in makes if not make.is_model}


def _shorter(word: str) -> list[str]:
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _deletions(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Every word of one piece, by itself and by itself without one letter: two words one slip apart share one."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if " " not in name and len(name) >= _SHORTEST_TYPO and name.isalpha():
            for short in (name, *_shorter(name)):
                found[short].append(name)
    return {short: tuple(dict.fromkeys(there)) for short, there in found.items()}


@lru_cache(maxsize=4)
def vocabulary(tree: Tree, lexicon: Lexicon) -> Vocabulary:
    """The index for a tree and a lexicon, built once (about half a second)."""
    return Vocabulary(tree, lexicon)


def _below(tree: Tree) -> Iterator[Node]:
    """Every node that is offered, but the root."""
    todo = [tree.root.id]
    while todo:
        for child in tree.children(todo.pop()):
            todo.append(child.id)
            yield child
