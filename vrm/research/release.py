"""Leads as they are → leads as they may be published: names that nobody has alone, pseudonyms whose key is lost."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from vrm.kernel.errors import BadInput
from vrm.research.cells import LEAST, Cell, Path, merge_small, publish_as
from vrm.research.table import MISSING, LeadTable, Words

BETWEEN = " › "  # Of the steps of a published path.
ROOTS = ("Anything", "World")  # What stands for the roots of the two trees.
OTHERS = "others"  # Vendors and channels with too few leads, merged.

DAY_S = 86_400
_PSEUDONYMS = ("lead_id", "intent_id", "vendor_id")


@dataclass(frozen=True, slots=True)
class Public:
    """A table that may be published, and how much detail that cost."""

    table: LeadTable
    rolled_up: int  # Leads under a wider name than their own.


def roll_up(
    table: LeadTable, categories: Mapping[str, Path], regions: Mapping[str, Path], *, least: int = LEAST
) -> Public:
    """The same rows, each with the path under which its category and region are published.

    `categories` and `regions` have the path of each label in the table. Where all leads together are fewer than
    `least`, all have the names of the roots.
    """
    pairs, place, counts = _pairs(table)
    cells: dict[Cell, int] = defaultdict(int)
    own = [(categories[category], regions[region]) for category, region in pairs]
    for cell, count in zip(own, counts, strict=True):
        cells[cell] += count
    named = publish_as(cells, least=least)
    shown = [named.get(cell, ((), ())) for cell in own]
    words = dict(table.words)
    for axis, column in enumerate(("category", "region")):
        labels = Words.of(BETWEEN.join(cell[axis]) or ROOTS[axis] for cell in shown)
        words[column] = Words(labels.labels, labels.codes[place])
    wider = sum(count for cell, name, count in zip(own, shown, counts, strict=True) if cell != name)
    return Public(replace(table, words=words), wider)


def _pairs(table: LeadTable) -> tuple[list[tuple[str, str]], NDArray[np.int64], list[int]]:
    """The pairs of category and region that occur; for each row which of them it has; how many rows each has."""
    category, region = table.words["category"], table.words["region"]
    many = max(len(region.labels), 1)
    found, place, counts = np.unique(
        category.codes.astype(np.int64) * many + region.codes, return_inverse=True, return_counts=True
    )
    pairs = [(category.labels[code // many], region.labels[code % many]) for code in found.tolist()]
    return pairs, place, counts.tolist()


def released(public: Public, snapshot_id: str, *, least: int = LEAST, key: bytes | None = None) -> Public:
    """The public table of one snapshot: pseudonyms, small vendors and channels merged, no clock to be read off.

    The key of the pseudonyms is made here and lost here; `key` is for tests. `observed_s` is rounded down to whole
    days, or else it would betray the moment of each delivery; it stays at or above whatever it has to cover. Rows are
    in the order of their pseudonyms. Raises BadInput where there are fewer than `least` leads.
    """
    table = public.table
    if len(table) < least:
        sentence = f"There are {len(table)} leads; a snapshot needs {least}, or its rows could be told apart."
        raise BadInput({"leads": sentence})
    key = key or secrets.token_bytes(32)
    words = dict(table.words)
    words["vendor_id"] = merge_small(words["vendor_id"], least=least, otherwise=OTHERS)
    words["channel"] = merge_small(words["channel"], least=least, otherwise=OTHERS)
    for name in _PSEUDONYMS:
        words[name] = words[name].renamed(_pseudonym(key, name))
    words["snapshot_id"] = words["snapshot_id"].renamed(lambda _: snapshot_id)
    if len(words["lead_id"].labels) != len(table):
        raise RuntimeError("Two leads got the same pseudonym; make the snapshot again.")
    seconds = dict(table.seconds)
    seconds["observed_s"] = _whole_days(seconds)
    order = np.argsort(np.array(words["lead_id"].labels)[words["lead_id"].codes], kind="stable")
    made = replace(table, words=words, seconds=seconds, row_numbers=np.arange(1, len(table) + 1))
    return replace(public, table=made.rows(order))


def _pseudonym(key: bytes, kind: str) -> "_Namer":
    return _Namer(blake2b(kind.encode(), key=key, digest_size=32).digest())


@dataclass(frozen=True, slots=True)
class _Namer:
    """Keyed hashes of one kind of name; what was merged keeps its common name."""

    key: bytes

    def __call__(self, name: str) -> str:
        return name if name == OTHERS else blake2b(name.encode(), key=self.key, digest_size=10).hexdigest()


def _whole_days(seconds: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    observed = seconds["observed_s"]
    found = observed // DAY_S * DAY_S
    for name in ("seen_after_s", "response_after_s", "closed_after_s"):
        within = (seconds[name] != MISSING) & (seconds[name] <= observed)
        found = np.where(within, np.maximum(found, seconds[name]), found)
    return np.where(observed == MISSING, MISSING, found)


def below(words: Words, path: Path) -> NDArray[np.bool_]:
    """True where a row is published under this node or one below it."""
    label = BETWEEN.join(path)
    return words.among(each for each in words.labels if not path or each == label or each.startswith(label + BETWEEN))


def coarser(words: Words, depth: int, root: str) -> Words:
    """The same column with paths cut to this depth; `root` is what the root is called there."""
    return words.renamed(lambda label: label if label == root else BETWEEN.join(label.split(BETWEEN)[:depth]))


def tops(labels: Iterable[str]) -> list[str]:
    """The distinct labels, alphabetical, the roots last."""
    return sorted(set(labels), key=lambda label: (label in ROOTS, label))
