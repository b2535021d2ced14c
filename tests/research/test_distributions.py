"""Tails and quantiles against scipy, which comes with lifelines."""

import numpy as np
import pytest
from scipy import special, stats

from vrm.research.distributions import (
    beta_quantile,
    beta_share,
    chi2_tail,
    digamma,
    log_gamma,
    t_reach,
    t_two_sided,
    trigamma,
)

SHAPES = [(0.5, 0.5), (0.01, 3.0), (2.0, 7.5), (120.0, 4.0), (3_000.0, 9_000.0), (1.0, 1.0), (1e5, 2e5)]


def test_log_gamma_and_its_derivatives() -> None:
    x = np.concatenate([np.geomspace(1e-4, 1e6, 300), np.arange(1.0, 40.0)])
    np.testing.assert_allclose(log_gamma(x), special.gammaln(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(digamma(x), special.digamma(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(trigamma(x), special.polygamma(1, x), rtol=1e-11)


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_beta_shares_and_quantiles(a: float, b: float) -> None:
    x = np.concatenate([[0.0, 1.0], np.linspace(0.001, 0.999, 50), stats.beta.ppf(np.linspace(0.01, 0.99, 20), a, b)])
    np.testing.assert_allclose(beta_share(x, a, b), stats.beta.cdf(x, a, b), atol=1e-9)
    shares = np.array([0.001, 0.025, 0.5, 0.975, 0.999])
    np.testing.assert_allclose(beta_quantile(shares, a, b), stats.beta.ppf(shares, a, b), rtol=1e-7, atol=1e-11)


@pytest.mark.parametrize("df", [1, 2, 3, 7, 30, 500])
def test_tails_of_t_and_chi_square(df: int) -> None:
    for value in (0.0, 0.01, 0.7, 1.96, 5.0, 40.0):
        assert t_two_sided(value, df) == pytest.approx(2 * stats.t.sf(value, df), abs=1e-12, rel=1e-8)
        assert chi2_tail(value, df) == pytest.approx(stats.chi2.sf(value, df), abs=1e-12, rel=1e-8)
    assert t_reach(df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-8)
    assert chi2_tail(float("inf"), df) == 0.0
    assert chi2_tail(2_000.0, df) < 1e-100
