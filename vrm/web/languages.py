"""A reader → the language of the page."""

import flask_babel  # type: ignore[import-untyped] # It ships no types.
from babel.support import NullTranslations
from flask import Flask, request

from vrm.kernel.languages import LANGUAGES, SOURCE, translations
from vrm.web.visitors import somebody


def language() -> str:
    """What the reader has chosen, else what their browser asks for, else English."""
    reader = somebody()
    if reader is not None and reader.locale in LANGUAGES:
        return reader.locale
    return request.accept_languages.best_match(list(LANGUAGES), default=SOURCE) or SOURCE


class _Catalogues(dict[tuple[str, str], NullTranslations]):
    """Where Flask-Babel looks for a language before it opens files."""

    def __missing__(self, key: tuple[str, str]) -> NullTranslations:
        return translations(key[0])


def install(app: Flask) -> None:
    """Let Flask-Babel, which is set up already, take its texts from here."""
    domain = flask_babel.Domain()
    domain.cache = _Catalogues()
    app.extensions["babel"].instance.domain_instance = domain
