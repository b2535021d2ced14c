"""Who did what: written down with it, shown to operators only, without anybody's address."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from visiting import Visitor
from world import World

from vrm.kernel import audits
from vrm.kernel.accounts import Audit, audit, ident
from vrm.kernel.db import Store


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
