"""What operators and researchers do, in a real browser: each way, over both stores."""

import re

import pytest
from browsing import Desk
from hands import Way, sits_down, walked
from playwright.sync_api import Browser
from rooms import publish_want, start_vendor
from sqlalchemy import select, update

from intents.models import Intent
from vendors import reports
from vendors.models import Lead
from vendors.reports import Reason
from vrm.kernel import accounts
from vrm.kernel.accounts import Account
from vrm.kernel.clock import utc_now
from vrm.readers import Access
from vrm.research import snapshots
from vrm.web import admin
from vrm.web.figures import shelf

pytestmark = pytest.mark.slow


def told(desk: Desk, wants: int) -> Intent:
    """One shop that was told of so many wants; the last of them."""
    now = utc_now()
    with desk.store.write() as session:
        people = [accounts.ensure(session, email, now) for email in ("ana@example.org", "ben@example.com")]
        for one in people:
            one.verified_at = now
        ana, ben = people
        start_vendor(session, ben, now, wish=("anything", "world"))
        made = [publish_want(session, ana, now) for _ in range(wants)]
    desk.catch_up()
    with desk.store.write() as session:
        session.execute(update(Lead).values(undelivered=None, notified_at=now, delivered_at=now))
    return made[-1]


@walked
def test_an_operator_takes_over_and_moderates(browser: Browser, desk: Desk, way: Way) -> None:
    want = told(desk, 1)
    with desk.store.write() as session:
        line = admin.invitation(session, desk.app.extensions["vrm"].settings)
        reports.report(session, utc_now(), intent=session.get_one(Intent, want.id), reason=Reason.SPAM, words="Spam.")
    found = re.search(r"open (\S+) with code (\S+)\.", line or "")
    assert found is not None
    olu = sits_down(browser, way, desk)
    olu.open(found[1])
    olu.write("The code from the log", "abcd-efgh-ijkl")
    olu.write("Your e-mail address", "olu@example.com")
    olu.write("A password", "a long sentence will do")
    olu.press("Become the owner")
    olu.is_told_of_problems("That is not the code in the log")
    olu.write("The code from the log", found[2])
    olu.write("A password", "a long sentence will do")
    olu.press("Become the owner")
    olu.headed("Running it")

    olu.follow("Reports and held wants")
    olu.follow("Toyota Yaris")
    olu.write("A sentence that says why, to whom it concerns", "It looks like an advertisement.")
    olu.press("Hold the want")
    olu.sees("Held. Nobody new hears of it", "It looks like an advertisement.", "No report is open")
    olu.press("Release “Toyota Yaris”")
    olu.sees("Released.", "Nothing is held")
    olu.follow("Running it", "main")
    olu.follow("What is owed")
    olu.headed("What is owed")
    with desk.store.read() as session:
        assert session.get_one(Intent, want.id).state == "open"
        assert session.scalars(select(Account.email).where(Account.is_operator)).all() == ["olu@example.com"]


@walked
def test_a_researcher_looks_downloads_and_asks_for_more(browser: Browser, desk: Desk, way: Way) -> None:
    told(desk, 12)
    with desk.app.app_context(), desk.store.read() as session:
        made = snapshots.make(session, utc_now(), shelf(), desk.base)
    rita = sits_down(browser, way, desk)
    rita.page.goto("/")
    rita.follow("Who answers", "footer")
    rita.sees("times a vendor was told")
    rita.unfold("Look at a part of it")
    rita.write("What kind of thing", "Cars, Trucks & Vans")
    rita.press("Show it")
    rita.sees("times a vendor was told")
    rita.follow("Research", "footer")
    rita.follow(made.id)
    file = rita.download("Download the leads as CSV")
    assert file == (made.folder / "leads.csv").read_bytes()

    rita.follow("Research", "footer")
    rita.follow("Ask for it")
    rita.write("Your e-mail address", "rita@uni.example")
    rita.press("E-mail me a sign-in link")
    rita.sign_in("rita@uni.example", desk)
    rita.headed("Leads with their moments")
    rita.write("Where you work", "A university")
    rita.write("What you want to find out", "Whether answers come faster on Mondays.")
    rita.press("Ask the operator")
    rita.is_told_of_problems("needs your agreement")
    rita.tick("I agree to this")
    rita.press("Ask the operator")
    rita.sees("The operator has not answered yet.")
    with desk.store.read() as session:
        assert session.scalars(select(Access)).one().affiliation == "A university"
