"""Where going out must not lead, whatever a name resolves to, and the same words for all of it."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

import aiohttp
import pytest
from outbound_hosts import LOOPBACK, Host, answering, get, hosting, ok

from vrm.kernel.errors import NotReachable
from vrm.kernel.outbound import FEED, NOT_REACHABLE, IPNetwork, Outbound, Policy, Resolver
from vrm.kernel.outbound.connecting import CheckedConnector, CheckedResolver, Refused
from vrm.kernel.outbound.public import Gate, IPAddress

INSIDE = [
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fe80::1%eth0",
    "168.63.129.16",
]


def refusal(url: str, resolve: Resolver, allow: Sequence[IPNetwork] = (), policy: Policy = FEED) -> NotReachable:
    with pytest.raises(NotReachable) as refused:
        Outbound(allow, resolve).get_sync(url, policy=policy)
    return refused.value


@pytest.mark.parametrize("inside", INSIDE)
def test_a_public_name_that_leads_inside_is_not_connected_to(inside: str) -> None:
    error = refusal("http://blog.example.org/", answering(inside))
    assert (str(error), error.permanent) == (NOT_REACHABLE, False)


@pytest.mark.parametrize("inside", INSIDE)
def test_one_bad_address_refuses_the_whole_set(inside: str) -> None:
    resolver = CheckedResolver(answering("93.184.216.34", inside, "2606:2800:220:1::1"), Gate())
    with pytest.raises(Refused):
        asyncio.run(resolver.resolve("blog.example.org", 443))


def test_a_good_set_is_handed_on_as_literals_and_no_more_than_eight_of_them() -> None:
    resolver = CheckedResolver(answering(*[f"93.184.216.{n}" for n in range(1, 100)]), Gate())
    results = asyncio.run(resolver.resolve("blog.example.org", 443))
    assert len(results) == 8
    assert results[0]["host"] == "93.184.216.1"
    assert results[0]["port"] == 443


def test_one_address_outside_the_allowed_networks_refuses_a_set_and_nobody_is_called() -> None:
    async def story() -> Host:
        resolve = answering("127.0.0.1", "10.0.0.1")
        async with hosting(ok()) as host, Outbound(LOOPBACK, resolve) as outbound:
            with pytest.raises(NotReachable):
                await outbound.get(host.url(name="crm.internal"), policy=FEED)
            return host

    assert asyncio.run(story()).connections == 0


def test_a_local_name_that_leads_to_a_public_address_is_not_connected_to() -> None:
    assert str(refusal("http://crm.internal:9000/", answering("93.184.216.34"), LOOPBACK)) == NOT_REACHABLE


def test_blocked_refused_unresolvable_and_misspelt_are_told_in_the_same_words() -> None:
    async def nowhere(host: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed_port = unused.getsockname()[1]
        refused = refusal(f"http://127.0.0.1:{closed_port}/", nowhere, LOOPBACK)
    errors = [
        refused,
        refusal("http://blog.example.org/", answering("10.0.0.1")),
        refusal("http://blog.example.org/", nowhere),
        refusal("http://blog.example.org/", answering()),
        refusal("http://blog.example.org/", answering("not an address")),
        refusal("http://blog.example.org/", answering("2130706433")),
    ]
    assert {(str(error), error.permanent, error.retry_after_s) for error in errors} == {(NOT_REACHABLE, False, None)}


def test_a_stored_address_that_no_longer_passes_is_a_permanent_failure() -> None:
    error = refusal("http://127.0.0.1/", answering())
    assert (str(error), error.permanent) == (NOT_REACHABLE, True)


def test_a_name_that_rebinds_between_two_fetches_is_refused_the_second_time() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(host: str) -> Sequence[str]:
        return next(answers)

    async def story() -> Host:
        async with hosting(ok(b"", "Connection: close")) as host, Outbound(LOOPBACK, rebinding) as outbound:
            await outbound.get(host.url(name="blog.internal"), policy=FEED)
            with pytest.raises(NotReachable):
                await outbound.get(host.url(name="blog.internal"), policy=FEED)
            return host

    assert asyncio.run(story()).connections == 1


def test_a_name_is_asked_for_once_so_that_rebinding_has_no_moment_between_check_and_connect() -> None:
    asked: list[str] = []

    async def rebinding(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    answer, _ = get(ok(), name="blog.internal", resolve=rebinding)
    assert answer.status == 200
    assert len(asked) == 1


@dataclass(frozen=True, slots=True)
class ForgetfulGate(Gate):
    """Lets an address through to the resolver and stops it as a peer."""

    seen: list[IPAddress] = field(default_factory=list)

    def lets_through(self, ip: IPAddress, *, private_only: bool = False) -> bool:
        self.seen.append(ip)
        return len(self.seen) == 1


def test_the_peer_is_checked_once_more_before_anything_is_sent() -> None:
    gate = ForgetfulGate()

    async def story() -> Host:
        async with hosting(ok()) as host:
            connector = CheckedConnector(CheckedResolver(answering("127.0.0.1"), gate), gate, limit=1, limit_per_host=1)
            async with aiohttp.ClientSession(connector=connector) as session:
                with pytest.raises(aiohttp.ClientConnectionError):
                    await session.get(host.url(name="crm.internal"))
            return host

    assert asyncio.run(story()).heard == []
    assert gate.seen == [ip_address("127.0.0.1")] * 2
