"""A broker of real processes that may be killed, a vendor's endpoint that remembers, a customer who insists."""

import json
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from urllib.parse import urlsplit

from werkzeug.serving import make_server

from intents import publish as intents_publish
from notifiers.apart import Apart
from notifiers.models import Channel, ChannelKind
from tests.little import sow
from vendors import team
from vendors.subscribe import Order, subscribe
from vrm import migrations
from vrm.app import create_app
from vrm.config import read_settings
from vrm.demo.town import Hook
from vrm.kernel import accounts, taxonomy
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store, new_code
from vrm.wiring import works_of
from vrm.worker.engines import engine_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# A server that has imported everything forks each process: as real as any, and there at once.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.chaos.rig"])
_MIGRATING = threading.Lock()  # Alembic knows of one migration in a process.


def run_web(environ: Mapping[str, str], port: int) -> None:
    """The pages and the API, until killed."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, create_app(read_settings(environ)), threaded=True).serve_forever()


def run_worker(environ: Mapping[str, str]) -> None:
    """The work in the background, until killed; it sends as `vrm worker` does, in a process that ends with it."""
    settings = read_settings(environ)
    works = works_of(settings)
    senders = Apart(works.post, log=settings.log)
    senders.open()
    engine_for(replace(works, senders=senders)).start()
    threading.Event().wait()


def sender_of(worker: ForkServerProcess) -> int | None:
    """The process by which this worker sends, while there is one."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # It ended while we looked.
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == worker.pid and b"notifiers.apart" in (folder / "cmdline").read_bytes():
                return int(folder.name)
    return None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def until(holds: Callable[[], bool], what: str, patience_s: float = 120) -> float:
    """Seconds until it holds."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > patience_s:
            raise AssertionError(f"waited {patience_s:.0f} s in vain: {what}")
        time.sleep(0.05)
    return time.monotonic() - begun


class Endpoint(Hook):
    """A vendor's endpoint; `delay_s` makes it slow."""

    def __init__(self) -> None:
        super().__init__()
        self.secret = SECRET
        self.delay_s = 0.0
        self.under_way = 0
        self._counting = threading.Lock()

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        with self._counting:
            self.under_way += 1
        time.sleep(self.delay_s)
        answer = super().post(headers, body)
        with self._counting:
            self.under_way -= 1
        return answer

    def by_worker(self) -> Counter[str]:
        """How many messages each worker sent: what it writes names it, see `Broker.environ`."""
        urls = [str(event.data["lead"]["url"]) for event in list(self.received)]
        return Counter((urlsplit(url).hostname or "").removesuffix(".example") for url in urls)

    def heard(self) -> dict[str, Counter[str]]:
        """For each want: how often it came with which id."""
        found: dict[str, Counter[str]] = {}
        for event in list(self.received):
            found.setdefault(event.data["intent"]["code"], Counter())[event.id] += 1
        return found


@dataclass
class Broker:
    """Web and workers over one store, and what a customer was promised."""

    url: str
    endpoint: Endpoint = field(default_factory=Endpoint)
    port: int = field(default_factory=free_port)
    web: ForkServerProcess | None = None
    workers: list[ForkServerProcess] = field(default_factory=list)
    started: int = 0  # Workers so far.
    tokens: list[str] = field(default_factory=list)  # One of each customer.
    acknowledged: list[str] = field(default_factory=list)
    refusals: Counter[int] = field(default_factory=Counter)  # By status; 0 when nobody answered.
    last_refusal: str = ""

    def environ(self, name: str = "web") -> dict[str, str]:
        """The settings of one process. Links in what it writes begin with its name."""
        return {
            "VRM_DATABASE_URL": self.url,
            "VRM_BASE_URL": f"http://{name}.example",
            "VRM_SECRET_KEY": "a key for a store that is thrown away",
            "VRM_ALLOW_PRIVATE_TARGETS": "127.0.0.0/8",
            "VRM_LOG": "error",
            "VRM_SMART": "0",
            "PORT": str(self.port),
        }

    def fill(self, wants: int) -> None:
        """Tables, one vendor with a webhook that hears of everything, and customers enough for so many wants."""
        now = utc_now()
        with Store.open(self.url) as store:
            with _MIGRATING:
                migrations.upgrade(store, now, to=str(migrations.newest()))
            sow(store, now)
            with store.write() as session:
                ben = accounts.ensure(session, "ben@shop.example", now)
                vendor = team.found(session, ben, now, name="Leeds Toyota")
                trees = taxonomy.trees(session)
                order = Order(category_id=trees.categories.root.id, region_id=trees.regions.root.id)
                subscribe(session, vendor, order, now)
                session.add(
                    Channel(
                        code=new_code(), vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, created_at=now,
                        verified_at=now, target={"url": f"{self.endpoint.url}/hook", "secret": SECRET},
                    )
                )  # fmt: skip
                for number in range(-(-wants // intents_publish.PER_DAY)):
                    ana = accounts.ensure(session, f"ana{number}@example.org", now)
                    ana.verified_at = ana.trusted_at = now  # A new account would begin small.
                    self.tokens.append(accounts.make_token(session, ana, now, name="chaos").secret)

    def start_web(self) -> None:
        self.web = FORKS.Process(target=run_web, args=(self.environ(), self.port), daemon=True)
        self.web.start()

    def start_worker(self) -> ForkServerProcess:
        self.started += 1
        worker = FORKS.Process(target=run_worker, args=(self.environ(f"worker-{self.started}"),), daemon=True)
        worker.start()
        self.workers.append(worker)
        return worker

    def publish(self, number: int, patience_s: float = 120) -> str:
        """Ask, and ask again with the same key, until it is acknowledged; its code."""
        body = json.dumps({"title": f"Want {number}", "category": "cars", "region": "leeds"}).encode()
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            code = self._ask(body, f"key-{number}", self.tokens[number // intents_publish.PER_DAY])
            if code is not None:
                self.acknowledged.append(code)
                return code
            time.sleep(0.05)
        raise AssertionError(f"want {number} was not taken within {patience_s:.0f} s; refused so far: {self.refusals}")

    def _ask(self, body: bytes, key: str, token: str) -> str | None:
        headers = {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key,
        }  # fmt: skip
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/intents", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                code: str = json.load(answer)["code"]
                return code
        except urllib.error.HTTPError as error:
            with suppress(HTTPException):
                self.last_refusal = error.read().decode()
            self.refusals[error.code] += 1  # Last, since somebody waits for it and then reads the sentence.
        except (OSError, HTTPException, ValueError):
            self.refusals[0] += 1  # Nobody answered, or half an answer came.
        return None

    def missing(self) -> int:
        """Acknowledged wants that the vendor has not heard of."""
        return len(set(self.acknowledged) - set(self.endpoint.heard()))

    def close(self) -> None:
        for process in (self.web, *self.workers):
            if process is not None:
                kill(process)
        self.endpoint.close()


def kill(process: ForkServerProcess) -> None:
    """kill −9, and wait until it is gone."""
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    process.join(timeout=10)
