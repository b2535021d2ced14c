"""Names and addresses that are read as another's: letters of several alphabets in a word, or a word of look-alikes.

The rule is the “highly restrictive” one of UTS 39 §5.2 for the alphabets that are taken for each other's, from Python's
own Unicode tables. The packages that carry the whole list of confusables were last released in 2021 and 2024, and most
of that list is about letters that no shop's name has.
"""

import re
import unicodedata

# Alphabets whose letters are taken for each other's. Others (Han, Kana, Hangul, Arabic …) stand beside Latin every day.
_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"})
_WORD = re.compile(r"[^\W\d_]+")
# Small letters as they are drawn, and those whose capitals only are (В, Н, М, К, Т): as somebody reads them.
_CYRILLIC = ("авеёікмнорстухьѕјһԁԛԝӏ", "abeeikmhopctyxbsjhdqwl")
_GREEK = ("αβεζηικμνορτυχϲ", "abeznikmvoptyxc")
_ARMENIAN = ("օոսցհյ", "onughj")
_SEEN = {ord(theirs): latin for pair in (_CYRILLIC, _GREEK, _ARMENIAN) for theirs, latin in zip(*pair, strict=True)}


def usual(name: str) -> str:
    """The name with fullwidth letters, which are typed every day in Japan, in their usual form: Ａｃｍｅ is Acme."""
    return "".join(
        unicodedata.normalize("NFKC", letter) if unicodedata.east_asian_width(letter) == "F" else letter
        for letter in name
    )


def is_mixed(name: str) -> bool:
    """Whether a word of it has letters of several such alphabets, or letters that only dress up as others."""
    return _is_dressed(name) or any(len(_alphabets(word)) > 1 for word in _WORD.findall(name))


def read_as(name: str) -> str | None:
    """The Latin name for which it is taken, in small letters; None when no word of another alphabet looks Latin."""
    read = [_latin(word) for word in _WORD.findall(name)]
    if not any(changed for _, changed in read):
        return None
    words = iter(read)
    return _WORD.sub(lambda _: next(words)[0], name).casefold()


def _alphabets(word: str) -> set[str]:
    return {unicodedata.name(letter, "").partition(" ")[0] for letter in word} & _ALPHABETS


def _is_dressed(name: str) -> bool:
    """Mathematical and encircled letters: 𝐋𝐞𝐞𝐝𝐬 is no name, Ⅻ and ﬁ are no look-alikes of one letter."""
    for letter in name:
        plain = unicodedata.normalize("NFKC", letter)
        if plain != letter and len(plain) == 1 and plain.isascii() and plain.isalpha() and letter not in "ªº":
            return True
    return False


def _latin(word: str) -> tuple[str, bool]:
    """The word in Latin letters when each of its letters looks like one, and whether that is another word."""
    seen = word.casefold().translate(_SEEN)
    return (seen, True) if seen.isascii() and not word.isascii() else (word.casefold(), False)
