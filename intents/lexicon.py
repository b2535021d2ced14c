"""The committed lists of words, brands and models -> one lexicon in memory, which an operator's own lists extend."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from intents.words import LANGUAGES
from vrm.kernel.errors import BadInput


@dataclass(frozen=True, slots=True)
class Make:
    """A brand, or one of its models, and the slug of the category that it is sold in.

    `ordinary` is of a name that is also an ordinary word or a number ("Golf", "208", "Sage"), written with a "~" in the
    file: such a model counts only beside its brand, and such a brand says little.
    """

    name: str
    brand: str
    category: str
    is_model: bool
    ordinary: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done: in which words; and with what is below which category it makes which category."""

    name: str
    words: dict[str, tuple[str, ...]]
    gives: tuple[tuple[str, str], ...]  # (slug that covers the thing, slug of the service), the first that fits.


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What the trees do not say: everyday words by language, makes, and actions. Compared by identity."""

    words: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  # language: (slug, word).
    makes: tuple[Make, ...] = ()
    actions: tuple[Action, ...] = ()
    deeper: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  # Names from below the tree's depth.

    def extended(self, lines: Iterable[dict[str, str]]) -> "Lexicon":
        """With an operator's lines of brands and models, in the columns of lexicon.csv."""
        return Lexicon(self.words, (*self.makes, *_makes(lines)), self.actions, self.deeper)


@cache
def lexicon(own: Path | None = None) -> Lexicon:
    """The committed one, and the brands and models of an operator's file. Read once; BadInput names a bad line."""
    if own is not None:
        return lexicon().extended(read_own(own))
    words = {
        language: tuple(
            (line["category"], word) for line in _read(f"words_{language}") for word in line["words"].split("|") if word
        )
        for language in LANGUAGES
    }
    below = _read("deeper")
    deeper = {
        language: tuple((line["category"], line[language]) for line in below if line[language])
        for language in LANGUAGES
    }
    return Lexicon(words, tuple(_makes(_read("lexicon"))), _actions(), deeper)


def read_own(file: Path) -> list[dict[str, str]]:
    """The lines of an operator's file, in the columns of lexicon.csv; BadInput names the first that does not hold."""
    try:
        lines = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput({"lexicon": f"{file} is not a CSV file in UTF-8: {error}."}) from error
    for at, line in enumerate(lines, 2):
        if set(line) != {"brand", "category", "models"} or not (line["brand"] and line["category"]):
            raise BadInput({"lexicon": f"{file}, line {at}: its columns are brand, category, models (models by |)."})
    return [{key: value or "" for key, value in line.items()} for line in lines]


def _read(name: str) -> list[dict[str, str]]:
    text = files("vrm.data").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _makes(lines: Iterable[dict[str, str]]) -> Iterable[Make]:
    for line in lines:
        brand, category = line["brand"].removeprefix("~"), line["category"]
        yield Make(brand, brand, category, is_model=False, ordinary=line["brand"] != brand)
        for model in filter(None, line["models"].split("|")):
            name = model.removeprefix("~")
            ordinary = model != name or name.replace(".", "").isdigit()
            yield Make(name, brand, category, is_model=True, ordinary=ordinary)


def _actions() -> tuple[Action, ...]:
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in _read("action_words"):
        words.setdefault(line["action"], {})[line["language"]] = tuple(line["words"].split("|"))
    gives: dict[str, list[tuple[str, str]]] = {}
    for line in _read("actions"):
        gives.setdefault(line["action"], []).append((line["under"], line["gives"]))
    return tuple(Action(name, words[name], tuple(gives[name])) for name in words)
