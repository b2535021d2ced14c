"""Vendors and the people who act for them."""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from vendors.models import Membership, Role, Subscription, Vendor
from vendors.site import same_site
from vendors.subscribe import silence
from vrm.kernel import lookalike, text
from vrm.kernel.accounts import Account
from vrm.kernel.db import add_if_new, is_code, new_code
from vrm.kernel.errors import BadInput, LimitReached, NotAllowed, NotFound, WrongState
from vrm.kernel.languages import LANGUAGES

_RESERVED = frozenset({"channels", "leads", "new"})  # Promised addresses below /vendor/.
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
    locale: str = "",
) -> Vendor:
    """A new vendor, with `account` as its owner. Raises BadInput with a sentence per field, LimitReached."""
    # Of two founded at the same instant, one counts the other.
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update(key_share=True))
    owned = session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.account_id == account.id, Membership.role == Role.OWNER)
    )
    if (owned or 0) >= FOUNDED_AT_MOST:
        raise LimitReached(f"One person can own {FOUNDED_AT_MOST} vendors; ask a colleague to set up the next one.")
    said = _check(name=name, website=website, about=about, zone=zone, locale=locale)
    _refuse_lookalike(session, said["name"], but=None)
    slug = _slug(said["name"])
    vendor = Vendor(code=new_code(), slug=slug, created_at=now, **said)
    if slug in _RESERVED or not add_if_new(session, vendor):
        vendor = Vendor(code=new_code(), slug=f"{slug}-{new_code(5)}", created_at=now, **said)
        session.add(vendor)
        session.flush()
    session.add(Membership(vendor_id=vendor.id, account_id=account.id, role=Role.OWNER, created_at=now))
    session.flush()
    return vendor


def describe(
    session: Session, vendor: Vendor, *, name: str, website: str, about: str, zone: str, locale: str = ""
) -> None:
    """Change what the vendor says of itself; its slug stays. Raises BadInput with a sentence per field.

    Another website has to be proven anew.
    """
    before = vendor.website
    said = _check(name=name, website=website, about=about, zone=zone, locale=locale)
    if said["name"] != vendor.name:
        _refuse_lookalike(session, said["name"], but=vendor)
    for field, value in said.items():
        setattr(vendor, field, value)
    if not same_site(before, vendor.website):
        vendor.verified_at = None
    session.flush()


def reply(session: Session, vendor: Vendor, said: str, now: datetime) -> None:
    """What the vendor says to its public figures, its right of reply; empty takes it back. BadInput for too much."""
    clean = text.prose(said, field="reply", label="Your word on your figures", most=2_000)
    if clean != vendor.reply:
        vendor.reply, vendor.replied_at = clean, now if clean else None
    session.flush()


def by_slug(session: Session, slug: str) -> Vendor:
    """The vendor with this slug; NotFound when there is none or it has closed."""
    found = select(Vendor).where(Vendor.slug == slug, Vendor.closed_at.is_(None))
    vendor = session.scalar(found) if is_code(slug) else None
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


def has_people(session: Session, vendor: Vendor) -> bool:
    """Whether anybody acts for this vendor; an import makes some for whom nobody does yet."""
    anybody = select(Membership.account_id).where(Membership.vendor_id == vendor.id).limit(1)
    return session.scalar(anybody) is not None


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
    membership = Membership(vendor_id=vendor.id, account_id=account.id, role=role, created_at=now)
    if role_of(session, vendor, account) is not None or not add_if_new(session, membership):
        raise WrongState(f"{account.email} is a member already; change the role instead.")
    return membership


def change_role(session: Session, membership: Membership, role: Role) -> None:
    """Give a member another role. WrongState when the vendor would be left without an owner."""
    _lock(session, membership)
    if membership.role is Role.OWNER and role is not Role.OWNER:
        _refuse_last_owner(session, membership)
    membership.role = role
    session.flush()


def leave(session: Session, membership: Membership) -> None:
    """End a membership. WrongState for the last owner."""
    _lock(session, membership)
    if membership.role is Role.OWNER:
        _refuse_last_owner(session, membership)
    session.delete(membership)
    session.flush()


def pause(session: Session, vendor: Vendor, now: datetime) -> None:
    """No new leads until `resume`."""
    vendor.paused_at = vendor.paused_at or now
    silence(session, vendor)


