"""An operator stops an account: nothing of it works any more, its owner is told why, and all of it can be undone."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from visiting import Clock, Visitor
from world import World

from intents import harvest
from intents.holds import Hold
from intents.models import Blog, Intent
from notifiers.compose import compose
from notifiers.models import Notification, Topic
from vrm.kernel import accounts
from vrm.kernel.accounts import Account, Audit
from vrm.kernel.db import Store


def test_a_suspended_account_comes_in_nowhere_and_is_restored_whole(
    visitor: Callable[[], Visitor], app: Flask, world: World, store: Store, clock: Clock
) -> None:
    ana, olu, nobody = visitor().sign_in(world.ana), visitor().sign_in(world.olu), visitor()
    people, code = f"/admin/accounts/{world.ana.id}", world.want.code
    with store.write() as session:
        secret = accounts.make_token(session, session.merge(world.ana, load=False), clock(), name="t").secret
        states = {
            one.code: one.state for one in session.scalars(select(Intent).where(Intent.account_id == world.ana.id))
        }
    header = {"Authorization": f"Bearer {secret}"}
    assert ana.client.get("/api/v1/intents", headers=header).status_code == 200
    assert olu.press(f"{people}/suspend", why="").startswith("/admin/accounts")
    assert "sentence" in olu.get("/admin/accounts")
    ana.get("/me")
    olu.press(f"{people}/suspend", why="Three people say that you never pay.")
    olu.refused(f"{people}/suspend", 409, why="Again.")
    assert "Three people say" in olu.get("/admin/accounts")
    # Sessions, tokens, links, passwords; wants.
    assert ana.client.get("/me").status_code in (302, 303, 401)
    assert nobody.client.get("/api/v1/intents", headers=header).status_code == 401
    nobody.get(f"/intents/{code}", 404)
    assert code not in nobody.get("/intents")
    for way, proof in (
        (f"/verify/{world.links['verify']}", {}),
        ("/sign-in/password", {"email": "ana@example.org", "password": "a sentence is fine"}),
    ):
        assert visitor().press(way, **proof) == "/me/data"  # Nothing else, see test_suspended_data.py.
    assert "never pay" not in nobody.refused(
        "/sign-in/password", 422, email="ana@example.org", password="another sentence"
    )
    # Not in the queue of what waits for a decision, and one letter, not one for each want.
    assert code not in olu.get("/admin/moderation")
    olu.refused(f"/admin/moderation/wants/{code}/release", 409)
    with store.read() as session:
        letters = session.scalars(select(Notification).where(Notification.topic == Topic.MODERATION)).all()
        assert [compose(session, one, app.extensions["vrm"].post).subject for one in letters] == [
            "Your account is suspended"
        ]
        assert session.scalars(select(Hold).where(Hold.to_tell.is_not(None), Hold.held_by == "suspension")).all() == []
    olu.press(f"{people}/restore")
    olu.refused(f"{people}/restore", 409)
    with store.read() as session:
        after = {
            one.code: one.state for one in session.scalars(select(Intent).where(Intent.account_id == world.ana.id))
        }
        assert after == states
        actions = session.scalars(select(Audit.action).where(Audit.action.startswith("account."))).all()
        assert {"account.suspended", "account.restored"} <= set(actions)
    assert nobody.client.get("/api/v1/intents", headers=header).status_code == 200
    nobody.get(f"/intents/{code}")
    visitor().press("/sign-in/password", email="ana@example.org", password="a sentence is fine")


def test_its_blogs_are_not_read_and_nothing_of_it_is_published(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    with store.write() as session:
        session.execute(update(Blog).values(next_fetch_at=clock()))
        session.flush()
    assert harvest._any_due(store, clock())
    visitor().sign_in(world.olu).press(f"/admin/accounts/{world.ana.id}/suspend", why="Bad.")
    assert not harvest._any_due(store, clock())
    page = visitor().client.get(f"/entries/{world.links['entry']}")
    assert page.status_code in (200, 404)
    before = _published(store)
    visitor().send(f"/entries/{world.links['entry']}", decision="confirm")
    assert _published(store) == before


def _published(store: Store) -> int:
    with store.read() as session:
        return len(session.scalars(select(Intent.id).where(Intent.opened_at.is_not(None))).all())


def test_an_operator_is_not_suspended_and_a_new_account_is_vouched_for(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    olu = visitor().sign_in(world.olu)
    olu.refused(f"/admin/accounts/{world.olu.id}/suspend", 409, why="Me.")
    assert f"/admin/accounts/{world.carol.id}/vouch" in olu.get("/admin/accounts")
    olu.press(f"/admin/accounts/{world.carol.id}/vouch")
    assert f"/admin/accounts/{world.carol.id}/vouch" not in olu.get("/admin/accounts")
    with store.read() as session:
        assert session.get_one(Account, world.carol.id).trusted_at == clock()


def _states(session: Session, world: World) -> dict[str, str]:
    mine = select(Intent).where(Intent.account_id == world.ana.id)
    return {one.code: one.state for one in session.scalars(mine)}
