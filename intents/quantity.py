"""Free text -> how many are wanted: "six dining chairs", "8 Stück"; sizes, ages and models count nothing. Pure."""

import re
from collections.abc import Sequence

from intents.phrases import Found

_NUMBERS = {
    name: number
    for number, names in enumerate(
        (
            "two zwei deux dos",
            "three drei trois tres",
            "four vier quatre cuatro",
            "five fünf cinq cinco",
            "six sechs seis",
            "seven sieben sept siete",
            "eight acht huit ocho",
            "nine neun nueve",
            "ten zehn dix diez",
            "eleven elf onze once",
            "twelve zwölf douze doce",
        ),
        2,
    )
    for name in names.split()
}
_WORDS = "|".join(_NUMBERS)
_NUMBER = rf"(?P<n>\d{{1,3}}[.,]\d{{3}}|\d{{1,4}}|{_WORDS}|a dozen|une douzaine|ein dutzend|una docena)"
_PIECES = re.compile(
    rf"(?<![\d.,£$€]){_NUMBER} ?(?:stück|stk\.?|pieces?(?! (?:suite|set|sofa|kit|puzzle|jigsaw|drum|dinner))|pcs|"
    rf"units?|unidades|exemplaires)\b",
    re.I,
)
_TIMES = re.compile(
    r"(?<![\d.,x×])(?P<n>\d{1,3}) ?[x×] (?=[^\W\d_]{3})|(?<![\w.,])[x×] ?(?P<times>\d{1,3})(?= ?(?:[,.;)]|\Z))",
    re.IGNORECASE,
)
# At the beginning, after what asks for it, or standing alone between commas: a number and then the thing.
_FIRST = re.compile(
    rf"(?:\A|(?<=[.!?:\n] )|\b(?:want|need|looking for|buy|wanted:?|after|suche|brauche|kaufen|cherche|"
    rf"recherche|voudrais|acheter|"
    rf"busco|necesito|quiero|comprar|compro|order:?|bestell(?:en|ung:?)|command(?:e|er):?|pedido(?: de)?:?|"
    rf"print(?:ed)?|imprim(?:er|ir)|kita|schule|verein|school|office|b[uü]ro)"
    rf"(?: to buy)? ){_NUMBER} (?P<thing>[^\W\d_]{{3,}})",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"[,(] ?{_NUMBER} ?(?=[,)])", re.IGNORECASE)
# What a number counts that is not how many things are wanted.
_MEASURES = re.compile(
    r"(?:bhk|bed(?:room)?s?|beds?|door|seater|seat|berth|person(?:en|nes|as)?|people|personnes?|year|yr|jähr|ans?|"
    r"años?|inch|zoll|pouces?|"
    r"pulgadas|foot|feet|liter|litre|liters|litres|miles?|meter|mètres?|metros?|hours?|stunden|heures?|horas?|"
    r"days?|tage?|jours?|"
    r"días?|weeks?|wochen?|semaines?|semanas?|months?|monate?|mois|mes(?:es)?|nights?|zimmer|pièces?|"
    r"habitaciones|plazas|portes|"
    r"puertas|men|man|girls?|boys?|kids|gb|tb|ghz|watts?|volts?|speed|gang|gears?|pounds?|quid|euros?|"
    r"dollars?|grand|thousand|"
    r"eur|gbp|usd|chf|bucks|star|times?|mal|fois|veces|st|nd|rd|th|grad|th|words?|pages?|seiten|páginas|wheel|"
    r"way|piece|jan\w*|feb\w*|"
    r"mar\w*|apr\w*|may|jun\w*|jul\w*|aug\w*|sep\w*|oct\w*|okt\w*|nov\w*|de[cz]\w*|türer|sitzer|"
    r"places? de (?:parking|garage))\b",
    re.IGNORECASE,
)


def find_quantity(text: str, *, taken: Sequence[tuple[int, int]] = ()) -> Found[int] | None:
    """How many, from 2 to 9,999; None when the text does not say. `taken` are spans that mean something else."""
    for pattern in (_PIECES, _TIMES, _FIRST, _ALONE):
        for found in pattern.finditer(text):
            name = "n" if found["n"] is not None else "times"
            start, end = found.span(name)
            if any(begin < end and start < stop for begin, stop in taken):
                continue
            if pattern is _FIRST and _MEASURES.match(found["thing"]):
                continue
            number = _number(found[name].lower())
            if 2 <= number <= 9_999 and not (pattern is _FIRST and 1900 <= number <= 2100):
                return Found(number, start, end)
    return None


def _number(written: str) -> int:
    digits = written.replace(".", "").replace(",", "")
    if digits.isdecimal():
        return int(digits)
    return _NUMBERS.get(written, 12)
