"""A table of leads → what was left out of the measures and why, and what looked odd."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vrm.research.table import MISSING, NEGATIVE_CLOCK, SECONDS, SHOWN, Delivery, LeadTable, Waits, Words


@dataclass(frozen=True, slots=True)
class DataQuality:
    """What was left out or looked odd in the whole table. `rows` = the n of all groups + the sum of `excluded`."""

    rows: int
    excluded: Mapping[str, int]  # By reason.
    negative_clocks: Mapping[str, int]  # By column; a negative seen or business time leaves the lead in.
    auto_replies: int
    unknown_actors: int  # Answers of which nobody knows whether a person wrote them; not counted as answers.
    late_answers: int  # Human answers after the intent closed or the watching ended.
    answers_without_delivery: int
    ignored_columns: tuple[str, ...]
    notes: tuple[str, ...]  # Sentences with row numbers, the first few.


def quality(table: LeadTable, derived: Waits) -> DataQuality:
    """Of the whole table."""
    said = table.seconds["response_after_s"] != MISSING
    actor = table.words["response_actor"]
    human, delivered = actor.among(["human"]) & said, table.words["delivery_status"].among([Delivery.DELIVERED])
    reasons = dict(zip(derived.left_out.labels, np.bincount(derived.left_out.codes).tolist(), strict=True))
    negative = {name: _negative(table.seconds[name]) for name in SECONDS}
    return DataQuality(
        rows=len(table),
        excluded={reason: count for reason, count in sorted(reasons.items()) if reason},
        negative_clocks={name: int(hit.sum()) for name, hit in negative.items() if hit.any()},
        auto_replies=int((actor.among(["auto"]) & said).sum()),
        unknown_actors=int((actor.among(["unknown"]) & said).sum()),
        late_answers=int((human & derived.counts & ~derived.answered).sum()),
        answers_without_delivery=int((human & ~delivered).sum()),
        ignored_columns=table.ignored_columns,
        notes=tuple(_notes(table, derived.left_out, negative)),
    )


def _negative(seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((seconds < 0) & (seconds != MISSING), dtype=np.bool_)


def _notes(table: LeadTable, left_out: Words, negative: Mapping[str, NDArray[np.bool_]]) -> Iterator[str]:
    """A sentence for each negative clock, the first SHOWN of them, in the order of the rows."""
    places = [(int(i), name) for name, hit in negative.items() for i in np.flatnonzero(hit)[:SHOWN]]
    for index, name in sorted(places)[:SHOWN]:
        fate = "is left out" if left_out[index] == NEGATIVE_CLOCK else "keeps its place"
        yield (
            f"Row {table.row_numbers[index]}: {name} is {table.seconds[name][index]}, which is before the start of "
            f"its clock; the lead {fate}."
        )
