"""A table of leads → reach, response curve, shares by a moment, median waits and silence by cause, per group.

The definitions are those of the page of method: M1 (reach), M2 (curve), M3 (shares), M6 and M7 (medians).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vrm.research.survival import Curve, Median, Share, kaplan_meier, median_wait, share_by
from vrm.research.table import (
    DELIVERY_UNKNOWN,
    FAILED,
    MISSING,
    NEGATIVE_CLOCK,
    SECONDS,
    SHOWN,
    TRIED,
    Delivery,
    Excluded,
    LeadTable,
    Waits,
    Words,
    waits,
)

By = Literal["category", "region", "channel", "vendor"]
COLUMN_OF: Mapping[By, str] = {
    "category": "category",
    "region": "region",
    "channel": "channel",
    "vendor": "vendor_id",
}

HORIZONS_S = (300, 3_600, 86_400, 604_800, 2_592_000)  # 5 min, 1 h, 24 h, 7 d, 30 d.
SILENT_AFTER_S = HORIZONS_S[-1]  # Before this a lead that is still open is pending, never silent.

NOT_YET_OBSERVABLE = "not yet observable"
NOT_STATED = "not stated"

# Leads that were never a chance for anybody: they are outside reach too.
NOT_REAL = (Excluded.SELF_INTENT, Excluded.TEST_INTENT)


@dataclass(frozen=True, slots=True)
class Reach:
    """M1: of the leads that a vendor was notified of, the share that arrived.

    `low` takes every unknown delivery for lost, `high` for arrived. None where nobody was notified.
    """

    delivered: int
    notified: int
    unknown: int
    share: float | None
    low: float | None
    high: float | None
    unknown_share: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Leads answered so far, and the bounds k/(D+U) to k/D that deliveries of unknown fate leave open.

    A plain share of what was answered so far: it grows with time and compares nobody. Use the curve for that.
    """

    count: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Leads without a human answer, each in exactly one count.

    Silent are `undelivered`, `withheld`, and, watched for 30 days without an answer, `unseen` and
    `seen_no_answer`. Not silent: `pending` (the intent is open and the 30 days are not over), `closed_first`
    (the intent closed within them), and `delivery_unknown`. Excluded leads are in none.
    """

    undelivered: int
    unseen: int
    seen_no_answer: int
    withheld: int
    pending: int
    closed_first: int
    delivery_unknown: int


@dataclass(frozen=True, slots=True)
class Group:
    """The measures of one group. `n` counts the leads behind the curve: delivered, not excluded, sound clocks."""

    label: str
    n: int
    reach: Reach
    answered: Answered
    curve: Curve
    share_by: Mapping[int, Share | None]  # By seconds since delivery; None: not yet observable.
    silent: Unanswered
    median_wait: Median
    median_of_responders_s: float | None  # M7: ignores everybody who did not answer. Only ever beside M3.

    def as_json(self) -> dict[str, Any]:
        return {
            "group": self.label,
            "n": self.n,
            "reach": asdict(self.reach),
            "answered": asdict(self.answered),
            "curve": list(curve_points(self.curve)),
            "share_by": {
                str(horizon): NOT_YET_OBSERVABLE if share is None else share.as_json()
                for horizon, share in self.share_by.items()
            },
            "silent": asdict(self.silent),
            "median_wait_s": self.median_wait.as_json(),
            "median_of_responders_s": self.median_of_responders_s,
        }


@dataclass(frozen=True, slots=True)
class DataQuality:
    """What was left out or looked odd in the whole table. `rows` = the n of all groups + the sum of `excluded`."""

    rows: int
    excluded: Mapping[str, int]  # By reason.
    negative_clocks: Mapping[str, int]  # By column; a negative seen or business time leaves the lead in.
    auto_replies: int
    unknown_actors: int  # Answers of which nobody knows whether a person wrote them; not counted as answers.
    late_answers: int  # Human answers after the intent closed or the watching ended.
    answers_without_delivery: int
    ignored_columns: tuple[str, ...]
    notes: tuple[str, ...]  # Sentences with row numbers, the first few.


@dataclass(frozen=True, slots=True)
class Measures:
    """Every group's measures; groups in alphabetical order, never by rate."""

    snapshot_id: str
    by: By | None
    groups: tuple[Group, ...]
    data_quality: DataQuality

    def as_json(self) -> dict[str, Any]:
        """Plain values for json.dumps: None where something is undefined, never NaN."""
        return {
            "snapshot_id": self.snapshot_id or None,
            "by": self.by,
            "groups": [group.as_json() for group in self.groups],
            "data_quality": asdict(self.data_quality),
        }


def measure(table: LeadTable, *, by: By | None = None) -> Measures:
    """The measures of all leads as one group called "all", or of each group apart.

    Without `by` there is always one group, even of an empty table; with it there are only groups that have rows.
    """
    derived = waits(table)
    groups = tuple(_group(table, derived, label, rows) for label, rows in _rows_by(table, by))
    return Measures(table.snapshot_id, by, groups, _quality(table, derived))


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


