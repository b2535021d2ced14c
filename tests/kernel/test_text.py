"""What people type is stored as they mean it, or refused with a sentence that names the field."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrm.kernel import text
from vrm.kernel.errors import BadInput

NAUGHTY = ["\x00", "a\x00b", "\ud800", "x\udfff", "\ufffe", "\uffff", "\ufdd0", "bell\x07", "\x1b[31m", "\x7f", "\x9b"]
FINE = [
    "Toyota Yaris",
    "مكتب دراسة",
    "ספר",
    "自転車",
    "Käsefüße",
    "👩‍👩‍👧‍👦 bike",
    "<script>alert(1)</script>",
    "'; DROP TABLE",
    "%s {0} ${x}",
]


def line(value: str, *, most: int = 200, least: int = 1) -> str:
    return text.line(value, field="title", label="The title", most=most, least=least)


def prose(value: str, *, most: int = 200) -> str:
    return text.prose(value, field="body", label="The description", most=most)


@pytest.mark.parametrize("value", FINE)
def test_every_script_and_every_emoji_is_kept(value: str) -> None:
    assert line(value) == value
    assert prose(value) == value


@pytest.mark.parametrize("value", NAUGHTY)
def test_what_no_store_or_screen_takes_is_refused_in_words(value: str) -> None:
    with pytest.raises(BadInput, match="The title holds characters that cannot be shown"):
        line(value)
    with pytest.raises(BadInput, match="The description holds characters that cannot be shown"):
        prose(value)


def test_a_line_that_turns_the_reading_round_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot be shown"):
        line("photo\u202egpj.exe")


@pytest.mark.parametrize("value", ["", "   ", "\n\t", "\u200b\u200b", "\u00a0", "\u2060\ufeff", "\u0301"])
def test_a_line_in_which_nothing_can_be_seen_is_missing(value: str) -> None:
    with pytest.raises(BadInput, match="The title is missing; please fill it in"):
        line(value)


def test_an_optional_line_may_be_empty() -> None:
    assert line("  ", least=0) == ""


def test_a_line_is_trimmed_and_its_runs_of_white_space_are_joined() -> None:
    assert line("  Toyota \t\n Yaris\u2028now ") == "Toyota Yaris now"


def test_letters_that_are_written_in_two_ways_are_stored_in_one() -> None:
    assert line("Cafe\u0301") == "Café"
    assert prose("Cafe\u0301") == "Café"


def test_a_title_of_eight_thousand_characters_is_told_how_long_it_may_be() -> None:
    with pytest.raises(BadInput, match="The title has 8,000 characters; please use at most 200") as refused:
        line("x" * 8_000)
    assert list(refused.value.problems) == ["title"]


def test_length_is_counted_in_characters_not_in_bytes() -> None:
    assert line("😀" * 200) == "😀" * 200
    with pytest.raises(BadInput, match="201 characters"):
        line("😀" * 201)


def test_prose_keeps_its_lines_however_they_end() -> None:
    assert prose("\n one\r\ntwo\rthree\n\nfour\tfive \n") == "one\ntwo\nthree\n\nfour\tfive"


def test_prose_may_be_empty_but_not_longer_than_agreed() -> None:
    assert prose("  \n ") == ""
    with pytest.raises(BadInput, match="has 201 characters; please use at most 200"):
        prose("y" * 201)


@given(st.text())
def test_what_is_accepted_is_stored_the_same_when_it_comes_again(value: str) -> None:
    for read in (line, prose):
        try:
            stored = read(value)
        except BadInput:
            continue
        assert read(stored) == stored
        assert unicodedata.is_normalized("NFC", stored)
        stored.encode()


# --- Mail addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ana@example.org", "ana@example.org"),
        (" Ana@Example.ORG ", "ana@example.org"),
        ("ana+wants@example.co.uk", "ana+wants@example.co.uk"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("jose\u0301@example.org", "josé@example.org"),
        ("a@b.co", "a@b.co"),
        # One mailbox, however it is written: wide letters and dots, punycode, capitals that have no sign of their own.
        ("ana@ｂücher。example", "ana@xn--bcher-kva.example"),
        ("ANA@XN--BCHER-KVA.Example", "ana@xn--bcher-kva.example"),
        ("ana@bu\u0308cher.example", "ana@xn--bcher-kva.example"),
        ("J\u030c@example.org", "\u01f0@example.org"),
        ("\u01f0@example.org", "\u01f0@example.org"),
        # Others, which do not look the same.
        ("анна@пример.рф", "анна@xn--e1afmkfd.xn--p1ai"),
        ("ana.петрова@example.org", "ana.петрова@example.org"),
        ("ana@exаmple.org", "ana@xn--exmple-4nf.org"),  # A Cyrillic а is seen by its spelling.
    ],
)
def test_an_address_is_stored_in_one_form(typed: str, stored: str) -> None:
    assert text.mail_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "", "ana", "@", "ana@", "@example.org", "ana@localhost", "ana@example", "ana@@example.org", "a b@example.org",
        "ana@exa mple.org", "ana@example..org", "ana@-example.org", "ana@example.org.", "a..b@example.org",
        "ana@127.0.0.1", "ana@[127.0.0.1]", '"ana"@example.org', "ana@example.org\nBcc: x@example.org",
        "a\x00@example.org",
        "a\x7f@example.org", "\ud800@example.org", "ana@\ud800.org", "a\u202eb@example.org",
        "ana@example.org,b@example.org",
        "ana.@example.org", ".ana@example.org", "an\u200ba@example.org", "ana\u00ad@example.org",
        "\u200eana@example.org", "ana\u3164@example.org", "ana\ufe0f@example.org", "ana@exam\u200bple..org",
        "<ana@example.org>", "x" * 65 + "@example.org", "ana@" + "x" * 64 + ".org", "ana@" + "a." * 150 + "org",
        "x" * 100_000 + "@example.org", "ana@" + "ü" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_words(typed: str) -> None:
    with pytest.raises(BadInput, match=r"it should look like ana@example\.org") as refused:
        text.mail_address(typed)
    assert list(refused.value.problems) == ["email"]


@pytest.mark.parametrize("local", ["аna", "anа", "αna", "ａna", "𝐚na", "bob.аna"], ids=ascii)
def test_an_address_that_dresses_up_as_another_is_refused_in_words(local: str) -> None:
    with pytest.raises(BadInput, match="letters of several alphabets"):
        text.mail_address(f"{local}@example.org")


@given(st.one_of(st.text(), st.builds("{}@{}.org".format, st.text(max_size=8), st.text(max_size=8)), st.emails()))
def test_any_text_is_an_address_in_its_one_form_or_is_refused(value: str) -> None:
    try:
        stored = text.mail_address(value)
    except BadInput:
        return
    assert text.mail_address(stored) == stored
    stored.encode()
    assert len(stored) <= 254
