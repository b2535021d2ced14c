"""A second guard for the worker's whole process: no Python socket reaches a private address, whoever opens it."""

import errno
import socket
import sys
import time
from collections.abc import Collection, Sequence
from ipaddress import ip_address

from vrm.kernel.outbound.public import Gate, IPAddress, IPNetwork

_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_ANSWERS_LAST_S = 60.0


class GuardRefusal(PermissionError):
    """A connection was refused by the guard. An OSError, so that libraries treat it as a failure to connect."""


def install_guard(allow_private: Sequence[IPNetwork] = (), also: Collection[tuple[str, int]] = ()) -> None:
    """From now on, and until the process ends, refuse connections to addresses that are not public.

    `also` are the exact (host or address, port) pairs of our own database and mail relay. Unix sockets stay open.
    Covers what goes through Python's `socket` module; C libraries with sockets of their own (libpq) are not seen.
    """
    guard = _Guard(Gate(tuple(allow_private)), also)
    sys.addaudithook(guard.hear)


class _Guard:
    def __init__(self, gate: Gate, also: Collection[tuple[str, int]]) -> None:
        self._gate = gate
        self._exceptions = frozenset((_bare(host), port) for host, port in also)
        self._answers: dict[str, tuple[float, frozenset[IPAddress]]] = {}

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        """The audit hook: called for everything Python does, so the common case must be one look-up."""
        if event not in _EVENTS:
            return
        sock, address = arguments
        family = getattr(sock, "family", None)
        # A datagram on a connected socket has no address; its connect was heard before.
        if family == socket.AF_UNIX or (address is None and event == "socket.sendmsg"):
            return
        if family not in {socket.AF_INET, socket.AF_INET6} or not self._is_fine(address):
            raise GuardRefusal(errno.EACCES, f"The outbound guard refused {event} to {address!r}.")

    def _is_fine(self, address: object) -> bool:
        match address:
            case (str() as host, int() as port, *_):
                host = _bare(host)
            case _:
                return False
        if (host, port) in self._exceptions:
            return True
        try:
            ip = ip_address(host)
        except ValueError:
            # A name would be resolved after this check, to who knows what.
            return False
        return self._gate.lets_through(ip) or self._is_ours(ip, port)

    def _is_ours(self, ip: IPAddress, port: int) -> bool:
        """Whether one of the exceptions is a name that now leads to `ip`; asks DNS only about our own hosts' ports."""
        return any(port == ours and ip in self._addresses(host) for host, ours in self._exceptions)

    def _addresses(self, host: str) -> frozenset[IPAddress]:
        now = time.monotonic()
        asked_at, answer = self._answers.get(host, (-_ANSWERS_LAST_S, frozenset()))
        if now - asked_at >= _ANSWERS_LAST_S:
            try:
                found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except OSError:
                found = []
            answer = frozenset(ip_address(entry[4][0]) for entry in found)
            self._answers[host] = (now, answer)
        return answer


def _bare(host: str) -> str:
    return host.strip("[]").lower().removesuffix(".")
