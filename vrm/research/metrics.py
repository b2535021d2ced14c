"""A table of leads → every measure of the page of method, M1 to M12, for all leads or for each group.

What each measure is stands beside the function that makes it; here they are put together, all groups in one pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from vrm.research.comparisons import ArmEffect, Comparison, arm_effects, compare
from vrm.research.counts import (
    HORIZONS_S,
    Answered,
    Bins,
    BusinessWait,
    Reach,
    Unanswered,
    bins,
    business_wait,
    ratio,
    reach,
    unanswered,
    unreachable,
)
from vrm.research.incidence import Incidence, aalen_johansen_by
from vrm.research.quality import DataQuality, quality
from vrm.research.scores import Score, fit_prior, shrink
from vrm.research.segments import Ints
from vrm.research.survival import (
    Curve,
    Curves,
    Median,
    RestrictedMean,
    Share,
    kaplan_meier_by,
    median_wait,
    restricted_mean,
    share_by,
)
from vrm.research.table import DELIVERY_UNKNOWN, MISSING, LeadTable, Waits, waits

By = Literal["category", "region", "channel", "vendor", "arm"]
COLUMN_OF: Mapping[By, str] = {
    "category": "category",
    "region": "region",
    "channel": "channel",
    "vendor": "vendor_id",
    "arm": "arm",
}

ENDS = ("offer", "question", "decline", "reply", "closed")  # How a wait can end, besides that we stop looking.

NOT_YET_OBSERVABLE = "not yet observable"
NOT_STATED = "not stated"
NOT_ENOUGH_DATA = "not enough data"

FEWEST_LEADS = 10  # Mature ones; a vendor with fewer has no score and no rank.
MOST_UNREACHABLE = 0.1
OWN_PRIOR_FROM = 20  # Vendors in a category; with fewer, all vendors make the prior.
WORTH_SAYING = 0.02  # Two points: how far two readings of closing may be apart without a note.


@dataclass(frozen=True, slots=True)
class Group:
    """The measures of one group. `n` counts the leads behind the curve: delivered, not excluded, sound clocks."""

    label: str
    n: int
    reach: Reach  # M1
    answered: Answered
    curve: Curve  # M2
    share_by: Mapping[int, Share | None]  # M3, by seconds since delivery; None: not yet observable.
    heard_by: Mapping[int, Share | None]  # The same, with a closing as a way to end instead of a loss from sight.
    bins: Bins  # M4
    silent: Unanswered
    silent_by: Mapping[int, Share | None]  # M5: neither answered nor closed.
    median_wait: Median  # M6
    median_of_responders_s: float | None  # M7: ignores everybody who did not answer. Only ever beside M3.
    restricted_mean: RestrictedMean | None  # M8, to the longest horizon that is observable.
    incidence: Mapping[str, Incidence]  # M9, by ENDS.
    score: Score | None  # M10, of vendors only; None also where there is not enough data.
    business_wait: BusinessWait | None  # M11

    @property
    def disputed(self) -> dict[int, Share]:
        """`heard_by` at the horizons at which it is more than two points from `share_by`."""
        pairs = ((horizon, share, self.heard_by[horizon]) for horizon, share in self.share_by.items())
        return {
            horizon: heard
            for horizon, share, heard in pairs
            if share is not None and heard is not None and abs(share.estimate - heard.estimate) > WORTH_SAYING
        }

    def as_json(self, *, by: By | None = None) -> dict[str, Any]:
        """Plain values; `score` is None unless the groups are vendors."""
        no_score = NOT_ENOUGH_DATA if by == "vendor" else None
        return {
            "group": self.label,
            "n": self.n,
            "reach": asdict(self.reach),
            "answered": asdict(self.answered),
            "curve": list(curve_points(self.curve)),
            "share_by": _shares(self.share_by),
            "bins": self.bins.as_json(),
            "silent": asdict(self.silent) | {"share_by": _shares(self.silent_by)},
            "median_wait_s": self.median_wait.as_json(),
            "median_of_responders_s": self.median_of_responders_s,
            "restricted_mean_s": None if self.restricted_mean is None else asdict(self.restricted_mean),
            "incidence": {end: list(incidence_points(way)) for end, way in self.incidence.items()},
            "score": no_score if self.score is None else self.score.as_json(),
            "closing": self._closing(),
            "business_wait_s": None if self.business_wait is None else self.business_wait.as_json(),
        }

    def _closing(self) -> dict[str, Any] | None:
        if not self.disputed:
            return None
        return {
            "note": "Counting closed intents as never answered changes these shares by more than 2 points; share_by "
            "takes closing for a loss from sight, which is right only where it does not depend on the vendor.",
            "competes": {str(horizon): share.as_json() for horizon, share in self.disputed.items()},
        }


@dataclass(frozen=True, slots=True)
class Measures:
    """Every group's measures; groups in alphabetical order, never by rate."""

    snapshot_id: str
    by: By | None
    groups: tuple[Group, ...]
    data_quality: DataQuality
    comparison: Comparison | None = None  # With 2 to 50 groups.
    effects: tuple[ArmEffect, ...] = ()  # M12, by arm only.

    def as_json(self) -> dict[str, Any]:
        """Plain values for json.dumps: None where something is undefined, never NaN."""
        found: dict[str, Any] = {
            "snapshot_id": self.snapshot_id or None,
            "by": self.by,
            "groups": [group.as_json(by=self.by) for group in self.groups],
            "data_quality": asdict(self.data_quality),
        }
        if self.by is not None:
            found["logrank"] = None if self.comparison is None else self.comparison.as_json()
        if self.by == "arm":
            found["effects"] = [effect.as_json() for effect in self.effects]
            for effect in found["effects"]:
                shares = effect["difference_by"].items()
                effect["difference_by"] = {key: NOT_YET_OBSERVABLE if at is None else at for key, at in shares}
        return found


