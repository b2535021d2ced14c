"""The command that looks whether the broker is set up as it should be; each finding names its fix."""

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

from notifiers import gauges
from notifiers.channels.email import greet, knock, try_key
from notifiers.inlet import look_into
from notifiers.post import Dkim
from vrm import dangers, migrations
from vrm.cli.terminal import sentences, settings, show_json, show_table
from vrm.config import Settings
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.wiring import store_of

_LATE = timedelta(minutes=5)  # No message waits as long when somebody works.


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
    yield from _look_at_ways_in(found)
    if found.dkim is not None:
        yield _look_at_dkim(found, found.dkim)
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


def _look_at_ways_in(found: Settings) -> Iterator[_Finding]:
    if found.inlet is not None:
        at = f"{found.inlet.host}:{found.inlet.port}"
        trouble = asyncio.run(knock(found.inlet.host, found.inlet.port))
        well = f"{at} takes mail"
        yield _Finding("inlet", not trouble, f"{at}: {trouble}; does `vrm worker` run?" if trouble else well)
    if found.imap is not None:
        at = f"{found.imap.user} at {found.imap.host}:{found.imap.port}"
        trouble = look_into(found.imap)
        well = f"{at}, folder {found.imap.folder}, can be read"
        yield _Finding("mailbox", not trouble, f"{at}: {trouble}; check VRM_IMAP_URL" if trouble else well)
    if found.inlet is None and found.imap is None and found.mail is not None:
        yield _Finding("replies", True, "are not read; set VRM_INLET or VRM_IMAP_URL to take them, and bounces")


def _look_at_dkim(found: Settings, by: Dkim) -> _Finding:
    trouble = try_key(by, found.mail_from)
    if trouble is not None:
        fix = "make one by `openssl genrsa -out dkim.pem 2048`"
        return _Finding("dkim", False, f"the key does not sign ({trouble}); {fix}")
    record = f"{by.selector}._domainkey.{found.mail_from.rpartition('@')[2]}"
    return _Finding("dkim", True, f"signs; the public half belongs into the TXT record {record}")
