"""Who did what: written down with it, shown to operators only, without anybody's address."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from visiting import Visitor
from world import World, settings_for

from vrm.kernel import audits
from vrm.kernel.accounts import Audit, audit, ident
from vrm.kernel.db import Store
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


def test_rows_are_found_by_what_who_when_and_paged(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    with store.write() as session:
        for number in range(130):
            audit(session, "intent.removed", f"want{number}", now - timedelta(days=1), by=world.olu)
        audit(session, "account.suspended", "=1+1", now, by=None)
    olu = visitor().sign_in(world.olu)
    first = olu.get("/admin/audit?action=intent")
    assert ("want129" in first, "want29" in first, "account.suspended</code>" in first) == (True, False, False)
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
