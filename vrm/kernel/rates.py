"""The committed rates of the European Central Bank → what a budget comes to in another currency.

The file is in memory for Python and, by `load`, in a table for statements that compare budgets; both work in doubles
and in the same order, so that they agree to the last bit. Rates are of one day, which is said wherever they are used.
"""

import csv
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files

from babel.numbers import get_currency_precision
from sqlalchemy import String, delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from vrm.kernel.db import Base, Real


class Rate(Base):
    """What one euro buys, in minor units of a currency."""

    __tablename__ = "rates"

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    per_euro: Mapped[Real]
    day: Mapped[date]


@cache
def known() -> Mapping[str, float]:
    """Minor units that one euro buys, by currency."""
    return {
        line["currency"]: float(line["per_euro"]) * 10 ** get_currency_precision(line["currency"]) for line in _lines()
    }


@cache
def day() -> date:
    """The day of which the rates are."""
    return date.fromisoformat(_lines()[0]["day"])


def reaches(budget: int, currency: str, floor: int, floor_currency: str) -> bool:
    """Whether a budget is at least the floor, both in minor units; True when there is no rate to say so."""
    if currency == floor_currency:
        return budget >= floor
    rates = known()
    if currency not in rates or floor_currency not in rates:
        return True
    return floor <= rates[floor_currency] * (budget / rates[currency])


def load(session: Session) -> None:
    """Bring the table up to the committed file. Idempotent."""
    wanted = {(currency, per_euro, day()) for currency, per_euro in known().items()}
    there = {tuple(row) for row in session.execute(select(Rate.currency, Rate.per_euro, Rate.day))}
    if there != wanted:
        session.execute(delete(Rate))
        rows = [{"currency": code, "per_euro": rate, "day": of} for code, rate, of in sorted(wanted)]
        session.execute(insert(Rate), rows)


@cache
def _lines() -> list[dict[str, str]]:
    text = files("vrm.data").joinpath("rates.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
