"""The fields of a form → values, with a sentence for each that does not hold; what was typed is never lost."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TypeVar

from babel.numbers import NumberFormatError, parse_decimal

from vrm.kernel.errors import BadInput, Candidate, UnknownNode
from vrm.kernel.money import Money, parse_money
from vrm.kernel.tree import Tree
from vrm.web.words import _, locale, zone

_Choice = TypeVar("_Choice", bound=StrEnum)
_FIGURES = re.compile(r"[\d.,]{1,30}", re.ASCII)


class Typed:
    """A form as it came, and what is wrong with it so far. Templates read it with `get`."""

    def __init__(self, fields: Mapping[str, str] | None = None, **preset: str) -> None:
        self._fields: Mapping[str, str] = preset if fields is None else fields
        self.problems: dict[str, str] = {}
        self.candidates: dict[str, Sequence[Candidate]] = {}

    def get(self, name: str, otherwise: str = "") -> str:
        """What was typed into the field."""
        return self._fields.get(name, otherwise)

    def items(self) -> Iterator[tuple[str, str]]:
        """Every field, to be carried on by a hidden one."""
        return ((name, self._fields[name]) for name in self._fields if name != "csrf_token")

    def attempt(self, **renamed: str) -> "_Attempt":
        """Run a verb; what it finds wrong becomes `problems`. `renamed` maps its field names to the form's."""
        return _Attempt(self, renamed)

    def note(self, error: BadInput, renamed: Mapping[str, str]) -> None:
        """Keep what a verb found wrong; the first sentence for a field stays."""
        for field, sentence in error.problems.items():
            self.problems.setdefault(renamed.get(field, field), sentence)
        if isinstance(error, UnknownNode):
            for field in error.problems:
                self.candidates[renamed.get(field, field)] = error.candidates
        # As the fields stand on the page, which is how a browser sends them: a list of problems leads down the form.
        places = {name: place for place, name in enumerate(self._fields)}
        found = sorted(self.problems.items(), key=lambda problem: places.get(problem[0], len(places)))
        self.problems.clear()
        self.problems.update(found)

    def choice(self, name: str, closed_set: type[_Choice], otherwise: _Choice) -> _Choice:
        """One of a closed set."""
        value = self.get(name)
        if not value:
            return otherwise
        try:
            return closed_set(value)
        except ValueError:
            self.problems[name] = _("Please choose one of those that are offered.")
            return otherwise

    def whole(self, name: str, otherwise: int) -> int:
        """A whole number."""
        value = self.get(name).strip().replace(",", "")
        if not value:
            return otherwise
        if not (value.isascii() and value.isdigit() and len(value) <= 9):
            self.problems[name] = _("Please write a whole number, such as 1.")
            return otherwise
        return int(value)

    def whole_or_none(self, name: str) -> int | None:
        """A whole number; None when none was given."""
        return self.whole(name, 0) if self.get(name).strip() else None

    def kilometres(self, name: str) -> float | None:
        """A distance, such as "30" or "2.5 km"; None when none was given."""
        value = self.get(name).strip().lower().removesuffix("km").strip().replace(",", ".")
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", value):
            self.problems[name] = _("Please write how many kilometres, such as 30.")
            return None
        return float(value)

    def lines(self, name: str) -> tuple[str, ...]:
        """What was typed, one to a line or between commas."""
        return tuple(filter(None, (part.strip() for part in re.split(r"[\n,;]", self.get(name)))))

    def day(self, name: str) -> date | None:
        """A day, as a date field sends it; None when none was given."""
        value = self.get(name).strip()
        if not value:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.problems[name] = _("Please write the day as year-month-day, such as 2027-06-30.")
            return None

    def end_of_day(self, name: str) -> datetime | None:
        """The last second of a day in the reader's zone; None when none was given."""
        value = self.day(name)
        if value is None:
            return None
        try:
            return datetime.combine(value, time(23, 59, 59), zone()).astimezone(UTC)
        except OverflowError:
            self.problems[name] = _("That day is too far away.")
            return None

    def money(self, name: str, currency: str) -> Money | None:
        """An amount, in the currency that the field `currency` names; None when none was given."""
        if not self.get(name).strip():
            return None
        try:
            return parse_money(_in_figures(self.get(name)), self.get(currency), field=name)
        except BadInput as error:
            self.note(error, {})
            return None

    def node(self, name: str, tree: Tree) -> int | None:
        """A category or region: chosen from suggestions, or from "did you mean", or understood from its name."""
        meant = self.get(f"{name}_meant")
        if meant:
            node = tree.by_slug(meant)
            if node is not None:
                return node.id
        text = self.get(name).strip()
        if not text:
            return None
        chosen = tree.by_slug(self.get(f"{name}_slug"))
        if chosen is not None and text in (chosen.label, chosen.label_in(locale())):
            return chosen.id
        kind = name.removeprefix("home_")  # What the sentence calls it.
        try:
            return tree.resolve(text, field=kind, language=locale()).id
        except UnknownNode as error:
            self.note(error, {kind: name})
            return None


def _in_figures(amount: str) -> str:
    """What the reader's language writes as 11.495,50 as programs do: 11495.50. Anything else is as it was."""
    bare = amount.strip(" £$€\u00a0\u202f")
    if _FIGURES.fullmatch(bare):
        try:
            return str(parse_decimal(bare, locale=locale(), strict=True))
        except NumberFormatError:
            pass  # "12.50", on a German page, is no number of thousands.
    return bare


class _Attempt:
    """A block in which BadInput is noted in the form instead of raised."""

    def __init__(self, typed: Typed, renamed: Mapping[str, str]) -> None:
        self._typed, self._renamed = typed, renamed

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, BadInput):
            return False
        self._typed.note(error, self._renamed)
        return True


def preset_node(name: str, tree: Tree, node_id: int | None) -> dict[str, str]:
    """The fields of a `node` macro for a node that was chosen before."""
    if node_id is None:
        return {}
    node = tree.node(node_id)
    return {name: node.label_in(locale()), f"{name}_slug": node.slug}
