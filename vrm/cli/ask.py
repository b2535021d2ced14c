"""Commands that answer questions: explain, doctor."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from intents import publish
from notifiers import gauges
from notifiers.channels.email import greet
from vendors import team
from vrm import dangers, migrations
from vrm import explain as explaining
from vrm.cli.terminal import ready_store, sentences, settings, show_json, show_table
from vrm.config import Settings
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.wiring import store_of

_LATE = timedelta(minutes=5)  # No message waits as long when somebody works.


@click.command()
@click.argument("intent")
@click.option("--vendor", help="The slug of one vendor: why, or why not, this one?")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def explain(intent: str, vendor: str | None, as_json: bool) -> None:
    """Say why the want with the code INTENT reached whom it reached, or nobody.

    \b
    Example:
      vrm explain h7k2mq9x4w3p --vendor leeds-toyota
    """
    with ready_store(settings()) as store, store.read() as session:
        found = publish.by_code(session, intent)
        if vendor is None:
            explanation = explaining.explain(session, found)
        else:
            explanation = explaining.explain_vendor(session, found, team.by_slug(session, vendor))
    if as_json:
        show_json({"told": explanation.told, "sentences": explanation.sentences})
    else:
        click.echo("\n".join(explanation.sentences))


# --- Doctor ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Finding:
    what: str
    ok: bool
    says: str  # What is, and where it is not well, the fix.


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def doctor(as_json: bool) -> None:
    """Look whether the broker is set up as it should be. Exit code 1 when something is not."""
    findings = list(_look(settings()))
    if as_json:
        show_json([{"what": each.what, "ok": each.ok, "says": each.says} for each in findings])
    else:
        show_table(["", "", ""], [["✓" if each.ok else "✗", each.what, each.says] for each in findings])
    sys.exit(0 if all(each.ok for each in findings) else 1)


def _look(found: Settings) -> Iterator[_Finding]:
    where = "an SQLite file" if found.embedded else "PostgreSQL"
    yield _Finding("settings", True, f"{found.base_url}, {where}")
    yield from _look_at_store(found)
    yield _look_at_mail(found)
    free = shutil.disk_usage(found.instance if found.instance.exists() else Path()).free
    enough = free > 1_000_000_000
    yield _Finding("disk", enough, f"{free / 1e9:.1f} GB free" + ("" if enough else "; make room, or writes will fail"))
    unsafe = [_Finding(danger.what, False, danger.fix) for danger in dangers.dangers(found)]
    yield from unsafe
    if all(each.what != "address" for each in unsafe):
        yield _Finding("address", True, "https" if dangers.is_public(found) else "on this machine only")


def _look_at_store(found: Settings) -> Iterator[_Finding]:
    try:
        store = store_of(found)
    except VrmError as error:
        yield _Finding("database", False, str(error))
        return
    try:
        at = migrations.current(store)
        up_to_date = at == migrations.newest()
        fix = "of a later version; replace this program by it" if migrations.is_ahead(store) else "run `vrm db upgrade`"
        yield _Finding("database", up_to_date, f"revision {at}" if up_to_date else fix)
        if up_to_date:
            yield _look_at_outbox(store)
            for danger in dangers.dangers_in(store, found):
                yield _Finding(danger.what, False, danger.fix)
        if store.dialect == "postgresql":
            with store.read() as session:
                theirs = session.scalar(select(func.clock_timestamp())) or datetime.now(UTC)
            apart = abs((theirs - utc_now()).total_seconds())
            close = apart < 2
            yield _Finding(
                "clock", close, f"{apart:.1f} s from the database's" + ("" if close else "; run an NTP client")
            )
    except SQLAlchemyError as error:
        yield _Finding("database", False, f"does not answer; check VRM_DATABASE_URL ({type(error).__name__})")
    finally:
        store.close()


def _look_at_outbox(store: Store) -> _Finding:
    now = utc_now()
    with store.read() as session:
        owed = gauges.owed(session, now)
    late = now - owed.oldest_due_at if owed.oldest_due_at is not None else timedelta(0)
    if late > _LATE:
        minutes = late.total_seconds() / 60
        says = f"{owed.due:,} messages are due, the oldest for {minutes:.0f} minutes; does `vrm worker` run?"
        return _Finding("outbox", False, says)
    return _Finding("outbox", True, f"{owed.count:,} messages owed, none late")


def _look_at_mail(found: Settings) -> _Finding:
    if found.mail is None:
        return _Finding("mail", True, f"written to {found.instance / 'outbox'}; set VRM_MAIL_URL to send it")
    where = f"{found.mail.host}:{found.mail.port}"
    trouble = asyncio.run(greet(found.mail, found.mail_from))
    if trouble is not None:
        return _Finding("mail", False, f"{where} does not take mail ({trouble}); check VRM_MAIL_URL")
    return _Finding("mail", True, f"{where} answers")
