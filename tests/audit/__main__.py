"""`make audit`: bandit and semgrep read the source; each finding is explained in explained.toml, or the run fails.

An explanation names tool, rule, file and how many, and says why. One that nothing needs any more fails as well.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_SOURCE = ("vrm", "intents", "vendors", "notifiers", "wsgi.py")
Finding = tuple[str, str, str]  # Tool, rule, file.


def bandit(tool: str) -> Counter[Finding]:
    """Every test of bandit's, at every level."""
    said = _said([tool, "-q", "-f", "json", "-r", *_SOURCE])
    return Counter(("bandit", one["test_id"], one["filename"].removeprefix("./")) for one in said["results"])


def semgrep(tool: str, *places: str) -> Counter[Finding]:
    """Our own rules; nothing is asked of anybody's server."""
    quiet = ["--metrics=off", "--disable-version-check", "--no-git-ignore", "--disable-nosem", "--json", "--quiet"]
    said = _said([tool, "scan", "--config", str(_HERE / "rules.yaml"), *quiet, *places])
    if said["errors"]:
        raise RuntimeError(json.dumps(said["errors"])[:2000])
    return Counter(("semgrep", one["check_id"].rpartition(".")[2], one["path"]) for one in said["results"])


def blind(tool: str) -> set[str]:
    """Rules that do not find what is wrong on purpose."""
    rules = set(re.findall(r"- id: (\S+)", (_HERE / "rules.yaml").read_text("utf-8")))
    with tempfile.TemporaryDirectory() as folder:  # It passes over folders that are named tests.
        shutil.copytree(_HERE / "seen", folder, dirs_exist_ok=True)
        return rules - {rule for _tool, rule, _file in semgrep(tool, folder)}


def explained() -> Counter[Finding]:
    """What explained.toml names. ValueError for an explanation without a sentence."""
    counted: Counter[Finding] = Counter()
    for one in tomllib.loads((_HERE / "explained.toml").read_text("utf-8"))["finding"]:
        if len(one["why"]) < 20:
            raise ValueError(f"{one} does not say why.")
        counted[(one["tool"], one["rule"], one["file"])] += one.get("times", 1)
    return counted


def main(folder: Path) -> int:
    """Print what was found, by rule; 1 when something is not explained, or explained for nothing."""
    reader = str(folder / "semgrep")
    if missed := blind(reader):
        print(f"blind: {', '.join(sorted(missed))}")
        return 1
    found, known = bandit(str(folder / "bandit")) + semgrep(reader, *_SOURCE), explained()
    print(f"{'tool':10}{'rule':32}{'found':>7}{'explained':>11}")
    for tool, rule in sorted({(tool, rule) for tool, rule, _file in found | known}):
        counts = [sum(many for key, many in of.items() if key[:2] == (tool, rule)) for of in (found, known & found)]
        print(f"{tool:10}{rule:32}{counts[0]:7}{counts[1]:11}")
    for words, odd in (("not explained", found - known), ("explained, and not found", known - found)):
        for (tool, rule, file), many in sorted(odd.items()):
            print(f"{words}: {tool} {rule} in {file}, {many}×")
    wrong = sum((found - known).values()) + sum((known - found).values())
    print(f"{sum(found.values())} findings, {wrong} of them unexplained or explained for nothing")
    return int(wrong > 0)


def _said(command: list[str]) -> dict[str, list[dict[str, str]]]:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=_ROOT)
    if done.returncode > 1 or not done.stdout:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")
    said: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return said


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
