"""Who did what: written down with it, shown to operators only, without anybody's address."""

import ast
import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from addresses import pages
from flask import Flask
from sqlalchemy import delete, func, select
from test_signing_in import HERE, with_app
from visiting import Visitor
from world import World, settings_for

import notifiers
import vendors
import vrm
from vrm.kernel import audits
from vrm.kernel.accounts import Audit, audit, ident
from vrm.kernel.db import Store
from vrm.web.deeds import DEEDS, FAMILIES, deed
from vrm.wiring import works_of
from vrm.worker.steps import lanes


def test_what_people_and_operators_do_is_written_down_without_addresses(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana, ben, olu = (visitor().sign_in(one) for one in (world.ana, world.ben, world.olu))
    ana.get("/me/data/everything.json")
    team = f"/vendor/{world.vendor.slug}/team"
    ben.press(team, email="dora@example.org", role="member")
    ben.press(f"{team}/{world.olu.id}/role", role="admin")
    ben.press(f"{team}/{world.olu.id}/leave")
    visitor().press("/sign-in/password", email="ana@example.org", password="a sentence is fine")
    olu.get("/admin/outbox/20261121T115900-msg_1.eml")
    page = olu.get("/admin/audit")
    for action in (
        "account.exported",
        "membership.added",
        "membership.role-changed",
        "membership.ended",
        "account.signed-in",
        "outbox.read",
    ):
        assert action in page
    with store.read() as session:
        kept = json.dumps([[row.subject, row.facts] for row in session.scalars(select(Audit))])
        (came,) = session.scalars(select(Audit).where(Audit.action == "account.signed-in"))
    assert "@" not in kept
    assert (came.account_id, came.subject) == (world.ana.id, ident(world.ana))


# Buttons of these rooms that open nothing to anybody, or that only a browser with a device can press.
_UNWRITTEN = {
    *("account.save", "signing_in.propose_app", "signing_in.again", "signing_in.again_by_mail"),
    *("signing_in.passkey_options", "signing_in.add_passkey"),
}


def test_whatever_opens_or_shuts_an_account_is_written_down_with_who_did_it(
    app: Flask, visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    """Every button of the pages on which an account is looked after, by its owner or by operators."""
    ana, olu = visitor().sign_in(world.ana), visitor().sign_in(world.olu)
    theirs = f"/admin/accounts/{world.ben.id}"
    visitor().sign_in(world.ana)  # Another browser, to be signed out.
    with_app(ana)
    done = {"signing_in.confirm_app": "account.app-added"}
    for who, button, path, status, fields, action in (
        (ana, "signing_in.end_session", f"{HERE}/sessions/{world.browser.code}/end", 303, {}, "signed-out"),
        (ana, "signing_in.end_others", f"{HERE}/sessions/end-others", 303, {}, "signed-out"),
        (ana, "signing_in.recovery_codes", f"{HERE}/recovery-codes", 200, {}, "recovery-codes-made"),
        (ana, "signing_in.remove_app", f"{HERE}/app/remove", 303, {}, "app-removed"),
        (ana, "signing_in.remove_passkey", f"{HERE}/passkeys/{world.passkey.id}/remove", 303, {}, "passkey-removed"),
        (
            *(ana, "signing_in.password", f"{HERE}/password", 303),
            *({"old_password": "a sentence is fine", "password": "another sentence"}, "password-set"),
        ),
        (
            *(ana, "account.make_token", "/me/account/tokens", 200),
            *({"token_name": "t", "scopes": "intents:read", "lasts": "30"}, "token-made"),
        ),
        (ana, "account.revoke_token", f"/me/account/tokens/{world.token.id}/revoke", 303, {}, "token-revoked"),
        (olu, "people.invite", "/admin/accounts", 303, {"email": "new@example.org"}, "invited"),
        (olu, "people.set_role", f"{theirs}/researcher", 303, {"to": "yes"}, "researcher-made"),
        (olu, "people.sign_out", f"{theirs}/sign-out", 303, {}, "signed-out"),
        (olu, "people.stand", f"{theirs}/suspend", 303, {"why": "A reason."}, "suspended"),
        (ana, "mydata.erase", "/me/data/erase", 303, {"email": "ana@example.org"}, "erased"),
    ):
        with store.read() as session:
            last = session.scalar(select(func.max(Audit.id)))
        assert who.send(path, **fields).status_code == status, button
        with store.read() as session:
            rows = session.scalars(select(Audit).where(Audit.id > last, Audit.action != "accounts.looked")).all()
        by = None if button == "mydata.erase" else (world.ana if who is ana else world.olu).id
        assert [(row.action, row.account_id) for row in rows] == [(f"account.{action}", by)], button
        assert "@" not in json.dumps([[row.subject, row.facts] for row in rows])
        done[button] = action
    rooms = ("account.", "signing_in.", "mydata.", "people.")
    buttons = {rule.endpoint for rule, method, _ in pages(app) if method == "POST" and rule.endpoint.startswith(rooms)}
    assert buttons == done.keys() | _UNWRITTEN


def test_each_code_that_is_written_down_is_a_sentence_on_the_page(app: Flask) -> None:
    """Whole codes, and of those that are put together the part that stands fixed."""
    rooms = Path(vrm.__file__).parent, Path(vendors.__file__).parent, Path(notifiers.__file__).parent
    actions = [
        node.args[1]
        for room in rooms
        for file in room.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "audit" and len(node.args) > 1
    ]
    written = [
        str(part.value)
        for action in actions
        for part in ast.walk(action)
        if isinstance(part, ast.Constant) and re.match(r"[a-z]+\.", str(part.value))
    ]
    assert len(written) > 30
    assert [code for code in written if not any(known.startswith(code) for known in DEEDS)] == []
    assert {code.partition(".")[0] for code in DEEDS} == set(FAMILIES)
    with app.test_request_context("/", headers={"Accept-Language": "de"}):
        assert deed("account.signed-in") == "Angemeldet"
        assert deed("future.unknown") == "Etwas anderes"


def test_rows_are_found_by_what_who_when_and_paged(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    with store.write() as session:
        for number in range(130):
            audit(session, "intent.removed", f"want{number}", now - timedelta(days=1), by=world.olu)
        audit(session, "account.suspended", "=1+1", now, by=None)
    olu = visitor().sign_in(world.olu)
    first = olu.get("/admin/audit?action=intent")
    assert ("want129" in first, "want29" in first, '">account.suspended<' in first) == (True, False, False)
    with store.read() as session:
        page = audits.page(session, audits.Filter(action="intent"))
    assert "want29" in olu.get(f"/admin/audit?action=intent&before={page.next_before}")
    assert "want7" in olu.get("/admin/audit?subject=want7")
    assert "Nothing of that kind" in olu.get("/admin/audit?since=2026-11-21&until=2026-11-21&action=intent")
    assert "want129" in olu.get("/admin/audit?since=2026-11-20&until=2026-11-20")
    assert "Nothing of that kind" in olu.get(f"/admin/audit?by={world.ana.id}")
    for bad in ("since=yesterday", "by=olu", "before=-1"):
        olu.get(f"/admin/audit?{bad}", 422)
    rows = list(csv.DictReader(io.StringIO(olu.get("/admin/audit/file.csv?action=account"))))
    assert [(row["action"], row["subject"]) for row in rows] == [("account.suspended", "'=1+1")]
    assert len(json.loads(olu.get("/admin/audit/file.json?action=intent.removed"))) == 130
    with store.read() as session:
        exported = session.scalars(select(Audit.facts).where(Audit.action == "audit.exported").order_by(Audit.id))
        assert exported.all() == [{"rows": 1}, {"rows": 130}]


def test_what_is_older_than_the_operator_keeps_it_is_forgotten_and_nothing_else(
    world: World, store: Store, now: datetime
) -> None:
    keep = timedelta(days=730)
    with store.write() as session:
        session.execute(delete(Audit))
        for number in range(1_203):  # More than one step takes at once.
            audit(session, "old.one", str(number), now - timedelta(seconds=number), by=world.olu)
        audit(session, "young.one", "x", now + timedelta(seconds=1), by=None)
    done = []
    while not done or done[-1]:
        with store.write() as session:
            done.append(audits.forget(session, now + keep + timedelta(seconds=1), keep=keep))
    assert sum(done) == 1_203
    assert max(done) < 1_000
    with store.read() as session:
        assert audits.actions(session) == ["young.one"]
    with store.write() as session:
        assert audits.forget(session, now + keep + timedelta(seconds=1), keep=keep) == 0  # To the second, not before.


def test_the_worker_forgets_after_the_time_that_is_set(
    world: World, store: Store, store_url: str, now: datetime, tmp_path: Path
) -> None:
    with store.write() as session:
        audit(session, "old.one", "x", now - timedelta(days=91), by=None)
    for days, left in ((92, True), (90, False)):
        settings = replace(settings_for(store_url, tmp_path), keep_audits=timedelta(days=days))
        for step in lanes(works_of(settings, store=store, clock=lambda: now))["rows"]:
            step()
        with store.read() as session:
            assert ("old.one" in audits.actions(session)) == left
