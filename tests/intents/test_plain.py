"""Whatever a stranger writes becomes plain text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.plain import plain_line, plain_text

HOSTILE_TITLES = [
    "<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;img src=x onerror=alert(1)&amp;gt;",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<<b>script>alert(1)<</b>/script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<\x01script>",
    "&#60;iframe src=javascript:alert(1)&#62;",
    "<a href='javascript:alert(1)'>x</a>",
    "<!--><script>alert(1)</script>-->",
    '<math><mi//xlink:href="data:x,<script>alert(4)</script>">',
    "<title><style><script>alert(1)",
    "<plaintext><x",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php x",
    "</p",
    "&lt" + ";" + "b",
    "&LT;b onclick=x&GT;",
]


@pytest.mark.parametrize("title", HOSTILE_TITLES)
def test_no_hostile_title_leaves_a_tag(title: str) -> None:
    for plain in (plain_line(title, most=200), plain_text(title, most_bytes=20_000)):
        assert not any(f"<{sign}" in plain.lower() for sign in "abcdefghijklmnopqrstuvwxyz/!?")


def test_a_title_cannot_turn_the_direction_of_the_page() -> None:
    assert plain_line("abc\u202etxt.exe\u2066\u200f!", most=200) == "abctxt.exe!"


def test_text_without_tags_keeps_its_signs() -> None:
    assert plain_text("a < b & c <3 AT&amp;T", most_bytes=100) == "a < b & c <3 AT&T"


@given(st.text(alphabet=st.characters(codec=None)) | st.text(alphabet="<>&;#xlt/!ab \u0338\x00\u202e\n'\"="))
def test_plain_text_never_raises_never_leaves_a_tag_and_is_stable(source: str) -> None:
    for plain in (plain_text(source, most_bytes=500), plain_line(source, most=50)):
        plain.encode()
        assert not any(f"<{sign}" in plain.lower() for sign in "abcdefghijklmnopqrstuvwxyz/!?")
        assert not any(ord(letter) < 32 and letter != "\n" for letter in plain)
    assert len(plain_text(source, most_bytes=500).encode()) <= 500
    assert len(plain_line(source, most=50)) <= 50


def test_paragraphs_and_lines_stay_apart() -> None:
    source = "<p>one</p>\n<p>two<br />and\nthree</p><ul><li>a</li>\n<li>b</li></ul><div>x</div>y"
    assert plain_text(source, most_bytes=1_000) == "one\n\ntwo\nand three\n\na\nb\n\nx\ny"


def test_a_cut_never_splits_a_character() -> None:
    assert plain_text("é" * 10, most_bytes=10) == "ééé…"
    assert plain_line("word " * 10, most=11) == "word word…"
