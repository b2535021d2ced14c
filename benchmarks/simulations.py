"""Whether intervals cover and tests keep their level: the simulations of the tests, many times as large.

Promises: 95 % intervals of the curve, the median and the incidences cover the truth in 93 to 97 of 100 under staggered
entry; the test by wants rejects in 4 to 6.5 of 100 where there is nothing to find and leads of a want are alike (ICC
0.1), by leads in about 25; the curve's mean is the truth within half a point where the share answered so far is not.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from _table import Line, line, tell

from vrm.research.incidence import aalen_johansen_by
from vrm.research.survival import kaplan_meier_by, share_by
from vrm.research.trials import share_difference

LEADS = 150
MEAN_S = 10_000
HORIZONS_S = (2_000, 10_000, 20_000)


def curves(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """Waits with an exponential truth, leads of which each is watched for a time of its own; all runs in one pass."""
    answer = rng.exponential(MEAN_S, runs * LEADS)
    watched = rng.uniform(1_000, 30_000, runs * LEADS)
    group = np.repeat(np.arange(runs), LEADS)
    t_s, answered = np.minimum(answer, watched).astype(np.int64), answer <= watched
    made = kaplan_meier_by(t_s, answered, group, runs)
    for horizon in HORIZONS_S:
        truth = 1.0 - np.exp(-(horizon + 1) / MEAN_S)  # Waits are whole seconds: by 2,000 is before 2,001.
        shares = [share for share in (share_by(made[run], horizon) for run in range(runs)) if share is not None]
        covered = np.mean([share.low <= truth <= share.high for share in shares])
        yield line(f"F({horizon:,} s): intervals that cover", 100 * covered, "%", "93–97", ok=0.93 <= covered <= 0.97)
        bias = float(np.mean([share.estimate for share in shares]) - truth)
        yield line("  mean less truth", 100 * bias, "points", "±0.5", ok=abs(bias) <= 0.005)
        so_far = float(np.mean(answered & (t_s <= horizon)) - truth)
        yield line("  the share so far less truth", 100 * so_far, "points")
    _, low, high = made.median_waits()
    truth_s = MEAN_S * np.log(2)
    covered = float(np.mean((low <= truth_s) & ((truth_s <= high) | (high < 0))))
    yield line("median wait: intervals that cover", 100 * covered, "%", "93–97", ok=0.93 <= covered <= 0.97)


def incidences(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """Two equal rates, of which each ends half of the waits."""
    first, second = (rng.exponential(MEAN_S, runs * LEADS) for _ in range(2))
    watched = rng.uniform(5_000, 30_000, runs * LEADS)
    t = np.minimum(np.minimum(first, second), watched)
    kind = np.where(t == watched, 0, np.where(first < second, 1, 2)).astype(np.int64)
    made = aalen_johansen_by(t.astype(np.int64), kind, np.repeat(np.arange(runs), LEADS), runs, kinds=2)
    truth = 0.5 * (1 - np.exp(-2.0 * 10_001 / MEAN_S))
    found = [next(iter(made.of(run))).by(10_000) for run in range(runs)]
    covered = float(np.mean([share.low <= truth <= share.high for share in found if share is not None]))
    yield line("incidence of one end: that cover", 100 * covered, "%", "93–97", ok=0.93 <= covered <= 0.97)


def levels(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """50 wants of 20 leads each in two arms that do nothing."""
    intent = np.repeat(np.arange(50), 20)
    rejected = {"by wants": 0, "by leads": 0}
    for _ in range(runs):
        answered = rng.random(intent.size) < rng.beta(3.6, 5.4, 50)[intent]  # ICC = 1/(9 + 1).
        arm = (rng.permutation(50) % 2)[intent].astype(np.bool_)
        for name, unit in (("by wants", intent), ("by leads", np.arange(intent.size))):
            found = share_difference(np.where(answered, 1, 100), answered, arm, unit, 50)
            rejected[name] += found is not None and found.p is not None and found.p < 0.05
    right, naive = (rejected[name] / runs for name in rejected)
    yield line("no effect, ICC 0.1: rejected by wants", 100 * right, "%", "4–6.5", ok=0.04 <= right <= 0.065)
    yield line("  by leads, which is wrong", 100 * naive, "%", "20–32", ok=0.2 <= naive <= 0.32)


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    rng = np.random.default_rng(2008)
    lines = [*curves(20_000 // part, rng), *incidences(20_000 // part, rng), *levels(10_000 // part, rng)]
    tell(lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
