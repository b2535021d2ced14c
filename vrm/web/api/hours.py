"""When a vendor is there, through the API: for channels that are told only then."""

from typing import Annotated

from pydantic import Field

from notifiers import office
from notifiers.timing import DAYS, Office, read_open, write_open
from vendors.models import Role
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Told, refuse_together
from vrm.web.api.vendors import vendor_for

ROUTES = Routes("Channels")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)


class HoursChange(Given):
    """Open hours of each day, such as "09:00-12:30, 13:30-18:00"; empty is closed. What is not sent stays."""

    monday: str = ""
    tuesday: str = ""
    wednesday: str = ""
    thursday: str = ""
    friday: str = ""
    saturday: str = ""
    sunday: str = ""
    holidays: Annotated[str, Field(examples=["GB-ENG"], description="Whose public holidays; empty: none.")] = ""


class HoursOut(Told):
    """When the vendor is there, in its time zone."""

    zone: str
    monday: str
    tuesday: str
    wednesday: str
    thursday: str
    friday: str
    saturday: str
    sunday: str
    holidays: str


@ROUTES.add("GET", "/vendors/{slug}/hours", scopes=READ, answer=HoursOut)
def read_hours(caller: Caller, slug: str) -> HoursOut:
    """When the vendor is there, for channels that are told only then."""
    vendor = vendor_for(caller, slug)
    times = office.office(caller.session, vendor)
    week = {day: write_open(spans) for day, spans in zip(DAYS, times.open, strict=True)}
    return HoursOut(zone=vendor.zone, holidays=times.holidays, **week)


@ROUTES.add("PATCH", "/vendors/{slug}/hours", scopes=WRITE, body=HoursChange, answer=HoursOut, refuses=(403,))
def change_hours(caller: Caller, slug: str, body: HoursChange) -> HoursOut:
    """Change when the vendor is there. The zone is the vendor's own."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    times = office.office(caller.session, vendor)
    errors: list[BadInput] = []
    week = list(times.open)
    for number, day in enumerate(DAYS):
        if day in body.model_fields_set:
            try:
                week[number] = read_open(getattr(body, day), day)
            except BadInput as error:
                errors.append(error)
    refuse_together(errors)
    holidays = body.holidays.strip().upper() if "holidays" in body.model_fields_set else times.holidays
    office.set_office(caller.session, vendor, Office(vendor.zone, tuple(week), holidays), caller.now)
    return read_hours(caller, slug)
