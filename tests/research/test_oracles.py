"""The estimators against R's `survival`, statsmodels, scikit-survival and scipy: 1e-6 on 201 data sets.

What the first three say was written down by oracles/make.py, which needs more than the tests install; R is asked
anew where it is there (apt-get install r-cran-survival).
"""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from oracles import cases
from oracles.asking import Figure, of_r, r_version
from scipy import stats

from vrm.research.survival import kaplan_meier

WRITTEN = Path(__file__).parent / "oracles" / "figures.csv.gz"
# R gives the middle of the two moments between which a curve stands at one half; we, as the definition says, the first.
AT_ONE_HALF = {("random 47", 0), ("random 117", 0), ("random 72", 0), ("random 163", 0)}


@pytest.fixture(scope="module")
def ours() -> Mapping[cases.Key, float]:
    return cases.ours()


def differing(ours: Mapping[cases.Key, float], theirs: Iterable[Figure]) -> list[tuple[Figure, float | None]]:
    """Figures of theirs that are not ours; a test where there is nothing to compare is 0 to them and nothing to us."""
    found = []
    for figure in theirs:
        case, what, at, value = figure
        mine = ours.get((case, what, at))
        nothing = mine is None and what.startswith(("logrank", "stratified")) and abs(value) < 1e-9
        if not nothing and (mine is None or abs(mine - value) > 1e-6 * max(1.0, abs(value))):
            found.append((figure, mine))
    return found


def written() -> dict[str, list[Figure]]:
    checksum, *lines = gzip.decompress(WRITTEN.read_bytes()).decode().splitlines()
    assert checksum == f"# {cases.checksum()}", "These are figures of other data: run oracles/make.py again."
    by: dict[str, list[Figure]] = {}
    for row in csv.DictReader(lines):
        by.setdefault(row["by"], []).append((row["case"], row["what"], float(row["at"]), float(row["value"])))
    return by


def whats(figures: Iterable[Figure]) -> set[str]:
    return {what.rpartition(" ")[0] or what for _, what, _, _ in figures}


def test_every_figure_that_others_gave_is_ours_to_1e_6(ours: Mapping[cases.Key, float]) -> None:
    by = written()
    r, scikit, models = (by[name] for name in sorted(by))
    for figures in (r, models, scikit):
        assert len({case for case, *_ in figures}) >= cases.RANDOM - 5  # In a few nobody answers.
    assert len(r) > 9_000
    assert {"logrank", "stratified", "median", "restricted mean", "incidence", "incidence se"} <= whats(r)
    assert {"answered", "se", "logrank", "stratified"} <= whats(models)
    assert {"answered", "low", "high", "logrank", "incidence"} <= whats(scikit)
    wrong = differing(ours, [*r, *models, *scikit])
    assert {(case, at) for (case, what, at, _), _ in wrong if what == "median quantile"} == AT_ONE_HALF
    assert [each for each in wrong if each[0][1] != "median quantile"] == []


@pytest.mark.slow
def test_r_asked_anew_says_the_same_at_every_moment(ours: Mapping[cases.Key, float]) -> None:
    if r_version() is None:
        pytest.skip("R's survival is not installed: apt-get install r-cran-survival")
    figures = of_r()
    wrong = differing(ours, figures)
    assert Counter(what for (_, what, _, _), _ in wrong) == {"median quantile": len(AT_ONE_HALF)}
    # And it has a figure for all that we claim, but the limits where a share is 0 or 1 and none exist.
    theirs = {(case, what, at) for case, what, at, _ in figures}
    without = Counter(what for case, what, at in ours.keys() - theirs)
    assert set(without) <= {"low", "high", "se"}, without


@pytest.mark.filterwarnings("ignore")  # Its own, about divisions.
def test_scipy_gives_the_same_curve_and_limits() -> None:
    for case in cases.cases():
        if case.answered.any():
            as_scipy_says(case)


def as_scipy_says(case: cases.Case) -> None:
    known, cut = case.t_s[case.answered], case.t_s[~case.answered]
    theirs = stats.ecdf(stats.CensoredData(uncensored=known, right=cut)).sf
    curve = kaplan_meier(case.t_s, case.answered)
    places = np.searchsorted(curve.t_s, theirs.quantiles)
    np.testing.assert_allclose(1.0 - curve.answered[places], theirs.probabilities, atol=1e-9)
    band = theirs.confidence_interval(0.95, method="log-log")
    for mine, limit in ((1.0 - curve.high, band.low), (1.0 - curve.low, band.high)):
        whole = np.isfinite(limit.probabilities) & (theirs.probabilities > 0)
        np.testing.assert_allclose(mine[places][whole], limit.probabilities[whole], atol=1e-9)
