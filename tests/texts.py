"""The texts that code and templates hold, as `make texts` collects them."""

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir

VRM = Path(__file__).parent.parent / "vrm"
_METHODS = [("web/**.py", "python"), ("research/charts/**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.do", "trimmed": "true"}}
_KEYWORDS = {"_": None, "later": None, "say": None, "gettext": None, "ngettext": (1, 2)}


def collected() -> Iterator[Message]:
    """Each text once."""
    found = Catalog()
    for _file, _line, text, _comments, _context in extract_from_dir(
        VRM, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
    ):
        found.add(text)
    return (message for message in found if message.id)
