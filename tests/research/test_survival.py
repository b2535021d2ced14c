"""The estimators against lifelines, against hand-worked and published numbers, and at their edges."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times, restricted_mean_survival_time
from research_waits import REMISSION, random_waits, waits_of

from vrm.research.survival import (
    Curve,
    Median,
    Share,
    kaplan_meier,
    kaplan_meier_by,
    median_wait,
    restricted_mean,
    share_by,
    wilson,
)


def curve_of(*waits: tuple[int, bool], followed_s: int | None = None) -> Curve:
    t_s = np.array([t for t, _ in waits], dtype=np.int64)
    return kaplan_meier(t_s, np.array([d for _, d in waits], dtype=np.bool_), followed_s=followed_s)


def oracle(t_s: np.ndarray, event: np.ndarray) -> KaplanMeierFitter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Its own, about divisions and pandas; ours still raise.
        return KaplanMeierFitter(alpha=0.05).fit(t_s, event)


@pytest.mark.parametrize("seed", range(200))
def test_curve_error_and_band_agree_with_lifelines(seed: int) -> None:
    t_s, event = random_waits(seed)
    curve, fitted = kaplan_meier(t_s, event), oracle(t_s, event)
    silent = fitted.survival_function_["KM_estimate"].loc[curve.t_s].to_numpy()
    band = fitted.confidence_interval_.loc[curve.t_s].to_numpy()
    spread = np.sqrt(fitted._cumulative_sq_.loc[curve.t_s].to_numpy().ravel())
    np.testing.assert_allclose(1.0 - curve.answered, silent, atol=1e-9)
    np.testing.assert_allclose(curve.se, silent * spread, atol=1e-9)
    np.testing.assert_allclose(1.0 - curve.high, band[:, 0], atol=1e-9)
    np.testing.assert_allclose(1.0 - curve.low, band[:, 1], atol=1e-9)
    assert curve.at_risk.tolist() == fitted.event_table.loc[curve.t_s, "at_risk"].tolist()


@pytest.mark.parametrize("seed", range(200))
def test_median_and_its_interval_agree_with_lifelines(seed: int) -> None:
    t_s, event = random_waits(seed)
    fitted, ours = oracle(t_s, event), median_wait(kaplan_meier(t_s, event))
    # Where everybody has answered lifelines goes on with a band of no width; we, like R, end no interval there.
    # And it misses a curve that reaches one half but for the last rounding.
    silent = fitted.survival_function_["KM_estimate"].round(12)
    middle = silent.index[silent <= 0.5].min() if (silent <= 0.5).any() else np.inf
    low, high = median_survival_times(fitted.confidence_interval_[silent > 0.0]).to_numpy().ravel()
    theirs = [None if np.isinf(t) else int(t) for t in (middle, low, high)]
    assert [ours.estimate, ours.low, ours.high] == theirs


def remission() -> Curve:
    return kaplan_meier(*waits_of(REMISSION))


def test_remission_data_give_the_published_curve() -> None:
    curve = remission()
    at = curve.events > 0
    assert curve.t_s[at].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk[at].tolist() == [21, 17, 15, 12, 11, 7, 6]
    published = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    np.testing.assert_allclose(1.0 - curve.answered[at], published, atol=5e-4)
    np.testing.assert_allclose(curve.se[at], [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], atol=5e-5)
    assert median_wait(curve) == Median(23, 13, None)


def test_the_interval_is_95_percent_and_not_one_standard_error() -> None:
    share = share_by(remission(), 10)
    assert share is not None
    se = 0.0963
    assert share.high - share.low > 3.5 * se
    assert share.low < share.estimate - 1.3 * se
    assert share.high > share.estimate + 1.9 * se


def test_an_answer_in_the_second_of_closing_comes_before_the_closing() -> None:
    curve = curve_of((60, True), (60, False))
    assert curve.at_risk.tolist() == [2]
    assert curve.answered.tolist() == [0.5]


def test_an_answer_at_once_counts() -> None:
    curve = curve_of((0, True), (50, False))
    assert share_by(curve, 0) == Share(0.5, float(curve.low[0]), float(curve.high[0]))


def test_nothing_is_said_beyond_the_last_follow_up() -> None:
    curve = curve_of((60, True), (3_600, False), (7_200, False))
    assert share_by(curve, 7_200) is not None
    assert share_by(curve, 7_201) is None


def test_a_share_before_the_first_answer_is_nought_without_an_interval() -> None:
    share = share_by(curve_of((60, True), (90, False)), 59)
    assert share == Share(0.0, 0.0, 0.0)
    assert not share.has_interval


def test_when_all_have_answered_the_share_holds_for_as_long_as_they_were_watched() -> None:
    curve = curve_of((10, True), (20, True), followed_s=86_400)
    assert share_by(curve, 86_400) == Share(1.0, 1.0, 1.0)
    assert share_by(curve, 86_401) is None


def test_a_long_follow_up_of_those_who_answered_does_not_stretch_the_curve_of_those_who_did_not() -> None:
    curve = curve_of((10, True), (20, False), followed_s=86_400)
    assert share_by(curve, 20) is not None
    assert share_by(curve, 21) is None


def test_one_answered_lead_has_a_median_and_no_interval() -> None:
    curve = curve_of((60, True))
    assert median_wait(curve) == Median(60, None, None)
    assert not curve.has_band.any()


def test_all_censored_is_a_flat_curve_and_no_median() -> None:
    curve = curve_of((60, False), (90, False))
    assert curve.answered.tolist() == [0.0, 0.0]
    assert median_wait(curve) == Median(None, None, None)


def test_nobody_is_an_empty_curve() -> None:
    curve = curve_of()
    assert curve.t_s.size == 0
    assert share_by(curve, 0) is None
    assert median_wait(curve) == Median(None, None, None)
    assert curve.at_risk_at(0) == 0


def test_half_answered_is_reached_although_the_product_is_rounded() -> None:
    # 23/24 x 22/23 x ... x 12/13 is a half on paper and 0.5000000000000001 in floating point.
    assert median_wait(curve_of(*((t, t <= 12) for t in range(1, 25)))).estimate == 12


def test_at_risk_between_two_waits_is_that_of_the_later_one() -> None:
    curve = curve_of((10, True), (20, False), (30, True))
    assert [curve.at_risk_at(t) for t in (0, 10, 11, 20, 30, 31)] == [3, 3, 2, 2, 1, 0]


@pytest.mark.parametrize(("t_s", "event"), [([-1], [True]), ([1, 2], [True])])
def test_impossible_waits_are_refused(t_s: list[int], event: list[bool]) -> None:
    with pytest.raises(ValueError, match=r"[Ww]ait"):
        kaplan_meier(np.array(t_s), np.array(event))


@pytest.mark.parametrize("seed", range(200))
def test_a_restricted_mean_is_the_area_and_its_error_the_formula_written_out(seed: int) -> None:
    t_s, event = random_waits(seed)
    curve = kaplan_meier(t_s, event)
    horizon = int(np.random.default_rng(seed).integers(0, curve.last_s + 1))
    found = restricted_mean(curve, horizon)
    assert found is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = restricted_mean_survival_time(oracle(t_s, event), t=horizon) if horizon else 0.0
    assert found.estimate == pytest.approx(theirs, rel=1e-9)
    variance = 0.0
    for moment in sorted(set(t_s[event & (t_s < horizon)].tolist())):
        n, d = (t_s >= moment).sum(), (event & (t_s == moment)).sum()
        early = restricted_mean(curve, moment)
        assert early is not None
        variance += (found.estimate - early.estimate) ** 2 * d / (n * (n - d)) if n > d else 0.0
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-9, abs=1e-9)


def test_without_censoring_a_restricted_mean_is_a_mean_with_the_usual_error() -> None:
    t_s = np.array([0, 3, 3, 8, 20, 31, 50], dtype=np.int64)
    found = restricted_mean(kaplan_meier(t_s, np.ones(7, dtype=np.bool_), followed_s=99), 30)
    assert found is not None
    cut = np.minimum(t_s, 30)
    assert (found.estimate, found.se) == (pytest.approx(cut.mean()), pytest.approx(cut.std() / np.sqrt(7)))


def test_a_restricted_mean_is_not_extrapolated() -> None:
    assert restricted_mean(curve_of((60, True), (90, False)), 91) is None
    assert restricted_mean(curve_of(), 0) is None
    whole = restricted_mean(remission(), 35)
    assert whole is not None
    assert whole.estimate == pytest.approx(23.287, abs=2e-3)  # R's survfit, rmean = 35.


@pytest.mark.parametrize("seed", range(20))
def test_many_groups_in_one_pass_are_to_the_last_digit_each_group_alone(seed: int) -> None:
    t_s, event = random_waits(seed, least=40)
    group = np.random.default_rng(seed).integers(0, 6, t_s.size) ** 2 // 5  # Sizes differ; 2 and 4 stay empty.
    together = kaplan_meier_by(t_s, event, group, 7)
    middle, low, high = together.median_waits()
    for each in range(7):
        mine = group == each
        alone, found = kaplan_meier(t_s[mine], event[mine]), together[each]
        for name in ("t_s", "at_risk", "events", "answered", "se", "low", "high"):
            assert getattr(found, name).tolist() == getattr(alone, name).tolist()
        assert found.followed_s == alone.followed_s
        median = median_wait(alone)
        said = [-1 if value is None else value for value in (median.estimate, median.low, median.high)]
        assert [middle[each], low[each], high[each]] == said
    assert len(together) == 7


def test_more_groups_than_can_be_counted_are_refused() -> None:
    with pytest.raises(ValueError, match="too many to count"):
        kaplan_meier_by(np.array([10**10]), np.array([True]), np.array([0]), 10**9)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=60))
def test_any_waits_give_a_rising_curve_inside_its_band_and_no_nan(waits: list[tuple[int, bool]]) -> None:
    curve = curve_of(*waits)
    assert (np.diff(curve.answered) >= -1e-12).all()
    for column in (curve.answered, curve.se, curve.low, curve.high):
        assert np.isfinite(column).all()
    assert (curve.low <= curve.answered + 1e-12).all()
    assert (curve.answered <= curve.high + 1e-12).all()
    assert (curve.low >= 0.0).all()
    assert (curve.high <= 1.0).all()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(0, 40))
def test_without_censoring_the_curve_is_the_plain_share(waits: list[int], horizon: int) -> None:
    curve = curve_of(*((t, True) for t in waits), followed_s=40)
    share = share_by(curve, horizon)
    assert share is not None
    assert share.estimate == pytest.approx(sum(t <= horizon for t in waits) / len(waits), abs=1e-12)


@pytest.mark.slow
def test_the_band_covers_the_truth_about_95_times_in_100_under_staggered_entry() -> None:
    rng, hits, runs, naive = np.random.default_rng(2008), 0, 2_000, 0.0
    truth = 1.0 - np.exp(-1.0)  # Answered within the mean of an exponential wait.
    for _ in range(runs):
        answer, watched = rng.exponential(10_000, 150), rng.uniform(1_000, 30_000, 150)
        curve = kaplan_meier(np.minimum(answer, watched).astype(np.int64), answer <= watched)
        share = share_by(curve, 10_000)
        assert share is not None
        hits += share.low <= truth <= share.high
        naive += float(np.mean((answer <= watched) & (answer <= 10_000))) / runs
    assert 0.93 <= hits / runs <= 0.97
    assert naive < truth - 0.05  # The share "so far" misses it by far.


def test_wilson_gives_the_textbook_interval() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263 and 15 of 148.
    for k, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)]:
        share = wilson(k, n)
        assert share is not None
        assert (round(share.low, 4), round(share.high, 4)) == (low, high)


def test_wilson_at_the_ends_has_an_interval_and_stays_inside() -> None:
    none, every = wilson(0, 20), wilson(20, 20)
    assert none is not None
    assert every is not None
    assert (none.low, round(none.high, 4)) == (0.0, 0.1611)
    assert (round(every.low, 4), every.high) == (0.8389, 1.0)


def test_wilson_of_nothing_is_nothing_and_of_nonsense_an_error() -> None:
    assert wilson(0, 0) is None
    with pytest.raises(ValueError, match="is not a share"):
        wilson(3, 2)
