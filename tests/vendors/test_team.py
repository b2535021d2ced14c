"""Vendors: a name, people with roles, always an owner; and words for everything that does not hold."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rooms import start_vendor
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from together import at_once, meeting

from vendors import team
from vendors.models import Membership, Role, Subscription, Vendor
from vendors.subscribe import Order, subscribe
from vendors.subscribe import pause as pause_order
from vendors.subscribe import resume as resume_order
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, LimitReached, NotAllowed, NotFound, WrongState


def found(session: Session, account: Account, now: datetime, **fields: Any) -> Vendor:
    return team.found(session, session.merge(account, load=False), now, **({"name": "Leeds Toyota"} | fields))


def membership(session: Session, vendor: Vendor, account: Account) -> Membership:
    return session.get_one(Membership, (vendor.id, account.id))


# --- What a vendor says of itself -----------------------------------------------------------------


def test_who_founds_a_vendor_owns_it(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = found(
            session, ben, now, name=" Leeds  Toyota ", website="https://leeds.example/cars", about="Cars.\n\n🚗",
            zone="Europe/London",
        )  # fmt: skip
    with store.read() as session:
        kept = team.by_slug(session, "leeds-toyota")
        assert (kept.id, kept.name, kept.zone) == (vendor.id, "Leeds Toyota", "Europe/London")
        assert (kept.website, kept.about) == ("https://leeds.example/cars", "Cars.\n\n🚗")
        assert team.role_of(session, kept, ben) is Role.OWNER
        assert team.vendors_of(session, ben) == [kept]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Müller & Söhne GmbH", "muller-sohne-gmbh"),
        ("自動車販売", "vendor"),
        ("-- ??? --", "vendor"),
        ("x" * 100, "x" * 40),
        ("Ａｃｍｅ", "acme"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_any_name_makes_an_address(store: Store, ben: Account, now: datetime, name: str, slug: str) -> None:
    with store.write() as session:
        assert found(session, ben, now, name=name).slug == slug


def test_two_vendors_of_one_name_have_two_addresses_even_when_founded_at_once(
    store: Store, ben: Account, carol: Account, now: datetime
) -> None:
    met = meeting(store)

    def press(account: Account) -> str:
        with store.write() as session:
            met()
            return found(session, account, now).slug

    slugs = sorted(map(str, at_once(lambda: press(ben), lambda: press(carol))), key=len)
    assert slugs[0] == "leeds-toyota"
    assert slugs[1].startswith("leeds-toyota-")
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Membership)) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x"), ("name", "x" * 8_000), ("name", "\x00\x00"), ("name", "a\ud800"),
        ("name", "\u202enom"), ("name", "\u200b\u200b"),
        ("about", "x" * 2_001), ("about", "\x00"), ("about", "\ud800"),
        ("website", "leeds.example"), ("website", "javascript:alert(1)"), ("website", "https://leeds"),
        ("website", "https://u:p@leeds.example"), ("website", "https://leeds.example/ x"),
        ("website", "https://leeds.example/\x00"), ("website", "https://leeds.example/\ud800"),
        ("website", "https://leeds.example/" + "x" * 500), ("website", "ftp://leeds.example"),
        ("zone", ""), ("zone", "Leeds"), ("zone", "Europe"), ("zone", "../../etc/passwd"), ("zone", "/etc/passwd"),
        ("zone", "Europe/London\x00"), ("zone", "\ud800"), ("zone", "x" * 5_000),
    ],
)  # fmt: skip
def test_a_field_that_does_not_hold_is_named_and_nothing_is_changed(
    store: Store, ben: Account, now: datetime, field: str, value: str
) -> None:
    with store.write() as session:
        vendor = found(session, ben, now)
        good = {"name": "New name", "website": "", "about": "", "zone": "UTC"}
        for verb in (
            lambda **said: found(session, ben, now, **said),
            lambda **said: team.describe(session, vendor, **said),
        ):
            with pytest.raises(BadInput) as refused:
                verb(**(good | {field: value}))
            assert list(refused.value.problems) == [field]
            assert refused.value.problems[field].endswith(".")
        assert not session.dirty
        assert vendor.name == "Leeds Toyota"


def test_describing_keeps_the_address(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = found(session, ben, now)
        team.describe(session, vendor, name="Leeds Lexus", website="", about="", zone="Asia/Tokyo")
    with store.read() as session:
        assert team.by_slug(session, "leeds-toyota").name == "Leeds Lexus"


def test_twenty_vendors_are_the_most_that_one_person_owns(
    store: Store, ben: Account, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        for number in range(team.FOUNDED_AT_MOST):
            found(session, ben, now, name=f"Shop {number}")
        with pytest.raises(LimitReached, match="can own 20 vendors"):
            found(session, ben, now)
        found(session, ana, now)


def test_a_vendor_that_closed_or_never_was_is_not_found(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        found(session, ben, now).closed_at = now
        session.flush()
        assert team.vendors_of(session, ben) == []
        for slug in ("leeds-toyota", "", "\x00", "\ud800", "x" * 10_000, "Leeds-Toyota"):
            with pytest.raises(NotFound, match="There is no such vendor"):
                team.by_slug(session, slug)


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("least", Role)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_the_next_one_may(
    store: Store, ben: Account, ana: Account, now: datetime, role: Role, least: Role
) -> None:
    may = list(Role).index(role) <= list(Role).index(least)
    with store.write() as session:
        vendor = found(session, ben, now)
        team.add(session, vendor, ana, role, now)
        if may:
            assert team.require(session, vendor, ana, least) is role
        else:
            with pytest.raises(NotAllowed, match=f"Only an {least.value} of Leeds Toyota can do this"):
                team.require(session, vendor, ana, least)


def test_a_stranger_does_not_learn_that_there_is_such_a_vendor(
    store: Store, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = found(session, ben, now)
        with pytest.raises(NotFound, match="There is no such vendor"):
            team.require(session, vendor, carol, Role.MEMBER)
        assert team.role_of(session, vendor, carol) is None
        assert team.vendors_of(session, carol) == []


def test_somebody_is_a_member_once_even_when_added_twice_at_once(
    store: Store, ben: Account, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        slug = found(session, ben, now).slug
    met = meeting(store)

    def add(role: Role) -> Role:
        with store.write() as session:
            vendor = team.by_slug(session, slug)
            met()
            return team.add(session, vendor, ana, role, now).role

    ends = at_once(lambda: add(Role.ADMIN), lambda: add(Role.MEMBER))
    (refused,) = [end for end in ends if isinstance(end, Exception)]
    assert isinstance(refused, WrongState)
    assert str(refused) == "ana@example.org is a member already; change the role instead."
    with store.read() as session:
        assert team.role_of(session, team.by_slug(session, slug), ana) in ends


def test_a_vendor_always_has_an_owner(store: Store, ben: Account, ana: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = found(session, ben, now)
        bens = membership(session, vendor, ben)
        for last in (lambda: team.leave(session, bens), lambda: team.change_role(session, bens, Role.ADMIN)):
            with pytest.raises(WrongState, match="needs an owner; make somebody else one first"):
                last()
        team.change_role(session, bens, Role.OWNER)
        anas = team.add(session, vendor, ana, Role.MEMBER, now)
        with pytest.raises(WrongState):
            team.leave(session, bens)
        team.change_role(session, anas, Role.OWNER)
        team.leave(session, bens)
        assert team.role_of(session, vendor, ben) is None
        with pytest.raises(WrongState):
            team.leave(session, anas)


def test_of_two_owners_who_leave_at_once_one_stays(store: Store, ben: Account, ana: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = found(session, ben, now)
        team.add(session, vendor, ana, Role.OWNER, now)
    met = meeting(store)

    def leave(account: Account) -> None:
        with store.write() as session:
            mine = membership(session, vendor, account)
            met()
            team.leave(session, mine)

    ends = at_once(lambda: leave(ben), lambda: leave(ana))
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "WrongState"]
    with store.read() as session:
        assert session.scalars(select(Membership.role)).all() == [Role.OWNER]


# --- Pausing --------------------------------------------------------------------------------------


def test_after_a_pause_every_live_subscription_catches_up(store: Store, ben: Account, now: datetime) -> None:
    later = now + timedelta(days=1)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-lds"))
        order = session.scalars(select(Subscription)).one()
        order.backfilled_at = now
        session.flush()
        team.resume(session, vendor, later)
        session.refresh(order)
        assert order.backfilled_at == now
        team.pause(session, vendor, now)
        team.pause(session, vendor, later)
        session.refresh(order)
        assert vendor.paused_at == order.silent_at == now
        later_one = subscribe(session, vendor, Order(category_id=order.category_id, region_id=order.region_id), now)
        assert later_one.silent_at == now
        pause_order(session, later_one, later)
        resume_order(session, later_one, later)
        assert later_one.silent_at == now
        pause_order(session, later_one, later)
        team.resume(session, vendor, later)
        for each in (order, later_one):
            session.refresh(each)
        assert (order.silent_at, later_one.silent_at) == (None, later)
        assert (vendor.paused_at, order.backfilled_at, order.changed_at) == (None, None, later)


def test_a_name_that_is_an_address_of_ours_gets_another_slug(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = team.found(session, session.merge(ben, load=False), now, name="Channels")
        assert vendor.slug.startswith("channels-")
