"""Bytes → JSON: what is refused, and that nothing else is."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrm.web.api.strict import NotJson, parse

CORPORA = os.environ.get("VRM_CORPORA")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"a": NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "too large"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": {"b": 1, "b": 1}}', "twice"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"\xff", "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 33 + b"]" * 33, "32 levels"),
        (b"[" * 100_000, "32 levels"),
        (b"[" + b"9" * 5_000 + b"]", "digits"),
        (b"{'a': 1}", "not JSON"),
        (b'["\x00"]', "not JSON"),
        (b"[1,]", "not JSON"),
    ],
)
def test_it_is_refused_with_a_sentence(body: bytes, word: str) -> None:
    with pytest.raises(NotJson, match=word):
        parse(body)


def test_thirty_two_levels_are_read() -> None:
    assert parse(b"[" * 32 + b"]" * 32)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'["\\ud83d\\ude97"]') == ["🚗"]


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_what_json_can_say_is_read_unchanged(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(NotJson):
        json.dumps(parse(body), allow_nan=False).encode()


def test_the_minefield_of_parsers_is_crossed() -> None:
    if CORPORA is None:
        pytest.skip("VRM_CORPORA does not say where other people's files are.")
    files = sorted((Path(CORPORA) / "json").rglob("*.json"))
    assert files
    for file in files:
        try:
            parse(file.read_bytes())
        except NotJson:
            # A repeated key is JSON by the letter (RFC 8259 §4), and no two readers agree on what it says.
            assert not file.name.startswith("y_") or "duplicated_key" in file.name, file.name
        else:
            assert not file.name.startswith("n_"), file.name
