"""Nothing that is published is about fewer than 11 leads, and nothing that is hidden can be worked out of it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from vrm.research.cells import LEAST, Cell, Path, merge_small, pool, publish_as
from vrm.research.table import Words

CATEGORIES: list[Path] = [(), ("a",), ("a", "b"), ("a", "c"), ("a", "c", "d"), ("e",), ("e", "f")]
REGIONS: list[Path] = [(), ("eu",), ("eu", "gb"), ("eu", "gb", "lds"), ("eu", "fr"), ("am",), ("am", "us")]
counts = st.one_of(st.integers(0, 12), st.integers(0, 3), st.integers(0, 200))
worlds = st.dictionaries(st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(REGIONS)), counts, max_size=30)


def sizes(cells: dict[Cell, int]) -> dict[Cell, int]:
    named = publish_as(cells)
    found: dict[Cell, int] = {}
    for cell, name in named.items():
        found[name] = found.get(name, 0) + cells[cell]
    return found


def covers(upper: Path, lower: Path) -> bool:
    return lower[: len(upper)] == upper


@given(worlds)
def test_every_published_cell_has_eleven_leads_and_no_lead_is_lost(cells: dict[Cell, int]) -> None:
    found = sizes(cells)
    assert all(count >= LEAST for count in found.values())
    total = sum(cells.values())
    assert sum(found.values()) == (total if total >= LEAST else 0)


@given(worlds)
def test_every_lead_is_published_under_a_name_that_covers_it(cells: dict[Cell, int]) -> None:
    for (category, region), (as_category, as_region) in publish_as(cells).items():
        assert covers(as_category, category)
        assert covers(as_region, region)


@settings(max_examples=20, deadline=None)
@given(worlds)
def test_no_hidden_cell_can_be_bounded_within_fewer_than_eleven_values(cells: dict[Cell, int]) -> None:
    """An attacker who knows both trees, the rule, and every published count and margin, with a linear program."""
    named = publish_as(cells)
    published = sizes(cells)
    # What could be anywhere: each pair of nodes, under the names that cover it and no narrower one that does.
    every = [(category, region) for category in CATEGORIES for region in REGIONS]
    open_to = {
        cell: [name for name in published if covers(name[0], cell[0]) and covers(name[1], cell[1])] for cell in every
    }
    unknowns = [(cell, name) for cell in every for name in open_to[cell] if named.get(cell, name) == name]
    rows = [[float(name == other) for _, other in unknowns] for name in published]
    sums = [float(count) for count in published.values()]
    for depth in (1, 2):  # Margins by the top of each axis, as tables and pages have them.
        for axis in (0, 1):
            for top in {name[axis][:depth] for name in published}:
                rows.append([float(other[axis][:depth] == top) for _, other in unknowns])
                sums.append(float(sum(c for name, c in published.items() if name[axis][:depth] == top)))
    for cell, count in cells.items():
        if 0 < count < LEAST and cell in named:
            aim = np.array([float(other == cell) for other, _ in unknowns])
            low = linprog(aim, A_eq=rows, b_eq=sums, bounds=(0, None))
            high = linprog(-aim, A_eq=rows, b_eq=sums, bounds=(0, None))
            assert low.success
            assert high.success
            assert round(-high.fun - low.fun) + 1 >= LEAST, (cell, count)


def test_a_large_neighbour_gives_up_its_name_where_the_small_ones_are_too_few() -> None:
    cells: dict[Cell, int] = {(("a",), ()): 40, (("e",), ()): 12, (("e", "f"), ()): 0, (("g",), ()): 3}
    assert sizes(cells) == {(("a",), ()): 40, ((), ()): 15}


def test_fewer_than_eleven_leads_are_not_published_at_all() -> None:
    assert publish_as({(("a",), ("eu",)): 10}) == {}


@given(st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=60))
def test_small_vendors_are_merged_until_the_merged_are_many(cells: list[str]) -> None:
    merged = merge_small(Words.of(cells))
    counted = np.bincount(merged.codes, minlength=len(merged.labels))
    named = sum(cell != "" for cell in cells)
    for label, count in zip(merged.labels, counted.tolist(), strict=True):
        assert not label or count >= min(LEAST, named)
    assert [not merged[i] for i in range(len(cells))] == [not cell for cell in cells]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 30)))
def test_what_is_pooled_is_nothing_or_many(table: dict[str, int]) -> None:
    shown = pool(table)
    rest = sum(count for name, count in table.items() if name not in shown)
    assert all(table[name] >= LEAST for name in shown)
    assert not shown or rest == 0 or rest >= LEAST
