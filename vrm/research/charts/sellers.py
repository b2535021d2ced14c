"""Vendors: the funnel plot of their rates, and shrunken scores with intervals, in alphabetical order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from statistics import NormalDist

import numpy as np

from vrm.research import drawing
from vrm.research.charts.figure import Cell, Column, Figure, Say, table
from vrm.research.metrics import Group, Measures
from vrm.research.release import OTHERS
from vrm.research.scores import Score
from vrm.research.segments import Floats

_LIMITS = ((0.95, False), (0.998, True))
_DRAWN = 40  # Vendors in the drawing; the table has all.


def funnel(by_vendor: Measures, say: Say) -> Figure:
    """Rate against number, with the limits within which equal vendors would fall. No names."""
    rates = _Rates([(each.bins.mature, each.bins.answered) for each in _vendors(by_vendor) if each.bins.mature])
    rows: list[tuple[Cell, ...]] = []
    for n, k in sorted(rates.points):
        low, high = rates.widest(n)
        where = say("below") if k / n < low else say("above") if k / n > high else say("within")
        rows.append((n, k, k / n, low, high, where))
    return Figure(
        name="funnel",
        title=say("Do vendors differ more than chance?"),
        definition=say(
            "Each dot is a vendor: its share answered within 30 days against how many leads it had. The line is the "
            "share of all; the curves are the limits in which 95 % (solid) and 99.8 % (dashed) of equal vendors would "
            "fall. A small vendor with a bad rate is mostly luck: therefore there is no list of the worst here."
        ),
        n=rates.asked,
        table=table(
            [
                Column("asked", say("Leads"), "count"),
                Column("answered", say("Answered"), "count"),
                Column("share", say("Share"), "share"),
                Column("limit_low_998", say("99.8 % limits from"), "share"),
                Column("limit_high_998", say("Interval to"), "share"),
                Column("where", say("Against the limits")),
            ],
            rows,
        ),
        draw=lambda ident, width: _drawn_funnel(ident, width, rates, say),
        query="vendors",
    )


@dataclass(frozen=True, slots=True)
class _Rates:
    """How many leads each vendor had, and how many of them it answered."""

    points: Sequence[tuple[int, int]]

    @property
    def asked(self) -> int:
        return sum(n for n, _ in self.points)

    @property
    def rate(self) -> float:
        """Of all together."""
        return sum(k for _, k in self.points) / self.asked if self.asked else 0.0

    def limits(self, n: Floats, level: float) -> tuple[Floats, Floats]:
        """Between which the rates of equal vendors with so many leads would lie."""
        reach = NormalDist().inv_cdf(0.5 + level / 2) * np.sqrt(self.rate * (1 - self.rate) / n)
        return np.maximum(self.rate - reach, 0.0), np.minimum(self.rate + reach, 1.0)

    def widest(self, n: int) -> tuple[float, float]:
        """The outer ones for a vendor with `n` leads."""
        low, high = self.limits(np.array([float(n)]), 0.998)
        return float(low[0]), float(high[0])


def _drawn_funnel(ident: str, width: int, rates: _Rates, say: Say) -> str:
    left, top, height = 44, 12, 210
    most = max((n for n, _ in rates.points), default=10)
    end = log10(max(most, 10) * 1.2)

    def x(n: float) -> float:
        return left + log10(max(n, 1.0)) / end * (width - left - 12)

    def y(share: float) -> float:
        return top + height * (1 - share)

    title = say("Rates against numbers")
    if not rates.points:
        nothing = say("Nothing to draw yet: no vendor has a lead that was watched for 30 days.")
        return drawing.nothing(ident, width, title, nothing)
    ns = np.geomspace(1, 10**end, 60)
    body = [drawing.line((left, y(rates.rate)), (width - 12, y(rates.rate)), colour="line")]
    for level, dashed in _LIMITS:
        for side in rates.limits(ns, level):
            corners = [(x(n), y(s)) for n, s in zip(ns.tolist(), side.tolist(), strict=True)]
            body.append(drawing.path(corners, colour="few", dashed=dashed))
    outside = 0
    for n, k in rates.points:
        low, high = rates.widest(n)
        out = not low <= k / n <= high
        outside += out
        body.append(drawing.dot(x(n), y(k / n), radius=4.5 if out else 3, hollow=not out))
    body += [
        drawing.text(left - 6, y(half) + 4, drawing.percent(half), anchor="end", small=True) for half in (0, 0.5, 1)
    ]
    body += [
        drawing.text(x(n), top + height + 17, f"{n:,}".replace(",", " "), anchor="middle")
        for n in (1, 10, 100, 1_000, 10_000, 100_000)
        if n <= 10**end
    ]
    said = say("leads watched for 30 days (each step is longer)")
    body.append(drawing.text(width / 2, top + height + 36, said, anchor="middle", small=True))
    desc = say(
        "%(many)s vendors; %(outside)s lie outside the 99.8 %% limits around the common rate of %(rate)s.",
        many=len(rates.points), outside=outside, rate=drawing.percent(rates.rate),
    )  # fmt: skip
    return drawing.svg(ident, (width, top + height + 44), title, desc, body)


def scores(by_vendor: Measures, names: Mapping[str, str], say: Say) -> Figure:
    """M10, alphabetical. `names` has how a vendor is called; who is not in it is not shown."""
    shown = sorted(
        ((names[each.label], each) for each in _vendors(by_vendor) if each.label in names),
        key=lambda pair: pair[0].casefold(),
    )
    rated = [(name, each.score) for name, each in shown if each.score is not None]
    rows: list[tuple[Cell, ...]] = []
    for name, each in shown:
        score, asked, said = each.score, each.bins.mature, each.bins.answered
        if score is None:
            rows.append((name, asked, said, say("not enough data"), None, None, None, None))
        else:
            rows.append((name, asked, said, score.estimate, score.low, score.high, score.rank_low, score.rank_high))
    return Figure(
        name="scores",
        title=say("Vendors, in alphabetical order"),
        definition=say(
            "The share of leads answered within 30 days, drawn towards that of alike vendors the more, the fewer "
            "leads there are (beta-binomial), with a 95 % interval, and the ranks in which 95 of 100 draws place the "
            "vendor. With fewer than 10 leads watched for 30 days, or when more than a tenth of them met a channel "
            "that did not work, there is no score. Two vendors whose intervals overlap are not told apart."
        ),
        n=sum(each.bins.mature for _, each in shown),
        table=table(
            [
                Column("vendor", say("Vendor")),
                Column("asked", say("Leads"), "count"),
                Column("answered", say("Answered"), "count"),
                Column("score", say("Score"), "share"),
                Column("low", say("Interval from"), "share"),
                Column("high", say("Interval to"), "share"),
                Column("rank_low", say("Rank from"), "count"),
                Column("rank_high", say("Rank to"), "count"),
            ],
            rows,
        ),
        draw=lambda ident, width: _drawn_scores(ident, width, rated, say),
        query="vendors",
    )


def _drawn_scores(ident: str, width: int, rated: Sequence[tuple[str, Score]], say: Say) -> str:
    left, high = min(190, int(width * 0.42)), 22
    body, said = [], []
    scale = width - left - 18
    for place, (name, score) in enumerate(rated[:_DRAWN]):
        y = 14 + high * place
        body += [
            drawing.text(left - 8, y + 4, drawing.cut(name, int(left / 7)), anchor="end", small=True),
            drawing.line((left, y), (width - 18, y)),
            drawing.line((left + score.low * scale, y), (left + score.high * scale, y), colour="line", width=3),
            drawing.dot(left + score.estimate * scale, y, radius=4.5),
        ]
        ranks = f"{score.rank_low}–{score.rank_high}"
        said.append(say("%(name)s %(share)s, rank %(ranks)s", name=name, share=drawing.percent(score.estimate),
                        ranks=ranks))  # fmt: skip
    if not rated:
        nothing = say("No vendor has enough leads yet.")
        return drawing.nothing(ident, width, say("Vendors' shares"), nothing)
    bottom = 14 + high * len(rated[:_DRAWN])
    for half in (0, 0.5, 1):
        body.append(drawing.text(left + half * scale, bottom + 8, drawing.percent(half), anchor="middle", small=True))
    return drawing.svg(ident, (width, bottom + 16), say("Vendors' shares"), "; ".join(said), body)


def _vendors(measures: Measures) -> list[Group]:
    return [group for group in measures.groups if group.label != OTHERS]
