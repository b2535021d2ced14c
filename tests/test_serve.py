"""`vrm serve`, as it really runs: two processes that come back when they are killed, and end when they are told to."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rooms import add_mail_channel, publish_want, start_vendor

from vrm.demo.town import Mail
from vrm.kernel.accounts import ensure
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store

pytestmark = pytest.mark.slow

PATIENCE_S = 120


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s in vain: {what}"
        time.sleep(0.05)


class Served:
    """A `vrm serve` of its own: its store, its port, its mail server."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.mail = Mail()
        self.url = f"sqlite:///{folder}/vrm.db"
        settings = {
            "VRM_DATABASE_URL": self.url,
            "VRM_MAIL_URL": f"smtp://127.0.0.1:{self.mail.port}",
            "PORT": str(self.port),
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VRM_")}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vrm.cli", "serve"], env=clean | settings, stdout=log, stderr=log
            )

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def children(self) -> dict[str, int]:
        """The process numbers of web and worker, by name."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_text().split("\0")
            except (OSError, ValueError):
                continue  # It ended while we looked.
            if parent == self.process.pid and len(words) > 3:
                found[words[3]] = int(entry.name)
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=PATIENCE_S)
        self.mail.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("This test looks at processes through /proc.")
    served = Served(tmp_path_factory.mktemp("served"))
    yield served
    served.close()


def told(served: Served, title: str) -> bool:
    return any(title in message["Subject"] for _, message in served.mail.taken)


def publish(served: Served, title: str) -> None:
    now = utc_now()
    with Store.open(served.url) as store, store.write() as session:
        ana = ensure(session, "ana@example.org", now)
        ana.verified_at = now
        publish_want(session, ana, now, title=title)


def test_a_want_reaches_a_mailbox_through_real_processes(served: Served) -> None:
    until(served.answers, "the pages answer")
    assert re.search(r"/admin/first-run with code \S+", served.log.read_text())
    now = utc_now()
    with Store.open(served.url) as store, store.write() as session:
        ben = ensure(session, "ben@shop.example", now)
        vendor = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb"))
        add_mail_channel(session, vendor, now, "sales@shop.example")
    publish(served, "Toyota Yaris")
    until(lambda: told(served, "Toyota Yaris"), "the mail arrives")


@pytest.mark.parametrize("name", ["worker", "web"])
def test_a_killed_process_comes_back_and_nothing_is_lost(served: Served, name: str) -> None:
    until(served.answers, "the pages answer")
    before = served.children()[name]
    os.kill(before, signal.SIGKILL)
    publish(served, f"Killed {name}")
    until(lambda: served.children().get(name, before) != before, f"{name} comes back")
    until(lambda: told(served, f"Killed {name}"), "the mail arrives all the same")
    until(served.answers, "the pages answer again")
    assert sum(f"Killed {name}" in message["Subject"] for _, message in served.mail.taken) == 1


def test_it_ends_when_told_to_and_leaves_nobody_behind(served: Served) -> None:
    until(served.answers, "the pages answer")
    children = served.children()
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=PATIENCE_S) == 0
    assert [number for number in children.values() if Path(f"/proc/{number}").exists()] == []
    assert not served.answers()
