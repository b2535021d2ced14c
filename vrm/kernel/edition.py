"""The committed CSV files → one edition of the trees: what each node is, and what stands for one that vanished."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Self

LANGUAGES = ("en", "de", "fr", "es")  # Those that the files have names in.
_SHAPE = "1"  # Raised when the same lines mean something else to the tables.

Line = Mapping[str, str]


@dataclass(frozen=True)
class Edition:
    """Lines of each tree, parents first, with the columns of its file.

    `successors` maps, for each tree, the slug of a node that an older edition had to the slug that stands for it now.
    """

    lines: Mapping[str, Sequence[Line]]
    successors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def committed(cls, *, least_people: int = 0) -> Self:
        """The edition of this version, with our everyday words as names; of cities those with so many people."""
        words = _words()
        categories = [_with_words(line, words.get(line["id"], {})) for line in _read("categories")]
        regions = [
            line for line in _read("regions") if line["kind"] != "city" or int(line["population"] or 0) >= least_people
        ]
        successors: dict[str, dict[str, str]] = defaultdict(dict)
        for line in _read("successors"):
            successors[line["tree"]][line["gone"]] = line["now"]
        return cls({"categories": categories, "regions": regions}, dict(successors))

    @cached_property
    def digest(self) -> str:
        """The same for the same edition, in hex: a table that has it need not be compared line by line."""
        found = hashlib.sha256(_SHAPE.encode())
        for name, lines in sorted(self.lines.items()):
            found.update(repr((name, self.successors.get(name), [tuple(line.values()) for line in lines])).encode())
        return found.hexdigest()


def _read(name: str) -> list[dict[str, str]]:
    text = files("vrm.data").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _words() -> dict[str, dict[str, list[str]]]:
    """{slug of a category: {language: words}}."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for language in LANGUAGES:
        for line in _read(f"words_{language}"):
            found[line["category"]][language] += line["words"].split("|")
    return found


def _with_words(line: dict[str, str], words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The line with more names; the first name of a language stays its label."""
    for language, more in words.items():
        label = line.get(language) or (line["label"] if language == "en" else "")
        line[language] = "|".join(filter(None, [label, *more]))
    return line
