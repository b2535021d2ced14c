"""Senders in a process of their own: what they carry is what the thread carries, and they may die at any moment."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from notifiers_world import Heard, Reply, Sink, World, a_channel, a_post, attempts_of, look, mail_server, owe

from notifiers.apart import Apart
from notifiers.deliver import deliver
from notifiers.models import Notification, Result, Verdict
from notifiers.post import Post
from notifiers.sending import Came, Gone
from vrm.config import MailRelay
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store


@pytest.fixture
def apart(post: Post) -> Iterator[Apart]:
    senders = Apart(post)
    senders.open()
    yield senders
    senders.close()


def process_of(senders: Apart) -> int:
    assert senders._process is not None
    return senders._process.pid


def test_webhooks_and_mails_go_out_through_it(store: Store, world: World, sink: Sink, tmp_path: Path) -> None:
    with mail_server() as (mailbox, route):
        post = a_post(tmp_path, mail=MailRelay(route.host, route.port, False, None, None))
        by_hook = owe(store, utc_now(), a_channel(store, world.vendor, utc_now(), url=sink.url), world.lead)
        by_mail = owe(store, utc_now(), a_channel(store, world.vendor, utc_now()), world.lead)
        sink.reply = Reply(202, {}, b"thanks")
        senders = Apart(post)
        assert deliver(store, post, utc_now, senders=senders) == 2
        assert deliver(store, post, utc_now, senders=senders) == 0
        senders.close()
        assert [mail["To"] for mail in mailbox.mails] == ["ben@leeds-toyota.example"]
    (attempt,) = attempts_of(store, by_hook)
    assert (attempt.verdict, attempt.status, attempt.said) == (Verdict.DELIVERED, 202, "thanks")
    assert sink.heard[0].headers["webhook-id"] == f"msg_{by_hook.id}_{by_hook.code}"
    assert look(store, Notification, by_mail.id).result is Result.DELIVERED


def test_its_death_loses_nothing(store: Store, world: World, sink: Sink, post: Post, apart: Apart) -> None:
    owed = owe(store, utc_now(), a_channel(store, world.vendor, utc_now(), url=sink.url), world.lead)
    first = process_of(apart)

    def die(_heard: object) -> Reply:
        with suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
        return Reply(204)

    sink.reply = die
    with pytest.raises(Gone):
        deliver(store, post, utc_now, senders=apart)
    assert attempts_of(store, owed) == []

    def when_the_lease_has_run_out() -> datetime:
        return utc_now() + timedelta(minutes=10)

    sink.reply = Reply(204)
    assert deliver(store, post, when_the_lease_has_run_out, senders=apart) == 1
    assert process_of(apart) != first
    assert len({heard.headers["webhook-id"] for heard in sink.heard}) == 1
    assert look(store, Notification, owed.id).result is Result.DELIVERED


class Mortal(Apart):
    """Dies as soon as it has told of something."""

    def came(self, timeout_s: float) -> list[Came]:
        came = super().came(timeout_s)
        if came and self._process is not None:
            self._process.kill()
            self._process.wait()
        return came


def test_what_it_told_before_it_died_is_written_down(store: Store, world: World, sink: Sink, post: Post) -> None:
    over = threading.Event()

    def reply(heard: Heard) -> Reply:
        if heard.path.endswith("2"):
            over.wait(30)
        return Reply(204)

    sink.reply = reply
    quick, slow = (
        owe(store, utc_now(), a_channel(store, world.vendor, utc_now(), url=f"{sink.url}?{number}"), world.lead)
        for number in (1, 2)
    )
    senders = Mortal(post)
    with pytest.raises(Gone):
        deliver(store, post, utc_now, senders=senders)
    over.set()
    assert look(store, Notification, quick.id).result is Result.DELIVERED
    assert attempts_of(store, slow) == []


def test_it_was_dead_before(store: Store, world: World, sink: Sink, post: Post, apart: Apart) -> None:
    os.kill(process_of(apart), signal.SIGKILL)
    assert apart._process is not None
    apart._process.wait()
    owe(store, utc_now(), a_channel(store, world.vendor, utc_now(), url=sink.url), world.lead)
    assert deliver(store, post, utc_now, senders=apart) == 1


def test_signals_are_for_the_worker(store: Store, world: World, sink: Sink, post: Post, apart: Apart) -> None:
    owe(store, utc_now(), a_channel(store, world.vendor, utc_now(), url=sink.url), world.lead)
    assert deliver(store, post, utc_now, senders=apart) == 1  # It listens by now.
    process = process_of(apart)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(process, number)
    owe(store, utc_now(), a_channel(store, world.vendor, utc_now(), url=f"{sink.url}?2"), world.lead)
    assert deliver(store, post, utc_now, senders=apart) == 1
    assert process_of(apart) == process


_WORKER = """
import time
from notifiers.apart import Apart
from vrm.config import read_settings
from vrm.wiring import post_of

senders = Apart(post_of(read_settings({"VRM_SECRET_KEY": "k" * 40})))
senders.open()
print(senders._process.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_the_worker_however_that_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", _WORKER], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        process = Path("/proc") / worker.stdout.readline().strip()
        assert process.exists()
        worker.kill()
    deadline = time.monotonic() + 30
    # Where nobody waits for orphans, one that has ended stays as a zombie.
    while process.exists() and ") Z " not in (process / "stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_in_line_comes_back_when_the_worker_stops(
    store: Store, world: World, sink: Sink, post: Post, apart: Apart
) -> None:
    channel = a_channel(store, world.vendor, utc_now(), url=sink.url)
    owed = owe(store, utc_now(), channel, world.lead)
    apart.open()
    assert deliver(store, post, utc_now, senders=apart, stop=lambda: True) == 0
    assert look(store, Notification, owed.id).tries == 0
