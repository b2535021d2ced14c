"""Two versions of the published table → which new leads wait for the next, so that no difference is about few.

Whoever has both versions may subtract one from the other. Where names were rolled up alike, that gives the new leads
of each category and region; where not, those of the names that cover one another in either version. Such a part gets no
new leads, or 11 of them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vrm.research.cells import LEAST

Name = tuple[str, str]  # Category and region, as they are published.


def may_enter(
    leads: Sequence[str], names: Sequence[Name], before: Mapping[str, Name], *, least: int = LEAST
) -> NDArray[np.bool_]:
    """True for each lead that may be in the next version; `before` has the name of each lead of the last one."""
    linked: dict[Name, set[Name]] = defaultdict(set)
    for lead, name in zip(leads, names, strict=True):
        if lead in before:
            linked[name].add(before[lead])
    part = _parts(linked)
    # A name of which nothing was published before is a part of its own.
    new = Counter(part.get(name, name) for lead, name in zip(leads, names, strict=True) if lead not in before)
    return np.fromiter(
        (lead in before or new[part.get(name, name)] >= least for lead, name in zip(leads, names, strict=True)),
        dtype=np.bool_,
        count=len(leads),
    )


def _parts(linked: Mapping[Name, set[Name]]) -> dict[Name, object]:
    """For each new name the part that it belongs to: names are together that share leads with one old name."""
    above: dict[tuple[int, Name], tuple[int, Name]] = {}

    def top(node: tuple[int, Name]) -> tuple[int, Name]:
        while (up := above.setdefault(node, node)) != node:
            above[node], node = above[up], up
        return node

    for name, olds in linked.items():
        for old in olds:
            above[top((1, name))] = top((0, old))
    return {name: top((1, name)) for name in linked}
