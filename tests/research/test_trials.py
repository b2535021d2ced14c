"""Effects between arms: against the regression and the enumeration that they stand for, and at their stated level."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from vrm.research.survival import kaplan_meier
from vrm.research.trials import (
    Difference,
    SampleSize,
    influence,
    intraclass,
    power_of,
    pseudo_values,
    randomisation_test,
    sample_size,
    share_difference,
)


def uncensored(seed: int) -> tuple[np.ndarray, ...]:
    """Waits of leads of which each was answered before 50 s or watched for 100 s: waits, answers, arms, intents."""
    rng = np.random.default_rng(seed)
    many = int(rng.integers(20, 80))
    intent = np.repeat(np.arange(many), rng.integers(1, 7, many))
    answered = rng.random(intent.size) < rng.beta(2, 3, many)[intent]
    t_s = np.where(answered, rng.integers(0, 5, intent.size), 100).astype(np.int64)
    return t_s, answered, (rng.permutation(many) % 2)[intent].astype(np.bool_), intent


@pytest.mark.parametrize("seed", range(100))
def test_without_censoring_it_is_the_regression_with_cr1_errors(seed: int) -> None:
    t_s, answered, arm, intent = uncensored(seed)
    found = share_difference(t_s, answered, arm, intent, 50)
    x = np.column_stack([np.ones(arm.size), arm])
    bread = np.linalg.inv(x.T @ x)
    slope = bread @ x.T @ answered
    scores = x * (answered - x @ slope)[:, np.newaxis]
    sums = np.array([scores[intent == each].sum(axis=0) for each in np.unique(intent)])
    many, leads = np.unique(intent).size, arm.size
    meat = sums.T @ sums * many / (many - 1) * (leads - 1) / (leads - 2)
    se = np.sqrt((bread @ meat @ bread)[1, 1])
    assert found is not None
    assert (found.estimate, found.se, found.df) == (pytest.approx(slope[1]), pytest.approx(se), many - 2)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(slope[1] / se), many - 2), rel=1e-7)
    assert found.high == pytest.approx(slope[1] + se * stats.t.ppf(0.975, many - 2), rel=1e-7)


@pytest.mark.parametrize("seed", range(60))
def test_influence_is_the_derivative_of_the_curve_by_the_weight_of_a_lead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 60))
    t_s, event = rng.integers(0, 20, n).astype(np.int64), rng.random(n) < 0.6
    horizon = min(12, int(t_s.max()))

    def share(weight: np.ndarray) -> float:
        silent = 1.0
        for moment in sorted(set(t_s[event & (t_s <= horizon)].tolist())):
            silent *= 1 - weight[event & (t_s == moment)].sum() / weight[t_s >= moment].sum()
        return 1 - silent

    found = influence(t_s, event, horizon)
    assert found is not None
    up, down = np.ones(n), np.ones(n)
    up[0], down[0] = 1 + 1e-5, 1 - 1e-5
    assert found[0] == pytest.approx((share(up) - share(down)) / 2e-5, abs=1e-8)
    assert found.sum() == pytest.approx(0.0, abs=1e-12)


def test_without_censoring_pseudo_values_are_the_answers_themselves() -> None:
    t_s, answered, _, _ = uncensored(3)
    found = pseudo_values(t_s, answered, 50)
    np.testing.assert_allclose(found, answered, atol=1e-9)


def test_their_mean_is_the_curve_whatever_the_censoring() -> None:
    rng = np.random.default_rng(8)
    t_s, event = rng.integers(0, 40, 90).astype(np.int64), rng.random(90) < 0.5
    found, curve = pseudo_values(t_s, event, 20), kaplan_meier(t_s, event)
    assert found is not None
    assert found.mean() == pytest.approx(curve.answered[curve.t_s <= 20][-1])


def test_squared_influences_sum_to_greenwoods_variance() -> None:
    rng = np.random.default_rng(8)
    t_s, event = rng.permutation(200).astype(np.int64), rng.random(200) < 0.5
    found, curve = influence(t_s, event, 100), kaplan_meier(t_s, event)
    assert found is not None
    assert np.sqrt((found**2).sum()) == pytest.approx(curve.se[curve.t_s <= 100][-1], rel=0.02)


def test_an_arm_that_cannot_be_observed_so_far_has_no_difference() -> None:
    t_s, event, arm = (
        np.array([5, 9, 5, 50]),
        np.array([True, False, True, False]),
        np.array([True, True, False, False]),
    )
    assert share_difference(t_s, event, arm, np.arange(4), 20) is None
    assert pseudo_values(t_s[:2], event[:2], 20) is None


def test_an_arm_that_answered_everything_is_at_one_for_ever() -> None:
    t_s, event, arm = np.array([5, 9, 5, 50]), np.array([True, True, True, False]), np.array([True, True, False, False])
    assert share_difference(t_s, event, arm, np.arange(4), 20) == Difference(0.5)


def test_fewer_than_8_intents_in_an_arm_give_an_estimate_without_an_interval() -> None:
    t_s, answered, arm, intent = uncensored(1)
    few = ~arm | (intent <= np.unique(intent[arm])[6])
    found = share_difference(t_s[few], answered[few], arm[few], intent[few], 50)
    assert found is not None
    assert (found.se, found.low, found.p) == (None, None, None)


@pytest.mark.parametrize("seed", range(6))
def test_the_randomisation_p_is_that_of_the_enumeration_of_every_deal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    block = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])  # Of intents; two and three of each block are treated.
    dealt = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0], dtype=np.bool_)
    intent = np.repeat(np.arange(9), rng.integers(1, 4, 9))
    value = rng.random(intent.size).round(1)
    observed = value[dealt[intent]].mean() - value[~dealt[intent]].mean()
    every = []
    for one, two in product(combinations(range(4), 2), combinations(range(4, 9), 3)):
        arm = np.isin(intent, [*one, *two])
        every.append(value[arm].mean() - value[~arm].mean())
    exact = float(np.mean(np.abs(every) >= abs(observed) - 1e-12))
    found = randomisation_test(value, dealt[intent], intent, block[intent], draws=20_000)
    assert found.observed == pytest.approx(observed)
    assert found.p == pytest.approx(exact, abs=4 * 0.5 / np.sqrt(20_000))
    assert set(found.differences.round(9)) <= set(np.round(every, 9))
    assert found.p == randomisation_test(value, dealt[intent], intent, block[intent], draws=20_000).p


def test_a_randomisation_p_is_never_nought_and_at_least_5000_deals_are_drawn() -> None:
    arm = np.arange(60) < 30
    found = randomisation_test(arm.astype(np.float64), arm, np.arange(60), np.zeros(60, np.int64))
    assert found.differences.size >= 5_000
    assert found.p == 1 / (1 + found.differences.size)


def test_blocks_are_not_mixed() -> None:
    arm = np.array([True, False] * 10)
    value = np.repeat([0.0, 1.0], 10)  # All the difference is between the blocks.
    found = randomisation_test(value, arm, np.arange(20), np.repeat([0, 1], 10))
    assert np.allclose(found.differences, 0.0)
    assert found.p == 1.0


def test_an_intent_in_two_arms_or_blocks_is_refused() -> None:
    same, value = np.array([0, 0]), np.array([0.0, 1.0])
    with pytest.raises(ValueError, match="same arm and block"):
        randomisation_test(value, np.array([True, False]), same, same)
    with pytest.raises(ValueError, match="same arm and block"):
        randomisation_test(value, np.array([True, True]), same, np.array([0, 1]))


def test_sample_sizes_are_those_of_the_tables() -> None:
    # 25 % against 40 %: 152 each, Fleiss, Levin & Paik's formula without correction for continuity.
    assert sample_size(0.25, 0.40) == SampleSize(152, 1.0, 152, 152)
    assert sample_size(0.40, 0.25).leads == 152
    assert power_of(0.25, 0.40, leads=152) == pytest.approx(0.8003423, abs=1e-5)  # statsmodels 0.15.
    clustered = sample_size(0.37, 0.47, leads_per_intent=8, icc=0.1)
    assert clustered.design_effect == pytest.approx(1.7)
    assert clustered.leads == pytest.approx(clustered.independent * 1.7, abs=2)
    assert clustered.intents * 8 >= clustered.leads > (clustered.intents - 1) * 8
    assert power_of(0.37, 0.47, leads=clustered.leads, leads_per_intent=8, icc=0.1) == pytest.approx(0.8, abs=1e-3)
    assert power_of(0.0, 1.0, leads=10) == 1.0
    for wrong in ((0.3, 0.3), (0.3, 1.2)):
        with pytest.raises(ValueError, match="Two different shares"):
            sample_size(*wrong)


def test_the_intraclass_correlation_is_that_of_the_analysis_of_variance() -> None:
    value, cluster = np.array([9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7]), np.arange(24)
    found = intraclass(value.astype(np.float64), cluster // 4)
    assert found == pytest.approx(0.17, abs=0.005)  # Shrout & Fleiss 1979, ICC(1,1).
    assert intraclass(value.astype(np.float64), cluster) is None
    assert intraclass(value.astype(np.float64), cluster * 0) is None
    assert intraclass(np.ones(24), cluster // 4) is None


@pytest.mark.slow
def test_by_intents_the_level_holds_and_by_leads_it_does_not() -> None:
    rng, runs, many, each = np.random.default_rng(10), 1_500, 50, 20
    intent = np.repeat(np.arange(many), each)
    rejected = {"intents": 0, "leads": 0, "covered": 0}
    for _ in range(runs):
        share = rng.beta(0.4 * 9, 0.6 * 9, many)  # ICC = 1/(9 + 1).
        answered = rng.random(intent.size) < share[intent]
        t_s = np.where(answered, 1, 100)
        arm = (rng.permutation(many) % 2)[intent].astype(np.bool_)
        right = share_difference(t_s, answered, arm, intent, 50)
        naive = share_difference(t_s, answered, arm, np.arange(intent.size), 50)
        assert right is not None
        assert naive is not None
        assert None not in {right.p, naive.p, right.low, right.high}
        rejected["intents"] += right.p < 0.05
        rejected["leads"] += naive.p < 0.05
        rejected["covered"] += right.low <= 0 <= right.high
    assert 0.04 <= rejected["intents"] / runs <= 0.065
    assert rejected["covered"] == runs - rejected["intents"]
    assert 0.2 <= rejected["leads"] / runs <= 0.32


@pytest.mark.slow
def test_the_level_of_the_randomisation_test_holds_too() -> None:
    rng, runs, many, each = np.random.default_rng(3), 500, 24, 6
    intent, rejected = np.repeat(np.arange(many), each), 0
    for _ in range(runs):
        value = (rng.random(intent.size) < rng.beta(0.9, 0.9, many)[intent]).astype(np.float64)
        arm = (rng.permutation(many) % 2)[intent].astype(np.bool_)
        found = randomisation_test(value, arm, intent, np.zeros(intent.size, np.int64), draws=500)
        rejected += found.p <= 0.05
    assert 0.03 <= rejected / runs <= 0.07


@pytest.mark.slow
def test_the_power_that_was_promised_is_there() -> None:
    rng, runs, each, icc = np.random.default_rng(6), 400, 5, 0.1
    size = sample_size(0.3, 0.5, leads_per_intent=each, icc=icc)
    intent = np.repeat(np.arange(2 * size.intents), each)
    arm, found = intent < size.intents, 0
    for _ in range(runs):
        mean = np.where(np.arange(2 * size.intents) < size.intents, 0.5, 0.3)
        share = rng.beta(mean * (1 / icc - 1), (1 - mean) * (1 / icc - 1))
        answered = rng.random(intent.size) < share[intent]
        difference = share_difference(np.where(answered, 1, 100), answered, arm, intent, 50)
        assert difference is not None
        assert difference.p is not None
        found += difference.p < 0.05
    assert 0.74 <= found / runs <= 0.86
