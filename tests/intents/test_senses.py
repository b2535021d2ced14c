"""What a text means beside what it says, with the model that `make smart` installs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from intents_trees import TREES
from numpy.typing import NDArray

from intents import embedding
from intents.embedding import Encoder
from intents.lexicon import Lexicon
from intents.senses import Senses
from intents.understand import Understanding, understand

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WORDS = Lexicon()
TWO_WHEELS = "something with pedals and two wheels to ride to work, in Leeds, under £200"


@pytest.fixture(scope="module")
def model() -> Encoder:
    found = embedding.encoder()
    if found is None:
        pytest.skip("The model of sentences is not installed: make smart")
    return found


@dataclass
class Counting:
    """An encoder that tells what it was asked for."""

    model: Encoder
    asked: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return self.model.encode(texts)


def read(text: str, senses: Senses | None) -> Understanding:
    return understand(text, trees=TREES, lexicon=WORDS, now=NOW, senses=senses)


def slugs(found: Understanding) -> list[str]:
    return [TREES.categories.node(each.node_id).slug for each in found.categories]


def test_sentences_are_as_alike_as_the_models_authors_print(model: Encoder) -> None:
    # The example on the page of sentence-transformers/all-MiniLM-L6-v2.
    said = model.encode(
        ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    )
    assert np.allclose(said[0] @ said.T, [1, 0.695, 0.943, 0.257], atol=0.001)


def test_a_text_means_the_same_in_whatever_company(model: Encoder) -> None:
    texts = ["a bicycle", "a very long sentence about a plumber who came on a Tuesday", "", "🚲", "x" * 5_000]
    assert np.allclose(model.encode(texts), [model.encode([text])[0] for text in texts], atol=1e-5)


def test_a_want_is_understood_in_words_that_nobody_listed(model: Encoder) -> None:
    senses = Senses.of(TREES.categories, WORDS, model)
    assert "bicycles" not in slugs(read(TWO_WHEELS, None))
    found = read(TWO_WHEELS, senses)
    assert slugs(found)[0] == "bicycles"
    assert [each.confidence for each in found.categories] == sorted(
        (each.confidence for each in found.categories), reverse=True
    )
    assert 0 < found.categories[0].confidence < 1
    assert found.categories[0].why in ("bicycles", "bike", "bicycle")


def test_other_languages_are_read_as_before(model: Encoder) -> None:
    senses = Senses.of(TREES.categories, WORDS, model)
    for text in ("Suche ein gebrauchtes Auto in der Nähe von Leeds", "Je cherche un vélo pas trop cher", ""):
        assert read(text, senses) == read(text, None)


def test_what_was_encoded_once_is_kept(model: Encoder, tmp_path: Path) -> None:
    kept = tmp_path / "new" / "senses.npz"
    counting = Counting(model)
    first = Senses.of(TREES.categories, WORDS, counting, kept)
    names = len(counting.asked)
    assert names > len(TREES.categories)
    again = Senses.of(TREES.categories, Lexicon(words={"en": (("bicycles", "push bike"),)}), counting, kept)
    assert counting.asked[names:] == ["push bike"]
    assert first.weigh("a hatchback", ()) == again.weigh("a hatchback", ())
    whole = kept.read_bytes()
    for broken in (b"", b"no such file", whole[: len(whole) // 2]):
        kept.write_bytes(broken)
        counting.asked.clear()
        Senses.of(TREES.categories, WORDS, counting, kept)
        assert len(counting.asked) == names
