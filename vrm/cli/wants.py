"""Commands on sentences: what is understood of one, and those that their authors let us keep."""

import json
import sys
from pathlib import Path

import click

from intents import corrections
from intents.embedding import encoder
from intents.lexicon import lexicon, read_own
from intents.senses import Senses
from intents.understand import understand
from vrm.cli.terminal import ready_store, sentences, settings, show_json, show_table
from vrm.kernel import taxonomy
from vrm.kernel.clock import utc_now
from vrm.kernel.errors import VrmError
from vrm.kernel.money import Money


@click.group()
def wants() -> None:
    """Sentences that say a want: try one, or export those that teach the reader."""


@wants.command()
@click.argument("text")
@click.option("--home", default="", help="The region that its reader lives in, such as gb.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def read(text: str, home: str, as_json: bool) -> None:
    """Show what is understood of TEXT, and how surely. Nothing is kept.

    \b
    Example:
      vrm wants read "Toyota Yaris near Leeds, under £12k, by June" --home gb
    """
    found_settings = settings()
    with ready_store(found_settings) as store, store.read() as session:
        trees = taxonomy.trees(session)
        known = lexicon(found_settings.lexicon)
        home_id = trees.regions.resolve(home, field="home").id if home else None
        model = encoder() if found_settings.smart else None
        senses = Senses.of(trees.categories, known, model, found_settings.senses) if model is not None else None
        found = understand(text, trees=trees, lexicon=known, home_region_id=home_id, now=utc_now(), senses=senses)
        facts = {
            "category": [f"{trees.categories.path_label(each.node_id)} ({each.why})" for each in found.categories],
            "place": [trees.regions.path_label(place.node.id) for place in found.places],
            "radius_km": found.radius_km,
            "budget": None
            if found.budget is None
            else " to ".join(
                "…" if end is None else Money(end, found.budget.currency).text("en")
                for end in (found.budget.min_minor, found.budget.max_minor)
            ),
            "needed_by": found.needed_by,
            "condition": found.condition,
            "quantity": found.quantity,
            "brand": " ".join(filter(None, [found.brand, found.model])) or None,
            "language": found.language,
            "not_understood": [span.text for span in found.not_understood],
        }
    if as_json:
        show_json({"fields": facts, "confidence": found.confidence})
        return
    rows = []
    for field, value in facts.items():
        said = "\n".join(value) if isinstance(value, list) else value
        if said not in (None, ""):
            rows.append([field.replace("_", " "), said, found.confidence.get(field, "")])
    show_table(["", "", "sure"], rows)


@wants.command(name="lexicon")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@sentences
def check_lexicon(file: Path) -> None:
    """Check a FILE of brands and models, before VRM_LEXICON names it: brand, category, models.

    \b
    Models are separated by |; a ~ before a name says that it is an ordinary word, too.
    Example:
      vrm wants lexicon mine.csv
    """
    lines = read_own(file)
    with ready_store(settings()) as store, store.read() as session:
        categories = taxonomy.trees(session).categories
    unknown = [
        (at, line["category"]) for at, line in enumerate(lines, 2) if categories.by_slug(line["category"]) is None
    ]
    for at, slug in unknown:
        click.echo(f"{file.name}, line {at}: there is no category {slug}; `vrm tree list` shows them.", err=True)
    models = sum(len(list(filter(None, line["models"].split("|")))) for line in lines)
    click.echo(f"{len(lines) - len(unknown):,} lines hold, with {models:,} models; {len(unknown):,} do not.")
    sys.exit(1 if unknown else 0)


@wants.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@sentences
def export(file: Path) -> None:
    """Write the sentences that their authors let us keep to FILE, one JSON object a line, with what they meant.

    No name and no moment is in it. The lines have the shape of tests/intents/wants.

    \b
    Example:
      vrm wants export taught.jsonl
    """
    if file.exists():
        raise VrmError(f"{file} exists already; choose another name.")
    with ready_store(settings()) as store, store.read() as session, file.open("w", encoding="utf-8") as out:
        count = 0
        for line in corrections.sentences(session):
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    click.echo(f"Wrote {count:,} sentences to {file}.")
