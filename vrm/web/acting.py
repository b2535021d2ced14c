"""A slug in an address and who is signed in → the vendor for which they may act here."""

from typing import Any

from flask import g, render_template

from vendors import team
from vendors.models import Role, Vendor
from vrm.kernel import taxonomy
from vrm.web.desk import db
from vrm.web.visitors import me


def acting_for(slug: str, least: Role = Role.MEMBER) -> Vendor:
    """The vendor, when who is signed in is at least `least` there, beyond what access.py asks for the page.

    SignInNeeded for nobody, NotFound for a stranger, NotAllowed for a member of lower rank.
    """
    account = me()
    vendor: Vendor = g.vendor if "vendor" in g and g.vendor.slug == slug else team.by_slug(db(), slug)
    team.require(db(), vendor, account, least)
    return vendor


def vendor_page(template: str, vendor: Vendor, **facts: Any) -> str:
    """A page of the vendor's area, which always knows the role of its reader."""
    role = team.role_of(db(), vendor, me())
    return render_template(
        template, vendor=vendor, role=role, runs=role in (Role.OWNER, Role.ADMIN), trees=taxonomy.trees(db()), **facts
    )
