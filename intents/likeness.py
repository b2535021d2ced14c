"""How alike two texts are, and a small print by which texts that are nearly the same are found without reading all.

The print is a MinHash over four-letter shingles (Broder 1997) in eight bands of two: texts that share 80 % of their
shingles share a band in 9,997 of 10,000 cases, those that share a tenth in one of thirteen; `likeness` then decides.
"""

import zlib

ALIKE = 0.8  # Of two texts of one sentence, a changed word or two stays above it, another thing wanted does not.
_BANDS, _ROWS, _LETTERS = 8, 2, 4
_PRIME = (1 << 61) - 1
# Any fixed numbers will do, as long as they never change: prints are kept.
_FACTORS = tuple((zlib.crc32(f"a{n}".encode()) * 2 + 1, zlib.crc32(f"b{n}".encode())) for n in range(_BANDS * _ROWS))


def shingles(title: str, body: str) -> frozenset[int]:
    """The four-letter pieces of a text without case, marks and spacing."""
    plain = "".join(letter for letter in f"{title} {body}".casefold() if letter.isalnum())
    pieces = {plain[at : at + _LETTERS] for at in range(max(1, len(plain) - _LETTERS + 1))}
    return frozenset(zlib.crc32(piece.encode("utf-8", "surrogatepass")) for piece in pieces)


def likeness(one: frozenset[int], other: frozenset[int]) -> float:
    """The part of all their shingles that two texts share, between 0 and 1 (Jaccard)."""
    return len(one & other) / len(one | other)


def bands(text: frozenset[int]) -> list[int]:
    """The print: eight numbers below 2**63, each of its own band."""
    least = [min((a * shingle + b) % _PRIME for shingle in text) for a, b in _FACTORS]
    return [(zlib.crc32(f"{least[band * 2]} {least[band * 2 + 1]}".encode()) << 3) | band for band in range(_BANDS)]
