"""The process that reads feeds: limited, replaced, and shut in."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from intents.feed import Feed, FeedReader, Limits
from intents.feed_child import refuse
from vrm.kernel.errors import NotAFeed

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
URL = "https://blog.example/feed"


def rss(item: str) -> bytes:
    return f'<rss version="2.0"><channel><title>T</title><item>{item}</item></channel></rss>'.encode()


@pytest.fixture
def reader() -> Iterator[FeedReader]:
    reader = FeedReader(Limits(cpu_s=0.5, wall_s=5.0, feeds_per_child=3))
    yield reader
    reader.close()


def ask(reader: FeedReader, body: bytes) -> Feed:
    return reader.read(body, content_type="application/rss+xml", url=URL, fetched_at=NOW)


def test_fifty_thousand_attributes_cost_no_more_than_the_limit(reader: FeedReader) -> None:
    attributes = " ".join(f'a{number}="1"' for number in range(50_000))
    with pytest.raises(NotAFeed, match="more time or memory"):
        ask(reader, f'<rss version="2.0"><channel><item {attributes}/></channel></rss>'.encode())
    assert ask(reader, rss("<title>next</title>")).entries[0].title == "next"


def test_a_feed_that_hangs_without_working_is_given_up() -> None:
    with closing(FeedReader(Limits(wall_s=1.0))) as reader:
        ask(reader, rss("<title>x</title>"))
        assert reader.pid is not None
        os.kill(reader.pid, signal.SIGSTOP)
        with pytest.raises(NotAFeed, match="more time or memory"):
            ask(reader, rss("<title>x</title>"))
        assert ask(reader, rss("<title>next</title>")).entries[0].title == "next"


def test_a_child_that_was_killed_between_feeds_is_replaced(reader: FeedReader) -> None:
    ask(reader, rss("<title>x</title>"))
    first = reader.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert ask(reader, rss("<title>next</title>")).entries[0].title == "next"
    assert reader.pid != first


def test_a_child_is_reused_and_replaced_after_its_share_of_feeds(reader: FeedReader) -> None:
    pids = []
    for _ in range(3):
        ask(reader, rss("<title>x</title>"))
        pids.append(reader.pid)
    assert pids[0] == pids[1]
    assert pids[2] is None


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux limits the memory of a process.")
def test_memory_is_limited() -> None:
    with closing(FeedReader(Limits(memory_mb=100))) as reader:
        with pytest.raises(NotAFeed, match="memory"):
            ask(reader, rss(f"<description>{'words ' * 5_000_000}</description>"))
        assert ask(reader, rss("<title>next</title>")).entries[0].title == "next"


def test_the_child_ends_when_nobody_asks_any_more(reader: FeedReader) -> None:
    ask(reader, rss("<title>x</title>"))
    pid = reader.pid
    reader.close()
    assert pid is not None
    assert subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("event", "details"),
    [
        ("socket.connect", (None, ("127.0.0.1", 80))),
        ("subprocess.Popen", ("sh", [], None, None)),
        ("os.system", ("true",)),
        ("open", ("/tmp/x", "w", os.O_WRONLY | os.O_CREAT)),
        ("open", ("/tmp/x", None, os.O_RDWR)),
        ("os.remove", ("/tmp/x", -1)),
    ],
)
def test_the_child_may_not_reach_out(event: str, details: tuple[object, ...]) -> None:
    with pytest.raises(PermissionError, match=event):
        refuse(event, details)


def test_the_child_may_read_its_own_modules() -> None:
    refuse("open", ("/usr/lib/python3/encodings/cp1252.py", "r", os.O_RDONLY))
    refuse("import", ("encodings.cp1252", None, None, None, None))
