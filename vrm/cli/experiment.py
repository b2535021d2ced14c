"""`vrm experiment`: a plan, published before the first message; arms dealt by the router; a report from a snapshot."""

import json
from pathlib import Path
from typing import Any

import click

from vrm.cli.terminal import ready_store, sentences, settings, show_json, show_table
from vrm.kernel.clock import utc_now
from vrm.kernel.errors import BadInput
from vrm.research import experiments, reports, snapshots
from vrm.research.reports import Facts


@click.group()
def experiment() -> None:
    """Experiments with wants: plan, publish, deal, watch, report.

    \b
    Example:
      vrm experiment example > plan.json    (then edit it)
      vrm experiment new plan.json
      vrm experiment start CODE
    """


def written_plan(file: Path) -> dict[str, Any]:
    """What is written there; BadInput where that is no JSON object."""
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BadInput({"plan": f"{file} is not JSON: {error}."}) from error
    if not isinstance(written, dict):
        raise BadInput({"plan": "A plan is one JSON object; `vrm experiment example` prints one."})
    return written


@experiment.command()
@sentences
def example() -> None:
    """Print a whole plan to begin with."""
    click.echo(json.dumps(experiments.EXAMPLE, indent=2, ensure_ascii=False))


@experiment.command()
@click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@sentences
def new(plan: Path) -> None:
    """Check a PLAN, print its power, and publish it with its fingerprint. Nothing is dealt before `start`."""
    written = written_plan(plan)
    found = settings()
    with ready_store(found) as store, store.write() as session:
        made = experiments.register(session, written, utc_now())
        needed = experiments.power(made.plan)
    click.echo(
        f"Needed: {needed.wants_per_arm} wants in each arm (design effect {needed.design_effect:.2f}). Your stopping "
        f"rule gives a chance of {needed.at_stop:.0%} to find the expected difference."
    )
    click.echo(
        f"Published at {found.base_url}/research/experiments/{made.code}, {made.registered_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    click.echo(f"SHA-256 {made.digest}")
    click.echo(f"Next: vrm experiment start {made.code}")


@experiment.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def list_(as_json: bool) -> None:
    """Every experiment, the newest first."""
    with ready_store(settings()) as store, store.read() as session:
        rows = [
            {
                "code": each.code,
                "title": each.title,
                "state": experiments.state(each),
                "wants": len(experiments.assignments(session, each)),
                "registered_at": each.registered_at.isoformat(),
                "digest": each.digest,
            }
            for each in experiments.all_of(session)
        ]
    if as_json:
        show_json(rows)
        return
    show_table(
        ["code", "state", "wants", "title"], [[row["code"], row["state"], row["wants"], row["title"]] for row in rows]
    )


@experiment.command()
@click.argument("code")
@sentences
def start(code: str) -> None:
    """Deal arms to the wants that are routed from now on."""
    with ready_store(settings()) as store, store.write() as session:
        experiments.start(session, experiments.by_code(session, code), utc_now())
    click.echo("It runs. Watch it by `vrm experiment list`.")


@experiment.command()
@click.argument("code")
@click.option("--because", required=True, help="Why, in a sentence; it stands in the report.")
@sentences
def stop(code: str, because: str) -> None:
    """Deal no more arms."""
    with ready_store(settings()) as store, store.write() as session:
        experiments.stop(session, experiments.by_code(session, code), utc_now(), because=because)
    click.echo("Stopped. Make a snapshot once its leads were watched for the horizon, then `vrm experiment report`.")


@experiment.command()
@click.argument("code")
@click.argument("vendor")
@sentences
def consent(code: str, vendor: str) -> None:
    """Note that VENDOR (its slug) agreed to take part in a study; nobody else is told of its wants."""
    with ready_store(settings()) as store, store.write() as session:
        experiments.consent(session, experiments.by_code(session, code), vendor, utc_now())
    click.echo("Noted.")


@experiment.command()
@click.argument("code")
@click.argument("sentence")
@sentences
def deviate(code: str, sentence: str) -> None:
    """Write down, in a SENTENCE, where the plan was left."""
    with ready_store(settings()) as store, store.write() as session:
        experiments.note_deviation(session, experiments.by_code(session, code), sentence, utc_now())
    click.echo("Noted; it stands on the page and in the report.")


@experiment.command()
@click.argument("code")
@click.option(
    "--snapshot",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The snapshot to report from.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; report-CODE.html otherwise.")
@sentences
def report(code: str, snapshot: Path, out: Path | None) -> None:  # fmt: skip
    """Regenerate every number and figure from a snapshot, as one HTML file that prints well.

    \b
    Example:
      vrm experiment report CODE --snapshot instance/research/snapshots/2026-11-21.1
    """
    whole = snapshots.check(snapshot)
    now = utc_now()
    with ready_store(settings()) as store, store.read() as session:
        found = experiments.by_code(session, code)
        facts = Facts(
            code=found.code,
            title=found.title,
            ethics=found.ethics.value,
            plan=found.plan,
            digest=found.digest,
            registered_at=found.registered_at,
            started_at=found.started_at,
            ended_at=found.ended_at,
            ended_because=found.ended_because,
            deviations=experiments.deviations(session, found, now),
            power=experiments.power(found.plan),
        )
    file = out or Path(f"report-{code}.html")
    file.write_text(reports.html(facts, whole.table(), whole.id), encoding="utf-8")
    click.echo(str(file))
