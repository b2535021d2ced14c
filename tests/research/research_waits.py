"""Waiting times for tests: random ones with ties, zeros and heavy censoring, and the example of most textbooks."""

import numpy as np
from numpy.typing import NDArray

# Freireich et al. 1963: weeks in remission under 6-MP, and under a placebo. + is censored.
REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"

Waits = tuple[NDArray[np.int64], NDArray[np.bool_]]


def waits_of(text: str) -> Waits:
    weeks = text.split()
    t_s = np.array([int(week.rstrip("+")) for week in weeks], dtype=np.int64)
    return t_s, np.array([not week.endswith("+") for week in weeks], dtype=np.bool_)


def random_waits(seed: int, *, least: int = 2) -> Waits:
    """Waits with ties, zeros and, for most seeds, heavy censoring."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(least, 120))
    t_s = rng.integers(0, int(rng.choice([3, 12, 1_000, 3_000_000])), n).astype(np.int64)
    return t_s, rng.random(n) < rng.choice([0.05, 0.2, 0.5, 0.9])
