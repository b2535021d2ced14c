"""Turns a checked name into a connection to an address that passed the gate, and to no other."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import lru_cache
from ipaddress import ip_address

from aiohttp import ClientConnectionError, ClientRequest, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from vrm.kernel.outbound.public import Gate

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Takes a host name to the text of its addresses; raises OSError when there are none."""

MAX_ADDRESSES = 8  # Tried of one name, so that a long DNS answer does not make us knock at a hundred doors.

_PEERS_KEPT = 4096

# Set for the duration of one request, because aiohttp shares connector and resolver between all of them.
private_only: ContextVar[bool] = ContextVar("private_only", default=False)


class Refused(OSError):
    """An address did not pass the gate. An OSError, so that aiohttp treats it as any failure to connect."""


class SystemResolver:
    """Asks the operating system in threads of its own: a slow name must not hold up the loop's other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="vrm-dns")

    async def __call__(self, host: str) -> Sequence[str]:
        if host == "localhost":  # RFC 6761 §6.3; and one answer keeps an IPv4-only permission useful.
            return ["127.0.0.1"]
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _getaddrinfo, host)
        return list(dict.fromkeys(found))


def _getaddrinfo(host: str) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


class CheckedResolver(AbstractResolver):
    """Resolves a name once per connection and refuses the whole set for one bad address in it."""

    def __init__(self, resolve: Resolver, gate: Gate) -> None:
        self._resolve = resolve
        self._gate = gate

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The checked addresses of `host`, as literals that nobody needs to look up again."""
        del family  # The connector is made for both.
        try:
            addresses = [ip_address(text) for text in await self._resolve(host)]
        except ValueError as error:
            raise Refused(f"the answer for {host} is not an address") from error
        if not addresses:
            raise Refused(f"{host} has no address")
        for ip in addresses:
            if not self._gate.lets_through(ip, private_only=private_only.get()):
                raise Refused(f"{host} is at {ip}")
        return [
            ResolveResult(
                hostname=host,
                host=ip.compressed,
                port=port,
                family=socket.AF_INET if ip.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for ip in addresses[:MAX_ADDRESSES]
        ]

    async def close(self) -> None:
        """Nothing to release: the resolver outlives the loop that this belongs to."""


class CheckedConnector(TCPConnector):
    """Checks who is at the other end, of a pooled connection too, before a byte of the request is sent."""

    def __init__(self, resolver: CheckedResolver, gate: Gate, *, limit: int, limit_per_host: int) -> None:
        super().__init__(
            resolver=resolver,
            use_dns_cache=False,  # The cache would outlive the name's own lifetime; connections are pooled anyway.
            limit=limit,
            limit_per_host=limit_per_host,
            # Many servers hang up after 5 s; sending on such a connection would fail for nothing.
            keepalive_timeout=4,
        )
        # Whether an address passes never changes, and is asked before each request.
        self._passes = lru_cache(maxsize=_PEERS_KEPT)(
            lambda peer, only: gate.lets_through(ip_address(peer), private_only=only)
        )

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature.
    ) -> Connection:
        """As TCPConnector's. Raises ClientConnectionError when the peer does not pass the gate."""
        connection = await super().connect(req, traces, timeout)
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        if not peer or not self._passes(peer[0], private_only.get()):
            connection.close()
            raise ClientConnectionError(f"connected to {peer}, which is not what was checked")
        return connection
