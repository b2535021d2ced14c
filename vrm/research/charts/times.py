"""How fast: the response curve, how waits end, and when, in bins beside what was published elsewhere."""

from collections.abc import Sequence
from math import log10

import numpy as np

from vrm.research import drawing
from vrm.research.charts.figure import Cell, Column, Figure, Say, table
from vrm.research.counts import HORIZONS_S
from vrm.research.figures import MARKS_S, Texts, response_curve
from vrm.research.metrics import ENDS, Group, Measures, curve_points
from vrm.research.segments import Floats
from vrm.research.survival import wilson

# Oldroyd, McElheran & Elkington, Harvard Business Review, March 2011: 2,241 US firms.
HBR_2011 = (0.37, 0.16, 0.24, 0.23)
_SHADES = (0.95, 0.7, 0.5, 0.32, 1.0)  # The last is hatched.


def marks(say: Say) -> dict[int, str]:
    """The horizons of M3, short."""
    return dict(zip(HORIZONS_S, (say("5 min"), say("1 h"), say("24 h"), say("7 days"), say("30 days")), strict=True))


def curve(measures: Measures, say: Say) -> Figure:
    """M2 and M3."""
    group = measures.groups[0]
    texts = Texts(
        title=say("Share of leads answered, by time since delivery"),
        desc=say("{n} leads. {shares} {end}"),
        desc_share=say("{share} answered within {mark}{interval}."),
        desc_interval=say(" (95 % interval {low} to {high})"),
        desc_end=say(
            "The curve ends at the last follow-up; the line is grey and dashed where fewer than {few} leads wait."
        ),
        nothing=say("Nothing to draw yet: no delivered lead has been watched."),
        y_axis=say("answered by a person"),
        x_axis=say("time since delivery (each step is longer)"),
        at_risk=say("still waiting"),
    )
    keys = ("t_s", "answered", "se", "low", "high", "at_risk")
    return Figure(
        name="curve",
        title=say("How fast answers come"),
        definition=say(
            "The share of delivered leads that a person had answered by each time (Kaplan and Meier), with a 95 % "
            "interval (Greenwood, log-log). Each lead counts for as long as it was watched; the curve ends at the last "
            "follow-up, and is grey and dashed where fewer than 10 leads still wait."
        ),
        n=group.n,
        table=table(
            [
                Column("within_s", say("Within"), "text"),
                Column("answered", say("Answered by a person"), "share"),
                Column("low", say("Interval from"), "share"),
                Column("high", say("Interval to"), "share"),
                Column("at_risk", say("Still waiting"), "count"),
            ],
            [_share_row(group, at, name, say) for at, name in marks(say).items()],
        ),
        draw=lambda ident, width: response_curve(group.curve, ident=ident, texts=texts, width=width),
        query="curve",
        full=lambda: table(
            [Column(key, key) for key in keys],
            [[point[key] for key in keys] for point in curve_points(group.curve)],
        ),
    )


def _share_row(group: Group, at: int, name: str, say: Say) -> tuple[Cell, ...]:
    share = group.share_by[at]
    waiting = group.curve.at_risk_at(at)
    if share is None:
        return (name, say("not yet observable"), None, None, waiting)
    limits = (share.low, share.high) if share.has_interval else (None, None)
    return (name, share.estimate, *limits, waiting)


