"""Chat services: what is taken apart, what is refused, and what reaches a real web server in their place."""

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import apprise
import pytest
import requests
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.google_chat import NotifyGoogleChat
from apprise.plugins.ntfy import NotifyNtfy
from apprise.plugins.pushbullet import NotifyPushBullet
from apprise.plugins.pushover import NotifyPushover
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.webexteams import NotifyWebexTeams
from hypothesis import given
from hypothesis import strategies as st
from notifiers_world import Reply, Sink, a_post, web_server

from notifiers.channels import KINDS, Composed, Link, Outcome, Wire
from notifiers.channels.base import calm
from notifiers.channels.chat import Chat
from notifiers.channels.chat_services import SERVICES
from notifiers.models import ChannelKind, Topic, Verdict
from vendors.models import Undelivered
from vrm.kernel.clock import utc_now
from vrm.kernel.errors import BadInput

POST = a_post(Path("unused"))
SLACK_URL = "https://hooks.slack.com/services/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"
DISCORD_URL = "https://discord.com/api/webhooks/123456789012345678/" + "aB3_-" * 13
TEAMS_OLD = (
    "https://prod-15.uksouth.logic.azure.com:443/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/"
    "invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcDEF0123456789_-abcDEF0123456789"
)
TEAMS_NEW = (
    "https://default0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com:443/powerautomate/automations/"
    "direct/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers"
    "%2Fmanual%2Frun&sv=1.0&sig=abcDEF0123456789_-abcDEF0123456789"
)
GOOGLE_URL = (
    "https://chat.googleapis.com/v1/spaces/AAAA1bcdEfG/messages?key=AIzaSyDdI0hCZtE6vySjMm-WEfRq3CPzqKqqsHI"
    "&token=1234567890abcdefghijklmnopqrstuvwxyz_-ABCDE%3D"
)
GIVEN: dict[ChannelKind, dict[str, str]] = {
    ChannelKind.SLACK: {"url": SLACK_URL},
    ChannelKind.DISCORD: {"url": DISCORD_URL},
    ChannelKind.TELEGRAM: {"bot_token": "123456789:AAF3kd0kdk3kdkdkdkdkdkdkdkdkdkdkdkd", "chat": "-1001234567890"},
    ChannelKind.TEAMS: {"url": TEAMS_OLD},
    ChannelKind.GOOGLE_CHAT: {"url": GOOGLE_URL},
    ChannelKind.WEBEX: {"url": "https://webexapis.com/v1/webhooks/incoming/" + "Y2lzY29zcGFyaw" * 6},
    ChannelKind.PUSHOVER: {"app_token": "a" * 30, "user_key": "u" * 30},
    ChannelKind.PUSHBULLET: {"access_token": "o." + "b" * 32},
    ChannelKind.NTFY: {"topic": "https://ntfy.sh/wants-8f3k2m"},
}
MESSAGE = Composed(
    Topic.LEAD_CREATED,
    "Wanted: Yaris @everyone",
    "plain",
    "<p>html</p>",
    "“Yaris”\n> "
    + calm("<!channel> <at>Ben</at> @everyone [free](https://evil.example) ```code <script>alert(1)</script> & *b*"),
    (Link("Make an offer", "https://wants.example/r/a_b~c?do=offer"),),
    {},
)


def clean(kind: ChannelKind, **fields: str) -> dict[str, Any]:
    return KINDS[kind].clean({**GIVEN[kind], **fields}, POST.outbound)


def send(service: Chat, target: dict[str, Any], message: Composed = MESSAGE) -> Outcome:
    now = utc_now()
    return asyncio.run(service.send(target, message, Wire("msg_1_a", None, now, now), POST))


