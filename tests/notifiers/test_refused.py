"""Whoever wrote a reply that was refused is told why, and nobody else is."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from notifiers_world import Route, a_post, free_port, mail_server
from rooms import NOW

from notifiers.post import Post
from notifiers.receive import Letter
from notifiers.refused import A_DAY, Teller, write_notice
from notifiers.return_path import bounce_address, reply_address

WHY = "550 5.7.1 This want is over (withdrawn)."
BEN = "ben@leeds-toyota.example"


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return replace(a_post(tmp_path), takes_mail=True)


def a_letter(post: Post, *, sender: str | None = BEN, to: str = "", **headers: str) -> Letter:
    mail = EmailMessage()
    mail["From"], mail["Message-ID"] = BEN, "<1@leeds-toyota.example>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Too late?")
    return Letter(to or reply_address(post, 17), sender, mail.as_bytes())


def test_the_sender_of_a_refused_reply_is_told_why_from_nobody_on_its_thread(post: Post) -> None:
    with mail_server() as (box, route):
        post = replace(post, mail=route)
        assert Teller(post).tell(a_letter(post), WHY, NOW)
    (notice,) = box.mails
    assert (box.envelopes[0].mail_from, notice["To"]) == ("<>", BEN)
    assert (notice["Auto-Submitted"], notice["In-Reply-To"]) == ("auto-replied", "<1@leeds-toyota.example>")
    assert "This want is over (withdrawn)." in notice.get_content()
    assert "Too late" not in notice.get_content()


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "list"}, {"List_Id": "<x.example>"}, {"X_Autoreply": "yes"}],
)
def test_no_machine_and_no_list_is_told(post: Post, headers: dict[str, str]) -> None:
    assert write_notice(post, a_letter(post, **headers), WHY, NOW) is None


def test_nobody_is_told_whom_we_cannot_know_to_have_written(post: Post) -> None:
    for sender in ("", None, "no address", f"{BEN}\r\nBcc: all@example.org"):
        assert write_notice(post, a_letter(post, sender=sender), WHY, NOW) is None
    forged = reply_address(post, 17).replace("+r17", "+r18")
    for to in (post.mail_from, bounce_address(post, 17), forged):
        assert write_notice(post, a_letter(post, to=to), WHY, NOW) is None
    odd = Letter(reply_address(post, 17), BEN, b"Subject: " + b"x" * 500_000)
    assert write_notice(post, odd, WHY, NOW) is None
    assert write_notice(post, a_letter(post), "451 4.3.0 Later", NOW) is None


def test_what_answers_a_notice_by_hand_finds_none_of_our_machines(post: Post) -> None:
    notice = write_notice(post, a_letter(post), WHY, NOW)
    assert notice is not None
    again = Letter(reply_address(post, 17), BEN, notice.as_bytes())
    assert write_notice(post, again, WHY, NOW) is None
    assert message_from_bytes(notice.as_bytes())["From"].endswith("<vrm@wants.example>")


def test_a_few_a_day_and_a_relay_that_is_away_is_asked_again(post: Post) -> None:
    with mail_server() as (box, route):
        teller = Teller(replace(post, mail=route))
        for _ in range(A_DAY + 2):
            assert teller.tell(a_letter(post), WHY, NOW)
        assert len(box.mails) == A_DAY
        box.refuse["gone@x.example"] = "RCPT 550 5.1.1 no such mailbox"
        assert teller.tell(a_letter(post, sender="gone@x.example"), WHY, NOW)
        box.refuse["grey@x.example"] = "RCPT 451 4.7.1 later"
        assert not teller.tell(a_letter(post, sender="grey@x.example"), WHY, NOW)
    assert not Teller(replace(post, mail=Route("127.0.0.1", free_port()))).tell(a_letter(post), WHY, NOW)
