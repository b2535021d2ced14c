"""The live store or a snapshot → what may be shown of it, narrowed to what is asked for: for pages and API."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from vendors.models import Vendor
from vrm.kernel import taxonomy
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.tree import Tree
from vrm.research import kept
from vrm.research.cells import LEAST
from vrm.research.cells import Path as Steps
from vrm.research.charts import Material, Say, plain
from vrm.research.hours import placed, weeks_of
from vrm.research.kept import Kept
from vrm.research.live import fine, paths
from vrm.research.metrics import COLUMN_OF, NOT_STATED, By
from vrm.research.release import BETWEEN, below, roll_up
from vrm.research.snapshots import Snapshot
from vrm.research.table import Delivery, LeadTable

LIVE = "live"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. A node stands for all that is published at or below it."""

    category: Steps = ()
    region: Steps = ()
    since: date | None = None  # From the ISO week of this day on, by routing.

    @property
    def everything(self) -> bool:
        return not (self.category or self.region or self.since)


def node_path(tree: Tree, name: str, *, field: str, language: str = "en") -> Steps:
    """The path of a node by id, slug or unambiguous name; () for "". UnknownNode, naming `field`, otherwise."""
    if not name.strip():
        return ()
    numbered = int(name) if name.strip().isascii() and name.strip().isdigit() and len(name.strip()) < 19 else None
    if numbered is not None and numbered in tree:
        node = tree.current(numbered)
    else:
        node = tree.resolve(name, field=field, language=language)
    return paths(tree, [node.slug])[node.slug]


def called(tree: Tree, label: str, language: str) -> str:
    """A published path as it is called in this language; as it is, where the tree has no such path now."""
    node = tree.root
    for step in label.split(BETWEEN):
        found = next((child for child in tree.children(node.id) if child.label == step), None)
        if found is None:
            return label
        node = found
    return tree.path_label(node.id, language)


def live(
    session: Session, now: datetime, *, say: Say = plain, folder: Path | None = None, language: str = ""
) -> Material:
    """The live store as it stands, under the names that a snapshot would give it; vendors by their slugs.

    A vendor may be named with 11 delivered leads or more. With a `folder` it may be what the worker kept there
    within the last minute; figures of that are drawn once for each `language`, of which `say` has the words.
    """
    found = kept.fresh(folder, now) if folder is not None else None
    if found is not None:
        return found.material(say, language)
    trees = taxonomy.trees(session)
    leads = fine(session, now)
    public = roll_up(
        leads.table,
        paths(trees.categories, leads.table.words["category"].labels),
        paths(trees.regions, leads.table.words["region"].labels),
    )
    return Material(public.table, weeks_of(placed(session, leads)), names(session, leads.table), say)


def keep(store: Store, folder: Path, clock: Clock) -> bool:
    """Work out what the live page shows and keep it, where the store changed since; whether that was done."""
    now, last = clock(), kept.checked_at(folder)
    if last is not None and timedelta(0) <= now - last < kept.EVERY:
        return False
    with store.read() as session:
        mark, before = kept.mark(session), kept.read(folder) if last is not None else None
        if before is not None and mark and mark == before.mark and now - before.made_at < kept.AT_LEAST_EVERY:
            kept.checked(folder, now)
            return False
        kept.write(folder, Kept.of(live(session, now), now, mark))
    return True


def names(session: Session, leads: LeadTable) -> dict[str, str]:
    """Vendors that may be named, by their slugs."""
    vendor, delivered = leads.words["vendor_id"], leads.words["delivery_status"].among([Delivery.DELIVERED])
    counts = np.bincount(vendor.codes[delivered], minlength=len(vendor.labels)).tolist()
    enough = {slug for slug, count in zip(vendor.labels, counts, strict=True) if count >= LEAST}
    found = session.execute(select(Vendor.slug, Vendor.name).where(Vendor.closed_at.is_(None)))
    return {row.slug: row.name for row in found if row.slug in enough}


def of_snapshot(snapshot: Snapshot, *, say: Say = plain) -> Material:
    """A snapshot: its vendors have pseudonyms, by which they are shown."""
    table = snapshot.table()
    return Material(table, snapshot.weeks(), {name: name for name in table.words["vendor_id"].labels}, say)


def narrowed(material: Material, wanted: Wanted) -> Material:
    """Only what is asked for. Hours are of the whole, since they are published of nothing else."""
    return material if wanted.everything else replace(material, leads=_rows(material.leads, wanted))


def _rows(leads: LeadTable, wanted: Wanted) -> LeadTable:
    hit = below(leads.words["category"], wanted.category) & below(leads.words["region"], wanted.region)
    if wanted.since is not None:
        hit &= leads.words["iso_week"].among(filter(_from(wanted.since), leads.words["iso_week"].labels))
    return leads.rows(np.flatnonzero(hit))


def _from(day: date) -> Callable[[str], bool]:
    first = day - timedelta(days=day.weekday())
    week = first.isocalendar()
    # A lead has its week and no day: years and weeks of two digits are in order as words.
    return lambda label: label >= f"{week.year}-W{week.week:02d}"


def too_few(material: Material, wanted: Wanted) -> bool:
    """Whether what is asked for is a part, and one of which nothing may be said."""
    return not wanted.everything and len(material.leads) < LEAST


def counted(material: Material, by: By, label: str) -> int:
    """How many leads have this word in the column of `by`."""
    return int(material.leads.words[COLUMN_OF[by]].among(["" if label == NOT_STATED else label]).sum())
