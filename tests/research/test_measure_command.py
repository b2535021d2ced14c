"""`vrm measure --leads` as people run it: the table of shares, and the sentences below it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from research_leads import DAY, answered, as_csv, lead, undelivered

from vrm.cli import main
from vrm.research.table import LeadRow


def run(rows: list[LeadRow], folder: Path, *choices: str) -> Result:
    file = folder / "leads.csv"
    file.write_text(as_csv(rows), encoding="utf-8")
    return CliRunner().invoke(main, ["measure", "--leads", str(file), *choices])


def trial(intents: int) -> list[LeadRow]:
    rows = []
    for i in range(intents):
        differs = {"intent_id": f"i{i}", "arm": "new" if i % 2 else "control"}
        rows += [answered(60 + i, **differs)] * (i % 3 == 0) + [lead(**differs), answered(3_000, **differs)]
    return rows


def test_the_effects_between_arms_are_told_in_points(tmp_path: Path) -> None:
    said = run(trial(24), tmp_path, "--by", "arm").output
    assert "Do the groups answer alike? Log-rank: plain p = " in said
    assert "by intents p = " in said
    assert "new − control, answered ≤ 1 h: +0.0 points (-" in said
    assert "randomisation p = 1." in said


def test_between_few_intents_there_is_no_interval(tmp_path: Path) -> None:
    said = run(trial(6), tmp_path, "--by", "arm").output
    assert "answered ≤ 24 h: +0.0 points, randomisation p = 1." in said


def test_closing_that_matters_is_printed_both_ways(tmp_path: Path) -> None:
    rows = [lead(closed_after_s=60) for _ in range(10)] + [answered(120) for _ in range(10)]
    said = run(rows, tmp_path).output
    assert "by more than 2 points" in said
    assert "Counted so: ≤ 5 min 50% (" in said
    assert "Log-rank" not in said


def test_vendors_have_a_score_or_not_enough_data(tmp_path: Path) -> None:
    rows = [lead(vendor_id="many") for _ in range(12)] + [answered(5, vendor_id="few")]
    scores = {
        group["group"]: group["score"]
        for group in json.loads(run(rows, tmp_path, "--by", "vendor", "--json").output)["groups"]
    }
    assert scores["few"] == "not enough data"
    assert (scores["many"]["rank_low"], scores["many"]["rank_high"]) == (1, 1)
    assert "score" in run(rows, tmp_path, "--by", "vendor").output


@pytest.mark.parametrize(
    "rows",
    [[], [lead()], [lead(observed_s=5), lead(observed_s=9)], [answered(0, observed_s=0)], [lead(observed_s=-DAY)]],
)
@pytest.mark.parametrize("by", [None, "category", "region", "channel", "vendor", "arm"])
def test_the_least_tables_are_measured_without_a_nan(rows: list[LeadRow], by: str | None, tmp_path: Path) -> None:
    choices = [] if by is None else ["--by", by]
    for shown in ([], ["--json"]):
        result = run(rows, tmp_path, *choices, *shown)
        assert result.exit_code == 0, result.output
        assert "nan" not in result.output.lower()


def test_what_was_left_out_or_looked_odd_is_told_with_its_row(tmp_path: Path) -> None:
    rows = [answered(-5), answered(50, seen_after_s=-3), undelivered()]
    said = run(rows, tmp_path).output
    assert "In no denominator, of 3 leads: negative clock 1, undelivered 1." in said
    assert "Row 2: response_after_s is -5, which is before the start of its clock; the lead is left out." in said
    assert "Row 3: seen_after_s is -3" in said


def test_a_figure_is_told_by_its_numbers_and_hours_are_not_in_a_table_of_leads(tmp_path: Path) -> None:
    assert "What a wait comes to, n = 1" in run([answered(50)], tmp_path, "--figure", "ends").output
    assert "A table of leads has no clock" in run([answered(50)], tmp_path, "--figure", "week").output
