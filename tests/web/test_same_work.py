"""At each door: who is there and who is not gets the same answer for the same work, counted and not timed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import event, select
from test_attack_api import token_of
from visiting import Visitor
from world import World

from vrm.kernel import accounts, factors
from vrm.kernel.accounts import Account, LinkPurpose, Passwords
from vrm.kernel.db import Store
from vrm.wiring import sealer_of

Work = list[str]
PASSWORD = "a sentence is fine"
UNKNOWN = "nobody@example.net"


class Counting(PasswordHasher):
    """Writes down what takes long."""

    def __init__(self, work: Work) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self._work = work

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        self._work.append("verify")
        return super().verify(hash, password)  # type: ignore[no-any-return]

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self._work.append("hash")
        return super().hash(password, salt=salt)


@pytest.fixture
def work(app: Flask, store: Store) -> Iterator[Work]:
    """What is done from here on: statements as they are sent, and what is hashed."""
    done: Work = []

    def note(_connection: object, _cursor: object, sql: str, *_more: object) -> None:
        done.append(re.sub(r"\s+", " ", re.sub(r"SAVEPOINT \w+", "SAVEPOINT", sql)))

    app.extensions["vrm"] = replace(app.extensions["vrm"], passwords=Passwords(Counting(done)))
    event.listen(store.engine, "before_cursor_execute", note)
    yield done
    event.remove(store.engine, "before_cursor_execute", note)


@pytest.fixture
def people(store: Store, world: World, app: Flask, now: datetime) -> dict[str, Account]:
    """One of each kind of account that somebody could wonder about."""
    made = {"with a password": world.ana}
    with store.write() as session:
        for name in ("new", "without a password", "suspended", "with an app"):
            made[name] = accounts.ensure(session, f"{name.replace(' ', '-')}@example.net", now)
        hashed = session.merge(world.ana, load=False).password_hash
        for name in ("suspended", "with an app"):
            made[name].password_hash = hashed
        made["suspended"].suspended_at, made["suspended"].suspended_because = now, "A reason."
        secret = pyotp.random_base32()
        code = pyotp.TOTP(secret).at(now)
        sealer = sealer_of(app.extensions["vrm"].settings)
        factors.confirm_totp(session, made["with an app"], secret, code, now, sealer=sealer)
    return made


def said(page: str, *names: str) -> str:
    """The page without what differs anyway: tokens, and the address that was typed."""
    page = re.sub(r'(csrf_token" value=|name="kept" value=)"[^"]*"', "", page)
    for name in names:
        page = page.replace(name, "somebody")
    return page


def pressed(app: Flask, work: Work, path: str, address: str, **fields: str) -> tuple[int, str, Work]:
    stranger = Visitor(app)
    stranger.get("/want")  # Its cookie, and what a process keeps from its first page on.
    found = re.search(r'csrf_token" value="([^"]+)"', stranger.get("/want"))
    assert found
    work.clear()
    data = {"csrf_token": found[1], "email": address, **fields}
    answer = stranger.client.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})
    return answer.status_code, said(answer.text, address), list(work)


WANT = {"title": "A used car", "category": "cars-trucks-vans", "region": "gb-lds"}


@pytest.mark.parametrize("invite_only", [False, True], ids=["open", "invite only"])
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/sign-in", {}),
        ("/sign-in/password", {"password": "a wrong sentence"}),
        ("/want/author", WANT),
        ("/want/author", {**WANT, "password": "a wrong sentence"}),
    ],
    ids=["link", "password", "want", "want, password"],
)
def test_nobody_learns_who_has_an_account_by_words_or_by_work(
    path: str, fields: dict[str, str], invite_only: bool, app: Flask, people: dict[str, Account], work: Work
) -> None:
    desk = app.extensions["vrm"]
    app.extensions["vrm"] = replace(desk, settings=replace(desk.settings, invite_only=invite_only))
    pressed(app, work, path, "first@example.net", **fields)  # What a process does once.
    nobody = pressed(app, work, path, UNKNOWN, **fields)
    for name, account in people.items():
        known = pressed(app, work, path, account.email, **fields)
        assert known[:2] == nobody[:2], name
        ending = {"RELEASE SAVEPOINT": "ROLLBACK TO SAVEPOINT"} if invite_only else {}
        assert [ending.get(step, step) for step in known[2]] == nobody[2], name
        assert known[2].count("verify") == ("password" in fields)


def test_a_link_or_token_that_is_over_costs_what_one_costs_that_never_was(
    app: Flask, store: Store, world: World, people: dict[str, Account], work: Work, now: datetime
) -> None:
    """Both are random and kept as digests: nobody finds any by trying, and this tells nothing of the rest."""
    long_ago = now - timedelta(days=400)
    with store.write() as session:
        ana = session.merge(world.ana, load=False)
        spent, expired = (accounts.make_link(session, ana, LinkPurpose.SIGN_IN, when) for when in (now, long_ago))
        accounts.spend_link(session, spent, now)
        revoked, old = (accounts.make_token(session, ana, when, name="t") for when in (now, long_ago))
        accounts.revoke_token(session, ana, revoked.token.id, now)
    client = app.test_client()
    asked = [
        [("GET", f"/sign-in/{secret}", None) for secret in ("a" * 43, spent, expired)],
        [("GET", "/api/v1/account", secret) for secret in ("vrm_" + "a" * 43, revoked.secret, old.secret)],
    ]
    for alike in asked:
        client.get(alike[0][1])
        seen = []
        for method, path, token in alike:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            work.clear()
            answer = client.open(path, method=method, headers=headers)
            seen.append((answer.status_code, said(answer.text, path), list(work)))
        assert seen[0][0] in (401, 410)
        assert seen[0] == seen[1] == seen[2]


def test_whoever_is_added_to_a_team_keeps_their_name(
    visitor: Callable[[], Visitor], app: Flask, store: Store, world: World, now: datetime
) -> None:
    """Anybody can found a vendor and add any address: that is no way to learn who has an account, and whose it is."""
    carol = visitor().sign_in(world.carol)
    team = f"/vendor/{world.carols.slug}/team"
    pages = []
    for address in (world.ana.email, UNKNOWN):
        carol.press(team, email=address, role="member")
        pages.append(re.sub(r"/team/\d+/", "/team/1/", said(carol.get(team), address)))
        with store.read() as session:
            member = session.scalars(select(Account.id).where(Account.email == address)).one()
        carol.press(f"{team}/{member}/leave")
    assert pages[0] == pages[1]
    carol.press(team, email=world.ana.email, role="member")
    headers = {"Authorization": f"Bearer {token_of(store, world.carol, now)}"}
    listed = app.test_client().get(f"/api/v1/vendors/{world.carols.slug}/team", headers=headers)
    assert listed.status_code == 200
    assert "Castro" not in listed.text
    assert "Carol" in listed.text
