"""A host's name -> what its owner wrote into the DNS."""

import dns.exception
import dns.resolver

_LONGEST_S = 5.0
_MOST = 20  # Records, and each is looked at up to DNS's own limit for one.


def texts_of(host: str) -> tuple[str, ...]:
    """The TXT records of a name, none when it has none or nobody answers within five seconds.

    Asked of the machine's own resolver, as every name that we connect to is; nothing else is told to anybody.
    """
    try:
        answer = dns.resolver.Resolver().resolve(host, "TXT", lifetime=_LONGEST_S, search=False)
    except (dns.exception.DNSException, OSError, ValueError):
        return ()
    records = [b"".join(record.strings) for record in answer][:_MOST]
    return tuple(record.decode("utf-8", "replace") for record in records)
