"""Leads of one group → plain counts and shares of them: reach, bounds, bins of the grown-up, silence by cause."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from vrm.research.segments import Ints
from vrm.research.survival import Share, wilson
from vrm.research.table import FAILED, MISSING, TRIED, Delivery, Excluded, LeadTable, Waits

HORIZONS_S = (300, 3_600, 86_400, 604_800, 2_592_000)  # 5 min, 1 h, 24 h, 7 d, 30 d.
MATURE_S = HORIZONS_S[-1]  # Before this a lead that is still open is pending, never silent.

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
class Bins:
    """M4: when the leads that were watched for 30 days were answered; the parts sum to all of them.

    `counts` is by the end of each bin, in seconds, and None for those not answered in 30 days, be it that the
    intent closed. Leads that were not watched so long are `immature` and in no bin.
    """

    mature: int
    immature: int
    counts: Mapping[int | None, int]

    @property
    def answered(self) -> int:
        return self.mature - self.counts[None]

    def as_json(self) -> dict[str, object]:
        return {"mature": self.mature, "immature": self.immature} | {
            "none" if end is None else str(end): self._part(count) for end, count in self.counts.items()
        }

    def _part(self, count: int) -> dict[str, float | int | None]:
        share: Share | None = wilson(count, self.mature)
        limits = {"estimate": None, "low": None, "high": None} if share is None else share.as_json()
        return {"count": count, **limits}


@dataclass(frozen=True, slots=True)
class BusinessWait:
    """M11: the open seconds until the answer, by the vendor's own calendar; of answered leads that have one."""

    n: int
    median_of_responders_s: float

    def as_json(self) -> dict[str, float | int]:
        return asdict(self)


def bins(table: LeadTable, derived: Waits, counted: Ints) -> Bins:
    """Of the leads behind the curve, `counted`."""
    mature = counted[table.seconds["observed_s"][counted] >= MATURE_S]
    waited = derived.t_s[mature][derived.answered[mature]]
    ends = np.searchsorted(np.sort(waited), HORIZONS_S, side="right")
    found: dict[int | None, int] = dict(zip(HORIZONS_S, np.diff(ends, prepend=0).tolist(), strict=True))
    found[None] = mature.size - int(ends[-1])
    return Bins(mature.size, counted.size - mature.size, found)


def business_wait(table: LeadTable, derived: Waits, counted: Ints) -> BusinessWait | None:
    """None where no answered lead has a business wait: no calendar was known."""
    waited = table.seconds["business_wait_s"][counted[derived.answered[counted]]]
    waited = waited[waited >= 0]  # MISSING is negative; so are clocks that ran backwards, counted elsewhere.
    return BusinessWait(waited.size, float(np.median(waited))) if waited.size else None


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def reach(table: LeadTable, rows: Ints) -> Reach:
    """Of all leads of the group, `rows`."""
    real = rows[~table.words["excluded_reason"].among(NOT_REAL, rows)]
    status = table.words["delivery_status"]
    notified = int(status.among(TRIED, real).sum())
    delivered = int(status.among([Delivery.DELIVERED], real).sum())
    unknown = int(status.among([Delivery.UNKNOWN], real).sum())
    return Reach(
        delivered=delivered,
        notified=notified,
        unknown=unknown,
        share=ratio(delivered, notified),
        low=ratio(delivered, notified),
        high=ratio(delivered + unknown, notified),
        unknown_share=ratio(unknown, notified),
    )


def unanswered(table: LeadTable, derived: Waits, rows: Ints) -> Unanswered:
    """Of all leads of the group, `rows`."""
    words, seconds = table.words, table.seconds
    waiting = rows[derived.counts[rows] & ~derived.answered[rows]]
    long = derived.t_s[waiting] >= MATURE_S
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


def unreachable(table: LeadTable, rows: Ints) -> float:
    """The part of a vendor's leads that met a channel which did not work: a stand-in for the time it did not."""
    excluded, status = table.words["excluded_reason"], table.words["delivery_status"]
    real = rows[~excluded.among(NOT_REAL, rows) & status.among((*TRIED, *FAILED), rows)]
    broken = status.among(FAILED, real) | excluded.among([Excluded.KNOWN_BAD_CHANNEL], real)
    broken |= table.contact_interval_ok[real] == 0
    return float(broken.mean()) if real.size else 0.0
