"""The embedded engine: a plain loop over what is owed, one thread per lane. No queue, no second server."""

import logging
import threading
from collections.abc import Sequence

from vrm.worker.steps import Step, Works, lanes
from vrm.worker.watch import Watch

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 1.0  # Retries and expiries come due without anybody writing.
_TROUBLE_S = 1.0  # After a step that raised; doubles up to the next.
_TROUBLE_AT_MOST_S = 30.0


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
        trouble_s = _TROUBLE_S
        while not self._watch.stopped():
            seen = self._watch.seen()
            try:
                done = self._once(steps)
            except Exception:
                # The store may be restarting or the disk full: what is owed stays owed, and is tried again.
                log.exception("lane %s: a step failed; next try in %.0f s", name, trouble_s)
                self._watch.wait(self._watch.seen(), trouble_s)
                trouble_s = min(trouble_s * 2, _TROUBLE_AT_MOST_S)
                continue
            trouble_s = _TROUBLE_S
            if not done:
                self._watch.wait(seen, _LOOK_AGAIN_S)

    def _once(self, steps: Sequence[Step]) -> int:
        done = 0
        for step in steps:
            if self._watch.stopped():
                break
            done += step()
        return done
