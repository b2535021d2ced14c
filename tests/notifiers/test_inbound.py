"""Mails as they really come in: replies with their quotations, answering machines, and bounces of several makers."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notifiers_world import a_post

from notifiers import return_path
from notifiers.inbound import Bounce, Nothing, Reply, own_words, read
from notifiers.return_path import Return
from vrm.kernel.errors import BadInput

POST = a_post(Path("unused"))
QUOTED = """
On Sat, 21 Nov 2026 at 12:00, VRM Intent Broker <
vrm+r7-abcdefghijklmnop@wants.example> wrote:

> "Toyota Yaris"
> Leeds, up to £12,000
"""


def mail(body: str, **headers: str) -> bytes:
    given = {"From": "Ben <ben@leeds.example>", "To": "vrm@wants.example", "Subject": "Re: Wanted", **headers}
    given.setdefault("Content-Type", "text/plain; charset=utf-8")
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return ("\n".join(lines) + "\n\n" + body).encode()


def report(action: str, status: str, diagnostic: str = "smtp; 550 no such user") -> bytes:
    return mail(
        "--x\nContent-Type: text/plain\n\nSorry.\n\n--x\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.leeds.example\n\nFinal-Recipient: rfc822; ben@leeds.example\n"
        f"Action: {action}\nStatus: {status}\nDiagnostic-Code: {diagnostic}\n\n--x\n"
        "Content-Type: text/rfc822-headers\n\nMessage-ID: <msg_7_abc@wants.example>\n\n--x--\n",
        From="MAILER-DAEMON@leeds.example",
        Content_Type='multipart/report; report-type=delivery-status; boundary="x"',
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Yes, in blue." + QUOTED, "Yes, in blue."),
        ("Yes.\n\nDoes it have to be a Toyota?\n\nBest regards,\nBen Shaw\n0113 496 0000\n" + QUOTED,
         "Yes.\n\nDoes it have to be a Toyota?"),
        ("Ja, gerne.\n\n-- \nBen\n\nAm Sa., 21. Nov. 2026 um 12:00 Uhr schrieb VRM <vrm@wants.example>:\n> x\n",
         "Ja, gerne."),
        ("Yes please\n\nSent from my iPhone\n\n> On 21 Nov 2026, at 12:00, VRM <vrm@w.example> wrote:\n> \n> foo\n",
         "Yes please"),
        ("> Which colour?\nBlue.\n> And the year?\n2023.\n", "Blue.\n\n2023."),
        (QUOTED, ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_reply_is_its_writers_own_words(text: str, words: str) -> None:
    assert own_words(text) == words
    assert read(mail(text), "ben@leeds.example") == Reply(words, auto=False, called="Ben")


@settings(max_examples=25, deadline=None)  # Each is read in a process of its own.
@given(st.text(max_size=300))
def test_whatever_is_written_is_read(text: str) -> None:
    assert len(own_words(text)) <= 8_000


@settings(max_examples=25, deadline=None)  # Each is read in a process of its own.
@given(st.binary(max_size=400))
def test_whatever_comes_in_is_something(raw: bytes) -> None:
    assert isinstance(read(raw, None), Bounce | Reply | Nothing)


def test_html_alone_is_read_too() -> None:
    html = mail("<p>Yes &amp; <b>blue</b></p><p>Now</p>", Content_Type="text/html; charset=nonsense-8")
    assert read(html, "ben@leeds.example") == Reply("Yes & blue\n\nNow", auto=False, called="Ben")


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-generated; owner-email=x"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X-Autoreply": "yes"},
        {"X-Autorespond": "Re: x"},
        {"Subject": "Automatic reply: Wanted"},
        {"Subject": "Out of Office: Wanted"},
        {"Subject": "Abwesenheitsnotiz: Wanted"},
    ],
)
def test_an_answering_machine_is_known(headers: dict[str, str]) -> None:
    found = read(mail("I am away until Monday.", **headers), "ben@leeds.example")
    assert found == Reply("I am away until Monday.", auto=True, called="Ben")


def test_who_has_no_sender_is_a_machine_and_who_says_no_is_none() -> None:
    assert read(mail("Away."), "") == Reply("Away.", auto=True, called="Ben")
    assert read(mail("Here.", Auto_Submitted="no"), "b@leeds.example") == Reply("Here.", auto=False, called="Ben")
    # Some programs say so of what a person wrote: it is not what RFC 3834 asks for.
    assert read(mail("Here.", X_Auto_Response_Suppress="All"), "b@leeds.example") == Reply(
        "Here.", auto=False, called="Ben"
    )


@pytest.mark.parametrize(
    ("action", "status", "expected"),
    [
        ("failed", "5.1.1", True),
        ("failed", "5.0.0", True),
        ("failed", "5.2.1", True),
        ("failed", "5.2.2", False),
        ("failed", "5.7.1", False),
        ("failed", "5.3.4", False),
        ("failed", "4.4.7", False),
        ("delayed", "4.4.1", None),
        ("relayed", "2.0.0", None),
    ],
)
def test_a_report_says_whether_the_mailbox_is_gone(action: str, status: str, expected: bool | None) -> None:
    found = read(report(action, status), "")
    if expected is None:
        assert isinstance(found, Nothing)
    else:
        assert found == Bounce(expected, "smtp; 550 no such user")


def test_a_bounce_in_a_providers_own_words_is_known() -> None:
    exim = mail(
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
        "delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
        "  ben@leeds.example\n    Unrouteable address\n\n------ This is a copy of the message ------\n",
        From="Mail Delivery System <Mailer-Daemon@mx.example>",
        Subject="Mail delivery failed: returning message to sender",
        X_Failed_Recipients="ben@leeds.example",
    )
    assert read(exim, "") == Bounce(True, "The mail came back as undeliverable.")


# --- Addresses ------------------------------------------------------------------------------------


def test_an_address_names_its_message_in_any_case_and_nobody_forges_one() -> None:
    reply, bounce = return_path.reply_address(POST, 17), return_path.bounce_address(POST, 17)
    assert reply.startswith("vrm+r17-")
    assert reply.endswith("@wants.example")
    assert len(reply.partition("@")[0]) <= 64
    assert return_path.read_address(POST, reply.upper()) == Return("r", 17)
    assert return_path.read_address(POST, bounce) == Return("b", 17)
    forged = (
        reply.replace("+r17", "+r18"),
        reply.replace("+r17", "+b17"),
        reply.replace("wants", "wanton"),
        "vrm+r17@x",
        "",
    )
    assert [return_path.read_address(POST, address) for address in forged] == [None] * 5
    assert return_path.is_ours(POST, "VRM@wants.example")
    assert not return_path.is_ours(POST, "someone@wants.example")


@pytest.mark.parametrize(
    "odd",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000)),
        b"Content-Type: message/rfc822\r\n\r\n" * 2_000,
        b"From: " + b"(" * 10_000 + b"\r\n\r\nx",
        b"From: :;:;\r\n\r\nx",
        b"From: " + b"()" * 50_000 + b"\r\n\r\nx",
        b"Content-Type: text/plain;" + b" a*0=b;" * 100_000 + b"\r\n\r\nx",
        b"Content-Type: text/plain;" + b"\r\n a*0=b;" * 100_000 + b"\r\n\r\nx",
        b"Subject: " + b"=?utf-8?q?=41?= " * 50_000 + b"\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
        b"A: b\r\n" * 200_000 + b"\r\nx",
        b"Content-Type: text/html\r\n\r\n" + b"<a " * 1_000_000,
        b"Content-Type: text/html\r\n\r\n" + b"<div> " * 160_000,
        b"Content-Type: text/html\r\n\r\n<b>x" + b"&#32;" * 190_000 + b"x",
        b"Subject: x\r\n\r\nx" + b"\n" * 900_000 + b"x",
        b"Subject: x\r\n\r\nx" + b"\n\t" * 400_000 + b"x",
        b"Subject: x\r\n\r\nx" + b" " * 900_000 + b"x",
        b"Subject: x\r\n\r\n" + b"On x wrote: " * 80_000,
        b"Subject: x\r\n\r\n" + b"Am 1. schrieb x " * 320,
        *(
            b"Content-Type: text/%s; charset=%s\r\n\r\n" % (kind, charset) + b"a" * 450_000 + b"-" + b"b" * 450_000
            for kind in (b"plain", b"html")
            for charset in (b"punycode", b"Punycode", b'"!punycode "', b"idna", b"zlib", b"undefined")
        ),
        b"From: =?punycode?q?" + b"a" * 900 + b"-" + b"b" * 900 + b"?= <eve@example.org>\r\n\r\nx",
        b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"UEsDBBQ" * 128_000,
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n"
        + b"M"
        + b"x" * 900_000,
        b"Content-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08" + b"\0" * 900_000,
    ],
    ids=lambda odd: repr(odd[:60]),
)
@pytest.mark.parametrize("sender", ["", "eve@example.org"])
def test_a_mail_that_is_built_to_hurt_is_read_or_refused_soon(odd: bytes, sender: str) -> None:
    begun = time.monotonic()
    with suppress(BadInput):
        read(odd, sender)
    assert time.monotonic() - begun < 10
