"""Free text -> the pieces of a want that stand in it: budget, date, condition, hashtags, lead-in. Pure.

Every finder returns what it found with its place in the text, or None: it never guesses. The tables hold what
people write in English, German, French and Spanish; another language is another line in a table.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, TypeVar

from intents.draft import Condition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """`text[start:end]` says `value`."""

    value: T
    start: int
    end: int


# --- How a want begins ----------------------------------------------------------------------------

_ADVERB = r"(?:(?:really|just|also|still|now|urgently|currently|again|desperately|actively) )*"
_BUY = r"(?:buy|purchase|rent|hire|lease|get|order|book|find|commission|acquire|source)"
_WE_ARE = r"(?:(?P<self>i|we)(?:['’]m|['’]re| am| are|m) )"
# What follows a lead-in without being a thing or a service that somebody could sell.
_NO_THING = (
    r"(?!(?:to|you|your|my|mine|me|it|its|them|him|her|his|us|our|this|that|these|those|their|everyone|everybody|"
    r"people|nothing|everything|something|someone|somebody|more|all|out|what|how|when|if|not|love|answers|inspiration|"
    r"feedback|meaning|trouble)\b)"
)

# Each matches at the beginning of a headline, up to the thing that is wanted.
_LEAD_INS = {
    "en": (
        rf"(?P<self>i|we) {_ADVERB}(?:want|need) to {_BUY}",
        rf"(?P<self>i|we) {_ADVERB}want(?= {_NO_THING})",
        rf"(?P<self>i|we)(?:['’]d| would) {_ADVERB}(?:like|love) to {_BUY}",
        rf"{_WE_ARE}?{_ADVERB}(?:looking|searching|hunting|shopping) (?:for(?=:? {_NO_THING})|to {_BUY})",
        rf"{_WE_ARE}?(?:in search of|in the market for)(?=:? {_NO_THING})",
        rf"[\[(]?wanted[\])]?(?: to {_BUY})?(?: ?[:–—-]|(?<=[\])])|(?= an? ))",
        rf"want(?:s|ing)? to {_BUY}",
        r"[\[(]?wtb\b[\])]?",
        r"[\[(]?(?-i:ISO)[\])]?(?:: ?| )(?!\d|standard|setting|certif|image|file|sensitiv|speed|code|date|noise|week)",
        r"(?:rf[pq]|request for (?:proposals?|quot(?:es?|ations?))) ?[:–—-]",
    ),
    "de": (
        r"(?P<self>ich |wir )?suchen?\b(?: ?:)?(?= ?\S)",
        r"gesucht ?(?::|wird\b|werden\b|[–—-])",
        r"(?P<self>ich|wir) (?:möchten?|wollen|will|würden? gerne?)(?= .{1,120}\b(?:kaufen|mieten|buchen)\b)",
    ),
    "fr": (
        r"(?P<self>je |nous )?cherch(?:e|ons)\b(?: ?:)?",
        r"(?P<self>je |nous )?recherch(?:e|ons)(?: ?:|(?= (?:une?|des) ))",
        r"(?P<self>je voudrais|j['’]aimerais|je souhaite|je veux|nous voulons) (?:acheter|louer|trouver)",
    ),
    "es": (
        r"(?:busco|buscamos|se busca)\b(?: ?:)?",
        r"(?P<self>quiero|quisiera|queremos|me gustaría) (?:comprar|alquilar|encontrar)",
        r"compro\b(?: ?:)?",
    ),
}
_COMPILED = tuple(re.compile(rf"\s*{one}[:\s]*", re.IGNORECASE) for table in _LEAD_INS.values() for one in table)
_OFFER = re.compile(
    r"\s*[\[(]?(?:for sale|wts|selling|to let|for rent|zu verkaufen|verkaufe|à vendre|vends|vendo|se vende)\b",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\A(?:an?|the|some|any|eine?[nmrs]?|une?|des|un[ao]?s?|el|la|los|las)\s+(?=\S)", re.IGNORECASE)
_BUY_AT_END = re.compile(r"\s+(?:kaufen|mieten|buchen)(?=\s*[.!]*$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LeadIn:
    """How a headline begins: `first_person` is whether somebody speaks of themselves ("I'm looking for")."""

    first_person: bool


def find_lead_in(headline: str) -> Found[LeadIn] | None:
    """ "I want ", "WTB: ", "Suche " at the beginning of a headline, with something that can be sold after it."""
    for lead_in in _COMPILED:
        found = lead_in.match(headline)
        if found is not None and headline[found.end() :].strip(" .!?:-–—"):
            first_person = bool(found.groupdict().get("self"))
            return Found(LeadIn(first_person), found.start(), found.end())
    return None


def is_offer(headline: str) -> bool:
    """Whether somebody sells here rather than wants."""
    return _OFFER.match(headline) is not None


def without_article(thing: str) -> str:
    """ "a Toyota Yaris" -> "Toyota Yaris"; also drops the verb that German puts last."""
    return _ARTICLE.sub("", _BUY_AT_END.sub("", thing.strip()), count=1)


# --- Hashtags -------------------------------------------------------------------------------------

_HASHTAG = re.compile(r"(?<![\w/&=.#＃?])[#＃](?=\w*[^\W\d_])(\w{1,100})")


def find_hashtags(text: str) -> tuple[Found[str], ...]:
    """Every #hashtag, without its sign; never a part of an address or an entity."""
    return tuple(Found(found[1], found.start(), found.end()) for found in _HASHTAG.finditer(text))


