"""Waiting times, of which some are still running, → response curve, shares, medians, with 95 % intervals.

Population everywhere: leads that were delivered and may be counted. A wait is *censored* when the intent
closed, or we stopped looking, before a person answered. All times are whole seconds since delivery.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from vrm.research.segments import Bools, Floats, Ints, Segments

Z95 = NormalDist().inv_cdf(0.975)

# A product of fractions that is exactly one half on paper may end a few units in the last place beside it.
HALF = 0.5 - 1e-9


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


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of many groups, laid end to end; `curves[i]` is that of group i. Columns as in `Curve`."""

    segments: Segments
    t_s: Ints
    at_risk: Ints
    events: Ints
    answered: Floats
    se: Floats
    low: Floats
    high: Floats
    followed_s: Ints  # One for each group.

    def __len__(self) -> int:
        return int(self.segments.ends.size)

    def __getitem__(self, group: int) -> Curve:
        end = int(self.segments.ends[group])
        rows = slice(int(self.segments.ends[group - 1]) if group else 0, end)
        return Curve(
            t_s=self.t_s[rows],
            at_risk=self.at_risk[rows],
            events=self.events[rows],
            answered=self.answered[rows],
            se=self.se[rows],
            low=self.low[rows],
            high=self.high[rows],
            followed_s=int(self.followed_s[group]),
        )

    def median_waits(self) -> tuple[Ints, Ints, Ints]:
        """Each group's median wait and its limits, in seconds, as `median_wait` has them; -1 for None."""
        band = (self.answered > 0.0) & (self.answered < 1.0)
        hits = (self.answered >= HALF, band & (self.high >= HALF), band & (self.low >= HALF))
        middle, low, high = (self._at(self.segments.first(hit)) for hit in hits)
        return middle, low, high

    def _at(self, places: Ints) -> Ints:
        return np.where(places < 0, -1, np.append(self.t_s, -1)[places])


def kaplan_meier(t_s: Ints, event: Bools, *, followed_s: int | None = None) -> Curve:
    """The share answered by each moment, with every lead counted for as long as it was watched.

    `t_s` has the seconds from delivery to the answer or to the end of watching, all >= 0; `event` is True for an
    answer. An answer and an end of watching in the same second: the answer comes first. `followed_s` is the
    longest time that any lead, answered or not, was or would have been watched; it matters only when all answered.

    Raises ValueError for negative waits or arrays of different length. (Kaplan & Meier 1958; Greenwood 1926;
    log-log interval: Kalbfleisch & Prentice 2002, §1.4.)
    """
    limit = None if followed_s is None else np.array([followed_s])
    return kaplan_meier_by(t_s, event, np.zeros(t_s.shape, dtype=np.int64), 1, followed_s=limit)[0]


