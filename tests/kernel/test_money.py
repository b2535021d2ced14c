"""Money is whole minor units with a currency; what is not clearly an amount is refused, never guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrm.kernel.errors import BadInput
from vrm.kernel.money import Money, check_currency, parse_money

CURRENCIES = st.sampled_from(["GBP", "EUR", "JPY", "KWD", "CLF", "INR"])


def refusal(amount: str, currency: str = "GBP", field: str = "budget") -> dict[str, str]:
    with pytest.raises(BadInput) as refused:
        parse_money(amount, currency, field=field)
    return refused.value.problems


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("12000", 1_200_000),
        (" 12000 ", 1_200_000),
        ("12,000", 1_200_000),
        ("12 000", 1_200_000),
        ("12\u00a0000", 1_200_000),
        ("12\u202f000.5", 1_200_050),
        ("1,234,567.89", 123_456_789),
        ("1,00,000", 10_000_000),
        ("0", 0),
        ("0.01", 1),
        ("007", 700),
        ("999999999999", 99_999_999_999_900),
    ],
)
def test_amounts_as_people_write_them_are_read(written: str, minor: int) -> None:
    assert parse_money(written, "GBP") == Money(minor, "GBP")


@pytest.mark.parametrize(
    "written",
    [
        "-5", "+5", "", " ", "£12", "12k", "twelve", "1e5", "NaN", "Infinity", "0x10", "1_000", ".5", "5.", "--",
        "12,50", "1,2,3", "1,0000", ",000", "12,", "1.2.3", "12.50.1", "٣٠٠", "１２", "½", "12\n13", "12\x00",
        "\ud800", "😀", "1000000000000", "999,999,999,999,999", "9" * 8_000,
    ],
)  # fmt: skip
def test_what_is_not_clearly_an_amount_is_refused_with_a_sentence(written: str) -> None:
    problems = refusal(written)
    assert list(problems) == ["budget"]
    assert "write digits only, such as 12000" in problems["budget"]
    assert len(problems["budget"]) < 150


@pytest.mark.parametrize(
    ("written", "currency", "most"),
    [("12.000", "GBP", 2), ("1.555", "EUR", 2), ("1.5", "JPY", 0), ("1.2345", "KWD", 3)],
)
def test_more_decimals_than_the_currency_has_are_refused(written: str, currency: str, most: int) -> None:
    assert refusal(written, currency) == {"budget": f"{currency} amounts have at most {most} decimals."}


def test_the_refusal_names_the_field_that_was_typed_in() -> None:
    assert list(refusal("-5", field="budget/max")) == ["budget/max"]


@pytest.mark.parametrize("code", ["gbp", " GBP ", "Gbp"])
def test_a_currency_is_known_in_any_case(code: str) -> None:
    assert check_currency(code) == "GBP"


@pytest.mark.parametrize("code", ["", "£", "POUND", "ZZZ", "GB", "GBP2", "\x00", "\ud800", "💷", "x" * 5_000])
def test_a_currency_that_is_none_is_refused_with_a_sentence(code: str) -> None:
    with pytest.raises(BadInput, match="is not a currency code; write three letters, such as GBP or EUR") as refused:
        check_currency(code)
    assert list(refused.value.problems) == ["currency"]


@given(st.integers(0, 10**12 - 1), CURRENCIES)
def test_an_amount_that_is_written_out_reads_back_the_same(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    written = money.as_json()
    assert parse_money(written["amount"], written["currency"]) == money


@given(st.text())
def test_no_text_at_all_breaks_the_reading_of_amounts(text: str) -> None:
    try:
        money = parse_money(text, "GBP")
    except BadInput:
        return
    assert 0 <= money.minor < 10**14


@pytest.mark.parametrize(
    ("money", "amount"),
    [
        (Money(1250, "GBP"), "12.50"),
        (Money(1250, "JPY"), "1250"),
        (Money(1250, "KWD"), "1.250"),
        (Money(0, "EUR"), "0.00"),
    ],
)
def test_major_units_have_as_many_decimals_as_the_currency(money: Money, amount: str) -> None:
    assert str(money.amount) == amount
    assert money.amount == Decimal(amount)
    assert money.as_json() == {"amount": amount, "currency": money.currency}


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(1_200_000, "GBP"), "en", "£12,000"),
        (Money(1_200_050, "GBP"), "en", "£12,000.50"),
        (Money(125_000, "JPY"), "en", "¥125,000"),
        (Money(1_200_000, "EUR"), "de", "12.000\u00a0€"),
        (Money(1_200_000, "INR"), "en_IN", "₹12,000"),
        (Money(0, "GBP"), "en", "£0"),
    ],
)
def test_people_read_money_in_the_way_of_their_language(money: Money, locale: str, text: str) -> None:
    assert money.text(locale) == text
