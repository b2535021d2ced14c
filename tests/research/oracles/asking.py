"""R's `survival`, where it is installed, asked for every figure of the cases."""

import csv
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from oracles.cases import as_csv

SCRIPT = Path(__file__).parent / "oracle.R"
Figure = tuple[str, str, float, float]  # Case, what, at, value.


def r_version() -> str | None:
    """Of its package; None where R or the package is not installed."""
    asked = ["Rscript", "--vanilla", "-e", 'cat(as.character(packageVersion("survival")))']
    try:
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def of_r() -> list[Figure]:
    """Every figure of every case."""
    with TemporaryDirectory() as name:
        given, made = Path(name) / "cases.csv", Path(name) / "figures.csv"
        given.write_text(as_csv())
        subprocess.run(["Rscript", "--vanilla", str(SCRIPT), str(given), str(made)], check=True, capture_output=True)
        with made.open() as file:
            rows = list(csv.DictReader(file))
    return [(row["case"], row["what"], float(row["at"]), float(row["value"])) for row in rows]
