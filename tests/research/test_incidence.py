"""Competing ways to end: against the definition written out, lifelines, and what must hold by arithmetic."""

import warnings

import numpy as np
import pytest
from lifelines import AalenJohansenFitter

from vrm.research.incidence import Incidence, aalen_johansen, aalen_johansen_by
from vrm.research.survival import Share, kaplan_meier


def random_ends(seed: int, *, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 120))
    longest = int(rng.choice([3, 12, 1_000, 3_000_000]))
    t_s = rng.integers(0, longest, n) if ties else rng.choice(5_000_000, n, replace=False) + 1
    return t_s.astype(np.int64), rng.choice(4, n, p=rng.dirichlet([2, 1, 1, 1])).astype(np.int64)


def by_definition(t_s: np.ndarray, kind: np.ndarray, way: int) -> tuple[list[float], list[float]]:
    """The share, and Dinse and Larson's variance as the double sum that it is."""
    moments = sorted(set(t_s.tolist()))
    n = [int((t_s >= t).sum()) for t in moments]
    every = [int(((t_s == t) & (kind > 0)).sum()) for t in moments]
    own = [int(((t_s == t) & (kind == way)).sum()) for t in moments]
    silent, total, before, share = 1.0, 0.0, [], []
    for i in range(len(moments)):
        before.append(silent)
        total += silent * own[i] / n[i]
        silent *= 1 - every[i] / n[i]
        share.append(total)
    spread = []
    for t in range(len(moments)):
        variance = 0.0
        for i in range(t + 1):
            gone, weight = share[t] - share[i], before[i] / n[i]
            if n[i] > every[i]:
                variance += gone**2 * every[i] / (n[i] * (n[i] - every[i]))
            variance += weight**2 * own[i] * (n[i] - own[i]) / n[i] - 2 * gone * weight * own[i] / n[i]
        spread.append(max(variance, 0.0) ** 0.5)
    return share, spread


@pytest.mark.parametrize("seed", range(200))
def test_shares_and_errors_are_those_of_the_definition(seed: int) -> None:
    t_s, kind = random_ends(seed)
    for way, found in enumerate(aalen_johansen(t_s, kind, kinds=3), start=1):
        share, spread = by_definition(t_s, kind, way)
        np.testing.assert_allclose(found.share, share, atol=1e-12)
        np.testing.assert_allclose(found.se, spread, atol=1e-7)


@pytest.mark.parametrize("seed", range(40))
def test_shares_agree_with_lifelines_where_it_need_not_jitter(seed: int) -> None:
    t_s, kind = random_ends(seed, ties=False)
    for way, found in enumerate(aalen_johansen(t_s, kind, kinds=3), start=1):
        if (kind == way).any():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = AalenJohansenFitter(calculate_variance=False).fit(t_s, kind, event_of_interest=way)
            expected = theirs.cumulative_density_.iloc[:, 0].loc[found.t_s].to_numpy()
            np.testing.assert_allclose(found.share, expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_the_ways_sum_to_the_response_curve_and_one_way_is_that_curve(seed: int) -> None:
    t_s, kind = random_ends(seed)
    curve = kaplan_meier(t_s, kind > 0)
    np.testing.assert_allclose(sum(way.share for way in aalen_johansen(t_s, kind, kinds=3)), curve.answered, atol=1e-12)
    (alone,) = aalen_johansen(t_s, (kind > 0).astype(np.int64), kinds=1)
    for name, theirs in (("share", "answered"), ("se", "se"), ("low", "low"), ("high", "high")):
        np.testing.assert_allclose(getattr(alone, name), getattr(curve, theirs), atol=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_without_censoring_the_error_is_the_binomial_one(seed: int) -> None:
    t_s, kind = random_ends(seed)
    t_s, kind = t_s[kind > 0], kind[kind > 0]
    for way in aalen_johansen(t_s, kind, kinds=3):
        np.testing.assert_allclose(way.se, np.sqrt(way.share * (1 - way.share) / max(t_s.size, 1)), atol=1e-7)


def test_a_small_example_worked_by_hand() -> None:
    # Offers at 1 and 3, a closing at 2, one still waiting at 3, one lost at 2: n = 5, 4, 2.
    t_s, kind = np.array([1, 2, 2, 3, 3]), np.array([1, 2, 0, 1, 0])
    offer, closed = aalen_johansen(t_s, kind, kinds=2)
    np.testing.assert_allclose(offer.share, [1 / 5, 1 / 5, 1 / 5 + (4 / 5) * (3 / 4) / 2])
    np.testing.assert_allclose(closed.share, [0, (4 / 5) / 4, (4 / 5) / 4])
    assert offer.by(0) == Share(0.0, 0.0, 0.0)
    assert offer.by(3) is not None
    assert offer.by(4) is None


def test_one_minus_kaplan_meier_for_each_kind_claims_more_than_everybody() -> None:
    t_s = np.arange(1, 41, dtype=np.int64)
    kind = np.tile([1, 2], 20)
    wrong = sum(float(kaplan_meier(t_s, kind == way).answered[-1]) for way in (1, 2))
    right = sum(float(way.share[-1]) for way in aalen_johansen(t_s, kind, kinds=2))
    assert wrong > 1.3
    assert right == pytest.approx(1.0)


def test_many_groups_in_one_pass_are_each_group_alone() -> None:
    t_s, kind = random_ends(7)
    group = np.arange(t_s.size) % 5
    together = aalen_johansen_by(t_s, kind, group, 6, kinds=3)
    for each in range(6):
        mine = group == each
        alone = aalen_johansen(t_s[mine], kind[mine], kinds=3)
        for ours, theirs in zip(together.of(each), alone, strict=True):
            assert ours.t_s.tolist() == theirs.t_s.tolist()
            assert ours.share.tolist() == theirs.share.tolist()
            assert ours.se.tolist() == theirs.se.tolist()
            assert ours.last_s == theirs.last_s


def test_when_everybody_has_ended_the_shares_hold_for_as_long_as_they_were_watched() -> None:
    t_s, kind = np.array([5, 9]), np.array([1, 2])
    offer, closed = aalen_johansen(t_s, kind, kinds=2, followed_s=100)
    assert (offer.last_s, closed.last_s) == (100, 100)
    assert offer.by(100) is not None


def test_nobody_has_no_incidence() -> None:
    found: list[Incidence] = aalen_johansen(np.zeros(0, np.int64), np.zeros(0, np.int64), kinds=2)
    assert [(way.t_s.size, way.last_s, way.by(0)) for way in found] == [(0, -1, None)] * 2


@pytest.mark.slow
def test_the_interval_of_an_incidence_covers_the_truth_about_95_times_in_100() -> None:
    rng, hits, runs = np.random.default_rng(9), 0, 1_500
    truth = 0.5 * (1 - np.exp(-2.0))  # Two equal rates, of which each ends half of the waits.
    for _ in range(runs):
        first, second, watched = rng.exponential(1_000, 120), rng.exponential(1_000, 120), rng.uniform(500, 3_000, 120)
        t = np.minimum(np.minimum(first, second), watched)
        kind = np.where(t == watched, 0, np.where(first < second, 1, 2))
        share = aalen_johansen((t * 1_000).astype(np.int64), kind.astype(np.int64), kinds=2)[0].by(1_000_000)
        assert share is not None
        hits += share.low <= truth <= share.high
    assert 0.93 <= hits / runs <= 0.97