def measure(table: LeadTable, *, by: By | None = None, derived: Waits | None = None) -> Measures:
    """The measures of all leads as one group called "all", or of each group apart.

    `derived` is `waits` of this table, where it was worked out before. Without `by` there is always one group, even of
    an empty table; with it there are only groups that have rows.
    """
    table = table.in_order()
    derived = derived or waits(table)
    parts = _parts(table, derived, by)
    scores: list[Score | None] = _scores(table, parts) if by == "vendor" else [None] * len(parts)
    groups = tuple(_groups(table, derived, parts, scores))
    if by is None:
        return Measures(table.snapshot_id, by, groups, quality(table, derived))
    counted = np.flatnonzero(derived.counts)
    observable = {
        group.label: [horizon for horizon, share in group.share_by.items() if share is not None] for group in groups
    }
    return Measures(
        snapshot_id=table.snapshot_id,
        by=by,
        groups=groups,
        data_quality=quality(table, derived),
        comparison=compare(table, derived, COLUMN_OF[by], counted),
        effects=tuple(arm_effects(table, derived, counted, observable=observable)) if by == "arm" else (),
    )


def curve_points(curve: Curve) -> Iterator[dict[str, float | int]]:
    """The curve where it steps, and at its end; nothing happens to it at the other censored waits."""
    last = curve.t_s.size - 1
    for i in range(curve.t_s.size):
        if curve.events[i] or i == last:
            yield {
                "t_s": int(curve.t_s[i]),
                "answered": float(curve.answered[i]),
                "se": float(curve.se[i]),
                "low": float(curve.low[i]),
                "high": float(curve.high[i]),
                "at_risk": int(curve.at_risk[i]),
            }


def incidence_points(way: Incidence) -> Iterator[dict[str, float | int]]:
    """The same for one way to end."""
    last = way.t_s.size - 1
    for i in range(way.t_s.size):
        if way.events[i] or i == last:
            yield {
                "t_s": int(way.t_s[i]),
                "share": float(way.share[i]),
                "se": float(way.se[i]),
                "low": float(way.low[i]),
                "high": float(way.high[i]),
            }


