"""A word that nobody knows -> the known word that it was surely meant to be: "wardorbe", "wahsing". Pure."""

from collections import defaultdict
from collections.abc import Iterable

_SHORTEST = 6
_TWO_SLIPS = 8  # From so many letters on two slips are forgiven.


class Spelling:
    """Known words by their first letter and length."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
        self._known = frozenset(words)
        for word in sorted(self._known):
            if len(word) >= _SHORTEST - 1 and word.isalpha():
                self._words[word[0], len(word)].append((_letters(word), word))

    def __contains__(self, word: str) -> bool:
        return word in self._known

    def nearest(self, word: str) -> str | None:
        """The known word one slip away (two in a long word); None for a word that is known, short or alone.

        Almost nobody mistypes the first letter, but two may change places.
        """
        if word in self._known or len(word) < _SHORTEST or not word.isalpha():
            return None
        most = 2 if len(word) >= _TWO_SLIPS else 1
        best, least, letters = None, most + 1, _letters(word)
        for first in dict.fromkeys((word[0], word[1])):
            for length in range(len(word) - most, len(word) + most + 1):
                for others, other in self._words.get((first, length), ()):
                    if (letters ^ others).bit_count() > most + 1 or (first != word[0] and other[1] != word[0]):
                        continue
                    apart = slips(word, other, least - 1)
                    if apart < least:
                        best, least = other, apart
        return best


def _letters(word: str) -> int:
    """Which of the letters a to z stand in a word, as bits: two words that differ in many are far apart."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 31)
    return bits


def slips(one: str, other: str, most: int) -> int:
    """Letters that are wrong, missing, too many or swapped between two words; `most` + 1 stands for "more"."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    if max(len(one), len(other)) <= 1:
        return max(len(one), len(other)) if most else most + bool(one or other)
    if most < 1 or abs(len(one) - len(other)) > most:
        return most + 1
    if one[:2] == other[1::-1]:
        swapped = 1 + slips(one[2:], other[2:], most - 1)
        if swapped <= 1:
            return swapped
    return min(most + 1, 1 + min(slips(one[1:], other, most - 1), slips(one, other[1:], most - 1),
                                 slips(one[1:], other[1:], most - 1)))  # fmt: skip
