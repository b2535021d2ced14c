"""Commands that answer questions: measure, explain, doctor."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from intents import publish
from notifiers import gauges
from notifiers.channels.email import greet
from vendors import team
from vrm import explain as explaining
from vrm import migrations
from vrm.cli.terminal import console, ready_store, sentences, settings, show_json, show_table
from vrm.config import Settings
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.research.live import live_table
from vrm.research.metrics import COLUMN_OF
from vrm.research.metrics import measure as measuring
from vrm.research.table import read_csv

_LATE = timedelta(minutes=5)  # No message waits as long when somebody works.
_HORIZONS = {"300": "5 min", "3600": "1 h", "86400": "24 h", "604800": "7 d", "2592000": "30 d"}


@click.command()
@click.option("--leads", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A table to read instead.")
@click.option("--by", type=click.Choice(list(COLUMN_OF)), help="One group for each.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def measure(leads: Path | None, by: Any, as_json: bool) -> None:
    """Measure responsiveness: who was reached, who answered, how fast, who is silent and why.

    \b
    Example:
      vrm measure --by category
      vrm measure --leads leads.csv --json
    """
    if leads is not None:
        table = read_csv(leads)
    else:
        with ready_store(settings()) as store, store.read() as session:
            table = live_table(session, utc_now())
    found = measuring(table, by=by).as_json()
    if as_json:
        show_json(found)
        return
    scored = ["score", "rank"] if by == "vendor" else []
    show_table(
        ["group", "leads", "reached", *(f"≤ {name}" for name in _HORIZONS.values()), "median", *scored],
        [
            [
                group["group"] or "all",
                group["n"],
                f"{group['reach']['delivered']} of {group['reach']['notified']}",
                *(_share(group["share_by"][seconds]) for seconds in _HORIZONS),
                _wait(group["median_wait_s"]["estimate"]),
                *(_score(group["score"]) if scored else ()),
            ]
            for group in found["groups"]
        ],
    )
    console.print(
        "Shares are of delivered leads, by Kaplan–Meier, with 95 % intervals; – is not yet observable.", style="dim"
    )
    for line in _remarks(found):
        click.echo(line)


def _remarks(found: dict[str, Any]) -> Iterator[str]:
    """What the table of shares does not say: closings that matter, whether groups differ, and by how much arms do."""
    for group in found["groups"]:
        if group["closing"] is not None:
            where = ", ".join(
                f"≤ {_HORIZONS[at]} {_share(share)}" for at, share in group["closing"]["competes"].items()
            )
            yield f"{group['group'] or 'all'}: {group['closing']['note']} Counted so: {where}."
    compared = found.get("logrank")
    if compared is not None:
        said = [f"{name} {_p(each)}" for name, each in _tests(compared) if each is not None]
        yield f"Do the groups answer alike? Log-rank: {'; '.join(said)}."
    for effect in found.get("effects", ()):
        for at, name in _HORIZONS.items():
            difference = effect["difference_by"][at]
            if isinstance(difference, dict):
                yield f"{effect['arm']} − {effect['against']}, answered ≤ {name}: {_difference(difference)}."


def _tests(compared: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    yield "plain", compared if compared["p"] is not None else None
    yield "stratified", compared["stratified"]
    yield "by intents", compared["by_intent"]


def _p(test: dict[str, Any]) -> str:
    return f"p = {test['p']:.2g} (χ² {test['chi2']:.2f}, {test['df']} df)"


def _difference(found: dict[str, Any]) -> str:
    """In points; between few intents there is no interval, and the randomisation alone is told."""
    points = f"{100 * found['estimate']:+.1f} points"
    if found["low"] is not None:
        points += f" ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"
    return f"{points}, randomisation p = {found['randomisation_p']:.2g}"


def _share(value: Any) -> str:
    if not isinstance(value, dict):
        return "–"
    return f"{value['estimate']:.0%} ({value['low']:.0%}–{value['high']:.0%})"


def _score(value: Any) -> tuple[str, str]:
    return (_share(value), f"{value['rank_low']}–{value['rank_high']}") if isinstance(value, dict) else (value, "–")


def _wait(seconds: float | None) -> str:
    return "–" if seconds is None else str(timedelta(seconds=round(seconds)))


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
    public = not found.base_url.startswith(("http://127.", "http://localhost"))
    safe = not public or found.base_url.startswith("https://")
    says = "on this machine only" if not public else "https" if safe else "put a proxy with https before it"
    yield _Finding("address", safe, says)
    if found.allow_private:
        networks = ", ".join(str(network) for network in found.allow_private)
        yield _Finding("outbound", not public, f"private networks may be reached: {networks}")


def _look_at_store(found: Settings) -> Iterator[_Finding]:
    try:
        store = Store.open(found.database_url)
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
