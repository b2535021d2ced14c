"""Commands that run the broker: serve, web, worker, and single steps by hand."""

import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from notifiers.apart import Apart
from notifiers.inlet import Inlet
from vrm import dangers, migrations
from vrm.cli.terminal import console, errors, ready_store, sentences, settings
from vrm.config import Settings
from vrm.demo import replay
from vrm.kernel.clock import utc_now
from vrm.kernel.outbound import install_guard
from vrm.sealing_anew import seal_anew
from vrm.serve import Supervisor, end_with_parent
from vrm.web import admin
from vrm.wiring import inlets_of, store_of, works_of
from vrm.worker.engines import engine_for
from vrm.worker.heap import keep
from vrm.worker.steps import Step, lanes

_GRACE_S = 5  # For answers that are under way when the web process is told to end.
_once = click.option("--once", is_flag=True, help="Do what is owed now, and end.")


@click.command()
@sentences
def serve() -> None:
    """Run web and worker together, on the store that the settings name.

    The store is brought up to date first. Stop with Ctrl-C or SIGTERM.

    \b
    Example:
      PORT=8080 vrm serve
    """
    found = settings()
    dangers.refuse(found)
    with store_of(found) as store:
        errors.print("Bringing the database up to date …")
        migrations.upgrade(store, utc_now())
        seal_anew(store)
        with store.read() as session:
            invitation = admin.invitation(session, found)
    errors.print(f"Open {found.base_url} in a browser; stop with Ctrl-C.", soft_wrap=True)
    if invitation is not None:
        errors.print(invitation, soft_wrap=True)
    sys.exit(Supervisor().run())


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@sentences
def web(host: str) -> None:
    """Run the pages and the API only.

    \b
    Example:
      vrm web --host 0.0.0.0
    """
    found = settings()
    dangers.refuse(found, host)
    ready_store(found).close()
    end_with_parent()
    Server(
        "wsgi:front",
        address=host,
        port=found.port,
        interface=Interfaces.RSGI,
        websockets=False,
        workers=1,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE_S,
        log_level=LogLevels(found.log.partition(",")[0]),
    ).serve()


@click.command()
@sentences
def worker() -> None:
    """Run the background work only: reading blogs, routing, delivering.

    \b
    Example:
      vrm worker
    """
    found = settings()
    dangers.refuse(found)
    store = ready_store(found)
    _guard(found)
    end_with_parent()
    works = works_of(found, store=store)
    senders = Apart(works.post, log=found.log)
    senders.open()
    running = engine_for(replace(works, senders=senders))
    keep(store)
    inlets = _open_inlets(inlets_of(found, works))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    running.start()
    while not ended.wait(1.0):
        pass
    for inlet in inlets:
        inlet.stop()
    running.stop()
    senders.close()
    store.close()


def _open_inlets(inlets: Sequence[Inlet]) -> list[Inlet]:
    """Begin to take mail; a second worker on the same machine goes without."""
    opened = []
    for inlet in inlets:
        try:
            inlet.start()
        except OSError as error:
            errors.print(f"No mail is taken by this process: {error}", soft_wrap=True)
        else:
            opened.append(inlet)
    return opened


@click.command()
@_once
@sentences
def harvest(once: bool) -> None:
    """Read the blogs that are due."""
    _run_lane("harvest", once)


@click.command()
@_once
@sentences
def route(once: bool) -> None:
    """Route what is open, hold new subscriptions against it, and end what has expired."""
    _run_lane("rows", once)


@click.command()
@_once
@sentences
def deliver(once: bool) -> None:
    """Send the notifications that are due."""
    _run_lane("deliver", once)


def _run_lane(name: str, once: bool) -> None:
    if not once:
        raise click.UsageError("Add --once; for continuous work run `vrm worker`.")
    found = settings()
    _guard(found)
    with ready_store(found) as store:
        works = works_of(found, store=store)
        done = _until_idle(lanes(works)[name])
        works.reader.close()
    click.echo(f"{done} done.")


def _until_idle(steps: Sequence[Step]) -> int:
    total = 0
    while done := sum(step() for step in steps):
        total += done
    return total


def _guard(found: Settings) -> None:
    """The second guard: whatever library opens a connection, this process reaches public hosts only."""
    ours = {(server.host, server.port) for server in (found.mail, found.imap) if server is not None}
    install_guard(found.allow_private, ours)


@click.command()
@sentences
def demo() -> None:
    """Replay “Yaris, 2008” on this machine: a blog, five vendors, a mail server, a webhook, and who came.

    Uses a store of its own, thrown away afterwards, and reaches no other host.
    """
    replay(console)
