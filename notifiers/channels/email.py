"""E-mail: one recipient per message, through our own relay, or into a folder when there is none."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

import dkim  # type: ignore[import-untyped] # It ships no types.
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from notifiers.channels.base import DEADLINE_S, Composed, Field, Outcome, Proof, Wire, filled, kept
from notifiers.models import ChannelKind, Verdict
from notifiers.post import Dkim, MailRoute, Post
from notifiers.return_path import bounce_address, reply_address, row_of
from vendors.models import Undelivered
from vrm.kernel import text
from vrm.kernel.errors import BadInput
from vrm.kernel.outbound import Outbound

_GREETING_S = 5.0
_SIGNED = [
    name.encode("ascii")
    for name in (
        "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "auto-submitted",
        "list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type",
    )
]  # fmt: skip
_SENDER_NAME = "VRM Intent Broker"
_ENHANCED = re.compile(r"\b[245]\.(\d{1,3})\.(\d{1,3})\b")  # RFC 3463, as "5.1.1".
_NO_MAILBOX = frozenset({521, 550, 551, 553, 556})
_WHOLE = frozenset({"message-id", "in-reply-to", "references", "list-unsubscribe"})


class _Policy(EmailPolicy):
    """SMTP's line endings, with headers that machines read left in one piece.

    The library would turn an address longer than a line into an encoded word, which no mail client undoes there. And
    it would leave the line of a name empty when the words would not all fit on it: some readers then show no subject.
    Between a word that it encodes and one that it does not it doubles or drops the space: a subject is encoded whole.
    """

    def fold(self, name: str, value: str) -> str:
        if name.lower() in _WHOLE:
            return f"{name}: {value}{self.linesep}"
        if name.lower() == "subject" and not value.isascii():
            return f"{name}: {Header(str(value), 'utf-8', header_name=name).encode(linesep=self.linesep)}{self.linesep}"
        return str(super().fold(name, value)).replace(f"{name}:{self.linesep} ", f"{name}: ", 1)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("utf-8")


_POLICY = _Policy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Email:
    """A mailbox."""

    kind: ChannelKind = ChannelKind.EMAIL
    name: str = "E-mail"
    blurb: str = "A mail for every want, with buttons that answer it."
    fields: tuple[Field, ...] = (
        Field(
            "address",
            "Mail address",
            "One that somebody reads; a shared one such as sales@ is fine.",
            "sales@example.org",
            type="email",
        ),
    )
    proof: Proof = Proof.CODE
    signs: bool = False
    digest_most: int = 100

    def clean(self, fields: Mapping[str, str], outbound: Outbound) -> dict[str, Any]:
        """{"address": …}"""
        del outbound  # Our relay looks the other side up.
        given = filled(fields, "address", "Please write the mail address that we should send to.")
        address = text.mail_address(given, field="address")
        try:
            Address(addr_spec=address)
            address.encode("ascii")
        except (ValueError, IndexError) as error:
            sentence = "Please use an address with plain letters only before the @; many servers refuse others."
            raise BadInput({"address": sentence}) from error
        return {"address": address}

    def place(self, target: Mapping[str, Any]) -> str:
        return str(target["address"])

    def shown(self, target: Mapping[str, Any]) -> str:
        return str(target["address"])

    def host(self, target: Mapping[str, Any]) -> str:
        del target
        return "our mail relay"  # However many domains the recipients have, one relay takes it all.

    def pack(self, target: Mapping[str, Any], message: Composed, wire: Wire) -> Composed:
        del target, wire
        return message

    async def send(self, target: Mapping[str, Any], packed: Composed, wire: Wire, post: Post) -> Outcome:
        return await post_mail(str(target["address"]), packed, wire, post)


async def post_mail(address: str, message: Composed, wire: Wire, post: Post) -> Outcome:
    """Give one mail to the relay, or to the outbox folder; what its server said."""
    mail = write_mail(address, message, wire, post)
    if post.mail is None:
        return _keep(mail, wire, post)
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await _relay(address, mail, wire, post, post.mail)
    except (TimeoutError, OSError, SMTPException) as error:
        return _trouble(error)


def write_mail(address: str, message: Composed, wire: Wire, post: Post) -> EmailMessage:
    """The mail as it goes out. ValueError when a header holds a line break or the address is none."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(_SENDER_NAME, addr_spec=post.mail_from)
    mail["To"] = Address(addr_spec=address)
    mail["Subject"] = message.subject
    mail["Date"] = wire.owed_at
    mail["Message-ID"] = f"<{wire.id}@{post.mail_domain}>"
    if wire.thread is not None:
        mail["In-Reply-To"] = mail["References"] = f"<{wire.thread}@{post.mail_domain}>"
    if message.replies:
        mail["Reply-To"] = Address(_SENDER_NAME, addr_spec=reply_address(post, row_of(wire.id)))
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: answering machines stay silent.
    if message.unsubscribe_url is not None:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058.
    mail.set_content(message.plain, cte="quoted-printable")
    mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return mail


def _keep(mail: EmailMessage, wire: Wire, post: Post) -> Outcome:
    # Sign-in links are in there: only the operator may read them.
    post.outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = post.outbox / f"{wire.owed_at:%Y%m%dT%H%M%S}-{wire.id}.eml"
    half = file.with_suffix(".part")
    half.write_bytes(mail.as_bytes())
    half.replace(file)
    return Outcome(
        Verdict.DELIVERED,
        said=f"There is no mail relay (VRM_MAIL_URL): the mail was written to {file.name} in the outbox.",
        evidence=False,
    )


