"""The live store → the table that measuring reads: one row per lead, seconds instead of moments."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, String, bindparam, func, select, type_coerce
from sqlalchemy.orm import Session, aliased

from intents.models import Intent
from intents.trials import Assignment, Ethics, Experiment
from notifiers.models import Channel, Notification, Topic
from vendors.models import Actor, Lead, Response, Undelivered, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.db import MomentType
from vrm.kernel.tree import Tree
from vrm.research.business import business_waits, versions
from vrm.research.cells import Path
from vrm.research.selves import self_intents
from vrm.research.spans import days_since_1970, seconds_between, seconds_since_1970
from vrm.research.table import FAILED, MISSING, SECONDS, Delivery, Excluded, LeadTable, Words

_UNDELIVERED = {
    Undelivered.NO_CHANNEL: Delivery.NO_CHANNEL,
    Undelivered.BOUNCED: Delivery.BOUNCED,
    Undelivered.REFUSED: Delivery.REFUSED,
    Undelivered.UNREACHABLE: Delivery.UNDELIVERED,
    Undelivered.SWITCHED_OFF: Delivery.SWITCHED_OFF,
    Undelivered.TOO_LATE: Delivery.UNDELIVERED,
}
_FIRST_DAY = date(1970, 1, 1)
_AT_ONCE = 20_000  # Rows as they are fetched; all are read in one transaction.
# Columns of which few cells differ; all others are whole numbers.
_FEW = frozenset(
    ("slug", "withheld", "notified", "delivered", "undelivered", "seen_by", "outcome", "channel", "response_kind",
     "response_actor", "arm", "experiment", "block", "ethics", "category_id", "region_id", "day")
)  # fmt: skip

Name = Callable[[Tree, int], str]


def live_table(session: Session, now: datetime, *, vendor_id: int | None = None) -> LeadTable:
    """Every lead, or those of one vendor, at `now`; vendor's slug, top category and country are groups.

    Not for publishing: nothing is suppressed or pseudonymous here.
    """
    return _leads(session, now, _top, _country, vendor_id).table


@dataclass(frozen=True, slots=True)
class Fine:
    """Leads with the slugs of the nodes themselves, for what is published from them, see `paths`; and their moments."""

    table: LeadTable
    vendor_id: NDArray[np.int64]
    delivered_s: NDArray[np.int64]  # Since 1970.

    def rows(self, rows: NDArray[np.int64]) -> "Fine":
        """These leads, in this order."""
        return Fine(self.table.rows(rows), self.vendor_id[rows], self.delivered_s[rows])


def fine(session: Session, now: datetime) -> Fine:
    """Every lead at `now`, as exactly as the store has it."""
    return _leads(session, now, _slug, _slug)


def paths(tree: Tree, slugs: Iterable[str]) -> dict[str, Path]:
    """For each of these nodes the labels from below the root down to it; () for the root and for ""."""
    found: dict[str, Path] = {}
    for slug in slugs:
        node = tree.by_slug(slug) if slug else None
        known = node is not None and node.id != tree.root.id
        found[slug] = tuple(step.label for step in tree.path(node.id)) if node is not None and known else ()
    return found


def leads_query() -> Select[*tuple[Any, ...]]:
    """One row for each lead; `:now` is when we look. Published beside what is made from it."""
    # A human's first word; failing one, the first automatic one.
    order = (Response.actor != Actor.HUMAN, Response.at, Response.id)
    numbered = select(
        Response.intent_id,
        Response.vendor_id,
        Response.at,
        Response.kind,
        Response.actor,
        func.row_number().over(partition_by=(Response.intent_id, Response.vendor_id), order_by=order).label("place"),
    ).subquery()
    first = aliased(numbered)
    # The channel that was owed the first word; the first of several by age.
    told = (
        select(Notification.intent_id, Notification.vendor_id, func.min(Notification.channel_id).label("channel_id"))
        .where(Notification.topic == Topic.LEAD_CREATED)
        .group_by(Notification.intent_id, Notification.vendor_id)
        .subquery()
    )
    now = bindparam("now", type_=MomentType)
    # Who waited for its turn is measured from when it came.
    routed = func.coalesce(Lead.turn_came_at, Lead.routed_at, type_=MomentType())

    def after(moment: Any) -> Any:
        return seconds_between(moment, Lead.delivered_at)

    return (
        select(
            Lead.intent_id,
            Lead.vendor_id,
            Vendor.slug,
            days_since_1970(routed).label("day"),
            _plain(Lead.withheld).label("withheld"),
            Lead.notified_at.is_not(None).label("notified"),
            Lead.delivered_at.is_not(None).label("delivered"),
            _plain(Lead.undelivered).label("undelivered"),
            seconds_between(Lead.delivered_at, routed).label("delivered_after_s"),
            seconds_since_1970(Lead.delivered_at).label("delivered_s"),
            after(Lead.seen_at).label("seen_after_s"),
            _plain(Lead.seen_by).label("seen_by"),
            Intent.account_id,
            Intent.category_id,
            Intent.region_id,
            after(Intent.closed_at).label("closed_after_s"),
            _plain(Intent.outcome).label("outcome"),
            _plain(Channel.kind).label("channel"),
            after(first.c.at).label("response_after_s"),
            _plain(first.c.kind).label("response_kind"),
            _plain(first.c.actor).label("response_actor"),
            after(now).label("observed_s"),
            Assignment.arm,
            Experiment.code.label("experiment"),
            Assignment.block,
            _plain(Experiment.ethics).label("ethics"),
        )
        .join(Intent, Intent.id == Lead.intent_id)
        .join(Vendor, Vendor.id == Lead.vendor_id)
        .outerjoin(
            first,
            (first.c.intent_id == Lead.intent_id) & (first.c.vendor_id == Lead.vendor_id) & (first.c.place == 1),
        )
        .outerjoin(told, (told.c.intent_id == Lead.intent_id) & (told.c.vendor_id == Lead.vendor_id))
        .outerjoin(Channel, Channel.id == told.c.channel_id)
        .outerjoin(Assignment, Assignment.intent_id == Lead.intent_id)
        .outerjoin(Experiment, Experiment.id == Assignment.experiment_id)
        .where(Intent.canary_for.is_(None))  # Nobody wants them, and nobody is to learn that they are there.
        .order_by(Lead.intent_id, Lead.vendor_id)
    )


def _plain(column: Any) -> Any:
    """The word as the store has it: making a member of a closed set of each is not free, a million times."""
    return type_coerce(column, String)


class _Fetched:
    """Rows of the query, column by column, taken up in parts: a million rows never stand in memory together."""

    def __init__(self, session: Session, query: Select[*tuple[Any, ...]], now: datetime) -> None:
        self._names = query.selected_columns.keys()
        self._known: dict[str, dict[Any, int]] = {name: {} for name in _FEW}
        self._parts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in self._names}
        result = session.connection().execute(query, {"now": now})
        # The driver's own tuples: a session's and an engine's rows take as long again as fetching them.
        while rows := result.cursor.fetchmany(_AT_ONCE):
            for name, cells in zip(self._names, zip(*rows, strict=True), strict=True):
                self._parts[name].append(self._coded(name, cells) if name in _FEW else _seconds(cells))
        result.close()

    def _coded(self, name: str, cells: Sequence[Any]) -> NDArray[np.int64]:
        known = self._known[name]
        for cell in dict.fromkeys(cells):
            known.setdefault(cell, len(known))
        return np.fromiter(map(known.__getitem__, cells), dtype=np.int64, count=len(cells))

    def numbers(self, name: str) -> NDArray[np.int64]:
        """A column of whole numbers; MISSING where there is none."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *self._parts[name]])

    def words(self, label: Callable[..., str], *of: str) -> Words:
        """What `label` says of the cells of these columns, all of _FEW; asked once for each combination that occurs."""
        mixed, known = self.numbers(of[0]), [list(self._known[name]) for name in of]
        for name, cells in zip(of[1:], known[1:], strict=True):
            mixed = mixed * len(cells) + self.numbers(name)
        found = np.flatnonzero(np.bincount(mixed))
        codes = np.unravel_index(found, [max(len(cells), 1) for cells in known])
        cells_of = [[cells[code] for code in column.tolist()] for cells, column in zip(known, codes, strict=True)]
        labels = Words.of([label(*cells) for cells in zip(*cells_of, strict=True)])
        place = np.zeros(int(found.max(initial=0)) + 1, dtype=np.int32)
        place[found] = labels.codes
        return Words(labels.labels, place[mixed])


