"""Real hosts on loopback that do what hosts do: drip, flood, break off, hang up; and one request to each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network

from vrm.kernel.outbound import FEED, WEBHOOK, Answer, IPNetwork, Outbound, Policy, Resolver

LOOPBACK: tuple[IPNetwork, ...] = (ip_network("127.0.0.0/8"),)

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Host:
    """A host on loopback; `heard` is one entry per request, from its request line to the end of its body."""

    port: int = 0
    heard: list[str] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", name: str = "127.0.0.1") -> str:
        return f"http://{name}:{self.port}{path}"


@asynccontextmanager
async def hosting(*answers: bytes | Script) -> AsyncIterator[Host]:
    """A host that gives the answers in turn, the last one again and again, and keeps connections open."""
    host = Host()
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(line[15:]) for line in head.splitlines() if line.startswith("Content-Length:")), 0)
                host.heard.append(head + (await reader.readexactly(length)).decode())
                answer = answers[min(len(host.heard), len(answers)) - 1]
                if callable(answer):
                    await answer(writer)
                    writer.close()
                    break
                writer.write(answer.replace(b"PORT", str(host.port).encode()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        except asyncio.CancelledError:
            writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def ok(body: bytes = b"fine", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def to(location: str, status: int = 302) -> bytes:
    return ok(b"", f"Location: {location}", status=f"{status} Elsewhere")


async def drip_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def endless_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write((b"10\r\n" + b"x" * 16 + b"\r\n") * 1_000)
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Flood: " + b"x" * 5_000 + b"\r\n")
        await writer.drain()


async def endless_interim_answers(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


async def cut_short(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Says nothing at all."""


def answering(*addresses: str) -> Resolver:
    async def resolve(host: str) -> Sequence[str]:
        return addresses

    return resolve


def get(
    *answers: bytes | Script,
    policy: Policy = FEED,
    path: str = "/",
    name: str = "127.0.0.1",
    allow: Sequence[IPNetwork] = LOOPBACK,
    resolve: Resolver | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[Answer, Host]:
    """Fetch once from a host made for it."""

    async def story() -> tuple[Answer, Host]:
        async with hosting(*answers) as host, Outbound(allow, resolve) as outbound:
            return await outbound.get(host.url(path, name), policy=policy, headers=headers), host

    return asyncio.run(story())


def post(answer: bytes | Script, *, policy: Policy = WEBHOOK, body: bytes = b"{}") -> tuple[Answer, Host]:
    async def story() -> tuple[Answer, Host]:
        async with hosting(answer) as host, Outbound(LOOPBACK) as outbound:
            headers = {"webhook-id": "msg_1", "Content-Type": "application/json"}
            return await outbound.post(host.url("/hook"), body=body, headers=headers, policy=policy), host

    return asyncio.run(story())
