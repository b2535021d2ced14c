"""A store → the engine that works on it: the embedded loop for an SQLite file, Procrastinate's queue for PostgreSQL."""

from importlib import import_module
from typing import Protocol

from vrm.kernel.errors import BadSetting
from vrm.worker.loop import Worker
from vrm.worker.steps import Works


class Engine(Protocol):
    """Works in the background until it is stopped."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """Let what is under way end, and end."""


def engine_for(works: Works) -> Engine:
    """The engine for this store; BadSetting when what it needs is not installed."""
    if works.store.dialect == "sqlite":
        return Worker(works)
    try:
        # By its name, as SQLAlchemy loads the driver: a broker on one machine has no need of it.
        queue = import_module("vrm.worker.queue")
    except ModuleNotFoundError as error:
        fix = ".venv/bin/pip install --require-hashes -r .ci/locks/postgres.txt"
        raise BadSetting(f"The queue for PostgreSQL is not installed here; run {fix}") from error
    engine: Engine = queue.QueueWorker(works)
    return engine
