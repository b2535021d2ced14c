"""Vendors and the people who act for them."""

import re
import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from vendors.models import Membership, Role, Subscription, Vendor
from vrm.kernel import text
from vrm.kernel.accounts import Account
from vrm.kernel.db import new_code
from vrm.kernel.errors import BadInput, LimitReached, NotAllowed, NotFound, WrongState

FOUNDED_AT_MOST = 20  # Vendors that one person may own.
_RANK = {Role.MEMBER: 1, Role.ADMIN: 2, Role.OWNER: 3}
_WEBSITE = re.compile(r"https?://[^\s/@]+\.[^\s/@]+(/\S*)?")


def found(
    session: Session,
    account: Account,
    now: datetime,
    *,
    name: str,
    website: str = "",
    about: str = "",
    zone: str = "UTC",
) -> Vendor:
    """A new vendor, with `account` as its owner. Raises BadInput with a sentence per field, LimitReached."""
    owned = session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.account_id == account.id, Membership.role == Role.OWNER)
    )
    if (owned or 0) >= FOUNDED_AT_MOST:
        raise LimitReached(f"One person can own {FOUNDED_AT_MOST} vendors; ask a colleague to set up the next one.")
    vendor = Vendor(code=new_code(), slug="", created_at=now)
    _describe(vendor, name=name, website=website, about=about, zone=zone)
    vendor.slug = _free_slug(session, vendor.name)
    session.add(vendor)
    session.flush()
    session.add(Membership(vendor_id=vendor.id, account_id=account.id, role=Role.OWNER, created_at=now))
    session.flush()
    return vendor


def describe(session: Session, vendor: Vendor, *, name: str, website: str, about: str, zone: str) -> None:
    """Change what the vendor says of itself; its slug stays. Raises BadInput with a sentence per field."""
    _describe(vendor, name=name, website=website, about=about, zone=zone)
    session.flush()


def by_slug(session: Session, slug: str) -> Vendor:
    """The vendor with this slug; NotFound when there is none or it has closed."""
    vendor = session.scalar(select(Vendor).where(Vendor.slug == slug, Vendor.closed_at.is_(None)))
    if vendor is None:
        raise NotFound("There is no such vendor.")
    return vendor


def role_of(session: Session, vendor: Vendor, account: Account) -> Role | None:
    """What `account` is for `vendor`; None when it is nothing to it."""
    membership = session.get(Membership, (vendor.id, account.id))
    return membership.role if membership else None


def require(session: Session, vendor: Vendor, account: Account, least: Role) -> Role:
    """The account's role, when it is at least `least`.

    Raises NotFound for a stranger, who shall not learn what is there, and NotAllowed for a member of lower rank.
    """
    role = role_of(session, vendor, account)
    if role is None:
        raise NotFound("There is no such vendor.")
    if _RANK[role] < _RANK[least]:
        raise NotAllowed(f"Only an {least.value} of {vendor.name} can do this; ask one of your colleagues.")
    return role


def vendors_of(session: Session, account: Account) -> list[Vendor]:
    """The vendors for which `account` acts, by name."""
    return list(
        session.scalars(
            select(Vendor)
            .join(Membership)
            .where(Membership.account_id == account.id, Vendor.closed_at.is_(None))
            .order_by(Vendor.name)
        )
    )


def add(session: Session, vendor: Vendor, account: Account, role: Role, now: datetime) -> Membership:
    """Let `account` act for the vendor. WrongState when it does already."""
    if role_of(session, vendor, account) is not None:
        raise WrongState(f"{account.email} is a member already; change the role instead.")
    membership = Membership(vendor_id=vendor.id, account_id=account.id, role=role, created_at=now)
    session.add(membership)
    session.flush()
    return membership


def change_role(session: Session, membership: Membership, role: Role) -> None:
    """Give a member another role. WrongState when the vendor would be left without an owner."""
    if membership.role is Role.OWNER and role is not Role.OWNER:
        _refuse_last_owner(session, membership)
    membership.role = role
    session.flush()


def leave(session: Session, membership: Membership) -> None:
    """End a membership. WrongState for the last owner."""
    if membership.role is Role.OWNER:
        _refuse_last_owner(session, membership)
    session.delete(membership)
    session.flush()


def pause(session: Session, vendor: Vendor, now: datetime) -> None:
    """No new leads until `resume`."""
    vendor.paused_at = vendor.paused_at or now
    session.flush()


def resume(session: Session, vendor: Vendor, now: datetime) -> None:
    """New leads again; what was published meanwhile and is still open comes too."""
    if vendor.paused_at is not None:
        vendor.paused_at = None
        session.execute(
            update(Subscription)
            .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
            .values(backfilled_at=None, changed_at=now)
        )
        session.flush()


def _refuse_last_owner(session: Session, membership: Membership) -> None:
    owners = session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.vendor_id == membership.vendor_id, Membership.role == Role.OWNER)
    )
    if (owners or 0) <= 1:
        raise WrongState("A vendor needs an owner; make somebody else one first.")


def _describe(vendor: Vendor, *, name: str, website: str, about: str, zone: str) -> None:
    problems: dict[str, str] = {}
    try:
        vendor.name = text.line(name, field="name", label="The name", most=100, least=2)
    except BadInput as error:
        problems |= error.problems
    try:
        vendor.about = text.prose(about, field="about", label="The description", most=2_000)
    except BadInput as error:
        problems |= error.problems
    website = website.strip()
    if website and (len(website) > 500 or not _WEBSITE.fullmatch(website)):
        problems["website"] = "Write the whole address of the website, such as https://www.example.org."
    vendor.website = website
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        problems["zone"] = "There is no such time zone; choose one such as Europe/London."
    vendor.zone = zone
    if problems:
        raise BadInput(problems)


def _free_slug(session: Session, name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "vendor"
    taken = session.scalar(select(Vendor.id).where(Vendor.slug == slug))
    return slug if taken is None else f"{slug}-{new_code(5)}"
