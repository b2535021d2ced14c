"""`python _sink.py PORT DELAY_S HANGING`: answers every POST with 204 after a while; at one address, never."""

import asyncio
import sys
from typing import Any


class Sink(asyncio.Protocol):
    """One connection. Head and body may come apart, and several requests together."""

    delay_s = 0.0
    hanging = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._buffer = b""
        self._hangs = transport.get_extra_info("sockname")[0] == self.hanging

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = int(found[0].split(b":")[1]) if found else 0
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            if not self._hangs:
                asyncio.get_running_loop().call_later(self.delay_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "0.0.0.0", port)  # noqa: S104 - All of 127.0.0.0/8.
    await server.serve_forever()


if __name__ == "__main__":
    Sink.delay_s, Sink.hanging = float(sys.argv[2]), sys.argv[3]
    asyncio.run(serve(int(sys.argv[1])))