async def greet(route: MailRoute, sender: str) -> str | None:
    """Say hello to the relay, sign in if there is a password, and leave: what went wrong, or None."""
    client = relay_client(route, sender)
    try:
        async with asyncio.timeout(_GREETING_S):
            await client.connect()
            await client.quit()
    except (TimeoutError, OSError, SMTPException) as error:
        return str(error) or type(error).__name__
    finally:
        client.close()
    return None


async def knock(host: str, port: int) -> str | None:
    """Hear the greeting of a mail server, such as our own inlet, and leave: what went wrong, or None."""
    client = SMTP(hostname=host, port=port, start_tls=False, timeout=_GREETING_S)
    try:
        await client.connect()
    except (TimeoutError, OSError, SMTPException) as error:
        return str(error) or type(error).__name__
    finally:
        client.close()
    return None


async def send_notice(route: MailRoute, ours: str, to: str, notice: EmailMessage) -> bool:
    """Hand the relay a mail with the null sender; False when it cannot take it now. What it refuses is done with."""
    client = relay_client(route, ours)
    try:
        async with asyncio.timeout(DEADLINE_S):
            await client.connect()
            await client.sendmail("", [to], notice.as_bytes())
    except SMTPRecipientsRefused as refused:
        return refused.recipients[0].code >= 500
    except SMTPResponseException as error:
        return error.code >= 500
    except (TimeoutError, OSError, SMTPException):
        return False
    finally:
        client.close()
    return True


def relay_client(route: MailRoute, sender: str) -> SMTP:
    """A conversation with the relay, not begun; `sender` is whose domain we greet with."""
    # A password never goes in clear: with one, the relay must offer STARTTLS, unless it is this very machine.
    must_encrypt = route.user is not None and route.host not in ("127.0.0.1", "::1", "localhost")
    return SMTP(
        hostname=route.host,
        port=route.port,
        use_tls=route.secure,
        start_tls=False if route.secure else (True if must_encrypt else None),
        username=route.user,
        password=route.password,
        local_hostname=sender.rpartition("@")[2],
        timeout=DEADLINE_S,
    )


async def _relay(address: str, mail: EmailMessage, wire: Wire, post: Post, route: MailRoute) -> Outcome:
    sender = bounce_address(post, row_of(wire.id)) if post.takes_mail else post.mail_from
    client = relay_client(route, sender)
    options = () if address.isascii() else ("SMTPUTF8",)
    payload = mail.as_bytes(policy=_POLICY.clone(utf8=bool(options)))
    if post.dkim is not None:
        payload = signed(payload, post.dkim, post.mail_domain)
    await client.connect()
    try:
        _, reply = await client.sendmail(sender, [address], payload, mail_options=options)
        with contextlib.suppress(SMTPException, OSError):
            await client.quit()  # The mail is taken; how the conversation ends changes nothing.
    except SMTPRecipientsRefused as refused:
        first = refused.recipients[0]
        return of_reply(first.code, first.message)
    except SMTPDataError as error:
        return _at_data(error.code, error.message)
    finally:
        client.close()
    return Outcome(Verdict.DELIVERED, status=250, said=kept(reply))


def signed(payload: bytes, by: Dkim, domain: str) -> bytes:
    """The mail with a DKIM-Signature (RFC 6376) over what a relay leaves alone."""
    signature: bytes = dkim.sign(
        payload,
        by.selector.encode("ascii"),
        domain.encode("ascii"),
        by.key,
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=_SIGNED,
    )
    return signature + payload


def try_key(by: Dkim, mail_from: str) -> str | None:
    """Sign a mail to nobody: what is wrong with the key, or None."""
    mail = f"From: {mail_from}\r\nSubject: A trial\r\n\r\nA trial.\r\n".encode()
    try:
        signed(mail, by, mail_from.rpartition("@")[2])
    except (dkim.DKIMException, ValueError) as error:
        return str(error) or type(error).__name__
    return None


def of_reply(code: int, said: str) -> Outcome:
    """What a refusal of the recipient means: a mailbox that is not there, a full one, a rule, or later, please."""
    found = _ENHANCED.search(said)
    subject, detail = found.groups() if found else (None, None)
    if "relay" in said.lower() or code in (530, 535):  # It does not take mail from us at all.
        return Outcome(Verdict.TRANSIENT, Undelivered.UNREACHABLE, code, kept(said), ours=True)
    is_full = code == 552 or (subject, detail) == ("2", "2")
    if code < 500 or is_full:
        return Outcome(Verdict.TRANSIENT, Undelivered.REFUSED, code, kept(said))
    if code in _NO_MAILBOX and subject != "7":
        return Outcome(Verdict.PERMANENT, Undelivered.BOUNCED, code, kept(said), gone=True)
    return Outcome(Verdict.PERMANENT, Undelivered.REFUSED, code, kept(said))


def _at_data(code: int, said: str) -> Outcome:
    verdict = Verdict.TRANSIENT if code < 500 else Verdict.PERMANENT
    return Outcome(verdict, Undelivered.REFUSED, code, kept(said))


def _trouble(error: Exception) -> Outcome:
    """Everything before the recipient is named is between us and our relay."""
    if isinstance(error, SMTPNotSupported):
        return Outcome(Verdict.PERMANENT, Undelivered.REFUSED, said="The mail relay cannot send to such an address.")
    status = error.code if isinstance(error, SMTPResponseException) else None
    said = f"The mail relay did not take it: {str(error) or type(error).__name__}."
    return Outcome(Verdict.TRANSIENT, Undelivered.UNREACHABLE, status, kept(said), ours=True)
