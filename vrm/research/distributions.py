"""Tails and quantiles of the chi-square, t and beta distributions, by numpy alone.

Methods: Stirling's series; Lentz's continued fractions (DLMF §8.9, §8.17). Checked to 1e-9 by the tests.
"""

from functools import lru_cache
from math import exp, inf, lgamma, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_TINY = 1e-300
_CLOSE = 1e-14
_SHIFT = 10  # Arguments are raised by this much before an asymptotic series is used.


def log_gamma(x: ArrayLike) -> Floats:
    """ln Γ(x) for x > 0."""
    low = np.asarray(x, dtype=np.float64)
    high = low + _SHIFT
    square = 1.0 / (high * high)
    series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / high
    stirling = (high - 0.5) * np.log(high) - high + 0.5 * np.log(2.0 * np.pi) + series
    return np.asarray(stirling - sum(np.log(low + step) for step in range(_SHIFT)), dtype=np.float64)


def digamma(x: ArrayLike) -> Floats:
    """The derivative of ln Γ(x) for x > 0."""
    low = np.asarray(x, dtype=np.float64)
    high = low + _SHIFT
    square = 1.0 / (high * high)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return np.asarray(
        np.log(high) - 0.5 / high - series - sum(1.0 / (low + step) for step in range(_SHIFT)), dtype=np.float64
    )


def trigamma(x: ArrayLike) -> Floats:
    """The second derivative of ln Γ(x) for x > 0."""
    low = np.asarray(x, dtype=np.float64)
    high = low + _SHIFT
    square = 1.0 / (high * high)
    series = square / high * (1 / 6 - square * (1 / 30 - square * (1 / 42 - square * (1 / 30 - square * 5 / 66))))
    return np.asarray(
        1.0 / high + 0.5 * square + series + sum((low + step) ** -2.0 for step in range(_SHIFT)), dtype=np.float64
    )


def beta_share(x: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    """The share of a beta(a, b) distribution that lies below x, elementwise."""
    x, a, b = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (x, a, b)))
    inside = (x > 0.0) & (x < 1.0)
    safe = np.where(inside, x, 0.5)
    # The fraction converges fast on one side of the mean; on the other the mirrored one does.
    mirror = safe > (a + 1.0) / (a + b + 2.0)
    p, q, y = np.where(mirror, b, a), np.where(mirror, a, b), np.where(mirror, 1.0 - safe, safe)
    front = np.exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + p * np.log(y) + q * np.log1p(-y)) / p
    share = front * _beta_fraction(y, p, q)
    return np.where(inside, np.where(mirror, 1.0 - share, share), (x >= 1.0).astype(np.float64))


def _beta_fraction(x: Floats, a: Floats, b: Floats) -> Floats:
    c = np.ones_like(x)
    d = 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    found = d.copy()
    for m in range(1, 20_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        step = np.ones_like(x)
        for term in (even, odd):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            step = c * d
            found = found * step
        if bool((np.abs(step - 1.0) < _CLOSE).all()):
            break
    return found


def _away(value: Floats) -> Floats:
    """The value, moved off zero."""
    return np.where(np.abs(value) < _TINY, _TINY, value)


def beta_quantile(share: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    """The x below which this share of beta(a, b) lies, elementwise; 0 < share < 1. Newton inside a bisection."""
    share, a, b = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (share, a, b)))
    constant = log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    low, high = np.zeros(share.shape), np.ones(share.shape)
    x: Floats = a / (a + b)
    for _ in range(200):
        excess = beta_share(x, a, b) - share
        low, high = np.where(excess < 0.0, x, low), np.where(excess < 0.0, high, x)
        with np.errstate(all="ignore"):
            density = np.exp(constant + (a - 1.0) * np.log(x) + (b - 1.0) * np.log1p(-x))
            newton = x - excess / density
        following = np.where((newton > low) & (newton < high), newton, 0.5 * (low + high))
        settled = (np.abs(following - x) <= 1e-13 * x) | (np.abs(excess) < 1e-15)
        x = np.where(settled, x, following)
        if bool(settled.all()):
            break
    return x


def t_two_sided(t: float, df: float) -> float:
    """The chance that Student's t with df degrees of freedom is at least |t| away from 0."""
    return float(beta_share(df / (df + t * t), 0.5 * df, 0.5))


@lru_cache(maxsize=256)
def t_reach(df: float, *, level: float = 0.05) -> float:
    """How many standard errors a two-sided interval of 1 − level reaches to each side."""
    x = float(beta_quantile(level, 0.5 * df, 0.5))
    return sqrt(df * (1.0 - x) / x)


def chi2_tail(chi2: float, df: int) -> float:
    """The chance that chi-square with df degrees of freedom is at least this large."""
    a, x = 0.5 * df, 0.5 * chi2
    if x <= 0.0:
        return 1.0
    if x == inf:
        return 0.0
    front = exp(-x + a * log(x) - lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        n = a
        while term > total * _CLOSE:
            n += 1.0
            term *= x / n
            total += term
        return 1.0 - front * total
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    found = d
    for m in range(1, 100_000):
        term = -m * (m - a)
        b += 2.0
        d = 1.0 / _off(term * d + b)
        c = _off(b + term / c)
        found *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return front * found


def _off(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
