"""Turns an address that somebody typed into one we may connect to, or into a sentence that names the fix."""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

from vrm.kernel.errors import BadInput
from vrm.kernel.outbound.policy import Policy
from vrm.kernel.outbound.public import Gate, IPAddress, is_public

LOOPBACK = IPv4Address("127.0.0.1")
MAX_URL_LENGTH = 2_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SHAPE = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_DOTTED_QUAD = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # What the C library reads as a part of an IPv4 address.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# Top labels that mean a machine or a network of one's own, or no host at all.
_INSIDE = frozenset(
    [
        "local",
        "localhost",
        "localdomain",
        "internal",
        "intranet",
        "private",
        "corp",
        "home",
        "lan",
        "svc",
        "arpa",
        "onion",
        "i2p",
        "alt",
        "invalid",
    ]
)
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zs", "Zl", "Zp"})
_PATH_SAFE = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address. Only `check` and `follow` make one."""

    url: str  # ASCII, percent-encoded, host in lower case and IDNA, no default port, no fragment.
    scheme: str
    host: str  # A name, or a literal without brackets.
    port: int
    private_only: bool  # Breaks a rule of public hosts, so that every address of it must be an allowed private one.


@dataclass(frozen=True, slots=True)
class _Host:
    name: str
    literal: IPAddress | None
    objection: str = ""  # Why this cannot be a public host, or nothing.


def check(url: str, policy: Policy, gate: Gate, *, field: str = "url") -> Address:
    """Parse strictly, without asking DNS. Raises BadInput({field: sentence}).

    A literal inside an allowed private network may use http and any port. When private networks are allowed at all,
    so may a local name (localhost, crm.internal); it is then `private_only`, which connecting enforces.
    """
    try:
        return _parse(url.strip(" "), policy, gate)
    except _Objection as objection:
        raise BadInput({field: str(objection)}) from None


def follow(here: Address, location: str, policy: Policy, gate: Gate) -> Address:
    """The address a redirect leads to, checked like the first. Raises BadInput, also for https to http."""
    try:
        joined = urljoin(here.url, location.strip(" ").replace(" ", "%20"))
    except ValueError:
        raise BadInput({"url": "The address leads to one that is not readable."}) from None
    target = check(joined, policy, gate)
    if here.scheme == "https" and target.scheme != "https":
        raise BadInput({"url": "The address leads from https to http; make it lead to an https:// address."})
    return target


class _Objection(Exception):
    """Carries the sentence up to the one place that knows the field's name."""


def _parse(url: str, policy: Policy, gate: Gate) -> Address:
    _check_characters(url)
    match = _SHAPE.fullmatch(url)
    if match is None or match["scheme"].lower() not in _DEFAULT_PORTS:
        raise _Objection("Write the whole address, beginning with https://, such as https://blog.example.org/feed.")
    scheme = match["scheme"].lower()
    authority = match["authority"]
    if "@" in authority:
        raise _Objection("Leave out the user name and password (all before the @); we never send them.")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise _Objection("The host is not readable; write it as in https://blog.example.org/.")
    port = _port(parts["port"], scheme)
    host = _host(parts["host"])

    private_only = bool(host.objection) and _may_be_allowed(host, gate)
    if not private_only and (objection := host.objection or _web_objection(scheme, port, policy)):
        raise _Objection(objection)

    netloc = f"[{host.name}]" if ":" in host.name else host.name
    if port != _DEFAULT_PORTS[scheme]:
        netloc += f":{port}"
    path = quote(match["path"] or "/", safe=_PATH_SAFE)
    query = quote(match["query"] or "", safe=_PATH_SAFE)
    canonical = f"{scheme}://{netloc}{path}{query}"
    if len(canonical) > MAX_URL_LENGTH:
        raise _Objection(f"The address is too long; use one of at most {MAX_URL_LENGTH} characters.")
    return Address(canonical, scheme, host.name, port, private_only)


def _may_be_allowed(host: _Host, gate: Gate) -> bool:
    """Whether the operator's networks may hold this private host; of most names only DNS can tell."""
    if host.literal is not None:
        return gate.is_allowed_private(host.literal)
    if host.name == "localhost":
        return gate.is_allowed_private(LOOPBACK)
    return bool(gate.allow_private)


def _check_characters(url: str) -> None:
    if not url:
        raise _Objection("Write an address, such as https://blog.example.org/feed.")
    if len(url) > MAX_URL_LENGTH:
        raise _Objection(f"The address is too long; use one of at most {MAX_URL_LENGTH} characters.")
    if any(unicodedata.category(character) in _UNSAFE_CATEGORIES for character in url):
        raise _Objection("The address has a space, a line break or an invisible character in it; copy it again.")
    if "\\" in url:
        raise _Objection("The address has a backslash in it; write / instead.")


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return _DEFAULT_PORTS[scheme]
    if not _PORT.fullmatch(text) or int(text) > 65_535:
        raise _Objection("The port is not readable; leave it out, or write a number such as :8443 after the host.")
    return int(text)


def _web_objection(scheme: str, port: int, policy: Policy) -> str:
    if scheme not in policy.schemes:
        return "Use an address that begins with https://; this one must be encrypted."
    if port not in policy.ports:
        ports = ", ".join(str(number) for number in sorted(policy.ports))
        return f"Port {port} is not one we connect to; serve it on one of {ports}."
    return ""


def _host(text: str) -> _Host:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    if not text:
        raise _Objection("The host is missing; write it as in https://blog.example.org/.")
    if "%" in text:
        raise _Objection("Write the host in plain letters, without percent signs.")
    name = _ascii_name(text)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name)
    # Above DNS's limit (RFC 1035 §2.3.4) the resolver would raise instead of answering.
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _Objection(
            "The host is not a valid name: letters, digits and hyphens between single dots, as in blog.example.org."
        )
    if len(labels) == 1 or labels[-1] in _INSIDE:
        return _Host(name, None, "That name belongs to a private network; use a public one, such as blog.example.org.")
    return _Host(name, None)


def _ascii_name(text: str) -> str:
    """Lower case, IDNA 2008 without compatibility mapping: look-alikes of dots, digits and letters are refused."""
    name = unicodedata.normalize("NFC", text).lower().removesuffix(".")
    labels = name.split(".")
    try:
        plain = [
            label
            if label.isascii() and not label.startswith("xn--")
            else idna.encode(label, uts46=False, std3_rules=True).decode("ascii")
            for label in labels
        ]
    except (idna.IDNAError, UnicodeError):
        plain = []
    if not plain or (not text.isascii() and name.isascii()) or any("." in label for label in plain):
        raise _Objection("The host has letters that no domain can have; type it again by hand.")
    return ".".join(plain)


def _ipv4(name: str) -> _Host:
    if not _DOTTED_QUAD.fullmatch(name):
        raise _Objection("The host is a number in an odd form; write a name, such as blog.example.org.")
    try:
        ip = IPv4Address(name)
    except ValueError:
        raise _Objection("The host is not an IP address; each of its four numbers is at most 255.") from None
    return _literal(ip)


def _ipv6(text: str) -> _Host:
    try:
        ip = IPv6Address(text)
    except ValueError:
        raise _Objection("The host in [brackets] is not an IPv6 address; write a name instead.") from None
    if ip.scope_id is not None:
        raise _Objection("Leave out the zone (the % and what follows it); a public address has none.")
    return _literal(ip)


def _literal(ip: IPAddress) -> _Host:
    objection = "" if is_public(ip) else "That is an address in a private network; use a public one."
    return _Host(ip.compressed, ip, objection)
