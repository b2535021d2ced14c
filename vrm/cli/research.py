"""Commands of the research bench: measure, snapshot, simulate."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from vrm import simulate as simulation
from vrm.cli.experiment import written_plan
from vrm.cli.terminal import console, errors, ready_store, sentences, settings, show_json, show_table
from vrm.kernel.clock import utc_now
from vrm.kernel.errors import BadInput
from vrm.research import published, snapshots
from vrm.research.charts import NAMES, Cell, Column, Figure, Material
from vrm.research.hours import CLOCKS, NO_WEEKS, Clock
from vrm.research.metrics import COLUMN_OF
from vrm.research.precision import Precision, precision
from vrm.research.snapshots import Shelf
from vrm.research.table import read_csv
from vrm.simulate.behaviour import BEHAVIOURS

_HORIZONS = {"300": "5 min", "3600": "1 h", "86400": "24 h", "604800": "7 d", "2592000": "30 d"}


@click.command()
@click.option("--leads", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A table to read instead.")
@click.option("--snapshot", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A snapshot instead.")
@click.option("--by", type=click.Choice(list(COLUMN_OF)), help="One group for each.")
@click.option("--clock", type=click.Choice(CLOCKS), help="Weekday × hour too: answered in time by which clock.")
@click.option("--figure", type=click.Choice(NAMES), help="The numbers of one figure of the page instead.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def measure(
    leads: Path | None, snapshot: Path | None, by: Any, *, clock: Clock | None, figure: str | None, as_json: bool
) -> None:
    """Measure responsiveness: who was reached, who answered, how fast, who is silent and why.

    \b
    Example:
      vrm measure --by category
      vrm measure --leads leads.csv --json
      vrm measure --snapshot instance/research/snapshots/2026-11-21.1 --by region
      vrm measure --clock business
      vrm measure --figure funnel
    """
    material, right = _material(leads, snapshot)
    if leads is not None and (clock is not None or figure == "week"):
        raise BadInput({"clock": "A table of leads has no clock; weekday × hour is in the store and in snapshots."})
    if figure is not None:
        _show_figure(material.by(clock or "calendar").figure(figure), as_json)
        return
    found = material.measured(by).as_json()
    if right is not None:
        found["precision"] = right.as_json()
    if clock is not None:
        found["week"] = {"clock": clock} | material.weeks[clock].as_json()
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
    if clock is not None:
        _show_week(found["week"])
    for line in _remarks(found):
        click.echo(line)


def _material(leads: Path | None, snapshot: Path | None) -> tuple[Material, Precision | None]:
    """What is measured; of the live store also M14: a table of leads does not hold why a want was declined."""
    if leads is not None and snapshot is not None:
        raise BadInput({"leads": "Name a table with --leads or a snapshot with --snapshot, not both."})
    if leads is not None:
        table = read_csv(leads)
        return Material(table, NO_WEEKS, {name: name for name in table.words["vendor_id"].labels}), None
    if snapshot is not None:
        return published.of_snapshot(snapshots.check(snapshot)), None
    with ready_store(settings()) as store, store.read() as session:
        return published.live(session, utc_now()), precision(session)


def _show_figure(figure: Figure, as_json: bool) -> None:
    """A figure by its numbers: all their digits for programs, as on the page for people."""
    if as_json:
        show_json(figure.as_json())
        return
    console.print(f"{figure.title}, n = {figure.n:,}", style="bold")
    columns = figure.table.columns
    rows = [[_cell(*pair) for pair in zip(row, columns, strict=True)] for row in figure.table.rows]
    show_table([column.label for column in columns], rows)
    console.print(figure.definition, style="dim")


def _cell(value: Cell, column: Column) -> str:
    if value is None or isinstance(value, str):
        return value or "–"
    if column.kind == "share":
        return f"{value:.0%}"
    return f"{value:,}" if column.kind == "count" else f"{value:.3g}"


def _show_week(week: dict[str, Any]) -> None:
    soon = {"calendar": "answered ≤ 24 h", "business": "answered ≤ 8 open h"}[week["clock"]]
    lines = [(each["weekday"], f"{each['hour']}:00", f"{each['leads']:,}", _share(each)) for each in week["hours"]]
    if week["other_leads"]:
        lines.append(("all other hours", "", f"{week['other_leads']:,}", f"{week['other_answered']:,} of them"))
    show_table(["delivered on", "from", "leads", soon], lines)


def _remarks(found: dict[str, Any]) -> Iterator[str]:
    """What the table of shares does not say: closings that matter, whether groups differ, and by how much arms do."""
    for group in found["groups"]:
        if group["closing"] is not None:
            where = ", ".join(
                f"≤ {_HORIZONS[at]} {_share(share)}" for at, share in group["closing"]["competes"].items()
            )
            yield f"{group['group'] or 'all'}: {group['closing']['note']} Counted so: {where}."
    right = found.get("precision")
    if right is not None and right["judged"]:
        yield f"Of {right['judged']:,} wants that vendors judged, {_share(right)} were rightly brought to them."
    compared = found.get("logrank")
    if compared is not None:
        said = [f"{name} {_p(each)}" for name, each in _tests(compared) if each is not None]
        yield f"Do the groups answer alike? Log-rank: {'; '.join(said)}."
    yield from _left_out(found["data_quality"])
    for effect in found.get("effects", ()):
        for at, name in _HORIZONS.items():
            difference = effect["difference_by"][at]
            if isinstance(difference, dict):
                yield f"{effect['arm']} − {effect['against']}, answered ≤ {name}: {_difference(difference)}."


def _left_out(quality: dict[str, Any]) -> Iterator[str]:
    """What is in no share, and what looked odd."""
    if quality["excluded"]:
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in quality["excluded"].items())
        yield f"In no denominator, of {quality['rows']:,} leads: {reasons}."
    odd = {
        "automatic replies": quality["auto_replies"],
        "answers of which nobody knows who wrote them": quality["unknown_actors"],
        "answers after the closing": quality["late_answers"],
        "answers without a delivery": quality["answers_without_delivery"],
        **{f"negative {column}": count for column, count in quality["negative_clocks"].items()},
    }
    if any(odd.values()):
        yield f"Not counted, or odd: {', '.join(f'{what} {count:,}' for what, count in odd.items() if count)}."
    if quality["ignored_columns"]:
        yield f"Columns that are not read: {', '.join(quality['ignored_columns'])}."
    yield from quality["notes"]


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
    if value["low"] == value["high"]:  # Where all or nobody answered there is no interval.
        return f"{value['estimate']:.0%}"
    return f"{value['estimate']:.0%} ({value['low']:.0%}–{value['high']:.0%})"


def _score(value: Any) -> tuple[str, str]:
    return (_share(value), f"{value['rank_low']}–{value['rank_high']}") if isinstance(value, dict) else (value, "–")


def _wait(seconds: float | None) -> str:
    return "–" if seconds is None else str(timedelta(seconds=round(seconds)))


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where to; instance/research otherwise.")
@click.option("--note", default="", help="A sentence about this release, beside what changed since the last one.")
@click.option("--check", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Only check this one.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def snapshot(out: Path | None, note: str, check: Path | None, as_json: bool) -> None:
    """Publish all leads as an immutable set of files: pseudonymous, nothing small enough to be told apart.

    \b
    Example:
      vrm snapshot --note "After the first month."
      vrm snapshot --check instance/research/snapshots/2026-11-21.1
    """
    if check is not None:
        made = snapshots.check(check)
    else:
        found = settings()
        with ready_store(found) as store, store.read() as session:
            made = snapshots.make(session, utc_now(), Shelf(out or found.shelf), found.base_url, note=note)
    if as_json:
        facts = {"id": made.id, "version": made.version, "leads": made.leads, "note": made.note}
        files = [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in made.files]
        show_json(facts | {"citation": made.citation, "folder": str(made.folder), "files": files})
        return
    show_table(["file", "bytes"], [[file.path, f"{file.bytes:,}"] for file in made.files])
    click.echo(f"Snapshot {made.id}: {made.leads} leads. {made.note}".strip())
    click.echo(f"Cite as: {made.citation}")
    click.echo(str(made.folder))


@click.command()
@click.option("--behaviour", default="hbr2011", show_default=True, help=f"One of: {', '.join(BEHAVIOURS)}.")
@click.option("--weeks", default=8, show_default=True, help="How long the broker runs.")
@click.option("--wants", default=60, show_default=True, help="Published over these weeks.")
@click.option("--vendors", default=30, show_default=True, help="Shops that listen.")
@click.option("--seed", default=2008, show_default=True, help="The same seed, the same weeks.")
@click.option("--experiment", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A plan to deal by.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the store in this folder.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def simulate(behaviour: str, as_json: bool, experiment: Path | None, keep: Path | None, **numbers: int) -> None:
    """Play weeks of wants and answers in seconds, in a store of its own, and compare what is measured with the truth.

    \b
    Example:
      vrm simulate --behaviour hbr2011 --wants 200
      vrm simulate --keep play && VRM_DATABASE_URL=sqlite:///play/vrm.db vrm web
      vrm simulate --keep trial --experiment plan.json
    """
    trial = None if experiment is None else written_plan(experiment)
    plan = simulation.plan(behaviour, experiment=trial, **numbers)
    with simulation.fresh_store(keep) as store, Progress(console=errors, transient=True) as bar:
        task = bar.add_task("Weeks go by …", total=1.0, visible=errors.is_terminal)
        outcome = simulation.Simulation(store, plan, lambda done: bar.update(task, completed=done)).run()
        with store.read() as session:
            group = published.live(session, outcome.now).measured().groups[0]
    found = {
        str(at): {"truth": plan.behaviour.truth(at), "measured": share.as_json() if share else None}
        for at, share in group.share_by.items()
    }
    if as_json:
        counts = {"wants": outcome.wants, "leads": outcome.leads, "answers": outcome.answers}
        stated = {"behaviour": plan.behaviour.name, "source": plan.behaviour.source, "seed": plan.seed}
        show_json(stated | counts | {"too_late": outcome.too_late, "n": group.n, "share_by": found})
        return
    click.echo(f"Vendors answer as in: {plan.behaviour.source}.")
    click.echo(f"{outcome.wants} wants, {outcome.leads} leads, {outcome.answers} answers in {plan.weeks} weeks.")
    show_table(
        ["answered within", "truth", "measured"],
        [[_HORIZONS[at], f"{each['truth']:.0%}", _share(each["measured"])] for at, each in found.items()],
    )
    if keep is not None:
        click.echo(f"Look at it: VRM_DATABASE_URL=sqlite:///{keep / 'vrm.db'} vrm web")