# --- Condition ------------------------------------------------------------------------------------

_EITHER = re.compile(
    r"\b(?:new or (?:used|second[- ]?hand|pre[- ]?owned)|(?:used|second[- ]?hand) or (?:brand[- ]?)?new|"
    r"neu oder gebraucht|gebraucht oder neu|neuf ou d['’]occasion|nuev[oa] o usad[oa]|any condition)\b",
    re.IGNORECASE,
)
_USED = re.compile(
    r"\b(?:second[- ]?hand|pre[- ]?(?:owned|loved)|nearly[- ]new|gebraucht(?:e[nrms]?)?|d['’]occasion|"
    r"(?:de )?segunda mano|(?:(?:an?|any|some|good|nice|clean|cheap|decent|well|lightly|gently|barely|only|be|wanted:?|"
    r"for|buy|want) |^|[,;:(] ?)used(?! (?:to|by|for|as|in|with|up)\b))(?!\w)",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\b(?:brand[- ]new|new only|only new|must be new|condition: ?new|(?:not|no) (?:used|second[- ]?hand)|"
    r"nagelneue?[nrms]?|fabrikneue?[nrms]?|nur neu|(?:tout )?neuf uniquement|"
    r"(?:want|for|buy|wanted:|wtb:?|iso:?) (?:an? )?new"
    r"(?! (?:to|york|zealand|jersey|orleans|delhi|year|home|house|job)\b))(?![\w-])",
    re.IGNORECASE,
)


def find_condition(text: str) -> Found[Condition] | None:
    """New, used, or expressly either; None when the text does not say."""
    for condition, pattern in ((Condition.ANY, _EITHER), (Condition.NEW, _NEW), (Condition.USED, _USED)):
        found = pattern.search(text)
        if found is not None:
            return Found(condition, found.start(), found.end())
    return None


# --- Needed by ------------------------------------------------------------------------------------

_MONTHS = (
    "january jan januar jänner janvier enero",
    "february feb februar février febrero",
    "march mar märz mars marzo",
    "april apr avril abril",
    "may mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet julio",
    "august aug août agosto",
    "september sep sept septembre septiembre",
    "october oct oktober octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember décembre diciembre",
)
MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH = "(?P<{}>" + "|".join(sorted(MONTH_OF, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?:,? (?:de )?(?P<{}>20\d\d))"
_BY = (
    r"\b(?:by|before|no later than|bis(?: zum| spätestens)?|spätestens|vor|avant|d['’]ici|antes del?|para) "
    r"(?:the |le |el |l )?"
)
_STOPS = (
    r"(?= ?(?:$|[.,;:!?)\n#–—-]|(?:or|and|if|for|in|at|please|under|with|budget|near|max|up|because|so|latest|"
    r"oder|und|für|ou|et|pour|o|y)\b))"
)
_DATE = re.compile(
    _BY
    + r"(?:(?P<iso>20\d\d-\d\d-\d\d)\b"
    + r"|(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)? (?:of |de )?" + _MONTH.format("m1") + _YEAR.format("y1") + "?"
    + "|" + _MONTH.format("m2") + r" (?:the )?(?P<day2>\d{1,2})(?:st|nd|rd|th)?(?!\d)" + _YEAR.format("y2") + "?"
    + r"|(?P<end>(?:the )?end of |ende |fin |finales de )?" + _MONTH.format("m3")
    + "(?:" + _YEAR.format("y3") + "|" + _STOPS + "))",
    re.IGNORECASE,
)  # fmt: skip
_FARTHEST = timedelta(days=5 * 366)


def find_needed_by(text: str, today: date) -> Found[date] | None:
    """ "by 1 June 2027", "before June 1st", "by 2027-06-01", "by June" (its first day), "by the end of June".

    Without a year it is the next such day. None for a day that has passed or lies more than five years ahead, and
    for the month that runs: "by June" said in June may mean anything.
    """
    for found in _DATE.finditer(text):
        day = _day_of(found, today)
        if day is not None and today <= day <= today + _FARTHEST:
            return Found(day, found.start(), found.end())
    return None


def _day_of(found: re.Match[str], today: date) -> date | None:
    if found["iso"]:
        return _date_or_none(found["iso"])
    name = found["m1"] or found["m2"] or found["m3"]
    if name in {"may", "mar"}:  # "by may" is as often a slip as a month.
        return None
    month = MONTH_OF[name.lower()]
    year = int(found["y1"] or found["y2"] or found["y3"] or 0)
    written = found["day"] or found["day2"]
    if not written and not year and month == today.month and not found["end"]:
        return None
    for candidate in (year,) if year else (today.year, today.year + 1):
        last = calendar.monthrange(candidate, month)[1]
        number = int(written) if written else (last if found["end"] else 1)
        if not 1 <= number <= last:
            return None
        day = date(candidate, month, number)
        if year or day >= today:
            return day
    return None


def _date_or_none(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
