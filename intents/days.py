"""Free text -> the day by which something is needed, as four languages write it: by name, feast, distance. Pure.

`intents.phrases.find_needed_by` reads what is written out ("by 1 June"); this reads the rest ("bis Freitag", "in two
weeks", "KW 12", "3-10 April", "before Christmas"). A span gives its first day, "the end of" something its last.
"""

import calendar
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from intents.feasts import FEASTS
from intents.phrases import MONTH_OF, Found, find_needed_by

_FARTHEST = timedelta(days=5 * 366)
_CALENDAR = range(1900, 3000)  # Years of "today" that we count from.
_DAYS = (
    "monday mon montag lundi lunes",
    "tuesday tue tues dienstag mardi martes",
    "wednesday wed mittwoch mercredi miércoles miercoles",
    "thursday thu thurs donnerstag jeudi jueves",
    "friday fri freitag vendredi viernes",
    "saturday sat samstag sonnabend samedi sábado sabado",
    "sunday sun sonntag dimanche domingo",
)
_DAY_OF = {name: number for number, names in enumerate(_DAYS) for name in names.split()}
_SHORT_DAYS = frozenset(
    ["mon", "tue", "tues", "wed", "thu", "thurs", "fri", "sat", "sun"]
)  # Only after a word that leads to a day.
_COUNTED = (
    "a an one ein eine einem einer eines un une una uno, two couple zwei deux dos, three drei trois tres, "
    "four vier quatre cuatro, five fünf cinq cinco, six sechs seis, seven sieben sept siete, eight acht huit ocho, "
    "nine neun neuf nueve, ten zehn dix diez"
)
_NUMBERS = {name: number for number, names in enumerate(_COUNTED.split(", "), 1) for name in names.split()}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_MONTH = rf"(?:{_any_of(MONTH_OF)})"
_ORDINAL = r"(?:st|nd|rd|th|er|\.|º)?"
_YEAR = r"(?:,? (?:de |del )?(?P<y>20\d\d)(?!\d))"
_BY = (
    r"\b(?:by|before|until|till|no later than|not later than|latest|bis(?: zum| zur| spätestens)?|spätestens|vor|"
    r"avant|d['’]ici|pour|antes del?|hasta|para)(?: (?:the|le|la|el|dem|den|der))? "
)
_LED = re.compile(_BY + r"(?:[^\W\d_]+ ){0,2}\Z", re.IGNORECASE)
_BEGINS_LED = re.compile(_BY, re.IGNORECASE)
_NUMBER = rf"(?P<n>\d{{1,2}}|{_any_of(_NUMBERS)})"


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to write a day. `rank` orders what is found, smallest first; `led` is whether it leads in by itself."""

    pattern: re.Pattern[str]
    day: Callable[[re.Match[str], date], date | None]
    rank: int
    led: bool = False


def find_day(text: str, today: date, *, month_first: bool = False, led: bool = False) -> Found[date] | None:
    """The day that `text` names, from today to five years ahead; None rather than a guess.

    With `led` only after words such as "by" and "until" (a post on a blog also tells of days that were).
    `month_first` is whether "3/4/2027" is the fourth of March, as in the United States.
    """
    if today.year not in _CALENDAR:
        return None
    written = find_needed_by(text, today)
    found = sorted(_days(text, today, month_first=month_first), key=lambda one: (one[0], one[1].start))
    if written is not None:
        # "vom 10. bis 17. Juli" begins on the tenth.
        spans = (one for _, one, _ in found if one.start < written.start and one.end >= written.end)
        return next(spans, written)
    for _, one, leads in found:
        before = text[max(0, one.start - 60) : one.start]
        if not led or leads or _LED.search(before) or _BEGINS_LED.match(text, one.start):
            return one
    return None


def _days(text: str, today: date, *, month_first: bool) -> Iterator[tuple[int, Found[date], bool]]:
    for way in (*_WAYS, _slashes(month_first=month_first)):
        for match in way.pattern.finditer(text):
            day = way.day(match, today)
            if day is not None and today <= day <= today + _FARTHEST:
                yield way.rank, Found(day, match.start(), match.end()), way.led
                break


# --- Written out ----------------------------------------------------------------------------------


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _next(month: int, day: int, today: date, year: str | None = None) -> date | None:
    """This day of this year, or of the next one when it has passed."""
    if year:
        return _date(int(year) if len(year) == 4 else 2000 + int(year), month, day)
    for candidate in (today.year, today.year + 1):
        found = _date(candidate, month, day)
        if found is not None and found >= today:
            return found
    return None


def _named(match: re.Match[str], today: date) -> date | None:
    return _next(MONTH_OF[match["m"].lower()], int(match["d"]), today, match["y"])


def _iso(match: re.Match[str], today: date) -> date | None:
    return _date(int(match[1]), int(match[2]), int(match[3]))


def _dotted(match: re.Match[str], today: date) -> date | None:
    return _next(int(match["m"]), int(match["d"]), today, match["y"])


def _slashes(*, month_first: bool) -> _Way:
    def day(match: re.Match[str], today: date) -> date | None:
        first, second = int(match["a"]), int(match["b"])
        if month_first and first <= 12:
            first, second = second, first
        if second > 12:
            first, second = second, first
        return _next(second, first, today, match["y"])

    pattern = re.compile(r"(?<![\d/.,-])(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<y>20\d\d|\d\d)(?![\d/.-])")
    return _Way(pattern, day, 1)


_IN = re.compile(r"(?:in|en|by|from|starting|since|until|before)\b", re.IGNORECASE)


def _month(match: re.Match[str], today: date) -> date | None:
    name = match["m"].lower()
    # "mar" and "sept" are also a day and a number; "may" a verb.
    unclear = name in {"mar", "sept", "sep", "may"} and match["m"].islower() and not match["part"]
    if unclear and not _IN.match(match["lead"] or ""):
        return None
    month = MONTH_OF[name]
    part = (match["part"] or "").lower()
    year = int(match["y"]) if match["y"] else today.year + (month < today.month)
    last = calendar.monthrange(year, month)[1]
    if re.match(r"(?:the )?end|ende|fin|a final|final", part):
        day = last
    elif re.match(r"(?:the )?mid|mitte|mi|à la mi|a med|med", part):
        day = 15
    else:
        day = 1
        if month == today.month and not match["y"]:
            return None
    found = date(year, month, day)
    return found if found >= today or match["y"] else _date(year + 1, month, min(day, 28) if day == last else day)


_PART = (
    r"(?P<part>(?:the )?end of |ende |fin |(?:a |para )?final(?:es)? de |(?:the )?mid(?:dle of|-)? ?|mitte |"
    r"(?:à la )?mi-|"
    r"(?:a )?mediados de |(?:the )?(?:beginning|start) of |early |anfang |début |principios de )"
)
_LEAD = (
    r"(?:\b(?P<lead>in|by|before|from|starting(?: in| from)?|start(?:s|ing)?|beginning|until|since|for|late|"
    r"ab|im|bis|"
    r"seit|für|en|à partir de|à partir d['’]|dès|avant|depuis|au mois de|pour|desde|a partir de|para|antes de|hasta|"
    r"le mois de) (?:the month of )?)"
)

# --- Counted from today ---------------------------------------------------------------------------


def _in_days(match: re.Match[str], today: date) -> date | None:
    number = int(match["n"]) if match["n"].isdigit() else _NUMBERS[match["n"].lower()]
    unit = match["unit"].lower()
    if re.match(r"(?:day|tag|jour|d[ií]a)", unit):
        return today + timedelta(days=number)
    if re.match(r"(?:week|woche|semaine|semana)", unit):
        return today + timedelta(weeks=number)
    month = today.month - 1 + number
    year, month = today.year + month // 12, month % 12 + 1
    return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


def _weekday(match: re.Match[str], today: date) -> date | None:
    name = match["day"].lower()
    wanted = _DAY_OF[name]
    lead = (match["lead"] or "").lower()
    if name in _SHORT_DAYS and not lead:
        return None
    if re.match(r"next|nächste[nrms]?|kommende[nrms]?", lead) or match["after"]:
        monday = today - timedelta(days=today.weekday())
        if re.match(r"next|nächste", lead) or re.match(r"prochain|que viene|próximo", (match["after"] or "").strip()):
            return monday + timedelta(days=7 + wanted)
    return today + timedelta(days=(wanted - today.weekday() - 1) % 7 + 1)


def _weekend(match: re.Match[str], today: date) -> date | None:
    saturday = today if today.weekday() >= 5 else today + timedelta(days=5 - today.weekday())
    if re.search(r"next|nächste|prochain|próximo|que viene", match[0], re.IGNORECASE):
        monday = today - timedelta(days=today.weekday())
        return monday + timedelta(days=12)
    return saturday


def _next_week(match: re.Match[str], today: date) -> date | None:
    monday = today + timedelta(days=7 - today.weekday())
    return monday + timedelta(days=4) if match["end"] else monday


def _end_of_week(match: re.Match[str], today: date) -> date | None:
    return today + timedelta(days=4 - today.weekday() if today.weekday() <= 4 else 6 - today.weekday())


def _end_of_month(match: re.Match[str], today: date) -> date | None:
    year, month = today.year, today.month
    if re.search(r"next|nächsten|prochain|próximo|que viene", match[0], re.IGNORECASE):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, calendar.monthrange(year, month)[1])


def _next_month(match: re.Match[str], today: date) -> date | None:
    return date(today.year + today.month // 12, today.month % 12 + 1, 1)


def _week_number(match: re.Match[str], today: date) -> date | None:
    for year in (today.year, today.year + 1):
        try:
            monday = date.fromisocalendar(int(match["y"] or year), int(match["w"]), 1)
        except ValueError:
            continue
        if monday + timedelta(days=6) >= today:
            return max(monday, today)
    return None


# --- Feasts ---------------------------------------------------------------------------------------


def _feast(find: Callable[[int], date]) -> Callable[[re.Match[str], date], date | None]:
    def day(match: re.Match[str], today: date) -> date | None:
        found = find(today.year)
        return found if found >= today else find(today.year + 1)

    return day


_WAYS = (
    _Way(re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)"), _iso, 0),
    _Way(
        re.compile(
            rf"(?<![\d.,/])(?P<d>\d{{1,2}}){_ORDINAL}(?: ?(?:-|–|to|bis|au|al|und|and|et|y) ?(?:the |den |"
            rf"el )?\d{{1,2}}{_ORDINAL})?"
            rf" ?(?:of |de )?(?P<m>{_MONTH})\b\.?{_YEAR}?",
            re.IGNORECASE,
        ),
        _named,
        1,
    ),
    _Way(
        re.compile(rf"\b(?P<m>{_MONTH})\b\.? (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d.,:]*\d){_YEAR}?", re.I),
        _named,
        1,
    ),
    _Way(re.compile(r"(?<![\d.])(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>20\d\d|\d\d(?!\d))?(?!\d)"), _dotted, 1),
    *(_Way(re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE), _feast(find), 1) for names, find in FEASTS),
    _Way(
        re.compile(rf"(?:{_LEAD}(?:the )?)?{_PART}?(?<!\w)(?P<m>{_MONTH})\b\.?{_YEAR}?", re.IGNORECASE),
        lambda match, today: _month(match, today) if match["lead"] or match["part"] or match["y"] else None,
        2,
    ),
    _Way(
        re.compile(
            r"\b(?:(?:the )?end of (?:the |this |next )?month|month end|eom|monatsende|ende (?:des|diesen|"
            r"dieses|nächsten) "
            r"monats|fin (?:du|de ce) mois|fin de mois|(?:final(?:es)? de|fin de|"
            r"a fin de) (?:este )?mes)(?: prochain)?\b",
            re.IGNORECASE,
        ),
        _end_of_month,
        2,
    ),
    _Way(
        re.compile(
            r"\b(?:(?:the )?end of (?:the |this )?year|jahresende|ende des jahres|fin d['’]année|(?:final|"
            r"fin) de año)\b",
            re.IGNORECASE,
        ),
        lambda match, today: date(today.year, 12, 31),
        2,
    ),
    _Way(
        re.compile(
            r"\b(?:KW|week|week no\.?|week number|calendar week|semaine|semana|"
            r"woche) ?(?P<w>\d{1,2})(?:[ /]+(?P<y>20\d\d))?(?!\d)",
            re.I,
        ),
        _week_number,
        2,
    ),
    _Way(
        re.compile(
            rf"\b(?:in|within(?: the next)?|in the next|innerhalb(?: von)?|binnen|dans|sous|d['’]ici|en|dentro de)"
            rf"(?: a| the next| les| den nächsten)? {_NUMBER} (?:of )?"
            r"(?P<unit>days?|tag(?:en?)?|jours?|d[ií]as?|weeks?|wochen?|semaines?|semanas?|months?|"
            r"monat(?:en?)?|mois|mes(?:es)?)\b",
            re.IGNORECASE,
        ),
        _in_days,
        2,
        led=True,
    ),
    _Way(
        re.compile(r"\b(?:the )?day after tomorrow|übermorgen|après-demain|pasado mañana\b", re.IGNORECASE),
        lambda match, today: today + timedelta(days=2),
        3,
    ),
    _Way(
        re.compile(
            r"\b(?:tomorrow|tmrw|tmr|demain)\b|(?<!guten )(?<!jeden )(?<!am )\bmorgen\b(?! früh\w)|"
            r"(?<!por la )(?<!de la )(?<!la )(?<!pasado )\bmañana\b",
            re.IGNORECASE,
        ),
        lambda match, today: today + timedelta(days=1),
        3,
    ),
    _Way(
        re.compile(
            r"\b(?:today|tonight|this (?:evening|afternoon)|heute(?: abend)?|aujourd['’]hui|ce soir|hoy|"
            r"esta noche)\b",
            re.I,
        ),
        lambda match, today: today,
        3,
    ),
    _Way(
        re.compile(
            r"\b(?:(?:this|next|the|coming) weekend|(?:am|dieses|nächstes|kommendes|diesem|nächsten) wochenende|"
            r"ce week-?end|le week-?end prochain|(?:este|el|próximo) (?:próximo )?fin de semana(?: que viene)?)\b",
            re.IGNORECASE,
        ),
        _weekend,
        3,
    ),
    _Way(
        re.compile(
            r"\b(?P<end>(?:the )?end of |ende |fin de |finales de )?(?:next week|nächste[rn]? woche|"
            r"kommende[rn]? woche|"
            r"(?:la )?semaine prochaine|(?:la )?(?:semana que viene|próxima semana|semana próxima))\b",
            re.IGNORECASE,
        ),
        _next_week,
        3,
    ),
    _Way(
        re.compile(
            r"\b(?:(?:the )?end of (?:the |this )?week|(?:bis )?ende der woche|fin de (?:la )?semaine|"
            r"final de (?:la )?semana|"
            r"this week|diese woche|cette semaine|esta semana)\b",
            re.IGNORECASE,
        ),
        _end_of_week,
        3,
    ),
    _Way(
        re.compile(
            r"\b(?:next month|nächsten monat|(?:le )?mois prochain|(?:el )?(?:mes que viene|próximo mes|"
            r"mes próximo))\b",
            re.I,
        ),
        _next_month,
        3,
    ),
    _Way(
        re.compile(
            rf"(?<!every )(?<!each )(?<!jeden )(?<!chaque )(?<!cada )(?<!los )\b(?:(?P<lead>by|on|this|next|"
            rf"before|until|till|"
            rf"am|bis(?: zum)?|diesen|nächsten|kommenden|für|avant|pour|ce|d['’]ici|le|el|este|para el|"
            rf"antes del|hasta el|"
            rf"próximo)\.? )?(?P<day>{_any_of(_DAY_OF)})(?P<after> (?:prochain|que viene|próximo))?\b",
            re.IGNORECASE,
        ),
        _weekday,
        4,
    ),
)
