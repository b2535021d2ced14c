"""The command that answers why a want reached whom it reached."""

import click

from intents import publish
from vendors import team
from vrm import explain as explaining
from vrm.cli.terminal import ready_store, sentences, settings, show_json


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
