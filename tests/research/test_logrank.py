"""The log-rank tests against lifelines, the published example, and the definition written out."""

import warnings

import numpy as np
import pytest
from lifelines.statistics import logrank_test, multivariate_logrank_test
from research_waits import PLACEBO, REMISSION, random_waits, waits_of

from vrm.research.logrank import log_rank


def by_definition(t_s, event, group, stratum, *, groups: int, rho: float) -> float:
    """Σ over strata of observed less expected, and of the hypergeometric variance, moment by moment."""
    score, variance = np.zeros(groups), np.zeros((groups, groups))
    for each in set(stratum.tolist()):
        t, d, g = t_s[stratum == each], event[stratum == each], group[stratum == each]
        silent = 1.0
        for moment in sorted(set(t[d].tolist())):
            n, died = (t >= moment).sum(), ((t == moment) & d).sum()
            share = np.array([((t >= moment) & (g == k)).sum() for k in range(groups)]) / n
            own = np.array([((t == moment) & d & (g == k)).sum() for k in range(groups)])
            weight = silent**rho
            score += weight * (own - died * share)
            if n > 1:
                scale = weight**2 * died * (n - died) / (n - 1)
                variance += scale * (np.diag(share) - np.outer(share, share))
            silent *= 1 - died / n
    return float(score[:-1] @ np.linalg.solve(variance[:-1, :-1], score[:-1]))


def case(seed: int, groups: int):
    t_s, event = random_waits(seed, least=30)
    event[:9] = True
    rng = np.random.default_rng(seed + 10_000)
    return t_s, event, rng.integers(0, groups, t_s.size), rng.integers(0, 2, t_s.size)


def test_the_remission_data_give_the_published_statistic() -> None:
    (t1, d1), (t2, d2) = waits_of(REMISSION), waits_of(PLACEBO)
    group = np.repeat([0, 1], [t1.size, t2.size])
    found = log_rank(np.concatenate([t1, t2]), np.concatenate([d1, d2]), group, 2)
    assert found is not None
    assert found.chi2 == pytest.approx(16.793, abs=5e-4)  # Collett 2015; R's survdiff.
    assert (found.df, found.p) == (1, pytest.approx(4.17e-5, rel=2e-3))


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.filterwarnings("ignore")
def test_plain_agrees_with_lifelines(seed: int) -> None:
    t_s, event, group, _ = case(seed, 3)
    found = log_rank(t_s, event, group, 3)
    assert found is not None
    theirs = multivariate_logrank_test(t_s, group, event)
    assert (found.chi2, found.p) == (pytest.approx(theirs.test_statistic, abs=1e-8), pytest.approx(theirs.p_value))


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("rho", [0.5, 1.0])
def test_weighted_agrees_with_lifelines(seed: int, rho: float) -> None:
    t_s, event, group, _ = case(seed, 2)
    t_s = t_s + 1  # Its weights do not know waits of 0.
    found = log_rank(t_s, event, group, 2, rho=rho)
    assert found is not None
    one = group == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = logrank_test(t_s[one], t_s[~one], event[one], event[~one], weightings="fleming-harrington", p=rho, q=0)
    assert found.chi2 == pytest.approx(theirs.test_statistic, abs=1e-8)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_stratified_is_the_definition(seed: int, rho: float) -> None:
    t_s, event, group, stratum = case(seed, 2)
    found = log_rank(t_s, event, group, 2, stratum=stratum, rho=rho)
    assert found is not None
    assert found.chi2 == pytest.approx(by_definition(t_s, event, group, stratum, groups=2, rho=rho), abs=1e-8)


def test_strata_undo_a_difference_that_only_the_mix_of_categories_makes() -> None:
    rng = np.random.default_rng(3)
    stratum = np.repeat([0, 1], 300)
    group = (rng.random(600) < np.where(stratum == 0, 0.8, 0.2)).astype(np.int64)
    t_s = rng.exponential(np.where(stratum == 0, 100, 1_000)).astype(np.int64)
    plain = log_rank(t_s, np.ones(600, dtype=np.bool_), group, 2)
    within = log_rank(t_s, np.ones(600, dtype=np.bool_), group, 2, stratum=stratum)
    assert plain is not None
    assert within is not None
    assert plain.p < 1e-6
    assert within.p > 0.05


def test_early_differences_weigh_more_with_rho() -> None:
    early = np.concatenate([np.arange(1, 31), np.arange(100, 131)])  # The first half differs, the second does not.
    late = np.concatenate([np.arange(31, 62), np.arange(100, 130)])
    t_s, group = np.concatenate([early, late]), np.repeat([0, 1], [early.size, late.size])
    plain, weighted = (log_rank(t_s, np.ones(t_s.size, dtype=np.bool_), group, 2, rho=rho) for rho in (0.0, 1.0))
    assert plain is not None
    assert weighted is not None
    assert weighted.chi2 > plain.chi2


@pytest.mark.parametrize(
    ("t_s", "event", "group"),
    [([], [], []), ([5], [True], [0]), ([5, 6], [False, False], [0, 1]), ([5, 6], [True, True], [0, 0])],
)
def test_nothing_to_compare_is_no_test(t_s: list[int], event: list[bool], group: list[int]) -> None:
    columns = np.array(t_s, np.int64), np.array(event, np.bool_), np.array(group, np.int64)
    assert log_rank(*columns, 2) is None


def test_strata_that_hold_one_group_each_compare_nothing() -> None:
    group = np.repeat([0, 1], 10)
    assert log_rank(np.arange(20), np.ones(20, dtype=np.bool_), group, 2, stratum=group) is None


def test_a_group_without_leads_takes_no_degree_of_freedom() -> None:
    t_s, event, group, _ = case(11, 2)
    assert log_rank(t_s, event, group * 2, 3) == log_rank(t_s, event, group, 2)


def test_more_moments_than_fit_at_once_are_summed_in_parts() -> None:
    t_s = np.arange(150_000)
    group = np.random.default_rng(1).integers(0, 2, t_s.size)
    left = np.cumsum(group[::-1])[::-1] / (t_s.size - t_s)
    expected = (group.sum() - left.sum()) ** 2 / (left * (1 - left)).sum()
    found = log_rank(t_s, np.ones(t_s.size, dtype=np.bool_), group, 2)
    assert found is not None
    assert found.chi2 == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_with_clusters_the_level_holds_where_leads_of_one_intent_are_alike() -> None:
    rng, runs, intents, each = np.random.default_rng(5), 700, 60, 6
    rejected = {"clustered": 0, "naive": 0}
    cluster = np.repeat(np.arange(intents), each)
    for _ in range(runs):
        rate = np.repeat(rng.gamma(2.0, 0.5, intents), each)
        answer, watched = rng.exponential(1_000 / rate), rng.uniform(200, 5_000, cluster.size)
        t_s, event = np.minimum(answer, watched).astype(np.int64), answer <= watched
        arm = np.repeat(rng.permutation(intents) % 2, each)
        for name, chosen in (("clustered", cluster), ("naive", None)):
            found = log_rank(t_s, event, arm, 2, cluster=chosen)
            assert found is not None
            rejected[name] += found.p < 0.05
    assert 0.03 <= rejected["clustered"] / runs <= 0.07
    assert rejected["naive"] / runs > 0.12


def test_clusters_of_one_lead_change_little() -> None:
    t_s, event, group, _ = case(2, 2)
    alone, plain = log_rank(t_s, event, group, 2, cluster=np.arange(t_s.size)), log_rank(t_s, event, group, 2)
    assert alone is not None
    assert plain is not None
    assert alone.chi2 == pytest.approx(plain.chi2, rel=0.25)
