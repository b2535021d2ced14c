"""Turns an IP address into the answer to one question: may this broker connect to it?"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

# Older Pythons call some of these global, and cloud providers keep secrets behind others.
_NEVER = tuple(
    ip_network(cidr)
    for cidr in (
        "168.63.129.16/32",  # Azure's host agent, on an address that is otherwise public.
        "192.0.0.0/24",  # IETF assignments; 192.0.0.192 is Oracle Cloud's metadata.
        "192.88.99.0/24",  # The 6to4 relay anycast, withdrawn by RFC 7526.
        "100.64.0.0/10",  # Carrier NAT; 100.100.100.200 is Alibaba Cloud's metadata.
        "2001::/23",  # IETF assignments: Teredo (an IPv4 inside), benchmarking, ORCHID.
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 inside, and no working relays.
        "3fff::/20",  # Documentation, RFC 9637.
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # All that IANA hands out; nothing outside is a public host.
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")  # Where every IPv4-only name lives on an IPv6-only machine.


def is_public(ip: IPAddress) -> bool:
    """Whether `ip` is an ordinary host of the public internet, seen through every embedding of IPv4 in IPv6.

    Mapped (RFC 4291) and NAT64 (RFC 6052) addresses are as public as the IPv4 inside; an ISATAP one (RFC 5214)
    is refused when the IPv4 inside is not public; compatible, 6to4, Teredo, local NAT64 (64:ff9b:1::/48),
    scoped and unassigned addresses never are.
    """
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None:
            return False
        inner = IPv4Address(ip.packed[12:])
        if ip in _MAPPED or ip in _NAT64:
            return is_public(inner)
        if ip not in _GLOBAL_UNICAST or (_is_isatap(ip) and not is_public(inner)):
            return False
    return ip.is_global and not (
        ip.is_multicast or ip.is_reserved or ip.is_unspecified or any(ip in network for network in _NEVER)
    )


def _is_isatap(ip: IPv6Address) -> bool:
    """Interface identifier 0000:5efe or 0200:5efe; the two lowest bits of its first byte are flags."""
    return ip.packed[8] & 0xFC == 0 and ip.packed[9:12] == b"\x00\x5e\xfe"


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides on addresses: public ones, and the private networks that the operator allowed."""

    allow_private: tuple[IPNetwork, ...] = ()

    def is_allowed_private(self, ip: IPAddress) -> bool:
        """Whether the operator named a network that holds `ip`."""
        return any(ip in network for network in self.allow_private)

    def lets_through(self, ip: IPAddress, *, private_only: bool = False) -> bool:
        """Whether a connection to `ip` may be opened; with `private_only` a public address may not."""
        return self.is_allowed_private(ip) or (not private_only and is_public(ip))