def _rows_by(table: LeadTable, by: By | None) -> Iterator[tuple[str, NDArray[np.int64]]]:
    if by is None:
        yield "all", np.arange(len(table))
        return
    column = table.words[COLUMN_OF[by]]
    order = np.argsort(column.codes, kind="stable")
    ends = np.cumsum(np.bincount(column.codes, minlength=len(column.labels)))
    parts = dict(zip(column.labels, np.split(order, ends[:-1]), strict=True)) if column.labels else {}
    for label in sorted(parts):
        yield label or NOT_STATED, parts[label]


def _group(table: LeadTable, derived: Waits, label: str, rows: NDArray[np.int64]) -> Group:
    counted = rows[derived.counts[rows]]
    answered, t_s = derived.answered[counted], derived.t_s[counted]
    followed_s = int(derived.follow_up_s[counted].max()) if counted.size else None
    curve = kaplan_meier(t_s, answered, followed_s=followed_s)
    unknown = int((derived.left_out.among([DELIVERY_UNKNOWN], rows)).sum())
    count = int(answered.sum())
    return Group(
        label=label,
        n=counted.size,
        reach=_reach(table, rows),
        answered=Answered(
            count=count,
            low=_ratio(count, counted.size + unknown),
            high=_ratio(count, counted.size),
        ),
        curve=curve,
        share_by={horizon: share_by(curve, horizon) for horizon in HORIZONS_S},
        silent=_unanswered(table, derived, rows),
        median_wait=median_wait(curve),
        median_of_responders_s=float(np.median(t_s[answered])) if count else None,
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _reach(table: LeadTable, rows: NDArray[np.int64]) -> Reach:
    real = rows[~table.words["excluded_reason"].among(NOT_REAL, rows)]
    status = table.words["delivery_status"]
    notified = int(status.among(TRIED, real).sum())
    delivered = int(status.among([Delivery.DELIVERED], real).sum())
    unknown = int(status.among([Delivery.UNKNOWN], real).sum())
    return Reach(
        delivered=delivered,
        notified=notified,
        unknown=unknown,
        share=_ratio(delivered, notified),
        low=_ratio(delivered, notified),
        high=_ratio(delivered + unknown, notified),
        unknown_share=_ratio(unknown, notified),
    )


def _unanswered(table: LeadTable, derived: Waits, rows: NDArray[np.int64]) -> Unanswered:
    words, seconds = table.words, table.seconds
    waiting = rows[derived.counts[rows] & ~derived.answered[rows]]
    long = derived.t_s[waiting] >= SILENT_AFTER_S
    silent, short = waiting[long], waiting[~long]
    seen = seconds["seen_after_s"][silent] != MISSING
    closed, watched = seconds["closed_after_s"][short], seconds["observed_s"][short]
    closed_first = int(((closed != MISSING) & (closed <= watched)).sum())
    # "undelivered" as a reason repeats the delivery status; every other reason takes the lead out.
    ours = rows[words["excluded_reason"].among(["", Excluded.UNDELIVERED], rows)]
    ours = ours[~(words["response_actor"].among(["human"], ours) & (seconds["response_after_s"][ours] != MISSING))]
    status = words["delivery_status"]
    return Unanswered(
        undelivered=int(status.among(FAILED, ours).sum()),
        unseen=int((~seen).sum()),
        seen_no_answer=int(seen.sum()),
        withheld=int(status.among([Delivery.WITHHELD], ours).sum()),
        pending=short.size - closed_first + int(status.among([Delivery.PENDING], ours).sum()),
        closed_first=closed_first,
        delivery_unknown=int(status.among([Delivery.UNKNOWN], ours).sum()),
    )


def _quality(table: LeadTable, derived: Waits) -> DataQuality:
    said = table.seconds["response_after_s"] != MISSING
    actor = table.words["response_actor"]
    human, delivered = actor.among(["human"]) & said, table.words["delivery_status"].among([Delivery.DELIVERED])
    reasons = Counter(dict(zip(derived.left_out.labels, np.bincount(derived.left_out.codes).tolist(), strict=True)))
    negative = {name: _negative(table.seconds[name]) for name in SECONDS}
    return DataQuality(
        rows=len(table),
        excluded={reason: count for reason, count in sorted(reasons.items()) if reason},
        negative_clocks={name: int(hit.sum()) for name, hit in negative.items() if hit.any()},
        auto_replies=int((actor.among(["auto"]) & said).sum()),
        unknown_actors=int((actor.among(["unknown"]) & said).sum()),
        late_answers=int((human & derived.counts & ~derived.answered).sum()),
        answers_without_delivery=int((human & ~delivered).sum()),
        ignored_columns=table.ignored_columns,
        notes=tuple(_notes(table, derived.left_out, negative)),
    )


def _negative(seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((seconds < 0) & (seconds != MISSING), dtype=np.bool_)


def _notes(table: LeadTable, left_out: Words, negative: Mapping[str, NDArray[np.bool_]]) -> Iterator[str]:
    """A sentence for each negative clock, the first SHOWN of them, in the order of the rows."""
    places = [(int(i), name) for name, hit in negative.items() for i in np.flatnonzero(hit)[:SHOWN]]
    for index, name in sorted(places)[:SHOWN]:
        fate = "is left out" if left_out[index] == NEGATIVE_CLOCK else "keeps its place"
        yield (
            f"Row {table.row_numbers[index]}: {name} is {table.seconds[name][index]}, which is before the start of "
            f"its clock; the lead {fate}."
        )
