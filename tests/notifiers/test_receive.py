"""Replies and bounces by SMTP and LMTP to a real listener, and what follows from them in the store."""

import smtplib
import socketserver
import threading
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import ClassVar

import pytest
from notifiers_world import Mailbox, Route, Time, World, a_channel, a_post, a_world, attempts_of, look, owe
from sqlalchemy import select
from test_inbound import report

from intents import publish
from intents.models import Intent
from notifiers import proving, register, return_path
from notifiers.announce import announce
from notifiers.deliver import deliver, send_now
from notifiers.inlet import Listener, Poller, Taker, letter_of, look_into
from notifiers.letters import owe_letters
from notifiers.models import Arrival, Channel, Notification, Result, Topic
from notifiers.post import Post
from notifiers.receive import SOFT_AT_MOST, Letter, without_traces
from vendors import respond
from vendors.models import Actor, Kind, Lead, Message, Response, Undelivered, Via
from vrm.config import MailAccount, MailInlet
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store


@pytest.fixture
def world(store: Store, ana: Account, ben: Account, clock: Time) -> World:
    world = a_world(store, ana, ben, clock())
    with store.write() as session:
        announce(session, clock())
    return world


@pytest.fixture
def post(tmp_path: Path, mail: tuple[Mailbox, Route]) -> Post:
    return replace(a_post(tmp_path, mail=mail[1]), takes_mail=True)


@pytest.fixture
def taker(store: Store, post: Post, clock: Time) -> Taker:
    return Taker(store, post, clock)


def told(store: Store, world: World, post: Post, clock: Time) -> Notification:
    """Ben's mailbox has heard of Ana's want."""
    owed = owe(store, clock(), a_channel(store, world.vendor, clock()), world.lead)
    assert deliver(store, post, clock) == 1
    return owed


def reply_to(mail: EmailMessage, body: str, **headers: str) -> bytes:
    answer = EmailMessage()
    answer["From"], answer["To"] = "Ben Shaw <ben@leeds-toyota.example>", mail["Reply-To"]
    answer["Subject"], answer["In-Reply-To"] = f"Re: {mail['Subject']}", mail["Message-ID"]
    answer["Message-ID"] = f"<{abs(hash(body))}@leeds-toyota.example>"
    for name, value in headers.items():
        del answer[name]
        answer[name.replace("_", "-")] = value
    answer.set_content(f"{body}\n\nOn Sat, VRM Intent Broker <vrm@wants.example> wrote:\n\n> Toyota Yaris\n")
    return answer.as_bytes()


def letter(mail: EmailMessage, raw: bytes, sender: str | None = "ben@leeds-toyota.example") -> Letter:
    return Letter(mail["Reply-To"].addresses[0].addr_spec, sender, raw)


def responses(store: Store) -> list[Response]:
    with store.read() as session:
        return list(session.scalars(select(Response).order_by(Response.id)))


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_reply_by_mail_is_the_vendors_response(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time, taker: Taker, lmtp: bool
) -> None:
    told(store, world, post, clock)
    (heard,) = mail[0].mails
    assert "reply to this mail" in heard.get_body(("plain",)).get_content()
    assert (
        mail[0].envelopes[0].mail_from == return_path.bounce_address(post, 1) or "+b" in mail[0].envelopes[0].mail_from
    )
    listener = Listener(taker, MailInlet("127.0.0.1", 0, lmtp))
    listener.start()
    try:
        raw = reply_to(heard, "Yes, in blue. Would a 2021 one do?")
        with (smtplib.LMTP if lmtp else smtplib.SMTP)("127.0.0.1", listener.port) as client:
            to = heard["Reply-To"].addresses[0].addr_spec
            client.sendmail("ben@leeds-toyota.example", to, raw)
            client.sendmail("ben@leeds-toyota.example", to, raw)  # A mail server that lost our answer.
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail("ben@leeds-toyota.example", "somebody@else.example", raw)
    finally:
        listener.stop()
    (response,) = responses(store)
    assert (response.kind, response.via, response.actor) == (Kind.QUESTION, Via.MAIL, Actor.HUMAN)
    assert response.body == "Yes, in blue. Would a 2021 one do?"
    lead = look(store, Lead, world.intent.id, world.vendor.id)
    assert (lead.responded_at, lead.seen_at) == (clock(), clock())
    with store.read() as session:
        assert [one.came_to for one in session.scalars(select(Arrival))] == ["a reply of the vendor"]


