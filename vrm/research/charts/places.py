"""Where and when of the week: the map of category × region, and the hours at which word reached vendors."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vrm.research import drawing
from vrm.research.cells import LEAST
from vrm.research.charts.figure import Cell, Column, Figure, Say, table
from vrm.research.hours import Clock, Week
from vrm.research.release import BETWEEN, ROOTS, coarser, tops
from vrm.research.survival import Share, kaplan_meier_by, share_by, wilson
from vrm.research.table import LeadTable, waits

DAY_S = 86_400
_MOST = 8  # Regions in the drawing; the table has all.


def places(leads: LeadTable, say: Say) -> Figure:
    """Top categories × countries: the share answered within a day. What is not published is hatched."""
    category, region = coarser(leads.words["category"], 1, ROOTS[0]), coarser(leads.words["region"], 2, ROOTS[1])
    derived = waits(leads)
    counted = np.flatnonzero(derived.counts)
    many = max(len(region.labels), 1)
    cell = category.codes[counted].astype(np.int64) * many + region.codes[counted]
    groups = len(category.labels) * many
    curves = kaplan_meier_by(derived.t_s[counted], derived.answered[counted], cell, groups)
    behind = np.bincount(cell, minlength=groups)
    every = np.bincount(category.codes.astype(np.int64) * many + region.codes, minlength=groups)
    shares: dict[tuple[str, str], tuple[int, int, Share | None]] = {}
    for code in np.flatnonzero(every >= LEAST).tolist():
        at = (category.labels[code // many], region.labels[code % many])
        shares[at] = (int(every[code]), int(behind[code]), share_by(curves[code], DAY_S))
    columns = tops(at[1] for at in shares)
    lines = tops(at[0] for at in shares)
    size = Counter({name: sum(found[0] for at, found in shares.items() if at[1] == name) for name in columns})
    drawn = [name for name in columns if name in dict(size.most_common(_MOST))]
    rows: list[tuple[Cell, ...]] = []
    for line in lines:
        for column in columns:
            if (line, column) in shares:
                total, n, share = shares[line, column]
                limits = (share.low, share.high) if share and share.has_interval else (None, None)
                rows.append((line, column, total, n, share.estimate if share else say("not yet observable"), *limits))
    return Figure(
        name="places",
        title=say("By category and country"),
        definition=say(
            "The share answered within 24 hours. A cell has a colour where %(least)s leads or more are published "
            "under its name; hatched cells have fewer, or none, and their leads are counted in a wider category or "
            "region (“Anything”, “World”). Rows and columns sum what is published, nothing else, so that no hidden "
            "cell can be worked out.",
            least=LEAST,
        ),
        n=int(counted.size),
        table=table(
            [
                Column("category", say("Category"), "path"),
                Column("region", say("Country"), "path"),
                Column("leads", say("Leads"), "count"),
                Column("behind_the_curve", say("Delivered and counted"), "count"),
                Column("answered_24h", say("Answered within 24 h"), "share"),
                Column("low", say("Interval from"), "share"),
                Column("high", say("Interval to"), "share"),
            ],
            rows,
        ),
        draw=lambda ident, width: _map(ident, width, _Grid(lines, drawn, shares), say),
        query="cells",
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    lines: list[str]
    columns: list[str]
    shares: Mapping[tuple[str, str], tuple[int, int, Share | None]]  # Leads, those counted, and F(24 h).


def _map(ident: str, width: int, grid: _Grid, say: Say) -> str:
    lines, columns, shares = grid.lines, grid.columns, grid.shares
    title = say("Share answered within 24 hours, by category and country")
    if not shares:
        nothing = say("Nothing to show yet: no cell has 11 leads.")
        return drawing.nothing(ident, width, title, nothing)
    left, top, high = min(150, int(width * 0.34)), 24, 30
    wide = (width - left - 4) / max(len(columns), 1)
    said: list[str] = []
    right, bottom = left + wide * len(columns), top + high * len(lines)
    ground = [(left, top), (right, top), (right, bottom), (left, bottom)]
    body = [drawing.hatch(f"{ident}-few"), drawing.area(ground, opacity=1, pattern=f"{ident}-few")]
    for c, column in enumerate(columns):
        letters = max(int(wide / 7), 3)
        name = drawing.cut(say(column).rpartition(BETWEEN)[2], letters)
        body.append(drawing.text(left + wide * (c + 0.5), top - 8, name, anchor="middle", small=True))
    for r, line in enumerate(lines):
        y = top + high * r
        body.append(drawing.text(left - 6, y + 19, drawing.cut(say(line), int(left / 6.6)), anchor="end", small=True))
        for c, column in enumerate(columns):
            x = left + wide * c
            corners = [(x + 1, y + 1), (x + wide - 1, y + 1), (x + wide - 1, y + high - 1), (x + 1, y + high - 1)]
            found = shares.get((line, column))
            if found is None:
                continue
            share = found[2]
            shade = 0.0 if share is None else 0.06 + 0.5 * share.estimate
            body += [drawing.blank(corners), drawing.area(corners, opacity=shade)]
            body.append(drawing.outline(x + 1, y + 1, wide - 2, high - 2))
            shown = "–" if share is None else drawing.percent(share.estimate)
            body.append(drawing.text(x + wide / 2, y + 19, shown, anchor="middle", small=wide < 50))
            said.append(f"{say(line)}, {say(column)}: {shown}")
    return drawing.svg(ident, (width, top + high * len(lines) + 6), title, "; ".join(said), body)


def week(found: Week, clock: Clock, say: Say) -> Figure:
    """Weekday × hour of the delivery, on the vendor's clock; answered in time by the calendar or in open hours."""
    days = _days(say)
    rows: list[tuple[Cell, ...]] = []
    for hour in found.hours:
        share = hour.share
        limits = (share.estimate, share.low, share.high) if share else (None,) * 3
        rows.append((days[hour.weekday], f"{hour.hour}:00", hour.leads, hour.answered, *limits))
    other = wilson(found.other_answered, found.other_leads) if found.other_leads >= LEAST else None
    rest = (other.estimate, other.low, other.high) if other else (None,) * 3
    few = found.other_leads >= LEAST or not found.other_leads
    rows.append(
        (say("all other hours"), "", *((found.other_leads, found.other_answered) if few else (None, None)), *rest)
    )
    return Figure(
        name="week",
        title=say("By weekday and hour"),
        definition=_of_week(clock, say),
        n=found.n,
        table=table(
            [
                Column("weekday", say("Weekday")),
                Column("hour", say("From")),
                Column("leads", say("Leads"), "count"),
                Column("answered", say("Answered"), "count"),
                Column("share", say("Share"), "share"),
                Column("low", say("Interval from"), "share"),
                Column("high", say("Interval to"), "share"),
            ],
            rows,
        ),
        draw=lambda ident, width: _drawn_week(ident, width, found, clock, say),
    )


