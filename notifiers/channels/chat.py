"""Chat and push services through Apprise: typed fields in, plugins made by us; no address is ever parsed by it."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apprise import Apprise, AppriseAsset, AppriseResult, AppriseResultStatus, NotifyBase, NotifyFormat

from notifiers.channels.base import DEADLINE_S, Composed, Field, Outcome, Proof, Wire, calm, kept
from notifiers.models import ChannelKind, Verdict
from notifiers.post import Post
from vendors.models import Undelivered
from vrm.kernel.outbound import Outbound

# Only the plugins that chat_services.py names are ever loaded, and they are made from fields, not from addresses:
# Apprise's other schemas, its attachments, templates and configuration files cannot be reached from here.
_ASSET = AppriseAsset(
    app_id="VRM Intent Broker",
    app_desc="Wants of people near you",
    app_url="",
    http_redirects=False,
    allow_templates=False,
    storage_mode="memory",
    service_timeout=DEADLINE_S,
    default_service_retry=0,
)
_STATUS = re.compile(r"\berror=(\d{3})\b")
_LOST = frozenset({401, 403, 404, 410})  # The token was revoked, or the room is gone.

Target = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chat:
    """One service. `take_apart` reads the fields strictly; `plugin` is made from `arguments` of what it read."""

    kind: ChannelKind
    name: str
    blurb: str
    fields: tuple[Field, ...]
    take_apart: Callable[[Mapping[str, str]], Target]
    plugin: Callable[..., NotifyBase]
    arguments: Callable[[Mapping[str, Any]], dict[str, Any]]
    show: Callable[[Mapping[str, Any]], str]
    render: Callable[[Composed, int], str]  # The text, in at most so many characters.
    most: int = 4_000
    body_format: NotifyFormat = NotifyFormat.TEXT
    proof: Proof = Proof.CODE
    signs: bool = False
    digest_most: int = 8

    def clean(self, fields: Mapping[str, str], outbound: Outbound) -> Target:
        """The parts of the address, never the address."""
        del outbound  # The hosts are the services' own.
        return self.take_apart(fields)

    def place(self, target: Mapping[str, Any]) -> str:
        return "\n".join(str(target[name]) for name in sorted(target))

    def shown(self, target: Mapping[str, Any]) -> str:
        return self.show(target)

    def host(self, target: Mapping[str, Any]) -> str:
        del target
        return self.name

    def pack(self, target: Mapping[str, Any], message: Composed, wire: Wire) -> Composed:
        del target, wire
        return message

    async def send(self, target: Mapping[str, Any], packed: Composed, wire: Wire, post: Post) -> Outcome:
        del wire, post  # These services know no ids of ours.
        sender = Apprise(asset=_ASSET)
        sender.add(self.plugin(**self.arguments(target), asset=_ASSET))
        async with asyncio.timeout(DEADLINE_S + 5):  # Its own limit should be met first.
            result = await sender.async_notify(
                body=self.render(packed, self.most),
                title=calm(packed.subject),
                body_format=self.body_format,
                timeout=DEADLINE_S,
                log_level=logging.WARNING,
            )
        with result:
            return of_result(result)


def of_result(result: AppriseResult) -> Outcome:
    """What Apprise recorded for our one target; its overall truth value is not asked."""
    if len(result.results) != 1 or not result.results[0].attempts:
        return Outcome(Verdict.TRANSIENT, Undelivered.UNREACHABLE, said="Nothing was sent.", ours=True)
    last = result.results[0].attempts[-1]
    if last.status is AppriseResultStatus.SUCCESS:
        return Outcome(Verdict.DELIVERED, said="The service accepted it.")
    said = kept(" ".join(str(entry.message) for entry in last.logs) or "The service gave no reason.")
    if last.status is AppriseResultStatus.TIMEOUT:
        return Outcome(Verdict.TRANSIENT, Undelivered.UNREACHABLE, said="The service took longer than 15 seconds.")
    found = _STATUS.findall(said)
    if not found:
        return Outcome(Verdict.TRANSIENT, Undelivered.UNREACHABLE, said=said)
    status = int(found[-1])
    if status == 429 or status >= 500 or status < 400:
        return Outcome(Verdict.TRANSIENT, Undelivered.REFUSED, status, said)
    return Outcome(Verdict.PERMANENT, Undelivered.REFUSED, status, said, gone=status in _LOST)


# --- Messages -------------------------------------------------------------------------------------


def with_bare_links(message: Composed, most: int) -> str:
    """Lines, then each button as "label: address"."""
    return _fitting(message.chat, [f"{link.label}: {link.url}" for link in message.links], most, "\n")


def with_one_link(message: Composed, most: int) -> str:
    """Lines, then the address behind all the buttons; for services with little room."""
    return _fitting(message.chat, [link.url.partition("?")[0] for link in message.links[:1]], most, "\n")


def with_markdown_links(message: Composed, most: int) -> str:
    """Paragraphs, since Teams shows single line ends as spaces, then named links."""
    links = [f"[{link.label}]({link.url})" for link in message.links]
    return _fitting("\n\n".join(line for line in message.chat.splitlines() if line), links, most, "\n\n")


def _fitting(text: str, links: list[str], most: int, between: str) -> str:
    """Text and links; it is the text that is cut, since what was cut is behind the links."""
    end = between.join(links)
    room = most - len(end) - len(between) * 2
    if len(text) > room:
        text = text[: max(room - 2, 0)].rstrip() + " …"
    return f"{text}{chr(10) * 2}{end}".strip()
