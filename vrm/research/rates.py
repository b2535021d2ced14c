"""A published Parquet file → who answered by a horizon in each category × region, from the columns that it takes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vrm.research.files import read_parquet
from vrm.research.table import MISSING, Delivery

_COLUMNS = (
    "category",
    "region",
    "delivery_status",
    "excluded_reason",
    "response_actor",
    "response_after_s",
    "closed_after_s",
    "observed_s",
)


@dataclass(frozen=True, slots=True)
class Rate:
    """Delivered leads of one cell that are not excluded, and those that a person answered in time.

    A plain share: leads that were watched for less than the horizon are among them. For comparisons use the curve.
    """

    category: str
    region: str
    leads: int
    answered: int


def rates(file: Path, horizon_s: int) -> list[Rate]:
    """Every cell that has leads, in alphabetical order. BadInput where Parquet cannot be read here."""
    table = read_parquet(file, _COLUMNS)
    words, seconds = table.words, table.seconds
    counted = words["delivery_status"].among([Delivery.DELIVERED]) & words["excluded_reason"].among([""])
    closed, observed, said = (seconds[name] for name in ("closed_after_s", "observed_s", "response_after_s"))
    follow_up = np.where(closed == MISSING, observed, np.minimum(closed, observed))
    answered = counted & words["response_actor"].among(["human"]) & (said != MISSING)
    answered &= (said <= follow_up) & (said <= horizon_s)
    category, region = words["category"], words["region"]
    many = max(len(region.labels), 1)
    cell = category.codes.astype(np.int64) * many + region.codes
    size = len(category.labels) * many
    leads = np.bincount(cell[counted], minlength=size)
    said_yes = np.bincount(cell[answered], minlength=size)
    found = [
        Rate(category.labels[code // many], region.labels[code % many], int(leads[code]), int(said_yes[code]))
        for code in np.flatnonzero(leads).tolist()
    ]
    return sorted(found, key=lambda rate: (rate.category, rate.region))
