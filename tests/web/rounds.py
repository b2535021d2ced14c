"""Strings into all fields of a form or an operation at once, each another, until each field has had each of them."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Said:
    """What one request came to."""

    status: int
    refused: frozenset[str]  # Fields that the answer says are wrong; "" is none in particular.


class Target(Protocol):
    """A form or an operation, about something that is there."""

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> Sequence[str]: ...

    def send(self, words: dict[str, str]) -> Said:
        """Fill these fields with words and the others with something ordinary. Fails where what comes is wrong."""


@dataclass
class Got:
    """How many strings each field was judged by: kept as they should be, or refused at that field."""

    judged: Counter[tuple[str, str]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, target: Target, fields: Sequence[str], how: str) -> None:
        self.counts[how] += len(fields)
        self.judged.update((target.name, name) for name in fields)

    def never(self, targets: Sequence[Target]) -> Iterator[str]:
        """Fields of which nothing is known, because something else stood in the way each time."""
        for target in targets:
            yield from (f"{target.name} {name}" for name in target.fields if not self.judged[target.name, name])

    def many(self, targets: Sequence[Target], turns: int) -> int:
        """How many fields were judged by each of so many strings."""
        return sum(self.judged[target.name, name] >= turns for target in targets for name in target.fields)


def fill(target: Target, words: dict[str, str], got: Got) -> None:
    """All at once; what is refused is put back to something ordinary, until the others are judged by themselves."""
    left = dict(words)
    while left:
        said = target.send(left)
        got.counts["requests"] += 1
        if said.status < 400:
            return got.note(target, list(left), "kept")
        if said.status not in (400, 404, 422):
            got.counts["not now"] += 1  # Whatever is typed: it is too late, or somebody else's.
            return None
        named = [name for name in left if name in said.refused] or _beside(left, said.refused)
        if not named and len(left) > 1:
            for name, typed in left.items():
                fill(target, {name: typed}, got)
            return None
        named = named or list(left)
        got.note(target, named, "refused")
        left = {name: left[name] for name in left if name not in named}
    return None


def _beside(left: dict[str, str], refused: frozenset[str]) -> list[str]:
    """Parts of what was refused as a whole, or beside a part that was: budget/currency of budget/max."""
    wholes = {name.partition("/")[0] for name in refused}
    return [name for name in left if name.partition("/")[0] in wholes]


def rounds(targets: Sequence[Target], strings: Sequence[str], got: Got, *, turns: int, until: float) -> None:
    """So many turns for each target, or as many as its share of the time allows (`until` is a moment of monotonic)."""
    for number, target in enumerate(targets):
        ends = time.monotonic() + (until - time.monotonic()) / (len(targets) - number)
        names = list(target.fields)
        for turn in range(turns):
            at = turn + 7 * number
            fill(target, {name: strings[(at + place) % len(strings)] for place, name in enumerate(names)}, got)
            if time.monotonic() > ends:
                break
