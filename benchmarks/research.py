"""The research bench beside its peers in one run: curves beside lifelines, files and rates beside DuckDB.

Promises: curves, errors and medians of 10,000 vendors over a million leads at least 200 times as fast as a loop over
lifelines (run over every fiftieth vendor, its time multiplied); rates by category and region from a Parquet file within
3 times DuckDB's on the same file; a release of a million leads in three formats, suppression included, within 4 times
DuckDB's COPY of the same rows to the same formats. With --full, ten million leads too, within 2 GB.
"""

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from _table import Line, line, tell
from lifelines import KaplanMeierFitter
from numpy.typing import NDArray

from vrm.research.rates import rates
from vrm.research.release import released, roll_up
from vrm.research.snapshots import write_leads
from vrm.research.survival import Curves, kaplan_meier_by
from vrm.research.table import MISSING, SECONDS, WORDS, LeadTable, Words

VENDORS = 10_000
EVERY = 50  # Of the vendors that lifelines is run over, in a quick run every 400th.


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
    """The most memory this process ever held; what Linux reports for a child includes what its parent held."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) / 1e6  # type: ignore[index] # It is there.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e9 if sys.platform == "darwin" else 1e6)


def full() -> dict[str, float]:
    """Ten million leads, in this process alone."""
    leads = make_leads(10_000_000)
    begun = time.perf_counter()
    ours(leads)
    return {"seconds": time.perf_counter() - begun, "gb": peak_gb()}


def make_table(count: int) -> LeadTable:
    """Whole rows for the same leads: 40 categories, 60 places, some of them small, as they stand in the store."""
    rng = np.random.default_rng(2008)
    leads = make_leads(count)

    def words(labels: list[str], codes: NDArray[Any]) -> Words:
        return Words(tuple(labels), codes.astype(np.int32))

    def skewed(many: int) -> NDArray[np.int64]:
        return np.minimum(rng.pareto(0.6, count), many - 1).astype(np.int64)

    said = leads.answered
    kinds = ["", "offer", "question", "decline"]
    of = {
        "snapshot_id": words(["live"], np.zeros(count)),
        "lead_id": words([f"l{i}" for i in range(count)], np.arange(count)),
        "intent_id": words([f"i{i}" for i in range(count // 10 + 1)], np.arange(count) // 10),
        "vendor_id": words([f"v{i}" for i in range(VENDORS)], leads.vendor),
        "iso_week": words([f"2026-W{w:02d}" for w in range(1, 53)], rng.integers(0, 52, count)),
        "category": words([f"c{i}" for i in range(40)], skewed(40)),
        "region": words([f"r{i}" for i in range(60)], skewed(60)),
        "arm": words([""], np.zeros(count)),
        "randomisation_block": words([""], np.zeros(count)),
        "channel": words(["email", "webhook", "slack"], rng.integers(0, 3, count)),
        "delivery_status": words(["delivered"], np.zeros(count)),
        "seen_basis": words(["", "page"], said),
        "response_kind": words(kinds, np.where(said, rng.integers(1, 4, count), 0)),
        "response_actor": words(["", "human"], said),
        "intent_outcome": words(["open", "withdrawn"], rng.integers(0, 2, count)),
        "excluded_reason": words([""], np.zeros(count)),
    }
    empty = np.full(count, MISSING)
    seconds = dict.fromkeys(SECONDS, empty) | {
        "delivered_after_s": rng.integers(0, 60, count),
        "seen_after_s": np.where(said, leads.t_s, MISSING),
        "response_after_s": np.where(said, leads.t_s, MISSING),
        "observed_s": leads.t_s + 86_400,
    }
    return LeadTable({name: of[name] for name in WORDS}, seconds, np.ones(count, np.int8), np.arange(1, count + 1))


def publish(table: LeadTable, folder: Path) -> LeadTable:
    """Names rolled up, pseudonyms, and the three formats."""
    paths = {f"c{i}": (f"Top {i % 6}", f"Category {i}") for i in range(40)}
    places = {f"r{i}": (f"Continent {i % 5}", f"Country {i % 20}", f"City {i}") for i in range(60)}
    made = released(roll_up(table, paths, places), "bench").table
    write_leads(made, folder)
    return made


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took, once."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def files(count: int) -> list[Line]:
    """Releasing and reading rates, beside DuckDB."""
    table = make_table(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        release_s = timed(lambda: publish(table, folder))
        peer = duckdb.connect()
        peer.execute(f"CREATE TABLE leads AS FROM '{folder / 'leads.parquet'}'")
        kinds = {"csv": "csv, HEADER", "json": "json", "parquet": "parquet, COMPRESSION zstd"}
        copies = [f"COPY leads TO '{folder}/theirs.{kind}' (FORMAT {options})" for kind, options in kinds.items()]
        copy_s = timed(lambda: [peer.execute(copy) for copy in copies])
        file = folder / "leads.parquet"
        query = f"""SELECT category, region, count(*), sum(CASE WHEN response_actor = 'human'
            AND response_after_s <= least(coalesce(closed_after_s, observed_s), observed_s)
            AND response_after_s <= 86400 THEN 1 ELSE 0 END)
            FROM '{file}' WHERE delivery_status = 'delivered' AND excluded_reason IS NULL
            GROUP BY category, region ORDER BY category, region"""  # noqa: S608 - Our own file.
        mine = {(r.category, r.region): (r.leads, r.answered) for r in rates(file, 86_400)}
        theirs = {(c, r): (n, int(k)) for c, r, n, k in peer.execute(query).fetchall()}
        if mine != theirs:
            raise SystemExit("DuckDB and we disagree about the rates.")
        # By turns, and the best of each: what else runs on the machine would take from either.
        turns = [(timed(lambda: rates(file, 86_400)), timed(lambda: peer.execute(query).fetchall())) for _ in range(15)]
        ours_s, duck_s = (min(took) for took in zip(*turns, strict=True))
    return [
        line(f"release of {count:,} leads ÷ DuckDB's COPY", round(release_s / copy_s, 2), "×", "<= 4",
              ok=release_s <= 4 * copy_s),
        line("the release", round(release_s, 1), "s"),
        line("category × region rates ÷ DuckDB's", round(ours_s / duck_s, 2), "×", "<= 3", ok=ours_s <= 3 * duck_s),
        line("the rates", round(ours_s * 1e3), "ms"),
    ]  # fmt: skip


def measure(*, quick: bool, with_full: bool) -> list[Line]:
    """The lines of the table."""
    leads = make_leads(1_000_000)
    took = []
    for _ in range(4 if quick else 8):
        begun = time.perf_counter()
        curves, medians = ours(leads)
        took.append(time.perf_counter() - begun)
    mine = statistics.median(took[1:])  # The first one asks the system for memory.
    every = 8 * EVERY if quick else EVERY
    loop = theirs(leads, curves, medians, every=every)
    lines = [
        line("lifelines' loop ÷ ours, 1M leads", round(loop / mine), "×", ">= 200", ok=loop / mine >= 200),
        line("ours, median of runs", round(mine * 1e3), "ms"),
        line("ours, the first run", round(took[0] * 1e3), "ms"),
        line(f"the loop, from 1 in {every} vendors", round(loop, 1), "s"),
    ]  # fmt: skip
    lines += files(100_000 if quick else 1_000_000)
    if with_full:
        alone = subprocess.run(  # noqa: S603 - This file itself.
            [sys.executable, __file__, "--alone"], check=True, capture_output=True, text=True
        )
        found = json.loads(alone.stdout)
        lines += [
            line("10M leads, memory", round(found["gb"], 2), "GB", "< 2", ok=found["gb"] < 2),
            line("10M leads", round(found["seconds"], 1), "s"),
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
    tell(lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