def _leads(session: Session, now: datetime, category: Name, region: Name, vendor_id: int | None = None) -> Fine:
    trees, selves, hours = taxonomy.trees(session), self_intents(session), versions(session)
    query = leads_query() if vendor_id is None else leads_query().where(Lead.vendor_id == vendor_id)
    found = _Fetched(session, query, now)
    intent, slug = found.numbers("intent_id"), found.words(str, "slug")
    vendor, delivered_s = found.numbers("vendor_id"), found.numbers("delivered_s")
    nothing = np.full(intent.size, MISSING)
    seconds = {name: found.numbers(name) if name in query.selected_columns else nothing for name in SECONDS}
    if hours:  # Of vendors who said none, nothing is known: the column stays empty.
        seconds["business_wait_s"] = business_waits(hours, vendor, delivered_s, seconds["response_after_s"])
    status = found.words(_delivery, "withheld", "delivered", "undelivered", "notified")

    def word(name: str) -> Words:
        return found.words(lambda cell: cell or "", name)

    table = LeadTable(
        words={
            "snapshot_id": Words(("live",) if intent.size else (), np.zeros(intent.size, dtype=np.int32)),
            "lead_id": Words(
                tuple(
                    f"{want}-{slug.labels[code]}"
                    for want, code in zip(intent.tolist(), slug.codes.tolist(), strict=True)
                ),
                np.arange(intent.size, dtype=np.int32),
            ),
            "intent_id": _numbered(intent),
            "vendor_id": slug,
            "iso_week": found.words(_iso_week, "day"),
            "category": found.words(lambda id_: category(trees.categories, id_) if id_ else "", "category_id"),
            "region": found.words(lambda id_: region(trees.regions, id_) if id_ else "", "region_id"),
            "arm": word("arm"),
            "randomisation_block": found.words(
                lambda experiment, block: f"{experiment} {block}" if experiment else "", "experiment", "block"
            ),
            "channel": word("channel"),
            "delivery_status": status,
            "seen_basis": word("seen_by"),
            "response_kind": word("response_kind"),
            "response_actor": word("response_actor"),
            "intent_outcome": found.words(lambda cell: cell or "open", "outcome"),
            "excluded_reason": _excluded(found, selves),
        },
        seconds=seconds,
        contact_interval_ok=_reached(status),
        row_numbers=np.arange(1, intent.size + 1),
    )
    return Fine(table, vendor, delivered_s)


