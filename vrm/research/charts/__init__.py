"""A table of leads that may be shown → every figure of the bench, in the order of the page."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from vrm.kernel.errors import NotFound
from vrm.research.charts.arms import forest, power, randomisation
from vrm.research.charts.figure import Cell, Column, Figure, Say, Table, plain
from vrm.research.charts.places import places, week
from vrm.research.charts.reach import quality, reach
from vrm.research.charts.sellers import funnel, scores
from vrm.research.charts.times import bins, curve, ends
from vrm.research.hours import Clock, Weeks
from vrm.research.metrics import NOT_STATED, By, Measures, measure
from vrm.research.table import LeadTable, Waits, waits

__all__ = ["NAMES", "Cell", "Column", "Figure", "Material", "Say", "Table", "plain"]


@dataclass(frozen=True, slots=True)
class Material:
    """What figures are made of."""

    leads: LeadTable  # With published names, see `release`.
    weeks: Weeks
    names: Mapping[str, str]  # Of vendors that may be named, by their word in the table.
    say: Say = plain
    clock: Clock = "calendar"  # Of the figure of hours.
    _waits: list[Waits] = field(default_factory=list, init=False, repr=False, compare=False)
    _measured: dict[By | None, Measures] = field(default_factory=dict, init=False, repr=False, compare=False)
    _figures: dict[tuple[str, Clock], Figure] = field(default_factory=dict, init=False, repr=False, compare=False)

    def figure(self, name: str) -> Figure:
        """One of NAMES; NotFound for anything else. Each is made once, and drawn once in each size."""
        if name not in _MAKERS:
            raise NotFound("There is no such figure.")
        if (name, self.clock) not in self._figures:
            made = _MAKERS[name](self)
            self._figures[name, self.clock] = replace(made, draw=lru_cache(maxsize=8)(made.draw))
        return self._figures[name, self.clock]

    def by(self, clock: Clock) -> "Material":
        """The same, with hours by this clock; what was worked out is shared."""
        found = replace(self, clock=clock)
        object.__setattr__(found, "_waits", self._waits)
        object.__setattr__(found, "_measured", self._measured)
        object.__setattr__(found, "_figures", self._figures)
        return found

    def figures(self) -> Iterator[Figure]:
        """All of them."""
        for name in NAMES:
            yield self.figure(name)

    def know(self, measured: Mapping[By | None, Measures]) -> None:
        """Take measures of these leads that were worked out before."""
        self._measured.update(measured)

    def measured(self, by: By | None = None) -> Measures:
        """The measures behind them, worked out once."""
        if by not in self._measured:
            arms = self.leads.words["arm"].labels
            self._measured[by] = self._without_arms() if (by, arms) == ("arm", ("",)) else self._measure(by)
        return self._measured[by]

    def _measure(self, by: By | None) -> Measures:
        if not self._waits:
            self._waits.append(waits(self.leads))
        return measure(self.leads, by=by, derived=self._waits[0])

    def _without_arms(self) -> Measures:
        """Where nothing was dealt all leads are the one group without an arm: nothing is worked out again."""
        every = self.measured()
        return replace(every, by="arm", groups=tuple(replace(group, label=NOT_STATED) for group in every.groups))


_MAKERS: Mapping[str, Callable[[Material], Figure]] = {
    "reach": lambda m: reach(m.leads, m.measured(), m.say),
    "curve": lambda m: curve(m.measured(), m.say),
    "ends": lambda m: ends(m.measured(), m.say),
    "bins": lambda m: bins(m.measured(), m.say),
    "places": lambda m: places(m.leads, m.say),
    "week": lambda m: week(m.weeks[m.clock], m.clock, m.say),
    "funnel": lambda m: funnel(m.measured("vendor"), m.say),
    "scores": lambda m: scores(m.measured("vendor"), m.names, m.say),
    "arms": lambda m: forest(m.measured("arm"), m.say),
    "randomisation": lambda m: randomisation(m.leads, m.measured("arm"), m.say),
    "power": lambda m: power(m.measured("arm"), m.say),
    "quality": lambda m: quality(m.measured(), m.say),
}
NAMES = tuple(_MAKERS)
