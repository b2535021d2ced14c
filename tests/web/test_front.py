"""The door of the web process itself, with real sockets: who drips, stalls, hangs up or lies holds up nobody else."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from browsing import free_port

_ECHO = """
import json
from vrm.web import front

front.WITHIN_S, front.AT_ONCE = 1.5, 6_000_000
heard = []

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fails":
        raise ValueError
    if path == "/long":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 100_000 for _ in range(200))
    body = environ["wsgi.input"].read()
    if environ["REQUEST_METHOD"] == "POST":
        heard.append(len(body))
    said = {name: value for name, value in environ.items() if isinstance(value, str)}
    answer = json.dumps(said | {"body": len(body), "heard": heard}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer]

front = front.Front(app)
"""
_STALLED = b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nemail=a"
_DRIPS = b"POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


class Door:
    """A web process behind which an app says what it was told."""

    def __init__(self, port: int) -> None:
        self._port = port

    def open(self, sent: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        connection.sendall(sent)
        return connection

    @contextmanager
    def many(self, sent: bytes, *, times: int = 40) -> Iterator[list[socket.socket]]:
        """As many connections, which hang up in the end."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.open(sent)) for _ in range(times)]

    def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Status and body of what comes before the other side hangs up; 0 when nothing does."""
        with self.open(sent) as connection:
            said = b"".join(iter(lambda: connection.recv(65_536), b""))
        head, _, body = said.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]) if head else 0, body

    def get(self, path: bytes, *lines: bytes) -> dict[str, object]:
        head = b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"Host: x", b"Connection: close", *lines])
        status, body = self.ask(head + b"\r\n\r\n")
        assert status == 200, (path, lines, status, body)
        found: dict[str, object] = json.loads(body)
        return found


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder, port = tmp_path_factory.mktemp("door"), free_port()
    (folder / "echo.py").write_text(_ECHO)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--port", str(port), "--log-level", "error"]
    server = subprocess.Popen([*command, "echo:front"], cwd=folder, env=environment, start_new_session=True)
    try:
        door = Door(port)
        for _ in range(600):
            try:
                door.get(b"/")
            except (OSError, AssertionError):
                time.sleep(0.05)
            else:
                break
        yield door
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.mark.parametrize("sent", [_STALLED, _DRIPS], ids=["stalled", "drips"])
def test_many_who_send_half_hold_up_nobody_and_are_told(door: Door, sent: bytes) -> None:
    with door.many(sent) as waiting:
        assert door.get(b"/")["REQUEST_METHOD"] == "GET"
        assert {connection.recv(65_536)[9:12] for connection in waiting} == {b"408"}


@pytest.mark.parametrize(
    "sent", [_STALLED, _DRIPS.replace(b"Transfer", _FORM + b"Transfer")], ids=["length", "form in chunks"]
)
def test_half_of_what_somebody_wrote_reaches_nobody(door: Door, sent: bytes) -> None:
    before = door.get(b"/")["heard"]
    for how in (socket.SHUT_WR, socket.SHUT_RDWR):
        connection = door.open(sent)
        connection.shutdown(how)
        connection.close()
    with door.open(sent) as connection:
        connection.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert not said or said.split(b" ")[1] in (b"400", b"411"), said
    assert door.get(b"/")["heard"] == before


def test_whoever_reads_slowly_holds_up_nobody_and_gets_all(door: Door) -> None:
    with door.many(b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as waiting:
        assert door.get(b"/")["body"] == 0
        read = b"".join(iter(lambda: waiting[0].recv(1_000_000), b""))
        assert read.partition(b"\r\n\r\n")[2].count(b"x") == 20_000_000
    assert door.get(b"/")["body"] == 0


def test_a_fault_is_an_answer_and_ends_nothing(door: Door) -> None:
    for _ in range(20):  # More than there are threads.
        assert door.ask(b"GET /fails HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 500
    assert door.get(b"/")["body"] == 0


def test_what_stands_in_the_address_and_the_headers_arrives_as_it_is(door: Door) -> None:
    for path, told in (
        (b"/a%2Fb", "/a/b"),
        (b"//x//y", "//x//y"),
        (b"/a;b/%2e%2e/c", "/a;b/../c"),
        (b"/a%252Fb", "/a%2Fb"),
        (b"/%C3%A4%00", "/\u00c3\u00a4\x00"),
        (b"/%ff", "/\ufffd".encode().decode("latin-1")),
        (b"/%zz%", "/%zz%"),
    ):
        assert door.get(path)["PATH_INFO"] == told
    assert door.get(b"/?a=1&a=%ff&b=%00;c")["QUERY_STRING"] == "a=1&a=%ff&b=%00;c"
    told = door.get(
        b"/",
        b"Cookie: a=1",
        b"Cookie: b=2",
        b"X-Forwarded-For: 192.0.2.1",
        b"X_Forwarded_For: 192.0.2.66",
        b"X-Forwarded-For: 192.0.2.2",
        b"Content-Type: text/plain",
    )
    assert told["HTTP_COOKIE"] == "a=1; b=2"
    assert told["HTTP_X_FORWARDED_FOR"] == "192.0.2.1,192.0.2.2"
    assert told["CONTENT_TYPE"] == "text/plain"
    assert (told["REMOTE_ADDR"], told["HTTP_HOST"], told["wsgi.url_scheme"]) == ("127.0.0.1", "x", "http")
    status, body = door.ask(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (status, body) == (200, b"")


def test_what_two_would_read_differently_is_refused(door: Door) -> None:
    """Where a proxy and we disagree about where a request ends, another's request is made of its rest."""
    before = door.get(b"/")["heard"]
    for lines in (
        b"Content-Length: 3\r\nContent-Length: 5",
        b"Content-Length: +3",
        b"Content-Length: 0x3",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999999",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding : chunked",
        b"X: a\r\n Content-Length: 3",
    ):
        head = b"POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines
        status, _ = door.ask(head + b"\r\n\r\nabcGET /secret HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status in (0, 400, 413), (lines, status)
    # Both at once: the length is passed over (RFC 9112 §6.3), and nothing of what follows is a request.
    both = b"POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n"
    assert door.ask(both + b"Transfer-Encoding: chunked\r\n\r\n1\r\nZ\r\n0\r\n\r\n")[0] in (200, 400)
    heard = door.get(b"/")["heard"]
    assert isinstance(heard, list)
    assert isinstance(before, list)
    assert heard[len(before) :] in ([], [1])


def test_bodies_have_bounds_together_and_alone(door: Door) -> None:
    one = b"POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    status, body = door.ask(one % 7_000_000)  # Refused by the page, which is told the length and gets no body.
    assert (status, json.loads(body)["body"], json.loads(body)["CONTENT_LENGTH"]) == (200, 0, "7000000")
    status, body = door.ask(one % 4_000_000 + b"x" * 4_000_000)
    assert (status, json.loads(body)["body"]) == (200, 4_000_000)
    endless = b"POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    status, body = door.ask(endless + chunk * 4 + b"0\r\n\r\n")
    assert (status, json.loads(body)["body"]) == (200, 4 * 0x100000)
    with door.many(one % 2_500_000 + b"x" * 2_400_000, times=3) as waiting:
        assert sorted(connection.recv(65_536)[9:12] for connection in waiting) == [b"408", b"408", b"503"]
    assert door.ask(one % 4 + b"abcd")[0] == 200


def test_heads_have_bounds(door: Door) -> None:
    """Thousands of lines, or one of a megabyte, are refused by the server itself; nobody else notices."""
    begin, end = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", b"\r\n"
    for lines in (
        b"".join(b"X-A%d: x\r\n" % number for number in range(5_000)),
        b"Cookie: a=1\r\n" * 5_000,
        b"Cookie: " + b"a" * 1_000_000 + b"\r\n",
        b"X" * 1_000_000 + b": 1\r\n",
    ):
        with suppress(ConnectionError):  # It hangs up before all is sent.
            assert door.ask(begin + lines + end)[0] in (0, 400, 431)
    with suppress(ConnectionError):
        assert door.ask(b"GET /?q=" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] in (
            0,
            400,
            414,
            431,
        )
    assert door.get(b"/", b"Cookie: " + b"a" * 20_000)["HTTP_COOKIE"] == "a" * 20_000
