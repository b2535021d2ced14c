"""Signed JSON to a real web server, checked with the independent library, and what its answers mean."""

import asyncio
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from notifiers_world import SECRET, Heard, Reply, a_post, echo, web_server

from notifiers.channels import Composed, Outcome, Wire
from notifiers.channels.webhook import (
    BODY_AT_MOST,
    OVERLAP,
    Webhook,
    new_secret,
    retry_after,
    rotated,
    secrets_of,
    sign,
    write_body,
)
from notifiers.models import Topic, Verdict
from vendors.models import Undelivered
from vrm.kernel.clock import utc_now
from vrm.kernel.errors import BadInput
from vrm.kernel.outbound import WEBHOOK

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def message(data: Mapping[str, Any] | None = None, topic: Topic = Topic.LEAD_CREATED) -> Composed:
    return Composed(topic, "s", "p", "h", "c", (), data or {"lead": {"code": "a-b"}})


def wire(now: datetime = NOW) -> Wire:
    return Wire("msg_7_abc", None, now, now)


def send(
    tmp_path: Path, url: str, what: Composed | None = None, *, kind: Webhook | None = None, now: datetime | None = None
) -> Outcome:
    post = a_post(tmp_path)

    target, sender, on = {"url": url, "secret": SECRET}, kind or Webhook(), wire(now or utc_now())

    async def run() -> Outcome:
        async with post.outbound:
            return await sender.send(target, sender.pack(target, what or message(), on), on, post)

    return asyncio.run(run())


def test_the_published_vector_is_signed_as_published() -> None:
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_independent_library_signs_the_same(body: str) -> None:
    oracle = standardwebhooks.Webhook(SECRET)
    assert oracle.sign("msg_1", NOW, body) == sign(SECRET, "msg_1", int(NOW.timestamp()), body.encode())


def test_a_new_secret_is_long_enough_and_new() -> None:
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 44
    assert secret != new_secret()


def test_what_arrives_is_verified_by_the_independent_library(tmp_path: Path) -> None:
    with web_server() as sink:
        outcome = send(tmp_path, sink.url, message({"intent": {"title": "Jürgens „Yaris“ 🚗"}}))
    assert (outcome.verdict, outcome.status) == (Verdict.DELIVERED, 200)
    (heard,) = sink.heard
    document = standardwebhooks.Webhook(SECRET).verify(heard.body, dict(heard.headers))
    assert document["type"] == "lead.created"
    assert document["data"] == {"intent": {"title": "Jürgens „Yaris“ 🚗"}}
    assert datetime.fromisoformat(document["timestamp"]).tzinfo is not None
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["webhook-id"] == "msg_7_abc"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_delivered(tmp_path: Path, status: int) -> None:
    with web_server(Reply(status)) as sink:
        assert send(tmp_path, sink.url).delivered


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 409, 429, 500, 503])
def test_everything_else_is_a_failure_that_may_mend(tmp_path: Path, status: int) -> None:
    with web_server(Reply(status, {"Location": "http://127.0.0.1/other"}, b"the reason")) as sink:
        outcome = send(tmp_path, sink.url)
    assert (outcome.verdict, outcome.because, outcome.status) == (Verdict.TRANSIENT, Undelivered.REFUSED, status)
    assert not outcome.gone
    assert len(sink.heard) == 1
    assert outcome.said.startswith("It leads" if status < 400 else "the reason")


def test_gone_is_for_good(tmp_path: Path) -> None:
    with web_server(Reply(410)) as sink:
        outcome = send(tmp_path, sink.url)
    assert (outcome.verdict, outcome.gone) == (Verdict.PERMANENT, True)


def test_a_host_that_hangs_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    given_up = threading.Event()

    def hang(_: Heard) -> Reply:
        given_up.wait(10)
        return Reply()

    quick = Webhook(policy=replace(WEBHOOK, deadline_s=0.2))
    with web_server(hang) as sink:
        outcome = send(tmp_path, sink.url, kind=quick)
        assert not given_up.is_set()
        given_up.set()
    assert (outcome.verdict, outcome.because) == (Verdict.TRANSIENT, Undelivered.UNREACHABLE)


