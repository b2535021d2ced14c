"""A mail server, a web server and a vendor's lead, all real and all on loopback, for the tests of this folder."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as MailSession
from rooms import publish_want, start_vendor
from sqlalchemy import select

from intents.draft import Budget
from intents.models import Intent
from notifiers.channels.webhook import new_secret
from notifiers.models import Attempt, Channel, ChannelKind, Notification, Topic
from notifiers.post import Post
from vendors.models import Lead, Subscription, Vendor
from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Store, new_code
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer

Row = TypeVar("Row", bound=Base)
LOOPBACK = (ip_network("127.0.0.0/8"),)
BASE_URL = "https://wants.example"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)


# --- Mail -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    host: str
    port: int
    secure: bool = False
    user: str | None = None
    password: str | None = None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Mailbox:
    """Takes mail; `refuse` maps a recipient to the reply it gets instead, "RCPT …" or "DATA …"."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - The library looks for this name.
        self, server: SMTP, session: MailSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        when, _, reply = self.refuse.get(address, "").partition(" ")
        if when == "RCPT":
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - The library looks for this name.
        self, server: SMTP, session: MailSession, envelope: Envelope
    ) -> str:
        del server
        when, _, reply = self.refuse.get(envelope.rcpt_tos[0], "").partition(" ")
        if when == "DATA":
            return reply
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, Route]]:
    """A mail server on loopback."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield box, Route("127.0.0.1", controller.port)
    finally:
        controller.stop()


# --- Web ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Sink:
    """Keeps every POST and answers with `reply`, which may also be a function of what was heard."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.reply: Reply | Callable[[Heard], Reply] = Reply()
        self.busiest = 0
        self._busy = 0
        self._lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard = Heard(
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("Content-Length", 0))),
                )
                with sink._lock:
                    sink.heard.append(heard)
                    sink._busy += 1
                    sink.busiest = max(sink.busiest, sink._busy)
                try:
                    reply = sink.reply(heard) if callable(sink.reply) else sink.reply
                finally:
                    with sink._lock:
                        sink._busy -= 1
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.status != 204:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                if reply.status != 204:
                    self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that hangs up early is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def web_server(reply: Reply | Callable[[Heard], Reply] | None = None) -> Iterator[Sink]:
    """A web server on loopback."""
    sink = Sink()
    if reply is not None:
        sink.reply = reply
    try:
        yield sink
    finally:
        sink.close()


def echo(heard: Heard) -> Reply:
    """What a receiver that knows our challenge answers."""
    return Reply(200, {}, json.dumps({"challenge": heard.json["data"].get("challenge", "")}).encode())


# --- Ourselves ------------------------------------------------------------------------------------


def a_post(tmp_path: Path, *, mail: Route | None = None) -> Post:
    """A way out that may reach loopback."""
    return Post(
        base_url=BASE_URL,
        signer=Signer("k" * 32),
        outbound=Outbound(LOOPBACK),
        mail=mail,
        mail_from="vrm@wants.example",
        outbox=tmp_path / "outbox",
    )


@dataclass(frozen=True, slots=True)
class World:
    """Ana's want, Ben's vendor, and the lead between them."""

    intent: Intent
    vendor: Vendor
    lead: Lead


def a_world(store: Store, ana: Account, ben: Account, now: datetime, *, title: str = "Toyota Yaris") -> World:
    """As it is after routing, but for what is owed."""
    with store.write() as session:
        budget = Budget(None, 1_200_000, "GBP")
        intent = publish_want(session, ana, now, title=title, budget=budget)
        vendor = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-eng"))
        subscription = session.scalars(select(Subscription).where(Subscription.vendor_id == vendor.id)).one()
        lead = Lead(
            intent_id=intent.id,
            vendor_id=vendor.id,
            intent=intent,
            vendor=vendor,
            reasons=[[subscription.id, subscription.category_id, subscription.region_id]],
            routed_at=now,
        )
        session.add(lead)
    return World(intent, vendor, lead)


def a_channel(
    store: Store,
    vendor: Vendor,
    now: datetime,
    *,
    url: str | None = None,
    address: str | None = None,
    verified: bool = True,
) -> Channel:
    """A webhook or a mailbox of this vendor."""
    target = {"url": url, "secret": new_secret()} if url else {"address": address or "ben@leeds-toyota.example"}
    channel = Channel(
        code=new_code(),
        vendor_id=vendor.id,
        kind=ChannelKind.WEBHOOK if url else ChannelKind.EMAIL,
        target=target,
        created_at=now,
        verified_at=now if verified else None,
    )
    with store.write() as session:
        session.add(channel)
    return channel


def owe(
    store: Store, now: datetime, channel: Channel, lead: Lead, topic: Topic = Topic.LEAD_CREATED, occasion: int = 0
) -> Notification:
    """Word of a lead, owed to a channel."""
    notification = Notification(
        code=new_code(),
        topic=topic,
        channel_id=channel.id,
        intent_id=lead.intent_id,
        vendor_id=lead.vendor_id,
        occasion=occasion,
        params={},
        owed_at=now,
        due_at=now,
    )
    with store.write() as session:
        session.add(notification)
    return notification


def look(store: Store, model: type[Row], *key: int) -> Row:
    """A row as it is in the store now."""
    with store.read() as session:
        row = session.get(model, key if len(key) > 1 else key[0])
    assert row is not None
    return row


def attempts_of(store: Store, notification: Notification) -> list[Attempt]:
    """Its attempts, oldest first."""
    with store.read() as session:
        mine = select(Attempt).where(Attempt.notification_id == notification.id).order_by(Attempt.id)
        return list(session.scalars(mine))
