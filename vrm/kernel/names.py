"""Names as people type them → the things they may mean: folding, exact and type-ahead look-up, mentions in text."""

import difflib
import heapq
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

# Letters that Unicode does not take apart into a base letter and a mark.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ʻ": "'", "ə": "e"}
)
_GAPS = re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.!?:;\n|]")

# Places that are also ordinary words: they count only after a word that leads to a place ("in Nice").
_ORDINARY = frozenset(
    re.findall(
        r"\w+",
        """
        aid alice angel bar bath best big bow brest buy cam can case central chad champion china college colon
        columbia como cork date deal deli dell delta derby east eden enterprise eureka florence ford general georgia
        gift golden green grand guinea hamilton home hope hull independence jersey jordan kent kind lincoln long male
        manual many marina mary max mission mobile most natal nice north nova of oral orange order page pale para
        paradise phoenix post prince pro rally reading sale same santa see sofia south split spring star sun
        surprise temple time tours toyota troy turkey university van via victoria want wanted warren well west worms
        """,
    )
)
_LEADS_TO_A_PLACE = frozenset(
    re.findall(
        r"\w+",
        "in near around from to at of outside inside within across throughout between and or en à bei nahe um aus nach",
    )
)


def fold(text: str) -> str:
    """Lower case, no accents, one space between words: "Köln–Deutz" and "koln deutz" become the same."""
    bare = text.casefold()
    if bare.isascii():
        if bare.isalnum():  # Most names of places, and there are a hundred thousand of them.
            return bare
    else:
        plain = unicodedata.normalize("NFKD", bare).translate(_PLAIN)
        if (lower := plain.casefold()) != plain:  # A mathematical capital has a small letter only once it is plain.
            plain = unicodedata.normalize("NFKD", lower).translate(_PLAIN)
        bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _GAPS.sub(" ", bare.replace("'", "").replace("’", "").replace(".", "")).strip()


def singular(word: str) -> str:
    """The English word without its plural ending, good enough to compare two words with each other."""
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def singulars(folded: str) -> str:
    """Every word of a folded text in the singular; the very same text where none has a plural's ending."""
    if not folded.endswith("s") and "s " not in folded:
        return folded
    return " ".join(map(singular, folded.split()))


