"""Curves, Greenwood's errors and medians of 10,000 vendors over a million leads, beside a loop over lifelines.

Promise: at least 200 times as fast, in the same run. The loop takes about a minute, so it is run over every
fiftieth vendor and its time multiplied by fifty; lifelines takes as long for each vendor. With --full, ten million
leads too, which must fit in 2 GB, columns and curves together; that is measured in a process of its own.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from lifelines import KaplanMeierFitter
from numpy.typing import NDArray

from vrm.research.survival import Curves, kaplan_meier_by

VENDORS = 10_000
EVERY = 50  # Of the vendors that lifelines is run over, in a quick run every 200th.


@dataclass(frozen=True, slots=True)
class Leads:
    """Waits in seconds, whether they ended in an answer, and whose they are."""

    t_s: NDArray[np.int64]
    answered: NDArray[np.bool_]
    vendor: NDArray[np.int64]


def make_leads(count: int) -> Leads:
    """Vendors of all sizes, watched for 1 to 30 days, whose answers take from seconds to for ever."""
    rng = np.random.default_rng(2008)
    size = rng.pareto(2.5, VENDORS) + 0.5
    vendor = rng.choice(VENDORS, count, p=size / size.sum())
    answer = rng.lognormal(9.0, 3.0, count)
    watched = rng.uniform(86_400, 2_592_000, count)
    return Leads(np.minimum(answer, watched).astype(np.int64), answer <= watched, vendor)


def ours(leads: Leads) -> tuple[Curves, NDArray[np.int64]]:
    """Every curve with its band, and every median wait."""
    curves = kaplan_meier_by(leads.t_s, leads.answered, leads.vendor, VENDORS)
    return curves, curves.median_waits()[0]


def theirs(leads: Leads, curves: Curves, medians: NDArray[np.int64], *, every: int) -> float:
    """Seconds that a loop over all vendors would take, from every so many of them; stops where results differ."""
    warnings.simplefilter("ignore")
    order = np.argsort(leads.vendor, kind="stable")
    ends = np.cumsum(np.bincount(leads.vendor, minlength=VENDORS))
    chosen = [rows for rows in np.split(order, ends[:-1])[::every] if rows.size]
    parts = [(leads.t_s[rows], leads.answered[rows]) for rows in chosen]
    begun = time.perf_counter()
    found = []
    for t_s, answered in parts:
        fitted = KaplanMeierFitter().fit(t_s, answered)
        found.append((fitted.survival_function_["KM_estimate"], fitted.median_survival_time_))
    took = time.perf_counter() - begun
    for rows, (silent, _) in zip(chosen, found, strict=True):
        vendor = int(leads.vendor[rows[0]])
        # Its own median misses a curve that reaches one half but for the last rounding.
        half = silent.index[silent.round(12) <= 0.5]
        median = int(half[0]) if half.size else -1
        if abs(1.0 - curves[vendor].answered[-1] - silent.iloc[-1]) > 1e-9 or median != int(medians[vendor]):
            raise SystemExit(f"Vendor {vendor}: lifelines and we disagree.")
    return took * VENDORS / len(parts)


def peak_gb() -> float:
    """The most memory this process ever held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e9 if sys.platform == "darwin" else 1e6)


def full() -> dict[str, float]:
    """Ten million leads, in this process alone."""
    leads = make_leads(10_000_000)
    begun = time.perf_counter()
    ours(leads)
    return {"seconds": time.perf_counter() - begun, "gb": peak_gb()}


def measure(*, quick: bool, with_full: bool) -> list[dict[str, Any]]:
    """The lines of the table."""
    leads = make_leads(1_000_000)
    took = []
    for _ in range(4 if quick else 8):
        begun = time.perf_counter()
        curves, medians = ours(leads)
        took.append(time.perf_counter() - begun)
    mine = statistics.median(took[1:])  # The first one asks the system for memory.
    every = 4 * EVERY if quick else EVERY
    loop = theirs(leads, curves, medians, every=every)
    lines = [
        {"what": "lifelines' loop ÷ ours, 1M leads", "figure": round(loop / mine), "unit": "×", "target": ">= 200",
         "ok": loop / mine >= 200},
        {"what": "ours, median of runs", "figure": round(mine * 1e3), "unit": "ms", "target": None, "ok": True},
        {"what": "ours, the first run", "figure": round(took[0] * 1e3), "unit": "ms", "target": None, "ok": True},
        {"what": f"the loop, from 1 in {every} vendors", "figure": round(loop, 1), "unit": "s", "target": None,
         "ok": True},
    ]  # fmt: skip
    if with_full:
        alone = subprocess.run(  # noqa: S603 - This file itself.
            [sys.executable, __file__, "--alone"], check=True, capture_output=True, text=True
        )
        found = json.loads(alone.stdout)
        lines += [
            {"what": "10M leads, memory", "figure": round(found["gb"], 2), "unit": "GB", "target": "< 2",
             "ok": found["gb"] < 2},
            {"what": "10M leads", "figure": round(found["seconds"], 1), "unit": "s", "target": None, "ok": True},
        ]  # fmt: skip
    return lines


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, fewer vendors for lifelines")
    parser.add_argument("--full", action="store_true", help="ten million leads too")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(full()))
        return
    lines = measure(quick=arguments.quick, with_full=arguments.full)
    if arguments.json:
        print(json.dumps(lines, indent=2))
    else:
        for line in lines:
            verdict = "" if line["target"] is None else f"{line['target']:>8}  {'met' if line['ok'] else 'MISSED'}"
            print(f"{line['what']:<36}{line['figure']:>8} {line['unit']:<4}{verdict}")
    sys.exit(0 if all(line["ok"] for line in lines) else 1)


if __name__ == "__main__":
    main()
