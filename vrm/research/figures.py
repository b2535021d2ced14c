"""A response curve → an SVG drawing on a log-time axis, and the same numbers as rows of a table.

The drawing is a string without fonts, scripts or style sheets of its own. Colours are the custom properties
--figure-line, --figure-band, --figure-few and --figure-grid of the page around it, and fall back to the
colour of the text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from math import log10

import numpy as np
from numpy.typing import NDArray

from vrm.research.counts import HORIZONS_S
from vrm.research.survival import Curve, Share, share_by

FEW = 10  # With fewer leads than this still waiting, the curve is drawn grey.

APART = 33.0  # Units between two marks of the axis, or their words would run into each other.

# Where the axis can begin, end and be marked. A wait of 0 s is drawn at its left end.
MARKS_S = (1, 10, 60, 300, 3_600, 21_600, 86_400, 604_800, 2_592_000, 31_536_000, 315_360_000)


@dataclass(frozen=True, slots=True)
class Texts:
    """Every word in the drawing, so that the desk can translate them. Braces are filled in by name."""

    title: str = "Share of leads answered, by time since delivery"
    desc: str = "{n} leads. {shares} {end}"
    desc_share: str = "{share} answered within {mark}{interval}."
    desc_interval: str = " (95 % interval {low} to {high})"
    desc_end: str = (
        "The curve ends at the last follow-up; the line is grey and dashed where fewer than {few} leads wait."
    )
    nothing: str = "Nothing to draw yet: no delivered lead has been watched."
    y_axis: str = "answered by a person"
    x_axis: str = "time since delivery (each step is longer)"
    at_risk: str = "still waiting"
    marks: Mapping[int, str] = field(
        default_factory=lambda: dict(
            zip(
                MARKS_S,
                ("1 s", "10 s", "1 min", "5 min", "1 h", "6 h", "24 h", "7 d", "30 d", "1 y", "10 y"),
                strict=True,
            )
        )
    )


ENGLISH = Texts()


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One row of the table beside the drawing. `share` is None where it is not yet observable."""

    t_s: int
    mark: str
    share: Share | None
    at_risk: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where things are in the drawing, in its own units, of which it is `width` wide."""

    marks: Sequence[int]
    end_s: int  # The right end of the axis.
    width: int
    left: int = 46
    top: int = 30
    height: int = 220  # Of the plot alone.

    @property
    def right(self) -> int:
        return self.width - 22

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def total(self) -> int:
        return self.bottom + 86

    def x(self, t_s: float) -> float:
        first, last = log10(self.marks[0]), log10(self.end_s)
        place = (log10(max(t_s, self.marks[0])) - first) / (last - first)
        return self.left + place * (self.right - self.left)

    def y(self, share: float) -> float:
        return self.bottom - share * self.height


def curve_rows(curve: Curve, *, texts: Texts = ENGLISH) -> list[CurveRow]:
    """The curve at each mark of its axis: the numbers that stand below and beside the drawing."""
    return [CurveRow(mark, texts.marks[mark], share_by(curve, mark), curve.at_risk_at(mark)) for mark in _marks(curve)]


def response_curve(curve: Curve, *, ident: str, texts: Texts = ENGLISH, width: int = 480) -> str:
    """An `<svg>` element: the curve, its 95 % band, grey and dashed where few are at risk, at-risk numbers below.

    `ident` must be unique in the page; it names the title and description for screen readers. `width` is in
    the units of a 13-unit letter: a smaller drawing has larger letters when stretched to the same page.
    """
    marks = _marks(curve)
    frame = _Frame(marks=marks, end_s=max(marks[-1], curve.last_s), width=width)
    body = [*_axes(frame, curve, texts), *_band(frame, curve), *_line(frame, curve)]
    if not curve.t_s.size:
        middle = (frame.left + frame.right) / 2
        body.append(_text(middle, frame.y(0.5), texts.nothing, anchor="middle"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="figure-curve" role="img" '
        f'aria-labelledby="{escape(ident)}-title {escape(ident)}-desc" viewBox="0 0 {frame.width} {frame.total}" '
        f'font-family="inherit" font-size="13" fill="currentColor">'
        f'<title id="{escape(ident)}-title">{escape(texts.title)}</title>'
        f'<desc id="{escape(ident)}-desc">{escape(_description(curve, texts))}</desc>{"".join(body)}</svg>'
    )


def _marks(curve: Curve) -> Sequence[int]:
    """The marks from the last before the first answer (1 minute at the latest) to the end, at least three."""
    answers = curve.t_s[curve.events > 0]
    start = min(int(answers[0]) if answers.size else 60, 60)
    first = max((i for i, mark in enumerate(MARKS_S) if mark <= start), default=0)
    last = max((i for i, mark in enumerate(MARKS_S) if mark <= curve.last_s), default=0)
    return MARKS_S[first : max(last, first + 2) + 1]


def _description(curve: Curve, texts: Texts) -> str:
    if not curve.t_s.size:
        return texts.nothing
    sentences = []
    for row in curve_rows(curve, texts=texts):
        if row.share is not None:
            low, high = _percent(row.share.low), _percent(row.share.high)
            interval = texts.desc_interval.format(low=low, high=high) if row.share.has_interval else ""
            share = _percent(row.share.estimate)
            sentences.append(texts.desc_share.format(share=share, mark=row.mark, interval=interval))
    end = texts.desc_end.format(few=FEW)
    return texts.desc.format(n=int(curve.at_risk[0]), shares=" ".join(sentences), end=end)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _axes(frame: _Frame, curve: Curve, texts: Texts) -> Iterator[str]:
    yield _text(frame.left - 38, frame.top - 14, texts.y_axis)
    for fifth in range(6):
        y = frame.y(fifth / 5)
        yield (
            f'<path d="M{frame.left} {y:.1f}H{frame.right}" stroke="var(--figure-grid, currentColor)" '
            f'stroke-opacity=".25"/>'
        )
        yield _text(frame.left - 6, y + 4, f"{20 * fifth} %", anchor="end")
    for mark in _room_for(frame):
        x = frame.x(mark)
        waiting = f"{curve.at_risk_at(mark):,}".replace(",", " ")
        yield f'<path d="M{x:.1f} {frame.bottom}v5" stroke="currentColor"/>'
        yield _text(x, frame.bottom + 19, texts.marks[mark], anchor="middle")
        yield _text(x, frame.bottom + 76, waiting, anchor="middle")
    yield _text((frame.left + frame.right) / 2, frame.bottom + 38, texts.x_axis, anchor="middle")
    yield _text(frame.left - 38, frame.bottom + 60, texts.at_risk)


def _room_for(frame: _Frame) -> list[int]:
    """The marks that are written: on a phone not all have room. Those of M3 come first, the table has the others."""
    found: list[int] = []
    for mark in sorted(frame.marks, key=lambda mark: (mark not in HORIZONS_S, mark)):
        if all(abs(frame.x(mark) - frame.x(other)) >= APART for other in found):
            found.append(mark)
    return sorted(found)


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


Point = tuple[float, float]


def _line(frame: _Frame, curve: Curve) -> Iterator[str]:
    if not curve.t_s.size:
        return
    steps = [(float(frame.left), frame.y(0.0)), *_points(frame, curve, curve.answered)]
    sure, few = _split(steps, turn=_few_from(frame, curve), end=frame.x(curve.last_s))
    if sure:
        colour = "var(--figure-line, currentColor)"
        yield f'<path class="figure-line" d="{_path(sure)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    if few:
        yield (
            f'<path class="figure-few" d="{_path(few)}" fill="none" stroke="var(--figure-few, currentColor)" '
            f'stroke-opacity=".75" stroke-width="2" stroke-dasharray="5 3"/>'
        )


def _band(frame: _Frame, curve: Curve) -> Iterator[str]:
    """The 95 % band as a surface, from the first answer to where everybody has answered or the curve ends."""
    shown = np.flatnonzero(curve.has_band)
    if not shown.size:
        return
    rows = slice(int(shown[0]), int(shown[-1]) + 1)
    end = frame.x(float(curve.t_s[min(rows.stop, curve.t_s.size - 1)]))
    turn = _few_from(frame, curve)
    lower = _split(_points(frame, curve, curve.low, rows), turn=turn, end=end)
    upper = _split(_points(frame, curve, curve.high, rows), turn=turn, end=end)
    for colour, under, over in zip(("band", "few"), lower, upper, strict=True):
        if over:
            surface = _path([*over, *reversed(under)])
            fill = f"var(--figure-{colour}, currentColor)"
            yield f'<path class="figure-band" d="{surface}Z" fill="{fill}" fill-opacity=".18"/>'


def _points(frame: _Frame, curve: Curve, value: NDArray[np.float64], rows: slice = slice(None)) -> list[Point]:
    """Where the value steps to, one point for each unit of width at most: no eye sees more."""
    first, last = log10(frame.marks[0]), log10(frame.end_s)
    place = (np.log10(np.maximum(curve.t_s[rows], frame.marks[0])) - first) / (last - first)
    column = np.round(frame.left + place * (frame.right - frame.left))
    ends = np.flatnonzero(np.diff(column, append=np.inf))  # Waits ascend, and so do columns: the last in each.
    return [(x, frame.y(share)) for x, share in zip(column[ends].tolist(), value[rows][ends].tolist(), strict=True)]


def _few_from(frame: _Frame, curve: Curve) -> float:
    """Where the drawing turns grey: at the last wait that FEW leads or more lived to see."""
    enough = np.flatnonzero(curve.at_risk >= FEW)
    return round(frame.x(float(curve.t_s[enough[-1]])), 0) if enough.size else float(frame.left)


def _split(points: Sequence[Point], *, turn: float, end: float) -> tuple[list[Point], list[Point]]:
    """The corners of the staircase through these points up to `turn`, and from there to `end`."""
    before = [point for point in points if point[0] <= turn]
    after = [point for point in points if point[0] > turn]
    if not before or turn <= points[0][0] < end:
        return [], _stairs(points, end)
    if turn >= end:
        return _stairs(before, end), []
    return _stairs(before, turn), _stairs([(turn, before[-1][1]), *after], end)


def _stairs(points: Sequence[Point], end: float) -> list[Point]:
    corners = [points[0]]
    for x, y in points[1:]:
        corners += [(x, corners[-1][1]), (x, y)]
    return [*corners, (end, corners[-1][1])]


def _path(corners: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:.1f}" for x, y in corners)
