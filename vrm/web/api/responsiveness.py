"""How vendors answer, measured over all leads as they stand now."""

from datetime import datetime
from typing import Any

from pydantic import Field

from vrm.research.live import live_table
from vrm.research.metrics import measure
from vrm.research.precision import precision
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Told

ROUTES = Routes("Responsiveness")


class Responsiveness(Told):
    """The measures of all leads as one group; no vendor and no customer can be told from them."""

    measured_at: datetime
    n: int = Field(description="Delivered leads with sound clocks: what the curve is made of.")
    measures: dict[str, Any] = Field(
        description="Reach, the Kaplan–Meier curve of answers with 95 % intervals, the share answered by 5 min, 1 h, "
        "24 h, 7 d and 30 d (in seconds), silence by its cause, and the median wait."
    )
    precision: dict[str, Any] = Field(
        description="Of the leads that a person at the vendor judged: how many fitted, by which reasons the others did "
        "not, and the share with its 95 % interval (Wilson)."
    )


@ROUTES.add("GET", "/responsiveness", answer=Responsiveness)
def read_responsiveness(caller: Caller) -> Responsiveness:
    """Who was reached, who answered, how fast, and what silence means: all leads together."""
    group = measure(live_table(caller.session, caller.now)).groups[0]
    return Responsiveness(
        measured_at=caller.now,
        n=group.n,
        measures=group.as_json(),
        precision=precision(caller.session).as_json(),
    )
