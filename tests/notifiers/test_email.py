"""Mail to a real server: what it looks like there, and what each refusal means."""

import asyncio
import base64
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from pathlib import Path

import dkim
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from notifiers_world import Route, a_post, free_port, mail_server

from notifiers.channels import Composed, Outcome, Wire
from notifiers.channels.email import Email, of_reply, write_mail
from notifiers.models import Topic, Verdict
from notifiers.post import Dkim, Post
from notifiers.return_path import Return, read_address
from vendors.models import Undelivered
from vrm.kernel.errors import BadInput

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG = "https://wants.example/r/" + "x" * 150 + "/unsubscribe"
MESSAGE = Composed(
    Topic.LEAD_CREATED,
    "Wanted: Škoda Yeti “4×4” (Leeds) " + "and more " * 12 + "words",
    "Plain, ünïcode 🚗\n> quoted\n" + "long " * 400 + "\n",
    "<!doctype html><p>Hello</p>",
    "chat",
    (),
    {},
    LONG,
)
WIRE = Wire("msg_7_abc", "msg_5_def", NOW, NOW)


def send(post: Post, address: str = "ben@leeds.example", message: Composed = MESSAGE) -> Outcome:
    return asyncio.run(Email().send({"address": address}, message, WIRE, post))


def test_a_mail_arrives_whole(tmp_path: Path) -> None:
    with mail_server() as (box, route):
        outcome = send(a_post(tmp_path, mail=route))
    assert (outcome.verdict, outcome.status, outcome.evidence) == (Verdict.DELIVERED, 250, True)
    (mail,) = box.mails
    (envelope,) = box.envelopes
    assert envelope.mail_from == "vrm@wants.example"
    assert envelope.rcpt_tos == ["ben@leeds.example"]
    assert mail["From"] == "VRM Intent Broker <vrm@wants.example>"
    assert mail["To"] == "ben@leeds.example"
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Message-ID"] == "<msg_7_abc@wants.example>"
    assert mail["In-Reply-To"] == mail["References"] == "<msg_5_def@wants.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == f"<{LONG}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Date"].datetime == NOW
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == MESSAGE.plain
    assert html.get_content().strip() == MESSAGE.html
    raw = envelope.content
    assert isinstance(raw, bytes)
    assert f"List-Unsubscribe: <{LONG}>\r\n".encode() in raw  # In one piece: encoded words are not undone there.
    assert max(map(len, raw.split(b"\r\n"))) < 998


def test_a_letter_has_no_list_and_the_first_of_a_thread_no_reply() -> None:
    mail = write_mail("a@b.example", replace(MESSAGE, unsubscribe_url=None), WIRE._replace(thread=None), POST)
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "In-Reply-To", "References"):
        assert name not in mail


POST = a_post(Path("unused"))


_WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=40)


@given(st.lists(st.sampled_from(["under", "£12,000", "Größe", "für"]) | _WORDS, min_size=1, max_size=20))
@example(["Leeds", "Toyota", "answered:", "A", "used", "Toyota", "Yaris", "in", "Leeds", "under", "£12,000"])
@example(["£12,000", "für", "A", "wanted", "Yaris", "answered:", "Toyota", "Größe", "für", "Toyota", "häuser"])
def test_a_subject_is_read_as_it_was_written(words: list[str]) -> None:
    """Python's own folding doubles or drops the space beside a word that it encodes."""
    subject = " ".join(words).replace("=?", "")  # Which the library takes for words that are encoded already.
    raw = write_mail("a@b.example", replace(MESSAGE, subject=subject), WIRE, POST).as_bytes()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert message_from_bytes(raw, policy=policy.default)["Subject"] == subject
    # As older programs do it.
    folded = str(message_from_bytes(raw)["Subject"]).replace("\r\n", "").replace("\n", "")
    assert str(make_header(decode_header(folded))) == subject


def test_a_subject_begins_on_the_line_of_its_name_however_long_it_is() -> None:
    words = "Wanted: Toyota Yaris, 2015 or newer (Leeds, England, United Kingdom), in words " + "x" * 30
    for length in range(40, len(words)):
        subject = words[:length].strip()
        raw = write_mail("a@b.example", replace(MESSAGE, subject=subject), WIRE, POST).as_bytes()
        assert b"\r\nSubject: Wanted: Toyota" in raw
        assert message_from_bytes(raw, policy=policy.default)["Subject"] == subject


@pytest.mark.parametrize("evil", ["a\r\nBcc: x@y.example", "a\nX: y", "a\rX: y"])
def test_no_header_can_be_injected(evil: str) -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        write_mail("a@b.example", replace(MESSAGE, subject=evil), WIRE, POST)
    with pytest.raises((ValueError, IndexError)):
        write_mail(f"x@y.example{evil}", MESSAGE, WIRE, POST)


