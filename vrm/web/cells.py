"""A value → a cell of a CSV file that no spreadsheet takes for a formula."""

import json

from vrm.kernel.text import defused


def cell(value: object) -> object:
    """A value as it stands in a table; a list or an object as JSON."""
    return defused(json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value)
