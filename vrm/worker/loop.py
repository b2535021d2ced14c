"""The embedded engine: a plain loop over what is owed, one thread per lane. No queue, no second server."""

import logging
import threading
from collections.abc import Sequence

from vrm.worker.steps import Step, Works, lanes
from vrm.worker.trouble import Trouble
from vrm.worker.watch import Watch

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 1.0  # Retries and expiries come due without anybody writing.


class Worker:
    """Runs every lane until it is stopped."""

    def __init__(self, works: Works) -> None:
        self._watch = Watch(works.store)
        self._threads = [
            threading.Thread(target=self._run, args=(name, steps), name=name)
            for name, steps in lanes(works, self._watch.stopped).items()
        ]

    def start(self) -> None:
        """Begin; returns at once."""
        self._watch.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each lane finish the step it is in, and end."""
        self._watch.stop()
        for thread in self._threads:
            thread.join()

    def _run(self, name: str, steps: Sequence[Step]) -> None:
        trouble = Trouble()
        while not self._watch.stopped():
            seen = self._watch.seen()
            try:
                done = self._once(steps)
            except Exception:
                # The store may be restarting or the disk full: what is owed stays owed, and is tried again.
                rest_s = trouble.rest_s()
                log.exception("lane %s: a step failed; next try in %.0f s", name, rest_s)
                self._watch.wait(self._watch.seen(), rest_s)
                continue
            if not done:
                self._watch.wait(seen, _LOOK_AGAIN_S)

    def _once(self, steps: Sequence[Step]) -> int:
        done = 0
        for step in steps:
            if self._watch.stopped():
                break
            done += step()
        return done
