"""How many requests a token may make in a minute, counted in this web process, and the headers that say so."""

import threading
from dataclasses import dataclass, field
from datetime import datetime

from flask import Response, g

from vrm.kernel.errors import LimitReached

PER_MINUTE = 6_000  # Of one token, in each web process: far above what a program needs, below what hurts others.


@dataclass(slots=True)
class _Window:
    """Counts of one minute. A count in the store would make each request a write."""

    minute: datetime | None = None
    spent: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self, who: str, minute: datetime) -> int:
        with self.lock:
            if minute != self.minute:
                self.minute, self.spent = minute, {}
            self.spent[who] = self.spent.get(who, 0) + 1
            return self.spent[who]


_window = _Window()


def spend(who: str, now: datetime) -> None:
    """Count one request of the token with this digest. LimitReached when the minute's are used up."""
    spent = _window.spend(who, now.replace(second=0, microsecond=0))
    wait_s = 60 - now.second
    g.quota = (max(0, PER_MINUTE - spent), wait_s)
    if spent > PER_MINUTE:
        raise LimitReached(
            f"A token may ask {PER_MINUTE:,} times a minute; wait {wait_s} seconds, or follow …/changes instead.",
            retry_after_s=wait_s,
        )


def tell(response: Response) -> Response:
    """Say how much is left (draft-ietf-httpapi-ratelimit-headers-10)."""
    if "quota" in g:
        left, wait_s = g.quota
        response.headers["RateLimit-Policy"] = f'"minute";q={PER_MINUTE};w=60'
        response.headers["RateLimit"] = f'"minute";r={left};t={wait_s}'
    return response
