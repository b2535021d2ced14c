"""What a stranger wrote as a link -> an address that may be shown and stored, or nothing."""

from urllib.parse import urljoin, urlsplit

MAX_ADDRESS = 2000


def web_address(link: str, base: str) -> str:
    """`link` made absolute against `base` when it is http(s) with a host and nothing odd in it, else ""."""
    try:
        address = urljoin(base, link.strip()) if link.strip() else ""
        parts = urlsplit(address)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        return ""
    odd = len(address) > MAX_ADDRESS or not address.isprintable() or any(sign in ' "<>\\^`{|}' for sign in address)
    return address if fine and not odd else ""
