"""Waits of several groups → one test of whether they answer alike: log-rank, stratified and weighted.

The test takes leads for independent. Leads of one intent are not: between the arms of an experiment give `cluster`.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from vrm.research.distributions import chi2_tail
from vrm.research.segments import Bools, Floats, Ints
from vrm.research.survival import kaplan_meier

ROWS = 65_536  # Moments worked on at once, so that many groups and many moments do not fill the memory.


@dataclass(frozen=True, slots=True)
class LogRank:
    """The statistic, its degrees of freedom, and the chance of one as large when all groups answer alike."""

    chi2: float
    df: int
    p: float

    def as_json(self) -> dict[str, float | int]:
        return asdict(self)


def log_rank(
    t_s: Ints,
    event: Bools,
    group: Ints,
    groups: int,
    *,
    stratum: Ints | None = None,
    rho: float = 0.0,
    cluster: Ints | None = None,
) -> LogRank | None:
    """Compare `groups` groups, numbered from 0. None where there is nothing to compare.

    With `stratum`, groups are compared within each stratum and the differences summed. `rho` weighs each moment by
    S(t−)^ρ of the leads of its stratum together: 0 is the log-rank test, 1 Peto's and Prentice's Wilcoxon, which
    looks at early answers. With `cluster`, the variance is that of the sums over the leads of one cluster.
    (Mantel 1966; Fleming & Harrington 1991, §7.2; clusters: Lin & Wei's residuals, 1989, at no effect.)
    """
    score, variance = np.zeros(groups), np.zeros((groups, groups))
    residuals = np.zeros((t_s.size, groups)) if cluster is not None else None
    for rows in _strata(stratum, t_s.size):
        part = _Stratum.of(t_s[rows], event[rows], group[rows], groups, rho=rho)
        score += part.score()
        if residuals is None:
            variance += part.variance()
        else:
            residuals[rows] = part.residuals()
    if residuals is not None and cluster is not None:
        sums = np.zeros((int(cluster.max(initial=-1)) + 1, groups))
        np.add.at(sums, cluster, residuals)
        many = np.count_nonzero(np.bincount(cluster))
        variance = sums.T @ sums * (many / (many - 1) if many > 1 else 0.0)
    return _test(score, variance)


def _strata(stratum: Ints | None, size: int) -> Iterator[Ints]:
    """The rows of each stratum."""
    if stratum is None:
        yield np.arange(size)
        return
    order = np.argsort(stratum, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1)


@dataclass(frozen=True, slots=True)
class _Stratum:
    """The leads of one stratum, and its moments at which somebody answered."""

    t_s: Ints
    group: Ints
    groups: int
    gained: Floats  # For each lead the weight of the moment at which it was answered; 0 where it was not.
    moments: Ints
    at_risk: Ints
    events: Ints
    weight: Floats

    @classmethod
    def of(cls, t_s: Ints, event: Bools, group: Ints, groups: int, *, rho: float) -> "_Stratum":
        curve = kaplan_meier(t_s, event)
        at = curve.events > 0
        moments = curve.t_s[at]
        weight = np.concatenate(([1.0], 1.0 - curve.answered))[:-1][at] ** rho
        gained = np.zeros(t_s.shape)
        gained[event] = weight[np.searchsorted(moments, t_s[event])]
        return cls(t_s, group, groups, gained, moments, curve.at_risk[at], curve.events[at], weight)

    def shares(self, part: slice) -> Floats:
        """(moments, groups): the part of those at risk just before each moment that is of each group."""
        found = np.zeros((self.moments[part].size, self.groups))
        for each in range(self.groups):
            waits = np.sort(self.t_s[self.group == each])
            found[:, each] = waits.size - np.searchsorted(waits, self.moments[part], side="left")
        return found / self.at_risk[part, np.newaxis]

    def score(self) -> Floats:
        """Observed less expected answers of each group, weighted."""
        found = np.bincount(self.group, weights=self.gained, minlength=self.groups).astype(np.float64)
        for part in self._parts():
            found -= (self.weight[part] * self.events[part]) @ self.shares(part)
        return found

    def variance(self) -> Floats:
        """Of the score when groups answer alike: hypergeometric at each moment."""
        n, d = self.at_risk, self.events
        scale = np.divide(d * (n - d), n - 1, out=np.zeros(n.shape), where=n > 1) * self.weight**2
        found = np.zeros((self.groups, self.groups))
        for part in self._parts():
            shares = self.shares(part)
            found += np.diag(scale[part] @ shares) - (shares * scale[part, np.newaxis]).T @ shares
        return found

    def residuals(self) -> Floats:
        """(leads, groups): what each lead added to the score, less what its being at risk was expected to add."""
        shares = self.shares(slice(None))
        hazard = self.weight * self.events / self.at_risk
        lived = np.searchsorted(self.moments, self.t_s, side="right")
        expected = np.concatenate(([0.0], np.cumsum(hazard)))[lived]
        nothing = np.zeros((1, self.groups))
        centre = np.concatenate((nothing, np.cumsum(shares * hazard[:, np.newaxis], axis=0)))[lived]
        own = np.concatenate((nothing, shares))[lived]  # Of the moment of the answer, where there is one.
        member = self.group[:, np.newaxis] == np.arange(self.groups)
        return np.asarray(self.gained[:, np.newaxis] * (member - own) - expected[:, np.newaxis] * member + centre)

    def _parts(self) -> Iterator[slice]:
        return (slice(begin, begin + ROWS) for begin in range(0, self.moments.size, ROWS))


def _test(score: Floats, variance: Floats) -> LogRank | None:
    compared = np.diag(variance) > 1e-12 * max(float(np.diag(variance).max(initial=0.0)), 1e-300)
    if int(compared.sum()) < 2:
        return None
    square = variance[np.ix_(compared, compared)]
    # Rank, not the number of groups: strata may leave groups that never meet.
    inverse, df = np.linalg.pinv(square, rcond=1e-9, hermitian=True), int(np.linalg.matrix_rank(square, rtol=1e-9))
    chi2 = float(score[compared] @ inverse @ score[compared])
    return LogRank(chi2, df, chi2_tail(chi2, df)) if df else None
