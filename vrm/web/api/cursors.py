"""Where a list goes on ↔ an opaque word. It holds a public code, never a row's number."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from vrm.web.api.problems import BadQuery
from vrm.web.api.shapes import PageQuery


class HasCode(Protocol):
    """Anything with a public name."""

    @property
    def code(self) -> str: ...


Coded = TypeVar("Coded", bound=HasCode)

_CODE = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


def seal(of: str, code: str) -> str:
    """The cursor after the item with this code, in the list named `of`."""
    return base64.urlsafe_b64encode(f"{of}:{code}".encode()).decode("ascii").rstrip("=")


def unseal(of: str, cursor: str) -> str:
    """The code inside; BadQuery when it is not a cursor of this list."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        named, _, code = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError) as error:
        raise bad() from error
    if named != of or not _CODE.fullmatch(code):
        raise bad()
    return code


def bad() -> BadQuery:
    """What to raise for a cursor that leads nowhere."""
    return BadQuery({"cursor": "This is not a cursor of this list; begin again without one."})


def part(everything: Sequence[Coded], query: PageQuery, of: str) -> tuple[Sequence[Coded], str | None]:
    """One page of a list that is short enough to be read whole, and the cursor of the next."""
    start = 0
    if query.cursor is not None:
        last = unseal(of, query.cursor)
        start = next((at + 1 for at, one in enumerate(everything) if one.code == last), -1)
        if start < 0:
            raise bad()
    found = everything[start : start + query.limit]
    more = start + query.limit < len(everything)
    return found, seal(of, found[-1].code) if more else None
