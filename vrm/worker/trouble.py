"""A step failed → how long to rest before the next try."""

import time
from collections.abc import Callable

_FIRST_S = 1.0
_AT_MOST_S = 30.0


class Trouble:
    """Doubles the rest while failures follow each other closely; one after work that lasted is a first one again."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._rest_s = 0.0
        self._rested_at = 0.0

    def rest_s(self) -> float:
        """Seconds to rest after one more failure, just now."""
        worked_s = self._seconds() - self._rested_at
        self._rest_s = min(2 * self._rest_s, _AT_MOST_S) if worked_s < self._rest_s else _FIRST_S
        self._rested_at = self._seconds() + self._rest_s
        return self._rest_s
