"""Strings into all fields of a form or an operation at once, each another, until each field has had each of them."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Back = Callable[[], None]
_AT_A_TIME = 20


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
    wrong: list[str] = field(default_factory=list)  # What should not have come, and how it was brought about.

    def note(self, target: Target, fields: Sequence[str], how: str) -> None:
        self.counts[how] += len(fields)
        self.judged.update((target.name, name) for name in fields)

    def never(self, targets: Sequence[Target]) -> Iterator[str]:
        """Fields of which nothing is known, because something else stood in the way each time."""
        for target in targets:
            yield from (f"{target.name} {name}" for name in target.fields if not self.judged[target.name, name])

    def fewer(self, targets: Sequence[Target], turns: int) -> Counter[str]:
        """The fields that were not judged by each of so many strings, and by how many they were."""
        judged = {
            f"{target.name} {name}": self.judged[target.name, name] for target in targets for name in target.fields
        }
        self.counts["fields"] = len(judged)
        self.counts["strings"] = turns
        few = Counter({name: many for name, many in judged.items() if many < turns})
        self.counts["fields that had all strings"] = len(judged) - len(few)
        return few


def fill(target: Target, words: dict[str, str], got: Got, back: Back) -> None:
    """All at once; what is refused is put back to something ordinary, until the others are judged by themselves."""
    left, too_late = dict(words), False
    while left:
        got.counts["requests"] += 1
        try:
            said = target.send(left)
        except AssertionError as wrong:  # It is told in the end, so that one run finds all.
            got.wrong.append(f"{target.name}: {wrong}"[:2000])
            return got.note(target, list(left), "wrong")
        if said.status < 400:
            return got.note(target, list(left), "kept")
        if said.status not in (400, 404, 422):
            # Whatever is typed: it was done before.
            if too_late:
                got.counts["not now"] += 1
                return None
            back()
            too_late = True
            continue
        named = [name for name in left if name in said.refused] or _beside(left, said.refused)
        if not named and len(left) > 1:
            for name, typed in left.items():
                fill(target, {name: typed}, got, back)
            return None
        named = named or list(left)
        got.note(target, named, "refused")
        left = {name: left[name] for name in left if name not in named}
    return None


def _beside(left: dict[str, str], refused: frozenset[str]) -> list[str]:
    """Parts of what was refused as a whole, or beside a part that was: budget/currency of budget/max."""
    wholes = {name.partition("/")[0] for name in refused}
    return [name for name in left if name.partition("/")[0] in wholes]


def rounds(
    targets: Sequence[Target], strings: Sequence[str], got: Got, *, turns: int, until: float, mark: Callable[[], Back]
) -> None:
    """So many turns for each target; after the first of each, as many as the time allows (`until` is of monotonic).

    They take turns, each with things as they are now, to which `mark` gives the way back.
    """
    back = mark()
    waiting = deque((number, target, 0) for number, target in enumerate(targets))
    while waiting:
        number, target, first = waiting.popleft()
        if first and time.monotonic() > until:
            return
        names, last = list(target.fields), min(first + _AT_A_TIME, turns) if first else 1
        for turn in range(first, last):
            at = turn + 7 * number
            fill(target, {name: strings[(at + place) % len(strings)] for place, name in enumerate(names)}, got, back)
        back()
        if last < turns:
            waiting.append((number, target, last))
