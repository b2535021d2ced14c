"""Messages on their way: few at a time to one host, many in all, and what came of each. It knows no store."""

import asyncio
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from notifiers.channels import KINDS, Outcome, Wire
from notifiers.models import ChannelKind, Verdict
from notifiers.post import Post
from vendors.models import Undelivered
from vrm.kernel.clock import Clock

AT_ONCE = 200  # Attempts under way.
PER_HOST = 6  # Of them, whosever channels they are for.
_PATIENCE = timedelta(seconds=20)  # What waited longer for its turn goes back: its lease would run out under way.
_THREADS = 16

OUR_FAULT = Outcome(
    Verdict.TRANSIENT,
    Undelivered.UNREACHABLE,
    said="We failed to send it; the operator finds the reason in the log.",
    ours=True,
)

_log = logging.getLogger(__name__)


class Errand(NamedTuple):
    """One message with all that one attempt takes. Plain tuples: many of them go from process to process."""

    id: int  # The notification's.
    kind: ChannelKind
    host: str
    target: Mapping[str, Any]
    packed: Any  # What `send` of its kind takes.
    wire: Wire


class Came(NamedTuple):
    """What came of an errand; no outcome when it was not tried, because its turn came too late or we are stopping."""

    id: int
    outcome: Outcome | None
    started_at: datetime
    took_ms: int


class Gone(Exception):
    """Senders have died. What they had is sent again, with the same ids, when the leases run out."""


class Senders(Protocol):
    """Whoever carries errands, from `with` to its end. What is under way when that ends by an error is given up."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def put(self, errands: Sequence[Errand]) -> None:
        """Send these as soon as there is room; returns at once."""

    def give_back(self) -> None:
        """Try nothing more than what is under way: the others come back untried."""

    def came(self, timeout_s: float) -> list[Came]:
        """What came of some, once each; nothing when nothing ended in time. Gone, each time, once that is so."""


class _Host:
    """Those for one host: a few under way, the others in line, the oldest first."""

    def __init__(self) -> None:
        self.waiting: deque[Errand] = deque()
        self.senders = 0


class Sending:
    """A sliding window in one event loop: whatever ends makes room for the next, and nothing waits for the slowest."""

    def __init__(self, post: Post, clock: Clock, told: Callable[[Came], None], limit: int = AT_ONCE) -> None:
        self._post = post
        self._clock = clock
        self._told = told
        self._places = asyncio.Semaphore(limit)
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)
        self._senders: set[asyncio.Task[None]] = set()

    def take(self, errands: Sequence[Errand]) -> None:
        """Send these; `told` hears of each."""
        for errand in errands:
            host = self._hosts[errand.host]
            host.waiting.append(errand)
            if host.senders < PER_HOST:
                host.senders += 1
                task = asyncio.create_task(self._send_all(host))
                self._senders.add(task)
                task.add_done_callback(self._senders.discard)

    def give_back(self) -> None:
        """What is in line comes back untried."""
        for host in self._hosts.values():
            while host.waiting:
                self._untried(host.waiting.popleft())

    async def attempt(self, errand: Errand) -> Came:
        """One attempt, now."""
        started_at, begun = self._clock(), time.monotonic()
        outcome = await self._send(errand)
        return Came(errand.id, outcome, started_at, round((time.monotonic() - begun) * 1000))

    async def _send_all(self, host: _Host) -> None:
        try:
            while host.waiting:
                async with self._places:
                    if not host.waiting:
                        break
                    errand = host.waiting.popleft()
                    if self._clock() - errand.wire.at > _PATIENCE:
                        self._untried(errand)
                    else:
                        self._told(await self.attempt(errand))
        finally:
            host.senders -= 1

    def _untried(self, errand: Errand) -> None:
        self._told(Came(errand.id, None, self._clock(), 0))

    async def _send(self, errand: Errand) -> Outcome:
        try:
            return await KINDS[errand.kind].send(errand.target, errand.packed, errand.wire, self._post)
        except Exception:
            _log.exception("Notification %s could not be sent.", errand.id)
            return OUR_FAULT


def use_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Give the loop as many threads as what knows no event loop, which is Apprise, may have at once."""
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="send"))  # Shut down with the loop.


class Here:
    """Senders in a thread of this process."""

    def __init__(self, post: Post, clock: Clock, limit: int = AT_ONCE) -> None:
        self._post = post
        self._clock = clock
        self._limit = limit
        self._ended = SimpleQueue[Came]()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="sending", daemon=True)
        self._started = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)  # What is under way ends with its loop.
        self._thread.join()

    def put(self, errands: Sequence[Errand]) -> None:
        """As Senders say."""
        self._loop.call_soon_threadsafe(self._sending.take, errands)

    def give_back(self) -> None:
        """As Senders say."""
        self._loop.call_soon_threadsafe(self._sending.give_back)

    def came(self, timeout_s: float) -> list[Came]:
        """As Senders say."""
        try:
            return [self._ended.get(timeout=timeout_s)]
        except Empty:
            return []

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        use_threads(self._loop)
        self._over = asyncio.Event()
        self._sending = Sending(self._post, self._clock, self._ended.put, self._limit)
        async with self._post.outbound:
            self._started.set()
            await self._over.wait()
