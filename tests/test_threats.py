"""SECURITY.md names a test for each threat, and that test exists."""

import ast
import re
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_ROW = re.compile(r"^\| ([STRIDE]) \|.*\| `([^`|]+)` \|$", re.M)


def test_every_threat_names_a_test_that_exists() -> None:
    said = (_ROOT / "SECURITY.md").read_text("utf-8")
    rows = _ROW.findall(said)
    assert len(rows) == len(re.findall(r"^\| [STRIDE] \|", said, re.M)) > 35
    assert {kind for kind, _ in rows} == set("STRIDE")
    for _, named in rows:
        file, _, test = named.partition("::")
        assert (_ROOT / file).is_file(), named
        if test:
            tree = ast.parse((_ROOT / file).read_text("utf-8"))
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, named
