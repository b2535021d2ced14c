"""What a vendor does, with an account and without one, in a real browser: each way, over both stores."""

import pytest
from browsing import Desk
from hands import Mouse, Way, begin_to_listen, sits_down, walked
from playwright.sync_api import Browser, expect
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import select

from intents.models import Intent
from notifiers.models import Channel
from vendors.models import DeclineReason, Kind, Response
from vrm.kernel import accounts
from vrm.kernel.clock import utc_now

pytestmark = pytest.mark.slow
SHOP = "sales@leeds-toyota.example"


def want(desk: Desk, *titles: str) -> None:
    """Ana publishes them, and who listens is told."""
    now = utc_now()
    with desk.store.write() as session:
        ana = accounts.ensure(session, "ana@example.org", now)
        ana.verified_at = now
        for title in titles:
            publish_want(session, ana, now, title=title)
    desk.catch_up()


def answers(desk: Desk) -> dict[str, list[Response]]:
    """What was said to each want, by its title."""
    with desk.store.read() as session:
        found: dict[str, list[Response]] = {}
        for title, response in session.execute(
            select(Intent.title, Response).join(Response, Response.intent_id == Intent.id).order_by(Response.id)
        ):
            found.setdefault(title, []).append(response)
        return found


def offer(hands: Mouse, price: str) -> None:
    """Price, words and where it stands, with one mistake on the way."""
    hands.write("Price", "dear")
    hands.press("Send the offer to the customer")
    hands.is_told_of_problems("“dear” is not an amount")
    hands.write("Price", price)
    hands.press("Send the offer to the customer")
    hands.sees("Sent.")


@walked
def test_a_vendor_signs_up_listens_and_answers(browser: Browser, desk: Desk, way: Way) -> None:
    ben = sits_down(browser, way, desk)
    begin_to_listen(ben, desk)
    ben.press("Send a test")
    ben.sees("The test was sent, and the other side took it.", "Delivered")
    desk.mail_to(SHOP, r"(?i)(test)")

    ben.follow("What we listen for", "main nav")
    ben.follow("Listen for something else")
    ben.write("What you sell", "Bicycles")
    ben.write("Where", "World")
    ben.press("Look what it would have brought")
    ben.sees("This would have brought you 0 wants in the last 30 days.")
    ben.press("Listen for these wants")

    ben.follow("Templates", "main nav")
    ben.press("Save")
    ben.is_told_of_problems("")
    ben.write("Its name", "Come by")
    ben.write("The words", "We have one; come and drive it.")
    ben.press("Save")

    want(desk, "A red Yaris", "A blue Yaris", "A Corolla")
    ben.follow("Wants", "main nav")
    ben.write("Words", "yaris")
    ben.press("Search")
    expect(ben.page.get_by_text("A Corolla")).to_have_count(0)
    ben.press("Say so to those that are ticked")
    ben.is_told_of_problems("")
    ben.tick("Tick “A red Yaris”")
    ben.choose("Not for us, because", "Out of stock")
    ben.press("Say so to those that are ticked")

    ben.page.goto("/vendor")
    ben.follow("A blue Yaris")
    ben.unfold("Make an offer")
    ben.follow("Come by", "[open]")
    expect(ben.page.get_by_label("What you offer")).to_have_value("We have one; come and drive it.")
    offer(ben, "9,800")
    ben.follow("Wants", "main nav")
    ben.follow("A Corolla")
    ben.unfold("Ask a question")
    ben.write("Your words", "Which year?")
    ben.press("Send the question to the customer")
    ben.sees("Sent.")

    said = answers(desk)
    assert [one.decline_reason for one in said["A red Yaris"]] == [DeclineReason.STOCK]
    assert [one.price for one in said["A blue Yaris"]] == [980_000]
    assert [(one.kind, one.body) for one in said["A Corolla"]] == [(Kind.QUESTION, "Which year?")]


@walked
def test_a_vendor_answers_from_a_mail_without_an_account(browser: Browser, desk: Desk, way: Way) -> None:
    now = utc_now()
    with desk.store.write() as session:
        ben = accounts.ensure(session, "ben@leeds-toyota.example", now)
        shop = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-lds"))
        add_mail_channel(session, shop, now, SHOP)
    want(desk, "A red Yaris")
    somebody = sits_down(browser, way, desk, viewport={"width": 320, "height": 640})
    link = desk.mail_to(SHOP, r"(http://\S+/r/[\w~-]+)")
    somebody.open(link)
    somebody.unfold("Ask a question")
    somebody.press("Send the question to the customer")
    somebody.is_told_of_problems("")
    somebody.write("Your words", "Which year?")
    somebody.press("Send the question to the customer")
    somebody.sees("Sent.")
    somebody.unfold("Make an offer")
    somebody.write("What you offer", "A 2023 Yaris, one owner.")
    offer(somebody, "9,800")
    somebody.unfold("Not for us")
    somebody.tick("Out of stock")
    somebody.press("Tell the customer that it is not for us")
    somebody.sees("Sent.")
    somebody.press("Make it an account")
    desk.mail_to(SHOP, r"(http://\S+/sign-in/[\w-]+)")
    somebody.open(link)
    somebody.unfold("Stop these messages")
    somebody.press("Send no more messages here")
    somebody.headed("Stopped")

    assert [one.kind for one in answers(desk)["A red Yaris"]] == [Kind.QUESTION, Kind.OFFER, Kind.DECLINE]
    with desk.store.read() as session:
        assert session.scalars(select(Channel)).one().paused_at is not None
