"""One function for each kind of fault: how often it was done, and what came of it."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, select

from intents.models import Intent
from notifiers.claim import PER_CHANNEL
from notifiers.models import Attempt, Notification, Result
from tests.chaos.rig import Broker, free_port, kill, sender_of, until
from vendors.models import Lead
from vrm.config import read_settings
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.wiring import works_of
from vrm.worker.steps import settle

PUBLISHERS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    figure: float
    unit: str
    target: str
    ok: bool


def publish_all(broker: Broker, wants: int, *, first: int = 0) -> threading.Thread:
    """Begin to publish so many wants, some at a time; join the thread to wait for the last acknowledgement."""

    def run() -> None:
        with ThreadPoolExecutor(PUBLISHERS) as pool:
            list(pool.map(broker.publish, range(first, first + wants)))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def verdicts(broker: Broker, name: str, wants: int, in_flight: int) -> list[Line]:
    """Hold what the vendor heard and what the store says against what was acknowledged."""
    heard = broker.endpoint.heard()
    acknowledged = set(broker.acknowledged)
    with Store.open(broker.url) as store, store.read() as session:
        intents = session.scalar(select(func.count(Intent.id)).where(Intent.opened_at.is_not(None)))
        leads = session.scalar(select(func.count()).select_from(Lead))
        undone = session.scalar(select(func.count(Notification.id)).where(Notification.done_at.is_(None)))
        failed = session.scalar(select(func.count(Notification.id)).where(Notification.result == Result.FAILED))
        attempts = session.scalar(select(func.count(Attempt.id)))
    repeats = sum(sum(ids.values()) - 1 for ids in heard.values())
    two_ids = sum(len(ids) > 1 for ids in heard.values())
    lost = len(acknowledged - set(heard))
    return [
        Line(f"{name}: acknowledged wants", len(acknowledged), "", f"= {wants}", len(acknowledged) == wants),
        Line(f"{name}: intents and leads in the store", (intents or 0) + (leads or 0), "", f"= {2 * wants}",
             intents == leads == wants),
        Line(f"{name}: acknowledged and never heard of", lost, "", "= 0", lost == 0),
        Line(f"{name}: still owed or given up", (undone or 0) + (failed or 0), "", "= 0", not undone and not failed),
        Line(f"{name}: wants that came with two ids", two_ids, "", "= 0", two_ids == 0),
        Line(f"{name}: repeats with the same id", repeats, "", f"≤ {in_flight}", repeats <= in_flight),
        Line(f"{name}: attempts recorded", attempts or 0, "", f"≥ {wants}", (attempts or 0) >= wants),
    ]  # fmt: skip


def all_told(broker: Broker) -> bool:
    """Whether everything acknowledged has been heard of and recorded."""
    if broker.missing():
        return False
    with Store.open(broker.url) as store, store.read() as session:
        return session.scalar(select(Notification.id).where(Notification.done_at.is_(None)).limit(1)) is None


def finish(broker: Broker, *, hurry: bool) -> float:
    """Seconds until all is told. In a hurry the workers are killed, and their work is done by a clock that is ahead.

    What a dead worker has claimed and not sent is free again after 45 seconds.
    """
    if not hurry:
        return until(lambda: all_told(broker), "everything is told")
    while broker.workers:
        kill(broker.workers.pop())
    with Store.open(broker.url) as store:
        works = works_of(read_settings(broker.environ()), store=store, clock=lambda: utc_now() + timedelta(minutes=1))
        settle(works)
        works.reader.close()
    return until(lambda: all_told(broker), "everything is told", patience_s=5)


def killing(
    url: str, *, kills: int, wants: int, seed: int, name: str, hurry: bool = False, apart_s: float = 0.6
) -> list[Line]:
    """kill −9 of web, worker or both at random moments, up to `apart_s` apart, while wants are published."""
    dice = random.Random(seed)
    broker = Broker(url)
    broker.fill(wants)
    broker.start_web()
    broker.start_worker()
    died = 0
    try:
        publishing = publish_all(broker, wants)

        def has_taken_more_than(before: int) -> bool:
            return len(broker.acknowledged) > before or not publishing.is_alive()

        for number in range(kills):
            if number % 2:  # Every other one after something was done: a busy machine begins nothing in three seconds.
                until(partial(has_taken_more_than, len(broker.acknowledged)), "a want is taken")
            time.sleep(dice.uniform(0.05, apart_s))
            victims = dice.choice(("web", "worker", "both"))
            if victims != "worker" and broker.web is not None:
                kill(broker.web)
                broker.start_web()
            if victims != "web":
                died += 1
                kill(broker.workers.pop())
                broker.start_worker()
        told = len(broker.endpoint.heard())
        publishing.join()
        finish(broker, hurry=hurry)
        lines = verdicts(broker, name, wants, (died + hurry) * PER_CHANNEL)
    finally:
        broker.close()
    # Kills of processes that had not begun to work would prove little; a few in a hurry may all be of that kind.
    meanwhile = Line(f"{name}: wants told between the kills", told, "", "" if hurry else "≥ 1", told >= 1 or hurry)
    return [Line(f"{name}: kills", kills, "", "", True), meanwhile, *lines]


def killing_senders(url: str, *, kills: int, wants: int, seed: int, name: str, hurry: bool = False) -> list[Line]:
    """kill −9 of the process that sends, and of nothing else, at random moments while wants are published.

    Its worker lives on, and starts another one. `wants` are shared out over the `kills`, and a last share comes after.
    """
    dice = random.Random(seed)
    broker = Broker(url)
    broker.fill(wants)
    broker.endpoint.delay_s = 0.3  # Something is under way, and no channel counts as quick and may have more so.
    broker.start_web()
    worker = broker.start_worker()
    share = wants // (kills + 1)
    killed: set[int] = set()
    cut, slowest = 0, 0.0

    def sender() -> int | None:
        found = sender_of(worker)
        return None if found in killed else found

    try:
        for number in range(kills + 1):
            first = number * share
            publishing = publish_all(broker, share if number < kills else wants - first, first=first)
            took = until(lambda: sender() is not None, "the worker starts a sender")
            slowest = max(slowest, took) if killed else slowest
            if number < kills and (victim := sender()) is not None:
                if number % 2:  # Every other one in the middle of its work, for certain.
                    until(lambda: broker.endpoint.under_way > 0, "the sender sends")
                time.sleep(dice.uniform(0, 0.1 if number % 2 else 1.5))
                cut += broker.endpoint.under_way > 0
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
            publishing.join()
        until(lambda: broker.endpoint.under_way > 0 or all_told(broker), "the last one sends")
        lived = worker.is_alive()
        finish(broker, hurry=hurry)
        lines = verdicts(broker, name, wants, (kills + hurry) * PER_CHANNEL)
    finally:
        broker.close()
    return [
        Line(f"{name}: kills", len(killed), "", f"= {kills}", len(killed) == kills),
        Line(f"{name}: kills with messages under way", cut, "", "≥ 1", cut >= 1),
        Line(f"{name}: its worker lives on", int(lived), "", "= 1", lived),
        Line(f"{name}: longest wait for another sender", round(slowest, 1), "s", "< 60", slowest < 60),
        *lines,
    ]


# --- PostgreSQL -----------------------------------------------------------------------------------


class Cluster:
    """A PostgreSQL of its own, which may be treated badly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = Path(sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1])
        self._port = free_port()
        self._as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as_owner:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync")
        self._control("start")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def restart(self) -> None:
        """As after a crash: nobody is asked to finish."""
        self._control("restart", "-m", "immediate")

    def close(self) -> None:
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-l", log, "-o", options, *words)

    def _run(self, program: str, *words: str) -> None:
        command = [*self._as_owner, str(self._programs / program), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="vrm-chaos-") as name:
        Path(name).chmod(0o755)
        made = Cluster(Path(name))
        try:
            yield made
        finally:
            made.close()


