"""Several hands on one button at the same instant: one takes effect, the others get a kind answer, nothing is halfway.

On PostgreSQL all meet at their first writing statement, so that each has read what was there before; on SQLite writers
take turns as they are.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial

import pyotp
import pytest
from flask import Flask
from rooms import add_mail_channel, person
from sqlalchemy import event, func, select
from test_my_data import HERS, found
from together import at_once
from visiting import Visitor
from werkzeug.test import TestResponse
from world import SECRET, World

from intents.holds import Hold
from intents.models import Intent
from notifiers.models import Notification
from vendors.models import Membership, Role, Vendor
from vrm.kernel import accounts, factors
from vrm.kernel.accounts import Account, Audit
from vrm.kernel.db import Store
from vrm.kernel.signing import Signer
from vrm.wiring import sealer_of

Press = Callable[[], TestResponse]
MANY = 4
_WRITING = ("INSERT", "UPDATE", "DELETE", "SELECT PG_ADVISORY")


@pytest.fixture
def statuses(store: Store) -> Iterator[Callable[..., list[int]]]:
    """Press all together: the statuses, in order; none may be a fault."""
    ready: list[threading.Barrier] = []
    been = threading.local()

    def meet(_connection: object, _cursor: object, sql: str, *_more: object) -> None:
        if ready and not hasattr(been, "here") and sql.lstrip().upper().startswith(_WRITING) and "tallies" not in sql:
            been.here = True
            with suppress(threading.BrokenBarrierError):  # Somebody waits for what another holds, and never comes.
                ready[0].wait(timeout=1)

    if store.dialect == "postgresql":
        event.listen(store.engine, "before_cursor_execute", meet)

    def press(*calls: Press) -> list[int]:
        ready[:] = [threading.Barrier(len(calls))]
        answers = at_once(*calls)
        ready.clear()
        assert all(isinstance(answer, TestResponse) for answer in answers), answers
        codes = [answer.status_code for answer in answers]
        assert max(codes) < 500, [answer.text[:3_000] for answer in answers if answer.status_code >= 500]
        return codes

    yield press
    if store.dialect == "postgresql":
        event.remove(store.engine, "before_cursor_execute", meet)


def button(visitor: Visitor, path: str, **fields: str) -> Press:
    """A press of a button whose page is open already."""
    token = visitor.send("/want", title="").text.partition('name="csrf_token" value="')[2].partition('"')[0]
    data = {"csrf_token": token, **fields}
    return lambda: visitor.client.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})


Statuses = Callable[..., list[int]]
Somebody = Callable[[], Visitor]


def test_a_link_signs_one_browser_in(statuses: Statuses, visitor: Somebody, world: World) -> None:
    path = f"/sign-in/{world.links['sign-in']}"
    assert sorted(statuses(*(button(visitor(), path) for _ in range(MANY)))) == [303] + [410] * (MANY - 1)


def test_a_recovery_code_lets_one_browser_in(
    statuses: Statuses, visitor: Somebody, world: World, store: Store, app: Flask, now: datetime
) -> None:
    with store.write() as session:
        secret, sealer = pyotp.random_base32(), sealer_of(app.extensions["vrm"].settings)
        factors.confirm_totp(session, world.ana, secret, pyotp.TOTP(secret).at(now), now, sealer=sealer)
        code = factors.make_recovery_codes(session, world.ana)[0]
    halves = [visitor() for _ in range(MANY)]
    for half in halves:
        half.refused("/sign-in/password", 200, email="ana@example.org", password="a sentence is fine")
    assert sorted(statuses(*(button(half, "/sign-in/second", code=code) for half in halves))) == [303] + [422] * 3


def test_a_colleague_is_added_once(statuses: Statuses, visitor: Somebody, world: World, store: Store) -> None:
    path = f"/vendor/{world.vendor.slug}/team"
    bens = [visitor().sign_in(world.ben) for _ in range(MANY)]
    codes = statuses(*(button(ben, path, email="dora@example.org", role="member") for ben in bens))
    assert sorted(codes) == [303] + [409] * (MANY - 1)


@pytest.fixture
def imported(store: Store, world: World, now: datetime) -> list[str]:
    """The answer links of two mailboxes of a vendor for whom nobody acts yet."""
    with store.write() as session:
        lead = world.lead
        vendor = session.get_one(Vendor, world.vendor.id)
        session.execute(Membership.__table__.delete().where(Membership.vendor_id == vendor.id))
        channels = [add_mail_channel(session, vendor, now, f"{name}@leeds-toyota.example") for name in ("one", "two")]
        intent = session.get_one(Intent, lead.intent_id)
        return [Signer(SECRET).sign("answer", intent.code, vendor.code, channel.code) for channel in channels]


def test_one_mailbox_that_joins_twice_joins_once(
    statuses: Statuses, visitor: Somebody, imported: list[str], store: Store, world: World
) -> None:
    statuses(*(button(visitor(), f"/r/{imported[0]}/account") for _ in range(MANY)))
    with store.read() as session:
        roles = session.scalars(select(Membership.role).where(Membership.vendor_id == world.vendor.id)).all()
    assert roles == [Role.OWNER]


def test_of_two_mailboxes_that_join_a_vendor_without_people_one_owns_it(
    statuses: Statuses, visitor: Somebody, imported: list[str], store: Store, world: World
) -> None:
    assert statuses(*(button(visitor(), f"/r/{token}/account") for token in imported)) == [200, 200]
    with store.read() as session:
        roles = session.scalars(select(Membership.role).where(Membership.vendor_id == world.vendor.id)).all()
    assert sorted(roles) == [Role.MEMBER, Role.OWNER]


# --- Operators ------------------------------------------------------------------------------------


@pytest.fixture
def operators(store: Store, world: World, visitor: Somebody) -> list[Visitor]:
    other = person(store, "oda@example.org", operator=True)
    return [visitor().sign_in(world.olu), visitor().sign_in(other)]


@pytest.mark.parametrize(("one", "other"), [("release", "release"), ("release", "remove"), ("remove", "remove")])
def test_two_operators_decide_a_held_want_once(
    one: str, other: str, statuses: Statuses, operators: list[Visitor], world: World, store: Store
) -> None:
    path = f"/admin/moderation/wants/{world.held.code}"
    codes = statuses(*(button(who, f"{path}/{what}") for who, what in zip(operators, (one, other), strict=True)))
    with store.read() as session:
        done = session.scalars(select(Audit.action).where(Audit.subject == world.held.code).order_by(Audit.id)).all()
        holds = session.scalars(select(Hold).where(Hold.intent_id == world.held.id)).all()
        intent = session.get_one(Intent, world.held.id)
    if {one, other} == {"release", "remove"} and done == ["intent.released", "intent.removed"]:
        assert codes == [303, 303], "A want that has just been released may be removed: it is open then."
    else:
        assert (sorted(codes), len(done), len(holds)) == ([303, 409], 1, 1)
    assert all(hold.ended_at is not None for hold in holds)
    assert intent.held_at is None
    assert (intent.closed_at is None) == (done == ["intent.released"])


def test_two_operators_rule_a_report_once(
    statuses: Statuses, operators: list[Visitor], world: World, store: Store
) -> None:
    path = f"/admin/moderation/reports/{world.report.id}/dismiss"
    assert sorted(statuses(*(button(who, path) for who in operators))) == [303, 409]
    with store.read() as session:
        about = select(func.count()).select_from(Audit).where(Audit.subject == f"report:{world.report.id}")
        assert session.scalar(about) == 1


@pytest.mark.parametrize("whom", ["vendor", "account"])
def test_two_operators_suspend_once(
    whom: str, statuses: Statuses, operators: list[Visitor], world: World, store: Store
) -> None:
    path = f"/admin/moderation/vendors/{world.vendor.slug}" if whom == "vendor" else f"/admin/accounts/{world.ben.id}"
    with store.read() as session:
        before = session.scalar(select(func.count()).where(Notification.account_id == world.ben.id))
    codes = statuses(*(button(who, f"{path}/suspend", why="Three people complain.") for who in operators))
    assert sorted(codes) == [303, 409]
    with store.read() as session:
        assert session.scalar(select(func.count()).where(Notification.account_id == world.ben.id)) == (before or 0) + 1


def test_two_operators_who_take_each_others_role_leave_one(
    statuses: Statuses, operators: list[Visitor], world: World, store: Store
) -> None:
    with store.read() as session:
        other = session.scalars(select(Account.id).where(Account.email == "oda@example.org")).one()
    paths = (f"/admin/accounts/{other}/operator", f"/admin/accounts/{world.olu.id}/operator")
    codes = statuses(*(button(who, path, to="no") for who, path in zip(operators, paths, strict=True)))
    assert codes.count(303) == 1, codes
    with store.read() as session:
        assert session.scalar(select(func.count()).where(Account.is_operator.is_(True))) == 1


# --- Erasing --------------------------------------------------------------------------------------


def in_turn(store: Store, first: Press, second: Press) -> tuple[Press, Press]:
    """`second` has read all that it asks when `first` begins, and writes when that is over, unless it is waited for."""
    read, over, me = threading.Event(), threading.Event(), threading.local()

    def wait(_connection: object, _cursor: object, sql: str, *_more: object) -> None:
        writes = sql.startswith(("INSERT", "UPDATE")) and "INTO accounts" not in sql and "tallies" not in sql
        if writes and getattr(me, "second", False):
            read.set()
            over.wait(timeout=2)

    def begin() -> TestResponse:
        read.wait(timeout=2 if store.dialect == "postgresql" else 0)
        try:
            return first()
        finally:
            over.set()

    def end() -> TestResponse:
        me.second = store.dialect == "postgresql"
        if me.second:
            event.listen(store.engine, "before_cursor_execute", wait)
        try:
            return second()
        finally:
            if me.second:
                event.remove(store.engine, "before_cursor_execute", wait)

    return begin, end


@pytest.mark.parametrize("what", ["name", "want", "message", "answer", "stranger's want", "api", "erase"])
def test_whoever_is_erased_meanwhile_writes_nothing_any_more(
    what: str, statuses: Statuses, visitor: Somebody, app: Flask, world: World, store: Store, now: datetime
) -> None:
    ana, here = visitor().sign_in(world.ana), visitor().sign_in(world.ana)
    with store.write() as session:
        token = accounts.make_token(session, session.merge(world.ana, load=False), now, name="t").secret
    talk = f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}/say"
    want = {"category": "cars-trucks-vans", "region": "gb-lds", "body": "Write to ana@example.org."}
    erase = button(ana, "/me/data/erase", email="ana@example.org")
    writes: dict[str, Press] = {
        "name": button(here, "/me/account", name="Ana Castro", phone="+44 113 496 0000", zone="UTC", locale=""),
        "want": button(here, "/want", title="small and reliable", **want),
        "message": button(here, talk, body="Does it have winter wheels?"),
        "answer": button(visitor(), f"/r/{world.links['answer']}", kind="question", body="Is it on Saturdays?"),
        "stranger's want": button(visitor(), "/want/author", title="A car", email="ana@example.org", **want),
        "api": partial(
            app.test_client().post,
            "/api/v1/intents",
            json={"title": "small and reliable", "category": "cars-trucks-vans", "region": "gb-lds"},
            headers={"Authorization": f"Bearer {token}"},
        ),
        "erase": button(here, "/me/data/erase", email="ana@example.org"),
    }
    codes = statuses(*(in_turn(store, erase, writes[what]) if what != "erase" else (erase, writes[what])))
    assert 303 in codes
    left = found(store, HERS)
    if what == "stranger's want":  # Whoever names the address after that begins a new account, and has typed this.
        with store.read() as session:
            mine = session.scalar(select(func.count()).where(Intent.account_id == world.ana.id, Intent.body != ""))
        assert mine == 0
    else:
        assert left == []