def test_nobody_there_and_a_private_address_read_the_same(tmp_path: Path) -> None:
    nobody = send(tmp_path, "http://127.0.0.1:9/")
    inside = send(tmp_path, "https://10.0.0.1/")
    assert nobody.said == inside.said
    assert nobody.because is inside.because is Undelivered.UNREACHABLE


def test_a_long_answer_is_cut_and_made_storable(tmp_path: Path) -> None:
    with web_server(Reply(500, {}, b"\x00\xff" + b"x" * 100_000)) as sink:
        outcome = send(tmp_path, sink.url)
    assert len(outcome.said) == 4_000
    assert outcome.said.startswith("��x")


def test_a_challenge_is_met_only_by_its_echo(tmp_path: Path) -> None:
    challenge = message({"challenge": "abc"}, Topic.CHALLENGE)
    with web_server(echo) as sink:
        assert send(tmp_path, sink.url, challenge).delivered
    for reply in (
        Reply(200, {}, b"ok"),
        Reply(200, {}, b'{"challenge": "other"}'),
        Reply(204),
        Reply(201, {}, b'{"challenge": "abc"}'),
        Reply(200, {}, b"[" * 60_000),
    ):
        with web_server(reply) as sink:
            outcome = send(tmp_path, sink.url, challenge)
        assert not outcome.delivered
        assert "data.challenge" in outcome.said


def test_no_body_is_20_kb_and_a_cut_one_says_so() -> None:
    for text in ("x" * 30_000, "ü" * 20_000, "🚗" * 20_000, '"' * 20_000):
        body = write_body(message({"intent": {"title": "Yaris", "body": text}, "sequence": 1}), wire())
        assert 15_000 < len(body) < BODY_AT_MOST
        data = json.loads(body)["data"]
        assert data["intent"]["truncated"] is True
        assert text.startswith(data["intent"]["body"])
        assert data["intent"]["title"] == "Yaris"
    short = json.loads(write_body(message({"intent": {"body": "x" * 19_000}}), wire()))
    assert "truncated" not in short["data"]["intent"]


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert retry_after("120", NOW) == 120
    assert retry_after("Sat, 21 Nov 2026 12:01:00 GMT", NOW) == 60
    assert retry_after("Sat, 21 Nov 2026 11:00:00 GMT", NOW) == 0
    for nonsense in ("", "soon", "-5", "1e9", "١٢", "Sat, 99 Nov 2026"):
        assert retry_after(nonsense, NOW) is None


@given(value=st.text(max_size=60))
def test_no_retry_after_raises(value: str) -> None:
    found = retry_after(value, NOW)
    assert found is None or found >= 0


def test_addresses_are_checked_where_they_are_typed(tmp_path: Path) -> None:
    outbound = a_post(tmp_path).outbound
    assert Webhook().clean({"url": " https://CRM.example.org/x?k=1 "}, outbound) == {
        "url": "https://crm.example.org/x?k=1"
    }
    for url in ("", "http://crm.example.org/", "https://user:pw@crm.example.org/", "ftp://x.org", "https://10.1.2.3/"):
        with pytest.raises(BadInput) as refused:
            Webhook().clean({"url": url}, outbound)
        assert list(refused.value.problems) == ["url"]


def test_a_list_shows_no_key_of_an_address() -> None:
    assert Webhook().shown({"url": "https://crm.example.org/h?key=s3cret"}) == "https://crm.example.org/h?…"


def test_while_a_secret_is_changed_over_both_sign_and_the_independent_library_takes_either() -> None:
    now = NOW
    before = {"url": "https://x.example/", "secret": new_secret()}
    target = rotated(before, now)
    assert secrets_of(target, now) == [target["secret"], before["secret"]]
    assert secrets_of(target, now + OVERLAP) == [target["secret"]]
    assert secrets_of(before, now) == [before["secret"]]
    body, stamp = b'{"test": 1}', int(datetime.now(UTC).timestamp())
    signatures = " ".join(sign(secret, "msg_1_a", stamp, body) for secret in secrets_of(target, now))
    headers = {"webhook-id": "msg_1_a", "webhook-timestamp": str(stamp), "webhook-signature": signatures}
    for secret in (before["secret"], target["secret"]):
        assert standardwebhooks.Webhook(secret).verify(body, headers) == {"test": 1}
