"""Commands on the trees: list, show, and the edits of an operator, each of which can be tried dry."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress
from sqlalchemy.orm import Session

from vrm import trees
from vrm.cli.terminal import console, ready_store, sentences, settings, show_json, show_table
from vrm.kernel import own_lines, reshape, taxonomy
from vrm.kernel.clock import utc_now
from vrm.kernel.edition import LANGUAGES
from vrm.kernel.errors import VrmError
from vrm.kernel.taxonomy import TreeName
from vrm.kernel.tree import Node, Tree

_name = click.option(
    "--regions/--categories",
    "name",
    default=False,
    callback=lambda _context, _parameter, regions: TreeName.REGIONS if regions else TreeName.CATEGORIES,
    help="Which tree; categories if not said.",
)
_dry = click.option("--dry-run", is_flag=True, help="Only say what it would touch.")
_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def tree() -> None:
    """Categories and regions: look at them, and change them while wants and subscriptions live.

    \b
    A NODE is a slug, a label or another name. Nobody is told of anything twice, and the next
    `vrm db upgrade` does not undo what you did.
    """


@dataclass(frozen=True, slots=True)
class _Edit:
    """An edit under way."""

    session: Session
    tree: Tree
    name: TreeName
    now: datetime

    def find(self, text: str, field: str | None = None) -> Node:
        return self.tree.resolve(text, field=field or self.name.one)

    def shown(self, node_id: int) -> str:
        """Where a node is by now."""
        return taxonomy.trees(self.session).of(self.name).path_label(node_id)


@contextmanager
def _editing(name: TreeName, node: str, *, dry: bool) -> Iterator[tuple[_Edit, Node]]:
    """The node and what lives at and below it, said first; nothing stays of a dry run."""
    with ready_store(settings()) as store, store.session(writes=True) as session, session.begin() as transaction:
        edit = _Edit(session, taxonomy.trees(session).of(name), name, utc_now())
        found = edit.find(node)
        living = trees.at_or_below(session, name, found.id)
        click.echo(
            f"{edit.tree.path_label(found.id)}: {living.intents:,} open intents and {living.subscriptions:,} "
            "subscriptions are at or below it."
        )
        yield edit, found
        if dry:
            transaction.rollback()
            click.echo("That was a dry run; nothing has changed.")


# --- Looking --------------------------------------------------------------------------------------


@tree.command(name="list")
@click.argument("node", default="")
@_name
@_json
@sentences
def list_(node: str, name: TreeName, as_json: bool) -> None:
    """List what is right below NODE, or at the top.

    \b
    Example:
      vrm tree list vehicles
      vrm tree list gb --regions
    """
    with ready_store(settings()) as store, store.read() as session:
        found = taxonomy.trees(session).of(name)
        above = found.resolve(node, field=name.one) if node else found.root
        rows = [
            {"slug": child.slug, "label": child.label, "below": len(found.children(child.id))}
            for child in found.children(above.id)
        ]
    if as_json:
        show_json(rows)
    elif rows:
        show_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo(f"Nothing is below “{above.label}”.")


@tree.command()
@click.argument("node")
@_name
@_json
@sentences
def show(node: str, name: TreeName, as_json: bool) -> None:
    """Show NODE: where it is, what else it is called, who lives at and below it.

    \b
    Example:
      vrm tree show plumber
    """
    with ready_store(settings()) as store, store.read() as session:
        found = taxonomy.trees(session).of(name)
        shown = found.resolve(node, field=name.one)
        living = trees.at_or_below(session, name, shown.id)
        facts: dict[str, Any] = {
            "slug": shown.slug,
            "path": found.path_label(shown.id),
            "kind": shown.kind,
            "also": list(shown.synonyms),
            "children": [child.slug for child in found.children(shown.id)],
            "open_intents": living.intents,
            "subscriptions": living.subscriptions,
        }
    if as_json:
        show_json(facts)
        return
    words = {key: ", ".join(value) or "–" if isinstance(value, list) else value for key, value in facts.items()}
    show_table(["", ""], list(words.items()))


# --- Loading ---------------------------------------------------------------------------------------


@tree.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--errors", "error_file", type=click.Path(dir_okay=False, path_type=Path), help="Where bad lines go.")
@_name
@_dry
@sentences
def load(file: Path, error_file: Path | None, name: TreeName, dry_run: bool) -> None:
    """Add nodes of your own, or names to those that are there, from a CSV file.

    \b
    Columns (the first line names them): id, parent, label, synonyms, de, fr, es, lat, lon, population.
    A new node needs parent and label; names are separated by |. A line that does not hold is left out
    and told, with --errors as a file to mend and load again.
    Example:
      vrm tree load towns.csv --regions --dry-run --errors bad.csv
    """
    lines = _lines(file)
    with (
        ready_store(settings()) as store,
        store.session(writes=True) as session,
        session.begin() as transaction,
        Progress(console=console, disable=not console.is_terminal, transient=True) as bar,
    ):
        report = trees.load_lines(
            session, name, bar.track(lines, description=f"Reading {file.name}"), utc_now(), by=None
        )
        if dry_run:
            transaction.rollback()
    for at, sentence in list(report.problems.items())[:20]:
        click.echo(f"{file.name}, line {at + 1}: {sentence}", err=True)
    if error_file is not None and report.problems:
        with error_file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, [*lines[0], "problem"])
            writer.writeheader()
            writer.writerows({**lines[at - 1], "problem": sentence} for at, sentence in report.problems.items())
        click.echo(f"The lines that were left out are in {error_file}.", err=True)
    done = "would be " if dry_run else ""
    click.echo(f"{report.added:,} {done}added, {report.changed:,} {done}changed, {len(report.problems):,} left out.")
    sys.exit(1 if report.problems else 0)


def _lines(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            unknown = {*(reader.fieldnames or [])} - {*own_lines.COLUMNS, "problem"}
            if unknown or not reader.fieldnames:
                named = ", ".join(sorted(map(str, unknown))) or "nothing"
                raise VrmError(f"{file} has {named} as a column; its columns are {', '.join(own_lines.COLUMNS)}.")
            lines = [
                {key: value or "" for key, value in line.items() if key not in (None, "problem")} for line in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise VrmError(f"{file} is not a CSV file in UTF-8: {error}.") from error
    if len(lines) > own_lines.MOST_LINES:
        raise VrmError(f"{file} has {len(lines):,} lines; please load at most {own_lines.MOST_LINES:,} at once.")
    return lines


# --- Changing -------------------------------------------------------------------------------------


@tree.command()
@click.argument("node")
@click.argument("label")
@click.option("--language", type=click.Choice(LANGUAGES), default=LANGUAGES[0], help="Whose readers see this name.")
@_name
@_dry
@sentences
def rename(node: str, label: str, language: str, name: TreeName, dry_run: bool) -> None:
    """Give NODE another LABEL. Its slug stays, and the old name still leads to it.

    \b
    Example:
      vrm tree rename plumber "Plumbers & Heating"
      vrm tree rename plumber "Sanitär & Heizung" --language de
    """
    with _editing(name, node, dry=dry_run) as (edit, found):
        reshape.rename(edit.session, name, found.id, label, edit.now, by=None, language=language)
        click.echo(f"Renamed: {edit.shown(found.id)}.")


@tree.command()
@click.argument("node")
@click.argument("word")
@_name
@_dry
@sentences
def synonym(node: str, word: str, name: TreeName, dry_run: bool) -> None:
    """Let NODE be found by one more WORD.

    \b
    Example:
      vrm tree synonym bicycles velo
    """
    with _editing(name, node, dry=dry_run) as (edit, found):
        reshape.add_synonym(edit.session, name, found.id, word, edit.now, by=None)
        click.echo(f"“{word}” leads to {edit.shown(found.id)}.")


@tree.command()
@click.argument("label")
@click.option("--under", required=True, help="The node that it hangs on.")
@click.option("--at", "point", type=(float, float), help="Latitude and longitude, for a region that is a point.")
@_name
@_dry
@sentences
def add(label: str, under: str, point: tuple[float, float] | None, name: TreeName, dry_run: bool) -> None:
    """Add a node with this LABEL.

    \b
    Example:
      vrm tree add Hoverboards --under vehicles
      vrm tree add Otley --regions --under gb-lds --at 53.905 -1.691
    """
    with _editing(name, under, dry=dry_run) as (edit, parent):
        made = reshape.add(edit.session, name, parent.id, label, edit.now, by=None, point=point)
        click.echo(f"Added: {edit.shown(made)}.")


@tree.command()
@click.argument("node")
@click.option("--under", required=True, help="The node that it hangs on from now on.")
@_name
@_dry
@sentences
def move(node: str, under: str, name: TreeName, dry_run: bool) -> None:
    """Hang NODE, with all below it, on another one. Who then covers it hears of what is open there.

    Leads that were opened stay. Subscriptions above the old place get no new wants from here.

    \b
    Example:
      vrm tree move hoverboards --under toys-games --dry-run
    """
    with _editing(name, node, dry=dry_run) as (edit, found):
        parent = edit.find(under, "parent")
        trees.move(edit.session, name, found.id, parent.id, edit.now, by=None)
        click.echo(f"Moved: {edit.shown(found.id)}.")


@tree.command()
@click.argument("node")
@click.option("--into", required=True, help="The node that stays.")
@_name
@_dry
@sentences
def merge(node: str, into: str, name: TreeName, dry_run: bool) -> None:
    """Make one node of two: subscriptions, intents, blogs, names and children of NODE follow. It cannot be undone.

    \b
    Example:
      vrm tree merge hoverboards --into scooters --dry-run
    """
    with _editing(name, node, dry=dry_run) as (edit, found):
        stays = edit.find(into, "into")
        trees.merge(edit.session, name, found.id, stays.id, edit.now, by=None)
        click.echo(f"Merged into {edit.shown(stays.id)}.")


@tree.command()
@click.argument("node")
@click.argument("label")
@click.option("--child", "children", multiple=True, help="A node right below that goes along; may be repeated.")
@click.option("--word", "words", multiple=True, help="Another name of NODE that goes along; may be repeated.")
@_name
@_dry
@sentences
def split(
    node: str, label: str, *, children: tuple[str, ...], words: tuple[str, ...], name: TreeName, dry_run: bool
) -> None:
    """Set a part of NODE apart as a new node below it, so that nobody who listens to NODE loses anything.

    \b
    Example:
      vrm tree split bicycles "Cargo bikes" --word "cargo bike"
    """
    with _editing(name, node, dry=dry_run) as (edit, found):
        ids = [edit.find(child, "child").id for child in children]
        made = reshape.split(edit.session, name, found.id, label, edit.now, by=None, children=ids, synonyms=words)
        click.echo(f"Set apart: {edit.shown(made)}.")


@tree.command()
@click.argument("node")
@_name
@_dry
@sentences
def retire(node: str, name: TreeName, dry_run: bool) -> None:
    """Offer NODE no longer. Refused while something is below it or somebody stands at it: merge it then.

    \b
    Example:
      vrm tree retire hoverboards
    """
    with _editing(name, node, dry=dry_run) as (edit, found):
        trees.retire(edit.session, name, found.id, edit.now, by=None)
        click.echo(f"Retired: {edit.tree.path_label(found.id)}.")
