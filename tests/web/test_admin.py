"""The first operator, and what operators see and do."""

from collections.abc import Callable
from dataclasses import replace

from flask import Flask
from sqlalchemy import select
from visiting import Visitor
from world import World

from intents.models import Intent, Outcome
from vrm.kernel.accounts import Account, Audit
from vrm.kernel.db import Store
from vrm.web.admin import first_run_code, invitation


def test_the_code_in_the_log_makes_the_first_operator_once(
    app: Flask, visitor: Callable[[], Visitor], store: Store
) -> None:
    code = first_run_code(app.extensions["vrm"].settings)
    with store.read() as session:
        assert code in (invitation(session, app.extensions["vrm"].settings) or "")
    olu = visitor()
    olu.get("/admin/first-run")
    fields = {"email": "olu@example.com", "password": "a sentence is fine"}
    assert "not the code" in olu.refused("/admin/first-run", 422, code="abcd-efgh-ijkl", **fields)
    assert "10 and 200" in olu.refused("/admin/first-run", 422, code=code, email="olu@example.com", password="short")
    assert olu.press("/admin/first-run", code=f" {code.upper()} ", **fields) == "/admin"
    assert "no mail relay" in olu.get("/admin")
    with store.read() as session:
        owner = session.scalars(select(Account)).one()
        assert invitation(session, app.extensions["vrm"].settings) is None
    assert (owner.is_operator, owner.verified_at is not None) == (True, True)
    visitor().get("/admin/first-run", 404)
    visitor().refused("/admin/first-run", 404, code=code, email="eve@example.com", password="a sentence is fine")


def test_codes_of_two_brokers_differ(app: Flask) -> None:
    settings = app.extensions["vrm"].settings
    assert first_run_code(settings) != first_run_code(replace(settings, secret_key="t" * 40))


def test_reading_somebodys_mail_is_written_down(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    olu = visitor().sign_in(world.olu)
    assert "Your link to sign in" in olu.get("/admin/outbox")
    assert "http://localhost/sign-in/abc" in olu.get("/admin/outbox/20261121T115900-msg_1.eml")
    for path in ("..%2F..%2Fsecret_key", "nothing.eml"):
        olu.get(f"/admin/outbox/{path}", 404)
    with store.read() as session:
        row = session.scalars(select(Audit).where(Audit.action == "outbox.read")).one()
    assert (row.account_id, row.subject) == (world.olu.id, f"account:{world.ana.id}")


def test_an_operator_removes_a_want(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    olu = visitor().sign_in(world.olu)
    assert "as operator" in olu.get(f"/intents/{world.want.code}")
    olu.press(f"/admin/intents/{world.want.code}/remove")
    with store.read() as session:
        assert session.get_one(Intent, world.want.id).outcome is Outcome.REMOVED
        assert session.scalars(select(Audit).where(Audit.action == "intent.removed")).one().subject == world.want.code
