"""Answered of asked, vendor by vendor → shares drawn towards those of alike vendors, with intervals for share and rank.

A vendor with three leads of three answered is not better than one with 95 of 100; raw rates would rank it first.
"""

from dataclasses import asdict, dataclass

import numpy as np

from vrm.research.distributions import beta_quantile, digamma, log_gamma, trigamma
from vrm.research.segments import Floats, Ints

DRAWS = 2_000
SEED = 2008
LEAST_WEIGHT = 0.1  # Of a prior, in leads: with less, a vendor that answered all would have no interval.


@dataclass(frozen=True, slots=True)
class Prior:
    """Beta(alpha, beta): how the shares of alike vendors are spread; worth alpha + beta leads."""

    alpha: float
    beta: float


JEFFREYS = Prior(0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Score:
    """(k+α)/(n+α+β), the 95 % interval of the share, and the ranks in which 95 of 100 draws place it; 1 is best."""

    estimate: float
    low: float
    high: float
    rank_low: int
    rank_high: int

    def as_json(self) -> dict[str, float | int]:
        return asdict(self)


def fit_prior(answered: Ints, asked: Ints) -> Prior:
    """The prior under which these counts are likeliest, vendors being beta-binomial (Griffiths 1973).

    Where vendors differ no more than chance would have it, the likelihood grows for ever with alpha + beta; it is
    held at the number of leads seen, since nothing is known better than that. Where nobody or everybody answered, there
    is no maximum: Jeffreys' prior.
    """
    pairs, times = np.unique(np.stack([answered, asked])[:, asked > 0], axis=1, return_counts=True)
    if not int(pairs[0].sum()) or int(pairs[0].sum()) == int(pairs[1].sum()):
        return JEFFREYS
    counts = _Counts(pairs[0], pairs[1], times)
    cap = max(float(np.dot(pairs[1], times)), 2 * LEAST_WEIGHT)
    weights = np.geomspace(LEAST_WEIGHT, cap, 25)
    alphas = counts.likeliest(weights)
    best = int(np.argmax(counts.log_likelihood(alphas, weights - alphas)))
    alpha, beta = counts.climb(alphas[best], weights[best] - alphas[best])
    weight = alpha + beta
    if not LEAST_WEIGHT <= weight <= cap:
        held = np.array([LEAST_WEIGHT if weight < LEAST_WEIGHT else cap])
        alpha = float(counts.likeliest(held)[0])
        beta = float(held[0]) - alpha
    return Prior(alpha, beta)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Each pair of answered and asked that occurs, and how many vendors have it."""

    k: Ints
    n: Ints
    times: Ints

    def log_likelihood(self, alpha: Floats, beta: Floats) -> Floats:
        """Without the binomial coefficients, which no prior changes. One value for each prior."""
        a, b = np.atleast_1d(alpha)[:, np.newaxis], np.atleast_1d(beta)[:, np.newaxis]
        one = log_gamma(a + self.k) - log_gamma(a) + log_gamma(b + self.n - self.k) - log_gamma(b)
        return np.asarray((one - log_gamma(a + b + self.n) + log_gamma(a + b)) @ self.times, dtype=np.float64)

    def likeliest(self, weights: Floats) -> Floats:
        """For each alpha + beta the likeliest alpha: the likelihood is concave in it, so its slope has one root."""
        low, high = np.zeros(weights.shape), weights.copy()
        for _ in range(60):
            middle = 0.5 * (low + high)
            rising = self._slope(middle, self.k) > self._slope(weights - middle, self.n - self.k)
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        return 0.5 * (low + high)

    def _slope(self, shape: Floats, counted: Ints) -> Floats:
        shape = np.maximum(shape, 1e-300)[:, np.newaxis]
        return np.asarray((digamma(shape + counted) - digamma(shape)) @ self.times, dtype=np.float64)

    def climb(self, alpha: float, beta: float) -> tuple[float, float]:
        """Newton's way up from here, in logarithms; stops where no step of it leads higher."""
        at = np.log([alpha, beta])
        height = float(self.log_likelihood(*np.exp(at))[0])
        for _ in range(100):
            slope, bend = self._bend(*np.exp(at))
            # Where the surface is not a hilltop, its bend is bent until Newton's step leads upwards.
            lift = max(0.0, float(np.linalg.eigvalsh(bend)[-1])) + 1e-12
            step = np.clip(-np.linalg.solve(bend - 1.5 * lift * np.eye(2), slope), -1.0, 1.0)
            found = height
            while np.abs(step).max() > 1e-13:
                found = float(self.log_likelihood(*np.exp(at + step))[0])
                if found >= height:
                    break
                step = 0.5 * step
            if np.abs(step).max() <= 1e-13 or float(np.exp(at + step).sum()) > 1e12:
                break
            at, height = at + step, found
        alpha, beta = np.exp(at)
        return float(alpha), float(beta)

    def _bend(self, alpha: float, beta: float) -> tuple[Floats, Floats]:
        """The first and second derivatives by ln alpha and ln beta."""
        shapes = ((alpha, self.k), (beta, self.n - self.k), (alpha + beta, self.n))
        first = [float((digamma(shape + count) - digamma(shape)) @ self.times) for shape, count in shapes]
        second = [float((trigamma(shape + count) - trigamma(shape)) @ self.times) for shape, count in shapes]
        slope = np.array([alpha * (first[0] - first[2]), beta * (first[1] - first[2])])
        cross = -alpha * beta * second[2]
        return slope, np.array(
            [
                [slope[0] + alpha * alpha * (second[0] - second[2]), cross],
                [cross, slope[1] + beta * beta * (second[1] - second[2])],
            ]
        )


def shrink(answered: Ints, asked: Ints, alpha: Floats, beta: Floats, *, seed: int = SEED) -> list[Score]:
    """The score of each vendor, given its prior, in the order given; ranks are among these vendors.

    The rank interval comes from DRAWS seeded draws of all shares at once. (Goldstein & Spiegelhalter 1996.)
    """
    if not asked.size:
        return []
    a, b = answered + alpha, asked - answered + beta
    low, high = beta_quantile(0.025, a, b), beta_quantile(0.975, a, b)
    rng = np.random.default_rng(seed)
    ranks = np.empty((DRAWS, asked.size), dtype=np.int32)
    for draw in ranks:
        draw[np.argsort(-rng.beta(a, b), kind="stable")] = np.arange(1, asked.size + 1)
    best = np.quantile(ranks, 0.025, axis=0, method="inverted_cdf")
    worst = np.quantile(ranks, 0.975, axis=0, method="inverted_cdf")
    columns = (a / (a + b), low, high, best, worst)
    return [Score(e, lo, hi, int(x), int(y)) for e, lo, hi, x, y in zip(*(c.tolist() for c in columns), strict=True)]