def _drawn_week(ident: str, width: int, found: Week, clock: Clock, say: Say) -> str:
    at = {(hour.weekday, hour.hour): hour for hour in found.hours}
    title = {
        "calendar": say("Share answered within 24 hours, by the weekday and hour of delivery"),
        "business": say("Share answered within eight open hours, by the weekday and hour of delivery"),
    }[clock]
    if not found.hours:
        nothing = say("Nothing to show yet: no hour has 11 leads.")
        return drawing.nothing(ident, width, title, nothing)
    left, top, high = 36, 18, 22
    wide = (width - left - 4) / 24
    right, bottom = left + wide * 24, top + high * 7
    ground = [(left, float(top)), (right, float(top)), (right, float(bottom)), (left, float(bottom))]
    body = [drawing.hatch(f"{ident}-few"), drawing.area(ground, opacity=0.7, pattern=f"{ident}-few")]
    every = range(0, 24, 3 if width > 400 else 6)
    body += [drawing.text(left + wide * hour, top - 5, f"{hour}:00", small=True) for hour in every]
    for day, name in enumerate(_days(say)):
        y = top + high * day
        body.append(drawing.text(left - 5, y + 15, name, anchor="end", small=True))
        for hour in range(24):
            x = left + wide * hour
            corners = [(x + 0.5, y + 0.5), (x + wide - 0.5, y + 0.5), (x + wide - 0.5, y + high - 0.5),
                       (x + 0.5, y + high - 0.5)]  # fmt: skip
            cell = at.get((day, hour))
            if cell is not None and cell.share is not None:
                body += [drawing.blank(corners), drawing.area(corners, opacity=0.08 + 0.87 * cell.share.estimate)]
                body.append(drawing.outline(x + 0.5, y + 0.5, wide - 1, high - 1))
    shown = len(found.hours)
    desc = say("%(shown)s of 168 hours have 11 leads or more; the others are hatched.", shown=shown)
    return drawing.svg(ident, (width, top + high * 7 + 6), title, desc, body)


def _days(say: Say) -> tuple[str, ...]:
    return (say("Mon"), say("Tue"), say("Wed"), say("Thu"), say("Fri"), say("Sat"), say("Sun"))


def _of_week(clock: Clock, say: Say) -> str:
    if clock == "business":
        return say(
            "Of the leads of vendors who had said when they are open, watched for eight open hours, the share answered "
            "within these, by when they were delivered on the vendor's own clock; the darker, the more. Nights, "
            "weekends and holidays of the vendor do not count. Hours with fewer than 11 leads are hatched and told "
            "together."
        )
    return say(
        "Of the leads that were watched for a day, the share answered within it, by when they were delivered on the "
        "vendor's own clock; the darker, the more. Hours with fewer than 11 leads are hatched and told together."
    )
