"""Turns a checked address into an answer: the one way out to hosts that somebody named."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import TracebackType
from typing import Any, Literal, Self
from weakref import WeakKeyDictionary

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from vrm import __version__
from vrm.kernel.errors import BadInput, NotReachable, OutsideError, TooSlow
from vrm.kernel.outbound.address import Address, check, follow
from vrm.kernel.outbound.connecting import (
    CheckedConnector,
    CheckedResolver,
    Resolver,
    SystemResolver,
    private_only,
)
from vrm.kernel.outbound.inflate import Body
from vrm.kernel.outbound.policy import Policy
from vrm.kernel.outbound.public import Gate, IPNetwork

NOT_REACHABLE = (
    "We could not reach that address. Check that it is spelled correctly, public and answering, then try again."
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT_REDIRECTS = frozenset({301, 308})
_PERSONAL_HEADERS = frozenset({"authorization", "cookie"})  # Never carried over to another host.
_LIMIT, _LIMIT_PER_HOST = 256, 8
_PARSED_KEPT = 4096

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: CIMultiDictProxy[str]  # Names in any case, several of one name by `getall`; values are valid text.
    body: bytes  # Inflated.
    url: str  # Where it came from in the end.
    truncated: bool  # The body had more, and the policy did not want it.
    took_ms: int  # Everything, redirects and DNS included.
    moved_permanently_to: str | None  # As far as an unbroken chain of 301 and 308 led.


class Outbound:
    """The guarded way out. One per process will do; each event loop that uses it must `close` it in the end.

    `async with outbound:` closes it for that loop. At most 8 requests run to one host at a time; the others
    wait, and their deadlines run. Errors are OutsideErrors only (BadInput from `check`).
    """

    def __init__(
        self,
        allow_private: Sequence[IPNetwork] = (),
        resolve: Resolver | None = None,
        *,
        user_agent: str = f"vrm-intent-broker/{__version__}",
    ) -> None:
        self._gate = Gate(tuple(allow_private))
        self._resolver = CheckedResolver(resolve or SystemResolver(), self._gate)
        self._user_agent = user_agent
        # Parsing strictly takes as long as a third of a request, and its result is the same for ever.
        self._parsed = lru_cache(maxsize=_PARSED_KEPT)(self.check)
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: the same way out, with the system's resolver and no connection yet."""
        return type(self), (self.allow_private,)

    @property
    def allow_private(self) -> tuple[IPNetwork, ...]:
        """The private networks that the operator lets us reach."""
        return self._gate.allow_private

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections of the running loop. The next request opens new ones."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def check(self, url: str, policy: Policy, *, field: str = "url") -> Address:
        """Parse strictly, without asking DNS, for forms and the API. Raises BadInput({field: sentence})."""
        return check(url, policy, self._gate, field=field)

    async def get(self, url: str, *, policy: Policy, headers: Mapping[str, str] | None = None) -> Answer:
        """Fetch, following as many redirects as the policy allows.

        Raises NotReachable, TooSlow, TooLarge, or OutsideError for too many redirects and for a packed body
        that is not one gzip stream. Permanent only when `url` itself does not pass `check`.
        """
        return await self._fetch("GET", url, b"", headers or {}, policy)

    async def post(self, url: str, *, body: bytes, policy: Policy, headers: Mapping[str, str] | None = None) -> Answer:
        """Send `body`; redirects are never followed but handed back. Raises as `get` does."""
        return await self._fetch("POST", url, body, headers or {}, _without_redirects(policy))

    def get_sync(self, url: str, *, policy: Policy, headers: Mapping[str, str] | None = None) -> Answer:
        """`get` for a thread that runs no event loop; opens and closes its own connections."""
        return asyncio.run(self._alone("GET", url, b"", headers or {}, policy))

    def post_sync(self, url: str, *, body: bytes, policy: Policy, headers: Mapping[str, str] | None = None) -> Answer:
        """`post` for a thread that runs no event loop; opens and closes its own connections."""
        return asyncio.run(self._alone("POST", url, body, headers or {}, _without_redirects(policy)))

    async def _alone(
        self, method: Literal["GET", "POST"], url: str, body: bytes, headers: Mapping[str, str], policy: Policy
    ) -> Answer:
        async with self:
            return await self._fetch(method, url, body, headers, policy)

    async def _fetch(
        self, method: Literal["GET", "POST"], url: str, body: bytes, headers: Mapping[str, str], policy: Policy
    ) -> Answer:
        begun = time.monotonic()
        try:
            address = self._parsed(url, policy)
        except BadInput as error:
            raise NotReachable(NOT_REACHABLE, permanent=True) from error
        try:
            async with asyncio.timeout(policy.deadline_s):
                return await self._follow(method, address, body, CIMultiDict(headers), policy, begun=begun)
        except TimeoutError as error:
            raise TooSlow(f"The host took longer than {policy.deadline_s:g} seconds; try again later.") from error

    async def _follow(
        self,
        method: Literal["GET", "POST"],
        address: Address,
        body: bytes,
        headers: CIMultiDict[str],
        policy: Policy,
        *,
        begun: float,
    ) -> Answer:
        moved: str | None = None
        is_chain_permanent = True
        for hop in range(policy.max_redirects + 1):
            answer = await self._one(method, address, body, headers, policy, begun=begun)
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or location is None or policy.max_redirects == 0:
                return answer if moved is None else replace(answer, moved_permanently_to=moved)
            if hop == policy.max_redirects:
                break
            try:
                target = follow(address, location, policy, self._gate)
            except BadInput as error:
                # The words must not tell an address that we block from one that nobody answers at.
                raise NotReachable(NOT_REACHABLE) from error
            is_chain_permanent = is_chain_permanent and answer.status in _PERMANENT_REDIRECTS
            if is_chain_permanent:
                moved = target.url
            if (target.scheme, target.host, target.port) != (address.scheme, address.host, address.port):
                for name in _PERSONAL_HEADERS:
                    headers.popall(name, None)
            address = target
        raise OutsideError(
            f"The address leads on to others more than {policy.max_redirects} times; give the last of them."
        )

    async def _one(
        self,
        method: Literal["GET", "POST"],
        address: Address,
        body: bytes,
        headers: CIMultiDict[str],
        policy: Policy,
        *,
        begun: float,
    ) -> Answer:
        """One request and its answer; the caller keeps the deadline."""
        token = private_only.set(address.private_only)
        try:
            response = await self._session().request(
                method,
                URL(address.url, encoded=True),
                data=body or None,
                headers=headers,
                allow_redirects=False,
            )
            try:
                return await _read(response, policy, begun)
            finally:
                response.close()  # Drops the connection unless the body was read to its end.
        except (ClientError, OSError, ValueError) as error:
            _log.debug("%s %s failed: %r", method, address.host, error)
            raise NotReachable(NOT_REACHABLE) from error
        finally:
            private_only.reset(token)

    def _session(self) -> ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = ClientSession(
                connector=CheckedConnector(self._resolver, self._gate, limit=_LIMIT, limit_per_host=_LIMIT_PER_HOST),
                cookie_jar=DummyCookieJar(),
                trust_env=False,  # No proxy, no .netrc.
                auto_decompress=False,
                timeout=ClientTimeout(total=None, sock_connect=None),
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip"},
            )
        return session


def _without_redirects(policy: Policy) -> Policy:
    return replace(policy, max_redirects=0) if policy.max_redirects else policy


async def _read(response: ClientResponse, policy: Policy, begun: float) -> Answer:
    """Read the body up to the policy's limits."""
    headers = response.headers
    if not all(value.isascii() for value in headers.values()):
        headers = CIMultiDictProxy(CIMultiDict((name, _clean(value)) for name, value in headers.items()))
    sink = Body(
        ",".join(headers.getall("Content-Encoding", ())),
        max_wire_bytes=policy.max_wire_bytes,
        max_body_bytes=policy.max_body_bytes,
    )
    truncated = False
    try:
        async for piece in response.content.iter_any():
            sink.take(piece)
        sink.finish()
    except (OutsideError, ClientError, OSError):
        if not policy.truncates:
            raise
        truncated = True
    return Answer(
        status=response.status,
        headers=headers,
        body=bytes(sink.data),
        url=str(response.url),
        truncated=truncated,
        took_ms=round((time.monotonic() - begun) * 1000),
        moved_permanently_to=None,
    )


def _clean(value: str) -> str:
    """Text that can be stored and sent again: aiohttp keeps bytes that are not UTF-8 as lone surrogates."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
