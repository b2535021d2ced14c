"""The distributed engine: PostgreSQL and Procrastinate, any number of worker processes on any machines.

Triggers in the store defer a job in the transaction that leaves something owed (migration “queue”), and its commit
wakes one worker. A job is only a knock: rows say what is owed, so one that runs twice, or never, loses and repeats
nothing.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from sqlalchemy import make_url, select

from notifiers.models import Notification
from vrm.kernel.db import store_down
from vrm.worker.steps import Step, Works, lanes
from vrm.worker.trouble import Trouble
from vrm.worker.watch import Knock

_log = logging.getLogger(__name__)

CONCURRENCY = 4  # Jobs at a time in one process; delivering has a thread and a window of its own besides.
HEARTBEAT_S = 5.0
DEAD_AFTER_S = 25.0  # Without a heartbeat; then whoever lives takes the jobs over.
_FETCH_AGAIN_S = 2.0  # A notification that got lost on its way costs this much.
_LOOK_AGAIN_S = 1.0  # Retries come due without anybody writing.
_SEND = "deliver"  # The lane that keeps a thread: it has many endpoints to wait for.


class QueueWorker:
    """One process of the distributed engine: takes jobs, and sends."""

    def __init__(self, works: Works) -> None:
        self._works = works
        self._stopped = threading.Event()
        self._knock = Knock(self._stopped)
        found = lanes(works, self._stopped.is_set)
        self._lanes = {name: steps for name, steps in found.items() if name != _SEND}
        self._threads = [
            threading.Thread(target=self._send, args=(found[_SEND],), name=_SEND),
            threading.Thread(target=self._take_jobs, name="jobs"),
        ]
        self._app: App | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let what is under way end, and end."""
        self._stopped.set()
        self._knock.knock()
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._cancel)
        for thread in self._threads:
            thread.join()

    def _cancel(self) -> None:
        if self._working is not None:
            self._working.cancel()  # Procrastinate then waits for its running jobs.

    # --- Sending ------------------------------------------------------------------------------------

    def _send(self, steps: Sequence[Step]) -> None:
        trouble = Trouble()
        while not self._stopped.is_set():
            seen = self._knock.seen()
            try:
                done = sum(step() for step in steps)
            except Exception as error:
                rest_s = trouble.rest_s()
                _tell("sending failed", error, rest_s)
                self._stopped.wait(rest_s)
                continue
            if not done:
                self._knock.wait(seen, _LOOK_AGAIN_S)

    # --- Jobs ---------------------------------------------------------------------------------------

    def _take_jobs(self) -> None:
        trouble = Trouble()
        while not self._stopped.is_set():
            try:
                asyncio.run(self._until_trouble())
            except Exception as error:
                # The store may be restarting: jobs stay where they are.
                rest_s = trouble.rest_s()
                _tell("taking jobs failed", error, rest_s)
                self._stopped.wait(rest_s)

    async def _until_trouble(self) -> None:
        self._loop = asyncio.get_running_loop()
        app = self._made()
        async with app.open_async():
            self._working = asyncio.create_task(
                app.run_worker_async(
                    concurrency=CONCURRENCY,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    fetch_job_polling_interval=_FETCH_AGAIN_S,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=DEAD_AFTER_S,
                )
            )
            if self._stopped.is_set():  # It was set while we connected.
                self._cancel()
            try:
                await self._working
            except asyncio.CancelledError:
                if not self._stopped.is_set():
                    raise

    def _made(self) -> App:
        """The jobs by their names, which the triggers know too."""
        url = make_url(str(self._works.store.engine.url.render_as_string(hide_password=False)))
        conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=CONCURRENCY + 2))

        def work(lane: str) -> int:
            return _until_idle(self._lanes[lane], self._stopped)

        def deliver(ids: list[int]) -> None:
            if self._is_owed(ids):
                self._knock.knock()

        def sweep(timestamp: int, lane: str) -> int:
            del timestamp
            return _until_idle(self._lanes[lane], self._stopped)

        async def rescue(timestamp: int) -> None:
            del timestamp
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_S):
                _log.warning("job %s of a worker that died is taken over", job.id)
                try:
                    await app.job_manager.retry_job(job)
                except UniqueViolation:  # The same work waits again already.
                    await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)

        async def tidy(timestamp: int) -> None:
            del timestamp
            await app.job_manager.delete_old_jobs(
                nb_hours=72, include_failed=True, include_cancelled=True, include_aborted=True
            )

        app.task(name="work", queue="work")(work)
        app.task(name="deliver", queue="deliver", priority=1)(deliver)
        sweeping = app.task(name="sweep", queue="work")(sweep)
        for lane in self._lanes:
            # What no trigger told: expiries, blogs and letters that become due, a table that has no trigger.
            every_5_s = app.periodic(
                cron="* * * * * */5", periodic_id=lane, queueing_lock=f"sweep {lane}", task_kwargs={"lane": lane}
            )
            every_5_s(sweeping)
        app.periodic(cron="* * * * * */15")(app.task(name="rescue", queue="work", queueing_lock="rescue")(rescue))
        app.periodic(cron="17 * * * *")(app.task(name="tidy", queue="work", queueing_lock="tidy")(tidy))
        return app

    def _is_owed(self, ids: Sequence[int]) -> bool:
        now = self._works.clock()
        owed = select(Notification.id).where(
            Notification.id.in_(ids), Notification.done_at.is_(None), Notification.due_at <= now
        )
        with self._works.store.read() as session:
            return session.scalar(owed.limit(1)) is not None


def _tell(what: str, error: Exception, again_s: float) -> None:
    """One line for a store that restarts, of which nobody needs to see the way to it; all of anything else."""
    _log.error("%s, next try in %.0f s: %s", what, again_s, error, exc_info=None if store_down(error) else error)


def _until_idle(steps: Sequence[Step], stopped: threading.Event) -> int:
    total = 0
    while not stopped.is_set() and (done := sum(step() for step in steps)):
        total += done
    return total