def kaplan_meier_by(t_s: Ints, event: Bools, group: Ints, groups: int, *, followed_s: Ints | None = None) -> Curves:
    """The curve of each of `groups` groups, numbered from 0, in one pass; each is what kaplan_meier gives alone.

    `group` says for each lead where it belongs, `followed_s` for each group how long it was followed. Raises
    ValueError as kaplan_meier does, and when there are too many groups and too long waits to count in 63 bits.
    """
    steps = steps_by(t_s, event.astype(np.int64), group, groups, kinds=1)
    segments, at_risk, events = steps.segments, steps.at_risk, steps.events[0]
    survivors = at_risk - events
    silent = survivors / at_risk
    segments.running(np.multiply, silent, out=silent)
    # The last term is infinite when everybody left at risk answers; there F is 1 and no interval exists.
    spread = np.zeros(silent.shape)
    np.divide(events, at_risk * survivors, out=spread, where=survivors > 0)
    del survivors
    np.sqrt(segments.running(np.add, spread, out=spread), out=spread)
    low, high = log_log(silent, spread)
    longest = np.append(steps.t_s, -1)[np.where(segments.sizes > 0, segments.ends - 1, -1)]
    return Curves(
        segments=segments,
        t_s=steps.t_s,
        at_risk=at_risk,
        events=events,
        answered=1.0 - silent,
        se=np.multiply(silent, spread, out=spread),
        low=np.subtract(1.0, high, out=high),
        high=np.subtract(1.0, low, out=low),
        followed_s=longest if followed_s is None else np.maximum(longest, followed_s),
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """Each distinct wait of each group: how many were at risk just before it, and how many had which event at it."""

    segments: Segments
    t_s: Ints
    at_risk: Ints
    events: tuple[Ints, ...]  # One column for each kind of event.


def steps_by(t_s: Ints, kind: Ints, group: Ints, groups: int, *, kinds: int) -> Steps:
    """Count. `kind` is 0 for a censored wait and 1 … `kinds` for an event. Raises ValueError as kaplan_meier_by."""
    if t_s.shape != kind.shape or t_s.ndim != 1 or t_s.shape != group.shape:
        raise ValueError("Waits and answers must be two columns of the same length.")
    if t_s.size and int(t_s.min()) < 0:
        raise ValueError("A wait cannot be negative; leave such leads out and count them under data quality.")
    longest = int(t_s.max()) + 1 if t_s.size else 1
    if groups * longest * (kinds + 1) >= 2**63:
        raise ValueError(f"Waits of {longest} s in {groups} groups are too many to count.")
    # One number for group, wait and kind: sorting that is several times faster than sorting rows.
    keys = (group * longest + t_s) * (kinds + 1)
    keys += kind
    keys.sort()
    what = keys % (kinds + 1)
    keys //= kinds + 1
    begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if keys.size else np.zeros(0, np.int64)
    counted = []
    for each in range(1, kinds + 1):
        until = np.append(np.cumsum(what == each), 0)
        counted.append(np.diff(until[np.append(begins[1:], keys.size) - 1], prepend=0))
    del what
    found = keys[begins]
    owner = found // longest
    members = np.cumsum(np.bincount(group, minlength=groups))
    return Steps(
        segments=Segments(np.cumsum(np.bincount(owner, minlength=groups))),
        t_s=found - owner * longest,
        at_risk=members[owner] - begins,
        events=tuple(counted),
    )


def log_log(silent: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The 95 % limits of S; `spread` is the standard error of log S. Where S is 0 or 1 they are S itself."""
    low, high = silent.copy(), silent.copy()
    inside = (silent > 0.0) & (silent < 1.0)
    log_s = np.log(silent[inside])
    reach = np.exp(Z95 * spread[inside] / -log_s)
    low[inside] = np.exp(log_s * reach)
    high[inside] = np.exp(log_s / reach)
    return low, high


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """The mean wait in seconds when nobody is waited for longer than `horizon_s`, and its standard error."""

    horizon_s: int
    estimate: float
    se: float


def restricted_mean(curve: Curve, horizon_s: int) -> RestrictedMean | None:
    """∫₀ᴴ S. None where the horizon lies beyond the last follow-up.

    Var = Σ Aᵢ² dᵢ/(nᵢ(nᵢ−dᵢ)), with Aᵢ the area from tᵢ to the horizon. (Klein & Moeschberger 2003, §4.5.)
    """
    if horizon_s < 0 or horizon_s > curve.last_s:
        return None
    before = curve.t_s < horizon_s
    corners = np.concatenate(([0], curve.t_s[before], [horizon_s]))
    silent = np.concatenate(([1.0], 1.0 - curve.answered[before]))
    areas = silent * np.diff(corners)
    ahead = np.cumsum(areas[::-1])[::-1][1:]  # From each step to the horizon.
    events, at_risk = curve.events[before], curve.at_risk[before]
    left = at_risk - events
    terms = np.divide(events * ahead**2, at_risk * left, out=np.zeros(ahead.shape), where=left > 0)
    return RestrictedMean(horizon_s, float(areas.sum()), float(np.sqrt(terms.sum())))


def median_wait(curve: Curve) -> Median:
    """The first second by which half have answered; the limits are where the band crosses one half.

    Points at which no band exists (F = 1) end no interval, as in R: a single answered lead has a median and
    no interval. (Brookmeyer & Crowley 1982.)
    """
    band = curve.has_band
    return Median(
        estimate=_first(curve.t_s, curve.answered >= HALF),
        low=_first(curve.t_s, band & (curve.high >= HALF)),
        high=_first(curve.t_s, band & (curve.low >= HALF)),
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
