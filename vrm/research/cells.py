"""Leads by category and region → the label under which each is published, so that no published cell is small.

Everything that is published (rows, tables, pages) is a sum over one partition of the leads, whose every part has
at least LEAST of them. What is too small for a name of its own shares a wider one with others; where those are too
few together, a neighbour that would have been large enough gives up its name to them (complementary suppression). No
margin counts a lead under a name that its row does not have, hence no difference of published numbers is about fewer.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vrm.research.table import Words

LEAST = 11  # Leads in each published cell.
ELSEWHERE = "elsewhere"  # What is merged because it is too small for a name of its own.

Path = tuple[str, ...]  # Labels from below the root downwards; the root itself is ().
Cell = tuple[Path, Path]  # Category, region.


@dataclass(frozen=True, slots=True)
class _Stage:
    """Go down one axis, to a depth at most."""

    axis: int  # 0: category, 1: region.
    deepest: int


# Top categories and countries are what most readers ask for: they are told apart before anything finer is.
_STAGES = (_Stage(0, 1), _Stage(1, 2), _Stage(0, 99), _Stage(1, 99))


def publish_as(cells: Mapping[Cell, int], *, least: int = LEAST) -> dict[Cell, Cell]:
    """For each cell, with its leads, the cell under whose name they are published: itself or one that covers it.

    Each name that is given counts `least` leads or more; none at all is given where all leads together are fewer.
    """
    held = {cell: count for cell, count in cells.items() if count}
    if sum(held.values()) < least:
        return {}
    return dict(_name(((), ()), held, _STAGES, least))


def _name(at: Cell, cells: Mapping[Cell, int], stages: Sequence[_Stage], least: int) -> Iterator[tuple[Cell, Cell]]:
    if not stages:
        yield from ((cell, at) for cell in cells)
        return
    stage, depth = stages[0], len(at[stages[0].axis])
    parts = _parts(cells, stage.axis, depth) if depth < stage.deepest else {}
    kept = _large(parts, sum(cells.values()), least)
    rest = {cell: count for cell, count in cells.items() if cell[stage.axis][: depth + 1] not in kept}
    for path in kept:
        below = (path, at[1]) if stage.axis == 0 else (at[0], path)
        yield from _name(below, parts[path], stages, least)
    if rest:
        yield from _name(at, rest, stages[1:], least)


def _parts(cells: Mapping[Cell, int], axis: int, depth: int) -> dict[Path, dict[Cell, int]]:
    """By the node one step further down; what ends here is in none."""
    parts: dict[Path, dict[Cell, int]] = defaultdict(dict)
    for cell, count in cells.items():
        if len(cell[axis]) > depth:
            parts[cell[axis][: depth + 1]][cell] = count
    return dict(parts)


def _large(parts: Mapping[Path, Mapping[Cell, int]], total: int, least: int) -> list[Path]:
    """The parts that keep a name of their own: large ones, less those that the rest needs for company."""
    sizes = {path: sum(part.values()) for path, part in parts.items()}
    kept = sorted((path for path, size in sizes.items() if size >= least), key=lambda path: (-sizes[path], path))
    while kept and 0 < total - sum(sizes[path] for path in kept) < least:
        kept.pop()
    return kept


def merge_small(words: Words, *, least: int = LEAST, otherwise: str = ELSEWHERE) -> Words:
    """The same column, with words of fewer than `least` rows merged into one, which has `least` rows or none.

    Empty cells stay as they are: they name nothing. Where everything together is fewer, all is merged.
    """
    counted = np.bincount(words.codes, minlength=len(words.labels)).tolist()
    sizes = {label: count for label, count in zip(words.labels, counted, strict=True) if label}
    kept = sorted((label for label, size in sizes.items() if size >= least), key=lambda label: (-sizes[label], label))
    while kept and 0 < sum(sizes.values()) - sum(sizes[label] for label in kept) < least:
        kept.pop()
    names = frozenset(kept)
    return words.renamed(lambda label: label if label in names or not label else otherwise)


def pool(counts: Mapping[str, int], *, least: int = LEAST) -> frozenset[str]:
    """The cells of a table without margins that may be shown; the others together have `least` or nothing."""
    shown = sorted((name for name, count in counts.items() if count >= least), key=lambda name: (-counts[name], name))
    while shown and 0 < sum(counts.values()) - sum(counts[name] for name in shown) < least:
        shown.pop()
    return frozenset(shown)
