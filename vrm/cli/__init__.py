"""The `vrm` command: every subcommand explains itself by `--help`."""

import click

from vrm import __version__
from vrm.cli.ask import explain
from vrm.cli.bench import bench
from vrm.cli.doctor import doctor
from vrm.cli.experiment import experiment
from vrm.cli.keys import keys
from vrm.cli.people import accounts
from vrm.cli.research import measure, simulate, snapshot
from vrm.cli.run import deliver, demo, harvest, route, serve, web, worker
from vrm.cli.store import db
from vrm.cli.tree import tree
from vrm.cli.vendors import vendors
from vrm.cli.wants import wants


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vrm")
def main() -> None:
    """The VRM intent broker: customers say what they want to buy, vendors who asked to hear come.

    \b
    Begin with:
      vrm serve        pages, API and background work on http://127.0.0.1:8000
      vrm demo         the whole story in under a minute, on this machine only
      vrm doctor       is everything set up as it should be?
    """


for command in (
    serve,
    web,
    worker,
    demo,
    db,
    keys,
    tree,
    wants,
    accounts,
    harvest,
    route,
    deliver,
    explain,
    doctor,
    bench,
):
    main.add_command(command)
for command in (measure, snapshot, experiment, simulate, vendors):
    main.add_command(command)
