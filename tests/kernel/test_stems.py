"""Words as people write them, and the needles that find them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrm.kernel import stems


@pytest.mark.parametrize(
    ("text", "phrase", "language", "found"),
    [
        ("Two red cars", "car", "en", True),
        ("Two red cars", "car", None, False),
        ("Two red cars", "cars", None, True),
        ("Two red cars", "Red Car", "en", True),
        ("Two red cars", "two cars", "en", False),
        ("Gebrauchte Räder", "Rad", "de", True),
        ("Gebrauchte Räder", "rad", "en", False),
        ("Voitures électriques", "voiture electrique", "fr", True),
        ("elderly care", "car", "en", False),
        ("scar", "car", "en", False),
        ("A carpet", "car", "en", False),
        ("自転車が欲しい", "自転車", None, True),
        ("C++ and C#", "c", None, True),
        ("Two red cars", "car", "en-GB", True),
        ("due macchine", "macchine", "it", True),
    ],
)
def test_a_needle_finds_the_words_that_a_reader_would(text: str, phrase: str, language: str, found: bool) -> None:
    assert (stems.needle(phrase, language) in stems.said(text, "")) == found


def test_no_phrase_runs_from_the_title_into_the_description() -> None:
    assert stems.needle("red car", "en") not in stems.said("red", "car")


@pytest.mark.parametrize("nothing", ["", "  ", "!!!", "…", "_"])
def test_punctuation_alone_is_nothing_to_look_for(nothing: str) -> None:
    assert stems.needle(nothing, "en") == ""


@given(st.text(), st.sampled_from(["en", "de", "fr", "es", None]))
def test_every_word_of_a_text_is_found_in_it_and_among_its_anchors(text: str, language: str | None) -> None:
    said, anchors = stems.said(text, ""), stems.anchors(text)
    for word in stems.words_of(text):
        assert stems.needle(word, language) in said
        assert stems.anchor(word, language) in anchors
