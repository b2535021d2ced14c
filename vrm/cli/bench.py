"""`vrm bench`: each promise about speed, measured where the source is checked out."""

import json
import subprocess
import sys
from pathlib import Path

import click

from vrm.cli.terminal import errors

_FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = {
    "routing": ("routing", "meeting", "trees"),
    "delivery": ("delivery",),
    "feeds": ("feeds",),
    "wants": ("wants",),
    "web": ("web",),
    "research": ("research", "responsiveness", "simulations"),
}


@click.command()
@click.argument("name", type=click.Choice(sorted(SCRIPTS)))
@click.option("--quick", is_flag=True, help="Smaller, and less exact.")
@click.option("--json", "as_json", is_flag=True, help="A list of {what, figure, unit, target, ok}, for programs.")
def bench(name: str, *, quick: bool, as_json: bool) -> None:
    """Measure one promise about speed beside its peers; exit code 1 when a target is missed."""
    scripts = [_FOLDER / f"{script}.py" for script in SCRIPTS[name]]
    there = [script for script in scripts if script.exists()]
    if not there:
        errors.print(f"[bold]There is no benchmark for {name} here;[/bold] it needs the source, with benchmarks/.")
        sys.exit(2)
    options = [*(["--quick"] if quick else []), *(["--json"] if as_json else [])]
    runs = [_run(script, options, captured=as_json) for script in there]
    if as_json:
        click.echo(json.dumps([line for run in runs for line in json.loads(run.stdout)], indent=2))
    sys.exit(max(run.returncode for run in runs))


def _run(script: Path, options: list[str], *, captured: bool) -> subprocess.CompletedProcess[str]:
    kept = subprocess.PIPE if captured else None
    return subprocess.run([sys.executable, str(script), *options], stdout=kept, text=True, check=False)  # noqa: S603 - Ours.
