"""How fast messages reach many endpoints, beside bare POSTs by the same library to the same sink, and beside peers.

Promises: at least half as many webhooks delivered and recorded as a bare aiohttp loop posts; eight times as many as
Apprise's json:// fan-out and as a job for each delivery; one vendor of twenty that hangs costs the others less than
5 %; two workers on PostgreSQL do 1.6 times what one does when endpoints answer after 200 ms. Machines are shared: each
ratio is of two runs right after each other.
"""

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import aiohttp
import procrastinate
import reaction
import requests
from _table import Line, at_least, line, tell
from apprise import Apprise
from sqlalchemy import create_engine, make_url, select, text, update

from intents import publish
from intents.draft import Budget, IntentDraft
from notifiers.apart import Apart
from notifiers.channels.webhook import new_secret
from notifiers.deliver import deliver
from notifiers.models import Channel, ChannelKind, Notification
from notifiers.post import Post
from vendors import team
from vendors.subscribe import Order, subscribe
from vrm import migrations, route
from vrm.kernel import accounts, taxonomy
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store, new_code
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer
from vrm.worker.heap import keep

HOSTS = 20  # Vendors, each at an address of its own: 127.0.0.1 to 127.0.0.20.
BODY = 920  # Bytes of what we send of these wants.
HEADERS = {
    "Content-Type": "application/json",
    "webhook-id": f"msg_{'0' * 37}",
    "webhook-timestamp": "1700000000",
    "webhook-signature": f"v1,{'0' * 44}",
}
POSTGRES = os.environ.get("VRM_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
_NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1; events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
server {{ listen 0.0.0.0:{port} backlog=4096; location / {{ return 204; }} }} }}
"""


# --- Sinks ----------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """nginx's port; where there is none, that of our own sink."""
    port = free_port()
    if shutil.which("nginx") is None:
        with own_sink() as port:
            yield port
        return
    (folder / "conf").write_text(_NGINX.format(folder=folder, port=port))
    command = ["nginx", "-c", str(folder / "conf"), "-p", str(folder)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - A fixed program.
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextmanager
def own_sink(delay_s: float = 0, hanging: str = "-") -> Iterator[int]:
    """The port of a sink in a process of its own, so that it takes no time from what is measured."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("_sink.py")), str(port), str(delay_s), hanging]
    server = subprocess.Popen(command)  # noqa: S603 - Our own program.
    try:
        wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            requests.post(f"http://127.0.0.1:{port}/", data=b"{}", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("The sink does not answer.")


# --- A broker that owes ---------------------------------------------------------------------------


def fill(store: Store, port: int, wants: int) -> None:
    """Twenty vendors with a webhook each, and so many wants routed to all of them."""
    now = utc_now()
    migrations.upgrade(store, now)
    with store.write() as session:
        trees = taxonomy.trees(session)
        everything = Order(category_id=trees.categories.root.id, region_id=trees.regions.root.id)
        ben = accounts.ensure(session, "ben@shop.example", now)
        for number in range(1, HOSTS + 1):
            vendor = team.found(session, ben, now, name=f"Shop {number}")
            subscribe(session, vendor, everything, now)
            target = {"url": f"http://127.0.0.{number}:{port}/hook", "secret": new_secret()}
            session.add(
                Channel(
                    code=new_code(), vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, target=target, created_at=now,
                    verified_at=now, caught_up_at=now,
                )
            )  # fmt: skip
        car = trees.categories.resolve("car", field="category").id
        leeds = trees.regions.resolve("Leeds", field="region").id
        for number in range(wants):
            ana = accounts.ensure(session, f"ana{number}@example.org", now)
            ana.verified_at = now
            draft = IntentDraft(
                title="Toyota Yaris, 2015 or newer", body="Five doors, not older than five years, any colour.",
                category_id=car, region_id=leeds, budget=Budget(None, 1_200_000, "GBP"),
            )  # fmt: skip
            intent = publish.draft(session, ana, draft, now)
            publish.publish(session, intent, now)
            route.route(session, intent, now)
    with store.write() as session:
        session.execute(text("ANALYZE"))  # As any store that has been in use for a minute.


def owe_again(store: Store, port: int) -> None:
    """As if nothing had been sent, to a sink at this port."""
    with store.write() as session:
        session.execute(text("DELETE FROM attempts"))
        session.execute(text("UPDATE leads SET notified_at = NULL, delivered_at = NULL, undelivered = NULL"))
        session.execute(
            update(Notification).values(done_at=None, result=None, tries=0, due_at=utc_now()),
            execution_options={"synchronize_session": False},
        )
        for channel in session.scalars(select(Channel)):
            host = channel.target["url"].split("//")[1].split(":")[0]
            channel.target = {**channel.target, "url": f"http://{host}:{port}/hook"}


def a_post(folder: Path) -> Post:
    outbound = Outbound([ip_network("127.0.0.0/8")])
    return Post("http://127.0.0.1:8000", Signer("k" * 40), outbound, None, "vrm@broker.example", folder / "outbox")


@contextmanager
def running(post: Post) -> Iterator[Apart]:
    """The process that sends, as a worker has it."""
    senders = Apart(post)
    senders.open()
    try:
        yield senders
    finally:
        senders.close()


def ours(store: Store, post: Post, senders: Apart) -> float:
    """Deliveries that are sent and recorded, per second."""
    begun = time.perf_counter()
    sent = deliver(store, post, utc_now, senders=senders)
    return sent / (time.perf_counter() - begun)


def ours_but_hanging(store: Store, post: Post, senders: Apart, count: int) -> float:
    """The same to the nineteen that answer, while the twentieth does not."""
    stop = threading.Event()
    begun = time.perf_counter()
    how = {"stop": stop.is_set, "senders": senders}
    thread = threading.Thread(target=deliver, args=(store, post, utc_now), kwargs=how)
    thread.start()
    done = text("SELECT count(*) FROM attempts WHERE status = 204")
    while True:
        with store.read() as session:
            if (session.scalar(done) or 0) >= count:
                break
        time.sleep(0.02)
    took = time.perf_counter() - begun
    stop.set()
    thread.join()
    return count / took


# --- Peers ----------------------------------------------------------------------------------------


def raw(port: int, count: int, width: int = 100) -> float:
    """Bare posts per second by aiohttp, of a body and headers as long as ours."""

    async def run() -> float:
        numbers = iter(range(count))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=width)) as session:

            async def one() -> None:
                for number in numbers:
                    url = f"http://127.0.0.{number % HOSTS + 1}:{port}/hook"
                    async with session.post(url, data=b"x" * BODY, headers=HEADERS) as answer:
                        await answer.read()

            begun = time.perf_counter()
            await asyncio.gather(*(one() for _ in range(width)))
            return count / (time.perf_counter() - begun)

    return asyncio.run(run())


def by_apprise(port: int, count: int) -> float:
    """Notifications per second through Apprise's json:// plugin, all at once as it offers."""
    fan = Apprise()
    for number in range(count):
        fan.add(f"json://127.0.0.{number % HOSTS + 1}:{port}/hook/{number}")
    begun = time.perf_counter()
    asyncio.run(fan.async_notify(title="Toyota Yaris", body="x" * BODY))
    return count / (time.perf_counter() - begun)


def by_jobs(url: str, port: int, count: int) -> float:
    """Deliveries per second by a Procrastinate job for each, with requests, twenty at a time."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    session = requests.Session()

    @app.task(name="post", queue="bench")
    def post(number: int) -> None:
        session.post(f"http://127.0.0.{number % HOSTS + 1}:{port}/hook", data=b"x" * BODY, headers=HEADERS, timeout=15)

    async def run() -> float:
        async with app.open_async():
            await post.batch_defer_async(*({"number": number} for number in range(count)))
            begun = time.perf_counter()
            await app.run_worker_async(queues=["bench"], wait=False, concurrency=20, install_signal_handlers=False)
            return count / (time.perf_counter() - begun)

    return asyncio.run(run())


# --- PostgreSQL -----------------------------------------------------------------------------------


@contextmanager
def postgres() -> Iterator[str]:
    """A database that is thrown away; nothing when no PostgreSQL answers."""
    admin = create_engine(make_url(POSTGRES).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    name = f"vrm_bench_{os.getpid()}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def one_of_several(url: str, folder: str, ready: Any, go: Any) -> None:
    post = a_post(Path(folder))
    with Store.open(url) as store, running(post) as senders:
        keep(store)
        ready.release()
        go.wait()
        deliver(store, post, utc_now, senders=senders)


def by_workers(url: str, folder: Path, workers: int, count: int) -> float:
    """Deliveries per second by so many processes over one PostgreSQL."""
    context = get_context("spawn")
    ready, go = context.Semaphore(0), context.Event()
    arguments = (url, str(folder), ready, go)
    processes = [context.Process(target=one_of_several, args=arguments, daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    begun = time.perf_counter()
    go.set()
    for process in processes:
        process.join()
    took = time.perf_counter() - begun
    if any(process.exitcode for process in processes):
        raise SystemExit("A worker failed.")
    return count / took


# --- The table ------------------------------------------------------------------------------------


def best_ratio(one: Callable[[], float], other: Callable[[], float], times: int) -> tuple[float, float, float]:
    """The median of the ratios of runs next to each other, and the medians of both."""
    pairs = [(one(), other()) for _ in range(times)]
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    return ratio, statistics.median(mine for mine, _ in pairs), statistics.median(theirs for _, theirs in pairs)


def measure(*, wants: int, times: int) -> Iterator[Line]:
    """The lines of the table."""
    count = wants * HOSTS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(nginx(folder))
        store = stack.enter_context(Store.open(f"sqlite:///{folder}/vrm.db"))
        fill(store, port, wants)
        post = a_post(folder)
        senders = stack.enter_context(running(post))

        def delivered() -> float:
            owe_again(store, port)
            return ours(store, post, senders)

        keep(store)  # As a worker does when it starts.
        delivered()  # Caches, compiled statements.
        ratio, mine, bare = best_ratio(delivered, lambda: raw(port, count), times)
        yield at_least("webhooks sent and recorded ÷ bare aiohttp posts", ratio, 0.5)
        yield line("  webhooks a second, embedded", mine, "/s")
        yield line("  bare posts a second", bare, "/s")
        yield at_least("the same ÷ Apprise json:// fan-out", mine / by_apprise(port, min(count, 400)), 8)

        quick = stack.enter_context(own_sink())
        hanging = stack.enter_context(own_sink(hanging="127.0.0.20"))
        answering = count * (HOSTS - 1) // HOSTS

        def with_one_hanging() -> float:
            owe_again(store, hanging)
            return ours_but_hanging(store, post, senders, answering)

        def without() -> float:
            owe_again(store, quick)
            return ours_but_hanging(store, post, senders, answering)

        ratio, _, _ = best_ratio(with_one_hanging, without, 1)
        yield at_least("throughput with one of 20 hanging ÷ without", ratio, 0.95)

        url = stack.enter_context(postgres())
        slow = stack.enter_context(own_sink(delay_s=0.2))
        shared = stack.enter_context(Store.open(url))
        fill(shared, slow, wants)

        def by(workers: int) -> float:
            owe_again(shared, slow)
            return by_workers(url, folder, workers, count)

        ratio, _, one = best_ratio(lambda: by(2), lambda: by(1), 1)
        yield at_least("two workers on PostgreSQL ÷ one, sink of 200 ms", ratio, 1.6)
        yield line("  one worker, a second", one, "/s")

        def shared_delivered() -> float:
            owe_again(shared, port)
            return ours(shared, post, senders)

        keep(shared)
        shared_delivered()
        ratio, alone, _ = best_ratio(shared_delivered, lambda: raw(port, count), times)
        yield at_least("webhooks on PostgreSQL ÷ bare aiohttp posts", ratio, 0.5)
        yield line("  webhooks a second, on PostgreSQL", alone, "/s")
        yield at_least("the same ÷ a job for each delivery", alone / by_jobs(url, port, min(count, 1000)), 8)


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer deliveries")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    sizes = {"wants": 50, "times": 1} if quick else {"wants": 300, "times": 3}
    parts = chain(measure(**sizes), reaction.measure(40 if quick else 200))
    tell(parts, as_json=arguments.json)


if __name__ == "__main__":
    main()
