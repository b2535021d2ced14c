"""Leads as they are looked at: one state of silence for everybody, pages that miss nothing, codes that tell nothing."""

from datetime import datetime, timedelta
from itertools import product

import pytest
from rooms import publish_want, start_vendor
from selling import CARS_IN_LEEDS, open_lead
from sqlalchemy import select

from vendors import leads
from vendors.leads import Standing, in_standing, standing
from vendors.models import Lead, Undelivered, Vendor, Withheld
from vrm import route
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import NotFound

MOMENTS = ("notified_at", "delivered_at", "seen_at", "responded_at")


def test_the_state_of_a_lead_is_the_same_in_python_and_in_the_store_for_every_evidence(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        for withheld, undelivered, *happened in product(
            (None, *Withheld), (None, *Undelivered), *[(None, now)] * len(MOMENTS)
        ):
            lead.withheld, lead.undelivered = withheld, undelivered
            for name, moment in zip(MOMENTS, happened, strict=True):
                setattr(lead, name, moment)
            session.flush()
            matching = [
                each for each in Standing if session.scalar(select(Lead.intent_id).where(in_standing(each))) is not None
            ]
            assert matching == [standing(lead)]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({}, Standing.ON_ITS_WAY),
        ({"notified_at"}, Standing.ON_ITS_WAY),
        ({"notified_at", "delivered_at"}, Standing.UNSEEN),
        ({"notified_at", "delivered_at", "seen_at"}, Standing.SEEN),
        ({"notified_at", "delivered_at", "seen_at", "responded_at"}, Standing.ANSWERED),
    ],
)
def test_evidence_moves_a_lead_on(now: datetime, evidence: set[str], expected: Standing) -> None:
    lead = Lead(**dict.fromkeys(evidence, now))
    assert standing(lead) is expected


@pytest.mark.parametrize("why", Undelivered)
def test_a_vendor_that_we_failed_to_reach_is_never_called_silent(now: datetime, why: Undelivered) -> None:
    assert standing(Lead(notified_at=now, undelivered=why)) is Standing.UNDELIVERED


def test_a_lead_has_a_public_code_that_leads_back_to_it(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        code = lead.code
        assert leads.by_code(session, code) is lead
        intent, vendor = code.split("-")
        halves = ("-", intent, f"{intent}-", f"-{vendor}", f"{vendor}-{intent}", f"{code}-x")
        for other in ("", "1-1", f"{code}\x00", "\ud800-x", "x" * 10_000, *halves):
            with pytest.raises(NotFound, match="There is no such lead"):
                leads.by_code(session, other)


def test_the_board_names_every_vendor_and_the_count_leaves_out_who_was_withheld(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        for owner, name in ((carol, "Zeta"), (ben, "Alpha"), (ben, "Midway")):
            start_vendor(session, owner, now, name=name, wish=CARS_IN_LEEDS)
        intent, other = publish_want(session, ana, now), publish_want(session, ana, now, region="fr")
        route.route(session, intent, now)
        board = leads.of_intent(session, intent)
        assert [lead.vendor.name for lead in board] == ["Alpha", "Midway", "Zeta"]
        board[1].withheld = Withheld.BLOCKED
        session.flush()
        assert leads.told_count(session, intent) == 2
        assert (leads.of_intent(session, other), leads.told_count(session, other)) == ([], 0)


def test_an_inbox_is_read_page_by_page_newest_first_and_nothing_is_missed_or_repeated(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        mine = [open_lead(session, ana, ben, now) for _ in range(7)]
        mine[3].withheld = Withheld.BLOCKED
        session.flush()
        vendor = session.get_one(Vendor, mine[0].vendor_id)
        read: list[Lead] = []
        sizes = []
        before = None
        while True:
            page = leads.inbox(session, vendor, before=before, limit=3)
            read += page.leads
            sizes.append(len(page.leads))
            if page.next_before is None:
                break
            before = page.next_before
        assert sizes == [3, 3]
        assert read == [*mine[:3], *mine[4:]][::-1]


def test_an_inbox_can_show_one_state_only(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        fresh, seen, answered = (open_lead(session, ana, ben, now) for _ in range(3))
        seen.delivered_at = seen.seen_at = now
        answered.delivered_at = answered.seen_at = answered.responded_at = now + timedelta(minutes=1)
        session.flush()
        found = {each: leads.inbox(session, fresh.vendor, only=each).leads for each in Standing}
        assert {each: rows for each, rows in found.items() if rows} == {
            Standing.ON_ITS_WAY: [fresh],
            Standing.SEEN: [seen],
            Standing.ANSWERED: [answered],
        }


def test_carols_shop_sees_nothing_of_bens_inbox(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        open_lead(session, ana, ben, now)
        hers = start_vendor(session, carol, now, name="Carol's", wish=("cars-trucks-vans", "fr"))
        assert leads.inbox(session, hers).leads == []
