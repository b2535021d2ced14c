"""How vendors in a simulation behave: the share that answers in each stretch of time, and what they answer.

The published shares of HBR 2011 (Oldroyd, McElheran & Elkington) are one of the behaviours; within a stretch waits are
spread evenly over its logarithm, which is a choice of ours and stated with every outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import log

import numpy as np

from vendors.models import Kind

_STRETCHES_S = ((60, 3_600), (3_600, 86_400), (86_400, 2_592_000))  # By 1 h, by 24 h, by 30 d.
KINDS: Mapping[Kind, float] = {Kind.OFFER: 0.55, Kind.QUESTION: 0.25, Kind.DECLINE: 0.2}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`shares` answer within 1 h, between 1 h and 24 h, and between 24 h and 30 d; the rest never."""

    name: str
    shares: tuple[float, float, float]
    source: str

    def truth(self, horizon_s: int) -> float:
        """The share that answers by then, by the stated distribution."""
        return sum(
            share * min(log(max(horizon_s, low) / low) / log(high / low), 1.0)
            for share, (low, high) in zip(self.shares, _STRETCHES_S, strict=True)
        )

    def draw(self, rng: np.random.Generator) -> timedelta | None:
        """One wait; None: never."""
        place = int(rng.choice(4, p=[*self.shares, 1.0 - sum(self.shares)]))
        if place == 3:
            return None
        low, high = _STRETCHES_S[place]
        return timedelta(seconds=int(np.exp(rng.uniform(np.log(low), np.log(high)))))


BEHAVIOURS: Mapping[str, Behaviour] = {
    behaviour.name: behaviour
    for behaviour in (
        Behaviour("hbr2011", (0.37, 0.16, 0.24), "Oldroyd, McElheran & Elkington, HBR March 2011, 2,241 US firms"),
        Behaviour("eager", (0.8, 0.15, 0.03), "made up: shops with somebody at the screen"),
        Behaviour("slow", (0.02, 0.18, 0.4), "made up: a mailbox that is read once a day"),
        Behaviour("silent", (0.0, 0.0, 0.02), "Yaris, 2008: nobody came"),
    )
}


def draw_kind(rng: np.random.Generator) -> Kind:
    """What a vendor says."""
    kinds: Sequence[Kind] = list(KINDS)
    return kinds[int(rng.choice(len(kinds), p=list(KINDS.values())))]
