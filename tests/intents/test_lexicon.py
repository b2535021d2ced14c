"""The committed words, brands and models: each names a category that exists, once."""

from collections import Counter
from pathlib import Path

import pytest
from judging import committed_trees

from intents.lexicon import lexicon
from intents.words import LANGUAGES, key_of
from vrm.kernel.errors import BadInput
from vrm.kernel.tree import Tree


@pytest.fixture(scope="module")
def categories() -> Tree:
    return committed_trees().categories


def test_every_brand_and_model_is_in_a_category_that_exists(categories: Tree) -> None:
    makes = lexicon().makes
    assert [make for make in makes if categories.by_slug(make.category) is None] == []
    assert 1_000 < len(makes) < 5_000


def test_no_brand_or_model_is_there_twice_in_one_category() -> None:
    counts = Counter((make.name.casefold(), make.brand, make.category) for make in lexicon().makes)
    assert [key for key, count in counts.items() if count > 1] == []


def test_every_model_can_be_found() -> None:
    assert [make for make in lexicon().makes if not key_of(make.name, "en")] == []


def test_a_number_alone_is_no_model() -> None:
    assert all(make.ordinary for make in lexicon().makes if make.is_model and make.name.isdigit())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_for_a_category_that_exists(language: str, categories: Tree) -> None:
    words = lexicon().words[language]
    assert [pair for pair in words if categories.by_slug(pair[0]) is None] == []
    assert len(words) > 700
    assert [pair for pair, count in Counter(words).items() if count > 1] == []


def test_every_action_has_words_in_every_language_and_leads_somewhere(categories: Tree) -> None:
    for action in lexicon().actions:
        assert set(action.words) == set(LANGUAGES)
        assert action.gives
        assert all(categories.by_slug(slug) is not None for pair in action.gives for slug in pair), action.name


def test_an_operators_file_adds_to_the_lexicon(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("brand,category,models\nAcme,bicycles,Rocket|~Fast\n", encoding="utf-8")
    added = set(lexicon(file).makes) - set(lexicon().makes)
    assert {(make.name, make.is_model, make.ordinary) for make in added} == {
        ("Acme", False, False), ("Rocket", True, False), ("Fast", True, True),
    }  # fmt: skip
    file.with_name("bad.csv").write_text("brand,models\nAcme,x\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 2"):
        lexicon(file.with_name("bad.csv"))
