"""A web server and a mail server of a vendor's that misbehave in a way of your choice, until they are mended."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter, defaultdict
from email import message_from_bytes

DRIP_S = 0.5  # Between two bytes: any timeout of a single read never ends.
LATE_S = 17.0  # Longer than an attempt may take.
_LARGE = b"x" * 10_000_000
_STATUSES = {
    "410": b"410 Gone\r\n",
    "429": b"429 Too Many Requests\r\nRetry-After: 8\r\n",
    "500": b"500 Oh\r\n",
    "says 503 and nonsense": b"503 Oh\r\nRetry-After: -5 next Tuesday\r\n",
}
FAULTS = ("hangs", "drips", "resets", "redirects", "answers late", "sends 10 MB", *_STATUSES)


class _Server:
    """An asyncio server on a thread of its own, on every loopback address."""

    def __init__(self) -> None:
        self.mended = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._quietly, "0.0.0.0", 0)

    async def _quietly(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.talk(reader, writer)
        finally:
            writer.transport.abort()  # Whatever it was not fast enough to take is dropped.

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await asyncio.sleep(0)  # What was aborted lets go of its socket in the loop's next turn.


async def _drip(writer: asyncio.StreamWriter, words: bytes) -> None:
    for byte in words:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(DRIP_S)


class BadSink(_Server):
    """Takes webhooks; the path says how it misbehaves: "/hangs", "/410"; any other path answers 204."""

    def __init__(self) -> None:
        self.heard: defaultdict[str, Counter[str]] = defaultdict(Counter)  # By path: how often which webhook-id came.
        super().__init__()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            await reader.readexactly(int(headers.get("content-length", 0)))
            path = first.split()[1].lstrip("/").replace("%20", " ")
            self.heard[path][headers.get("webhook-id", "")] += 1
            await self._answer("" if self.mended else path, writer)

    async def _answer(self, fault: str, writer: asyncio.StreamWriter) -> None:
        if fault == "hangs":
            await asyncio.sleep(3600)
        elif fault == "resets":
            linger = struct.pack("ii", 1, 0)  # Closing then sends RST.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            raise ConnectionResetError
        elif fault == "drips":
            await _drip(writer, b"HTTP/1.1 204 No Content\r\n" + b"X-Slow: yes\r\n" * 20 + b"\r\n")
        elif fault == "redirects":
            writer.write(b"HTTP/1.1 307 Go\r\nLocation: /trap\r\nContent-Length: 0\r\n\r\n")
        elif fault == "sends 10 MB":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(_LARGE) + _LARGE)
        elif fault in _STATUSES:
            writer.write(b"HTTP/1.1 " + _STATUSES[fault] + b"Content-Length: 3\r\n\r\noh!")
        else:
            await asyncio.sleep(LATE_S if fault == "answers late" else 0)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()


class BadRelay(_Server):
    """Takes mail. `greets` is how it begins: "well", "drips", "busy". The recipient's local part says the rest.

    "refused" is never taken, "grey" not before it is mended, "dropped" is taken and the line cut before it says so.
    """

    def __init__(self) -> None:
        self.greets = "well"
        self.taken: defaultdict[str, Counter[str]] = defaultdict(Counter)  # By local part: how often which Message-ID.
        self.asked: Counter[str] = Counter()  # By local part: how often a mail for it was offered.
        super().__init__()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.greets == "drips":
            await _drip(writer, b"220-" + b"please wait " * 20 + b"\r\n220 relay\r\n")
        writer.write(b"421 4.3.2 Come back later\r\n" if self.greets == "busy" else b"220 relay\r\n")
        to = ""
        while self.greets != "busy" and (line := await reader.readline()):
            verb = line[:4].upper()
            if verb == b"RCPT":
                to = line.decode("latin-1").partition("<")[2].partition("@")[0]
                self.asked[to] += 1
                writer.write(self._rcpt(to))
            elif verb == b"DATA":
                writer.write(b"354 Go on\r\n")
                mail = await reader.readuntil(b"\r\n.\r\n")
                self.taken[to][str(message_from_bytes(mail)["Message-ID"])] += 1
                if to == "dropped" and not self.mended:
                    return
                writer.write(b"250 2.0.0 taken\r\n")
            elif verb == b"QUIT":
                return
            else:
                writer.write(b"250 OK\r\n")

    def _rcpt(self, to: str) -> bytes:
        if to == "refused":
            return b"550 5.1.1 There is no such mailbox\r\n"
        if to == "grey" and not self.mended:
            return b"451 4.7.1 Greylisted, come back in five minutes\r\n"
        return b"250 OK\r\n"
