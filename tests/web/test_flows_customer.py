"""What a customer does from the first sentence to the last word, in a real browser: each way, over both stores."""

import pytest
from browsing import Desk
from hands import Mouse, Way, sits_down, walked
from playwright.sync_api import Browser
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import select

from intents.models import Intent
from vendors import leads
from vendors.models import Exchange, Kind, Vendor, Via
from vendors.respond import Answer, respond
from vrm.kernel import accounts
from vrm.kernel.accounts import Account
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.money import Money

pytestmark = pytest.mark.slow
ADDRESS = "ana@example.org"


@pytest.fixture
def shops(desk: Desk) -> dict[str, Vendor]:
    """Two that listen for cars in Leeds, each with a mailbox."""
    now = utc_now()
    with desk.store.write() as session:
        ben = accounts.ensure(session, "ben@leeds-toyota.example", now)
        ben.verified_at = now
        found = {}
        for name in ("Leeds Toyota", "Headingley Cars"):
            found[name] = start_vendor(session, ben, now, name=name, wish=("cars-trucks-vans", "gb-lds"))
            add_mail_channel(session, found[name], now, f"sales@{found[name].slug}.example")
        return found


def say(store: Store, vendor: Vendor, answer: Answer) -> None:
    """The shop answers the only want."""
    with store.write() as session:
        intent = session.scalars(select(Intent)).one()
        lead = next(lead for lead in leads.of_intent(session, intent) if lead.vendor_id == vendor.id)
        respond(session, lead, answer, utc_now(), via=Via.PAGE)


def publish(ana: Mouse, desk: Desk) -> None:
    """From the front page to the board, with one chip corrected, and one mistake on the way."""
    ana.page.goto("/")
    ana.write("What do you want to buy?", "A used Toyota Yaris in Leeds under £12,000")
    ana.press("Look at it")
    ana.sees("What we understood", "Leeds")
    ana.jump("Budget up to £12,000", ".chips")
    ana.write("Budget up to", "-5")
    ana.press("Look at it once more")
    ana.is_told_of_problems("is not an amount")
    ana.jump("“-5” is not an amount; write digits only, such as 12000 or 12000.50.", "#problems")
    ana.has_focus("Budget up to")
    ana.write("Budget up to", "11,500")
    ana.press("Look at it once more")
    ana.write("Your e-mail address", ADDRESS)
    ana.press("Go on")
    ana.sign_in(ADDRESS, desk)
    ana.headed("A used Toyota Yaris in Leeds under £12,000")
    ana.sees("2 vendors listen here", "up to £11,500")
    ana.press("Publish it and tell 2 vendors")
    desk.catch_up()


def talk(ana: Mouse, desk: Desk, shops: dict[str, Vendor]) -> None:
    """Two answers: one leads to the contact details, the other one to a “no, thank you”."""
    offer = Answer(kind=Kind.OFFER, body="A 2023 Yaris, one owner.", price=Money(1_120_000, "GBP"))
    say(desk.store, shops["Leeds Toyota"], offer)
    say(desk.store, shops["Headingley Cars"], Answer(kind=Kind.QUESTION, body="Would a Corolla do?"))
    ana.page.reload()
    ana.sees("£11,200", "“Would a Corolla do?”", "asks you something")
    ana.follow("Leeds Toyota", "#vendors ~ .rows")
    ana.write("Write to Leeds Toyota", "Has it winter tyres?")
    ana.press("Send to Leeds Toyota")
    ana.sees("Has it winter tyres?")
    ana.press("Show my contact details to Leeds Toyota")
    ana.sees("This vendor can see them since")
    ana.press("Put it on my short list")
    ana.sees("Short list")
    ana.press("Choose Leeds Toyota and show them my contact details")
    ana.sees("Chosen")
    ana.follow("Headingley Cars", "#vendors ~ .rows")
    ana.press("No, thank you: end this conversation")
    ana.sees("Turned down")


@walked
def test_a_customer_publishes_talks_changes_and_closes(
    browser: Browser, desk: Desk, shops: dict[str, Vendor], way: Way
) -> None:
    ana = sits_down(browser, way, desk)
    publish(ana, desk)
    talk(ana, desk, shops)
    ana.press("Pause: no more vendors")
    ana.press("Open it again")
    ana.follow("Change it")
    ana.write("In more words", "Five doors, please.")
    ana.press("Save and tell the vendors")
    desk.catch_up()
    ana.choose("I have bought it from", "Leeds Toyota")
    ana.press("Close it as bought and tell 2 vendors")
    ana.sees("bought from Leeds Toyota")
    ana.follow("Say how it went")
    ana.press("Tell Leeds Toyota how it went")
    ana.is_told_of_problems("")
    ana.tick("Yes, glad")
    ana.write("In a sentence", "Friendly and quick.")
    ana.press("Tell Leeds Toyota how it went")
    with desk.store.read() as session:
        intent, told = session.scalars(select(Intent)).one(), session.scalars(select(Exchange)).one()
        assert (intent.state, intent.outcome, intent.body) == ("closed", "fulfilled", "Five doors, please.")
        assert (told.glad, told.words) == (True, "Friendly and quick.")


@walked
def test_a_customer_withdraws_and_takes_everything_along(
    browser: Browser, desk: Desk, shops: dict[str, Vendor], way: Way
) -> None:
    now = utc_now()
    with desk.store.write() as session:
        account = accounts.ensure(session, ADDRESS, now)
        account.verified_at = now
        publish_want(session, account, now)
    desk.catch_up()
    ana = sits_down(browser, way, desk)
    ana.page.goto("/me")
    ana.write("Your e-mail address", ADDRESS)
    ana.press("E-mail me a sign-in link")
    ana.sign_in(ADDRESS, desk)
    ana.follow("Toyota Yaris")
    ana.press("Withdraw and tell 2 vendors")
    ana.sees("Withdrawn")
    ana.follow("Account", "header")
    ana.follow("My data")
    ana.write("Type your address to show that you mean it", "somebody@example.org")
    ana.press("Erase everything about me")
    ana.is_told_of_problems("")
    ana.write("Type your address to show that you mean it", ADDRESS)
    ana.press("Erase everything about me")
    with desk.store.read() as session:
        assert session.scalars(select(Intent)).one().outcome == "withdrawn"
        assert session.scalar(select(Account).where(Account.email == ADDRESS)) is None
