"""The data that independent programs were given, and what we make of the same: figures by (case, what, at)."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

import numpy as np
from numpy.typing import NDArray
from research_waits import PLACEBO, REMISSION, waits_of

from vrm.research.incidence import aalen_johansen
from vrm.research.logrank import log_rank
from vrm.research.survival import kaplan_meier, median_wait, restricted_mean

Ints = NDArray[np.int64]
Key = tuple[str, str, float]  # Case, what, at.
RANDOM = 200


@dataclass(frozen=True, slots=True)
class Case:
    """Leads: waits, which ended in an answer, two arms, two strata, and ways to end of which 0 is none."""

    name: str
    t_s: Ints
    answered: NDArray[np.bool_]
    arm: Ints
    stratum: Ints
    kind: Ints


def cases() -> Iterator[Case]:
    """Freireich's remissions, and random leads with ties, zeros and, for most, heavy censoring."""
    (t1, d1), (t2, d2) = waits_of(REMISSION), waits_of(PLACEBO)
    t_s, answered = np.concatenate([t1, t2]), np.concatenate([d1, d2])
    arm, turn = np.repeat([0, 1], [t1.size, t2.size]), np.arange(t_s.size)
    yield Case("freireich", t_s, answered, arm, turn % 2, np.where(answered, turn % 3 + 1, 0))
    for seed in range(RANDOM):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(8, 120))
        t_s = rng.integers(0, int(rng.choice([3, 12, 1_000, 3_000_000])), n)
        answered = rng.random(n) < rng.choice([0.1, 0.3, 0.6, 0.95])
        arm, stratum = rng.integers(0, 2, n), rng.integers(0, 2, n)
        yield Case(f"random {seed}", t_s, answered, arm, stratum, np.where(answered, rng.integers(1, 4, n), 0))


def as_csv() -> str:
    """All of them, a row for each lead."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", "t_s", "answered", "arm", "stratum", "kind"])
    for case in cases():
        columns = (case.t_s, case.answered.astype(int), case.arm, case.stratum, case.kind)
        writer.writerows((case.name, *row) for row in zip(*(column.tolist() for column in columns), strict=True))
    return text.getvalue()


def checksum() -> str:
    """Of the data, so that figures are never held against those of other leads."""
    return hashlib.sha256(as_csv().encode()).hexdigest()


def ours() -> dict[Key, float]:
    """What we make of every case."""
    return {(case.name, what, at): value for case in cases() for what, at, value in _figures(case)}


def _figures(case: Case) -> Iterator[tuple[str, float, float]]:
    curve = kaplan_meier(case.t_s, case.answered)
    for what, column in (("answered", curve.answered), ("se", curve.se), ("low", curve.low), ("high", curve.high)):
        yield from ((what, t, value) for t, value in zip(curve.t_s.tolist(), column.tolist(), strict=True))
    median = median_wait(curve)
    for what, value in (("quantile", median.estimate), ("lower", median.low), ("upper", median.high)):
        if value is not None:
            yield f"median {what}", 0, value
    horizon = int(case.t_s.max()) // 2
    mean = restricted_mean(curve, horizon) if horizon else None
    if mean is not None:
        yield "restricted mean", horizon, mean.estimate
        yield "restricted mean se", horizon, mean.se
    for rho in (0, 0.5, 1):
        for what, stratum in (("logrank", None), ("stratified", case.stratum)):
            found = log_rank(case.t_s, case.answered, case.arm, 2, stratum=stratum, rho=rho)
            if found is not None:
                yield f"{what} {rho}", 0, found.chi2
    for way, ended in enumerate(aalen_johansen(case.t_s, case.kind, kinds=3), start=1):
        for what, column in (("incidence", ended.share), ("incidence se", ended.se)):
            yield from ((f"{what} {way}", t, v) for t, v in zip(ended.t_s.tolist(), column.tolist(), strict=True))
