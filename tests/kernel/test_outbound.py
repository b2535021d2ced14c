"""What going out brings back, and how little of it: one deadline, a cap on bytes, one gzip member."""

import asyncio
import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from outbound_hosts import (
    LOOPBACK,
    Host,
    Script,
    answering,
    cut_short,
    drip_body,
    drip_head,
    endless_body,
    endless_chunks,
    endless_headers,
    endless_interim_answers,
    get,
    hang_up,
    hosting,
    ok,
    post,
    silent,
    to,
)

from vrm.kernel.errors import NotReachable, OutsideError, TooLarge, TooSlow
from vrm.kernel.outbound import FEED, NOT_REACHABLE, WEBHOOK, Outbound

QUICK = replace(FEED, deadline_s=0.4)
QUICK_HOOK = replace(WEBHOOK, deadline_s=0.4)


# --- What works ---------------------------------------------------------------------------------------


def test_a_page_is_fetched_with_its_headers_in_any_case() -> None:
    answer, host = get(ok(b"<feed/>", 'ETag: "1"', "Link: <a>", "Link: <b>"), path="/feed?x=%20y", headers={"X-A": "b"})
    assert (answer.status, answer.body, answer.url) == (200, b"<feed/>", host.url("/feed?x=%20y"))
    assert answer.headers["etag"] == '"1"'
    assert answer.headers.getall("LINK") == ["<a>", "<b>"]
    assert not answer.truncated
    assert answer.moved_permanently_to is None
    assert 0 <= answer.took_ms < 5_000
    assert host.heard[0].startswith("GET /feed?x=%20y HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{host.port}\r\n" in host.heard[0]
    assert "X-A: b\r\n" in host.heard[0]
    assert "User-Agent: vrm-intent-broker/" in host.heard[0]


def test_a_name_is_sent_as_host_though_its_checked_address_is_connected_to() -> None:
    asked: list[str] = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    _, host = get(ok(), name="crm.internal", resolve=resolve)
    assert f"Host: crm.internal:{host.port}\r\n" in host.heard[0]
    assert asked == ["crm.internal"]


def test_localhost_is_the_loopback_that_was_allowed() -> None:
    assert get(ok(), name="localhost")[0].status == 200


@pytest.mark.parametrize("status", [204, 304, 400, 404, 410, 429, 500, 503])
def test_any_status_is_an_answer(status: int) -> None:
    assert get(ok(b"", "Retry-After: 7", status=f"{status} X"))[0].status == status


def test_a_post_carries_its_body_and_headers() -> None:
    answer, host = post(ok(b'{"challenge":"x"}'), body=b'{"test": 1}')
    assert answer.body == b'{"challenge":"x"}'
    assert "webhook-id: msg_1\r\n" in host.heard[0]
    assert host.heard[0].endswith('\r\n\r\n{"test": 1}')


def test_a_thread_without_a_loop_fetches_and_posts_too() -> None:
    async def story() -> list[int]:
        async with hosting(ok()) as host:
            outbound = Outbound(LOOPBACK)
            with ThreadPoolExecutor() as threads:
                loop = asyncio.get_running_loop()
                answers = await asyncio.gather(
                    loop.run_in_executor(threads, lambda: outbound.get_sync(host.url(), policy=FEED)),
                    loop.run_in_executor(threads, lambda: outbound.post_sync(host.url(), body=b"", policy=WEBHOOK)),
                )
            return [answer.status for answer in answers]

    assert asyncio.run(story()) == [200, 200]


def test_connections_are_kept_and_cookies_are_not() -> None:
    async def story() -> Host:
        async with hosting(ok(b"x", "Set-Cookie: id=1; Path=/")) as host, Outbound(LOOPBACK) as outbound:
            for _ in range(3):
                await outbound.get(host.url(), policy=FEED)
            return host

    host = asyncio.run(story())
    assert (host.connections, len(host.heard)) == (1, 3)
    assert not any("cookie" in heard.lower() for heard in host.heard)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert get(ok())[0].status == 200


def test_the_tls_greeting_names_the_host_and_plain_text_is_no_answer_to_it() -> None:
    greetings: list[bytes] = []

    async def story() -> None:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            greetings.append(await reader.read(4096))
            writer.write(ok())
            writer.close()

        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with Outbound(LOOPBACK, answering("127.0.0.1")) as outbound:
                await outbound.post(f"https://hook.internal:{port}/", body=b"secret", policy=WEBHOOK)

    with pytest.raises(NotReachable):
        asyncio.run(story())
    assert b"hook.internal" in greetings[0]
    assert b"secret" not in greetings[0]


# --- Time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [drip_head, drip_body, silent, endless_interim_answers])
def test_one_deadline_covers_everything_however_slowly_it_drips(script: Script) -> None:
    with pytest.raises(TooSlow) as slow:
        get(script, policy=QUICK)
    assert not slow.value.permanent
    with pytest.raises(TooSlow):
        post(script, policy=QUICK_HOOK)


def test_the_deadline_covers_looking_the_name_up() -> None:
    async def slow(host: str) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    with pytest.raises(TooSlow):
        get(ok(), policy=QUICK, name="blog.internal", resolve=slow)


def test_the_deadline_covers_all_redirects_together() -> None:
    async def lazy(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.25)
        writer.write(to("/"))

    with pytest.raises(TooSlow):
        get(lazy, policy=QUICK)


def test_a_slow_host_does_not_hold_up_another() -> None:
    async def story() -> int:
        async with hosting(silent) as slow, hosting(ok()) as quick, Outbound(LOOPBACK) as outbound:
            waiting = [asyncio.create_task(outbound.get(slow.url(), policy=FEED)) for _ in range(50)]
            answers = [await outbound.get(quick.url(), policy=FEED) for _ in range(20)]
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return sum(answer.took_ms for answer in answers)

    assert asyncio.run(story()) < 2_000


# --- Size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [endless_body, endless_chunks])
def test_an_endless_feed_is_too_large(script: Script) -> None:
    with pytest.raises(TooLarge):
        get(script)


@pytest.mark.parametrize("script", [endless_body, endless_chunks])
def test_of_a_webhooks_endless_answer_the_first_64_kb_are_kept(script: Script) -> None:
    answer, _ = post(script)
    assert (answer.status, len(answer.body), answer.truncated) == (200, 64_000, True)


def test_exactly_the_limit_is_not_too_large() -> None:
    policy = replace(FEED, max_wire_bytes=1000)
    assert len(get(ok(b"x" * 1000), policy=policy)[0].body) == 1000
    with pytest.raises(TooLarge):
        get(ok(b"x" * 1001), policy=policy)


@pytest.mark.parametrize(
    "answer",
    [
        endless_headers,
        hang_up,
        cut_short,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        ok(b"", *(f"X-{number}: y" for number in range(5_000))),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02 rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
    ],
)
def test_a_host_that_does_not_speak_http_is_told_of_as_a_dead_one(answer: bytes | Script) -> None:
    with pytest.raises(NotReachable) as failed:
        get(answer)
    assert str(failed.value) == NOT_REACHABLE


def test_a_webhook_that_breaks_off_its_answer_has_still_answered() -> None:
    answer, _ = post(cut_short)
    assert (answer.status, answer.body, answer.truncated) == (200, b"half", True)


def test_bytes_in_headers_that_are_no_text_become_text_that_can_be_kept_and_sent_again() -> None:
    answer, _ = get(ok().replace(b"\r\n\r\n", b'\r\nETag: "\xff\xe9"\r\nX: caf\xc3\xa9\r\n\r\n'))
    assert answer.headers["X"] == "café"
    etag = answer.headers["ETag"]
    assert etag.encode("utf-8")
    assert get(ok(), headers={"If-None-Match": etag})[0].status == 200


# --- Packed bodies ------------------------------------------------------------------------------------

PACKED = "Content-Encoding: gzip"


def test_gzip_is_inflated() -> None:
    answer, host = get(ok(gzip.compress(b"<feed/>" * 1000), PACKED))
    assert answer.body == b"<feed/>" * 1000
    assert "Accept-Encoding: gzip\r\n" in host.heard[0]


def test_a_gzip_bomb_is_too_large_for_a_feed_and_cut_for_a_webhook() -> None:
    bomb = ok(gzip.compress(bytes(50_000_000)), PACKED)
    with pytest.raises(TooLarge):
        get(bomb)
    answer, _ = post(bomb)
    assert (len(answer.body), answer.truncated) == (64_000, True)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        pytest.param(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", id="two members"),
        pytest.param(gzip.compress(b"a") + b"rubbish", "gzip", id="rubbish behind"),
        pytest.param(gzip.compress(b"a" * 1000)[:-9], "gzip", id="cut short"),
        pytest.param(b"not gzip at all", "gzip", id="not gzip"),
        pytest.param(gzip.compress(gzip.compress(b"a")), "gzip, gzip", id="twice"),
        (b"x", "br"),
        (b"x", "deflate"),
        (b"x", "gzip, br"),
    ],
)
def test_anything_but_one_gzip_member_is_refused_with_the_fix(body: bytes, encoding: str) -> None:
    answer = ok(body, f"Content-Encoding: {encoding}")
    with pytest.raises(OutsideError, match="one gzip stream"):
        get(answer)
    assert post(answer)[0].status == 200


def test_an_unchanged_feed_may_claim_an_encoding_for_the_body_it_does_not_send() -> None:
    assert get(b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n")[0].status == 304
