"""Priors against scipy's optimum, scores against its quantiles, and both against the truth of simulated vendors."""

import numpy as np
import pytest
from scipy import optimize, stats

from vrm.research.scores import JEFFREYS, Prior, fit_prior, shrink


def vendors(seed: int, *, many: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.beta(rng.uniform(0.4, 8), rng.uniform(0.4, 8), many)
    asked = rng.integers(0, int(rng.choice([6, 40, 400])), many)
    return truth, rng.binomial(asked, truth), asked


def likelihood(k: np.ndarray, n: np.ndarray, alpha: float, beta: float) -> float:
    return float(stats.betabinom.logpmf(k, n, alpha, beta).sum())


@pytest.mark.parametrize("seed", range(30))
def test_no_prior_is_likelier_than_the_one_found(seed: int) -> None:
    _, k, n = vendors(seed)
    ours = fit_prior(k, n)
    start = np.log([max(k.mean(), 0.1), max((n - k).mean(), 0.1)])
    best = optimize.minimize(
        lambda at: -likelihood(k, n, *np.exp(np.clip(at, -30, 30))),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4_000},
    )
    alpha, beta = np.exp(best.x)
    assert likelihood(k, n, ours.alpha, ours.beta) >= -best.fun - 1e-7 or alpha + beta > n.sum()
    if alpha + beta < 100:  # Beyond, the hill is flat and Nelder and Mead stop anywhere on it.
        assert (ours.alpha, ours.beta) == (pytest.approx(alpha, rel=1e-4), pytest.approx(beta, rel=1e-4))


def test_vendors_that_differ_by_chance_alone_get_a_prior_worth_no_more_than_their_leads() -> None:
    prior = fit_prior(np.full(30, 5), np.full(30, 10))
    assert (prior.alpha, prior.beta) == (pytest.approx(150.0), pytest.approx(150.0))


def test_vendors_that_answer_all_or_nothing_keep_an_interval() -> None:
    k, n = np.array([0, 20] * 15), np.full(30, 20)
    prior = fit_prior(k, n)
    assert prior.alpha + prior.beta == pytest.approx(0.1)
    scores = shrink(k, n, np.full(30, prior.alpha), np.full(30, prior.beta))
    assert all(score.low < score.estimate < score.high for score in scores)


@pytest.mark.parametrize(("k", "n"), [([], []), ([0], [0]), ([0, 0], [5, 9]), ([5, 9], [5, 9])])
def test_where_the_likelihood_has_no_maximum_the_prior_is_that_of_jeffreys(k: list[int], n: list[int]) -> None:
    assert fit_prior(np.array(k, np.int64), np.array(n, np.int64)) == JEFFREYS


def test_one_vendor_has_a_prior() -> None:
    prior = fit_prior(np.array([3]), np.array([10]))
    assert prior.alpha / (prior.alpha + prior.beta) == pytest.approx(0.3, abs=0.03)


def test_a_score_is_the_mean_and_the_quantiles_of_its_posterior() -> None:
    k, n, prior = np.array([3, 95, 0]), np.array([3, 100, 12]), Prior(4.0, 2.0)
    scores = shrink(k, n, np.full(3, prior.alpha), np.full(3, prior.beta))
    for score, answered, asked in zip(scores, k, n, strict=True):
        posterior = stats.beta(answered + 4, asked - answered + 2)
        assert score.estimate == pytest.approx(posterior.mean())
        assert (score.low, score.high) == pytest.approx(posterior.ppf([0.025, 0.975]), rel=1e-8)
    assert scores[0].estimate < scores[1].estimate  # 3 of 3 is not better than 95 of 100.
    assert (scores[2].rank_low, scores[2].rank_high) == (3, 3)
    assert scores[0].rank_high == 2


def test_ranks_are_the_same_in_every_run() -> None:
    _, k, n = vendors(4)
    ones = np.ones(k.size)
    assert shrink(k, n, ones, ones) == shrink(k, n, ones, ones)
    assert shrink(k[:0], n[:0], ones[:0], ones[:0]) == []


def test_ranks_of_alike_vendors_span_almost_all_places() -> None:
    scores = shrink(np.full(40, 5), np.full(40, 10), np.full(40, 2.0), np.full(40, 2.0))
    assert all(score.rank_low <= 4 and score.rank_high >= 37 for score in scores)


@pytest.mark.slow
def test_intervals_of_share_and_rank_cover_the_truth_about_95_times_in_100() -> None:
    shares = ranks = total = 0
    rng = np.random.default_rng(42)
    for _ in range(40):
        truth = rng.beta(3.0, 5.0, 60)
        n = rng.integers(10, 80, 60)
        k = rng.binomial(n, truth)
        prior = fit_prior(k, n)
        place = np.empty(60)
        place[np.argsort(-truth)] = np.arange(1, 61)
        for score, share, rank in zip(
            shrink(k, n, np.full(60, prior.alpha), np.full(60, prior.beta)), truth, place, strict=True
        ):
            shares += score.low <= share <= score.high
            ranks += score.rank_low <= rank <= score.rank_high
            total += 1
    assert 0.93 <= shares / total <= 0.97
    assert 0.93 <= ranks / total <= 0.98