def test_each_service_is_taken_apart_and_the_address_is_not_kept() -> None:
    assert clean(ChannelKind.SLACK) == {"team": "T1JJ3T3L2", "hook": "B1BRTD4JD", "token": "TIiajkdnlazkcOXrIdevi7FQ"}
    assert clean(ChannelKind.DISCORD)["webhook_id"] == "123456789012345678"
    assert clean(ChannelKind.TELEGRAM)["chat"] == "-1001234567890"
    assert clean(ChannelKind.TELEGRAM, chat="https://t.me/our_sales")["chat"] == "@our_sales"
    assert clean(ChannelKind.TEAMS)["host"] == "prod-15.uksouth.logic.azure.com"
    new = clean(ChannelKind.TEAMS, url=TEAMS_NEW)
    assert (new["direct"], new["version"]) == (True, "1")
    assert clean(ChannelKind.NTFY) == clean(ChannelKind.NTFY, topic="wants-8f3k2m") == {"topic": "wants-8f3k2m"}
    for kind in GIVEN:
        assert "://" not in json.dumps(clean(kind))


@pytest.mark.parametrize(
    ("kind", "field", "hostile"),
    [
        (ChannelKind.SLACK, "url", hostile)
        for hostile in (
            "",
            "slack://T1JJ3T3L2/B1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
            "json://127.0.0.1/",
            "https://hooks.slack.com.evil.example/services/T1JJ3T3L2/B1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
            "https://evil@hooks.slack.com/services/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",
            "http://hooks.slack.com/services/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",
            SLACK_URL + "?attach=file:///etc/passwd",
            SLACK_URL + "/#general",
            SLACK_URL.replace("B1BRTD4JD", ".."),
            SLACK_URL.replace("T1JJ3T3L2", "T1JJ3T3L٢"),
        )
    ]
    + [
        (ChannelKind.DISCORD, "url", DISCORD_URL.replace("discord.com", "discord.com.evil.example")),
        (ChannelKind.DISCORD, "url", DISCORD_URL + "?thread_id=1"),
        (ChannelKind.DISCORD, "url", DISCORD_URL.replace("123456789012345678", "1/../2")),
        (ChannelKind.TELEGRAM, "bot_token", "123456789:AAF/../../x"),
        (ChannelKind.TELEGRAM, "bot_token", "token"),
        (ChannelKind.TELEGRAM, "chat", "@a,@b"),
        (ChannelKind.TELEGRAM, "chat", "1:2"),
        (ChannelKind.TELEGRAM, "chat", "me?attach=/etc/passwd"),
        (ChannelKind.TEAMS, "url", TEAMS_OLD.replace("logic.azure.com", "logic.azure.com.evil.example")),
        (ChannelKind.TEAMS, "url", TEAMS_OLD.replace("prod-15.uksouth.logic.azure.com", "169.254.169.254")),
        (ChannelKind.TEAMS, "url", TEAMS_OLD.replace(":443", ":8443")),
        (ChannelKind.TEAMS, "url", TEAMS_OLD.replace("https://", "https://evil@")),
        (ChannelKind.TEAMS, "url", TEAMS_OLD.replace("sig=", "signature=")),
        (ChannelKind.TEAMS, "url", "https://[::1/workflows"),
        (ChannelKind.TEAMS, "url", TEAMS_OLD.replace(":443", ":99999")),
        (ChannelKind.GOOGLE_CHAT, "url", GOOGLE_URL.replace("googleapis.com", "googleapis.com.evil.example")),
        (ChannelKind.GOOGLE_CHAT, "url", GOOGLE_URL.replace("https://", "https://x@")),
        (ChannelKind.GOOGLE_CHAT, "url", GOOGLE_URL.replace("AAAA1bcdEfG", "..")),
        (ChannelKind.GOOGLE_CHAT, "url", GOOGLE_URL.partition("&")[0]),
        (ChannelKind.WEBEX, "url", "https://webexapis.com/v1/webhooks/incoming/short"),
        (ChannelKind.WEBEX, "url", "https://webexapis.com.evil.example/v1/webhooks/incoming/" + "Y" * 84),
        (ChannelKind.PUSHOVER, "user_key", "u" * 29),
        (ChannelKind.PUSHOVER, "app_token", "a" * 29 + "/"),
        (ChannelKind.PUSHBULLET, "access_token", "o.x/../../" + "b" * 20),
        (ChannelKind.NTFY, "topic", "https://evil.example/topic"),
        (ChannelKind.NTFY, "topic", "a/b"),
        (ChannelKind.NTFY, "topic", "a?attach=http://169.254.169.254/"),
        (ChannelKind.NTFY, "topic", "x" * 65),
    ],
)
def test_hostile_fields_are_refused_with_a_sentence_for_the_field(kind: ChannelKind, field: str, hostile: str) -> None:
    with pytest.raises(BadInput) as refused:
        clean(kind, **{field: hostile})
    assert list(refused.value.problems) == [field]


