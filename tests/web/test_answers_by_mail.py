"""A mail to a vendor, its reply by SMTP, and what the customer then sees in a browser: real servers on both sides."""

import smtplib
from collections.abc import Iterator
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from browsing import Desk, as_person, open_desk
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import select

from intents.models import Intent
from notifiers.inlet import Listener, Taker
from notifiers.models import Notification, Topic
from notifiers.return_path import bounce_address
from vendors.models import Vendor
from vrm.config import MailInlet, MailRelay
from vrm.demo.town import Mail
from vrm.kernel import accounts
from vrm.kernel.accounts import Account, Passwords
from vrm.kernel.clock import utc_now

pytestmark = pytest.mark.slow
SHOPS = {"Leeds Toyota": "sales@leeds-toyota.example", "Pennine Autos": "office@pennine-autos.example"}
ANYWHERE = MailInlet("127.0.0.1", 0, lmtp=False)


@pytest.fixture
def relay() -> Iterator[Mail]:
    with closing(Mail()) as relay:
        yield relay


@pytest.fixture
def desk(house: Flask, store_url: str, tmp_path: Path, passwords: Passwords, relay: Mail) -> Iterator[Desk]:
    """A desk whose mail goes out to a mail server, and which takes mail."""
    out = MailRelay("127.0.0.1", relay.port, secure=False, user=None, password=None)
    with open_desk(house, store_url, tmp_path, passwords, mail=out, inlet=ANYWHERE) as desk:
        yield desk


@pytest.fixture
def inlet(desk: Desk) -> Iterator[Listener]:
    listener = Listener(Taker(desk.store, desk.works.post, desk.works.clock), ANYWHERE)
    listener.start()
    yield listener
    listener.stop()


def a_want(desk: Desk) -> tuple[Account, Intent]:
    """Ana's, of which two shops are told by mail."""
    now = utc_now()
    with desk.store.write() as session:
        for name, address in SHOPS.items():
            owner = accounts.ensure(session, address, now)
            shop = start_vendor(session, owner, now, name=name, wish=("vehicles", "gb"))
            add_mail_channel(session, shop, now, address)
        ana = accounts.ensure(session, "ana@example.org", now)
        ana.verified_at = ana.trusted_at = now
        intent = publish_want(session, ana, now)
    desk.catch_up()
    return ana, intent


def reply(relay: Mail, inlet: Listener, sender: str, body: str, **headers: str) -> None:
    """Answer the newest mail to this address, as a mail program does."""
    asked = [mail for to, mail in relay.taken if to == sender][-1]
    answer = EmailMessage(policy=SMTP)
    answer["From"], answer["To"], answer["Subject"] = sender, asked["Reply-To"], f"Re: {asked['Subject']}"
    answer["In-Reply-To"] = answer["References"] = asked["Message-ID"]
    for name, value in headers.items():
        answer[name.replace("_", "-")] = value
    text = asked.get_body(("plain",))
    quoted = "".join(f"> {line}\n" for line in (text.get_content() if text else "").splitlines())
    answer.set_content(f"{body}\n\nOn Sat, 28 Nov 2026 at 10:00, VRM Intent Broker <vrm@x.example> wrote:\n{quoted}")
    give(inlet, sender, asked["Reply-To"].addresses[0].addr_spec, answer.as_bytes())


def give(inlet: Listener, sender: str, to: str, raw: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", inlet.port) as client:
        client.sendmail(sender, [to], raw)


def bounced(desk: Desk, name: str) -> tuple[str, bytes]:
    """Where the report goes that the first word to this vendor came back, and the report (RFC 3464)."""
    with desk.store.read() as session:
        told = session.scalars(
            select(Notification)
            .join(Vendor, Vendor.id == Notification.vendor_id)
            .where(Vendor.name == name, Notification.topic == Topic.LEAD_CREATED)
        ).one()
    to = bounce_address(desk.works.post, told.id)
    return to, (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; x@x.example\r\nAction: failed\r\n"
        "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such mailbox\r\n\r\n--b--\r\n"
    ).encode()


def line_of(page: Page, name: str) -> Locator:
    """A vendor's line on the board."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


def test_a_reply_by_mail_is_on_the_board_and_a_machines_and_a_bounce_are_not_taken_for_one(
    browser: Browser, desk: Desk, relay: Mail, inlet: Listener
) -> None:
    ana, intent = a_want(desk)
    with as_person(browser, desk.app, ana, desk.base) as context:
        page = context.new_page()
        page.goto(f"/me/intents/{intent.code}")
        for name in SHOPS:
            expect(line_of(page, name)).to_contain_text("Delivered, not seen")

        reply(relay, inlet, SHOPS["Leeds Toyota"], "I am away until Monday.", Auto_Submitted="auto-replied")
        page.reload()
        expect(line_of(page, "Leeds Toyota")).to_contain_text("Delivered, not seen")
        line_of(page, "Leeds Toyota").get_by_role("link", name="Leeds Toyota").click()
        expect(page.get_by_role("listitem").filter(has_text="I am away until Monday.")).to_contain_text(
            "automatic reply"
        )

        said = "We have one of 2018 for £10,900.\n\n-- \nBen Miller\n0113 496 0000"
        reply(relay, inlet, SHOPS["Leeds Toyota"], said)
        give(inlet, "", *bounced(desk, "Pennine Autos"))
        page.goto(f"/me/intents/{intent.code}")
        answered = line_of(page, "Leeds Toyota")
        expect(answered).to_contain_text("Answered")
        expect(answered.get_by_text("We have one of 2018", exact=False)).to_have_text(
            "We have one of 2018 for £10,900."
        )
        lost = line_of(page, "Pennine Autos")
        expect(lost).to_contain_text("Not reached")
        expect(lost).to_contain_text("Its mailbox does not exist or refused the message.")
    desk.catch_up()
    assert relay.find("ana@example.org", "We have one of 2018 for £10,900.") is not None
    assert relay.find("ana@example.org", "away until Monday") is None
