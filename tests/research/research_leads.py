"""Leads for tests: a delivered one that nobody has answered yet, and what a test says differs from it."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from io import StringIO
from itertools import count
from typing import Any

import numpy as np

from vrm.research.table import COLUMNS, LeadRow

DAY = 86_400
_numbers = count(1)

PLAIN = LeadRow(
    snapshot_id="2026-11",
    lead_id="",
    intent_id="i1",
    vendor_id="v1",
    iso_week="2026-W47",
    category="cars",
    region="gb",
    arm="",
    randomisation_block="",
    channel="email",
    delivery_status="delivered",
    delivered_after_s=4,
    seen_after_s=None,
    seen_basis="",
    response_after_s=None,
    response_kind="",
    response_actor="",
    closed_after_s=None,
    intent_outcome="open",
    observed_s=40 * DAY,
    business_wait_s=None,
    contact_interval_ok=None,
    excluded_reason="",
)


def lead(**differs: Any) -> LeadRow:
    """A lead of its own, delivered and watched for 40 days."""
    return replace(PLAIN, **{"lead_id": f"l{next(_numbers)}", **differs})


def answered(after_s: int, *, kind: str = "offer", actor: str = "human", **differs: Any) -> LeadRow:
    return lead(response_after_s=after_s, response_kind=kind, response_actor=actor, **differs)


def undelivered(status: str = "bounced", **differs: Any) -> LeadRow:
    return lead(**{"delivery_status": status, "delivered_after_s": None, "observed_s": None, **differs})


def as_csv(rows: Iterable[LeadRow], *, columns: Iterable[str] = COLUMNS) -> str:
    names = list(columns)
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        cells = [getattr(row, name, "") for name in names]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


PATHS = {"cars": ("Vehicles", "Cars"), "tyres": ("Vehicles", "Tyres"), "cakes": ("Food", "Cakes")}
PLACES = {"lds": ("Europe", "United Kingdom", "Leeds"), "fr": ("Europe", "France"), "gb": ("Europe", "United Kingdom")}


def market(seed: int = 1, size: int = 400) -> list[LeadRow]:
    """Leads of every fate."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(size):
        about: dict[str, object] = {
            "snapshot_id": "live",
            "intent_id": f"i{number // 4}",
            "vendor_id": f"v{int(rng.integers(0, 30)) if rng.random() < 0.9 else 30 + number}",
            "category": str(rng.choice(list(PATHS), p=[0.7, 0.285, 0.015])),
            "region": str(rng.choice(list(PLACES), p=[0.6, 0.1, 0.3])),
            "observed_s": int(rng.integers(0, 90 * DAY)),
            "channel": str(rng.choice(["email", "webhook", "ntfy"], p=[0.7, 0.29, 0.01])),
        }
        if rng.random() < 0.3:
            about["closed_after_s"] = int(rng.integers(0, 40 * DAY))
        fate = rng.random()
        if fate < 0.5:
            kind = str(rng.choice(["offer", "question", "decline", "reply"]))
            actor = str(rng.choice(["human", "auto"], p=[0.9, 0.1]))
            found.append(answered(int(rng.lognormal(9, 3)), kind=kind, actor=actor, **about))
        elif fate < 0.9:
            found.append(lead(**about))
        else:
            found.append(
                undelivered(str(rng.choice(["bounced", "unknown", "no_channel"])), **about | {"closed_after_s": None})
            )
    return found
