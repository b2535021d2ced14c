"""The drawing says what the numbers say, to eyes and to screen readers, in the colours of its page."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrm.research.figures import MARKS_S, Texts, curve_rows, response_curve
from vrm.research.survival import Curve, kaplan_meier, share_by

SVG = "{http://www.w3.org/2000/svg}"


def curve_of(*waits: tuple[int, bool], followed_s: int | None = None) -> Curve:
    t_s = np.array([t for t, _ in waits], dtype=np.int64)
    return kaplan_meier(t_s, np.array([d for _, d in waits], dtype=np.bool_), followed_s=followed_s)


MANY = curve_of(*((60 * i, i % 3 != 0) for i in range(1, 61)))
FEW = curve_of((30, True), (600, False), (9_000, True), (9_500, False))


def drawn(curve: Curve, **choices: object) -> ET.Element:
    return ET.fromstring(response_curve(curve, ident="c", **choices))  # type: ignore[arg-type]


def classes(svg: ET.Element) -> set[str]:
    return {path.get("class", "") for path in svg.iter(f"{SVG}path")} - {""}


def test_the_drawing_has_a_title_and_a_description_that_say_the_numbers() -> None:
    svg = drawn(MANY)
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "c-title c-desc"
    assert svg.find(f"{SVG}title[@id='c-title']") is not None
    desc = svg.find(f"{SVG}desc[@id='c-desc']")
    assert desc is not None
    found = share_by(MANY, 300)
    assert found is not None
    assert desc.text is not None
    assert "60 leads." in desc.text
    low, high = (f"{100 * limit:.0f} %" for limit in (found.low, found.high))
    assert f"{100 * found.estimate:.0f} % answered within 5 min (95 % interval {low} to {high})." in desc.text


def test_a_band_that_does_not_exist_is_neither_drawn_nor_said() -> None:
    text = response_curve(curve_of((60, True), followed_s=90_000), ident="c")
    assert "figure-band" not in text
    assert "interval" not in text


def test_the_line_is_grey_and_dashed_where_fewer_than_10_wait() -> None:
    assert classes(drawn(MANY)) == {"figure-line", "figure-few", "figure-band"}
    assert classes(drawn(FEW)) == {"figure-few", "figure-band"}
    assert "figure-line" in classes(drawn(curve_of(*((600, i < 5) for i in range(10)))))
    assert "figure-line" not in classes(drawn(curve_of(*((600, i < 5) for i in range(9)))))


def test_the_line_ends_at_the_last_follow_up() -> None:
    half_way = curve_of((60, True), (3_600, False), (3_600, False))
    (line,) = (path for path in drawn(half_way).iter(f"{SVG}path") if path.get("class") == "figure-few")
    xs = [float(x) for x in re.findall(r"[ML]([\d.]+) ", line.get("d", ""))]
    assert max(xs) == 458  # The right end of the axis, which is the hour.
    assert [row.mark for row in curve_rows(half_way)] == ["1 min", "5 min", "1 h"]


def test_the_numbers_below_the_axis_are_the_leads_at_risk() -> None:
    words = [text.text for text in drawn(FEW).iter(f"{SVG}text")]
    rows = curve_rows(FEW)
    assert [(row.mark, row.at_risk) for row in rows] == [("10 s", 4), ("1 min", 3), ("5 min", 3), ("1 h", 2)]
    assert words[words.index("10 s") :][:2] == ["10 s", "4"]


def test_colours_are_those_of_the_page_and_nothing_is_fetched() -> None:
    text = response_curve(MANY, ident="c")
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', text))
    assert colours <= {"none", "currentColor"} | {
        f"var(--figure-{name}, currentColor)" for name in ("line", "band", "few", "grid")
    }
    assert not re.search(r"style=|<style|<script|url\(|href", text)
    assert text.count("http") == 1  # The name space.


def test_words_can_be_translated_and_are_escaped() -> None:
    svg = response_curve(FEW, ident="c", texts=Texts(title="Antworten <&>", at_risk="warten noch"))
    assert "Antworten &lt;&amp;&gt;" in svg
    assert "warten noch" in svg


def test_a_long_table_is_a_small_drawing() -> None:
    rng = np.random.default_rng(7)
    waits = rng.integers(1, 3_000_000, 200_000)
    assert len(response_curve(kaplan_meier(waits, rng.random(200_000) < 0.6), ident="c")) < 40_000


@pytest.mark.parametrize("curve", [curve_of(), curve_of((0, True)), curve_of((0, False)), curve_of((5, False))])
def test_the_least_curves_are_drawings_too(curve: Curve) -> None:
    assert drawn(curve).tag == f"{SVG}svg"


def test_no_curve_is_drawn_of_nobody() -> None:
    svg = drawn(curve_of())
    assert classes(svg) == set()
    assert any("Nothing to draw yet" in (text.text or "") for text in svg.iter(f"{SVG}text"))


@given(st.lists(st.tuples(st.integers(0, MARKS_S[-1] * 2), st.booleans()), max_size=40))
def test_any_curve_stays_inside_its_drawing(waits: list[tuple[int, bool]]) -> None:
    svg = drawn(curve_of(*waits))
    _, _, width, height = (float(side) for side in svg.get("viewBox", "").split())
    for path in svg.iter(f"{SVG}path"):
        if path.get("class"):
            for x, y in re.findall(r"[ML]([-\d.e+]+) ([-\d.e+]+)", path.get("d", "")):
                assert 0 <= float(x) <= width
                assert 0 <= float(y) <= height
