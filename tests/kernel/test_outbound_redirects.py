"""Redirects: a few for feeds, none for webhooks, each checked like a first address."""

import pytest
from outbound_hosts import answering, get, ok, post, to

from vrm.kernel.errors import BadInput, NotReachable, OutsideError
from vrm.kernel.outbound import FEED, NOT_REACHABLE
from vrm.kernel.outbound.address import check, follow
from vrm.kernel.outbound.public import Gate

HERE = check("https://blog.example.org/old/feed", FEED, Gate())


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/feed", "https://blog.example.org/feed"),
        ("feed.xml", "https://blog.example.org/old/feed.xml"),
        ("//www.example.org/feed", "https://www.example.org/feed"),
        ("https://example.net/my feed", "https://example.net/my%20feed"),
        ("?page=2", "https://blog.example.org/old/feed?page=2"),
    ],
)
def test_a_redirect_is_followed_relative_to_where_we_are(location: str, target: str) -> None:
    assert follow(HERE, location, FEED, Gate()).url == target


@pytest.mark.parametrize(
    "location",
    [
        "http://blog.example.org/feed",
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        "//169.254.169.254/latest",
        "https://localhost/",
        "https://user@example.org/",
        "https://example.org:22/",
        "file:///etc/passwd",
        "https://[bad/",
        "\\\\127.0.0.1\\x",
        "https://2130706433/",
        "javascript:alert(1)",
        "https://example.org/\ud800",
    ],
)
def test_a_redirect_is_checked_like_a_first_address_and_never_leaves_https(location: str) -> None:
    with pytest.raises(BadInput):
        follow(HERE, location, FEED, Gate())


def test_three_redirects_are_followed() -> None:
    answer, host = get(to("/b"), to("/c", 303), to("http://127.0.0.1:PORT/d", 307), ok(b"here"))
    assert (answer.body, answer.url) == (b"here", host.url("/d"))
    assert answer.moved_permanently_to is None


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [([301], "/1"), ([308, 301], "/2"), ([301, 302], "/1"), ([302, 301], None), ([307], None)],
)
def test_a_permanent_move_is_reported_as_far_as_it_is_permanent(statuses: list[int], moved: str | None) -> None:
    hops = [to(f"/{number}", status) for number, status in enumerate(statuses, 1)]
    answer, host = get(*hops, ok())
    assert answer.moved_permanently_to == (moved and host.url(moved))


def test_a_redirect_loop_ends_with_a_sentence_of_its_own() -> None:
    with pytest.raises(OutsideError, match="more than 3 times"):
        get(to("/"))


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:PORT/",
        "http://[::ffff:127.0.0.1]:PORT/",
        "http://2130706433:PORT/",
        "http://user@127.0.0.1:PORT/",
        "file:///etc/passwd",
        "http://printer.local/",
        "http://blog.example.org:22/",
        "http://blog.example.org/",
        "//127.1:PORT/",
        "http://[",
        "http://127.0.0.1:PORT\\@x/",
    ],
)
def test_a_redirect_inside_is_told_in_the_same_words_as_a_dead_host(location: str) -> None:
    with pytest.raises(NotReachable) as refused:
        get(to(location), ok(b"secret"), resolve=answering("10.0.0.1"))
    assert (str(refused.value), refused.value.permanent) == (NOT_REACHABLE, False)


def test_a_webhook_redirect_is_handed_back_and_not_followed() -> None:
    answer, host = post(to("/elsewhere", 308))
    assert answer.status == 308
    assert len(host.heard) == 1


def test_a_post_is_never_redirected_even_by_a_policy_that_follows() -> None:
    answer, host = post(to("/elsewhere", 307), policy=FEED)
    assert answer.status == 307
    assert len(host.heard) == 1


def test_personal_headers_stay_with_the_host_they_were_meant_for() -> None:
    headers = {"authorization": "Bearer x", "If-None-Match": '"1"'}
    _, host = get(to("http://localhost:PORT/"), ok(), headers=headers)
    assert "Bearer" in host.heard[0]
    assert "Bearer" not in host.heard[1]
    assert 'If-None-Match: "1"' in host.heard[1]
