"""A table of leads whose groups are known → whether they differ: log-rank tests, and the effects between arms."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vrm.research.counts import HORIZONS_S
from vrm.research.logrank import LogRank, log_rank
from vrm.research.segments import Bools, Ints
from vrm.research.table import LeadTable, Waits
from vrm.research.trials import Difference, intraclass, pseudo_values, randomisation_tests, share_difference

MOST_GROUPS = 50  # More are not compared in one test: it would say that some differ, which everybody knows.
CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Do the groups answer alike? None: nothing to compare, as when every stratum holds one group only."""

    plain: LogRank | None
    stratified: LogRank | None  # By category × region, without the column that makes the groups.
    by_intent: LogRank | None  # Between arms: stratified, and leads of one intent not taken for independent.

    def as_json(self) -> dict[str, Any]:
        parts = {"stratified": self.stratified, "by_intent": self.by_intent}
        plain = {"chi2": None, "df": None, "p": None} if self.plain is None else self.plain.as_json()
        return plain | {name: None if part is None else part.as_json() for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class Effect:
    """At one horizon: the difference in the share answered, the p of dealing anew, how alike leads of an intent are."""

    difference: Difference
    randomisation_p: float
    icc: float | None


@dataclass(frozen=True, slots=True)
class ArmEffect:
    """M12: one arm against another. Intents with leads in two arms or blocks are left out."""

    arm: str
    against: str
    intents: int
    against_intents: int
    left_out_intents: int
    at: Mapping[int, Effect | None]  # By horizon; None: not yet observable.

    def as_json(self) -> dict[str, Any]:
        """`not yet observable` is left to the caller: here it is None."""
        return {
            "arm": self.arm,
            "against": self.against,
            "intents": self.intents,
            "against_intents": self.against_intents,
            "left_out_intents": self.left_out_intents,
            "difference_by": {
                str(horizon): None
                if effect is None
                else asdict(effect.difference) | {"randomisation_p": effect.randomisation_p, "icc": effect.icc}
                for horizon, effect in self.at.items()
            },
        }


def compare(table: LeadTable, derived: Waits, column: str, counted: Ints) -> Comparison | None:
    """Compare the groups that `column` makes of the leads `counted`. None with fewer than 2 groups, or too many.

    Between arms, leads without one are left out.
    """
    words = table.words[column]
    if column == "arm":
        counted = counted[~words.among([""], counted)]
    named, group = np.unique(words.codes[counted], return_inverse=True)
    if not 2 <= named.size <= MOST_GROUPS:
        return None
    strata = np.zeros(counted.shape, dtype=np.int64)
    for name in ("category", "region"):
        if name != column:
            strata = strata * len(table.words[name].labels) + table.words[name].codes[counted]
    t_s, event = derived.t_s[counted], derived.answered[counted]
    by_intent = None
    if column == "arm":
        intent = np.unique(table.words["intent_id"].codes[counted], return_inverse=True)[1]
        by_intent = log_rank(t_s, event, group, named.size, stratum=strata, cluster=intent)
    return Comparison(
        plain=log_rank(t_s, event, group, named.size),
        stratified=log_rank(t_s, event, group, named.size, stratum=strata),
        by_intent=by_intent,
    )


def arm_effects(
    table: LeadTable, derived: Waits, counted: Ints, *, observable: Mapping[str, Sequence[int]]
) -> list[ArmEffect]:
    """Every arm against the one called "control" or, failing one, the first by name.

    `observable` has for each arm the horizons up to which it was followed.
    """
    words = table.words
    arms = sorted(label for label in words["arm"].labels if label and observable.get(label))
    against = CONTROL if CONTROL in arms else next(iter(arms), "")
    whole = _undivided(table, counted)
    return [
        _effect(
            table,
            derived,
            counted[words["arm"].among([arm, against], counted)],
            whole,
            arm=arm,
            against=against,
            observable=set(observable[arm]) & set(observable[against]),
        )
        for arm in arms
        if arm != against
    ]


def _undivided(table: LeadTable, counted: Ints) -> Bools:
    """By the code of an intent: all its leads are in one arm and one block."""
    arm, block, intent = (table.words[name] for name in ("arm", "randomisation_block", "intent_id"))
    place = arm.codes.astype(np.int64) * len(block.labels) + block.codes
    different = np.unique(np.stack([intent.codes[counted], place[counted]]), axis=1)[0]
    return np.bincount(different, minlength=len(intent.labels)) <= 1


def _effect(
    table: LeadTable, derived: Waits, rows: Ints, whole: Bools, *, arm: str, against: str, observable: set[int]
) -> ArmEffect:
    intents = table.words["intent_id"].codes.astype(np.int64)
    left_out = np.unique(intents[rows][~whole[intents[rows]]]).size
    rows = rows[whole[intents[rows]]]
    t_s, event, intent = derived.t_s[rows], derived.answered[rows], intents[rows]
    treated = table.words["arm"].among([arm], rows)
    differences, values = {}, {}
    for horizon in HORIZONS_S:
        if horizon in observable and treated.any() and not treated.all():
            difference = share_difference(t_s, event, treated, intent, horizon)
            value = pseudo_values(t_s, event, horizon)
            if difference is not None and value is not None:
                differences[horizon], values[horizon] = difference, value
    found: dict[int, Effect | None] = dict.fromkeys(HORIZONS_S)
    if values:
        block = table.words["randomisation_block"].codes[rows].astype(np.int64)
        tests = randomisation_tests(np.column_stack(list(values.values())), treated, intent, block)
        for horizon, test in zip(values, tests, strict=True):
            found[horizon] = Effect(differences[horizon], test.p, intraclass(values[horizon], intent))
    return ArmEffect(
        arm=arm,
        against=against,
        intents=np.unique(intent[treated]).size,
        against_intents=np.unique(intent[~treated]).size,
        left_out_intents=left_out,
        at=found,
    )
