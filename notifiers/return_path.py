"""Addresses below our own at which replies and bounces find the message they are about: signed, short, lower case."""

import re
from dataclasses import dataclass
from typing import Literal

from notifiers.post import Post

_TOKEN = re.compile(r"(?P<local>[^@+]+)\+(?P<what>[rbc])(?P<id>\d{1,18})-(?P<proof>[a-z2-7]{16})@(?P<domain>[^@]+)")
_WIRE_ID = re.compile(r"msg_(\d{1,18})_([0-9a-z]{8,64})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Return:
    """What an address stands for: a reply to a notification, a bounce of it, or a marked want."""

    what: Literal["r", "b", "c"]
    row_id: int  # Of the notification, or of the want.


def reply_address(post: Post, notification_id: int) -> str:
    """Where an answer to this message goes, as "vrm+r17-…@wants.example"."""
    return _address(post, "r", notification_id)


def bounce_address(post: Post, notification_id: int) -> str:
    """The envelope's sender of this message, so that a bounce names it whatever is written in it (VERP)."""
    return _address(post, "b", notification_id)


def marked_address(post: Post, intent_id: int) -> str:
    """What stands in a marked want and nowhere else, see intents/canaries.py."""
    return _address(post, "c", intent_id)


def _address(post: Post, what: str, row_id: int) -> str:
    local, _, domain = post.mail_from.rpartition("@")
    name = f"{what}{row_id}"
    return f"{local}+{name}-{post.signer.short('return', name)}@{domain}"


def read_address(post: Post, address: str) -> Return | None:
    """What one of our addresses stands for; None for any other, and for one that we did not sign."""
    found = _TOKEN.fullmatch(address.strip().lower())
    local, _, domain = post.mail_from.lower().rpartition("@")
    if found is None or (found["local"], found["domain"]) != (local, domain):
        return None
    name = f"{found['what']}{found['id']}"
    if not post.signer.is_short("return", name, found["proof"]):
        return None
    kinds: dict[str, Literal["r", "b", "c"]] = {"r": "r", "b": "b", "c": "c"}
    return Return(kinds[found["what"]], int(found["id"]))


def is_ours(post: Post, address: str) -> bool:
    """Whether mail for this address is taken at all: our sender itself, or what we signed."""
    return address.strip().lower() == post.mail_from.lower() or read_address(post, address) is not None


def row_of(wire_id: str) -> int:
    """The notification of a wire id "msg_17_…"."""
    return int(wire_id.split("_")[1])


def named_in(text: str) -> list[tuple[int, str]]:
    """(notification, its code) of each of our Message-IDs in a text; the code is what proves it."""
    return [(int(id_), code.lower()) for id_, code in _WIRE_ID.findall(text)]
