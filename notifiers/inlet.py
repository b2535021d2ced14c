"""The ways in for mail: a listener that speaks LMTP or SMTP, and a mailbox that is read by IMAP."""

import asyncio
import imaplib
import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path
from typing import Protocol

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Conversation
from sqlalchemy.exc import SQLAlchemyError

from notifiers import return_path
from notifiers.post import Post
from notifiers.receive import Letter, receive, refusal
from notifiers.refused import Teller
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError

_LARGEST = 5_000_000  # Bytes of one mail; attachments are dropped.
_POLL_S = 60.0
_IMAP_S = 30.0
_BATCH = 50
_WHERE = ("Delivered-To", "X-Original-To", "To", "Cc")

_log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.WARNING)  # The library tells every line of every conversation.


class Listening(Protocol):
    """Where the listener listens."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def lmtp(self) -> bool:
        """LMTP (RFC 2033); otherwise SMTP."""

    @property
    def certificate(self) -> Path | None:
        """By which STARTTLS is offered; None: it is not."""

    @property
    def key(self) -> Path | None:
        """None: in the certificate's file."""


class Mailbox(Protocol):
    """A mailbox that somebody else's server keeps for us."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def secure(self) -> bool: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def folder(self) -> str: ...


class Inlet(Protocol):
    """A way in for mail, on a thread of its own."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Taker:
    """What every way in hands its mail to."""

    store: Store
    post: Post
    clock: Clock

    def take(self, letter: Letter) -> str:
        """The answer of a mail server: 250 only when all that follows is in the store."""
        try:
            with self.store.write() as session:
                came_to = receive(session, self.post, letter, self.clock())
        except VrmError as error:
            _log.info("A mail was refused: %s", error)
            return refusal(error)
        except SQLAlchemyError:
            _log.exception("A mail could not be taken.")
            return "451 4.3.0 We cannot take this now; please try again later."
        except Exception:  # One bad mail never stops the listener, or the mails that come after it.
            _log.exception("A mail could not be read.")
            return "554 5.6.0 We cannot read this mail; please send plain words."
        _log.info("A mail came in: %s", came_to)
        return "250 2.0.0 Taken"


class _Handler:
    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    async def handle_RCPT(  # noqa: N802 - The library looks for this name, and calls it so.
        self, _server: SMTP, _talk: Conversation, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not return_path.is_ours(self._taker.post, address):
            return "550 5.1.1 There is no such address here."
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time, please."  # LMTP wants an answer for each.
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - The library looks for this name.
        self, _server: SMTP, _talk: Conversation, envelope: Envelope
    ) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        # The library hands the null sender on as "<>".
        letter = Letter(envelope.rcpt_tos[0], (envelope.mail_from or "").strip("<>"), raw)
        return await asyncio.to_thread(self._taker.take, letter)


class Listener:
    """Takes mail from the mail server in front of us, on a thread of its own."""

    def __init__(self, taker: Taker, at: Listening) -> None:
        self._taker, self._at = taker, at
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="inlet", daemon=True)
        self._server: asyncio.Server | None = None
        self._tls: ssl.SSLContext | None = None

    def start(self) -> None:
        """Begin to listen. OSError when somebody else does there already, or when its certificate is no good."""
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(timeout=10)
        except OSError:
            self.stop()
            raise

    @property
    def port(self) -> int:
        """Where it listens, once it does; for a port of 0 the one that was given."""
        port: int = self._server.sockets[0].getsockname()[1] if self._server is not None else self._at.port
        return port

    def stop(self) -> None:
        """Take no more; what is being taken is finished."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await self._loop.shutdown_default_executor()  # What is being taken is written down to its end.

    async def _listen(self) -> None:
        speaks = LMTP if self._at.lmtp else SMTP
        domain = self._taker.post.mail_domain

        self._tls = _identity(self._at)

        def conversation() -> SMTP:
            return speaks(
                _Handler(self._taker),
                data_size_limit=_LARGEST,
                hostname=domain,
                ident="VRM Intent Broker",
                loop=self._loop,
                timeout=60,
                tls_context=self._renewed(),
            )

        self._server = await self._loop.create_server(conversation, self._at.host, self._at.port)

    def _renewed(self) -> ssl.SSLContext | None:
        """Read for each conversation, so that nobody restarts us for a certificate that is renewed every few weeks."""
        try:
            self._tls = _identity(self._at)
        except OSError as error:
            _log.warning("The certificate of the inlet cannot be read; the one before serves on: %s", error)
        return self._tls


def _identity(at: Listening) -> ssl.SSLContext | None:
    if at.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(at.certificate, at.key)
    return context


class Poller:
    """Reads new mail of a mailbox every minute, on a thread of its own."""

    def __init__(self, taker: Taker, box: Mailbox) -> None:
        self._taker, self._box = taker, box
        self._teller = Teller(taker.post)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="imap", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End after the mail that is being read."""
        self._stopped.set()
        self._thread.join(timeout=_IMAP_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.once()
            except (OSError, imaplib.IMAP4.error) as error:
                _log.warning("The mailbox could not be read: %s", error)
            self._stopped.wait(_POLL_S)

    def once(self) -> int:
        """Read what is new; how many mails were taken or refused for good. What must wait stays unread."""
        done = 0
        with _opened(self._box) as server:
            _, found = server.uid("SEARCH", "UNSEEN")
            for uid in (found[0] or b"").split()[:_BATCH]:
                _, parts = server.uid("FETCH", uid.decode("ascii"), "(BODY.PEEK[])")
                raw = next((part[1] for part in parts if isinstance(part, tuple)), b"")
                if raw and self._is_done(letter_of(self._taker.post, raw)):
                    server.uid("STORE", uid.decode("ascii"), "+FLAGS", "(\\Seen)")
                    done += 1
        return done

    def _is_done(self, letter: Letter) -> bool:
        """Whether it need not be read again: it was taken, or its sender knows that it was not."""
        answer = self._taker.take(letter)
        if answer.startswith("4"):
            return False
        return answer.startswith("2") or self._teller.tell(letter, answer, self._taker.clock())


@contextmanager
def _opened(box: Mailbox) -> Iterator[imaplib.IMAP4]:
    kind = imaplib.IMAP4_SSL if box.secure else imaplib.IMAP4
    server = kind(box.host, box.port, timeout=_IMAP_S)
    try:
        server.login(box.user, box.password)
        answer, said = server.select(box.folder)
        if answer != "OK":
            raise imaplib.IMAP4.error((said[0] or b"there is no such folder").decode("utf-8", "replace"))
        yield server
    finally:
        server.logout()


def look_into(box: Mailbox) -> str | None:
    """Sign in, open the folder, and leave: what went wrong, or None."""
    try:
        with _opened(box):
            return None
    except (OSError, imaplib.IMAP4.error) as error:
        return str(error) or type(error).__name__


def letter_of(post: Post, raw: bytes) -> Letter:
    """A mail that lay in a mailbox: whom it is to and from is read from its headers."""
    mail = BytesParser().parsebytes(raw, headersonly=True)  # Its parts may be nested deeper than Python's stack.
    to = [address for _, address in getaddresses([str(value) for name in _WHERE for value in mail.get_all(name, [])])]
    ours = [address for address in to if return_path.read_address(post, address) is not None]
    came_from = mail.get("Return-Path")
    sender = None if came_from is None else str(came_from).strip().strip("<>").strip()
    return Letter(ours[0] if ours else post.mail_from, sender, raw)
