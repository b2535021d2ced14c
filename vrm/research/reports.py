"""An experiment and a snapshot → its report: one HTML file with every number and figure, fit to be printed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Any

import numpy as np

from vrm.kernel.errors import BadInput
from vrm.research.charts import Figure, Material
from vrm.research.comparisons import ArmEffect, Effect
from vrm.research.experiments import Power
from vrm.research.hours import NO_WEEKS
from vrm.research.survival import Share
from vrm.research.table import Excluded, LeadTable, Words

_FIGURES = ("reach", "arms", "randomisation", "ends", "power", "quality")
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b2426;background:#fff;
--figure-line:#0f6a5b;--figure-band:#0f6a5b;--figure-few:#55605f;--figure-grid:#8b918c;--figure-ground:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #e3dfd6;vertical-align:top}
td.num,th.num{text-align:right}svg{max-width:100%;height:auto}code,pre{white-space:pre-wrap;overflow-wrap:anywhere}
section{break-inside:avoid}@page{margin:2cm}@media print{body{margin:0;max-width:none;font-size:10.5pt}}
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store knows of an experiment."""

    code: str
    title: str
    ethics: str
    plan: Mapping[str, Any]
    digest: str
    registered_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    ended_because: str | None
    deviations: Sequence[str]
    power: Power


def of_experiment(leads: LeadTable, code: str) -> LeadTable:
    """The leads of one experiment. In a study its own wants count, which they do nowhere else."""
    block = leads.words["randomisation_block"]
    rows = np.flatnonzero(block.among(label for label in block.labels if label.startswith(f"{code} ")))
    found = leads.rows(rows)
    excluded = found.words["excluded_reason"]
    counted: Words = excluded.renamed(lambda reason: "" if reason == Excluded.TEST_INTENT else reason)
    return replace(found, words={**found.words, "excluded_reason": counted})


def primary(material: Material, plan: Mapping[str, Any]) -> tuple[ArmEffect, Effect] | None:
    """The effect that the plan is about; None before it can be observed."""
    horizon = int(plan["horizon_s"])
    found = ((each, each.at[horizon]) for each in material.measured("arm").effects)
    return next(((each, effect) for each, effect in found if effect is not None), None)


def html(facts: Facts, leads: LeadTable, snapshot_id: str) -> str:
    """The whole report. Raises BadInput where the snapshot has no lead of this experiment."""
    mine = of_experiment(leads, facts.code)
    if not len(mine):
        sentence = f"Snapshot {snapshot_id} has no leads of experiment {facts.code}; make one after it began."
        raise BadInput({"snapshot": sentence})
    material = Material(mine, NO_WEEKS, {})
    body = [
        f"<h1>{escape(facts.title)}</h1>",
        f"<p>Experiment {escape(facts.code)}, from snapshot {escape(snapshot_id)}: {len(mine)} leads.</p>",
        *_plan(facts),
        *_deviations(facts),
        *_result(facts, material),
    ]
    body += [_figure(material.figure(name)) for name in _FIGURES]
    kept = json.dumps(facts.plan, indent=1, ensure_ascii=False, sort_keys=True)
    body.append(f"<section><h2>The plan, as it was published</h2><pre>{escape(kept)}</pre></section>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(facts.title)}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _plan(facts: Facts) -> Iterator[str]:
    plan = facts.plan
    what = {
        "real": "Wants of people who mean to buy. Arms differ in how vendors are told, never in who is told.",
        "study": "A study: nobody means to buy, and only vendors who agreed to take part were told.",
    }[facts.ethics]
    rows = [
        ("Hypothesis", plan["hypothesis"]),
        ("Analysis", plan["analysis"]),
        ("Ethics", what),
        ("Published", f"{_moment(facts.registered_at)}, SHA-256 of the plan {facts.digest}"),
        ("Begun", _moment(facts.started_at)),
        ("Ended", f"{_moment(facts.ended_at)} {facts.ended_because or ''}"),
        ("Arms", "; ".join(_arm(arm) for arm in plan["arms"])),
        ("Blocks", f"{' × '.join(plan['blocks']) or 'none'}, of {plan['block_size']}, seed {plan['seed']}"),
        ("Stopping rule", f"{plan['stop']['wants']} wants or {plan['stop']['days']} days"),
        ("Power", f"{facts.power.wants_per_arm} wants in each arm are needed to tell {plan['expected'][0]:.0%} from "
                  f"{plan['expected'][1]:.0%} (design effect {facts.power.design_effect:.2f}); the rule gives a "
                  f"chance of {facts.power.at_stop:.0%}"),
        ("Debrief", plan["debrief"]),
    ]  # fmt: skip
    yield "<section><h2>What was planned</h2><table>"
    for name, value in rows:
        yield f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
    yield "</table></section>"


def _arm(arm: Mapping[str, Any]) -> str:
    facts = [f"{name}: “{value}”" for name, value in arm.items() if name != "name"]
    return f"{arm['name']} ({', '.join(facts) or 'as always'})"


def _moment(moment: datetime | None) -> str:
    return "not yet" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _deviations(facts: Facts) -> Iterator[str]:
    yield "<section><h2>Where it left its plan</h2>"
    if facts.deviations:
        yield f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in facts.deviations)}</ul></section>"
    else:
        yield "<p>Nowhere that the machine sees or anybody wrote down.</p></section>"


def _result(facts: Facts, material: Material) -> Iterator[str]:
    horizon = int(facts.plan["horizon_s"])
    yield "<section><h2>What came of it</h2>"
    found = primary(material, facts.plan)
    if found is None:
        yield "<p>The primary comparison is not yet observable: an arm has no leads that were watched for so long.</p>"
    else:
        each, effect = found
        d = effect.difference
        interval = (
            "" if d.low is None or d.high is None else f" (95 % interval {100 * d.low:+.1f} to {100 * d.high:+.1f})"
        )
        yield (
            f"<p><b>{escape(each.arm)} − {escape(each.against)}: {100 * d.estimate:+.1f} points</b>{interval}; "
            f"randomisation p = {effect.randomisation_p:.3g}; {each.intents} and {each.against_intents} wants.</p>"
        )
    yield '<table><tr><th>Arm</th><th class="num">Leads</th><th class="num">Answered by the horizon</th></tr>'
    for group in material.measured("arm").groups:
        share = group.share_by[horizon]
        yield (
            f'<tr><td>{escape(group.label)}</td><td class="num">{group.n}</td><td class="num">{_share(share)}</td></tr>'
        )
    yield "</table></section>"


def _share(share: Share | None) -> str:
    if share is None:
        return "not yet observable"
    return f"{share.estimate:.1%} ({share.low:.1%}–{share.high:.1%})" if share.has_interval else f"{share.estimate:.1%}"


def _figure(figure: Figure) -> str:
    heads = "".join(f"<th>{escape(column.label)}</th>" for column in figure.table.columns)
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(_cell(cell))}</td>' for cell in row)}</tr>" for row in figure.table.rows
    )
    return (
        f"<section><h2>{escape(figure.title)}</h2><p>{escape(figure.definition)} n = {figure.n}.</p>"
        f"{figure.draw(figure.name, 560)}<table><tr>{heads}</tr>{lines}</table></section>"
    )


def _cell(value: object) -> str:
    """Four digits, so that a page of paper holds the table; the files of the snapshot have all."""
    return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
