"""Every figure says its numbers to eyes and to screen readers, of much and of nothing, and never NaN."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from research_hours import placed_leads
from research_leads import PATHS, PLACES, answered, lead, market

from vrm.research import charts
from vrm.research.charts import Figure, Material
from vrm.research.drawing import standalone
from vrm.research.hours import NO_WEEKS, Week, weeks_of
from vrm.research.release import roll_up
from vrm.research.table import LeadRow, from_rows


def dealt(rows: list[LeadRow]) -> list[LeadRow]:
    """The same with arms by want."""
    return [
        replace(row, arm="new" if int(row.intent_id[1:]) % 2 else "control", randomisation_block="b") for row in rows
    ]


MUCH = Material(
    roll_up(from_rows(dealt(market())), PATHS, PLACES).table,
    weeks_of(placed_leads((hour, 12, 0, hour % 13) for hour in range(100))),
    {"v1": "Airedale <Autos> & Söhne", "v2": "Bristol Cars"},
)
NOTHING = Material(from_rows([]), NO_WEEKS, {})
ONE = Material(from_rows([lead()]), NO_WEEKS, {"v1": "One"})
ALL_AT_ONCE = Material(
    from_rows([answered(0) for _ in range(12)]), dict(NO_WEEKS) | {"calendar": Week((), 12, 12)}, {"v1": "One"}
)


def drawn(material: Material, name: str) -> Figure:
    figure = material.figure(name)
    for width in (300, 560):
        svg = ET.fromstring(figure.draw("f", width))
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby") == "f-title f-desc"
        assert [child.tag.rpartition("}")[2] for child in svg][:2] == ["title", "desc"]
        assert svg[0].text
        assert "nan" not in ET.tostring(svg, encoding="unicode").lower()
    alone = ET.fromstring(standalone(figure.draw("f", 560)).encode())
    assert "prefers-color-scheme" in ET.tostring(alone, encoding="unicode")
    assert "nan" not in figure.as_csv().lower().replace("finance", "")
    assert all(len(row) == len(figure.table.columns) for row in figure.table.rows)
    return figure


@pytest.mark.parametrize("name", charts.NAMES)
def test_a_figure_of_much_has_numbers(name: str) -> None:
    figure = drawn(MUCH, name)
    assert figure.n > 0
    assert figure.table.rows
    assert figure.definition


@pytest.mark.parametrize("name", charts.NAMES)
@pytest.mark.parametrize("material", [NOTHING, ONE, ALL_AT_ONCE], ids=["nothing", "one", "all at once"])
def test_a_figure_of_little_is_drawn_all_the_same(material: Material, name: str) -> None:
    drawn(material, name)


def test_the_funnel_goes_down_and_its_bounds_hold() -> None:
    rows = MUCH.figure("reach").table.rows
    lows = [row[1] for row in rows]
    assert lows == sorted(lows, reverse=True) or lows[3] < lows[4]
    assert all(row[1] <= row[2] for row in rows)  # type: ignore[operator] # Counts.


def test_bins_sum_to_all_mature_leads_beside_hbr() -> None:
    figure = MUCH.figure("bins")
    counts = [row[1] for row in figure.table.rows]
    assert sum(counts[:6]) == sum(counts[6:]) == figure.n  # type: ignore[arg-type] # Counts.
    assert [row[5] for row in figure.table.rows[6:]] == [0.37, 0.16, 0.24, 0.23]


def test_scores_are_in_alphabetical_order_and_name_only_who_may_be_named() -> None:
    named = [row[0] for row in MUCH.figure("scores").table.rows]
    assert named == ["Airedale <Autos> & Söhne", "Bristol Cars"]
    assert "<Autos>" not in MUCH.figure("scores").draw("f", 560)


def test_no_cell_of_the_map_is_small() -> None:
    assert all(row[2] >= 11 for row in MUCH.figure("places").table.rows)  # type: ignore[operator] # Counts.


def test_figures_translate_every_word() -> None:
    said: list[str] = []

    def say(words: str, **named: object) -> str:
        said.append(words)
        return charts.plain(words, **named)

    for name in charts.NAMES:
        Material(MUCH.leads, MUCH.weeks, MUCH.names, say).figure(name).draw("f", 300)
    assert len(set(said)) > 100


def test_there_is_no_other_figure() -> None:
    with pytest.raises(Exception, match="no such figure"):
        MUCH.figure("pie")
