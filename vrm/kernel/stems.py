"""Text → stems of words, in a form in which both stores can look for words and phrases with plain string functions.

Words are compared in the language of who looks for them: “Räder” meets “Rad” for a German, and nothing else for an
Englishman. A text is therefore rendered once for each language, and the stems of each rendering stand between marks of
its own: looking for "~rad~" finds a German stem and never an English one. Case and accents never count.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock

import Stemmer  # type: ignore[import-not-found] # Compiled, without stubs.

from vrm.kernel.names import fold

LANGUAGES = {"en": "english", "de": "german", "fr": "french", "es": "spanish"}
READ = 1_000  # Words of one text that are looked at; longer ones are lists made to be found.
_MARKS = {"": "|", "en": " ", "de": "~", "fr": "^", "es": "_"}  # None of them is part of a word.
_LONGEST = 60
# Written without spaces between words: each sign is taken for one, and a phrase finds them side by side.
_SIGN = re.compile(r"([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff])")

_lock = Lock()
_stemmers = {language: Stemmer.Stemmer(name) for language, name in LANGUAGES.items()}


def said(*texts: str) -> str:
    """Every rendering of these texts, one after another; what is looked for in it is made by `needle`.

    No phrase runs from one text into the next.
    """
    parts = [words[:READ] for words in map(words_of, texts)]
    return "".join(
        mark + (mark + mark).join(mark.join(_stem(language, word) for word in words) for words in parts) + mark
        for language, mark in _MARKS.items()
    )


def needle(phrase: str, language: str | None) -> str:
    """What `said` of a text holds when the text has this word or phrase; "" when it is only punctuation."""
    language, mark = _known(language)
    words = words_of(phrase)
    return mark + mark.join(_stem(language, word) for word in words) + mark if words else ""


def anchors(*texts: str) -> list[int]:
    """The anchors of all words in these texts, in every language; see `anchor`."""
    words = dict.fromkeys(word for text in texts for word in words_of(text)[:READ])
    return list(dict.fromkeys(_number(mark + stem) for word in words for mark, stem in _stems(word)))


def anchor(word: str, language: str | None) -> int:
    """A number that stands for one word in one language, the same for all words with its stem."""
    language, mark = _known(language)
    return _number(mark + _stem(language, fold(word)))


def words_of(text: str) -> list[str]:
    """The words of a text, folded."""
    return [word[:_LONGEST] for word in _SIGN.sub(r" \1 ", fold(text)).split()]


def _known(language: str | None) -> tuple[str, str]:
    tag = (language or "").partition("-")[0].lower()
    return (tag, _MARKS[tag]) if tag in LANGUAGES else ("", _MARKS[""])


def _stems(word: str) -> Iterator[tuple[str, str]]:
    for language, mark in _MARKS.items():
        yield mark, _stem(language, word)


@lru_cache(maxsize=200_000)
def _stem(language: str, word: str) -> str:
    if not language:
        return word
    with _lock:  # A stemmer works in memory of its own.
        stem: str = _stemmers[language].stemWord(word)
    return stem


@lru_cache(maxsize=200_000)
def _number(marked: str) -> int:
    return int.from_bytes(hashlib.blake2b(marked.encode(), digest_size=8).digest()) >> 1