@given(st.text(max_size=80), st.sampled_from(SERVICES))
def test_nothing_that_is_typed_is_anything_but_a_target_or_a_sentence(typed: str, service: Chat) -> None:
    try:
        target = service.clean({field.name: typed for field in service.fields}, POST.outbound)
    except BadInput:
        return
    assert service.kind is ChannelKind.NTFY
    assert set(target) == {"topic"}


def test_lists_show_no_secret() -> None:
    for kind, fields in GIVEN.items():
        target = clean(kind)
        shown = KINDS[kind].shown(target)
        for secret in ("token", "signature", "bot_token", "key", "user_key", "app_token", "access_token"):
            assert str(target.get(secret, "-none-")) not in shown, (kind, fields)


_ALONE = """
import json, sys
import vrm.app, vrm.worker.steps
from notifiers.channels import KINDS
from test_chat import GIVEN, POST
from vrm.kernel.errors import BadInput

taken = []
for kind, channel in KINDS.items():
    for schema in sys.argv[1:] if kind != "feed" else ():  # That one names a subscription, which is looked up.
        for field in channel.fields:
            given = GIVEN.get(kind, {}) | {field.name: f"{schema}://user:pass@127.0.0.1/a/b/c"}
            try:
                taken.append((kind, schema, channel.clean(given, POST.outbound)))
            except BadInput:
                pass
print(json.dumps([taken, sorted(name for name in sys.modules if name.startswith("apprise.plugins."))]))
"""


def test_no_schema_is_taken_and_no_other_plugin_is_ever_loaded() -> None:
    """In a process that has loaded all of the broker, and was given an address of each kind that Apprise knows."""
    folder = Path(apprise.__file__).parent / "plugins"
    source = "\n".join(file.read_text("utf-8") for file in folder.rglob("*.py"))
    said = re.findall(r"^\s+(?:secure_)?protocol = (.+)$", source, re.MULTILINE)
    schemas = sorted({schema for one in said for schema in re.findall(r'"([a-z0-9_-]+)"', one)})
    assert len(schemas) > 200
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (here, here.parent, here.parent.parent)))}
    command = [sys.executable, "-c", _ALONE, *schemas]
    done = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=120)
    taken, loaded = json.loads(done.stdout)
    assert taken == []
    ours = {"base", "slack", "discord", "telegram", "workflows", "ntfy", "google_chat", "webexteams", "pushover"}
    assert {name.removeprefix("apprise.plugins.").partition(".")[0] for name in loaded} == ours | {"pushbullet"}


# --- What reaches the service ---------------------------------------------------------------------


@pytest.fixture
def sinks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library's own fixed addresses, led to a server on loopback."""
    with web_server(Reply(200, {}, b'{"ok": true}')) as sink:
        monkeypatch.setattr(NotifySlack, "webhook_url", sink.url)
        monkeypatch.setattr(NotifyDiscord, "notify_url", sink.url)
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{sink.url}/bot")
        monkeypatch.setattr(NotifyNtfy, "cloud_notify_url", sink.url)
        monkeypatch.setattr(NotifyGoogleChat, "notify_url", f"{sink.url}/{{workspace}}")
        monkeypatch.setattr(NotifyWebexTeams, "notify_url", sink.url)
        monkeypatch.setattr(NotifyPushover, "notify_url", sink.url)
        monkeypatch.setattr(NotifyPushBullet, "notify_url", f"{sink.url}/{{}}")
        yield sink


WIRED = [kind for kind in GIVEN if kind is not ChannelKind.TEAMS]


def service_of(kind: ChannelKind) -> Chat:
    return next(service for service in SERVICES if service.kind is kind)


