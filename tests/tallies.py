"""Figures that tests count, shown as a table at the end of a run."""

from collections import Counter
from collections.abc import Callable

import pytest

Tally = Callable[[str, Counter[str]], None]

TALLIES = pytest.StashKey[list[tuple[str, Counter[str]]]]()


def lines(config: pytest.Config) -> list[str]:
    """One for each thing that was counted; with several test processes each has its own, and there are none."""
    return [
        f"{what:24}" + "   ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
        for what, counts in config.stash[TALLIES]
    ]
