"""Free text -> the budget that stands in it: "under £12k", "$150–200", "bis zu 1.500 EUR". Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from babel.numbers import get_currency_precision

from intents.draft import Budget
from intents.numerals import numerals
from intents.phrases import Found
from vrm.kernel.errors import BadInput
from vrm.kernel.money import parse_money

_SIGNS = {
    "£": "GBP", "€": "EUR", "us$": "USD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD", "nz$": "NZD",
    "hk$": "HKD", "s$": "SGD", "r$": "BRL", "₹": "INR", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₪": "ILS", "₽": "RUB",
}  # fmt: skip
_WORDS = {
    "zł": "PLN",
    "kč": "CZK",
    "quid": "GBP",
    "pounds": "GBP",
    "euros": "EUR",
    "euro": "EUR",
    "rupees": "INR",
    "franken": "CHF",
    "sfr": "CHF",
    "euronen": "EUR",
    "sterling": "GBP",
    "pound": "GBP",
    "zloty": "PLN",
    "złotych": "PLN",
    "nicker": "GBP",
    "squid": "GBP",
    "stutz": "CHF",
    "varos": "MXN",
    "piasses": "CAD",
    "piastres": "CAD",
    "rand": "ZAR",
    "reais": "BRL",
    "dirhams": "AED",
    "rs": "INR",
    "kronor": "SEK",
}
# One sign for several currencies: the reader's own if it is among them, else the first; "" is "cannot tell".
_SHARED = {
    "$": ("USD", "AUD", "CAD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP"),
    "¥": ("JPY", "CNY"),
    "dollars": ("USD", "AUD", "CAD", "NZD", "HKD", "SGD"),
    "bucks": ("USD", "AUD", "CAD", "NZD"),
    "yen": ("JPY",),
    "kr": ("", "SEK", "NOK", "DKK", "ISK"),
    "francs": ("", "CHF"),
    "pesos": ("", "MXN", "ARS", "CLP", "COP", "UYU", "PHP"),
    "r": ("", "ZAR"),
    "dólares": ("USD",),
    # Slang, in whose country it is said.
    **dict.fromkeys(
        ("tacken", "öcken", "mücken", "kröten", "piepen", "balles", "boules", "pavos", "pelotas"), ("EUR",)
    ),
    "kroner": ("", "NOK", "DKK"),
    "fr": ("", "CHF"),
    "dollar": ("USD", "AUD", "CAD", "NZD", "HKD", "SGD"),
}
# Codes that are no ordinary words, even in capitals (ALL, TOP, CUP and PEN are).
_CODES = (
    "GBP EUR USD CHF AUD CAD NZD JPY CNY INR SEK NOK DKK ISK PLN CZK HUF RON TRY UAH ILS AED SAR QAR KWD BHD OMR ZAR "
    "NGN KES EGP MAD BRL MXN ARS CLP SGD HKD TWD KRW THB MYR IDR PHP VND PKR BDT LKR RUB"
)
_MULTIPLES = {
    "k": 1000, "grand": 1000, "thousand": 1000, "tsd": 1000, "tausend": 1000, "mille": 1000, "mil": 1000,
    "lucas": 1000, "luquitas": 1000, "lakh": 100_000, "lakhs": 100_000, "lac": 100_000, "crore": 10_000_000,
    "millón": 1_000_000, "millones": 1_000_000, "m": 1_000_000, "mn": 1_000_000, "mio": 1_000_000,
    "million": 1_000_000, "millions": 1_000_000,
}  # fmt: skip


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_SYMBOL = rf"{_any_of([*_SIGNS, '$', '¥'])}|(?-i:R)"
_CODE = rf"(?:(?-i:{'|'.join(_CODES.split())})|(?:eur|gbp|usd|chf|aud|cad))\b"
# "10.5 $180": the sign belongs to what follows it.
_AFTER = rf"(?:{_SYMBOL})(?!\d)|{_CODE}|(?:{_any_of([*_WORDS, *_SHARED.keys() - {'$', '¥', 'r'}])})\b"
# Grouped by comma, full stop, apostrophe or a space (and then with the other sign for decimals), as in India, or not.
_NUMBER = (
    r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?|[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?|"
    r"[0-9]{1,3}(?:['’][0-9]{3})+(?:\.[0-9]{1,2})?|[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+(?:[.,][0-9]{1,2})?|"
    r"[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}|[0-9]{1,12}(?:[.,][0-9]{1,2})?"
)
_AMOUNT = re.compile(
    rf"(?:(?<!\w)(?P<before>{_SYMBOL}|{_CODE}) ?|(?<![\w.,:/#]))(?P<number>{_NUMBER})(?![0-9]|[.,][0-9])"
    rf"(?:(?P<short>k|mn?)(?![^\W\d_])| (?P<long>{_any_of(w for w in _MULTIPLES if len(w) > 2)})\b)?"
    rf"(?: ?(?:de )?(?P<after>{_AFTER})|(?=ish\b)|(?![^\W\d_]))",
    re.IGNORECASE,
)
_SIGN_AFTER = re.compile(rf" ?(?:d['’]|de )?(?P<after>{_AFTER})", re.IGNORECASE)
_ABOUT = r"(?:(?:about|around|roughly|approx(?:imately|\.)?|circa|ca\.?|~|rund|etwa|environ|unos|a|the) ?)?"
_MOST = (
    r"(?<!\w)(?:under|below|less than|up ?to|(?:no|not|never|do ?n['’]?t|ca(?:n['’]?t|nnot)|"
    r"won['’]?t) (?:(?:(?:want|wish) to )?"
    r"(?:spend|pay|go) )?(?:more than|over|above|beyond)|not exceeding|at most|max(?:imum|imal|i)?(?: of| de)?|"
    r"max\.|within|<|≤|<=|unter|bis(?: zu)?|höchstens|maximal|maxi|weniger als|nicht (?:mehr als|über)|"
    r"preislich so bis|"
    r"moins de|jusqu['’]à|pas plus de|plafond(?: de)?|(?:por )?menos de|hasta|no más de|máximo(?: de)?|"
    r"como mucho|tope)"
)
_LEAST = (
    r"(?<!\w)(?:over|above|more than|at least|no less than|min(?:imum)?(?: of)?|starting (?:at|from)|from|>|≥|>=|ab|"
    r"mindestens|über|von|à partir de|au moins|plus de|más de|al menos|desde|de)"
)
_PURSE = (
    r"(?<!\w)(?:(?:budget|presupuesto|price range|price|preis|prix|precio)(?: (?:is|of|ist|von|est|de|es))?|"
    r"(?:to|can|could|will|would) (?:spend|pay)|willing to pay)"
)
_BEFORE = {
    "most": re.compile(rf"{_MOST} ?[:=]? ?{_ABOUT}\Z", re.IGNORECASE),
    "least": re.compile(rf"{_LEAST} ?[:=]? ?{_ABOUT}\Z", re.IGNORECASE),
    "purse": re.compile(rf"{_PURSE} ?[:=–-]? ?{_ABOUT}\Z", re.IGNORECASE),
}
_PURSE_BEFORE = re.compile(rf"{_PURSE} ?[:=–-]? ?(?:(?:{_MOST}|{_LEAST}|between|zwischen|entre) ?)?{_ABOUT}\Z", re.I)
_MOST_AFTER = re.compile(
    r",? ?\(?(?:max(?:imum|imal|i)?|tops|or (?:less|under|below)|at (?:the )?most|oder weniger|höchstens|"
    r"ou moins|au plus|"
    r"au maximum|o menos|(?:como )?máximo|como mucho)\b",
    re.I,
)
_LEAST_AFTER = re.compile(r"(?:\+| ?(?:or more|and (?:up|above)|min(?:imum)?|oder mehr|ou plus|o más)\b)", re.I)
_RATE_AFTER = re.compile(
    r" ?(?:/|per\b|pcm\b|p\.?[hwma]\.?\b|an? (?:hour|day|week|month|year|night|piece|person)\b|each\b|monthly|weekly|"
    r"hourly|pro\b|im (?:monat|jahr)|die stunde|je\b|par (?:heure|jour|"
    r"mois|semaine|nuit|an|personne)|de l['’]heure|l['’]heure|chacune?|al (?:mes|d[ií]a|año)|"
    r"(?:a )?la hora|la noche|por (?:hora|d[ií]a|mes|persona|noche|semana)|cada un[ao])",
    re.IGNORECASE,
)
_BARE_ENDS = re.compile(
    r" ?(?:$|[.,;:!?)\n–—-]|(?:max|or|and|for|to|in|near|by|within|with|from|if|but|plus|"
    r"cash|ono|obo|mit|warm|avec|con|at|please|delivered|shipped|tops|total|oder|und|"
    r"für|vb|ou|et|pour|o|y|para|en)\b)",
    re.I,
)
_TO = re.compile(r" ?(?:[-–—]|to|bis|à|a) ?", re.IGNORECASE)
_AND = re.compile(r" ?(?:and|und|et|y) ?", re.IGNORECASE)
# Words that make a lone number a price: "under 400", but not "within 20" or "until 2027".
_BARE_MOST = re.compile(
    rf"(?<!\w)(?:under|below|less than|max(?:imum|imal|i)?\.?|at most|up to|unter|höchstens|maximal|"
    rf"bis(?: zu)?|moins de|"
    rf"jusqu['’]à|pas plus de|menos de|hasta|máximo(?: de)?|more than) ?[:=]? ?{_ABOUT}\Z",
    re.IGNORECASE,
)
_A_GRAND = re.compile(r"(?:under|less than|up to|max|below|about|around|for) (?P<n>a|one) grand\b", re.IGNORECASE)
_A_YEAR = range(1990, 2051)
_LEAST_BARE = 10
_LEAST_RANGE = 50  # The low end of a range that no word and no sign calls money.
_BETWEEN = re.compile(r"(?<!\w)(?:between|zwischen|entre) ?\Z", re.IGNORECASE)
_WINDOW = 60  # Characters before an amount that may say what it is.

Cue = Literal["most", "least", "purse"]


@dataclass(frozen=True, slots=True)
class _Amount:
    """One number that may be money: `sign` in lower case or "", `value` without its multiple."""

    start: int
    end: int
    value: Decimal
    multiple: int
    sign: str


def find_budget(
    text: str, *, home_currency: str | None = None, bare: bool = True, rates: bool = False
) -> Found[Budget] | None:
    """The first thing in `text` that says what may be spent; None rather than a guess.

    `home_currency` decides for "$" and the like, and stands in when a budget names none ("budget 2.5k"). "
    "With `bare` a
    lone amount ("£500 bike") is a budget too, as in a headline; otherwise words must say so ("I paid £500" is none).
    Prices per month, hour or person are no budget unless `rates`, nor are negative amounts.
    """
    amounts = _scan(text, home_currency)
    if not rates:
        amounts = list(_without_rates(text, amounts))
    found = _find_range(text, amounts, home_currency, bare=bare)
    if found is None:
        found = _find_limits(text, amounts, home_currency)
    signed = [amount for amount in amounts if amount.sign]
    if not signed and bare:
        signed = [one for one in amounts if one.multiple > 1 and text[one.start : one.end].lower().endswith("grand")]
    if found is None and bare and len(signed) == 1:
        found = _budget(None, signed[0], home_currency)
    if found is None and bare and not amounts and (grand := _A_GRAND.search(text)) is not None:
        one = _Amount(grand.start("n"), grand.end(), Decimal(1), 1000, "")
        found = _budget(None, one, home_currency or "GBP")
    return found


def _without_rates(text: str, amounts: list[_Amount]) -> Iterator[_Amount]:
    """Without "£20 an hour", and of "£20–25 an hour" without either end."""
    for at, amount in enumerate(amounts):
        last = amount
        if at + 1 < len(amounts) and _TO.fullmatch(text[amount.end : amounts[at + 1].start]):
            last = amounts[at + 1]
        if not _RATE_AFTER.match(text, last.end):
            yield amount


def _find_range(text: str, amounts: list[_Amount], home: str | None, *, bare: bool) -> Found[Budget] | None:
    for low, high in pairwise(amounts):
        gap, before = text[low.end : high.start], text[max(0, low.start - _WINDOW) : low.start]
        between = bool(_BETWEEN.search(before))
        if not (_TO.fullmatch(gap) or (between and _AND.fullmatch(gap))):
            continue
        low, high = _alike(low, high)  # noqa: PLW2901  # "$150–200" and "10–12k" say once what holds for both.
        purse = bool(_PURSE_BEFORE.search(before))
        said = purse or between or any(cue.search(before) for cue in _BEFORE.values())
        if low.value * low.multiple >= high.value * high.multiple:
            continue
        # "350k-420k" is money where it ends a phrase: nothing else is counted in thousands at both ends.
        thousands = home is not None and low.multiple > 1 and high.multiple > 1 and _ends_bare(text, high.end)
        if (low.sign or purse or thousands or _stands_alone(text, low, high)) and (said or bare or len(amounts) == 2):
            found = _budget(low, high, home)
            if found is not None:
                return found
    return None


def _stands_alone(text: str, low: _Amount, high: _Amount) -> bool:
    """ ", 400 to 600" at the end of a phrase: two numbers of that size that count nothing are what may be spent."""
    years = low.value in _A_YEAR or high.value in _A_YEAR
    before = text[: low.start].rstrip()
    begins = not before or before[-1] in ",;:(.!?–—" or "\n" in text[len(before) : low.start]
    alone = begins and re.match(r"\s*(?:\Z|[,;.)!?\n])", text[high.end :])
    return bool(alone) and low.value >= _LEAST_RANGE and not years and low.value < high.value <= low.value * 4


def _find_limits(text: str, amounts: list[_Amount], home: str | None) -> Found[Budget] | None:
    least: _Amount | None = None
    for amount in amounts:
        cue = _cue(text, amount)
        if cue is None:
            continue
        if cue == "least":
            least = least or amount
            continue
        found = _budget(least, amount, home) or _budget(None, amount, home)
        if found is not None:
            return found
    return _budget(least, None, home) if least is not None else None


def _cue(text: str, amount: _Amount) -> Cue | None:
    before = text[max(0, amount.start - _WINDOW) : amount.start]
    if not amount.sign and not (
        (_ends_bare(text, amount.end) or _RATE_AFTER.match(text, amount.end))
        and (_PURSE_BEFORE.search(before) or _may_be_bare(text, amount))
    ):
        return None
    if _BEFORE["most"].search(before) or _MOST_AFTER.match(text, amount.end):
        return "most"
    if _BEFORE["least"].search(before) or _LEAST_AFTER.match(text, amount.end):
        return "least"
    return "purse" if _BEFORE["purse"].search(before) else None


def _may_be_bare(text: str, amount: _Amount) -> bool:
    before = text[max(0, amount.start - _WINDOW) : amount.start]
    value = amount.value * amount.multiple
    if amount.multiple == 1 and value in _A_YEAR and re.search(r"(?:bis|hasta|jusqu['’]à|up to) ?\Z", before, re.I):
        return False
    return value >= _LEAST_BARE and bool(_BARE_MOST.search(before) or _MOST_AFTER.match(text, amount.end))


def _ends_bare(text: str, end: int) -> bool:
    return bool(_BARE_ENDS.match(text, end) or _MOST_AFTER.match(text, end) or _LEAST_AFTER.match(text, end))


def _scan(text: str, home: str | None) -> list[_Amount]:
    found = [*_in_figures(text, home), *_in_words(text)]
    return sorted(found, key=lambda amount: amount.start)


def _in_words(text: str) -> Iterator[_Amount]:
    """ "two grand", "fifty quid", "zweihundert Euro": a number in words is money only when it says of what."""
    for spelt in numerals(text):
        sign = _SIGN_AFTER.match(text, spelt.end)
        if sign is not None:
            yield _Amount(spelt.start, sign.end(), Decimal(spelt.value), 1, sign["after"].lower())
        elif spelt.grand and spelt.value > 1000:
            yield _Amount(spelt.start, spelt.end, Decimal(spelt.value) / 1000, 1000, "")
        elif text[spelt.start : spelt.end].lower().endswith(("tenner", "fiver")):
            yield _Amount(spelt.start, spelt.end, Decimal(spelt.value), 1, "quid")


def _in_figures(text: str, home: str | None) -> Iterator[_Amount]:
    last_end = -1
    for found in _AMOUNT.finditer(text):
        start, end = found.span()
        number = _value_of(found["number"])
        word = (found["short"] or found["long"] or "").lower()
        negative = start > 0 and text[start - 1] in "-−" and last_end != start - 1
        # "2.500k" may be 2,500 or 2,500,000.
        unclear = word and re.search(r"[.,' ’][0-9]{3}(?![0-9])", found["number"])
        sign = (found["before"] or found["after"] or "").lower()
        if sign == "r" and home != "ZAR":  # "205/55 R16" is a tyre everywhere but in South Africa.
            continue
        if number is not None and not negative and not unclear:
            last_end = end
            yield _Amount(start, end, number, _MULTIPLES.get(word, 1), sign)


def _value_of(number: str) -> Decimal | None:
    """12,000 and 12.000 are twelve thousand, 12,50 and 12.50 are not; "0.500" is not clear."""
    whole, decimals = number, ""
    if len(number) > 2 and re.search(r"[.,][0-9]{1,2}$", number):
        at = max(number.rfind("."), number.rfind(","))
        whole, decimals = number[:at], number[at + 1 :]
    digits = re.sub(r"[^0-9]", "", whole)
    if len(digits) < len(whole) and digits.startswith("0"):
        return None
    return Decimal(f"{digits}.{decimals or '0'}")


def _alike(low: _Amount, high: _Amount) -> tuple[_Amount, _Amount]:
    sign = high.sign or low.sign
    if low.multiple == 1 < high.multiple and low.value < 1000:
        low = replace(low, multiple=high.multiple)
    return replace(low, sign=low.sign or sign), replace(high, sign=sign)


def _budget(low: _Amount | None, high: _Amount | None, home: str | None) -> Found[Budget] | None:
    """Both ends in one currency, the low end below the high one; else None."""
    ends = [end for end in (low, high) if end is not None]
    currencies = {_currency_of(end.sign, home) for end in ends}
    currency = currencies.pop()
    if currency is None or currencies:
        return None
    minors = [minor for end in ends if (minor := _minor_of(end, currency)) is not None]
    if len(minors) < len(ends) or minors != sorted(set(minors)):
        return None
    budget = Budget(
        min_minor=minors[0] if low is not None else None,
        max_minor=minors[-1] if high is not None else None,
        currency=currency,
    )
    return Found(budget, min(end.start for end in ends), max(end.end for end in ends))


def _currency_of(sign: str, home: str | None) -> str | None:
    if not sign:
        return home
    if sign in _SHARED:
        shared = _SHARED[sign]
        return home if home in shared else shared[0] or None
    return _SIGNS.get(sign) or _WORDS.get(sign) or sign.upper()


def _minor_of(amount: _Amount, currency: str) -> int | None:
    # "1.500 KWD" may be 1,500 or one and a half: that currency has three decimals.
    if get_currency_precision(currency) > 2 and amount.multiple == 1 and amount.value >= 1000:
        return None
    value = (amount.value * amount.multiple).normalize()
    try:
        return parse_money(f"{value:f}", currency).minor or None
    except BadInput:
        return None
