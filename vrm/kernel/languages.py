"""A language → its texts: the catalogues in vrm/translations/, read as they are committed.

They are compiled in memory when the first reader asks for the language, so that a checkout works as it is.
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

FOLDER = Path(__file__).parent.parent / "translations"
SOURCE = "en"  # The language in which the texts are written in templates and code.
LANGUAGES = {SOURCE: "English", "de": "Deutsch"}


def catalogue(code: str) -> Catalog:
    """The committed translations into one language."""
    with (FOLDER / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


@lru_cache(maxsize=8)
def translations(code: str) -> NullTranslations:
    """The texts in this language; of one that we do not speak, and of none, in English."""
    if code not in LANGUAGES or code == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue(code))
    compiled.seek(0)
    return Translations(compiled)


def spoken(code: str) -> str:
    """The language itself where we speak it; else English."""
    return code if code in LANGUAGES else SOURCE


def later(text: str) -> str:
    """Marks a text that stands in a table: `make texts` finds it, and it is translated when it is said."""
    return text
