"""Ask R's `survival`, statsmodels and scikit-survival for their figures, and write down some of each: figures.csv.gz.

In a virtual environment of its own, which also has this project and its test extra:

    apt-get install r-cran-survival && pip install statsmodels scikit-survival
    PYTHONPATH=tests/research python -m oracles.make
"""

import csv
import gzip
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import numpy as np
from oracles.asking import Figure, of_r, r_version
from oracles.cases import Case, cases, checksum
from sksurv.compare import compare_survival
from sksurv.nonparametric import cumulative_incidence_competing_risks, kaplan_meier_estimator
from sksurv.util import Surv
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

HERE = Path(__file__).parent
MOMENTS = 4  # Of each curve: the first, the last, and two in between.


def of_statsmodels(case: Case) -> Iterator[tuple[str, float, float]]:
    """Curves where somebody answers, and the tests."""
    if not case.answered.any():
        return
    status = case.answered.astype(int)
    curve = SurvfuncRight(case.t_s, status)
    for t, silent, se in zip(curve.surv_times, curve.surv_prob, curve.surv_prob_se, strict=True):
        yield "answered", t, 1 - silent
        if silent > 0:
            yield "se", t, se
    for rho in (0, 0.5, 1):
        weights = {} if rho == 0 else {"weight_type": "fh", "fh_p": rho}
        for what, strata in (("logrank", None), ("stratified", case.stratum)):
            with suppress(np.linalg.LinAlgError):  # Nothing to compare: arms that never meet.
                yield f"{what} {rho}", 0, survdiff(case.t_s, status, case.arm, strata=strata, **weights)[0]


def of_sksurv(case: Case) -> Iterator[tuple[str, float, float]]:
    """Curves with limits, the plain test, and competing ends with Dinse and Larson's limits as they follow."""
    if case.answered.any():
        times, silent, band = kaplan_meier_estimator(case.answered, case.t_s, conf_type="log-log")
        for t, s, low, high in zip(times, silent, *band, strict=True):
            yield "answered", t, 1 - s
            if 0 < s < 1:
                yield "low", t, 1 - high
                yield "high", t, 1 - low
        with suppress(np.linalg.LinAlgError):
            yield "logrank 0", 0, compare_survival(Surv.from_arrays(case.answered, case.t_s), case.arm)[0]
    if set(case.kind.tolist()) >= {1, 2, 3}:  # It wants to see each of them.
        times, shares = cumulative_incidence_competing_risks(case.kind, case.t_s)
        for way in (1, 2, 3):
            yield from ((f"incidence {way}", t, share) for t, share in zip(times, shares[way], strict=True))


def some(figures: list[Figure]) -> Iterator[Figure]:
    """MOMENTS of each curve."""
    curves: dict[tuple[str, str], list[Figure]] = defaultdict(list)
    for figure in figures:
        curves[figure[:2]].append(figure)
    for curve in curves.values():
        places = np.unique(np.linspace(0, len(curve) - 1, MOMENTS).round().astype(int))
        yield from (curve[place] for place in places.tolist())


def main() -> None:
    """Write figures.csv.gz: first the checksum of the data, then a line for each figure."""
    found = {f"R survival {r_version()}": of_r()}
    for name, ask in (("statsmodels", of_statsmodels), ("scikit-survival", of_sksurv)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[f"{name} {version(name)}"] = [(c.name, *figure) for c in cases() for figure in ask(c)]
    text = StringIO()
    text.write(f"# {checksum()}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["by", "case", "what", "at", "value"])
    for who, figures in found.items():
        for case, what, at, value in some([figure for figure in figures if np.isfinite(figure[3])]):
            writer.writerow([who, case, what, f"{at:g}" if at < 1e5 else int(at), f"{value:.12g}"])
    (HERE / "figures.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
