"""Leads of two arms of an experiment → the difference in the share answered, its interval, and an exact-minded p.

The unit is the intent: its leads share a text, a customer and an hour, so they are never taken for independent.
"""

from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np

from vrm.research.distributions import t_reach, t_two_sided
from vrm.research.segments import Bools, Floats, Ints
from vrm.research.survival import Curve, kaplan_meier, share_by

DRAWS = 5_000
SEED = 2008
LEAST_INTENTS = 8  # In each arm; with fewer, sums over clusters say too little about their own spread.
_AT_ONCE = 4_000_000  # Random numbers held in memory at once.


@dataclass(frozen=True, slots=True)
class Difference:
    """F_A(H) − F_B(H). The rest is None where an arm has fewer than LEAST_INTENTS intents."""

    estimate: float
    se: float | None = None
    df: int | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


def influence(t_s: Ints, event: Bools, horizon_s: int) -> Floats | None:
    """How much each lead moved F(horizon): the derivative of Kaplan–Meier by the weight of that lead.

    Their squares sum to Greenwood's variance but for ties; without censoring they are (y − mean y)/n. None where
    the horizon is not yet observable. (The infinitesimal jackknife: Efron 1982.)
    """
    curve = kaplan_meier(t_s, event)
    share = _share(curve, horizon_s)
    if share is None:
        return None
    steps = (curve.events > 0) & (curve.t_s <= horizon_s)
    moments, n, d = curve.t_s[steps], curve.at_risk[steps], curve.events[steps]
    if (n == d).any() or not moments.size:
        return np.zeros(t_s.shape)  # Everybody, or nobody, whatever the weights.
    lived = np.searchsorted(moments, t_s, side="right")
    expected = np.concatenate(([0.0], np.cumsum(d / (n * (n - d)))))[lived]
    gained = np.where(event & (t_s <= horizon_s), np.append(1.0 / (n - d), 0.0)[lived - 1], 0.0)
    return np.asarray((1.0 - share) * (gained - expected), dtype=np.float64)


def _share(curve: Curve, horizon_s: int) -> float | None:
    """F(horizon); 1 when nobody is left, however long they would have been watched."""
    share = share_by(curve, horizon_s)
    if share is not None:
        return share.estimate
    return 1.0 if curve.t_s.size and curve.answered[-1] >= 1.0 else None


def share_difference(t_s: Ints, event: Bools, treated: Bools, intent: Ints, horizon_s: int) -> Difference | None:
    """The share answered by the horizon where `treated`, less that elsewhere; 95 % interval and p by intents.

    Clusters are summed and their squares corrected as CR1, against t with G − 2 degrees of freedom; without
    censoring this is the regression on the arm. None where an arm's horizon is not yet observable. (Liang & Zeger
    1986; Cameron & Miller 2015, §II.B and §VI.D.)
    """
    parts = []
    moved = np.zeros(t_s.shape)
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        share = _share(kaplan_meier(t_s[arm], event[arm]), horizon_s)
        effects = influence(t_s[arm], event[arm], horizon_s)
        if share is None or effects is None:
            return None
        moved[arm] = sign * effects
        parts.append(share)
    estimate = parts[0] - parts[1]
    if min(np.unique(intent[arm]).size for arm in (treated, ~treated)) < LEAST_INTENTS:
        return Difference(estimate)
    names, place = np.unique(intent, return_inverse=True)
    sums = np.bincount(place, weights=moved)
    many, leads = names.size, t_s.size
    se = sqrt(float((sums**2).sum()) * many / (many - 1) * (leads - 1) / (leads - 2))
    df = many - 2
    reach = t_reach(df) * se
    p = t_two_sided(estimate / se, df) if se > 0.0 else None
    return Difference(estimate, se, df, estimate - reach, estimate + reach, p)


@dataclass(frozen=True, slots=True)
class Randomisation:
    """What the difference would have been under other draws of the arms, for a histogram; p is two-sided."""

    observed: float
    differences: Floats
    p: float


def randomisation_test(
    value: Floats, treated: Bools, intent: Ints, block: Ints, *, draws: int = DRAWS, seed: int = SEED
) -> Randomisation:
    """Deal the arms anew among the intents of each block, as they were dealt, and compare.

    `value` is a figure of each lead that does not know its arm, such as a pseudo-value from all leads together;
    compared are the means of the two arms. An intent has one arm and one block, else ValueError. The p counts the
    deal that happened, so that it is never 0. (Fisher 1935; Phipson & Smyth 2010.)
    """
    return randomisation_tests(value[:, np.newaxis], treated, intent, block, draws=draws, seed=seed)[0]


