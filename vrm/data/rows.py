"""What a line of a tree's CSV file says, and how it gets a slug that stays."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from vrm.kernel.names import fold

# Labels and synonyms are English; `de`, `fr` and `es` have the label in that language and then other names.
LANGUAGES = ("de", "fr", "es")
COLUMNS = (
    "id", "parent", "kind", "label", "lat", "lon", "population", "zone", "synonyms", "codes", "members", *LANGUAGES,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One node. `parent` and `members` are slugs; `codes` are "scheme:code" in the sources, the first one its own."""

    slug: str
    parent: str
    kind: str
    label: str
    lat: float | None = None
    lon: float | None = None
    population: int = 0
    zone: str = ""
    synonyms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # By language, the label first.

    def with_synonyms(self, synonyms: tuple[str, ...]) -> "Row":
        """The same node with other synonyms."""
        return replace(self, synonyms=synonyms)

    def cells(self) -> tuple[str, ...]:
        """The values of COLUMNS, as text."""
        spoken = [self.names.get(language, ()) for language in LANGUAGES]
        lists = (
            "|".join(part.replace("|", "/") for part in many)
            for many in (self.synonyms, self.codes, self.members, *spoken)
        )
        place = ("" if degrees is None else f"{degrees:g}" for degrees in (self.lat, self.lon))
        people = str(self.population) if self.population else ""
        return (self.slug, self.parent, self.kind, self.label, *place, people, self.zone, *lists)


def as_csv(rows: Iterable[Row]) -> str:
    """The file, header first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return text.getvalue()


class Slugs:
    """Hands out unique slugs; a code that had one in the committed file keeps it, whatever else is added."""

    def __init__(self, kept: Mapping[str, str]) -> None:
        self._kept = dict(kept)
        self._taken = set(kept.values())

    def give(self, code: str, *tries: str) -> str:
        """The slug of `code`: the one it had, else the first of `tries` that is free, else the last with a number."""
        if code in self._kept:
            return self._kept[code]
        wishes = [ascii_slug(wish) or ascii_slug(code) for wish in tries]
        wishes += [f"{wishes[-1]}-{count}" for count in range(2, 100)]
        slug = next(slug for slug in wishes if slug not in self._taken)
        self._taken.add(slug)
        self._kept[code] = slug
        return slug

    def rename(self, code: str, *tries: str) -> str:
        """A slug after a better label, in place of the one that `code` was just given for its first label."""
        if self._kept[code] in map(ascii_slug, tries):
            return self._kept[code]
        self._taken.discard(self._kept.pop(code))
        return self.give(code, *tries)


def distinct(names: Iterable[str], label: str) -> tuple[str, ...]:
    """The names that differ from the label and from each other in more than case and accents; the first wins."""
    kept: dict[str, str] = {"": "", fold(label): ""}
    for name in names:
        kept.setdefault(fold(name), name)
    return tuple(name for name in kept.values() if name)


def ascii_slug(text: str) -> str:
    """Only a-z, 0-9 and single dashes."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower())
    return "-".join(part for part in kept.split("-") if part)