@pytest.mark.parametrize("lmtp", [False, True])
def test_what_comes_from_the_null_sender_is_a_machines_at_the_listener_too(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time, taker: Taker, lmtp: bool
) -> None:
    told(store, world, post, clock)
    (heard,) = mail[0].mails
    listener = Listener(taker, MailInlet("127.0.0.1", 0, lmtp))
    listener.start()
    try:
        with (smtplib.LMTP if lmtp else smtplib.SMTP)("127.0.0.1", listener.port) as client:
            client.sendmail("", heard["Reply-To"].addresses[0].addr_spec, reply_to(heard, "Away, and unmarked."))
    finally:
        listener.stop()
    assert [response.actor for response in responses(store)] == [Actor.AUTO]


def test_an_answering_machine_is_kept_apart(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time, taker: Taker
) -> None:
    told(store, world, post, clock)
    raw = reply_to(mail[0].mails[0], "I am away until Monday.", Auto_Submitted="auto-replied")
    assert taker.take(letter(mail[0].mails[0], raw)).startswith("250")
    (response,) = responses(store)
    assert (response.actor, response.via) == (Actor.AUTO, Via.MAIL)
    lead = look(store, Lead, world.intent.id, world.vendor.id)
    assert (lead.responded_at, lead.seen_at) == (None, None)


def test_the_customers_reply_reaches_the_vendor_and_her_address_does_not(
    store: Store, world: World, ana: Account, mail: tuple[Mailbox, Route], post: Post, clock: Time, taker: Taker
) -> None:
    told(store, world, post, clock)
    with store.write() as session:
        account = session.merge(ana)
        account.phone = "+44 113 496 0000"
        lead = session.get_one(Lead, (world.intent.id, world.vendor.id))
        respond.respond(session, lead, respond.Answer(kind=Kind.QUESTION, body="Which colour?"), clock(), via=Via.LINK)
    with store.write() as session:
        owe_letters(session, clock())
    deliver(store, post, clock)
    asked = mail[0].mails[-1]
    assert asked["To"] == "ana@example.org"
    said = "Blue, please. Call 0113 496 0000 or write to Ana@Example.org.\n\nAnita\nAna Castro"
    raw = reply_to(asked, said, From="Anita <ana@example.org>")
    assert taker.take(letter(asked, raw, "ana@example.org")).startswith("250")
    with store.write() as session:
        (message,) = session.scalars(select(Message))
        assert message.body == "Blue, please. Call [hidden] or write to [hidden]."
        announce(session, clock())
    deliver(store, post, clock)
    last = mail[0].mails[-1]
    assert last["To"] == "ben@leeds-toyota.example"
    assert "Blue, please." in last.get_body(("plain",)).get_content()
    assert b"ana@" not in last.as_bytes().lower()
    assert b"castro" not in last.as_bytes().lower()


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("Fine.\n\nAna", "Fine."),
        ("Fine, (0113) 4960000.", "Fine, [hidden]."),
        ("It costs 12,000 and I am at No. 113.", "It costs 12,000 and I am at No. 113."),
        ("Ana Castro", ""),
        ("Fine.\n\nAna Castro\nana@example.org\n0113 496 0000", "Fine."),
        ("Fine.\n\nA. M. Castro-Ruiz\n", "Fine."),  # As her mail program calls her.
        ("Fine, Castro.", "Fine, Castro."),
    ],
)
@pytest.mark.parametrize("known", ["Ana Castro", ""])
def test_what_a_mail_program_adds_of_the_customer_is_dropped(ana: Account, known: str, body: str, left: str) -> None:
    ana.phone, ana.name = "+44 113 496 0000", known
    called = "A. M. Castro-Ruiz" if "Ruiz" in body else "Ana Castro"
    assert " ".join(without_traces(body, ana, called).split()) == left


def test_what_cannot_be_taken_is_refused_with_a_sentence(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time, taker: Taker
) -> None:
    told(store, world, post, clock)
    heard = mail[0].mails[0]
    assert "no words of yours" in taker.take(letter(heard, reply_to(heard, "")))
    nowhere = Letter("vrm@wants.example", "x@y.example", b"Subject: hello\n\nhello\n")
    assert taker.take(nowhere).startswith("550 5.1.1")
    with store.write() as session:
        publish.withdraw(session, session.get_one(Intent, world.intent.id), clock())
    late = taker.take(letter(heard, reply_to(heard, "Too late?")))
    assert late.startswith("550 5.7.1 This want is over (withdrawn")
    machine = reply_to(heard, "Away.", Auto_Submitted="auto-replied")
    assert taker.take(letter(heard, machine)).startswith("250")  # A machine is never answered.
    assert responses(store) == []


