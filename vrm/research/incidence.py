"""Waits that can end in several ways → the share that ended in each, over time (Aalen–Johansen), with standard errors.

Unlike 1 − Kaplan–Meier for each way apart, these shares never sum to more than one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vrm.research.segments import Bools, Floats, Ints, Segments
from vrm.research.survival import Share, log_log, steps_by

NOISE = 1e-13  # A difference of sums that is smaller than this part of them is rounding.


@dataclass(frozen=True, slots=True)
class Incidence:
    """One way to end: an entry per distinct wait, ascending. Columns as in `Curve`; known until `last_s`.

    `low` and `high` are the log-log 95 % interval of 1 − share, so that with a single way to end this is the
    response curve to the last digit of the paper.
    """

    t_s: Ints
    events: Ints
    share: Floats
    se: Floats
    low: Floats
    high: Floats
    last_s: int

    def steps(self) -> "Incidence":
        """The same, where it steps and at its end only: a tenth of the entries, where most wait or end otherwise."""
        rows = self.events > 0
        rows[-1:] = True
        return Incidence(
            t_s=self.t_s[rows],
            events=self.events[rows],
            share=self.share[rows],
            se=self.se[rows],
            low=self.low[rows],
            high=self.high[rows],
            last_s=self.last_s,
        )

    def by(self, horizon_s: int) -> Share | None:
        """The share that ended so by this time; None: not yet observable."""
        if horizon_s < 0 or horizon_s > self.last_s:
            return None
        place = int(np.searchsorted(self.t_s, horizon_s, side="right")) - 1
        if place < 0:
            return Share(0.0, 0.0, 0.0)
        return Share(float(self.share[place]), float(self.low[place]), float(self.high[place]))


@dataclass(frozen=True, slots=True)
class Incidences:
    """Every way of many groups, laid end to end; iterate over the ways of one group with `of`."""

    segments: Segments
    t_s: Ints
    events: tuple[Ints, ...]  # A column for each way, as the next four.
    share: tuple[Floats, ...]
    se: tuple[Floats, ...]
    low: tuple[Floats, ...]
    high: tuple[Floats, ...]
    open_at_end: Bools  # For each group: somebody was still waiting when the curve ended.
    followed_s: Ints

    def of(self, group: int) -> Iterator[Incidence]:
        """The ways of this group, in the order of their numbers."""
        end = int(self.segments.ends[group])
        rows = slice(int(self.segments.ends[group - 1]) if group else 0, end)
        t_s = self.t_s[rows]
        last = int(t_s[-1]) if t_s.size else -1
        if t_s.size and not self.open_at_end[group]:
            last = max(last, int(self.followed_s[group]))
        for way, events in enumerate(self.events):
            share, se = self.share[way][rows], self.se[way][rows]
            yield Incidence(t_s, events[rows], share, se, self.low[way][rows], self.high[way][rows], last)


def _band(share: Floats, se: Floats) -> tuple[Floats, Floats]:
    rest = np.where(share < 1.0 - NOISE, 1.0 - share, 0.0)
    low, high = log_log(rest, np.divide(se, rest, out=np.zeros(rest.shape), where=rest > 0.0))
    return 1.0 - high, 1.0 - low


def aalen_johansen(t_s: Ints, kind: Ints, *, kinds: int, followed_s: int | None = None) -> list[Incidence]:
    """The cumulative incidence of each of `kinds` ways to end.

    `kind` is 0 where the wait was still running when we stopped looking, else 1 … `kinds`. An event and an end of
    watching in the same second: the event comes first. Raises ValueError as kaplan_meier does. (Aalen & Johansen
    1978; variance: Dinse & Larson 1986, eq. 6, which without censoring is the binomial one.)
    """
    limit = None if followed_s is None else np.array([followed_s])
    alone = np.zeros(t_s.shape, dtype=np.int64)
    return list(aalen_johansen_by(t_s, kind, alone, 1, kinds=kinds, followed_s=limit).of(0))


def aalen_johansen_by(
    t_s: Ints, kind: Ints, group: Ints, groups: int, *, kinds: int, followed_s: Ints | None = None
) -> Incidences:
    """The same for each of `groups` groups, numbered from 0, in one pass; see kaplan_meier_by."""
    steps = steps_by(t_s, kind, group, groups, kinds=kinds)
    segments, at_risk = steps.segments, steps.at_risk.astype(np.float64)
    every = sum(steps.events, start=np.zeros(at_risk.shape))
    left = at_risk - every
    silent = segments.running(np.multiply, left / at_risk)
    weight = segments.before(silent, 1.0) / at_risk
    terms = np.divide(every, at_risk * left, out=np.zeros(at_risk.shape), where=left > 0.0)
    shares, errors = [], []
    for events in steps.events:
        share = segments.running(np.add, weight * events)
        # Σ (I(t) − Iᵢ)² aᵢ + Σ wᵢ² dᵢ(nᵢ − dᵢ)/nᵢ − 2 Σ (I(t) − Iᵢ) wᵢ dᵢ/nᵢ, its squares multiplied out.
        own = weight**2 * events * (at_risk - events) / at_risk
        cross = weight * events / at_risk
        squares = segments.running(np.add, terms * share**2 + own + 2.0 * share * cross)
        plain = segments.running(np.add, terms * share + cross)
        whole = share**2 * segments.running(np.add, terms) + squares
        variance = whole - 2.0 * share * plain
        variance[variance < NOISE * whole] = 0.0
        shares.append(share)
        errors.append(np.sqrt(variance))
    bands = [_band(share, se) for share, se in zip(shares, errors, strict=True)]
    ends = np.where(segments.sizes > 0, segments.ends - 1, -1)
    return Incidences(
        segments=segments,
        t_s=steps.t_s,
        events=steps.events,
        share=tuple(shares),
        se=tuple(errors),
        low=tuple(low for low, _ in bands),
        high=tuple(high for _, high in bands),
        open_at_end=np.append(left, 0.0)[ends] > 0.0,
        followed_s=np.append(steps.t_s, -1)[ends] if followed_s is None else followed_s,
    )
