"""What a way out may use and how much it may take: one frozen policy per purpose."""

from dataclasses import dataclass

_WEB_PORTS = frozenset({80, 443, 8080, 8443})


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one request. Bytes are decimal (1 MB is 10^6), seconds cover everything from DNS to the last byte.

    A target inside an allowed private network is free of `schemes` and `ports`, never of the other limits.
    """

    schemes: frozenset[str]
    ports: frozenset[int]
    max_redirects: int  # 0: a redirect is an answer like any other, and is handed back.
    deadline_s: float
    max_wire_bytes: int
    max_body_bytes: int  # After inflating.
    truncates: bool = False  # Keep the first bytes of a long or broken body instead of failing.


FEED = Policy(
    schemes=frozenset({"http", "https"}),
    ports=_WEB_PORTS,
    max_redirects=3,
    deadline_s=20,
    max_wire_bytes=2_000_000,
    max_body_bytes=5_000_000,
)
PAGE = FEED  # Pages on which somebody proves that a blog is theirs.
WEBHOOK = Policy(
    schemes=frozenset({"https"}),
    ports=_WEB_PORTS,
    max_redirects=0,
    deadline_s=15,
    max_wire_bytes=64_000,
    max_body_bytes=64_000,
    truncates=True,
)