def restarting(*, restarts: int, wants: int, hurry: bool = False) -> list[Line]:
    """PostgreSQL restarts without a warning, again and again, under web and two workers."""
    with cluster() as made:
        broker = Broker(made.url)
        broker.fill(wants)
        broker.start_web()
        for _ in range(2):
            broker.start_worker()
        try:
            publishing = publish_all(broker, wants)
            for _ in range(restarts):
                time.sleep(1.0)
                made.restart()
            publishing.join()
            took = finish(broker, hurry=hurry)
            # A send that could not be recorded goes again; two workers may each have a share in flight.
            lines = verdicts(broker, "restarts", wants, (restarts + hurry) * 2 * PER_CHANNEL)
        finally:
            broker.close()
    return [
        Line("restarts: of PostgreSQL, immediate", restarts, "", "", True),
        Line("restarts: caught up after the last one", round(took, 1), "s", "< 60", took < 60),
        *lines,
    ]


def taking_over(*, wants: int, waiting: Callable[[], None] = lambda: None) -> list[Line]:
    """Two workers share a load; one dies for good with its hands full, and the other one finishes.

    Calls `waiting` when nothing is left to do but to wait for that.
    """
    with cluster() as made:
        broker = Broker(made.url)
        broker.fill(wants)
        broker.endpoint.delay_s = 1.0
        broker.start_web()
        first = broker.start_worker()
        broker.start_worker()
        try:
            publishing = publish_all(broker, wants)
            until(lambda: len(broker.endpoint.by_worker()) == 2, "both workers send")
            until(lambda: broker.endpoint.by_worker().total() >= wants // 2, "half of it is told")
            kill(first)
            publishing.join()
            left = broker.missing()
            broker.endpoint.delay_s = 0.0
            waiting()
            took = until(lambda: all_told(broker), "the second worker finishes")
            sent = broker.endpoint.by_worker()
            lines = verdicts(broker, "takeover", wants, PER_CHANNEL)
        finally:
            broker.close()
    return [
        Line("takeover: sent by worker 1, until it was killed", sent["worker-1"], "", "≥ 1", sent["worker-1"] >= 1),
        Line("takeover: sent by worker 2", sent["worker-2"], "", f"≥ {left}", sent["worker-2"] >= left),
        Line("takeover: not told yet when worker 1 died", left, "", "≥ 1", left >= 1),
        Line("takeover: all told, from then on", round(took, 1), "s", "< 60", took < 60),
        *lines,
    ]


# --- A full disk ----------------------------------------------------------------------------------


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A tmpfs of this size. PermissionError for whoever may not mount one."""
    with tempfile.TemporaryDirectory(prefix="vrm-disk-") as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", name]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            raise PermissionError("A small disk can be mounted by root only.")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def filling(*, wants: int) -> list[Line]:
    """The disk fills up, publishing is refused with a sentence, and goes on when there is room again."""
    with small_disk(48) as disk:
        broker = Broker(f"sqlite:///{disk}/vrm.db")
        broker.fill(2 * wants)
        broker.start_web()
        broker.start_worker()
        try:
            publish_all(broker, wants).join()
            until(lambda: all_told(broker), "all before is told")
            ballast = disk / "ballast"
            _fill_up(ballast)
            publishing = publish_all(broker, wants, first=wants)
            until(lambda: broker.refusals[503] > 0, "publishing is refused")
            refusals, said = broker.refusals[503], broker.last_refusal
            others = {status for status in broker.refusals if status not in (0, 503)}
            ballast.unlink()
            publishing.join()
            until(lambda: all_told(broker), "all is told")
            lines = verdicts(broker, "disk full", 2 * wants, PER_CHANNEL * 2)
        finally:
            broker.close()
    return [
        Line("disk full: refusals with 503 and a sentence", refusals, "", "≥ 1", "nothing was saved" in said),
        Line("disk full: other refusals", len(others), "", "= 0", not others),
        *lines,
    ]


def _fill_up(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return
