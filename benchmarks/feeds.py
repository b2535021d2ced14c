"""How fast blogs are read, beside raw fetch-and-feedparser and the `reader` package, on the same feeds in one run.

1,000 feeds of 20 posts each, that a server on loopback writes, are polled and parsed; then 10,000 feeds that have not
changed (304), beside a bare loop of the same requests; then once more while one server hangs. The last lines say how
right the detector is that listening uses; see tests/intents/posts/README.md.
"""

import argparse
import asyncio
import io
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import feedparser
import reader as peer
from aiohttp import web
from sqlalchemy import func, insert, select, update

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "intents"))

from _table import Line, line, tell
from labelled import mistakes, posts, quality

from intents.feed import FeedReader
from intents.fetching import Harvester
from intents.harvest import harvest
from intents.models import Blog, Entry
from vrm import migrations
from vrm.kernel import accounts
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.outbound import Outbound

POSTS = 20  # Of one feed.
PORTS = 16  # Each is a host to us, and so many hosts are polled side by side.
WORDS = "I want nothing in particular today, but it rained, and the baker has new bread. " * 6
HANGS_S = 3.0


def feed(number: int) -> bytes:
    """An ordinary weblog's RSS, of some 20 kB."""
    now = utc_now()
    items = "".join(
        f"<item><guid isPermaLink='false'>{number}-{post}</guid><title>Post {post} of blog {number}</title>"
        f"<link>https://blog{number}.example/{post}</link><category>rain</category>"
        f"<pubDate>{format_datetime(now - timedelta(days=post))}</pubDate>"
        f"<description>&lt;p&gt;{WORDS}&lt;/p&gt;"
        f"&lt;p&gt;&lt;a href='/{post}'&gt;More&lt;/a&gt;&lt;/p&gt;</description>"
        "</item>"
        for post in range(POSTS)
    )
    return (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>Blog {number}</title>{items}</channel></rss>".encode()
    )


def serve(ready: Any) -> None:
    """The other side, in a process of its own: /feed/N with an ETag, and /hang, which answers after three seconds."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/hang":
            await asyncio.sleep(HANGS_S)
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304, headers={"ETag": '"1"'})
        number = int(request.match_info.get("number", "0"))
        return web.Response(body=feed(number), content_type="application/rss+xml", headers={"ETag": '"1"'})

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/feed/{number}", answer)
        app.router.add_get("/hang", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        ports = []
        for _ in range(PORTS + 1):  # The last one hangs.
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            ports.append(site._server.sockets[0].getsockname()[1])  # type: ignore[union-attr]
        ready.send(ports)
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def server() -> Iterator[list[int]]:
    """Its ports."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    yield ours.recv()
    process.kill()
    process.join()


@contextmanager
def harvesting(folder: Path, urls: list[str], *, etag: str | None = None) -> Iterator[Harvester]:
    """A store with a blog for each address, all due, and what reading them takes."""
    with Store.open(f"sqlite:///{folder}/{len(urls)}-{etag is None}.db") as store:
        now = utc_now()
        migrations.upgrade(store, now)
        with store.write() as session:
            ana = accounts.ensure(session, "ana@example.org", now)
            row = {"account_id": ana.id, "title": "", "publish_tagged": False, "failures": 0}
            moments = {"created_at": now, "verified_at": now, "next_fetch_at": now}
            rows = [
                {"code": f"b{n}", "url": url, "feed_url": url, "proof_token": f"t{n}", "etag": etag, **row, **moments}
                for n, url in enumerate(urls)
            ]
            session.execute(insert(Blog), rows)
        readers = FeedReader()
        warm_up(readers)
        yield Harvester(store, Outbound([ip_network("127.0.0.0/8")]), readers, utc_now, "https://wants.example.org")
        readers.close()


def warm_up(readers: FeedReader) -> None:
    """Start the children; a broker that runs has them."""
    for _ in range(2):
        readers.read(feed(0), content_type="application/rss+xml", url="https://a.example/", fetched_at=utc_now())


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def fetch_all(urls: list[str], *, etag: str | None = None, parse: bool = False) -> None:
    """The bare loop: as many requests side by side as we make, and feedparser as it comes."""

    async def run() -> None:
        slots = asyncio.Semaphore(128)
        headers = {"If-None-Match": etag} if etag else {}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=128)) as session:

            async def one(url: str) -> None:
                async with slots, session.get(url, headers=headers) as answer:
                    body = await answer.read()
                if parse:
                    feedparser.parse(io.BytesIO(body), response_headers={"content-type": "application/rss+xml"})

            await asyncio.gather(*(one(url) for url in urls))

    asyncio.run(run())


