"""Shapes for figures: strings of SVG without fonts, scripts or style sheets, in the colours of the page around them.

A figure that is opened alone has no page: `standalone` gives it its own colours, light and dark by the system.
"""

from collections.abc import Iterable, Sequence
from html import escape
from textwrap import wrap

COLOURS = {
    "line": "var(--figure-line, currentColor)",
    "band": "var(--figure-band, currentColor)",
    "few": "var(--figure-few, currentColor)",
    "grid": "var(--figure-grid, currentColor)",
}
_ALONE = (
    "<style>svg{--figure-line:#0f6a5b;--figure-band:#0f6a5b;--figure-few:#55605f;--figure-grid:#8b918c;--figure-ground:#fff;color:#1b2426;"
    "background:#fff;font-family:system-ui,sans-serif}@media (prefers-color-scheme:dark){svg{--figure-line:#70d0bd;"
    "--figure-band:#70d0bd;--figure-few:#a5b3b2;--figure-grid:#6f7f7f;--figure-ground:#182021;color:#e7eded;background:#182021}}</style>"
)


def svg(ident: str, size: tuple[int, int], title: str, desc: str, body: Iterable[str]) -> str:
    """An `<svg>` element with a title and a description for screen readers; `ident` is unique in its page."""
    width, height = size
    name = escape(ident)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'viewBox="0 0 {width} {height}" font-family="inherit" font-size="13" fill="currentColor">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(desc)}</desc>'
        f"{''.join(body)}</svg>"
    )


def nothing(ident: str, width: int, title: str, why: str) -> str:
    """A picture of nothing, with the sentence that says why there is nothing, in as many lines as it takes."""
    lines = wrap(why, int(width / 7.2))
    body = [text(0, 28 + 18 * place, words) for place, words in enumerate(lines)]
    return svg(ident, (width, 28 + 18 * len(lines)), title, why, body)


def standalone(drawing: str) -> str:
    """The same as a file of its own."""
    head, _, rest = drawing.partition("<title")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{_ALONE}<title{rest}\n'


def text(x: float, y: float, words: str, *, anchor: str = "start", small: bool = False, bold: bool = False) -> str:
    extra = (' font-size="11"' if small else "") + (' font-weight="650"' if bold else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def rect(x: float, y: float, width: float, height: float, *, colour: str = "line", opacity: float = 1.0) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
        f'fill="{COLOURS[colour]}" fill-opacity="{opacity:.2f}"/>'
    )


def outline(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" fill="none" '
        f'stroke="{COLOURS["grid"]}" stroke-opacity=".5"/>'
    )


def line(start: tuple[float, float], end: tuple[float, float], *, colour: str = "grid", width: float = 1.0) -> str:
    opacity = ' stroke-opacity=".35"' if colour == "grid" else ""
    return (
        f'<path d="M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}" stroke="{COLOURS[colour]}" '
        f'stroke-width="{width:g}" fill="none"{opacity}/>'
    )


def path(points: Sequence[tuple[float, float]], *, colour: str = "line", dashed: bool = False) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    corners = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{corners}" fill="none" stroke="{COLOURS[colour]}" stroke-width="1.5"{dash}/>'


def area(points: Sequence[tuple[float, float]], *, opacity: float, colour: str = "band", pattern: str = "") -> str:
    corners = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    fill = f"url(#{pattern})" if pattern else COLOURS[colour]
    return f'<path d="M{corners}Z" fill="{fill}" fill-opacity="{opacity:.2f}"/>'


def blank(points: Sequence[tuple[float, float]]) -> str:
    """The page's own ground, over a hatch."""
    corners = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{corners}Z" fill="var(--figure-ground, #fff)"/>'


def dot(x: float, y: float, *, radius: float = 3.5, colour: str = "line", hollow: bool = False) -> str:
    inside = f'fill="none" stroke="{COLOURS[colour]}" stroke-width="1.5"' if hollow else f'fill="{COLOURS[colour]}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {inside} fill-opacity=".8"/>'


def hatch(ident: str, *, angle: int = 45, gap: int = 6) -> str:
    """A pattern of lines, so that colour is never the only carrier of meaning."""
    return (
        f'<defs><pattern id="{escape(ident)}" width="{gap}" height="{gap}" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate({angle})"><path d="M0 0V{gap}" stroke="{COLOURS["grid"]}" stroke-width="1.4"/>'
        f"</pattern></defs>"
    )


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def gutter(names: Iterable[str], width: int) -> float:
    """The room that small words beside bars need; 0 where it is too much, and they stand above the bars instead."""
    need = 14 + 6.1 * max((len(name) for name in names), default=0)
    return need if need <= 0.45 * width else 0.0


def cut(words: str, letters: int) -> str:
    """The words, with an ellipsis where they are too long for their place; the table has them whole."""
    return words if len(words) <= letters else words[: letters - 1].rstrip() + "…"