def test_a_reply_to_the_sender_itself_is_found_by_its_thread_and_a_mailbox_is_read_like_a_listener(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time, taker: Taker
) -> None:
    told(store, world, post, clock)
    answer = message_from_bytes(reply_to(mail[0].mails[0], "Yes."), policy=policy.default)
    del answer["To"]
    answer["To"] = "vrm@wants.example"
    read = letter_of(post, answer.as_bytes())
    assert (read.to, read.sender) == ("vrm@wants.example", None)
    assert taker.take(read).startswith("250")
    assert [response.body for response in responses(store)] == ["Yes."]


# --- Bounces --------------------------------------------------------------------------------------


def comes_back(post: Post, owed: Notification, status: str) -> Letter:
    return Letter(return_path.bounce_address(post, owed.id), "", report("failed", status) + str(owed.id).encode())


def test_a_hard_bounce_takes_the_proof_back_and_stops_the_channel_at_once(
    store: Store, world: World, post: Post, clock: Time, taker: Taker
) -> None:
    owed = told(store, world, post, clock)
    assert look(store, Lead, world.intent.id, world.vendor.id).delivered_at == clock()
    clock.wait(minutes=3)
    assert taker.take(comes_back(post, owed, "5.1.1")).startswith("250")
    lead = look(store, Lead, world.intent.id, world.vendor.id)
    assert (lead.delivered_at, lead.undelivered) == (None, Undelivered.BOUNCED)
    row = look(store, Notification, owed.id)
    assert row.result is Result.FAILED
    channel = look(store, Channel, row.channel_id or 0)
    assert register.state(channel) is register.State.OFF
    assert channel.switched_off_because == "A mail came back: smtp; 550 no such user"
    assert attempts_of(store, owed)[-1].said == "It came back: smtp; 550 no such user"
    with store.read() as session:
        letters = session.scalars(select(Notification).where(Notification.topic == Topic.OFF_LETTER)).all()
    assert len(letters) == 1


def test_a_test_that_comes_back_stops_nothing(
    store: Store, world: World, post: Post, clock: Time, taker: Taker
) -> None:
    """It may have gone to an address that was only tried; whoever asked for it sees in the log that it came back."""
    channel = a_channel(store, world.vendor, clock())
    with store.write() as session:
        test = proving.test(session, session.merge(channel), clock())
    send_now(store, post, test.id, clock)
    taker.take(comes_back(post, test, "5.1.1"))
    assert register.state(look(store, Channel, channel.id)) is register.State.WORKING
    assert attempts_of(store, test)[-1].said.startswith("It came back")


def test_three_soft_bounces_in_a_week_pause_it_and_a_fourth_after_it_went_on_does_not(
    store: Store, world: World, post: Post, clock: Time, taker: Taker
) -> None:
    channel = a_channel(store, world.vendor, clock())
    for number in range(SOFT_AT_MOST):
        assert register.state(look(store, Channel, channel.id)) is register.State.WORKING
        owed = owe(store, clock(), channel, world.lead, Topic.MESSAGE_CREATED, number)
        with store.write() as session:
            row = session.get_one(Notification, owed.id)
            row.done_at, row.result = clock(), Result.DELIVERED
        clock.wait(days=2)
        assert taker.take(comes_back(post, owed, "5.2.2")).startswith("250")
    there = look(store, Channel, channel.id)
    assert (there.paused_at, register.state(there)) == (clock(), register.State.PAUSED)
    assert "3 mails came back within a week" in (there.paused_because or "")
    with store.write() as session:
        again = session.get_one(Channel, channel.id)
        register.resume(session, again, clock())
        assert again.paused_because is None
        again.caught_up_at = clock()  # As the router does.
    clock.wait(hours=1)
    owed = owe(store, clock(), channel, world.lead, Topic.MESSAGE_CREATED, 9)
    taker.take(comes_back(post, owed, "4.4.7"))
    assert register.state(look(store, Channel, channel.id)) is register.State.WORKING


