"""The committed rates, and what they say of budgets."""

from datetime import date

import pytest

from vrm.data.rates import main
from vrm.kernel import rates


def test_the_rates_are_of_one_day_and_the_euro_is_worth_itself() -> None:
    assert rates.day() > date(2026, 1, 1)
    assert rates.known()["EUR"] == 100
    assert 50 < rates.known()["GBP"] < 150
    assert rates.known()["JPY"] < 1_000  # The yen has no smaller part.


@pytest.mark.parametrize(
    ("budget", "floor", "enough"),
    [
        ((100_00, "GBP"), (100_00, "GBP"), True),
        ((99_99, "GBP"), (100_00, "GBP"), False),
        ((100_00, "GBP"), (100_00, "EUR"), True),
        ((100_00, "EUR"), (100_00, "GBP"), False),
        ((1, "UAH"), (100_00, "GBP"), True),
        ((1, "UAH"), (2, "UAH"), False),
    ],
)
def test_a_budget_is_held_against_a_floor_in_other_money(
    budget: tuple[int, str], floor: tuple[int, str], enough: bool
) -> None:
    assert rates.reaches(*budget, *floor) == enough


def test_the_script_that_makes_them_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "pip download" in capsys.readouterr().out