def ends(measures: Measures, say: Say) -> Figure:
    """M9, stacked: what a wait came to, over time."""
    group = measures.groups[0]
    names = dict(
        zip(ENDS, (say("offer"), say("question"), say("decline"), say("reply"), say("closed first")), strict=True)
    )
    order = ("offer", "question", "reply", "decline", "closed")
    at = [horizon for horizon, share in group.silent_by.items() if share is not None]

    def draw(ident: str, width: int) -> str:
        return _stack(ident, width, group, [(end, names[end]) for end in order], say)

    rows: list[list[Cell]] = []
    for horizon in at:
        silent = group.silent_by[horizon]
        shares = [group.incidence[end].by(horizon) for end in order]
        known = [None if each is None else each.estimate for each in (*shares, silent)]
        rows.append([marks(say)[horizon], *known])
    return Figure(
        name="ends",
        title=say("What a wait comes to"),
        definition=say(
            "The share of delivered leads whose wait had ended in an offer, a question, another reply, a decline, or "
            "in the customer closing the want first (Aalen and Johansen: kinds compete, so that they never sum to "
            "more than all). What is left still waits: that is silence so far."
        ),
        n=group.n,
        table=table(
            [
                Column("within", say("Within")),
                *(Column(end, names[end], "share") for end in order),
                Column("silent", say("still silent"), "share"),
            ],
            rows,
        ),
        draw=draw,
        query="ends",
        full=lambda: table(
            [Column(key, key) for key in ("end", "t_s", "share", "se", "low", "high")],
            [
                (end, int(way.t_s[i]), float(way.share[i]), float(way.se[i]), float(way.low[i]), float(way.high[i]))
                for end, way in group.incidence.items()
                for i in np.flatnonzero(way.events > 0).tolist()
            ],
        ),
    )


def _stack(ident: str, width: int, group: Group, named: Sequence[tuple[str, str]], say: Say) -> str:
    left, top, height = 46, 14, 200
    t_s = group.curve.t_s
    title = say("What a wait comes to, over time")
    if not t_s.size:
        nothing = say("Nothing to draw yet: no delivered lead has been watched.")
        return drawing.nothing(ident, width, title, nothing)
    last = max(int(t_s[-1]), 86_400)
    times = np.unique(np.geomspace(60, last, 90).astype(np.int64))
    span = log10(last) - log10(60)
    xs = [left + (log10(t) - log10(60)) / span * (width - left - 16) for t in times.tolist()]
    below: Floats = np.zeros(times.size)
    body, said = [drawing.hatch(f"{ident}-closed", gap=5)], []
    for number, (end, name) in enumerate(named):
        way = group.incidence[end]
        values = np.append(way.share, 0.0)[np.searchsorted(way.t_s, times, side="right") - 1]
        above = below + values
        outer = [(x, top + height * (1 - y)) for x, y in zip(xs, above.tolist(), strict=True)]
        inner = [(x, top + height * (1 - y)) for x, y in zip(xs, below.tolist(), strict=True)]
        pattern = f"{ident}-closed" if end == "closed" else ""
        body.append(drawing.area([*outer, *reversed(inner)], opacity=_SHADES[number], pattern=pattern))
        body.append(drawing.path(outer))
        said.append(f"{name} {drawing.percent(float(values[-1]))}")
        below = above
    silent = 1.0 - float(below[-1])
    body += [drawing.outline(left, top, width - left - 16, height)]
    for fifth in (0, 0.5, 1):
        body.append(drawing.text(left - 6, top + height * (1 - fifth) + 4, drawing.percent(fifth), anchor="end"))
    short = dict(zip(MARKS_S, ("1 s", "10 s", "1 min", "5 min", "1 h", "6 h", "24 h", "7 d", "30 d"), strict=False))
    shown = [mark for mark in (60, 3_600, 86_400, 604_800, 2_592_000) if mark <= last]
    for mark in shown:
        x = left + (log10(mark) - log10(60)) / span * (width - left - 16)
        body.append(drawing.text(x, top + height + 18, short[mark], anchor="middle"))
    y = top + height + 38
    legend, x = [*((name, s) for (_, name), s in zip(named, _SHADES, strict=True)), (say("still silent"), 0.0)], 6.0
    for number, (name, shade) in enumerate(legend):
        step = 26 + 7.4 * len(name)
        if x + step > width:
            x, y = 6.0, y + 20
        pattern = f"{ident}-closed" if number == len(named) - 1 else ""
        corners = [(x, y - 10), (x + 12, y - 10), (x + 12, y), (x, y)]
        body += [drawing.area(corners, opacity=shade, pattern=pattern), drawing.outline(x, y - 10, 12, 10)]
        body.append(drawing.text(x + 17, y, name, small=True))
        x += step
    desc = say("At the end of the curve: %(ends)s, still silent %(silent)s.", ends=", ".join(said),
               silent=drawing.percent(silent))  # fmt: skip
    return drawing.svg(ident, (width, int(y) + 10), title, desc, body)


