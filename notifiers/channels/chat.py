"""Chat and push services through Apprise: typed fields in, plugins made by us; no address is ever parsed by it."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from apprise import Apprise, AppriseAsset, AppriseResult, AppriseResultStatus, NotifyBase, NotifyFormat
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.ntfy import NotifyNtfy
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.workflows import NotifyWorkflows

from notifiers.channels.base import DEADLINE_S, Composed, Field, Outcome, Proof, Wire, calm, filled, kept
from notifiers.models import ChannelKind, Verdict
from notifiers.post import Post
from vendors.models import Undelivered
from vrm.kernel.errors import BadInput
from vrm.kernel.outbound import Outbound

# Only the five plugins above are ever loaded, and they are made from fields, not from addresses: Apprise's other
# schemas, its attachments, templates and configuration files cannot be reached from here.
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
    render: Callable[[Composed], str]
    body_format: NotifyFormat = NotifyFormat.TEXT
    proof: Proof = Proof.CODE
    signs: bool = False

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

    async def send(self, target: Mapping[str, Any], message: Composed, wire: Wire, post: Post) -> Outcome:
        del wire, post  # These services know no ids of ours.
        sender = Apprise(asset=_ASSET)
        sender.add(self.plugin(**self.arguments(target), asset=_ASSET))
        async with asyncio.timeout(DEADLINE_S + 5):  # Its own limit should be met first.
            result = await sender.async_notify(
                body=self.render(message),
                title=calm(message.subject),
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


def _with_bare_links(message: Composed) -> str:
    return "\n".join([message.chat, "", *(f"{link.label}: {link.url}" for link in message.links)]).strip()


def _with_markdown_links(message: Composed) -> str:
    # Teams shows single line ends as spaces.
    links = [f"[{link.label}]({link.url})" for link in message.links]
    return "\n\n".join([*(line for line in message.chat.splitlines() if line), *links])


# --- Services -------------------------------------------------------------------------------------


def _match(pattern: str, value: str, field: str, sentence: str) -> re.Match[str]:
    found = re.fullmatch(pattern, value, re.ASCII)
    if found is None:
        raise BadInput({field: sentence})
    return found


def _slack(fields: Mapping[str, str]) -> Target:
    sentence = "Paste the whole webhook address from Slack; it looks like https://hooks.slack.com/services/T…/B…/…"
    parts = _match(
        r"https://hooks\.slack\.com/services/(T[A-Z0-9]{5,20})/(B[A-Z0-9]{5,20})/([A-Za-z0-9]{15,64})/?",
        filled(fields, "url", sentence),
        "url",
        sentence,
    )
    return {"team": parts[1], "hook": parts[2], "token": parts[3]}


def _discord(fields: Mapping[str, str]) -> Target:
    sentence = "Paste the whole webhook address from Discord; it looks like https://discord.com/api/webhooks/…/…"
    parts = _match(
        r"https://(?:(?:ptb\.|canary\.)?discord(?:app)?\.com)/api/(?:v\d{1,2}/)?webhooks/(\d{15,22})/([\w-]{40,100})/?",
        filled(fields, "url", sentence),
        "url",
        sentence,
    )
    return {"webhook_id": parts[1], "token": parts[2]}


def _telegram(fields: Mapping[str, str]) -> Target:
    sentence = "Paste the token that @BotFather gave you; it looks like 123456789:AAF…"
    token = _match(r"(?:bot)?(\d{6,12}:[\w-]{30,64})", filled(fields, "bot_token", sentence), "bot_token", sentence)
    sentence = "Write the chat's number, such as -1001234567890, or its public name, such as @our_sales."
    chat = _match(
        r"(?:https://t\.me/|@)?([A-Za-z]\w{4,31})|(-?\d{1,20})", filled(fields, "chat", sentence), "chat", sentence
    )
    return {"bot_token": token[1], "chat": f"@{chat[1]}" if chat[1] else chat[2]}


_TEAMS_HOST = re.compile(
    r"prod-\d{1,3}\.[a-z0-9]{3,30}\.logic\.azure\.com|[a-z0-9]{1,60}\.[a-z0-9]{1,4}\.environment\.api\.powerplatform\.com"
)
_TEAMS_PATH = re.compile(
    r"(?P<direct>/powerautomate/automations/direct(?:/cu/(?P<route>\d{1,4}))?)?"
    r"/workflows/(?P<workflow>[A-Za-z0-9_-]{8,64})/triggers/manual/paths/invoke/?",
    re.ASCII,
)


def _teams(fields: Mapping[str, str]) -> Target:
    sentence = (
        "Paste the whole address that the workflow “Post to a channel when a webhook request is received” gave you; "
        "it ends with &sig=…"
    )
    try:
        url = urlsplit(filled(fields, "url", sentence))
        query = parse_qs(url.query, strict_parsing=True, max_num_fields=10)
        is_usual = url.scheme == "https" and url.port in (None, 443) and url.username is None
        host, path = _TEAMS_HOST.fullmatch(url.hostname or ""), _TEAMS_PATH.fullmatch(url.path)
    except ValueError as error:
        raise BadInput({"url": sentence}) from error
    signature = query.get("sig", [""])[0]
    version = query.get("api-version", [""])[0]
    if (
        not is_usual
        or host is None
        or path is None
        or re.fullmatch(r"[\w-]{20,128}", signature, re.ASCII) is None
        or re.fullmatch(r"[0-9-]{0,12}", version) is None
    ):
        raise BadInput({"url": sentence})
    target = {"host": host[0], "workflow": path["workflow"], "signature": signature, "direct": bool(path["direct"])}
    if path["route"]:
        target["route"] = path["route"]
    if version:
        target["version"] = version
    return target


def _ntfy(fields: Mapping[str, str]) -> Target:
    sentence = "Write the topic's name: up to 64 letters, digits, _ or -; choose one that nobody guesses."
    found = _match(
        r"(?:(?:https://)?ntfy\.sh/)?([A-Za-z0-9_-]{1,64})/?", filled(fields, "topic", sentence), "topic", sentence
    )
    return {"topic": found[1]}


def _hidden(start: str, secret: str) -> str:
    return f"{start}…{secret[-4:]}"


SLACK = Chat(
    kind=ChannelKind.SLACK,
    name="Slack",
    blurb="A message in a Slack channel for every want.",
    fields=(
        Field(
            "url",
            "Webhook address",
            "In Slack: Apps › Incoming WebHooks › Add, choose the channel, copy the address.",
            "https://hooks.slack.com/services/…",
            type="url",
        ),
    ),
    take_apart=_slack,
    plugin=NotifySlack,
    arguments=lambda target: {
        "token_a": target["team"],
        "token_b": target["hook"],
        "token_c": target["token"],
        "include_image": False,
        "include_footer": False,
        "format": "text",
    },
    show=lambda target: _hidden(f"Slack {target['team']}/{target['hook']}/", target["token"]),
    render=_with_bare_links,
)
DISCORD = Chat(
    kind=ChannelKind.DISCORD,
    name="Discord",
    blurb="A message in a Discord channel for every want.",
    fields=(
        Field(
            "url",
            "Webhook address",
            "In Discord: Edit channel › Integrations › Webhooks › New webhook › Copy webhook URL.",
            "https://discord.com/api/webhooks/…",
            type="url",
        ),
    ),
    take_apart=_discord,
    plugin=NotifyDiscord,
    arguments=lambda target: {
        "webhook_id": target["webhook_id"],
        "webhook_token": target["token"],
        "avatar": False,
        "format": "text",
    },
    show=lambda target: _hidden(f"Discord {target['webhook_id']}/", target["token"]),
    render=_with_bare_links,
)
TELEGRAM = Chat(
    kind=ChannelKind.TELEGRAM,
    name="Telegram",
    blurb="A message from your own bot for every want.",
    fields=(
        Field(
            "bot_token",
            "Bot token",
            "From @BotFather: /newbot, then copy the token. Add the bot to the chat.",
            "123456789:AAF…",
            type="password",
        ),
        Field("chat", "Chat", "The chat's number, or the public name of a channel.", "@our_sales"),
    ),
    take_apart=_telegram,
    plugin=NotifyTelegram,
    arguments=lambda target: {
        "bot_token": target["bot_token"],
        "targets": [target["chat"]],
        "detect_owner": False,
        "include_image": False,
    },
    show=lambda target: f"Telegram {target['chat']} by bot {str(target['bot_token']).partition(':')[0]}",
    render=_with_bare_links,
)
TEAMS = Chat(
    kind=ChannelKind.TEAMS,
    name="Microsoft Teams",
    blurb="A card in a Teams channel for every want.",
    fields=(
        Field(
            "url",
            "Workflow address",
            "In Teams: ⋯ beside the channel › Workflows › “Post to a channel when a webhook request is received”.",
            "https://….logic.azure.com/workflows/…",
            type="url",
        ),
    ),
    take_apart=_teams,
    plugin=NotifyWorkflows,
    arguments=lambda target: {
        "host": target["host"],
        "workflow": target["workflow"],
        "signature": target["signature"],
        "power_automate": target["direct"],
        "routing_id": target.get("route"),
        "version": target.get("version"),
        "include_image": False,
    },
    show=lambda target: _hidden(f"Teams workflow {str(target['workflow'])[:8]}", target["signature"]),
    render=_with_markdown_links,
    body_format=NotifyFormat.MARKDOWN,
)
NTFY = Chat(
    kind=ChannelKind.NTFY,
    name="ntfy",
    blurb="A push message to your telephone, by ntfy.sh.",
    fields=(
        Field(
            "topic",
            "Topic",
            "Subscribe to a topic in the ntfy app and write its name here. Whoever knows the name can read it.",
            "wants-8f3k2m",
        ),
    ),
    take_apart=_ntfy,
    plugin=NotifyNtfy,
    arguments=lambda target: {
        "targets": [target["topic"]],
        "mode": "cloud",
        "include_image": False,
        "format": "text",
    },
    show=lambda target: f"ntfy.sh/{target['topic']}",
    render=_with_bare_links,
)
SERVICES = (SLACK, DISCORD, TELEGRAM, TEAMS, NTFY)
