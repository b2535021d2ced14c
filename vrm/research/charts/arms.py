"""Experiments: the effects between arms with intervals, the randomisation behind their p, and power."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vrm.research import drawing
from vrm.research.charts.figure import Cell, Column, Figure, Say, table
from vrm.research.charts.times import marks
from vrm.research.comparisons import ArmEffect
from vrm.research.metrics import Measures
from vrm.research.segments import Bools, Floats, Ints
from vrm.research.table import LeadTable, waits
from vrm.research.trials import Difference, power_of, pseudo_values, randomisation_test

DAY_S = 86_400


def forest(by_arm: Measures, say: Say) -> Figure:
    """M12 for every arm and horizon."""
    names = marks(say)
    found = [
        (f"{each.arm} − {each.against}, ≤ {names[horizon]}", each, effect)
        for each in by_arm.effects
        for horizon, effect in each.at.items()
        if effect is not None
    ]
    rows: list[tuple[Cell, ...]] = []
    for name, each, effect in found:
        d = effect.difference
        rows.append((name, each.intents, each.against_intents, d.estimate, d.low, d.high, d.p,
                     effect.randomisation_p, effect.icc))  # fmt: skip
    return Figure(
        name="arms",
        title=say("Arms of experiments"),
        definition=say(
            "The share answered in one arm less that in the other, with a 95 % interval that takes wants, not leads, "
            "for independent (CR1). The second p comes from dealing the arms anew within their blocks; with fewer "
            "than 8 wants in an arm it is the only one, and the dot is hollow."
        ),
        n=sum(each.intents + each.against_intents for each in by_arm.effects),
        table=table(
            [
                Column("effect", say("Effect")),
                Column("wants", say("Wants"), "count"),
                Column("wants_against", say("Wants against"), "count"),
                Column("difference", say("Difference"), "share"),
                Column("low", say("Interval from"), "share"),
                Column("high", say("Interval to"), "share"),
                Column("p", say("p")),
                Column("randomisation_p", say("p by dealing anew")),
                Column("icc", say("ICC")),
            ],
            rows,
        ),
        draw=lambda ident, width: _drawn_effects(ident, width, [(name, e.difference) for name, _, e in found], say),
        query="arms",
    )


def _drawn_effects(ident: str, width: int, found: Sequence[tuple[str, Difference]], say: Say) -> str:
    left, high = min(200, int(width * 0.44)), 24
    reach = max((abs(v) for _, d in found for v in (d.low or 0, d.high or 0, d.estimate)), default=0.1) or 0.1
    middle, scale = left + (width - left - 12) / 2, (width - left - 24) / 2 / reach
    bottom = 12 + high * max(len(found), 1)
    body, said = [drawing.line((middle, 2), (middle, bottom), colour="few")], []
    for place, (name, d) in enumerate(found):
        y = 14 + high * place
        body.append(drawing.text(left - 6, y + 4, drawing.cut(name, int(left / 6.4)), anchor="end", small=True))
        if d.low is not None and d.high is not None:
            body.append(drawing.line((middle + d.low * scale, y), (middle + d.high * scale, y), colour="line", width=3))
        body.append(drawing.dot(middle + d.estimate * scale, y, radius=4.5, hollow=d.low is None))
        said.append(f"{name}: {100 * d.estimate:+.1f}")
    if not found:
        body = [drawing.text(width / 2, 20, say("No experiment has two arms yet."), anchor="middle")]
    for side in (-reach, 0.0, reach):
        body.append(drawing.text(middle + side * scale, bottom + 12, f"{100 * side:+.0f}", anchor="middle", small=True))
    title = say("Effects between arms, in points")
    return drawing.svg(ident, (width, bottom + 20), title, "; ".join(said) or title, body)


def randomisation(leads: LeadTable, by_arm: Measures, say: Say, *, horizon_s: int = DAY_S) -> Figure:
    """What the first effect would have been under other deals of the arms."""
    deals = _dealt_anew(leads.in_order(), by_arm.effects[0], say, horizon_s) if by_arm.effects else None
    return Figure(
        name="randomisation",
        title=say("Could the arms differ by luck?"),
        definition=say(
            "The arms are dealt anew 5,000 times within their blocks, as they were dealt, and the difference is worked "
            "out each time. The line is what was seen. How often luck comes as far as that is the p."
        ),
        n=deals.many if deals is not None else 0,
        table=table(
            [
                Column("from", say("From"), "share"),
                Column("to", say("Up to"), "share"),
                Column("deals", say("Deals"), "count"),
            ],
            list(deals.bins()) if deals is not None else [],
        ),
        draw=lambda ident, width: _drawn_deals(ident, width, deals, say),
        query="arms",
    )


@dataclass(frozen=True, slots=True)
class _Deals:
    """Differences between two arms under other deals of them, counted in bins between -reach and reach."""

    name: str
    seen: float
    p: float
    many: int
    reach: float
    counts: Ints
    edges: Floats

    def bins(self) -> Iterator[tuple[float, float, int]]:
        """From, to, how many."""
        for i, count in enumerate(self.counts.tolist()):
            yield float(self.edges[i]), float(self.edges[i + 1]), count


def _dealt_anew(leads: LeadTable, effect: ArmEffect, say: Say, horizon_s: int) -> _Deals | None:
    """None where there is nothing to deal."""
    derived = waits(leads)
    arm = leads.words["arm"]
    rows = np.flatnonzero(derived.counts & arm.among([effect.arm, effect.against]))
    values = pseudo_values(derived.t_s[rows], derived.answered[rows], horizon_s)
    intent = leads.words["intent_id"].codes[rows].astype(np.int64)
    block = leads.words["randomisation_block"].codes[rows].astype(np.int64)
    treated = arm.among([effect.arm], rows)
    whole = _whole(intent, treated, block)
    if values is None or not treated[whole].any() or treated[whole].all():
        return None
    test = randomisation_test(values[whole], treated[whole], intent[whole], block[whole])
    reach = max(float(np.abs(test.differences).max(initial=0.0)), abs(test.observed), 0.01) * 1.05
    counts, edges = np.histogram(test.differences, bins=31, range=(-reach, reach))
    name = f"{effect.arm} − {effect.against}, ≤ {marks(say).get(horizon_s, str(horizon_s))}"
    return _Deals(name, test.observed, test.p, int(test.differences.size), reach, counts, edges)


def _drawn_deals(ident: str, width: int, deals: _Deals | None, say: Say) -> str:
    left, top, height = 16, 10, 150
    title = say("The difference under other deals of the arms")
    if deals is None:
        nothing = say("No experiment has two arms yet.")
        return drawing.nothing(ident, width, title, nothing)
    counts, reach, seen = deals.counts.tolist(), deals.reach, deals.seen
    step = (width - left - 16) / len(counts)
    most = max(*counts, 1)
    body = [
        drawing.rect(left + step * i + 0.5, top + height * (1 - c / most), step - 1, height * c / most,
                     opacity=0.45)
        for i, c in enumerate(counts)
    ]  # fmt: skip
    x = left + (seen + reach) / (2 * reach) * (width - left - 16)
    body += [
        drawing.line((x, top), (x, top + height), colour="line", width=2.5),
        drawing.text(x, top + height + 16, f"{100 * seen:+.1f}", anchor="middle", bold=True),
        drawing.text(left, top + height + 16, f"{-100 * reach:+.0f}", small=True),
        drawing.text(width - 16, top + height + 16, f"{100 * reach:+.0f}", anchor="end", small=True),
    ]
    desc = say("%(name)s: seen %(seen)s points; as far or farther in a share of %(p)s of the deals.", name=deals.name,
               seen=f"{100 * seen:+.1f}", p=f"{deals.p:.3f}")  # fmt: skip
    return drawing.svg(ident, (width, top + height + 24), title, desc, body)


def _whole(intent: Ints, treated: Bools, block: Ints) -> Bools:
    """True for leads of intents that have one arm and one block."""
    place = np.unique(np.stack([intent, treated.astype(np.int64), block]), axis=1)[0]
    return np.asarray(np.bincount(place, minlength=int(intent.max(initial=0)) + 1)[intent] == 1, dtype=np.bool_)


def power(by_arm: Measures, say: Say) -> Figure:
    """The chance to find differences of 5, 10 and 20 points, by the number of wants in each arm."""
    group = by_arm.groups[0] if by_arm.groups else None
    share = group.share_by[DAY_S] if group else None
    base = min(max(share.estimate, 0.05), 0.75) if share else 0.37
    found = [effect.icc for each in by_arm.effects for effect in each.at.values() if effect and effect.icc is not None]
    icc = min(max(float(np.mean(found)), 0.0), 1.0) if found else 0.1
    sizes = (8, 16, 32, 64, 128, 256, 512, 1_024)
    gains = (0.05, 0.10, 0.20)
    per_want = 5.0
    rows = [
        (n, *(power_of(base, base + gain, leads=n * per_want, leads_per_intent=per_want, icc=icc) for gain in gains))
        for n in sizes
    ]

    def draw(ident: str, width: int) -> str:
        left, top, height = 44, 10, 170
        step = (width - left - 40) / (len(sizes) - 1)
        body = []
        for number, gain in enumerate(gains):
            corners = [(left + step * i, top + height * (1 - row[number + 1])) for i, row in enumerate(rows)]
            body.append(drawing.path(corners, dashed=number == 0))
            place = [4, 3, 1][number]
            x, y = corners[place]
            body.append(drawing.text(x + 4, y - 5, f"+{100 * gain:.0f}", small=True, bold=True))
        for mark in (0, 0.5, 0.8, 1):
            y = top + height * (1 - mark)
            body += [
                drawing.line((left, y), (width - 40, y)),
                drawing.text(left - 5, y + 4, drawing.percent(mark), anchor="end", small=True),
            ]
        for i, n in enumerate(sizes):
            body.append(drawing.text(left + step * i, top + height + 16, str(n), anchor="middle", small=True))
        said = say("wants in each arm")
        body.append(drawing.text(width / 2, top + height + 34, said, anchor="middle", small=True))
        desc = "; ".join(f"{row[0]}: " + ", ".join(drawing.percent(each) for each in row[1:]) for row in rows)
        return drawing.svg(ident, (width, top + height + 42), say("Power"), desc, body)

    return Figure(
        name="power",
        title=say("How many wants an experiment needs"),
        definition=say(
            "The chance to find a difference of 5, 10 or 20 points at 5 %%, two-sided, when %(base)s answer in the "
            "control arm within a day, a want reaches 5 vendors, and leads of one want are alike with an ICC of "
            "%(icc)s.",
            base=drawing.percent(base), icc=f"{icc:.2f}",
        ),
        n=by_arm.data_quality.rows,
        table=table(
            [
                Column("wants_per_arm", say("Wants in each arm"), "count"),
                *(Column(f"power_{100 * g:.0f}", f"+{100 * g:.0f}", "share") for g in gains),
            ],
            rows,
        ),
        draw=draw,
    )  # fmt: skip
