"""Money as minor units and an ISO 4217 code: no floats, no rounding by accident."""

import re
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, get_currency_precision, list_currencies

from vrm.kernel.errors import BadInput

# Thousands may be set off by commas or spaces, the Indian way too; "12,50" is not taken for 1250.
_AMOUNT = re.compile(r"(\d{1,12}|\d{1,3}([, \u00a0\u202f]\d{2,3}){0,4}[, \u00a0\u202f]\d{3})(\.\d{1,4})?", re.ASCII)
_CURRENCIES = frozenset(list_currencies())


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount that is owed or offered: `minor` units (pence, cents) of `currency` (ISO 4217)."""

    minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """Major units with as many decimals as the currency has: Money(1250, "GBP") is 12.50, 1250 JPY is 1250."""
        digits = get_currency_precision(self.currency)
        return Decimal(self.minor).scaleb(-digits).quantize(Decimal(1).scaleb(-digits))

    def as_json(self) -> dict[str, str]:
        """The shape that the API and webhooks use: {"amount": "12000.00", "currency": "GBP"}."""
        return {"amount": str(self.amount), "currency": self.currency}

    def text(self, locale: str = "en") -> str:
        """For people: "£12,000" (whole amounts without decimals)."""
        if self.amount != self.amount.to_integral_value():
            return format_currency(self.amount, self.currency, locale=locale)
        pattern = Locale.parse(locale).currency_formats["standard"].pattern
        whole = re.sub(r"(?<=0)\.0+", "", pattern)
        return format_currency(self.amount, self.currency, whole, locale=locale, currency_digits=False)


def check_currency(code: str, *, field: str = "currency") -> str:
    """The code in capitals, or BadInput naming `field`."""
    code = code.strip().upper()
    if code not in _CURRENCIES:
        raise BadInput({field: f"“{code[:10]}” is not a currency code; write three letters, such as GBP or EUR."})
    return code


def parse_money(amount: str, currency: str, *, field: str = "budget") -> Money:
    """Read "12000", "12,000" or "12000.50" with a currency code.

    Raises BadInput, naming `field`, for signs, words, more decimals than the currency has, or 10^12 and above.
    """
    currency = check_currency(currency)
    written = _AMOUNT.fullmatch(amount.strip())
    plain = Decimal(re.sub(r"[^\d.]", "", written[0])) if written else Decimal(10**12)
    if written is None or plain >= 10**12:
        raise BadInput({field: f"“{amount[:40]}” is not an amount; write digits only, such as 12000 or 12000.50."})
    digits = get_currency_precision(currency)
    if len((written[3] or ".")[1:]) > digits:
        raise BadInput({field: f"{currency} amounts have at most {digits} decimals."})
    return Money(int(plain.scaleb(digits)), currency)
