"""Documentation that cannot rot: every command, setting, target and word of the tables stands in it, and no other."""

import re
from pathlib import Path

import click

from intents.models import Outcome
from notifiers.models import ChannelKind, Topic
from vrm.cli import main
from vrm.config import SETTINGS
from vrm.research.table import ALLOWED, COLUMNS

ROOT = Path(__file__).parents[1]
DOCS = {path.name: path.read_text() for path in (*ROOT.glob("docs/*.md"), *ROOT.glob("*.md"))}
ALL = "\n".join(DOCS.values())


def commands(group: click.Group, prefix: str) -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        inner = commands(command, f"{prefix} {name}") if isinstance(command, click.Group) else [f"{prefix} {name}"]
        found += inner
    return found


def test_every_command_is_documented() -> None:
    assert [each for each in commands(main, "vrm") if each not in DOCS["operating.md"]] == []


def test_every_command_explains_itself() -> None:
    for group in (main, *(each for each in main.commands.values() if isinstance(each, click.Group))):
        for command in group.commands.values():
            assert command.help, command.name
            for parameter in command.params:
                assert isinstance(parameter, click.Argument) or parameter.help, (command.name, parameter.name)


def test_no_command_is_documented_that_does_not_exist() -> None:
    there = {each.removeprefix("vrm ").split()[0] for each in commands(main, "vrm")}
    named = set(re.findall(r"`vrm ([a-z]+)", ALL))
    assert named - there == set()


def test_every_setting_is_documented_and_no_other() -> None:
    assert [name for name in SETTINGS if name not in DOCS["operating.md"]] == []
    assert set(re.findall(r"\bVRM_[A-Z_]+[A-Z]\b", ALL)) - set(SETTINGS) == set()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", ALL)) - targets == set()


def test_every_column_and_word_of_the_lead_table_is_documented() -> None:
    text = DOCS["measuring.md"]
    assert [name for name in COLUMNS if name not in text] == []
    for column, words in ALLOWED.items():
        assert [word for word in words if word and f"`{word}`" not in text] == [], column


def test_every_kind_of_channel_event_and_outcome_is_documented() -> None:
    kinds = {kind.value for kind in ChannelKind}
    assert {kind for kind in kinds if kind.lower() not in ALL.lower()} == set()
    events = {topic.value for topic in Topic if not topic.value.startswith("letter.")}
    assert {event for event in events if f"`{event}`" not in DOCS["api.md"]} == set()
    assert {outcome.value for outcome in Outcome if outcome.value not in DOCS["how-it-works.md"]} == set()


def test_every_link_between_documents_leads_somewhere() -> None:
    for name, text in DOCS.items():
        folder = ROOT if (ROOT / name).exists() else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (folder / target).exists(), f"{name} → {target}"
