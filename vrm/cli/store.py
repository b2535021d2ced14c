"""Commands on the store: upgrade, backup, restore, check."""

import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import click
from rich.progress import Progress, TaskID
from sqlalchemy import select, text

from intents import events
from vrm import backups, migrations, personal
from vrm.cli.terminal import console, ready_store, sentences, settings
from vrm.config import Settings
from vrm.kernel.accounts import Account
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.sealing_anew import seal_anew
from vrm.wiring import store_of, tombstones_of


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@sentences
def upgrade() -> None:
    """Bring tables, categories and regions to this version. Safe to repeat."""
    with (
        store_of(settings()) as store,
        Progress(console=console, disable=not console.is_terminal, transient=True) as bar,
    ):
        report = migrations.upgrade(store, utc_now(), progress=_shown_by(bar))
        seal_anew(store)
    if report is not None:
        click.echo(f"Up to date: {report.added} nodes added, {report.changed} changed, {report.unchanged} as before.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@sentences
def backup(file: Path) -> None:
    """Write a whole copy of the store to FILE, while it is in use.

    \b
    Example:
      vrm db backup vrm-$(date +%F).db
    """
    if file.exists():
        raise VrmError(f"{file} exists already; choose another name.")
    found = settings()
    backups.write(found, file)
    key = found.instance / "secret_key" if found.embedded else "VRM_SECRET_KEY"
    stones = tombstones_of(found).file
    click.echo(
        f"Wrote {file} ({file.stat().st_size:,} bytes). Keep {key} with it, and the newest {stones}: it says who was "
        "erased later."
    )


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--tombstones",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that says who was erased, beside the one of this machine; may be given several times.",
)
@sentences
def restore(file: Path, tombstones: tuple[Path, ...]) -> None:
    """Make the store what FILE, written by `vrm db backup`, says. The store must be new or empty.

    Whoever was erased after that backup is forgotten again, as VRM_TOMBSTONES (instance/tombstones) and --tombstones
    say.

    \b
    Example:
      vrm db restore vrm-2026-11-21.db
    """
    found = settings()
    if found.embedded:
        path = Path(backups.sqlite_path(found))
        if path.exists():
            raise VrmError(f"{path} exists; move it away first, so that nothing is lost by mistake.")
        if not backups.is_whole(file):
            raise VrmError(f"{file} is damaged, or no backup; use another one.")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, path)
    else:
        # All of it or nothing: where a file breaks off is known only when it has been read.
        backups.run(["pg_restore", "--no-owner", "--single-transaction", "--dbname={}", str(file)], found.database_url)
    with store_of(found) as store:
        migrations.upgrade(store, utc_now())
        seal_anew(store)
        with store.write() as session:
            events.begin_anew(session)
        forgotten = _forget_again(store, found, tombstones)
    again = f" Forgot {forgotten} again who had been erased since." if forgotten else ""
    click.echo(f"Restored, and up to date.{again}")


def _forget_again(store: Store, found: Settings, more: tuple[Path, ...]) -> int:
    with store.read() as session:
        there = session.scalars(select(Account).where(Account.closed_at.is_(None)))
        ids = [account.id for account in tombstones_of(found).of(there, more)]
    for id_ in ids:
        with store.write() as session:
            personal.forget_again(session, session.get_one(Account, id_), utc_now())
    if ids:
        store.forget()
    return len(ids)


@db.command("copy")
@click.argument("url")
@sentences
def copy_to(url: str) -> None:
    """Copy the SQLite store to the empty PostgreSQL database at URL, and compare every row. Stop `vrm serve` first.

    \b
    Example:
      vrm db copy postgresql://vrm:secret@db.example.org/vrm
    """
    found = settings()
    if not found.embedded:
        raise VrmError("VRM_DATABASE_URL names PostgreSQL already; unset it, so that the SQLite file is copied.")
    if not url.startswith("postgresql://"):
        raise VrmError("The target must be a PostgreSQL database, such as postgresql://user:password@host/database.")
    with (
        ready_store(found) as source,
        store_of(found, url) as target,
        Progress(console=console, disable=not console.is_terminal, transient=True) as bar,
    ):
        total = import_module("vrm.migrations.copying").copy(source, target, utc_now(), progress=_shown_by(bar))
    click.echo(f"Copied {total:,} rows, and compared each of them.")
    click.echo(
        f"Now set VRM_DATABASE_URL to the target and VRM_SECRET_KEY to what stands in {found.instance / 'secret_key'}: "
        "links that were sent, and people who are signed in, then go on."
    )


def _shown_by(bar: Progress) -> Callable[[str, int, int], None]:
    tasks: dict[str, TaskID] = {}

    def progress(name: str, done: int, of: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=of)
        bar.update(tasks[name], completed=done)

    return progress


@db.command()
@sentences
def check() -> None:
    """Look whether the store is whole and at this version. Exit code 1 when it is not."""
    with store_of(settings()) as store:
        problems = list(_problems(store))
    click.echo("\n".join(problems) or "The store is whole and at this version.")
    sys.exit(1 if problems else 0)


def _problems(store: Store) -> Iterator[str]:
    if store.dialect == "sqlite":
        with store.read() as session:
            answer = session.scalar(text("PRAGMA integrity_check"))
            broken = session.execute(text("PRAGMA foreign_key_check")).all()
        if answer != "ok":
            yield f"The file is damaged: {answer}. Restore the last backup."
        if broken:
            yield f"{len(broken)} rows point to rows that are gone. Restore the last backup."
    if migrations.is_ahead(store):
        yield f"The tables are of a later version ({migrations.current(store)}); replace this program by it."
    elif migrations.current(store) != migrations.newest():
        yield "The tables are not at this version; run `vrm db upgrade`."
    elif migrations.drift(store):
        yield "The tables are not as the migrations made them; somebody changed them by hand."
