"""What every command shares: settings, the store, tables for people, JSON for programs, errors as sentences."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.table import Table

from vrm import migrations
from vrm.config import Settings, read_settings
from vrm.kernel import logs
from vrm.kernel.db import Store
from vrm.kernel.errors import BadSetting, UnknownNode, VrmError
from vrm.wiring import store_of

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def sentences(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what the broker refuses into one sentence and exit code 1 (2 for settings), instead of a traceback."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except UnknownNode as error:
            _say(str(error), *(f"  {' › '.join(found.path)}  ({found.slug})" for found in error.candidates))
            sys.exit(1)
        except BadSetting as error:
            _say(str(error))
            sys.exit(2)
        except VrmError as error:
            _say(str(error))
            sys.exit(1)

    return wrapped


def _say(*lines: str) -> None:
    for line in lines:
        errors.print(line, markup=False, soft_wrap=True)


def settings() -> Settings:
    """The settings of this process; logging is set up by them."""
    found = read_settings(os.environ)
    logs.set_up(found.log)
    return found


def ready_store(found: Settings) -> Store:
    """The store, or BadSetting with the command that makes it fit.

    One that a later version has changed already is taken: it adds before it takes away, so that versions can overlap.
    """
    store = store_of(found)
    if migrations.is_ahead(store):
        _log.warning("The database is of a later version (%s) than this process.", migrations.current(store))
    elif migrations.current(store) != migrations.newest():
        store.close()
        raise BadSetting("The database is not at this version yet; run `vrm db upgrade` first.")
    return store


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """A table for people."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console.print(table)