def test_addresses_are_checked_where_they_are_typed() -> None:
    clean = Email().clean
    assert clean({"address": " Sales@Example.ORG "}, POST.outbound) == {"address": "sales@example.org"}
    for address in ("", "nobody", "a@b", "a@b.example\nBcc: c@d.example", "jürgen@example.org", "a@b.example, c@d.e"):
        with pytest.raises(BadInput) as refused:
            clean({"address": address}, POST.outbound)
        assert list(refused.value.problems) == ["address"]


@pytest.mark.parametrize(
    ("reply", "verdict", "because", "gone", "ours"),
    [
        ("RCPT 550 5.1.1 no such user", Verdict.PERMANENT, Undelivered.BOUNCED, True, False),
        ("RCPT 553 mailbox name not allowed", Verdict.PERMANENT, Undelivered.BOUNCED, True, False),
        ("RCPT 550 5.7.1 you are on a blocklist", Verdict.PERMANENT, Undelivered.REFUSED, False, False),
        ("RCPT 451 4.7.1 greylisted", Verdict.TRANSIENT, Undelivered.REFUSED, False, False),
        ("RCPT 552 5.2.2 mailbox full", Verdict.TRANSIENT, Undelivered.REFUSED, False, False),
        ("RCPT 554 5.7.1 relay access denied", Verdict.TRANSIENT, Undelivered.UNREACHABLE, False, True),
        ("DATA 554 5.6.0 looks like spam", Verdict.PERMANENT, Undelivered.REFUSED, False, False),
        ("DATA 452 4.3.1 no space", Verdict.TRANSIENT, Undelivered.REFUSED, False, False),
    ],
)
def test_each_refusal_says_what_it_means(
    tmp_path: Path, reply: str, verdict: Verdict, because: Undelivered, gone: bool, ours: bool
) -> None:
    with mail_server() as (box, route):
        box.refuse["ben@leeds.example"] = reply
        outcome = send(a_post(tmp_path, mail=route))
    assert (outcome.verdict, outcome.because, outcome.gone, outcome.ours) == (verdict, because, gone, ours)
    assert outcome.status == int(reply[5:8])
    assert reply[9:] in outcome.said
    assert box.mails == []


def test_a_reply_without_an_enhanced_code_is_read_by_its_number() -> None:
    assert of_reply(551, "user not local").gone
    assert of_reply(450, "busy").verdict is Verdict.TRANSIENT


def test_nobody_listening_and_a_broken_conversation_are_our_trouble(tmp_path: Path) -> None:
    outcome = send(a_post(tmp_path, mail=Route("127.0.0.1", free_port())))
    assert (outcome.verdict, outcome.because, outcome.ours) == (Verdict.TRANSIENT, Undelivered.UNREACHABLE, True)

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.close()

    async def talk() -> Outcome:
        async with await asyncio.start_server(rude, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await Email().send(
                {"address": "a@b.example"}, MESSAGE, WIRE, a_post(tmp_path, mail=Route("127.0.0.1", port))
            )

    outcome = asyncio.run(talk())
    assert (outcome.verdict, outcome.ours) == (Verdict.TRANSIENT, True)
    assert outcome.said.startswith("The mail relay")


def test_without_a_relay_each_mail_is_one_file(tmp_path: Path) -> None:
    post = a_post(tmp_path)
    for _ in range(2):  # A second attempt is the same mail.
        outcome = send(post)
    assert (outcome.verdict, outcome.evidence) == (Verdict.DELIVERED, False)
    (file,) = post.outbox.iterdir()
    assert b"Message-ID: <msg_7_abc@wants.example>\r\n" in file.read_bytes()


def test_where_mail_is_taken_the_envelope_and_reply_to_name_the_message(tmp_path: Path) -> None:
    with mail_server() as (box, route):
        post = replace(a_post(tmp_path, mail=route), takes_mail=True)
        send(post, message=replace(MESSAGE, replies=True))
    (mail,), (envelope,) = box.mails, box.envelopes
    assert read_address(post, str(envelope.mail_from)) == Return("b", 7)
    assert read_address(post, mail["Reply-To"].addresses[0].addr_spec) == Return("r", 7)
    assert mail["From"] == "VRM Intent Broker <vrm@wants.example>"


def test_a_mail_is_signed_so_that_anybody_can_check_it(tmp_path: Path) -> None:
    pem = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
    to_der = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    public = subprocess.run(to_der, input=pem, check=True, capture_output=True).stdout
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    with mail_server() as (box, route):
        send(replace(a_post(tmp_path, mail=route), dkim=Dkim("2026a", pem)))
    raw = bytes(box.envelopes[0].content or b"")
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        asked.append(name)
        return record

    assert dkim.verify(raw, dnsfunc=dns)
    assert asked == [b"2026a._domainkey.wants.example."]
    assert not dkim.verify(raw.replace(b"Plain,", b"Other,"), dnsfunc=dns)