@pytest.mark.parametrize("kind", WIRED)
def test_a_message_arrives_once_with_its_links_and_without_anybodys_markup(kind: ChannelKind, sinks: Sink) -> None:
    if kind is ChannelKind.SLACK:
        sinks.reply = Reply(200, {}, b"ok")  # The only answer of Slack's that means yes.
    outcome = send(service_of(kind), clean(kind))
    assert outcome.verdict is Verdict.DELIVERED
    (heard,) = sinks.heard
    as_form = heard.headers["content-type"].startswith("application/x-www-form-urlencoded")
    text = unquote_plus(heard.body.decode()) if as_form else json.dumps(heard.json, ensure_ascii=False)
    assert "https://wants.example/r/a_b~c" in text
    assert "Yaris" in text
    for live in ("@everyone", "<!channel", "<at>", "](https", "```", "<script"):
        assert live not in text
    for extra in ("avatar", "icon_url", "image", '"attach"'):
        assert extra not in text


@pytest.mark.parametrize("kind", WIRED)
@pytest.mark.parametrize(
    ("status", "verdict", "gone"),
    [
        (500, Verdict.TRANSIENT, False),
        (404, Verdict.PERMANENT, True),
        (400, Verdict.PERMANENT, False),
        (302, Verdict.TRANSIENT, False),
    ],
)
def test_each_refusal_says_what_it_means(
    kind: ChannelKind, status: int, verdict: Verdict, gone: bool, sinks: Sink
) -> None:
    sinks.reply = Reply(status, {"Location": "http://127.0.0.1:9/"})
    outcome = send(service_of(kind), clean(kind))
    assert (outcome.verdict, outcome.because, outcome.status, outcome.gone) == (
        verdict,
        Undelivered.REFUSED,
        status,
        gone,
    )
    assert len(sinks.heard) == 1  # No redirect was followed, and nothing tried twice behind our back.
    for secret in ("token", "bot_token"):
        assert str(clean(kind).get(secret, "-none-")) not in outcome.said


def test_nobody_there_may_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifySlack, "webhook_url", "http://127.0.0.1:9")
    outcome = send(service_of(ChannelKind.SLACK), clean(ChannelKind.SLACK))
    assert (outcome.verdict, outcome.because) == (Verdict.TRANSIENT, Undelivered.UNREACHABLE)


def test_teams_gets_a_card_at_the_address_that_was_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []

    def capture(url: str, **how: Any) -> requests.Response:
        sent.append((url, how))
        response = requests.Response()
        response.status_code = 202
        return response

    monkeypatch.setattr("apprise.plugins.workflows.requests.post", capture)
    for pasted in (TEAMS_OLD, TEAMS_NEW):
        outcome = send(service_of(ChannelKind.TEAMS), clean(ChannelKind.TEAMS, url=pasted))
        assert outcome.verdict is Verdict.DELIVERED
        url, how = sent.pop()
        assert url == pasted.partition("?")[0].replace(":443", "")
        assert how["params"]["sig"] == "abcDEF0123456789_-abcDEF0123456789"
        assert how["allow_redirects"] is False
        card = json.loads(how["data"])["attachments"][0]["content"]
        text = json.dumps(card, ensure_ascii=False)
        assert "[Make an offer](https://wants.example/r/a_b~c?do=offer)" in text
        assert "entities" not in card["msteams"]  # Nobody is mentioned.
        assert "](https://evil" not in text


def test_calm_text_looks_the_same() -> None:
    assert calm("a @b <c> [d](e) `f`").replace("\u200b", "") == "a @b <c> [d](e) `f`"
    assert calm("no signs here, 5 < 6") == "no signs here, 5 < 6"


@pytest.mark.parametrize("kind", list(GIVEN))
def test_a_long_text_is_cut_before_its_links_are(kind: ChannelKind) -> None:
    service = service_of(kind)
    body = service.render(replace(MESSAGE, chat="word " * 2_000), service.most)
    assert len(body) <= service.most
    assert "https://wants.example/r/a_b~c" in body
    assert " …" in body
