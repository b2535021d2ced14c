"""A mail from a mailbox that we read was refused → its sender is told why. A mail server would have done so itself.

RFC 3834: to the envelope's sender only, with none of our own, marked as automatic, never to a machine or a list, and a
few a day. Told is only who wrote to an address that we signed, so that forged mail makes us write to nobody.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid

from notifiers import inbound, return_path
from notifiers.channels.email import send_notice
from notifiers.post import Post
from notifiers.receive import Letter
from vrm.kernel.errors import VrmError

A_DAY = 5  # To one address.
_LOOKED_AT = 200_000  # Bytes of the mail that was refused.


@dataclass(slots=True)
class Teller:
    """Tells senders, and remembers whom it told today."""

    post: Post
    _day: date = date.min
    _told: Counter[str] = field(default_factory=Counter)

    def tell(self, letter: Letter, refusal: str, now: datetime) -> bool:
        """Whether it is done with: told, or not to be told. False when the relay cannot take the notice just now.

        `refusal` is the reply of a mail server, "550 5.7.1 …". Must not be called from a running event loop.
        """
        notice = write_notice(self.post, letter, refusal, now)
        if now.date() != self._day:
            self._day, self._told = now.date(), Counter()
        sender = str(letter.sender)
        if notice is None or self.post.mail is None or self._told[sender.casefold()] >= A_DAY:
            return True
        if not asyncio.run(send_notice(self.post.mail, self.post.mail_from, sender, notice)):
            return False
        self._told[sender.casefold()] += 1
        return True


def write_notice(post: Post, letter: Letter, refusal: str, now: datetime) -> EmailMessage | None:
    """What the sender of a refused mail is told; None when nobody may be told. It repeats none of the mail."""
    named = return_path.read_address(post, letter.to)
    if named is None or named.what != "r" or not letter.sender or not refusal.startswith("5"):
        return None
    try:
        inbound.refuse_odd(letter.raw)
        mail = message_from_bytes(letter.raw[:_LOOKED_AT], policy=policy.default)
        if inbound.is_automatic(mail) or any(name.lower().startswith("list-") for name in mail):
            return None
        notice = EmailMessage(policy=policy.SMTP)
        notice["To"] = Address(addr_spec=letter.sender)
    except (ValueError, VrmError):  # Odd, or no address at all.
        return None
    notice["From"] = Address("VRM Intent Broker", addr_spec=post.mail_from)
    notice["Subject"] = "Your reply did not arrive"
    notice["Date"] = now
    notice["Message-ID"] = make_msgid(domain=post.mail_domain)
    answered = inbound.header(mail, "Message-ID").strip()
    if answered.isascii() and answered.startswith("<") and answered.endswith(">") and len(answered) < 500:
        notice["In-Reply-To"] = notice["References"] = answered
    notice["Auto-Submitted"] = "auto-replied"
    sentence = refusal.split(" ", 2)[2]
    notice.set_content(
        f"Nobody has read your reply to a message of ours:\n\n    {sentence}\n\n"
        "The links in the message that you replied to lead to the page where you can answer.\n"
    )
    return notice