@dataclass(frozen=True, slots=True)
class Named:
    """One thing to be found. `rank` orders equals, smallest first."""

    id: int
    label: str
    synonyms: tuple[str, ...]
    rank: tuple[int, ...]
    # Names in other languages: they count where no other name does.
    foreign: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` names one of `ids`, the likeliest first."""

    start: int
    end: int
    ids: tuple[int, ...]


class NameIndex:
    """Looks names up in a set of things that does not change. Each part is built when it is first needed."""

    def __init__(self, things: Iterable[Named]) -> None:
        self._things = {thing.id: thing for thing in things}
        self._letters: dict[tuple[str, int], list[int]] = {}

    @cached_property
    def _labels(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for thing in self._by_rank:
            found[fold(thing.label)].append(thing.id)
        return dict(found)

    @cached_property
    def _synonyms(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for thing in self._by_rank:
            for synonym in dict.fromkeys(map(fold, thing.synonyms)):
                found[synonym].append(thing.id)
        return dict(found)

    @cached_property
    def _foreign(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for thing in self._by_rank:
            names = (name for names in thing.foreign.values() for name in names)
            for name in dict.fromkeys(map(fold, names)):
                if name:
                    found[name].append(thing.id)
        return dict(found)

    @cached_property
    def _by_rank(self) -> list[Named]:
        return sorted(self._things.values(), key=lambda thing: (thing.rank, thing.id))

    def by_label(self, text: str) -> list[int]:
        """Ids of the things whose label is `text`, whatever its case and accents; the likeliest first."""
        return self._labels.get(fold(text), [])

    def by_synonym(self, text: str) -> list[int]:
        """As `by_label`, for the other names."""
        return self._synonyms.get(fold(text), [])

    def by_phrase(self, text: str) -> list[int]:
        """As `by_label` and `by_synonym`, but singular and plural are the same."""
        return self._phrases.get(singulars(fold(text)), [])

    def by_foreign(self, text: str) -> list[int]:
        """As `by_label`, for names in other languages."""
        return self._foreign.get(fold(text), [])

    # --- Type-ahead -------------------------------------------------------------------------------

    @cached_property
    def _starts(self) -> "tuple[list[str], list[array[int]]]":
        """What names begin with from one of their words on, sorted, so that a prefix is one slice; whose they are.

        Of each a row of tiers and ids: there are a quarter of a million, and numbers in a row take a third of the room.
        """
        starts: dict[str, array[int]] = {}
        for tier, names in ((1, self._labels), (3, self._synonyms), (3, self._foreign)):
            for name, ids in names.items():
                at, step = 0, tier
                while True:
                    row = starts.setdefault(name[at:], array("q"))
                    for id_ in ids:
                        row.extend((step, id_))
                    step = tier + 1
                    at = name.find(" ", at) + 1
                    if not at:
                        break
        ordered = sorted(starts)
        return ordered, [starts[name] for name in ordered]

    def search(self, query: str, *, limit: int) -> list[int]:
        """Ids for a name that is being typed, best first.

        The whole name comes before the beginning of a label, of a word in a label, of a synonym, of a word in
        a synonym, and any part of a label; equals are in the order of their rank.
        """
        query = fold(query)
        if not query:
            return [thing.id for thing in self._by_rank[:limit]]
        if len(query) > 1:
            return self._search(query, limit)
        # A single letter begins thousands of names, and there are few letters.
        if (query, limit) not in self._letters:
            self._letters[query, limit] = self._search(query, limit)
        return list(self._letters[query, limit])

    def _search(self, query: str, limit: int) -> list[int]:
        tiers: dict[int, int] = {}
        for names in (self._labels, self._synonyms, self._foreign):
            for id_ in names.get(query, ()):
                tiers[id_] = 0
        for tier, id_ in self._with_prefix(query):
            if tiers.get(id_, 9) > tier:
                tiers[id_] = tier
        if len(tiers) < limit and len(query) > 2:
            for name, ids in self._labels.items():
                if query in name:
                    for id_ in ids:
                        tiers.setdefault(id_, 5)
        return heapq.nsmallest(limit, tiers, key=lambda id_: (tiers[id_], self._things[id_].rank, id_))

    def _with_prefix(self, prefix: str) -> Iterator[tuple[int, int]]:
        ordered, rows = self._starts
        for at in range(bisect_left(ordered, prefix), len(ordered)):
            if not ordered[at].startswith(prefix):
                return
            yield from zip(rows[at][::2], rows[at][1::2], strict=True)

    def close_to(self, text: str, *, limit: int) -> list[int]:
        """Ids of things with a name that looks like `text`, for "did you mean"; the closest first."""
        folded = fold(text)[:60]
        if not folded:
            return []
        found = self.search(folded, limit=limit) or self._same_words(folded, limit=limit)
        alike = difflib.get_close_matches(folded, self._near_in_length(folded), n=limit, cutoff=0.75)
        for name in alike:
            for names in (self._labels, self._synonyms, self._foreign):
                found += names.get(name, ())
        return list(dict.fromkeys(found))[:limit]

    def _near_in_length(self, folded: str) -> list[str]:
        # Comparing with every name would take a second; almost nobody mistypes the first letter.
        near = range(len(folded) - 2, len(folded) + 3)
        names = dict.fromkeys([*self._labels, *self._synonyms, *self._foreign])
        return [name for name in names if len(name) in near and name[:1] == folded[:1]]

    def _same_words(self, folded: str, *, limit: int) -> list[int]:
        """Things that share the most words with `folded`: "second hand cars" → Cars, Trucks & Vans."""
        votes: dict[int, int] = defaultdict(int)
        for word in dict.fromkeys(folded.split()):
            for id_ in self._phrases.get(singular(word), []):
                votes[id_] += 1
        return heapq.nsmallest(limit, votes, key=lambda id_: (-votes[id_], self._things[id_].rank, id_))

    # --- Mentions ---------------------------------------------------------------------------------

    @cached_property
    def _phrases(self) -> dict[str, list[int]]:
        """Folded names in the singular → ids; those with this label before those with this synonym."""
        phrases: dict[str, list[int]] = {}
        for names in (self._labels, self._synonyms):
            for name, ids in names.items():
                single = singulars(name)
                known = phrases.get(single)
                if known is None:
                    phrases[single] = ids  # Most: the same row, not a second one.
                elif more := [id_ for id_ in ids if id_ not in known]:
                    phrases[single] = known + more
        phrases.pop("", None)
        return phrases

    @cached_property
    def _longest(self) -> int:
        return max((name.count(" ") + 1 for name in self._phrases), default=0)

    def mentions(self, text: str, *, capital: bool) -> Iterator[Span]:
        """Where `text` names things, from left to right, the longest name first; spans do not overlap.

        With `capital` a name must begin with a capital in the text ("in Reading", not "reading"), a name of two
        or three letters must be all capitals, and one that is also an ordinary word must follow "in", "near" and
        the like.
        """
        words = [(match.start(), match.end(), match.group()) for match in _WORD.finditer(text)]
        folded = [singulars(fold(word)) for _, _, word in words]
        shouting = text.isupper()
        at = 0
        while at < len(words):
            for size in range(min(self._longest, len(words) - at), 0, -1):
                ids = self._phrases.get(" ".join(folded[at : at + size]))
                start, end = words[at][0], words[at + size - 1][1]
                if not ids or _SENTENCE_END.search(_between(text, words, at, size)):
                    continue
                before = folded[at - 1] if at else ""
                if capital and not _is_a_name(text[start:end], folded[at], size, before, shouting=shouting):
                    continue
                yield Span(start, end, tuple(ids))
                at += size - 1
                break
            at += 1


def _between(text: str, words: list[tuple[int, int, str]], at: int, size: int) -> str:
    """What stands between the words of a phrase, so that no phrase crosses the end of a sentence."""
    return "".join(text[words[i][1] : words[i + 1][0]] for i in range(at, at + size - 1))


def _is_a_name(found: str, first: str, size: int, before: str, *, shouting: bool) -> bool:
    if not found[0].isupper() and found[0].lower() != found[0].upper():
        return False
    if size > 1:
        return True
    if len(found) <= 3 and found.isascii():
        return found.isupper() and (not shouting or before in _LEADS_TO_A_PLACE)
    return before in _LEADS_TO_A_PLACE or (first not in _ORDINARY and found.casefold() not in _ORDINARY)
