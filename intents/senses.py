"""Which categories a text is near to in meaning, whatever its words: beside `suggest`, where a model is installed.

Each category stands under all of its English names: its label, its synonyms, everyday words, what lies below it. A text
is as near to it as to the nearest of these.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from intents.lexicon import Lexicon
from intents.suggest import MOST, Suggestion
from intents.vocabulary import offered
from vrm.kernel.tree import Tree

LANGUAGE = "en"  # The only one that the model was taught.
_FLOOR = 0.3  # The cosine of what has nothing in common.
# How much being near says beside what the words say: on the half for tuning, anything from 0.3 to 1 is alike.
_SAYS = 0.6
_LOOKED_AT = 8
_LEAST = 0.1  # Of what is only near: below it, it is near to nothing.


class Encodes(Protocol):
    """What turns texts into vectors; see `embedding.Encoder`."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row of length 1 for each text."""
        ...


class Senses:
    """The names of a tree's categories as vectors. Does not change."""

    def __init__(self, names: Sequence[tuple[int, str]], vectors: NDArray[np.float32], encoder: Encodes) -> None:
        order = sorted(range(len(names)), key=lambda at: names[at][0])
        self._names: list[str] = [names[at][1] for at in order]
        self._vectors = vectors[order]
        ids = np.array([names[at][0] for at in order])
        self._begins = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
        self._ids = ids[self._begins]
        self._encoder = encoder

    @classmethod
    def of(cls, tree: Tree, lexicon: Lexicon, encoder: Encodes, kept: Path | None = None) -> Self:
        """From the tree and the lexicon; half a minute, or a second when `kept` has the vectors of before.

        `kept` is a file that is written when a name is not in it.
        """
        names = list(dict.fromkeys(_names(tree, lexicon)))
        known = _read(kept)
        missing = list(dict.fromkeys(name for _, name in names if name not in known))
        if missing:
            known |= dict(zip(missing, encoder.encode(missing).astype(np.float16), strict=True))
            _write(kept, known)
        return cls(names, np.array([known[name] for _, name in names], np.float32), encoder)

    def weigh(self, text: str, suggestions: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
        """At most five: what was suggested and what is near to the text, in a new order."""
        if not text.strip():
            return tuple(suggestions)
        cosines = self._vectors @ self._encoder.encode([text])[0]
        best = np.maximum.reduceat(cosines, self._begins)
        weights = {int(self._ids[at]): self._weight(best[at]) for at in np.argsort(-best)[:_LOOKED_AT]}
        near = {id_: weight for id_, weight in weights.items() if weight >= _LEAST}
        said = {suggestion.node_id: suggestion for suggestion in suggestions}
        for id_ in said.keys() - near.keys():
            at = int(np.searchsorted(self._ids, id_))
            if at < len(self._ids) and self._ids[at] == id_:
                near[id_] = self._weight(best[at])
        totals = {id_: weight + (said[id_].confidence if id_ in said else 0.0) for id_, weight in near.items()}
        found: list[Suggestion] = []
        for id_ in sorted(totals, key=lambda id_: -totals[id_])[:MOST]:
            most = found[-1].confidence if found else 0.99
            why = said[id_].why if id_ in said else self._nearest(cosines, id_)
            found.append(Suggestion(id_, round(min(totals[id_], most), 2), why))
        return tuple(found)

    def _weight(self, cosine: float) -> float:
        return _SAYS * max(0.0, (float(cosine) - _FLOOR) / (1 - _FLOOR))

    def _nearest(self, cosines: NDArray[np.float32], id_: int) -> str:
        at = int(np.searchsorted(self._ids, id_))
        first = self._begins[at]
        last = self._begins[at + 1] if at + 1 < len(self._begins) else len(cosines)
        nearest = int(first) + int(np.argmax(cosines[first:last]))
        return self._names[nearest].lower()


def _names(tree: Tree, lexicon: Lexicon) -> Iterator[tuple[int, str]]:
    for node in offered(tree):
        for name in (node.label, *node.synonyms):
            yield node.id, name
    for words in (lexicon.words, lexicon.deeper):
        for slug, word in words.get(LANGUAGE, ()):
            there = tree.by_slug(slug)
            if there is not None:
                yield there.id, word


def _read(kept: Path | None) -> dict[str, NDArray[np.float16]]:
    if kept is None or not kept.exists():
        return {}
    try:
        with kept.open("rb") as handle, np.load(handle, allow_pickle=False) as there:
            return dict(zip(there["names"].tolist(), there["vectors"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}  # It is made again.


def _write(kept: Path | None, known: dict[str, NDArray[np.float16]]) -> None:
    if kept is None:
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Whoever reads meanwhile sees the file of before.
    beside = kept.with_suffix(f".{os.getpid()}.npz")
    np.savez(beside, names=np.array(list(known)), vectors=np.array(list(known.values())))
    beside.replace(kept)
