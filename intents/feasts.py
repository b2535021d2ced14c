"""A year -> the days of the feasts by which people need things, with how they are written in four languages. Pure."""

from collections.abc import Callable
from datetime import date, timedelta


def _thanksgiving(year: int) -> date:
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 21)


def _easter(year: int) -> date:
    """Of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    leap = century // 4
    shift = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - leap - shift + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)


FEASTS: tuple[tuple[str, Callable[[int], date]], ...] = (
    (r"christmas eve|heilig(?:er )?abend|heiligabend|nochebuena", lambda year: date(year, 12, 24)),
    (r"christmas|xmas|weihnachten|noël|noel|navidad(?:es)?", lambda year: date(year, 12, 25)),
    (
        r"new year['’]?s['’]? eve|nye|silvester(?:abend|party|feier)?|nochevieja|fin de año|saint-sylvestre|"
        r"réveillon du nouvel an",
        lambda year: date(year, 12, 31),
    ),
    (r"new year(?:['’]?s)?(?: day)?|neujahr|nouvel an|año nuevo", lambda year: date(year, 1, 1)),
    (r"black friday", lambda year: _thanksgiving(year) + timedelta(days=1)),
    (r"cyber monday", lambda year: _thanksgiving(year) + timedelta(days=4)),
    (r"thanksgiving", _thanksgiving),
    (r"hallowe['’]?en", lambda year: date(year, 10, 31)),
    (r"valentine['’]?s(?: day)?|valentinstag|saint-valentin|san valentín", lambda year: date(year, 2, 14)),
    (r"easter|ostern|pâques|semana santa|pascua", _easter),
    (r"nikolaus(?:tag)?", lambda year: date(year, 12, 6)),
    (r"(?:el día de )?(?:los )?reyes(?: magos)?", lambda year: date(year, 1, 6)),
)
