"""Commands on vendors: many subscriptions from a file."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click
from rich.progress import Progress

from vendors import importing, sheet, team
from vendors.importing import Fate, Outcome, Report
from vendors.sheet import Line
from vrm.cli.terminal import errors, ready_store, sentences, settings, show_json
from vrm.kernel import accounts
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.errors import NotFound, VrmError

_SHOWN = 20


def _show_example(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(importing.EXAMPLE, nl=False)
        context.exit()


@click.group()
def vendors() -> None:
    """Vendors and what they listen for."""


@vendors.command(name="import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--vendor", "slug", default="", help="Whose they are; without it the column “vendor” says it.")
@click.option("--dry-run", is_flag=True, help="Say what each row would do, and do nothing.")
@click.option(
    "--errors", "errors_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the refused rows there."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--example",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_example,
    help="Print an example of such a file, and do nothing else.",
)
@sentences
def import_(file: Path, slug: str, dry_run: bool, errors_file: Path | None, as_json: bool) -> None:
    """Read subscriptions from FILE, a CSV in UTF-8 whose first row names its columns.

    Needed: category, region. Also: name, radius_km, required and excluded (words between |), words_in, min_budget,
    currency, condition, min_quantity, lead_days, language; and vendor (a slug) when --vendor does not name it. Reading
    a file twice makes nothing twice. Exit code 1 when a row was refused; the others are taken all the same.

    \b
    Example:
      vrm vendors import --example > subscriptions.csv
      vrm vendors import subscriptions.csv --vendor leeds-toyota --dry-run
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise VrmError(f"{file} cannot be read: {error.strerror}.") from error
    more = () if slug else ("vendor",)
    lines = sheet.read(
        content,
        known=(*importing.COLUMNS, *more),
        needed=(*importing.NEEDED, *more),
        ignored=importing.OF_ERRORS,
    )
    with ready_store(settings()) as store:
        report = _all(store, lines, slug, keep=not dry_run)
    if errors_file is not None:
        errors_file.write_text(importing.refused_rows(report.refused, more=more), encoding="utf-8-sig")
    _tell(report, as_json=as_json, dry_run=dry_run)
    sys.exit(1 if report.refused else 0)


def _all(store: Store, lines: Sequence[Line], slug: str, *, keep: bool) -> Report:
    by_vendor: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_vendor[slug or line.get("vendor")].append(line)
    report = Report()
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("Reading", total=len(lines))
        for one, theirs in by_vendor.items():
            report.outcomes += _of_one(store, one, theirs, bar, task, keep=keep)
    report.outcomes.sort(key=lambda outcome: outcome.line.number)
    return report


def _of_one(
    store: Store, slug: str, lines: Sequence[Line], bar: Progress, task: object, *, keep: bool
) -> list[Outcome]:
    """The rows of one vendor, in one transaction."""

    def step(rows: int) -> None:
        bar.advance(task, rows)  # type: ignore[arg-type] # A TaskID, which is an int by another name.

    with store.write() if keep else store.read() as session:
        try:
            vendor = team.by_slug(session, slug)
        except NotFound:
            step(len(lines))
            sentence = f"There is no vendor called “{slug[:64]}”."
            return [Outcome(line, Fate.REFUSED, sentence) for line in lines]
        moment = utc_now()
        report = importing.run(session, vendor, lines, moment, keep=keep, step=step)
        if keep:
            counts = {fate.value: count for fate, count in report.counts.items()}
            accounts.audit(session, "subscriptions.imported", vendor.slug, moment, by=None, **counts)
        return report.outcomes


def _tell(report: Report, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        rows = [
            {
                "row": one.line.number,
                "fate": one.fate.value,
                "sentence": one.sentence,
                "candidates": [candidate.slug for candidate in one.candidates],
            }
            for one in report.outcomes
        ]
        counts = {fate.value: count for fate, count in report.counts.items()}
        show_json({"dry_run": dry_run, "counts": counts, "rows": rows})
        return
    shown = [one for one in report.outcomes if dry_run or one.fate is Fate.REFUSED]
    for one in shown[:_SHOWN]:
        click.echo(f"row {one.line.number}: {one.fate.value}. {one.sentence}")
        for candidate in one.candidates:
            click.echo(f"    {candidate.slug}: {' › '.join(candidate.path)}")
    if len(shown) > _SHOWN:
        click.echo(f"… and {len(shown) - _SHOWN:,} more; --json shows all, --errors FILE keeps those refused.")
    said = ", ".join(f"{count:,} {fate.value}" for fate, count in report.counts.items())
    click.echo(f"{said}." + (" Nothing was written: this was a dry run." if dry_run else ""))
