"""Numbers in words -> figures: "two hundred and fifty", "fünfhundert", "deux mille", "quinientos". Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vrm.kernel.names import fold

_ONES = {
    name: number
    for number, names in enumerate(
        """one a an ein eine einen un une uno una
        two zwei deux dos
        three drei trois tres
        four vier quatre cuatro
        five fünf cinq cinco
        six sechs seis
        seven sieben sept siete
        eight acht huit ocho
        nine neun neuf nueve
        ten zehn dix diez
        eleven elf onze once
        twelve zwölf douze doce
        thirteen dreizehn treize trece
        fourteen vierzehn quatorze catorce
        fifteen fünfzehn quinze quince
        sixteen sechzehn seize
        seventeen siebzehn
        eighteen achtzehn
        nineteen neunzehn""".splitlines(),
        1,
    )
    for name in fold(names).split()
}
_TENS = {
    name: ten
    for ten, names in zip(
        range(20, 100, 10),
        """twenty zwanzig vingt veinte
        thirty dreißig trente treinta
        forty fourty vierzig quarante cuarenta
        fifty fünfzig cinquante cincuenta
        sixty sechzig soixante sesenta
        seventy siebzig septante setenta
        eighty achtzig huitante ochenta
        ninety neunzig nonante noventa""".splitlines(),
        strict=True,
    )
    for name in fold(names).split()
}
_HUNDREDS = {
    "doscientos": 200, "trescientos": 300, "cuatrocientos": 400, "quinientos": 500, "seiscientos": 600,
    "setecientos": 700, "ochocientos": 800, "novecientos": 900, "ciento": 100, "cien": 100, "tenner": 10, "fiver": 5,
    "couple": 2, "paar": 2,
}  # fmt: skip
_TIMES = {
    "hundred": 100, "hundert": 100, "cent": 100, "cents": 100, "thousand": 1000, "grand": 1000, "tausend": 1000,
    "mille": 1000, "mil": 1000, "k": 1000,
}  # fmt: skip
_LUMPS = frozenset(("tenner", "fiver", "couple", "paar"))
_JOINS = frozenset(("and", "of", "und", "et", "y"))
_SMALL = {**_ONES, **_TENS, **_HUNDREDS}
_KNOWN = {**_SMALL, **dict.fromkeys(_TIMES, 0)}
_PIECES = sorted((word for word in _KNOWN if len(word) > 2), key=len, reverse=True)
_GERMAN = re.compile(rf"(?:{'|'.join(_PIECES)}|und|ein)+")
_GERMAN_PIECE = re.compile("|".join([*_PIECES, "und", "ein"]))
_WORD = re.compile(r"[^\W\d_]+")
_NEXT = re.compile(r"[ -]")


@dataclass(frozen=True, slots=True)
class Numeral:
    """`text[start:end]` says `value`; `grand` when its last word is "grand", which counts nothing but money."""

    start: int
    end: int
    value: int
    grand: bool


def numerals(text: str) -> Iterator[Numeral]:
    """Numbers in words, from left to right; "a", "one" and the like alone are none."""
    run: list[tuple[re.Match[str], str]] = []
    for word in _WORD.finditer(text):
        folded = fold(word.group())
        known = folded in _KNOWN or folded in _JOINS or (len(folded) > 6 and _GERMAN.fullmatch(folded) is not None)
        if run and not (known and _NEXT.fullmatch(text[run[-1][0].end() : word.start()])):
            yield from _numeral(run)
            run = []
        if known and (run or folded not in _JOINS):
            run.append((word, folded))
    yield from _numeral(run)


def _numeral(run: list[tuple[re.Match[str], str]]) -> Iterator[Numeral]:
    while run and run[-1][1] in _JOINS:
        run = run[:-1]
    pieces = [piece for _, folded in run for piece in ([folded] if folded in _KNOWN else _GERMAN_PIECE.findall(folded))]
    value = _value(pieces)
    if value > 1 and not (len(pieces) == 1 and pieces[0] in ("mille", "mil", "k", "cent", "cents", "paar", "couple")):
        yield Numeral(run[0][0].start(), run[-1][0].end(), value, pieces[-1] == "grand")


def _value(pieces: list[str]) -> int:
    total = part = 0
    for piece in pieces:
        if piece in _TIMES:
            part = max(part, 1) * _TIMES[piece]
            if _TIMES[piece] == 1000:
                total, part = total + part, 0
        elif piece == "vingt" and part in (4, 80):
            part = 80
        elif piece in _LUMPS:
            part = _SMALL[piece]  # "A tenner", "ein paar".
        else:
            part += _SMALL.get(piece, 1 if piece == "ein" else 0)
    return total + part
