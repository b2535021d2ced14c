"""A blog's host on loopback: a real HTTP server whose answers the test sets, by path."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from intents import blogs
from intents.models import Blog
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store


@dataclass
class Said:
    """One answer."""

    body: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    meanwhile: Callable[[], object] = str  # What happens elsewhere before it is answered.


@dataclass
class BlogHost:
    """`says` maps paths to answers, 404 for others; `heard` is each request's path and headers, in order."""

    port: int
    says: dict[str, Said] = field(default_factory=dict)
    heard: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    posted: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)  # Each form that was sent, by path.

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def blog_host() -> Iterator[BlogHost]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.heard.append((self.path, dict(self.headers)))
            said = host.says.get(self.path, Said(status=404))
            said.meanwhile()
            tag = said.headers.get("ETag")
            if said.status == 200 and tag is not None and self.headers.get("If-None-Match") == tag:
                said = Said(status=304, headers=said.headers)
            body = said.body.encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if said.status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if said.status != 304:
                self.wfile.write(body)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            host.posted.append((self.path, {name: values[0] for name, values in form.items()}))
            self.send_response(host.says.get(self.path, Said(status=404)).status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - The name of the base class.
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host = BlogHost(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Time:
    """A clock that is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def item(key: str, at: datetime, *, title: str = "", text: str = "Under £12,000.", tag: str = "wanttobuy") -> str:
    return (
        f"<item><guid>{key}</guid><title>{title or f'I want a Toyota Yaris near Leeds, {key}'}</title>"
        f"<category>{tag}</category><description>{text}</description>"
        f"<pubDate>{at:%a, %d %b %Y %H:%M:%S} +0000</pubDate></item>"
    )


def rss(*items: str, home: str = "") -> str:
    channel = f"<title>Ana writes</title><link>{home}</link>{''.join(items)}"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{channel}</channel></rss>'


def register(store: Store, ana: Account, url: str, now: datetime, *, proven: bool = True, tagged: bool = False) -> int:
    with store.write() as session:
        blog = blogs.register(session, session.merge(ana, load=False), url, now, publish_tagged=tagged)
        blog.verified_at = now if proven else None
        return blog.id


def blog_of(store: Store, blog_id: int) -> Blog:
    with store.read() as session:
        return session.get_one(Blog, blog_id)
