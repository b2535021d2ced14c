"""The outside world of the demo, all on loopback: a blog, a mail server with mailboxes, two webhook receivers."""

import base64
import hashlib
import hmac
import json
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

LOOPBACK = "127.0.0.1"


class _Server:
    """An HTTP server on a free port of loopback, one thread a request."""

    def __init__(self) -> None:
        town = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(*town.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._send(*town.post({name.lower(): value for name, value in self.headers.items()}, body))

            def _send(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                with suppress(ConnectionError):  # Whoever asked may have gone.
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - The standard library's name.
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def get(self, path: str) -> tuple[int, str, bytes]:
        return 404, "text/plain", b"Nothing here."

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        return 404, "text/plain", b"Nothing here."

    def close(self) -> None:
        """Stop answering; the port refuses from then on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(frozen=True)
class Post:
    """A post on the blog."""

    number: int
    title: str
    text: str
    published_at: datetime
    labels: tuple[str, ...] = ()


class Blog(_Server):
    """A blog whose Atom feed looks as Blogger writes it: entries newest first, labels as categories."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self.posts: list[Post] = []

    def write(self, title: str, text: str, at: datetime, *labels: str) -> None:
        """Publish a post."""
        self.posts.append(Post(len(self.posts) + 1, title, text, at, labels))

    def get(self, path: str) -> tuple[int, str, bytes]:
        if path == "/feeds/posts/default":
            return 200, "application/atom+xml; charset=UTF-8", self._feed().encode()
        page = (
            f"<!DOCTYPE html><html><head><title>{escape(self.title)}</title>"
            f'<link rel="alternate" type="application/atom+xml" href="{self.url}/feeds/posts/default"></head>'
            f"<body><h1>{escape(self.title)}</h1></body></html>"
        )
        return 200, "text/html; charset=UTF-8", page.encode()

    def _feed(self) -> str:
        entries = "".join(map(self._entry, reversed(self.posts)))
        newest = max(post.published_at for post in self.posts)
        return (
            "<?xml version='1.0' encoding='UTF-8'?><feed xmlns='http://www.w3.org/2005/Atom' "
            "xmlns:openSearch='http://a9.com/-/spec/opensearchrss/1.0/'>"
            f"<id>tag:blogger.com,1999:blog-2008</id><updated>{newest.isoformat()}</updated>"
            f"<title type='text'>{escape(self.title)}</title>"
            f"<link rel='alternate' type='text/html' href='{self.url}/'/>"
            "<author><name>Ana</name><email>noreply@blogger.com</email></author>"
            "<generator version='7.00' uri='http://www.blogger.com'>Blogger</generator>"
            f"<openSearch:totalResults>{len(self.posts)}</openSearch:totalResults>{entries}</feed>"
        )

    def _entry(self, post: Post) -> str:
        labels = "".join(
            f"<category scheme='http://www.blogger.com/atom/ns#' term='{escape(label)}'/>" for label in post.labels
        )
        at = post.published_at.isoformat()
        return (
            f"<entry><id>tag:blogger.com,1999:blog-2008.post-{post.number}</id><published>{at}</published>"
            f"<updated>{at}</updated>{labels}<title type='text'>{escape(post.title)}</title>"
            f"<content type='html'>{escape(f'<p>{escape(post.text)}</p>')}</content>"
            f"<link rel='alternate' type='text/html' href='{self.url}/{post.number}.html'/></entry>"
        )


class _AnyPort(Controller):
    """aiosmtpd's controller on a port that the system chooses, which it then has to know to greet itself."""

    def _trigger_server(self) -> None:
        if self.server is not None:
            self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio.Server.
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd types it not.


class Mail:
    """A mail server that keeps what it takes, and refuses mailboxes that do not exist."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []  # (recipient, message), in order of arrival.
        self.no_such_mailbox: set[str] = set()
        self._controller = _AnyPort(self, hostname=LOOPBACK, port=0)
        self._controller.start()

    @property
    def port(self) -> int:
        """The port that was free."""
        port: int = self._controller.port
        return port

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name.
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.no_such_mailbox:
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        message = BytesParser(policy=default).parsebytes(content if isinstance(content, bytes) else b"")
        for address in envelope.rcpt_tos:
            self.taken.append((address, message))
        return "250 OK"

    def find(self, address: str, pattern: str) -> re.Match[str] | None:
        """The newest match of `pattern` in what `address` got."""
        for recipient, message in reversed(self.taken):
            if recipient == address:
                part = message.get_body(("plain",))
                found = re.search(pattern, part.get_content()) if part is not None else None
                if found:
                    return found
        return None

    def close(self) -> None:
        """Stop taking mail."""
        self._controller.stop()


@dataclass
class Received:
    """One webhook event whose signature was right."""

    id: str
    type: str
    data: dict[str, Any]


@dataclass
class _Book:
    received: list[Received] = field(default_factory=list)
    forged: int = 0


class Hook(_Server):
    """A receiver that checks signatures by itself (Standard Webhooks 1.0) and answers challenges."""

    def __init__(self) -> None:
        super().__init__()
        self.secret: str | None = None  # Shown once when the channel was made.
        self._book = _Book()

    @property
    def received(self) -> list[Received]:
        """What came with a right signature."""
        return self._book.received

    @property
    def forged(self) -> int:
        """How many came with a wrong one."""
        return self._book.forged

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        if not self._is_ours(headers, body):
            self._book.forged += 1
            return 401, "text/plain", b"The signature is wrong."
        event = json.loads(body)
        self._book.received.append(Received(headers["webhook-id"], event["type"], event["data"]))
        if event["type"] == "channel.challenge":
            echo = json.dumps({"challenge": event["data"]["challenge"]}).encode()
            return 200, "application/json", echo
        return 204, "text/plain", b""

    def _is_ours(self, headers: dict[str, str], body: bytes) -> bool:
        if self.secret is None:
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
        right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        given = headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(f"v1,{right}", each) for each in given)


@dataclass
class Town:
    """Everything that is outside the broker."""

    blog: Blog = field(default_factory=lambda: Blog("Ana's notes"))
    mail: Mail = field(default_factory=Mail)
    hook: Hook = field(default_factory=Hook)
    dying_hook: Hook = field(default_factory=Hook)

    def close(self) -> None:
        """Close every server that still runs."""
        self.blog.close()
        self.mail.close()
        self.hook.close()
