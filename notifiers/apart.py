"""Senders in a process of their own: beside the worker's work on the store, and with nothing but what sending takes.

That process talks to hosts that strangers name. It has no connection to the store, and the second guard from its first
line on. `python -m notifiers.apart FD` is how the worker starts it; it ends when the worker closes the pipe, or dies.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from notifiers.post import Post
from notifiers.sending import AT_ONCE, Came, Errand, Gone, Sending, use_threads
from vrm.kernel import logs
from vrm.kernel.clock import utc_now
from vrm.kernel.outbound import install_guard

_TOGETHER_S = 0.004  # How long what has ended waits for company on its way back.
_TOGETHER = 50
_YOUNG = 5_000  # Objects between two looks of the garbage collector at the youngest.


class Apart:
    """Senders in a process that lives as long as this object is open, started anew when it was lost."""

    def __init__(self, post: Post, *, log: str = "warning", limit: int = AT_ONCE) -> None:
        self._order = (post, limit, log)
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start the process unless it runs; returns before it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._pipe, theirs = Pipe()
        command = [sys.executable, "-m", "notifiers.apart", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])  # noqa: S603 - Our own command.
        theirs.close()
        self._ended = SimpleQueue[list[Came] | None]()
        threading.Thread(target=_hear, args=(self._pipe, self._ended), name="heard", daemon=True).start()
        self._pipe.send(self._order)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        self._pipe.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.close()

    def put(self, errands: Sequence[Errand]) -> None:
        """As Senders say; Gone when the process is."""
        if errands:
            self._tell(errands)

    def give_back(self) -> None:
        """As Senders say; Gone when the process is."""
        self._tell(None)

    def came(self, timeout_s: float) -> list[Came]:
        """As Senders say; Gone when the process is."""
        try:
            came = self._ended.get(timeout=timeout_s)
        except Empty:
            return []
        if came is None:
            self._ended.put(None)
            raise Gone("the process that sends has ended; what it had under way is sent again in a minute")
        return came

    def _tell(self, errands: Sequence[Errand] | None) -> None:
        try:
            self._pipe.send(errands)
        except OSError as error:
            raise Gone("the process that sends has ended; what it was given is sent in a minute") from error


def _hear(pipe: Connection, ended: "SimpleQueue[list[Came] | None]") -> None:
    """Always listen, so that the other side never waits for us to take what it says."""
    while True:
        try:
            ended.put(pipe.recv())
        except (EOFError, OSError):
            ended.put(None)
            return


# --- In the process -------------------------------------------------------------------------------


def main(descriptor: int) -> None:
    """Send what comes through the pipe until it is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # They are for the worker, which lets what is under way end.
    pipe = Connection(descriptor)
    try:
        post, limit, log = pipe.recv()
    except EOFError:
        return
    logs.set_up(log)
    relay = [(post.mail.host, post.mail.port)] if post.mail is not None else []
    install_guard(post.outbound.allow_private, relay)
    gc.freeze()  # What is there by now stays, and is not looked through again and again.
    gc.set_threshold(_YOUNG, 20, 20)
    asyncio.run(_serve(pipe, post, limit))


async def _serve(pipe: Connection, post: Post, limit: int) -> None:
    loop = asyncio.get_running_loop()
    use_threads(loop)
    ended: list[Came] = []
    over = asyncio.Event()

    def tell() -> None:
        if ended:
            try:
                pipe.send(ended)
            except OSError:
                over.set()
            ended.clear()

    def note(came: Came) -> None:
        ended.append(came)
        if len(ended) == 1:
            loop.call_later(_TOGETHER_S, tell)
        elif len(ended) == _TOGETHER:
            tell()

    sending = Sending(post, utc_now, note, limit)

    def hear() -> None:
        try:
            errands: Sequence[Errand] | None = pipe.recv()
        except (EOFError, OSError):
            over.set()
            return
        if errands is None:
            sending.give_back()
        else:
            sending.take(errands)

    loop.add_reader(pipe.fileno(), hear)
    await over.wait()
    os._exit(0)  # Nobody is left to hear what would still come of anything.


if __name__ == "__main__":
    main(int(sys.argv[1]))
