"""Several things at the same instant, in real threads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vrm.kernel.db import Store

_Result = TypeVar("_Result")


def at_once(*calls: Callable[[], _Result]) -> list[_Result | Exception]:
    """Start all calls together; what each returned or raised, in their order."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], _Result]) -> _Result | Exception:
        start.wait(timeout=20)
        try:
            return call()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def meeting(store: Store, parties: int = 2) -> Callable[[], object]:
    """A place within a transaction where all wait for each other.

    On SQLite nobody waits: there a second writer does not get in before the first is out.
    """
    if store.dialect == "sqlite":
        return lambda: None
    barrier = threading.Barrier(parties)
    return lambda: barrier.wait(timeout=20)
