"""Granian's requests (RSGI) → the desk's (WSGI): a thread is taken when all of a request is here, not before.

A WSGI server gives a thread to whoever has sent the first lines, and eight clients that then drip, or send nothing
more, have all of eight threads for as long as they like. Here they have a coroutine each, and half a minute.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from io import BytesIO
from queue import SimpleQueue
from typing import Any

THREADS = 8  # Requests that one web process answers at a time; most wait for the store.
WITHIN_S = 30.0
LONGEST = 5_000_000  # Bytes that any page takes; each says by itself when that is too much for it.
AT_ONCE = 64_000_000  # Of all bodies that are on their way.
_PART = 256 * 1024  # Of a long answer that is read in one go.
_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "This did not arrive as a whole. Please send it again.",
    HTTPStatus.REQUEST_TIMEOUT: f"This did not arrive within {WITHIN_S:.0f} seconds. Please send it again.",
    HTTPStatus.LENGTH_REQUIRED: "Say the length of the form (Content-Length), so that half of it is not taken for all.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Too much is being sent at once. Please send this again in a minute.",
}

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Front:
    """The app as Granian calls it by its own interface, RSGI."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._awaited = 0  # Bytes of bodies that are not whole yet.
        # Half the cost of an executor, which at some thousand requests a second is half of everything.
        self._jobs = SimpleQueue[_Job]()
        for _ in range(THREADS):
            threading.Thread(target=self._work, name="desk", daemon=True).start()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        environ = environ_of(scope)
        refused = await self._await_body(environ, protocol) if _has_body(environ) else None
        if refused is not None:
            protocol.response_str(refused, [("content-type", "text/plain; charset=utf-8")], _SENTENCES[refused])
            return
        answer = await self._run(partial(self._answer, environ, protocol))
        if answer is None:
            return
        try:
            stream = protocol.response_stream(answer.status, answer.headers)
            while answer.part:
                await stream.send_bytes(answer.part)  # Whoever reads slowly holds up no thread.
                await self._run(answer.go_on)
        finally:
            await self._run(answer.close)

    def _run(self, call: Callable[[], Any]) -> asyncio.Future[Any]:
        """What a thread makes of it."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._jobs.put((call, loop, done))
        return done

    def _work(self) -> None:
        while True:
            call, loop, done = self._jobs.get()
            try:
                result, failed = call(), None
            except Exception as error:
                result, failed = None, error
            with suppress(RuntimeError):  # The loop has ended.
                loop.call_soon_threadsafe(_tell, done, result, failed)

    async def _await_body(self, environ: Environ, protocol: Any) -> HTTPStatus | None:
        """Put the whole body where the app reads it; what to say when it does not come."""
        said = environ.get("CONTENT_LENGTH")
        if said is None and environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            return (
                HTTPStatus.LENGTH_REQUIRED
            )  # Of chunks nobody tells us whether the last one came; half a form is one.
        body = bytearray()
        try:
            async with asyncio.timeout(WITHIN_S):
                async for part in protocol:
                    self._awaited += len(part)
                    body += part
                    if self._awaited > AT_ONCE:
                        return HTTPStatus.SERVICE_UNAVAILABLE
                    if len(body) > LONGEST:
                        break
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT
        finally:
            self._awaited -= len(body)
        if said is not None and len(body) != int(said):
            return HTTPStatus.BAD_REQUEST  # They hung up.
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return None

    def _answer(self, environ: Environ, protocol: Any) -> "_Answer | None":
        """Answer at once; or, with the beginning of what is longer, return it."""
        said: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_error: object) -> None:
            said[:] = [int(status[:3]), headers]

        parts = self._app(environ, start_response)
        answer = _Answer(said[0], said[1], parts)
        answer.go_on()
        if not answer.ended:
            return answer
        protocol.response_bytes(answer.status, answer.headers, answer.part)
        return None


def _tell(done: asyncio.Future[Any], result: Any, failed: Exception | None) -> None:
    if done.cancelled():
        return
    if failed is None:
        done.set_result(result)
    else:
        done.set_exception(failed)


class _Answer:
    """What the app says, part by part."""

    def __init__(self, status: int, headers: list[tuple[str, str]], parts: Iterable[bytes]) -> None:
        self.status, self.headers = status, headers
        self.part, self.ended = b"", False
        self._parts, self._rest = parts, iter(parts)

    def go_on(self) -> None:
        """Read the next part; empty after the last."""
        part = bytearray()
        while len(part) < _PART and not self.ended:
            try:
                part += next(self._rest)
            except StopIteration:
                self.close()
        self.part = bytes(part)

    def close(self) -> None:
        """Let the app tidy up (PEP 3333)."""
        if not self.ended and hasattr(self._parts, "close"):
            self._parts.close()
        self.ended = True


def environ_of(scope: Any) -> Environ:
    """What a WSGI app wants to know of a request (PEP 3333), without the body."""
    host, _, port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),  # Decoded once, by Granian.
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # X_Forwarded_For would be read as X-Forwarded-For, which a proxy has taken out.
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        before = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}" if key in environ else ""
        environ[key] = f"{before}{value}"
    if scope.authority and "HTTP_HOST" not in environ:  # As HTTP/2 names it.
        environ["HTTP_HOST"] = scope.authority
    return environ


def _has_body(environ: Environ) -> bool:
    """Whether there is one to wait for; one that says of itself that it is too long is refused unread."""
    said = environ.get("CONTENT_LENGTH")
    return "HTTP_TRANSFER_ENCODING" in environ if said is None else 0 < int(said) <= LONGEST
