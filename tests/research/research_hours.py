"""Leads in hours of the week, for tests of the tables of hours."""

from collections.abc import Iterable, Mapping

import numpy as np

from vrm.research.hours import Clock, Placed

Counted = tuple[int, int, int, int]  # Hour of the week; leads, those with hours among them, those answered.


def placed_leads(counted: Iterable[Counted]) -> Mapping[Clock, Placed]:
    """So many leads in each hour; those with hours first, and those answered first."""
    calendar: list[int] = []
    business: list[int] = []
    soon: list[bool] = []
    for hour, leads, with_hours, answered in counted:
        calendar += [hour] * leads
        business += [hour] * with_hours + [-1] * (leads - with_hours)
        soon += [place < answered for place in range(leads)]
    said = np.array(soon, dtype=np.bool_)
    return {"calendar": Placed(_ints(calendar), said), "business": Placed(_ints(business), said)}


def _ints(cells: list[int]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array(cells, dtype=np.int64)
