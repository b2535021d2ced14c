"""Web and worker as two processes under one parent: restarted when they die, ended when it ends."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

PARENT = "VRM_SERVE_PID"
_RESTART_S = 0.5  # First pause before a restart; doubles while a child dies young.
_RESTART_AT_MOST_S = 30.0
_YOUNG_S = 10.0
_GRACE_S = 20.0  # For a send that is under way; then SIGKILL.


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes] | None = None
    begun: float = 0.0
    pause_s: float = _RESTART_S
    not_before: float = 0.0

    def start(self) -> None:
        # A group of its own, so that a web server's own children go with it.
        self.process = subprocess.Popen(  # noqa: S603 - Our own command, nothing from outside.
            [sys.executable, "-m", "vrm.cli", self.name],
            start_new_session=True,
            env=os.environ | {PARENT: str(os.getpid())},
        )
        self.begun = time.monotonic()
        log.info("%s runs as process %d", self.name, self.process.pid)

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def mend(self) -> None:
        """Start again when it has died, after a pause that grows while it dies young."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.not_before:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.signal(signal.SIGKILL)  # What it left behind would hold its port.
        young = now - self.begun < _YOUNG_S
        self.pause_s = min(self.pause_s * 2, _RESTART_AT_MOST_S) if young else _RESTART_S
        log.warning("%s ended with %d; starting again in %.1f s", self.name, code, self.pause_s)
        self.process, self.not_before = None, now + self.pause_s


@dataclass
class Supervisor:
    """Runs `vrm web` and `vrm worker` until SIGTERM or SIGINT."""

    children: list[_Child] = field(default_factory=lambda: [_Child("web"), _Child("worker")])
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Serve until told to stop; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        while not self.stopping.wait(0.1):
            for child in self.children:
                child.mend()
        self._stop()
        return 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def _stop(self) -> None:
        for child in self.children:
            if child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + _GRACE_S
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not end in time and is killed", child.name)
            child.signal(signal.SIGKILL)


def end_with_parent() -> None:
    """In a child: end when the parent is gone, however it went. Does nothing when there is no such parent."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
