"""Which addresses are ordinary hosts of the public internet."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrm.kernel.outbound import is_public
from vrm.kernel.outbound.public import Gate


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "93.184.216.34",
        "172.15.0.1",
        "172.32.0.1",
        "2606:2800:220:1::1",
        "2a00:1450:4001::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2606:2800:220:1:0:5efe:8.8.8.8",
    ],
)
def test_a_public_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "0.0.0.0",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.0.9",
        "100.100.100.200",
        "100.127.255.255",
        "169.254.169.254",
        "224.0.0.251",
        "239.255.255.250",
        "255.255.255.255",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1%eth0",
        "2606:2800:220:1::1%eth0",
        "ff0e::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2002:808:808::1",
        "64:ff9b:1::8.8.8.8",
        "5f00::1",
        "::8.8.8.8",
    ],
)
def test_an_address_of_the_inside_is_not(text: str) -> None:
    assert not is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_ipv4_inside_an_ipv6_is_never_more_public_than_alone(inner: IPv4Address) -> None:
    embeddings = [
        IPv6Address(f"::ffff:{inner}"),
        IPv6Address(f"64:ff9b::{inner}"),
        IPv6Address(f"::{inner}"),
        IPv6Address(int(ip_address("2002::")) + (int(inner) << 80) + 1),
        IPv6Address(int(ip_address("2606:2800:220:1:0:5efe::")) + int(inner)),
    ]
    assert is_public(inner) or not any(is_public(ip) for ip in embeddings)


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(ip: IPv4Address | IPv6Address) -> None:
    assert not (is_public(ip) and (ip.is_private or ip.is_multicast or ip.is_loopback))


def test_the_gate_lets_a_private_only_target_reach_allowed_networks_alone() -> None:
    gate = Gate((ip_network("127.0.0.0/8"), ip_network("fd00::/8")))
    assert gate.lets_through(ip_address("127.0.0.1"), private_only=True)
    assert gate.lets_through(ip_address("fd00::1"))
    assert gate.lets_through(ip_address("8.8.8.8"))
    assert not gate.lets_through(ip_address("8.8.8.8"), private_only=True)
    assert not gate.lets_through(ip_address("::ffff:127.0.0.1"))
    assert not gate.lets_through(ip_address("10.0.0.1"))
