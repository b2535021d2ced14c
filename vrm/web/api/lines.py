"""A lead → its line on the customer's board: which vendor, why it was told, and what is known of what it did."""

from datetime import datetime

from pydantic import Field

from vendors import leads
from vendors.leads import Standing
from vendors.models import Lead, Undelivered, Vendor, Withheld
from vrm import turns
from vrm.kernel.taxonomy import Trees
from vrm.web.api.shapes import Told


class VendorRef(Told):
    """A vendor, as everybody may see it."""

    slug: str
    name: str
    website: str

    @classmethod
    def of(cls, vendor: Vendor) -> "VendorRef":
        return cls(slug=vendor.slug, name=vendor.name, website=vendor.website)


class Why(Told):
    """One subscription that matched, as it was then: what it covers."""

    category: str
    region: str
    words: list[str] = Field(description="Those that it requires, of which the want says every one.")


def why(lead: Lead, trees: Trees) -> list[Why]:
    """The reasons of a lead, in the words of the trees as they are today."""
    return [
        Why(
            category=trees.categories.label(reason.category_id),
            region=trees.regions.label(reason.region_id),
            words=list(reason.words),
        )
        for reason in leads.reasons_of(lead.reasons)
        if reason.category_id in trees.categories and reason.region_id in trees.regions
    ]


class PlaceOut(Told):
    """Where a vendor stands in line when a few are told at a time: by the first field, then the second, then the third.

    Anybody can recompute it; `number` begins the SHA-256 of the lead's code.
    """

    website_proven: bool
    within_km: int | None = Field(description="How near it is: the end of a band. None: farther, or not known.")
    number: str

    @classmethod
    def of(cls, turn: str | None) -> "PlaceOut | None":
        if turn is None:
            return None
        place = turns.place_of(turn)
        return cls(website_proven=place.proven, within_km=place.within_km, number=place.number)


class BoardLead(Told):
    """One line of the customer's board: a vendor, and what is known of whether it was told, read and answered."""

    code: str
    vendor: VendorRef
    why: list[Why]
    standing: Standing
    undelivered: Undelivered | None
    withheld: Withheld | None
    place: PlaceOut | None
    routed_at: datetime
    turn_came_at: datetime | None
    notified_at: datetime | None
    delivered_at: datetime | None
    seen_at: datetime | None
    responded_at: datetime | None
    revealed_at: datetime | None
    declined_at: datetime | None
    shortlisted_at: datetime | None
    chosen_at: datetime | None
    unmatched_at: datetime | None = Field(description="When you changed the want so that it no longer matches.")

    @classmethod
    def of(cls, lead: Lead, trees: Trees) -> "BoardLead":
        return cls(
            code=lead.code,
            vendor=VendorRef.of(lead.vendor),
            why=why(lead, trees),
            standing=leads.standing(lead),
            undelivered=lead.undelivered,
            withheld=lead.withheld,
            place=PlaceOut.of(lead.turn),
            routed_at=lead.routed_at,
            turn_came_at=lead.turn_came_at,
            notified_at=lead.notified_at,
            delivered_at=lead.delivered_at,
            seen_at=lead.seen_at,
            responded_at=lead.responded_at,
            revealed_at=lead.revealed_at,
            declined_at=lead.declined_at,
            shortlisted_at=lead.shortlisted_at,
            chosen_at=lead.chosen_at,
            unmatched_at=lead.unmatched_at,
        )
