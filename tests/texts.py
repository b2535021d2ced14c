"""The texts that code and templates hold, as `make texts` collects them."""

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

ROOT = Path(__file__).parent.parent
with (ROOT / "vrm/translations/babel.cfg").open() as file:
    _METHODS, _OPTIONS = parse_mapping_cfg(file)
_KEYWORDS = {"_": None, "later": None, "say": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}


def collected() -> Iterator[Message]:
    """Each text once."""
    found = Catalog()
    for _file, _line, text, _comments, context in extract_from_dir(
        ROOT, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
    ):
        found.add(text, context=context)
    return (message for message in found if message.id)