def ours(harvester: Harvester, expected: int) -> float:
    """Seconds to read every blog that is due."""
    took = timed(lambda: harvest(harvester))
    with harvester.store.read() as session:
        read = session.scalar(select(func.count()).where(Blog.fetched_at.is_not(None), Blog.trouble.is_(None)))
    if read != expected:
        raise SystemExit(f"{read} of {expected} blogs were read; the measurement is worth nothing.")
    return took


def theirs(folder: Path, urls: list[str]) -> float:
    """Seconds that `reader` takes to update the same feeds, with as many workers as there are cores for us."""
    made = peer.make_reader(str(folder / "reader.sqlite"))
    for url in urls:
        made.add_feed(url)
    took = timed(lambda: made.update_feeds(workers=4))
    if made.get_feed_counts(broken=False, new=False).total != len(urls):
        raise SystemExit("The reader package did not read all feeds; the measurement is worth nothing.")
    made.close()
    return took


def measure(folder: Path, ports: list[int], *, quick: bool) -> list[Line]:
    """The lines of the table."""
    feeds, unchanged = (200, 2_000) if quick else (1_000, 10_000)

    def urls(count: int) -> list[str]:
        return [f"http://127.0.0.1:{ports[n % PORTS]}/feed/{n}" for n in range(count)]

    with harvesting(folder, urls(feeds)) as harvester:
        mine = ours(harvester, feeds)
        with harvester.store.read() as session:
            entries = session.scalar(select(func.count()).select_from(Entry)) or 0
        if entries != feeds * POSTS:
            raise SystemExit(f"{entries} posts were noted of {feeds * POSTS}; the measurement is worth nothing.")
    raw = timed(lambda: fetch_all(urls(feeds), parse=True))
    other = theirs(folder, urls(feeds))
    with harvesting(folder, urls(unchanged), etag='"1"') as harvester:
        still = ours(harvester, unchanged)
        loop = timed(lambda: fetch_all(urls(unchanged), etag='"1"'))
        delay = hanging(harvester, ports, unchanged)
    return [
        line(f"{feeds:,} feeds of {POSTS} posts: ours", feeds / mine, "feeds/s", None),
        line("  ÷ raw fetch and feedparser", raw / mine, "×", ">= 0.5", ok=raw / mine >= 0.5),
        line("  ÷ the reader package", other / mine, "×", ">= 1", ok=other / mine >= 1),
        line(f"{unchanged:,} unchanged feeds: ours", unchanged / still, "feeds/s", None),
        line("  ÷ a bare loop of the requests", loop / still, "×", ">= 0.33", ok=loop / still >= 0.33),
        line("one server hangs: the others take longer by", delay, "s", f"< {HANGS_S:g}", ok=delay < HANGS_S),
        *detector(),
    ]


def hanging(harvester: Harvester, ports: list[int], count: int) -> float:
    """How much later the last of the others is read when some blogs of one server hang, in seconds."""
    some = min(count, 1_000)

    def due_again() -> None:
        with harvester.store.write() as session:
            session.execute(update(Blog).values(next_fetch_at=utc_now() + timedelta(days=1), fetched_at=None))
            session.execute(update(Blog).where(Blog.id <= some).values(next_fetch_at=utc_now()))

    def last_of_others() -> float:
        with harvester.store.read() as session:
            last = session.scalar(select(func.max(Blog.fetched_at)).where(Blog.feed_url.not_like("%/hang%")))
        return (last - begun).total_seconds() if last is not None else 0.0

    due_again()
    begun = utc_now()
    harvest(harvester)
    without = last_of_others()
    with harvester.store.write() as session:
        hung = f"http://127.0.0.1:{ports[PORTS]}/hang?"
        session.execute(update(Blog).where(Blog.id <= 10).values(feed_url=hung + Blog.code, etag=None))
    due_again()
    begun = utc_now()
    harvest(harvester)
    return last_of_others() - without


def detector() -> list[Line]:
    """How right it is on posts written after it was done."""
    unseen = posts("held out")
    found = quality(unseen)
    return [
        line(
            f"detector, {len(unseen)} unseen posts: precision", found.precision, "", ">= 0.9", ok=found.precision >= 0.9
        ),
        line("  recall", found.recall, "", ">= 0.7", ok=found.recall >= 0.7),
    ]


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the feeds")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--mistakes", action="store_true", help="of the detector in its tuning posts, and nothing else")
    arguments = parser.parse_args()
    if arguments.mistakes:
        print(*mistakes(), sep="\n")
        return
    with tempfile.TemporaryDirectory() as folder, server() as ports:
        lines = measure(Path(folder), ports, quick=arguments.quick)
    tell(lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
