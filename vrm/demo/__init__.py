"""`vrm demo`: the whole story on one machine, with a real feed, a real mail server and a real webhook."""

import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from rich.console import Console
from rich.table import Table

from intents.feed import FeedReader
from notifiers.post import Post
from vrm import migrations
from vrm.config import MailRelay
from vrm.demo.story import Line, Outcome, Story
from vrm.demo.town import LOOPBACK, Town
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer
from vrm.worker.loop import Worker
from vrm.worker.steps import Works

_PATIENCE_S = 20.0  # For one thing to happen in the background.
_MINUTE_S = 0.25  # The telling's pace: vendors take minutes, the reader does not have them.


class _Terminal:
    """The stage of a telling in real time; the worker runs in threads of its own."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()

    def tell(self, sentence: str) -> None:
        since = time.monotonic() - self._begun
        self._console.print(f"[dim]{since:5.1f} s[/dim]  ", end="")
        self._console.print(sentence, markup=False, soft_wrap=True)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not holds():
            if time.monotonic() > deadline:
                raise VrmError(f"The demo waited {_PATIENCE_S:.0f} s in vain until {what}. See the log above.")
            time.sleep(0.02)

    def wait(self, span: timedelta) -> None:
        time.sleep(span.total_seconds() / 60 * _MINUTE_S)


def replay(console: Console) -> Outcome:
    """Tell “Yaris, 2008” on a store that is thrown away, and print the board and the measure that it left."""
    town = Town()
    with tempfile.TemporaryDirectory(prefix="vrm-demo-") as folder:
        store = Store.open(f"sqlite:///{folder}/vrm.db")
        migrations.upgrade(store, utc_now())
        works = works_in(store, town, Path(folder))
        worker = Worker(works)
        worker.start()
        try:
            console.print(
                "[bold]Yaris, 2008[/bold]: one want, five vendors, everything on this machine; "
                "a minute takes a quarter of a second.\n"
            )
            outcome = Story(works, town, _Terminal(console)).play()
        finally:
            worker.stop()
            works.reader.close()
            store.close()
            town.close()
    show(console, outcome)
    return outcome


def works_in(store: Store, town: Town, folder: Path) -> Works:
    """A broker over `store` whose mail and web go to the town, and nowhere else."""
    post = Post(
        base_url="http://127.0.0.1:8000",
        signer=Signer("the demo's key is no secret, its store is thrown away"),
        outbound=Outbound([ip_network("127.0.0.0/8")]),
        mail=MailRelay(LOOPBACK, town.mail.port, secure=False, user=None, password=None),
        mail_from="vrm@broker.example",
        outbox=folder / "outbox",
    )
    return Works(store, post, FeedReader(), utc_now)


def show(console: Console, outcome: Outcome) -> None:
    """The board and the measure, for people."""
    table = Table(title=f"\nAna's board, want {outcome.intent_code}", title_justify="left", box=None, pad_edge=False)
    for column in ("vendor", "told", "delivered", "seen", "answered after", "where it stands"):
        table.add_column(column)
    for line in outcome.board:
        table.add_row(
            line.vendor,
            "yes" if line.told else "no",
            "yes" if line.delivered_at else "no",
            "yes" if line.seen_at else "no",
            _waited(line),
            line.standing + (f" ({line.because})" if line.because else ""),
        )
    console.print(table)
    for vendor, why in outcome.not_told.items():
        console.print(f"{vendor} was not told. {' '.join(why)}", markup=False, soft_wrap=True)
    group = outcome.measures.as_json()["groups"][0]
    reach, wait = group["reach"], group["median_wait_s"]["estimate"]
    answered = sum(line.answered_at is not None for line in outcome.board)
    unreached = reach["notified"] - reach["delivered"]
    console.print(
        f"\nMeasured: {reach['delivered']} of {reach['notified']} vendors were reached and {answered} of these "
        f"answered, at a median wait of {wait} s. {unreached} are not called silent: the broker never reached them, "
        "and says why.",
        markup=False,
        soft_wrap=True,
    )


def _waited(line: Line) -> str:
    if line.answered_at is None or line.delivered_at is None:
        return "–"
    return f"{(line.answered_at - line.delivered_at).total_seconds():.1f} s"