def suspend(session: Session, vendor: Vendor, now: datetime, *, why: str) -> None:
    """No leads, no answers and no public page, until `restore`. BadInput("why") without a sentence for its people.

    WrongState when it is suspended: a second moment would hide that it was us who paused it.
    """
    why = text.line(why, field="why", label="The sentence to its people", most=500)
    _hold(session, vendor)
    if vendor.suspended_at is not None:
        raise WrongState("This vendor is suspended already.")
    vendor.suspended_at, vendor.suspended_because = now, why
    vendor.paused_at = vendor.paused_at or now
    session.flush()


def restore(session: Session, vendor: Vendor, now: datetime) -> None:
    """Let it go on; what it had paused itself stays so. WrongState when it is not suspended."""
    _hold(session, vendor)
    if vendor.suspended_at is None:
        raise WrongState("This vendor is not suspended.")
    by_us = vendor.paused_at == vendor.suspended_at
    vendor.suspended_at = vendor.suspended_because = None
    if by_us:
        resume(session, vendor, now)
    session.flush()


def resume(session: Session, vendor: Vendor, now: datetime) -> None:
    """New leads again; what was published meanwhile and is still open comes too. WrongState while suspended."""
    if vendor.suspended_at is not None:
        raise WrongState("The operator has suspended this vendor; write to them to settle it.")
    if vendor.paused_at is not None:
        vendor.paused_at = None
        session.execute(
            update(Subscription)
            .where(Subscription.vendor_id == vendor.id, Subscription.ended_at.is_(None))
            .values(backfilled_at=None, changed_at=now)
        )
        silence(session, vendor)


def _hold(session: Session, vendor: Vendor) -> None:
    session.flush()
    session.refresh(vendor, with_for_update={"key_share": True})


def _lock(session: Session, membership: Membership) -> None:
    # Of two owners who leave at the same instant, one is the last.
    session.flush()
    session.execute(select(Vendor.id).where(Vendor.id == membership.vendor_id).with_for_update(key_share=True))
    session.refresh(membership)


def _refuse_last_owner(session: Session, membership: Membership) -> None:
    owners = session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.vendor_id == membership.vendor_id, Membership.role == Role.OWNER)
    )
    if (owners or 0) <= 1:
        raise WrongState("A vendor needs an owner; make somebody else one first.")


def _refuse_lookalike(session: Session, name: str, *, but: Vendor | None) -> None:
    """A name in other letters that is read as a vendor's here. All names are gone through, for such a one only."""
    read = lookalike.read_as(name)
    if read is None:
        return
    there = select(Vendor.name).where(func.lower(Vendor.name) == read, Vendor.closed_at.is_(None))
    taken = session.scalar(there.where(Vendor.id != but.id) if but is not None else there)
    if taken is not None:
        raise BadInput({"name": f"This name is read as “{taken}”, which is another vendor here; choose another one."})


def _name(name: str) -> str:
    name = lookalike.usual(text.line(name, field="name", label="The name", most=100, least=2))
    if lookalike.is_mixed(name):
        raise BadInput({"name": "A word of this name has letters of several alphabets; write each word in one."})
    return name


def _check(*, name: str, website: str, about: str, zone: str, locale: str) -> dict[str, str]:
    """The fields as they would be stored, or BadInput with a sentence for every one that does not hold."""
    said: dict[str, str] = {}
    problems: dict[str, str] = {}
    makers: dict[str, Callable[[], str]] = {
        "name": lambda: _name(name),
        "about": lambda: text.prose(about, field="about", label="The description", most=2_000),
        "website": lambda: _website(website),
        "zone": lambda: _zone(zone),
        "locale": lambda: _locale(locale),
    }
    for field, make in makers.items():
        try:
            said[field] = make()
        except BadInput as error:
            problems |= error.problems
    if problems:
        raise BadInput(problems)
    return said


def _website(website: str) -> str:
    website = text.line(website, field="website", label="The website", most=500, least=0)
    if website and not _WEBSITE.fullmatch(website):
        raise BadInput({"website": "Write the whole address of the website, such as https://www.example.org."})
    return website


def _zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    # A folder of zones such as "Europe" is an OSError.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput({"zone": "There is no such time zone; choose one such as Europe/London."}) from None
    return zone


def _locale(locale: str) -> str:
    if locale not in ("", *LANGUAGES):
        raise BadInput({"locale": f"Please choose one of {', '.join(LANGUAGES)}."})
    return locale


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "vendor"