def bins(measures: Measures, say: Say) -> Figure:
    """M4, beside the study that everybody quotes."""
    found = measures.groups[0].bins
    fine = [(marks(say).get(end or 0, say("not in 30 days")), found.counts[end]) for end in (*HORIZONS_S, None)]
    by = found.counts
    coarse = [
        (say("within 1 h"), by[300] + by[3_600]),
        (say("1 to 24 h"), by[86_400]),
        (say("later"), by[604_800] + by[2_592_000]),
        (say("never"), by[None]),
    ]
    rows: list[tuple[Cell, ...]] = []
    for name, count in fine:
        share = wilson(count, found.mature)
        rows.append((name, count, *((share.estimate, share.low, share.high) if share else (None,) * 3), None))
    for (name, count), theirs in zip(coarse, HBR_2011, strict=True):
        share = wilson(count, found.mature)
        rows.append((name, count, *((share.estimate, share.low, share.high) if share else (None,) * 3), theirs))

    return Figure(
        name="bins",
        title=say("When answers come, beside 2011"),
        definition=say(
            "Only leads that were watched for 30 days (%(young)s younger ones are left out), each share with Wilson's "
            "95 %% interval. Hatched: Oldroyd, McElheran and Elkington, The Short Life of Online Sales Leads, Harvard "
            "Business Review 2011; those were web forms of firms, not wants that vendors had asked to hear of.",
            young=found.immature,
        ),
        n=found.mature,
        table=table(
            [
                Column("when", say("When")),
                Column("leads", say("Leads"), "count"),
                Column("share", say("Share"), "share"),
                Column("low", say("Interval from"), "share"),
                Column("high", say("Interval to"), "share"),
                Column("hbr_2011", say("HBR 2011"), "share"),
            ],
            rows,
        ),
        draw=lambda ident, width: _drawn_bins(ident, width, coarse, found.mature, say),
        query="bins",
    )


def _drawn_bins(ident: str, width: int, coarse: Sequence[tuple[str, int]], asked: int, say: Say) -> str:
    left, top, height = 40, 14, 170
    step = (width - left - 10) / len(coarse)
    body = [drawing.hatch(f"{ident}-hbr")]
    said = []
    for place, ((name, count), theirs) in enumerate(zip(coarse, HBR_2011, strict=True)):
        ours = count / asked if asked else 0.0
        x, bar = left + step * place + step * 0.1, step * 0.38
        body.append(drawing.rect(x, top + height * (1 - ours), bar, height * ours, opacity=0.85))
        corners = [
            (x + bar + 3, top + height * (1 - theirs)),
            (x + 2 * bar + 3, top + height * (1 - theirs)),
            (x + 2 * bar + 3, top + height),
            (x + bar + 3, top + height),
        ]
        body += [drawing.area(corners, opacity=1, pattern=f"{ident}-hbr")]
        body.append(drawing.outline(x + bar + 3, top + height * (1 - theirs), bar, height * theirs))
        body.append(drawing.text(x + bar, top + height + 18, name, anchor="middle", small=width < 400))
        said.append(f"{name}: {drawing.percent(ours)} / {drawing.percent(theirs)}")
    for half in (0, 0.5, 1):
        y = top + height * (1 - half)
        body += [
            drawing.line((left, y), (width - 10, y)),
            drawing.text(left - 5, y + 4, drawing.percent(half), anchor="end", small=True),
        ]
    y = top + height + 40
    body += [
        drawing.rect(6, y - 10, 12, 10, opacity=0.85),
        drawing.text(22, y, say("here"), small=True),
        drawing.area([(70, y - 10), (82, y - 10), (82, y), (70, y)], opacity=1, pattern=f"{ident}-hbr"),
        drawing.outline(70, y - 10, 12, 10),
        drawing.text(86, y, say("2,241 US firms, HBR 2011"), small=True),
    ]
    desc = say("Here / in 2011: %(said)s.", said="; ".join(said))
    return drawing.svg(ident, (width, int(y) + 10), say("When answers come, in bins"), desc, body)
