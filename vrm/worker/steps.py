"""The broker's steps in the background, in lanes: what is in one lane takes turns, lanes run side by side.

Each step does what it finds owed, in its own transactions, and says how much it did; 0 is "nothing owed".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from intents import events, publish
from intents.feed import FeedReader
from intents.fetching import Harvester
from intents.harvest import harvest
from intents.reply import reply_owed
from intents.websub import renew
from notifiers.announce import announce
from notifiers.deliver import deliver
from notifiers.forget import forget
from notifiers.letters import owe_letters
from notifiers.post import Post
from notifiers.sending import Senders
from vendors import watches
from vendors.listen import listen
from vrm import route, turns
from vrm.kernel import audits
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.research import published

_TURN = 100  # Transactions of one verb before the next verb of the lane has its turn.

Verb = Callable[[Session, datetime], int]
Step = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Works:
    """All that the steps need from the outside."""

    store: Store
    post: Post
    reader: FeedReader
    clock: Clock
    keep_attempts: timedelta = timedelta(days=90)
    keep_audits: timedelta = timedelta(days=730)
    keep_changes: timedelta = timedelta(days=365)
    back_up: Callable[[datetime], int] = lambda _now: 0  # Makes a backup when one is due.
    senders: Senders | None = None  # Who carries messages; None: a thread for each delivery.
    kept: Path | None = None  # Where what the live page of responsiveness shows is kept; None: nowhere.


def _in_transactions(works: Works, verb: Verb) -> Step:
    def step() -> int:
        total = 0
        for _ in range(_TURN):
            with works.store.write() as session:
                done = verb(session, works.clock())
            total += done
            if not done:
                break
        return total

    return step


def harvester(works: Works) -> Harvester:
    """What reading blogs takes."""
    return Harvester(works.store, works.post.outbound, works.reader, works.clock, works.post.base_url)


def lanes(works: Works, stopped: Callable[[], bool] = lambda: False) -> Mapping[str, Sequence[Step]]:
    """Every step, by lane. Slow hosts hold up a lane of their own and never the routing."""
    rows: Sequence[Verb] = (
        publish.expire,
        route.route_owed,
        route.backfill_owed,
        route.catch_up_owed,
        turns.take_turns_owed,
        announce,
        owe_letters,
        partial(forget, keep=works.keep_attempts),
        partial(audits.forget, keep=works.keep_audits),
        partial(events.forget, keep=works.keep_changes),
    )
    found: dict[str, Sequence[Step]] = {
        "rows": [_in_transactions(works, verb) for verb in rows],
        "deliver": [lambda: deliver(works.store, works.post, works.clock, stop=stopped, senders=works.senders)],
        "harvest": [lambda: harvest(harvester(works), stop=stopped)],
        "listen": [lambda: listen(harvester(works)), _in_transactions(works, watches.forget)],
        "word": [lambda: renew(harvester(works)), lambda: reply_owed(harvester(works))],
        "keep": [lambda: works.back_up(works.clock())],
    }
    if works.kept is not None:
        found["measure"] = [partial(_measure, works.store, works.kept, works.clock)]
    return found


def _measure(store: Store, folder: Path, clock: Clock) -> int:
    """Never done and never owed: it is looked at again when its time has come."""
    published.keep(store, folder, clock)
    return 0


def settle(works: Works, *, rounds: int = 50) -> None:
    """Run every lane in turn until nothing is owed that is due now: for the terminal, the demo and tests."""
    for _ in range(rounds):
        if not sum(step() for lane in lanes(works).values() for step in lane):
            return
