"""A value → a cell of a CSV file that no spreadsheet takes for a formula."""

import json


def cell(value: object) -> object:
    """A value as it stands in a table: none of them is a formula (OWASP, CSV injection)."""
    plain = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
    return f"'{plain}" if isinstance(plain, str) and plain.startswith(("=", "+", "-", "@", "\t", "\r")) else plain