def _numbered(ids: NDArray[np.int64]) -> Words:
    found, codes = np.unique(ids, return_inverse=True)
    return Words(tuple(map(str, found.tolist())), codes.astype(np.int32))


def _excluded(found: _Fetched, selves: Collection[tuple[int, int]]) -> Words:
    """Wants of the vendor's own people first, then those of studies."""
    reasons = found.words(lambda ethics: Excluded.TEST_INTENT if ethics == Ethics.STUDY else "", "ethics")
    if not selves:
        return reasons
    pairs = zip(found.numbers("account_id").tolist(), found.numbers("vendor_id").tolist(), strict=True)
    own = np.fromiter((pair in selves for pair in pairs), dtype=np.bool_)
    labels = (*reasons.labels, Excluded.SELF_INTENT)
    return Words(labels, np.where(own, len(reasons.labels), reasons.codes).astype(np.int32)).renamed(str)


def _seconds(cells: Sequence[int | None]) -> NDArray[np.int64]:
    """MISSING for None, which a float says quicker than a look at each cell; a double holds these seconds exactly."""
    if None not in cells:
        return np.fromiter(cells, dtype=np.int64, count=len(cells))
    found = np.array(cells, dtype=np.float64)
    missing = np.isnan(found)
    found[missing] = 0.0
    return np.where(missing, MISSING, found.astype(np.int64))


def _reached(status: Words) -> NDArray[np.int8]:
    """Whether the vendor had a channel that worked at the time, as far as the lead's own way shows it."""
    known = {Delivery.DELIVERED.value: 1} | {failed.value: 0 for failed in FAILED}
    by_code = np.array([known.get(label, -1) for label in status.labels] or [-1], dtype=np.int8)
    return by_code[status.codes]


def _delivery(withheld: str | None, delivered: bool, undelivered: str | None, notified: bool) -> str:
    if withheld:
        return Delivery.WITHHELD
    if delivered:
        return Delivery.DELIVERED
    if undelivered:
        return _UNDELIVERED[Undelivered(undelivered)]
    return Delivery.UNKNOWN if notified else Delivery.PENDING


def _iso_week(day: int) -> str:
    week = (_FIRST_DAY + timedelta(days=day)).isocalendar()
    return f"{week.year}-W{week.week:02d}"


def _slug(tree: Tree, node_id: int) -> str:
    return tree.node(node_id).slug


def _top(tree: Tree, node_id: int) -> str:
    return tree.path(node_id)[0].label


def _country(tree: Tree, node_id: int) -> str:
    return next((node.label for node in tree.path(node_id) if node.kind == "country"), tree.label(node_id))
