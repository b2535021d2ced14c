"""Bytes of a request → one JSON value, or a sentence why not. Stricter than `json.loads`, as RFC 8259 is."""

import json
import math
from typing import Any

DEEPEST = 32
LARGEST = 256 * 1024  # Bytes of a body.


class NotJson(ValueError):
    """The bytes are not the JSON that we read; `str()` is a sentence."""


def parse(body: bytes) -> Any:
    """The value. NotJson for anything but UTF-8 JSON without NaN, lone surrogates, repeated keys and deep nesting."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"The body is not UTF-8: byte {error.start} begins no character.") from error
    if not text.strip(" \t\n\r"):
        raise NotJson("The body is empty; send a JSON object.")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_float)
    except RecursionError as error:
        raise NotJson(_TOO_DEEP) from error
    except json.JSONDecodeError as error:
        raise NotJson(f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.") from error
    except NotJson:
        raise
    except ValueError as error:  # Python refuses to read whole numbers of more than 4,300 digits.
        raise NotJson("The body holds a number with thousands of digits; write a smaller one.") from error
    _check(value)
    return value


_TOO_DEEP = f"The body is nested more than {DEEPEST} levels deep; make it flatter."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotJson(f"The key {json.dumps(twice[:60])} occurs twice in one object; send it once.")
    return found


def _no_constant(name: str) -> Any:
    raise NotJson(f"{name} is not JSON; leave the field out, or write null.")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotJson(f"{digits[:20]} is too large a number.")
    return number


def _check(value: Any) -> None:
    """Walk the value without recursion: depth, and text that UTF-8 cannot hold."""
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        here, depth = todo.pop()
        if isinstance(here, str):
            if any("\ud800" <= letter <= "\udfff" for letter in here):
                raise NotJson("The body holds half of a surrogate pair (\\ud800 to \\udfff), which is no character.")
        elif isinstance(here, dict | list):
            if depth >= DEEPEST:
                raise NotJson(_TOO_DEEP)
            if isinstance(here, dict):
                todo += [(key, depth) for key in here]
                todo += [(inner, depth + 1) for inner in here.values()]
            else:
                todo += [(inner, depth + 1) for inner in here]
