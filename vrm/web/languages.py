"""A reader → the language of the page; the catalogues in vrm/translations/, read as they are committed.

They are compiled in memory when the first reader asks for the language, so that a checkout works as it is.
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

import flask_babel  # type: ignore[import-untyped] # It ships no types.
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, request

from vrm.web.visitors import somebody

FOLDER = Path(__file__).parent.parent / "translations"
SOURCE = "en"  # The language in which the texts are written in templates and code.
LANGUAGES = {SOURCE: "English", "de": "Deutsch"}


def language() -> str:
    """What the reader has chosen, else what their browser asks for, else English."""
    reader = somebody()
    if reader is not None and reader.locale in LANGUAGES:
        return reader.locale
    return request.accept_languages.best_match(list(LANGUAGES), default=SOURCE) or SOURCE


def catalogue(code: str) -> Catalog:
    """The committed translations into one language."""
    with (FOLDER / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


@lru_cache(maxsize=8)
def _translations(code: str) -> NullTranslations:
    if code not in LANGUAGES or code == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue(code))
    compiled.seek(0)
    return Translations(compiled)


class _Catalogues(dict[tuple[str, str], NullTranslations]):
    """Where Flask-Babel looks for a language before it opens files."""

    def __missing__(self, key: tuple[str, str]) -> NullTranslations:
        return _translations(key[0])


def install(app: Flask) -> None:
    """Let Flask-Babel, which is set up already, take its texts from here."""
    domain = flask_babel.Domain()
    domain.cache = _Catalogues()
    app.extensions["babel"].instance.domain_instance = domain
