"""Free text -> words that can be compared: folded, without endings, with their places; and their language. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from vrm.kernel.names import fold, singular

LANGUAGES = ("en", "de", "fr", "es")
_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
_ELIDED = re.compile(r"\A(?:[dljnsmtc]|qu)['’](?=\w)", re.IGNORECASE)
MOST_WORDS = 250  # Of a text; what is wanted stands at its beginning.


@dataclass(frozen=True, slots=True)
class Word:
    """`text[start:end]`, folded; `gap` is what stands between the word before it and this one."""

    start: int
    end: int
    folded: str
    gap: str


def words_of(text: str, *, language: str = "en") -> tuple[Word, ...]:
    """The first words of `text`; in French "l'évier" and "d'occasion" lose their article."""
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(text):
        start, written = match.start(), match.group()
        if language == "fr" and (elided := _ELIDED.match(written)):
            start, written = start + elided.end(), written[elided.end() :]
        folded = fold(written)
        if folded and " " not in folded:
            found.append(Word(start, match.end(), folded, text[end:start]))
            end = match.end()
        if len(found) == MOST_WORDS:
            break
    return tuple(found)


def _german(word: str) -> str:
    word = word.replace("ae", "a").replace("oe", "o").replace("ue", "u")  # "Kettensaege", "Muehle".
    if len(word) > 5:
        for ending in ("ern", "en", "er", "es", "em"):
            if word.endswith(ending):
                return word[: -len(ending)]
    if len(word) > 4 and word[-1] in "ens":
        return word[:-1]
    return word


def _french(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] in "sx" else word


def _spanish(word: str) -> str:
    if len(word) > 4 and word.endswith("es") and word[-3] not in "aeiou":
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


_STEMS: dict[str, Callable[[str], str]] = {"en": singular, "de": _german, "fr": _french, "es": _spanish}


@lru_cache(maxsize=50_000)
def stem(folded: str, language: str) -> str:
    """The word without its ending, good enough to compare two words of one language with each other."""
    return _STEMS[language](folded)


def key_of(name: str, language: str) -> str:
    """A name as the index of `language` has it: "Lave-linge" -> "lave linge"."""
    found = []
    for written in _WORD.findall(name):
        if language == "fr" and (elided := _ELIDED.match(written)):
            written = written[elided.end() :]  # noqa: PLW2901 # As in `words_of`, a hundred thousand times.
        folded = fold(written)
        if folded and " " not in folded:
            found.append(stem(folded, language))
    return " ".join(found[:MOST_WORDS])


_TELLING = {
    "en": "the a an and for with need want wanted looking in near to my of i is am under from by any please new "
    "used someone on that or who good does anyone me we our before buy max within per at around this",
    "de": "der die das und für fur mit ich suche gesucht ein eine einen einem im bis zu zum zur von brauche wir "
    "nach am gebraucht unter oder raum auf ist wer kann möchte mochte neu euro stück stuck über uber gern "
    "aus dem den bei um ab maximal höchstens hochstens umkreis meine mein nen abholung lieferung hat "
    "jemand jemanden zwei drei gesuchte bitte stunde woche uns",
    "fr": "le la les un une des et pour avec je cherche recherche de du en à au aux dans moins sur sous ou mon "
    "ma mes est qui a ce cette deux trois bonjour merci svp environs j ai chez moi votre quelqu semaine "
    "heure achat neuf occasion euros près avant environ par livré besoin autour voudrais petit pas plus",
    "es": "el los las un una unos y para con busco necesito quiero de del en por cerca menos hasta segunda mano "
    "o mi que es nuevo nueva usado usada euros compro antes alguien cada al desde sin alquiler entre a "
    "tres dos cuatro hora horas semana dia mes se ha me lo buen buena bien donde quien gustaria encontrar "
    "muy hola tengo estoy",
}
_TELLS = 1.0  # Points below which the words have told nothing.
_TELLING_SETS = {language: frozenset(fold(telling).split()) for language, telling in _TELLING.items()}
_SMALL = frozenset().union(*_TELLING_SETS.values())
_LETTERS = {
    "de": re.compile("[äöüß]", re.I),
    "fr": re.compile("[àâçèêëîïôûœ]", re.I),
    "es": re.compile("[ñ¿¡áíóú]", re.I),
}


def _tellers(word: str) -> list[str]:
    return [language for language, telling in _TELLING_SETS.items() if word in telling]


def _knowers(word: str, knows: Callable[[str, str], bool] | None) -> list[str]:
    return [language for language in LANGUAGES if knows is not None and knows(word, language)]


def language_of(
    text: str, *, likely: str | None = None, knows: Callable[[str, str], bool] | None = None
) -> tuple[str, float]:
    """(the language among LANGUAGES, how sure from 0 to 1), by the small words that tell; `likely` decides a draw.

    `knows(word, language)` is whether a folded word names something in the language: a telegram has no small words.
    """
    words = [word.folded for word in words_of(text)][:80]
    points = dict.fromkeys(LANGUAGES, 0.0)
    for word in words:
        # What several languages share tells little.
        for tellers, weight in ((_tellers(word), 1.0), (_knowers(word, knows), 0.7)):
            for language in tellers:
                points[language] += weight / len(tellers) ** 2
    for language, letters in _LETTERS.items():
        points[language] += 0.7 * min(len(letters.findall(text)), 3)
    said = max(points.values())
    if likely in points:
        points[likely] += 0.75
    best = max(LANGUAGES, key=lambda language: points[language])
    rest = max(value for language, value in points.items() if language != best)
    total = points[best] + rest
    if total <= 0.8:
        return (likely if likely in points else "en"), 0.3
    certainty = points[best] / (total + 0.5)
    return best, round(certainty if said >= _TELLS else min(certainty, 0.4), 2)


def is_small(folded: str) -> bool:
    """Whether a word only holds sentences together."""
    return folded in _SMALL