def test_a_bounce_after_three_days_or_of_an_old_place_changes_no_proof(
    store: Store, world: World, post: Post, clock: Time, taker: Taker
) -> None:
    owed = told(store, world, post, clock)
    sent_at = clock()
    clock.wait(days=4)
    with store.write() as session:
        channel = session.get_one(Channel, look(store, Notification, owed.id).channel_id)
        channel.verified_at = clock() - timedelta(hours=1)  # It was moved to another mailbox meanwhile.
    taker.take(comes_back(post, owed, "5.1.1"))
    assert look(store, Lead, world.intent.id, world.vendor.id).delivered_at == sent_at
    assert register.state(look(store, Channel, channel.id)) is register.State.WORKING


def test_a_report_that_names_only_our_message_id_is_found(
    store: Store, world: World, post: Post, clock: Time, taker: Taker
) -> None:
    owed = told(store, world, post, clock)
    raw = report("failed", "5.1.1").replace(b"msg_7_abc@", f"msg_{owed.id}_{owed.code}@".encode())
    assert taker.take(Letter("vrm@wants.example", "", raw)).startswith("250")
    assert look(store, Notification, owed.id).result is Result.FAILED


# --- A mailbox that is read by IMAP ---------------------------------------------------------------


class Keeper(socketserver.StreamRequestHandler):
    """As much of an IMAP server (RFC 3501) as reading new mail takes. `mails`: (a mail, whether it was seen) by UID."""

    mails: ClassVar[dict[int, tuple[bytes, bool]]] = {}

    def handle(self) -> None:
        self._say(b"* OK ready")
        for line in self.rfile:
            tag, _, command = line.strip().partition(b" ")
            words = command.split()
            verb = b" ".join(words[:2]) if words[0] == b"UID" else words[0]
            if verb == b"CAPABILITY":
                self._say(b"* CAPABILITY IMAP4rev1")
            elif verb == b"SELECT" and b"INBOX" not in words[1]:
                self._say(tag + b" NO there is no such folder")
                continue
            elif verb == b"SELECT":
                self._say(b"* %d EXISTS" % len(self.mails))
            elif verb == b"UID SEARCH":
                self._say(b"* SEARCH " + b" ".join(b"%d" % uid for uid, (_, seen) in self.mails.items() if not seen))
            elif verb == b"UID FETCH":
                raw = self.mails[int(words[2])][0]
                self._say(b"* 1 FETCH (UID %s BODY[] {%d}" % (words[2], len(raw)))
                self.wfile.write(raw)
                self._say(b")")
            elif verb == b"UID STORE":
                assert words[3:] == [b"+FLAGS", b"(\\Seen)"]
                self.mails[int(words[2])] = (self.mails[int(words[2])][0], True)
            self._say(tag + b" OK done")
            if verb == b"LOGOUT":
                return

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


def test_a_mailbox_is_read_and_what_was_taken_or_is_not_ours_is_seen(
    store: Store, world: World, mail: tuple[Mailbox, Route], post: Post, clock: Time, taker: Taker
) -> None:
    told(store, world, post, clock)
    mute = b"Return-Path: <ben@leeds-toyota.example>\r\n" + reply_to(mail[0].mails[0], "").replace(b"\n", b"\r\n")
    reply = reply_to(mail[0].mails[0], "Yes, by mail.").replace(b"\n", b"\r\n")
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000))
    odd = reply.partition(b"Content-Type:")[0] + nested  # It used to end the thread that reads the mailbox.
    Keeper.mails = {3: (odd, False), 4: (reply, False), 5: (b"Subject: hello\r\n\r\nnot for us\r\n", False)}
    Keeper.mails |= {6: (b"old", True), 7: (mute, False)}
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Keeper) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        port = server.server_address[1]
        poller = Poller(taker, MailAccount("127.0.0.1", port, False, "vrm", "secret", "INBOX"))
        assert [poller.once(), poller.once()] == [4, 0]
        assert look_into(MailAccount("127.0.0.1", port, False, "vrm", "secret", "INBOX")) is None
        assert "no such folder" in (look_into(MailAccount("127.0.0.1", port, False, "vrm", "secret", "Wants")) or "")
        server.shutdown()
        thread.join()
    assert [response.body for response in responses(store)] == ["Yes, by mail."]
    assert all(seen for _, seen in Keeper.mails.values())
    (notice,) = mail[0].mails[1:]
    assert (notice["To"], notice["Subject"]) == ("ben@leeds-toyota.example", "Your reply did not arrive")
    assert "no words of yours" in notice.get_content()
