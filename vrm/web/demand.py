"""A want → schema.org `Demand`, as search engines and programs read it (https://schema.org/Demand)."""

from datetime import UTC, datetime
from typing import Any, Protocol

from intents.draft import Condition
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees


class Wanted(Protocol):
    """What of an intent is public: the intent itself, or a row with these columns."""

    @property
    def code(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def category_id(self) -> int | None: ...
    @property
    def region_id(self) -> int | None: ...
    @property
    def budget_min(self) -> int | None: ...
    @property
    def budget_max(self) -> int | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def condition(self) -> Condition: ...
    @property
    def quantity(self) -> int: ...
    @property
    def opened_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def closed_at(self) -> datetime | None: ...


_CONDITIONS = {Condition.NEW: "https://schema.org/NewCondition", Condition.USED: "https://schema.org/UsedCondition"}


def demand(intent: Wanted, trees: Trees, url: str) -> dict[str, Any]:
    """The want as linked data. Nothing of the person is in it."""
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Demand",
        "identifier": intent.code,
        "url": url,
        "name": intent.title,
        "description": intent.body or intent.title,
        "itemOffered": {"@type": "Product", "name": intent.title},
        "eligibleQuantity": {"@type": "QuantitativeValue", "value": intent.quantity},
    }
    if intent.category_id is not None:
        said["itemOffered"]["category"] = trees.categories.path_label(intent.category_id)
    if intent.region_id is not None:
        said["areaServed"] = {"@type": "Place", "name": trees.regions.path_label(intent.region_id)}
    if intent.condition in _CONDITIONS:
        said["itemCondition"] = _CONDITIONS[intent.condition]
    if intent.currency is not None:
        price = {"@type": "PriceSpecification", "priceCurrency": intent.currency}
        for name, minor in (("minPrice", intent.budget_min), ("maxPrice", intent.budget_max)):
            if minor is not None:
                price[name] = str(Money(minor, intent.currency).amount)
        said["priceSpecification"] = price
    # What is over ended when it was closed, whatever it had hoped for.
    for name, moment in (
        ("availabilityStarts", intent.opened_at),
        ("validThrough", intent.closed_at or intent.expires_at),
    ):
        if moment is not None:
            said[name] = moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return said
