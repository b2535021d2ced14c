"""Says when there may be new work, without burning a core: a commit by anybody, or the time that a retry is due."""

import sqlite3
import threading
from collections.abc import Callable

from sqlalchemy import make_url

from vrm.kernel.db import Store

_LOOK_S = 0.02  # One look at SQLite's counter costs some ten microseconds.
_TICK_S = 0.2  # PostgreSQL has no such counter; the polling queries read empty partial indexes.


class Knock:
    """Lets threads wait until somebody knocks, or until they are `stopped`."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped
        self._changed = threading.Condition()
        self._count = 0

    def knock(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def seen(self) -> int:
        """How many knocks there were so far; for `wait`. Take it before looking for work, not after."""
        with self._changed:
            return self._count

    def wait(self, seen: int, timeout_s: float) -> None:
        """Return when somebody knocked after `seen` was taken, or after `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != seen or self._stopped.is_set(), timeout_s)


class Watch(Knock):
    """Knocks when the store was written to. One thread looks; `stop` ends it."""

    def __init__(self, store: Store) -> None:
        super().__init__(threading.Event())
        self._store = store
        look = self._look_sqlite if store.dialect == "sqlite" else self._tick
        self._thread = threading.Thread(target=look, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wake everybody for the last time."""
        self._stopped.set()
        self.knock()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    @property
    def stopped(self) -> Callable[[], bool]:
        """Whether `stop` was called."""
        return self._stopped.is_set

    def _look_sqlite(self) -> None:
        # `data_version` changes when another connection has committed; this one never writes.
        path = make_url(str(self._store.engine.url)).database
        connection = sqlite3.connect(str(path), isolation_level=None)
        try:
            last = None
            while not self._stopped.wait(_LOOK_S):
                version = connection.execute("PRAGMA data_version").fetchone()[0]
                if version != last:
                    last = version
                    self.knock()
        finally:
            connection.close()

    def _tick(self) -> None:
        while not self._stopped.wait(_TICK_S):
            self.knock()
