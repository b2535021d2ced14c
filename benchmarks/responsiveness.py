"""The live page of responsiveness, from what the worker keeps, beside a query over the leads as they lie in SQLite.

Promises: all figures of the page at least 20 times as fast as the plainest query that a page could make instead: leads,
deliveries and answers within a day, by category and region; and an event is on the page within a minute, whenever it
happens: at worst just after the worker began to read. What the worker does is told: its seconds, the file.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from _table import Line, line, tell
from sqlalchemy import text

from vrm import migrations
from vrm.kernel.db import Store
from vrm.research import charts, kept, published

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
PER_WANT, VENDORS = 100, 1_000
PEER = """SELECT intents.category_id, intents.region_id, count(*), count(leads.delivered_at),
    sum(leads.responded_at - leads.delivered_at <= 86400000000)
    FROM leads JOIN intents ON intents.id = leads.intent_id GROUP BY intents.category_id, intents.region_id"""


def fill(store: Store, leads: int) -> None:
    """Wants of 80 days in 60 categories and 80 places, with leads of which most were delivered and many answered."""
    rng = np.random.default_rng(2008)
    with store.write() as session:
        on = session.connection()

        def ids(sql: str) -> list[int]:
            return [row[0] for row in on.execute(text(sql))]

        def insert(table: str, **columns: Any) -> None:
            held = {row[1]: row for row in on.execute(text(f"PRAGMA table_info({table})"))}
            for name, (_, _, kind, needed, default, _) in held.items():
                if needed and default is None and name not in columns:
                    columns[name] = "" if "CHAR" in kind or "TEXT" in kind else "[]" if kind == "JSON" else 0
            names = list(columns)
            rows = np.broadcast_arrays(*(np.atleast_1d(np.asarray(each, dtype=object)) for each in columns.values()))
            said = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
            on.exec_driver_sql(said, list(zip(*(row.tolist() for row in rows), strict=True)))

        some = rng.choice(ids("SELECT id FROM categories"), 60), rng.choice(ids("SELECT id FROM regions"), 80)
        insert("accounts", id=1, email="a@wants.example", created_at=0)
        vendors, wants = np.arange(1, VENDORS + 1), np.arange(1, leads // PER_WANT + 1)
        codes = [f"c{number}" for number in range(max(VENDORS, wants.size))]
        insert("vendors", id=vendors, code=codes[:VENDORS], slug=codes[:VENDORS], zone="UTC", created_at=0)
        opened = NOW_S - rng.integers(1, 80 * 86_400, wants.size)
        insert(
            "intents", id=wants, code=codes[: wants.size], account_id=1, origin="web", condition="any", revision=1,
            category_id=rng.choice(some[0], wants.size), region_id=rng.choice(some[1], wants.size), quantity=1,
            visibility="public", created_at=opened * 10**6, opened_at=opened * 10**6, expires_at=NOW_S * 2 * 10**6,
        )  # fmt: skip
        want, vendor = np.repeat(wants, PER_WANT), np.tile(np.arange(PER_WANT), wants.size) * (VENDORS // PER_WANT)
        vendor = vendor + np.repeat(wants % (VENDORS // PER_WANT), PER_WANT) + 1
        at = np.repeat(opened, PER_WANT)
        delivered = at + rng.integers(1, 60, want.size)
        said = delivered + rng.lognormal(9, 3, want.size).astype(np.int64)
        arrived = rng.random(want.size) < 0.93
        answered = arrived & (said < NOW_S) & (rng.random(want.size) < 0.8)

        def moments(seconds: Any, known: Any) -> list[int | None]:
            return [int(s) * 10**6 if k else None for s, k in zip(seconds, known, strict=True)]

        insert(
            "leads", intent_id=want, vendor_id=vendor, reasons="[]", routed_at=at * 10**6, notified_at=at * 10**6,
            delivered_at=moments(delivered, arrived), responded_at=moments(said, answered),
            undelivered=np.where(arrived, None, "bounced"),
        )  # fmt: skip
        rows = np.flatnonzero(answered)
        kinds = rng.choice(["offer", "question"], rows.size)
        insert(
            "responses", intent_id=want[rows], vendor_id=vendor[rows], at=said[rows] * 10**6, actor="human", via="link",
            kind=kinds, links="[]", id=rows + 1,
        )  # fmt: skip


def something_happens(store: Store, folder: Path) -> float:
    """A vendor answers, the worker looks; seconds that it took. Stops where the page then says something else."""
    later = NOW + kept.EVERY
    with store.write() as session:
        silent = "SELECT vendor_id FROM leads WHERE intent_id = 1 AND delivered_at IS NOT NULL AND responded_at IS NULL"
        answer = {"vendor": session.scalar(text(silent)), "at": NOW_S * 10**6}
        session.execute(text("UPDATE leads SET responded_at = :at WHERE intent_id = 1 AND vendor_id = :vendor"), answer)
        said = "VALUES (1, :vendor, :at, 'human', 'link', 'offer', '', '[]')"
        columns = "intent_id, vendor_id, at, actor, via, kind, body, links"
        session.execute(text(f"INSERT INTO responses ({columns}) {said}"), answer)
    begun = time.process_time()  # Of the processor: all of it is this process, which others must not lengthen.
    published.keep(store, folder, lambda: later)
    took = time.process_time() - begun
    with store.read() as session:
        shown, alone = published.live(session, later, folder=folder), published.live(session, later)
    if kept.checked_at(folder) != later or shown.figure("reach").as_csv() != alone.figure("reach").as_csv():
        raise SystemExit("What is kept is not what the store says.")
    if shown.measured().as_json() != alone.measured().as_json():
        raise SystemExit("What is kept is not what the store says.")
    return took


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took, once."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(leads: int) -> list[Line]:
    """The lines of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store.open(f"sqlite:///{folder / 'vrm.db'}")
        migrations.upgrade(store, NOW)
        fill(store, leads)

        def page() -> None:
            with store.read() as session:
                material = published.live(session, NOW, folder=folder / "kept")
            for figure in charts.NAMES:
                for width in (560, 300):
                    material.figure(figure).draw(f"{figure}-{width}", width)

        def peer() -> None:
            with store.read() as session:
                session.execute(text(PEER)).fetchall()

        kept_s = timed(lambda: published.keep(store, folder / "kept", lambda: NOW))
        cold_s = timed(page)
        warm_s = statistics.median(timed(page) for _ in range(9))
        peer_s = statistics.median(timed(peer) for _ in range(5))
        size = (folder / "kept" / "live").stat().st_size
        again_s = something_happens(store, folder / "kept")
        store.close()
    latest = max(kept.EVERY.total_seconds(), again_s) + again_s
    return [
        line(f"query over {leads:,} leads ÷ the page", round(peer_s / warm_s), "×", ">= 20", ok=peer_s >= 20 * warm_s),
        line("the page", round(warm_s * 1e3, 2), "ms"),
        line("the first page after it was kept", round(cold_s * 1e3), "ms"),
        line("the query", round(peer_s * 1e3), "ms"),
        line("an event is on the page after, at most", round(latest, 1), "s", "<= 60", ok=latest <= 60),
        line("the worker, the first time", round(kept_s, 1), "s"),
        line("the worker, each time", round(again_s, 1), "s"),
        line("what it keeps", round(size / 1e6), "MB"),
    ]


def main() -> None:
    """Print the table; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 leads instead of 300,000")
    parser.add_argument("--full", action="store_true", help="a million leads")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    lines = measure(50_000 if arguments.quick else 1_000_000 if arguments.full else 300_000)
    tell(lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
