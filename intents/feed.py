"""Fetched bytes -> Feed. The reading itself happens in a child process whose memory and time are limited."""

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from intents.stated import Stated
from vrm.kernel.errors import NotAFeed

MAX_ENTRIES = 500
MAX_TITLE = 200  # Characters.
MAX_TEXT = 20_000  # Bytes of UTF-8.
MAX_ANSWER = 32_000_000  # Bytes; 500 entries at their longest are about 14 MB.

_AT_ONCE = 4  # Children of one reader at most.
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One item of a feed, as plain text within promised bounds.

    `key` tells an entry from its neighbours for good: guid, else link, else a hash of what it says.
    A moment outside [-1 year, +1 day] of the fetch became the fetch time, and then `date_replaced` is true: on a
    first fetch such an entry must count as old, or the posts of many years ago would look as if just written.
    """

    key: str  # At most 500 characters.
    url: str  # http(s), or "" when there is none.
    title: str  # One line; "" where the network has no titles (Mastodon).
    text: str
    tags: tuple[str, ...]  # As written, without a leading "#"; at most 50.
    author: str  # A name, or "".
    published_at: datetime | None  # Aware, UTC. None: the feed does not say.
    updated_at: datetime | None
    language: str | None  # BCP 47, as the feed says.
    date_replaced: bool = False
    stated: Stated | None = None  # What it says in a form for machines.


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed says: newest entries first, at most 500. `warnings` are sentences for the blog's owner."""

    title: str
    url: str  # The page that the feed names as its home; "" when it names none.
    entries: tuple[FeedEntry, ...]
    warnings: tuple[str, ...]
    hub: str = ""  # Of WebSub; "" when it names none.
    topic: str = ""  # The address under which the hub knows it, as the feed says.
    about: str = ""  # What it says of itself: on Bluesky and YouTube, the profile.


@dataclass(frozen=True, slots=True)
class Limits:
    """What one feed may cost. Memory is not limited where the system cannot (macOS)."""

    memory_mb: int = 512
    cpu_s: float = 5.0
    wall_s: float = 10.0
    feeds_per_child: int = 200  # A child is replaced after so many, so that no leak grows old.


class _Lost(Exception):
    """The child went away while it was reading."""


class FeedReader:
    """Reads feeds in warm children, each of which is replaced after any failure. Safe to share by threads.

    Starting an interpreter costs some 200 ms, a small feed 1 ms: hence warm; as many at once as there are cores. A
    child holds no secret (its environment is empty) and can neither connect nor write files.
    """

    def __init__(self, limits: Limits = Limits(), *, at_once: int | None = None) -> None:
        # The one that was used last is used next, so that a quiet broker keeps one child only.
        self._free: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._all = [_Child(limits) for _ in range(at_once or min(os.cpu_count() or 1, _AT_ONCE))]
        for child in self._all:
            self._free.put(child)

    def read(self, body: bytes, *, content_type: str, url: str, fetched_at: datetime) -> Feed:
        """Read one feed, see `read_feed`."""
        head = {"content_type": content_type, "url": url, "fetched_at": fetched_at.isoformat(), "size": len(body)}
        child = self._free.get()
        try:
            answer = child.exchange(json.dumps(head).encode() + b"\n", body)
        finally:
            self._free.put(child)
        if "refused" in answer:
            raise NotAFeed(answer["refused"])
        return _feed_of(answer)

    @property
    def pid(self) -> int | None:
        """The process that read last, if it is warm."""
        child = self._free.get()
        self._free.put(child)
        return child.pid

    def close(self) -> None:
        """End the children when they are done; the next `read` starts another."""
        held = [self._free.get() for _ in self._all]
        for child in held:
            child.end()
            self._free.put(child)


class _Child:
    """One process that reads, started when it is first needed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._served = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def exchange(self, head: bytes, body: bytes) -> dict[str, Any]:
        process = self._warm()
        clock = _kill_after(process, self._limits.wall_s)
        try:
            answer = _ask(process, head, body)
        except (_Lost, OSError, ValueError) as failure:
            self.end()
            raise NotAFeed(
                "This feed takes more time or memory to read than we allow; please make it shorter, or remove "
                "what is unusual in it."
            ) from failure
        finally:
            clock.cancel()
        self._served += 1
        if self._served >= self._limits.feeds_per_child or answer.get("exhausted"):
            self.end()
        return answer

    def _warm(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self.end()
        limits = self._limits
        process = subprocess.Popen(  # noqa: S603  # Our own interpreter and module, our own two numbers.
            [sys.executable, "-P", "-m", "intents.feed_child", str(limits.memory_mb), str(limits.cpu_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PYTHONWARNINGS": "ignore"},
            cwd="/",
        )
        clock = _kill_after(process, 60.0)
        ready = _out(process).readline()
        clock.cancel()
        self._process, self._served = process, 0
        if ready != b"ready\n":
            self.end()
            raise RuntimeError("The process that reads feeds does not start; its reason is in the log.")
        return process

    def end(self) -> None:
        process, self._process = self._process, None
        ours = self._owner == os.getpid()
        self._owner = os.getpid()
        if process is None or not ours:  # A fork leaves its parent's child alone.
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # What was not yet written has no reader any more.
                pass


_reader = FeedReader()
atexit.register(_reader.close)


def read_feed(body: bytes, *, content_type: str, url: str, fetched_at: datetime) -> Feed:
    """Read Atom, RSS or JSON Feed from bytes that we fetched from `url`; `fetched_at` is aware UTC.

    Raises NotAFeed with a sentence for the blog's owner: a web page, nothing at all, or a feed that takes more than
    512 MB, 5 seconds of CPU or 10 s of waiting.
    """
    return _reader.read(body, content_type=content_type, url=url, fetched_at=fetched_at)


def _kill_after(child: subprocess.Popen[bytes], seconds: float) -> threading.Timer:
    clock = threading.Timer(seconds, child.kill)
    clock.daemon = True
    clock.start()
    return clock


def _ask(child: subprocess.Popen[bytes], head: bytes, body: bytes) -> dict[str, Any]:
    """One question, one answer: a line of JSON, then bytes; back comes a line with a size, then JSON."""
    if child.stdin is None:
        raise _Lost
    child.stdin.write(head)
    child.stdin.write(body)
    child.stdin.flush()
    line = _out(child).readline(20)
    if not line.endswith(b"\n") or not 0 < int(line) <= MAX_ANSWER:
        raise _Lost
    answer = _out(child).read(int(line))
    if len(answer) < int(line):
        raise _Lost
    parsed: dict[str, Any] = json.loads(answer)
    return parsed


def _out(child: subprocess.Popen[bytes]) -> IO[bytes]:
    if child.stdout is None:
        raise _Lost
    return child.stdout


def _feed_of(answer: dict[str, Any]) -> Feed:
    entries = tuple(
        FeedEntry(
            **entry
            | {
                "tags": tuple(entry["tags"]),
                "published_at": _moment_of(entry["published_at"]),
                "updated_at": _moment_of(entry["updated_at"]),
                "stated": _stated_of(entry["stated"]),
            }
        )
        for entry in answer["entries"]
    )
    return Feed(**answer | {"entries": entries, "warnings": tuple(answer["warnings"])})


def _stated_of(written: dict[str, Any] | None) -> Stated | None:
    if written is None:
        return None
    days = {name: date.fromisoformat(day) for name in ("needed_by", "ends_on") if (day := written[name])}
    return Stated(**written | days)


def _moment_of(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
