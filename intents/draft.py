"""A want before it is an intent: what a form, the API or a post on a blog says, in one shape."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Condition(StrEnum):
    """The state of the goods that a customer accepts or a vendor sells."""

    ANY = "any"
    NEW = "new"
    USED = "used"


class Visibility(StrEnum):
    """Who may open an intent's page: everybody, who finds it in lists; or whoever has its address."""

    PUBLIC = "public"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class Budget:
    """What the customer means to spend, in minor units of `currency`; None is an open end."""

    min_minor: int | None
    max_minor: int | None
    currency: str


# A circle may be as wide as a region of its own; wider ones are better said by their names.
NEAR_AT_MOST_KM = 300


@dataclass(frozen=True, slots=True)
class Near:
    """How far around a point the customer would go. Degrees; None: around the point of the region that is named."""

    radius_km: float
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentDraft:
    """Everything a customer can say of a want. `None` is "not said"; ids are of the category and region trees."""

    title: str
    body: str = ""
    category_id: int | None = None
    region_id: int | None = None
    near: Near | None = None
    budget: Budget | None = None
    condition: Condition = Condition.ANY
    quantity: int = 1
    needed_by: date | None = None
    expires_at: datetime | None = None
    visibility: Visibility = Visibility.PUBLIC
    language: str | None = None  # BCP 47, as the author or the feed says.
    terms: str = ""  # What a vendor must accept before contact details are shown.
    tell_at_most: int | None = None  # Vendors told at a time.
    patience_h: int | None = None  # Hours of silence after which another vendor has its turn; with a cap only.
