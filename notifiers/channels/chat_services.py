"""The chat and push services that are allowed: how each address is taken apart, and what its plugin is made of."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from apprise import NotifyFormat
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.google_chat import NotifyGoogleChat
from apprise.plugins.ntfy import NotifyNtfy
from apprise.plugins.pushbullet import NotifyPushBullet
from apprise.plugins.pushover import NotifyPushover
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.webexteams import NotifyWebexTeams
from apprise.plugins.workflows import NotifyWorkflows

from notifiers.channels.base import Field, filled
from notifiers.channels.chat import Chat, Target, with_bare_links, with_markdown_links, with_one_link
from notifiers.models import ChannelKind
from vrm.kernel.errors import BadInput

# --- What is typed --------------------------------------------------------------------------------


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


def _google_chat(fields: Mapping[str, str]) -> Target:
    sentence = "Paste the whole webhook address from Google Chat; it looks like https://chat.googleapis.com/v1/spaces/…"
    try:
        url = urlsplit(filled(fields, "url", sentence))
        query = parse_qs(url.query, strict_parsing=True, max_num_fields=5)
        is_theirs = (url.scheme, url.netloc) == ("https", "chat.googleapis.com")
    except ValueError as error:
        raise BadInput({"url": sentence}) from error
    space = _match(r"/v1/spaces/([A-Za-z0-9_-]{5,40})/messages/?", url.path, "url", sentence)
    key, token = query.get("key", [""])[0], query.get("token", [""])[0]
    if (
        not is_theirs
        or re.fullmatch(r"[\w-]{20,80}", key, re.ASCII) is None
        or re.fullmatch(r"[\w=-]{20,128}", token, re.ASCII) is None
    ):
        raise BadInput({"url": sentence})
    return {"space": space[1], "key": key, "token": token}


def _webex(fields: Mapping[str, str]) -> Target:
    sentence = (
        "Paste the whole address of the incoming webhook; it looks like https://webexapis.com/v1/webhooks/incoming/…"
    )
    token = _match(
        r"https://(?:webexapis\.com|api\.ciscospark\.com)/v1/webhooks/incoming/([A-Za-z0-9]{80,160})/?",
        filled(fields, "url", sentence),
        "url",
        sentence,
    )
    return {"token": token[1]}


def _pushover(fields: Mapping[str, str]) -> Target:
    target = {}
    for name, sentence in (
        ("app_token", "Paste the token of your application at pushover.net: 30 letters and digits."),
        ("user_key", "Paste your user key or group key from pushover.net: 30 letters and digits."),
    ):
        target[name] = _match(r"[A-Za-z0-9]{30}", filled(fields, name, sentence), name, sentence)[0]
    return target


def _pushbullet(fields: Mapping[str, str]) -> Target:
    sentence = "Paste an access token from pushbullet.com › Settings › Account; it looks like o.…"
    token = _match(r"o\.[A-Za-z0-9]{20,64}", filled(fields, "access_token", sentence), "access_token", sentence)
    return {"access_token": token[0]}


def _hidden(start: str, secret: str) -> str:
    return f"{start}…{secret[-4:]}"


# --- The services ---------------------------------------------------------------------------------

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
    render=with_bare_links,
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
    render=with_bare_links,
    most=2_000,
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
    render=with_bare_links,
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
    render=with_markdown_links,
    body_format=NotifyFormat.MARKDOWN,
)
GOOGLE_CHAT = Chat(
    kind=ChannelKind.GOOGLE_CHAT,
    name="Google Chat",
    blurb="A message in a Google Chat space for every want.",
    fields=(
        Field(
            "url",
            "Webhook address",
            "In Google Chat: the space's name › Apps & integrations › Webhooks › Add, copy the address.",
            "https://chat.googleapis.com/v1/spaces/…",
            type="url",
        ),
    ),
    take_apart=_google_chat,
    plugin=NotifyGoogleChat,
    arguments=lambda target: {
        "workspace": target["space"],
        "webhook_key": target["key"],
        "webhook_token": target["token"],
        "format": "text",
    },
    show=lambda target: _hidden(f"Google Chat {target['space']}/", target["token"]),
    render=with_bare_links,
)
WEBEX = Chat(
    kind=ChannelKind.WEBEX,
    name="Webex",
    blurb="A message in a Webex space for every want.",
    fields=(
        Field(
            "url",
            "Webhook address",
            "In the Webex App Hub: Incoming Webhooks › Connect, choose the space, copy the address.",
            "https://webexapis.com/v1/webhooks/incoming/…",
            type="url",
        ),
    ),
    take_apart=_webex,
    plugin=NotifyWebexTeams,
    arguments=lambda target: {"token": target["token"], "mode": "webhook", "format": "text"},
    show=lambda target: _hidden("Webex ", target["token"]),
    render=with_bare_links,
)
PUSHOVER = Chat(
    kind=ChannelKind.PUSHOVER,
    name="Pushover",
    blurb="A push message to your telephone, by Pushover.",
    fields=(
        Field(
            "app_token",
            "Application token",
            "At pushover.net: Create an Application, then copy its API token.",
            "azGDORePK8gMaC0QOYAMyEEuzJnyUi",
            type="password",
        ),
        Field(
            "user_key",
            "User or group key",
            "At the top of your page at pushover.net, or of a delivery group.",
            "uQiRzpo4DXghDmr9QzzfQu27cmVRsG",
        ),
    ),
    take_apart=_pushover,
    plugin=NotifyPushover,
    arguments=lambda target: {"user_key": target["user_key"], "token": target["app_token"], "format": "text"},
    show=lambda target: _hidden("Pushover ", target["user_key"]),
    render=with_one_link,
    most=1_024,
)
PUSHBULLET = Chat(
    kind=ChannelKind.PUSHBULLET,
    name="Pushbullet",
    blurb="A push message to all your devices, by Pushbullet.",
    fields=(
        Field(
            "access_token",
            "Access token",
            "At pushbullet.com: Settings › Account › Create Access Token.",
            "o.9f8e…",
            type="password",
        ),
    ),
    take_apart=_pushbullet,
    plugin=NotifyPushBullet,
    arguments=lambda target: {"accesstoken": target["access_token"], "format": "text"},
    show=lambda target: _hidden("Pushbullet o.", target["access_token"]),
    render=with_bare_links,
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
    render=with_bare_links,
)
SERVICES = (SLACK, DISCORD, TELEGRAM, TEAMS, GOOGLE_CHAT, WEBEX, PUSHOVER, PUSHBULLET, NTFY)
