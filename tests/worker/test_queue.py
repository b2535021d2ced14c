"""The distributed engine: triggers defer jobs in the transaction that leaves something owed, workers share them."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from rooms import add_mail_channel, publish_want, route_all, start_vendor
from sqlalchemy import select, text

from notifiers.models import Notification, Result
from vendors.models import Vendor
from vrm.demo import works_in
from vrm.demo.town import Town
from vrm.kernel.accounts import Account
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.worker.engines import engine_for
from vrm.worker.loop import Worker
from vrm.worker.queue import QueueWorker
from vrm.worker.steps import Works


@pytest.fixture
def town() -> Iterator[Town]:
    town = Town()
    yield town
    town.close()
    town.dying_hook.close()


@pytest.fixture
def works(store: Store, town: Town, tmp_path: Path) -> Iterator[Works]:
    works = works_in(store, town, tmp_path)
    yield works
    works.reader.close()


@pytest.fixture
def queue(works: Works) -> QueueWorker:
    if works.store.dialect == "sqlite":
        pytest.skip("One machine needs no queue.")
    return QueueWorker(works)


@pytest.fixture
def told(store: Store, ben: Account) -> Vendor:
    """A vendor with a mailbox that works."""
    now = utc_now()
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb"))
        add_mail_channel(session, vendor, now, "sales@shop.example")
    forget_jobs(store)
    return vendor


def forget_jobs(store: Store) -> None:
    if store.dialect == "postgresql":
        with store.write() as session:
            session.execute(text("DELETE FROM procrastinate_jobs"))


def jobs(store: Store) -> list[tuple[str, dict[str, Any]]]:
    with store.read() as session:
        found = session.execute(text("SELECT task_name, args FROM procrastinate_jobs ORDER BY id"))
        return [(row.task_name, row.args) for row in found]


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)


def test_each_kind_of_store_has_its_engine(works: Works) -> None:
    assert isinstance(engine_for(works), Worker if works.store.dialect == "sqlite" else QueueWorker)


def test_publishing_leaves_a_job_with_its_rows_or_neither(queue: QueueWorker, store: Store, ana: Account) -> None:
    forget_jobs(store)
    with store.session(writes=True) as session:
        publish_want(session, ana, utc_now())
        session.rollback()
    assert jobs(store) == []
    with store.write() as session:
        publish_want(session, ana, utc_now())
    assert ("work", {"lane": "rows"}) in jobs(store)


def test_what_is_owed_is_shared_out_two_hundred_to_a_job(
    queue: QueueWorker, store: Store, ana: Account, told: Vendor
) -> None:
    now = utc_now()
    with store.write() as session:
        for number in range(449):
            add_mail_channel(session, session.merge(told), now, f"sales{number}@shop.example")
        publish_want(session, ana, now)
        forget_jobs(store)
        route_all(session, now)
    owed = [args["ids"] for name, args in jobs(store) if name == "deliver"]
    assert [len(ids) for ids in owed] == [200, 200, 50]
    with store.read() as session:
        assert sorted(chain(*owed)) == sorted(session.scalars(select(Notification.id)))


@pytest.mark.slow
def test_a_want_goes_through_the_queue_and_nothing_is_left_in_it(
    queue: QueueWorker, store: Store, town: Town, ana: Account, told: Vendor
) -> None:
    other = QueueWorker(queue._works)
    for each in (queue, other):
        each.start()
    try:
        with store.write() as session:
            publish_want(session, ana, utc_now())
        until(lambda: len(town.mail.taken) == 1, "the mail arrives")
        until(lambda: delivered(store) == [Result.DELIVERED], "it is recorded")
        until(lambda: not [name for name, _ in jobs(store) if name == "deliver"], "its job is done")
    finally:
        for each in (queue, other):
            each.stop()
    assert threading.active_count() < 20
    assert len(town.mail.taken) == 1


def delivered(store: Store) -> list[Result | None]:
    with store.read() as session:
        return list(session.scalars(select(Notification.result)))


def test_jobs_of_a_worker_that_died_are_taken_over_but_for_those_that_wait_again_already(
    queue: QueueWorker, store: Store
) -> None:
    job = text(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, status, worker_id) "
        "VALUES ('work', :task, :lock, CAST(:status AS procrastinate_job_status), :worker)"
    )
    with store.write() as session:
        dead = session.scalar(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id")
        )
        for task, lock, status, worker in (
            ("sweep", "sweep rows", "doing", dead),
            ("work", None, "doing", dead),
            ("sweep", "sweep rows", "todo", None),
        ):
            session.execute(job, {"task": task, "lock": lock, "status": status, "worker": worker})
    app = queue._made()

    async def rescue() -> None:
        async with app.open_async():
            await app.tasks["rescue"].func(0)

    asyncio.run(rescue())
    with store.read() as session:
        left = session.execute(text("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY 1")).all()
    assert left == [("sweep", "todo"), ("work", "todo")]


def test_a_job_that_runs_twice_knocks_once(queue: QueueWorker, store: Store, ana: Account, told: Vendor) -> None:
    now = utc_now()
    with store.write() as session:
        publish_want(session, ana, now)
        route_all(session, now)
    with store.read() as session:
        owed = session.scalars(select(Notification)).one()
    deliver = queue._made().tasks["deliver"].func
    before = queue._knock.seen()
    deliver([owed.id])
    assert queue._knock.seen() == before + 1
    with store.write() as session:
        row = session.get_one(Notification, owed.id)
        row.done_at, row.result = now, Result.DELIVERED
    deliver([owed.id])
    assert queue._knock.seen() == before + 1
