"""Words with slips, and numbers in words."""

import pytest

from intents.numerals import numerals
from intents.slips import Spelling, slips


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [("wardrobe", "wardrobe", 0), ("wardorbe", "wardrobe", 1), ("wahsing", "washing", 1), ("machien", "machine", 1),
     ("fridge", "frigde", 1), ("photograper", "photographer", 1), ("bycicle", "bicycle", 2), ("sofa", "piano", 3)],
)  # fmt: skip
def test_slips_are_counted(one: str, other: str, apart: int) -> None:
    assert slips(one, other, 2) == slips(other, one, 2) == apart


def test_a_word_that_nobody_knows_is_the_nearest_that_somebody_does() -> None:
    spelling = Spelling(["wardrobe", "washing machine", "fridge", "garden", "harden"])
    assert spelling.nearest("wardorbe") == "wardrobe"
    assert spelling.nearest("fridge") is None  # Right as it is.
    assert spelling.nearest("ardrobe") is None  # Almost nobody mistypes the first letter.
    assert spelling.nearest("gradne") is None  # Two slips in a short word.
    assert spelling.nearest("") is None
    assert spelling.nearest("sofa") is None


@pytest.mark.parametrize(
    ("text", "values"),
    [("under two grand", [2000]), ("two hundred and fifty quid", [250]), ("fünfhundert Euro", [500]),
     ("zweitausendfünfhundert", [2500]), ("deux cents euros", [200]), ("quatre-vingt euros", [80]),
     ("quinientos pavos", [500]), ("dos mil", [2000]), ("a tenner", [10]), ("a sofa and one chair", []),
     ("fifty-five", [55]), ("twenty chairs, thirty tables", [20, 30]), ("mil", []), ("", [])],
)  # fmt: skip
def test_numbers_in_words(text: str, values: list[int]) -> None:
    assert [spelt.value for spelt in numerals(text)] == values