def randomisation_tests(
    values: Floats, treated: Bools, intent: Ints, block: Ints, *, draws: int = DRAWS, seed: int = SEED
) -> list[Randomisation]:
    """The same test of each column of `values` (leads, columns), all by the same deals."""
    names, first, place = np.unique(intent, return_index=True, return_inverse=True)
    if (treated[first][place] != treated).any() or (block[first][place] != block).any():
        raise ValueError("All leads of an intent must be in the same arm and block.")
    order = np.argsort(block[first], kind="stable")
    sums = np.zeros((names.size, values.shape[1]))
    np.add.at(sums, place, values)
    sums, sizes = sums[order], np.bincount(place)[order].astype(np.float64)
    arm, blocks = treated[first][order], np.unique(block[first][order], return_inverse=True)[1]
    observed = _mean_differences(arm[np.newaxis], sums, sizes)[0]
    rng = np.random.default_rng(seed)
    found = []
    at_once = max(1, _AT_ONCE // max(names.size, 1))
    for begin in range(0, draws, at_once):
        # Whole numbers part the blocks, fractions shuffle inside them.
        keys = rng.random((min(at_once, draws - begin), names.size)) + blocks
        found.append(_mean_differences(arm[np.argsort(keys, axis=1)], sums, sizes))
    differences = np.concatenate(found)
    as_far = np.count_nonzero(np.abs(differences) >= np.abs(observed) - 1e-12, axis=0)
    return [
        Randomisation(float(seen), differences[:, column], (1 + int(as_far[column])) / (1 + draws))
        for column, seen in enumerate(observed)
    ]


def _mean_differences(arms: Bools, sums: Floats, sizes: Floats) -> Floats:
    """(draws, columns): the mean over leads where the arm is True, less that where it is False."""
    inside = arms.astype(np.float64)
    total, many = inside @ sums, (inside @ sizes)[:, np.newaxis]
    rest, others = sums.sum(axis=0) - total, sizes.sum() - many
    nothing = (many <= 0) | (others <= 0)
    difference = total / np.where(nothing, 1.0, many) - rest / np.where(nothing, 1.0, others)
    return np.asarray(np.where(nothing, 0.0, difference), dtype=np.float64)


def pseudo_values(t_s: Ints, event: Bools, horizon_s: int) -> Floats | None:
    """F(horizon) as if each lead had its own; their mean is F, and without censoring they are 0 or 1.

    None: not yet observable. (Andersen & Perme 2010, with the infinitesimal jackknife.)
    """
    effects = influence(t_s, event, horizon_s)
    if effects is None:
        return None
    return (_share(kaplan_meier(t_s, event), horizon_s) or 0.0) + t_s.size * effects


@dataclass(frozen=True, slots=True)
class SampleSize:
    """For each arm. `independent` would do if the leads of an intent had nothing in common."""

    independent: int
    design_effect: float  # 1 + (m − 1)·ICC.
    leads: int
    intents: int


def sample_size(
    share_a: float,
    share_b: float,
    *,
    leads_per_intent: float = 1.0,
    icc: float = 0.0,
    level: float = 0.05,
    power: float = 0.8,
) -> SampleSize:
    """How many leads and intents each arm needs to tell these two shares apart, two-sided.

    Raises ValueError for equal shares or shares outside 0 … 1. (Fleiss, Levin & Paik 2003, eq. 4.14, without
    correction for continuity; Donner & Klar 2000 for the design effect.)
    """
    if share_a == share_b or not (0.0 <= share_a <= 1.0 and 0.0 <= share_b <= 1.0):
        raise ValueError("Two different shares between 0 and 1 are needed.")
    alike, apart = _spreads(share_a, share_b)
    reach = NormalDist().inv_cdf(1 - level / 2) * alike + NormalDist().inv_cdf(power) * apart
    independent = (reach / (share_a - share_b)) ** 2
    effect = 1.0 + (leads_per_intent - 1.0) * icc
    leads = ceil(independent * effect)
    return SampleSize(ceil(independent), effect, leads, ceil(leads / leads_per_intent))


def power_of(
    share_a: float,
    share_b: float,
    *,
    leads: float,
    leads_per_intent: float = 1.0,
    icc: float = 0.0,
    level: float = 0.05,
) -> float:
    """The chance that so many leads in each arm tell these two shares apart; the inverse of sample_size."""
    alike, apart = _spreads(share_a, share_b)
    effective = leads / (1.0 + (leads_per_intent - 1.0) * icc)
    reach = abs(share_a - share_b) * sqrt(effective) - NormalDist().inv_cdf(1 - level / 2) * alike
    return NormalDist().cdf(reach / apart) if apart else 1.0


def _spreads(share_a: float, share_b: float) -> tuple[float, float]:
    """The standard errors of a difference, times √n, when both shares are the middle one and as they are."""
    middle = (share_a + share_b) / 2
    return sqrt(2 * middle * (1 - middle)), sqrt(share_a * (1 - share_a) + share_b * (1 - share_b))


def intraclass(value: Floats, cluster: Ints) -> float | None:
    """ICC(1) by analysis of variance: how alike values of one cluster are; may be below 0. None: cannot be told.

    (Donner & Koval 1980; m₀ corrects for clusters of unequal size.)
    """
    place = np.unique(cluster, return_inverse=True)[1]
    sizes = np.bincount(place).astype(np.float64)
    many, leads = sizes.size, value.size
    if many < 2 or leads <= many:
        return None
    means = np.bincount(place, weights=value) / sizes
    between = float((sizes * (means - value.mean()) ** 2).sum()) / (many - 1)
    within = float(((value - means[place]) ** 2).sum()) / (leads - many)
    size = (leads - float((sizes**2).sum()) / leads) / (many - 1)
    whole = between + (size - 1) * within
    return (between - within) / whole if whole > 0.0 else None
