"""Waiting times, of which some are still running, → response curve, shares, medians, with 95 % intervals.

Population everywhere: leads that were delivered and may be counted. A wait is *censored* when the intent
closed, or we stopped looking, before a person answered. All times are whole seconds since delivery.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Z95 = NormalDist().inv_cdf(0.975)

# A product of fractions that is exactly one half on paper may end a few units in the last place above it.
HALF = 0.5 + 1e-9


@dataclass(frozen=True, slots=True)
class Curve:
    """The response curve: one entry per distinct wait, answered or censored, ascending.

    `answered` is F(t), the share answered by t; `se` is Greenwood's standard error of it; `low` and `high` are
    the pointwise log-log 95 % interval. Where F is 0 or 1 that interval does not exist: there the band has no
    width and `se` is 0, as lifelines and scikit-survival write it (R writes NA for F = 1). Do not print
    such a band; `has_band` says where there is one. Nothing is known after `last_s`.
    """

    t_s: Ints
    at_risk: Ints  # Leads still waiting just before t; those censored at t are among them.
    events: Ints  # Leads answered at exactly t.
    answered: Floats
    se: Floats
    low: Floats
    high: Floats
    followed_s: int  # The longest follow-up, answered leads included; at least the last of t_s; -1 when empty.

    @property
    def last_s(self) -> int:
        """How far the curve is known: to the longest wait, or, once everybody answered, to `followed_s`."""
        if not self.t_s.size:
            return -1
        return self.followed_s if self.answered[-1] >= 1.0 else int(self.t_s[-1])

    @property
    def has_band(self) -> Bools:
        return (self.answered > 0.0) & (self.answered < 1.0)

    def at_risk_at(self, t_s: int) -> int:
        """Leads still waiting, and still watched, just before t_s."""
        place = int(np.searchsorted(self.t_s, t_s, side="left"))
        return int(self.at_risk[place]) if place < self.t_s.size else 0


@dataclass(frozen=True, slots=True)
class Share:
    """A share between 0 and 1 with its 95 % interval."""

    estimate: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        """False where the interval has no width: say "no interval" to people instead of printing it."""
        return self.low < self.high

    def as_json(self) -> dict[str, float]:
        return {"estimate": self.estimate, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Median:
    """Seconds until half have answered. None: not reached, or (for a limit) the band never crosses one half."""

    estimate: int | None
    low: int | None
    high: int | None

    def as_json(self) -> Mapping[str, int | None]:
        return {"estimate": self.estimate, "low": self.low, "high": self.high}


def kaplan_meier(t_s: Ints, event: Bools, *, followed_s: int | None = None) -> Curve:
    """The share answered by each moment, with every lead counted for as long as it was watched.

    `t_s` has the seconds from delivery to the answer or to the end of watching, all >= 0; `event` is True for an
    answer. An answer and an end of watching in the same second: the answer comes first. `followed_s` is the
    longest time that any lead, answered or not, was or would have been watched; it matters only when all answered.

    Raises ValueError for negative waits or arrays of different length. (Kaplan & Meier 1958; Greenwood 1926;
    log-log interval: Kalbfleisch & Prentice 2002, §1.4.)
    """
    if t_s.shape != event.shape or t_s.ndim != 1:
        raise ValueError("Waits and answers must be two columns of the same length.")
    if t_s.size and int(t_s.min()) < 0:
        raise ValueError("A wait cannot be negative; leave such leads out and count them under data quality.")
    times, place = np.unique(t_s, return_inverse=True)
    leaving = np.bincount(place, minlength=times.size)
    events = np.bincount(place[event], minlength=times.size)
    at_risk = t_s.size - np.concatenate(([0], np.cumsum(leaving)[:-1]))[: times.size]
    survivors = at_risk - events
    silent = np.cumprod(survivors / at_risk)
    # The last term is infinite when everybody left at risk answers; there F is 1 and no interval exists.
    terms = np.divide(events, at_risk * survivors, out=np.zeros(times.size, dtype=np.float64), where=survivors > 0)
    spread = np.sqrt(np.cumsum(terms))
    low, high = _log_log(silent, spread)
    longest = int(times[-1]) if times.size else -1
    return Curve(
        t_s=times.astype(np.int64),
        at_risk=at_risk.astype(np.int64),
        events=events.astype(np.int64),
        answered=1.0 - silent,
        se=silent * spread,
        low=1.0 - high,
        high=1.0 - low,
        followed_s=longest if followed_s is None else max(longest, followed_s),
    )


def _log_log(silent: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The 95 % limits of S; `spread` is the standard error of log S."""
    low, high = silent.copy(), silent.copy()
    inside = (silent > 0.0) & (silent < 1.0)
    log_s = np.log(silent[inside])
    reach = Z95 * spread[inside] / -log_s
    low[inside] = np.exp(log_s * np.exp(reach))
    high[inside] = np.exp(log_s * np.exp(-reach))
    return low, high


def median_wait(curve: Curve) -> Median:
    """The first second by which half have answered; the limits are where the band crosses one half.

    Points at which no band exists (F = 1) end no interval, as in R: a single answered lead has a median and
    no interval. (Brookmeyer & Crowley 1982.)
    """
    band = curve.has_band
    return Median(
        estimate=_first(curve.t_s, 1.0 - curve.answered <= HALF),
        low=_first(curve.t_s, band & (1.0 - curve.high <= HALF)),
        high=_first(curve.t_s, band & (1.0 - curve.low <= HALF)),
    )


def _first(t_s: Ints, crossed: Bools) -> int | None:
    return int(t_s[int(crossed.argmax())]) if crossed.any() else None


def share_by(curve: Curve, horizon_s: int) -> Share | None:
    """F(horizon). None means "not yet observable": nobody was watched for so long."""
    if horizon_s < 0 or horizon_s > curve.last_s:
        return None
    place = int(np.searchsorted(curve.t_s, horizon_s, side="right")) - 1
    if place < 0:
        return Share(0.0, 0.0, 0.0)
    return Share(float(curve.answered[place]), float(curve.low[place]), float(curve.high[place]))


def wilson(k: int, n: int) -> Share | None:
    """The share k of n with Wilson's 95 % score interval (1927). None when n is 0; ValueError unless 0 <= k <= n."""
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a share.")
    if n == 0:
        return None
    share = k / n
    square = Z95 * Z95
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z95 * float(np.sqrt(share * (1 - share) / n + square / (4 * n * n))) / (1 + square / n)
    # At the two ends the limit is exactly the end; floating point misses it by a hair.
    return Share(share, 0.0 if k == 0 else middle - half, 1.0 if k == n else middle + half)
