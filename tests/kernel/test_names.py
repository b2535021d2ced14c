"""Folding names, and finding them again."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vrm.kernel.names import Named, NameIndex, fold, singular

INDEX = NameIndex(
    [
        Named(1, "Cars, Trucks & Vans", ("car", "automobile"), (3,)),
        Named(2, "Car Rental", ("car hire",), (2,)),
        Named(3, "Cat Food", (), (1,)),
        Named(4, "Motor Scooters", ("vespa",), (0,)),
    ]
)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("  Köln–Deutz ", "koln deutz"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("St. Ives", "st ives"),
        ("King’s Lynn", "kings lynn"),
        ("Cars, Trucks & Vans", "cars trucks vans"),
        ("北京", "北京"),
        ("", ""),
    ],
)
def test_names_are_folded(name: str, folded: str) -> None:
    assert fold(name) == folded


@given(st.text(max_size=40))
@example("\U0001d71c")
@example("\u1d2d")
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize(
    ("plural", "word"),
    [
        ("cars", "car"),
        ("watches", "watch"),
        ("batteries", "battery"),
        ("bus", "bus"),
        ("glass", "glass"),
        ("gas", "gas"),
    ],
)
def test_plural_endings_are_taken_off(plural: str, word: str) -> None:
    assert singular(plural) == word


def test_a_search_ranks_whole_names_then_beginnings_then_words_then_parts() -> None:
    assert INDEX.search("car", limit=9) == [1, 2]
    assert INDEX.search("ca", limit=9) == [3, 2, 1]
    assert INDEX.search("foo", limit=9) == [3]
    assert INDEX.search("oot", limit=9) == [4]
    assert INDEX.search("c", limit=1) == INDEX.search("c", limit=1) == [3]
    assert INDEX.search("", limit=2) == [4, 3]


def test_close_names_are_found_by_spelling_and_by_shared_words() -> None:
    assert INDEX.close_to("automobil", limit=3)[0] == 1
    assert INDEX.close_to("atomobile", limit=3) == [1]
    assert INDEX.close_to("second hand car", limit=3) == [1]
    assert INDEX.close_to("?!", limit=3) == []
