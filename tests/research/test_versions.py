"""Two versions of a snapshot: whoever subtracts one from the other learns of no fewer than 11 leads."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from vrm.research.cells import LEAST, Cell, publish_as
from vrm.research.hours import WEEKDAYS, Clock, Placed, Week, weeks_after
from vrm.research.versions import Name, may_enter

CATEGORIES = [("a",), ("a", "b"), ("a", "c"), ("e",)]
REGIONS = [("eu", "gb"), ("eu", "gb", "lds"), ("eu", "fr"), ("am", "us")]
nodes = st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(REGIONS))
counts = st.dictionaries(nodes, st.one_of(st.integers(0, 12), st.integers(0, 40)), max_size=10)

Version = dict[str, tuple[Cell, Name]]  # Of each lead: where it is, and under which name it is published.


def version(cells: dict[str, Cell], before: Version) -> Version:
    """As `snapshots.make` does it: roll up, hold back, look again."""
    held = dict(cells)
    while True:
        named = publish_as(Counter(held.values()))
        names = [(">".join(c), ">".join(r)) for c, r in (named.get(cell, ((), ())) for cell in held.values())]
        enters = may_enter(list(held), names, {lead: name for lead, (_, name) in before.items()})
        if enters.all():
            return {lead: (held[lead], name) for lead, name in zip(held, names, strict=True)}
        held = {lead: cell for (lead, cell), enter in zip(held.items(), enters.tolist(), strict=True) if enter}


def leads(label: str, cells: dict[Cell, int]) -> dict[str, Cell]:
    return {f"{label} {cell} {n}": cell for cell, many in cells.items() for n in range(many)}


@settings(max_examples=60, deadline=None)
@given(counts, counts, counts)
def test_no_part_of_two_versions_differs_by_one_to_ten_leads(
    first: dict[Cell, int], second: dict[Cell, int], third: dict[Cell, int]
) -> None:
    so_far = leads("1", first)
    before = version(so_far, {})
    if len(before) < LEAST:
        return
    for label, more in (("2", second), ("3", third)):
        so_far |= leads(label, more)
        after = version(so_far, before)
        assert before.keys() <= after.keys()  # What was published once stays.
        old, new = (Counter(name for _, name in each.values()) for each in (before, after))
        # Every sum of names of the one that is a sum of names of the other, found by elimination: what an attacker
        # can subtract is spanned by the parts whose names cover the same leads.
        for part_old, part_new in parts(before, after):
            gained = sum(new[name] for name in part_new) - sum(old[name] for name in part_old)
            assert gained == 0 or gained >= LEAST, (part_old, part_new)
        before = after


def parts(before: Version, after: Version) -> list[tuple[set[Name], set[Name]]]:
    """Names of either version that are tied by leads which are in both, and new names that nothing ties."""
    found: list[tuple[set[Name], set[Name]]] = [(set(), {name}) for name in {name for _, name in after.values()}]
    for lead, (_, name) in before.items():
        tied = [part for part in found if name in part[0] or after[lead][1] in part[1]]
        found = [part for part in found if part not in tied]
        found.append(({name}.union(*(part[0] for part in tied)), set().union(*(part[1] for part in tied))))
    return found


@settings(max_examples=10, deadline=None)
@given(counts, counts)
def test_a_linear_program_bounds_the_new_leads_of_no_place_within_fewer_than_eleven_values(
    first: dict[Cell, int], second: dict[Cell, int]
) -> None:
    """An attacker with both versions: how many leads of each place came in between?"""
    before = version(leads("1", first), {})
    after = version(leads("1", first) | leads("2", second), before)
    if len(before) < LEAST:
        return
    places = [(c, r) for c in CATEGORIES for r in REGIONS]
    gained = Counter(after[lead][0] for lead in after.keys() - before.keys())
    # Unknown: old leads by (place, old name, new name), new leads by (place, new name).
    may: dict[Cell, set[Name]] = {}
    for each in (before, after):
        for cell, name in each.values():
            may.setdefault(cell, set()).add(name)
    olds = [(p, o, n) for p in places for o in {n for _, n in before.values()} for n in {n for _, n in after.values()}]
    olds = [(p, o, n) for p, o, n in olds if covers(o, p) and covers(n, p)]
    news = [(p, n) for p in places for n in {n for _, n in after.values()} if covers(n, p)]
    rows, sums = [], []
    for each, at in ((before, 1), (after, 2)):
        for name, many in Counter(name for _, name in each.values()).items():
            of_old = [float(old[at] == name) for old in olds]
            rows.append([*of_old, *(float(at == 2 and new[1] == name) for new in news)])
            sums.append(float(many))
    for place, many in gained.items():
        if 0 < many < LEAST:
            aim = np.array([0.0] * len(olds) + [float(new[0] == place) for new in news])
            low = linprog(aim, A_eq=rows, b_eq=sums, bounds=(0, None))
            high = linprog(-aim, A_eq=rows, b_eq=sums, bounds=(0, None))
            assert low.success
            assert high.success
            assert round(-high.fun - low.fun) + 1 >= LEAST, (place, many)


hours_of_a_version = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 14), st.integers(0, 14)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.tuples(hours_of_a_version, hours_of_a_version, hours_of_a_version))
def test_no_hour_of_the_week_gains_one_to_ten_leads(versions: tuple[list[tuple[int, int, int]], ...]) -> None:
    """Nor do any lines of both tables together that cover the same leads in two versions."""
    before: dict[str, Name] = {}
    calendar: list[int] = []
    business: list[int] = []
    for counted in versions:
        for hour, with_hours, others in counted:
            calendar += [hour] * (with_hours + others)
            business += [hour] * with_hours + [-1] * others
        leads = [f"lead {place}" for place in range(len(calendar))]
        soon = np.zeros(len(leads), dtype=np.bool_)
        found: dict[Clock, Placed] = {
            "calendar": Placed(np.array(calendar, dtype=np.int64), soon),
            "business": Placed(np.array(business, dtype=np.int64), soon),
        }
        weeks, after = weeks_after(found, leads, before)
        assert {lead for lead in before if before[lead][0]} <= after.keys()
        for clock, at in (("calendar", 0), ("business", 1)):
            assert Counter(name[at] for name in after.values() if name[at]) == lines(weeks[clock])  # type: ignore[index]
        if before:
            lead_of = {lead: (calendar[int(lead[5:])], name) for lead, name in before.items()}
            now_of = {lead: (calendar[int(lead[5:])], name) for lead, name in after.items()}
            for old, new in parts(lead_of, now_of):  # type: ignore[arg-type] # Names of lines, not of places.
                gained = sum(name in new for name in after.values()) - sum(name in old for name in before.values())
                assert gained == 0 or gained >= LEAST, (old, new)
        before = dict(after)


def lines(week: Week) -> Counter[str]:
    found = Counter({f"{WEEKDAYS[hour.weekday]} {hour.hour}": hour.leads for hour in week.hours})
    return found + Counter(other=week.other_leads)


def covers(name: Name, place: Cell) -> bool:
    return all(f"{'>'.join(path)}>".startswith(f"{said}>") or not said for said, path in zip(name, place, strict=True))
