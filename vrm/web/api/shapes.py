"""Shapes that many operations share: strict input, plain output, money, budgets, places, times, pages of a list."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from intents.draft import Budget
from intents.models import Intent
from vrm.kernel.errors import BadInput, UnknownNode
from vrm.kernel.money import Money, check_currency, parse_money
from vrm.kernel.tree import Node, Tree
from vrm.web.api.problems import UnknownInQuery

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,4})?", re.ASCII)


class Given(BaseModel):
    """What a program sends: exact types, and no field that we do not know."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Told(BaseModel):
    """What we answer."""


# --- Times ----------------------------------------------------------------------------------------


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("That is outside the calendar; write a time of this century.") from error


def _of_an_age(day: date) -> date:
    if not 1900 <= day.year <= 2999:
        raise ValueError("Write a day of this century, such as 2026-12-24.")
    return day


def _written_out(day: object) -> object:
    if isinstance(day, str) and not _DAY.fullmatch(day):
        raise ValueError("Write this as a day, such as 2026-12-24.")  # Or "0" would be a day of 1970.
    return day


MomentIn = Annotated[AwareDatetime, AfterValidator(_in_utc)]
DayIn = Annotated[date, AfterValidator(_of_an_age)]
DayQ = Annotated[date, BeforeValidator(_written_out), Field(strict=False), AfterValidator(_of_an_age)]


# --- Money ----------------------------------------------------------------------------------------


def _no_number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError('Write the amount as a string, such as "12000.00": a JSON number may lose pennies on its way.')
    return value


Amount = Annotated[str, BeforeValidator(_no_number), Field(examples=["12000.00"], json_schema_extra={"type": "string"})]
Currency = Annotated[str, Field(examples=["GBP"], description="ISO 4217.")]


class MoneyIn(Given):
    """An amount with its currency."""

    amount: Amount
    currency: Currency

    def money(self, field: str) -> Money:
        """BadInput for what is no amount of that currency."""
        currency = check_currency(self.currency, field=f"{field}/currency")
        return _money(self.amount, currency, f"{field}/amount")


class MoneyOut(Told):
    """An amount with its currency."""

    amount: str
    currency: str

    @classmethod
    def of(cls, minor: int | None, currency: str | None) -> "MoneyOut | None":
        return None if minor is None or currency is None else cls(**Money(minor, currency).as_json())


class BudgetIn(Given):
    """What the customer means to spend: `max` (or `amount`, which means the same), and `min` for a range."""

    max: Amount | None = None
    min: Amount | None = None
    amount: Amount | None = Field(default=None, description="The same as max.")
    currency: Currency

    def budget(self, field: str = "budget") -> Budget:
        """BadInput for what is no amount of that currency, or no amount at all."""
        if self.max is not None and self.amount is not None:
            raise BadInput({f"{field}/amount": "amount means the same as max; send one of them."})
        if self.max is None and self.amount is None and self.min is None:
            raise BadInput({f"{field}/max": "Say how much at most, or at least; or leave the budget out."})
        currency = check_currency(self.currency, field=f"{field}/currency")
        upper, lower = self.amount if self.max is None else self.max, self.min
        return Budget(
            min_minor=None if lower is None else _money(lower, currency, f"{field}/min").minor,
            max_minor=None
            if upper is None
            else _money(upper, currency, f"{field}/{'amount' if self.max is None else 'max'}").minor,
            currency=currency,
        )


class BudgetOut(Told):
    """What the customer means to spend; null is an open end."""

    min: str | None
    max: str | None
    currency: str

    @classmethod
    def of(cls, intent: Intent) -> "BudgetOut | None":
        if intent.currency is None:
            return None

        def amount(minor: int | None) -> str | None:
            return None if minor is None or intent.currency is None else str(Money(minor, intent.currency).amount)

        return cls(min=amount(intent.budget_min), max=amount(intent.budget_max), currency=intent.currency)


def _money(amount: str, currency: str, field: str) -> Money:
    if not _AMOUNT.fullmatch(amount):
        raise BadInput(
            {field: f"“{amount[:40]}” is not an amount; write digits and a point only, such as 12000 or 12000.50."}
        )
    return parse_money(amount, currency, field=field)


# --- Circles ------------------------------------------------------------------------------------


class NearIn(Given):
    """So far around a point; without lat and lon, around the region's own."""

    radius_km: float = Field(examples=[30])
    lat: float | None = Field(default=None, examples=[53.8])
    lon: float | None = Field(default=None, examples=[-1.55])


class NearOut(Told):
    """So far around a point; null lat and lon: around the region's own."""

    radius_km: float
    lat: float | None
    lon: float | None

    @classmethod
    def of(cls, radius_km: float | None, lat: float | None, lon: float | None) -> "NearOut | None":
        return None if radius_km is None else cls(radius_km=radius_km, lat=lat, lon=lon)


# --- Places in a tree -----------------------------------------------------------------------------

NodeIn = Annotated[str, Field(examples=["Cars", "gb-lds"], description="An id, or a name that is not ambiguous.")]


class NodeOut(Told):
    """A category or a region; `path` goes from the top level down to it."""

    id: str
    label: str
    path: list[str]

    @classmethod
    def of(cls, tree: Tree, id_: int | None) -> "NodeOut | None":
        return None if id_ is None or id_ not in tree else cls.at(tree, tree.current(id_))

    @classmethod
    def at(cls, tree: Tree, node: Node) -> "NodeOut":
        return cls(id=node.slug, label=node.label, path=[step.label for step in tree.path(node.id)])

    @classmethod
    def known(cls, tree: Tree, id_: int) -> "NodeOut":
        """As `of`, for an id that the store guarantees."""
        return cls.at(tree, tree.current(id_))


def node_id(tree: Tree, name: str, field: str) -> int:
    """The id that a name or slug means; UnknownNode with candidates."""
    return tree.resolve(name[:200], field=field).id


def _storable(words: str) -> str:
    return "".join(letter for letter in words if letter.isprintable())


def below(tree: Tree, name: str, field: str) -> Node | None:
    """The node that a query parameter names; None when it names none. BadQuery with candidates."""
    try:
        return tree.resolve(name, field=field) if name else None
    except UnknownNode as error:
        raise UnknownInQuery(field, str(error), error.candidates) from error


# Of anything that has one: text that the store cannot hold never reaches it.
CodeIn = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,80}$")]


NameQ = Annotated[str, Field(max_length=200, description="An id, or a name that is not ambiguous.")]
WordsQ = Annotated[str, AfterValidator(_storable), Field(max_length=200, description="All of these, in any case.")]

# --- Several refusals at once ---------------------------------------------------------------------


def refuse_together(errors: Sequence[BadInput]) -> None:
    """Raise what was collected, all in one; nothing when there is nothing."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("Several fields do not hold.", list(errors))


# --- Pages of a list ------------------------------------------------------------------------------

Item = TypeVar("Item", bound=BaseModel)
Limit = Annotated[int, Field(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str, Field(max_length=200, description="The next_cursor of the page before.")]


class Query(BaseModel):
    """What stands behind the question mark, and nothing that we do not know."""

    model_config = ConfigDict(extra="forbid")


class PageQuery(Query):
    """Which part of a list."""

    cursor: Cursor | None = None
    limit: Limit = 50


class Page(Told, Generic[Item]):
    """One part of a list; next_cursor is null at its end."""

    items: list[Item]
    next_cursor: str | None