def _shares(shares: Mapping[int, Share | None]) -> dict[str, Any]:
    return {str(horizon): NOT_YET_OBSERVABLE if share is None else share.as_json() for horizon, share in shares.items()}


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one group, and those of them behind the curve."""

    label: str
    rows: Ints
    counted: Ints
    bins: Bins


def _parts(table: LeadTable, derived: Waits, by: By | None) -> list[_Part]:
    if by is None:
        named = {"all": np.arange(len(table))}
    else:
        column = table.words[COLUMN_OF[by]]
        order = np.argsort(column.codes, kind="stable")
        ends = np.cumsum(np.bincount(column.codes, minlength=len(column.labels)))
        split = dict(zip(column.labels, np.split(order, ends[:-1]), strict=True)) if column.labels else {}
        named = {label or NOT_STATED: split[label] for label in sorted(split)}
    found = []
    for label, rows in named.items():
        counted = rows[derived.counts[rows]]
        found.append(_Part(label, rows, counted, bins(table, derived, counted)))
    return found


def _groups(table: LeadTable, derived: Waits, parts: list[_Part], scores: list[Score | None]) -> Iterator[Group]:
    counted = np.concatenate([part.counted for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    group = np.repeat(np.arange(len(parts)), [part.counted.size for part in parts])
    t_s, answered, end = derived.t_s[counted], derived.answered[counted], _ends(table, derived, counted)
    followed_s = np.full(len(parts), -1)
    np.maximum.at(followed_s, group, derived.follow_up_s[counted])

    def curves(event: Any) -> Curves:
        return kaplan_meier_by(t_s, event, group, len(parts), followed_s=followed_s)

    answers, ended = curves(answered), curves(end > 0)
    ways = aalen_johansen_by(t_s, end, group, len(parts), kinds=len(ENDS), followed_s=followed_s)
    heard = np.where(answered, 1, np.where(end > 0, 2, 0))
    hearing = aalen_johansen_by(t_s, heard, group, len(parts), kinds=2, followed_s=followed_s)
    for i, part in enumerate(parts):
        curve, over, own = answers[i], ended[i], derived.answered[part.counted]
        waited, hears = derived.t_s[part.counted][own], next(hearing.of(i))
        unknown = int(derived.left_out.among([DELIVERY_UNKNOWN], part.rows).sum())
        shares = {horizon: share_by(curve, horizon) for horizon in HORIZONS_S}
        longest = max((horizon for horizon, share in shares.items() if share is not None), default=None)
        yield Group(
            label=part.label,
            n=part.counted.size,
            reach=reach(table, part.rows),
            answered=Answered(
                count=waited.size,
                low=ratio(waited.size, part.counted.size + unknown),
                high=ratio(waited.size, part.counted.size),
            ),
            curve=curve,
            share_by=shares,
            heard_by={horizon: hears.by(horizon) for horizon in HORIZONS_S},
            bins=part.bins,
            silent=unanswered(table, derived, part.rows),
            silent_by={horizon: _rest(share_by(over, horizon)) for horizon in HORIZONS_S},
            median_wait=median_wait(curve),
            median_of_responders_s=float(np.median(waited)) if waited.size else None,
            restricted_mean=None if longest is None else restricted_mean(curve, longest),
            incidence={end: way.steps() for end, way in zip(ENDS, ways.of(i), strict=True)},
            score=scores[i],
            business_wait=business_wait(table, derived, part.counted),
        )


def _rest(share: Share | None) -> Share | None:
    return None if share is None else Share(1.0 - share.estimate, 1.0 - share.high, 1.0 - share.low)


def _ends(table: LeadTable, derived: Waits, counted: Ints) -> Ints:
    """How each wait ended: 1 + its place in ENDS, or 0 where we stopped looking first."""
    kinds = table.words["response_kind"]
    number = np.array([ENDS.index(label) + 1 if label in ENDS else 0 for label in kinds.labels] or [0])
    closed = table.seconds["closed_after_s"][counted]
    by_closing = (closed != MISSING) & (closed == derived.follow_up_s[counted])
    kind = number[kinds.codes[counted]]
    return np.where(derived.answered[counted], kind, np.where(by_closing, ENDS.index("closed") + 1, 0))


def _scores(table: LeadTable, parts: list[_Part]) -> list[Score | None]:
    """M10 for each vendor: of its mature leads, those answered within 30 days and before the intent closed."""
    answered = np.array([part.bins.answered for part in parts], dtype=np.int64)
    asked = np.array([part.bins.mature for part in parts], dtype=np.int64)
    category = np.array([_main_category(table, part.counted) for part in parts])
    everybody = fit_prior(answered, asked)
    alpha, beta = np.full(len(parts), everybody.alpha), np.full(len(parts), everybody.beta)
    for each in np.unique(category):
        alike = (category == each) & (asked > 0)
        if int(alike.sum()) >= OWN_PRIOR_FROM:
            prior = fit_prior(answered[alike], asked[alike])
            alpha[alike], beta[alike] = prior.alpha, prior.beta
    enough = asked >= FEWEST_LEADS
    enough &= np.array([unreachable(table, part.rows) <= MOST_UNREACHABLE for part in parts], dtype=np.bool_)
    found: list[Score | None] = [None] * len(parts)
    for place, score in zip(
        np.flatnonzero(enough).tolist(),
        shrink(answered[enough], asked[enough], alpha[enough], beta[enough]),
        strict=True,
    ):
        found[place] = score
    return found


def _main_category(table: LeadTable, counted: Ints) -> str:
    """Where most of these leads are; the first by name of several."""
    column = table.words["category"]
    counts = np.bincount(column.codes[counted], minlength=len(column.labels))
    most = np.flatnonzero(counts == counts.max(initial=0))
    return min((column.labels[code] for code in most.tolist()), default="")
