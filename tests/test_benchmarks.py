"""The table that every benchmark prints."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

_TABLE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "_table.py"))
at_least, at_most, line, tell = (_TABLE[name] for name in ("at_least", "at_most", "line", "tell"))


def test_people_read_figure_target_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        tell(
            [line("posts", 12345, "/s"), at_least("ratio", 0.61237, 0.5), at_most("wait", 90, 100, "ms")], as_json=False
        )
    assert ended.value.code == 0
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["posts", "12345", "/s"],
        ["ratio", "0.6124", "×", "≥", "0.5", "met"],
        ["wait", "90", "ms", "≤", "100", "met"],
    ]


@pytest.mark.parametrize("missed", [at_least("ratio", 0.49, 0.5), at_most("wait", 101.0, 100)])
def test_a_target_that_is_missed_fails_the_run(missed: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (True, False):
        with pytest.raises(SystemExit) as ended:
            tell([missed, line("posts", 1)], as_json=as_json)
        assert ended.value.code == 1
        out = capsys.readouterr().out
        assert json.loads(out)[0] == missed if as_json else "MISSED" in out
