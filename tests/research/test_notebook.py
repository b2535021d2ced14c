"""docs/measuring.ipynb, run cell by cell over a snapshot: by hand, with numpy alone, it comes to what was published."""

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from research_leads import answered, as_csv, lead, market

from vrm.research.metrics import measure
from vrm.research.table import read_csv

NOTEBOOK = Path(__file__).parents[2] / "docs/measuring.ipynb"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_notebook_comes_to_the_published_figures(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = [answered(-5), answered(9, actor="auto"), lead(closed_after_s=60)]
    rows = [*market(seed), *(replace(row, snapshot_id="live") for row in odd)]
    (tmp_path / "tables").mkdir()
    (tmp_path / "leads.csv").write_text(as_csv(rows), encoding="utf-8")
    published = {"all": measure(read_csv(tmp_path / "leads.csv")).as_json()}
    (tmp_path / "tables/measures.json").write_text(json.dumps(published), encoding="utf-8")
    monkeypatch.setenv("SNAPSHOT", str(tmp_path))
    known: dict[str, Any] = {}
    shown: object = None
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            shown = run("".join(cell["source"]), known)
    assert shown == (True, True)
    assert "24 h: 0." in capsys.readouterr().out


def run(code: str, known: dict[str, Any]) -> object:
    """What a notebook shows below the cell: the value of its last line, where that has one."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "measuring.ipynb", "exec"), known)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "measuring.ipynb", "eval"), known)
