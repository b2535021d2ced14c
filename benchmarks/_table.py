"""What every benchmark prints: a line for each figure, with its target and whether that is met."""

import json
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

Line = dict[str, Any]
_WIDEST = 62  # Characters of what was measured.


def line(what: str, figure: float, unit: str = "", target: str | None = None, *, ok: bool = True) -> Line:
    """One line: a whole number as it is, any other to four digits. Without a target there is no verdict."""
    shown_as = figure if isinstance(figure, int) else float(f"{figure:.4g}")
    return {"what": what, "figure": shown_as, "unit": unit, "target": target, "ok": bool(ok)}


def at_least(what: str, figure: float, target: float | None, unit: str = "×") -> Line:
    """A line whose figure should not be below the target."""
    return line(what, figure, unit, f"≥ {target:g}" if target else None, ok=not target or figure >= target)


def at_most(what: str, figure: float, target: float | None, unit: str = "×") -> Line:
    """A line whose figure should not be above the target."""
    return line(what, figure, unit, f"≤ {target:g}" if target else None, ok=not target or figure <= target)


def tell(lines: Iterable[Line], *, as_json: bool) -> NoReturn:
    """Print each line as soon as it is there, or all at the end for programs; exit 1 when a target is missed."""
    told = []
    for each in lines:
        told.append(each)
        if not as_json:
            print(shown(each), flush=True)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    sys.exit(0 if all(each["ok"] for each in told) else 1)


def shown(each: Line) -> str:
    """A line as people read it."""
    verdict = "" if each["target"] is None else f"{each['target']:>8}  {'met' if each['ok'] else 'MISSED'}"
    return f"{each['what']:<{_WIDEST}}{each['figure']:>9} {each['unit']:<8}{verdict}".rstrip()
