"""A want, a vendor who hears of it, and the lead between them, for tests of this room."""

from datetime import datetime

from rooms import publish_want, start_vendor
from sqlalchemy import select
from sqlalchemy.orm import Session

from vendors.models import Lead, Vendor
from vrm import route
from vrm.kernel.accounts import Account

CARS_IN_LEEDS = ("cars-trucks-vans", "gb-lds")


def open_lead(session: Session, customer: Account, seller: Account, now: datetime, *, terms: str = "") -> Lead:
    """A routed lead of a new want of `customer`, to the vendor of `seller`, which is made when there is none."""
    name = f"Shop of {seller.email}"
    vendor = session.scalar(select(Vendor).where(Vendor.name == name))
    if vendor is None:
        vendor = start_vendor(session, seller, now, name=name, wish=CARS_IN_LEEDS)
    intent = publish_want(session, customer, now, terms=terms)
    route.route(session, intent, now)
    lead = session.get_one(Lead, (intent.id, vendor.id))
    # No channel works in these tests; as if one had been told and nothing came back.
    lead.undelivered = None
    session.flush()
    return lead
