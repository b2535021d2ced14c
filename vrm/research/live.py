"""The live store → the table that measuring reads: one row per lead, seconds instead of moments."""

from collections.abc import Callable, Iterable
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

Name = Callable[[Tree, int], str]


def live_table(session: Session, now: datetime, *, vendor_id: int | None = None) -> LeadTable:
    """Every lead, or those of one vendor, at `now`; vendor's slug, top category and country are groups.

    Not for publishing: nothing is suppressed or pseudonymous here.
    """
    return _table(session, now, _top, _country, vendor_id)


def fine_table(session: Session, now: datetime) -> LeadTable:
    """The same with the slugs of the nodes themselves, for what is published from it; see `paths`."""
    return _table(session, now, _slug, _slug)


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


def _table(session: Session, now: datetime, category: Name, region: Name, vendor_id: int | None = None) -> LeadTable:
    trees, selves, hours = taxonomy.trees(session), self_intents(session), versions(session)
    query = leads_query() if vendor_id is None else leads_query().where(Lead.vendor_id == vendor_id)
    fetched = session.execute(query, {"now": now}).fetchall()
    names = leads_query().selected_columns.keys()
    columns = dict(zip(names, zip(*fetched, strict=True) if fetched else [()] * len(names), strict=True))

    def words(name: str, label: Callable[[Any], str] = lambda cell: cell or "") -> Words:
        known: dict[Any, str] = {}
        return Words.of(known[cell] if cell in known else known.setdefault(cell, label(cell)) for cell in columns[name])

    def several(label: Callable[..., str], *of: str) -> Words:
        return Words.of(map(label, *(columns[name] for name in of)))

    seconds = {name: _seconds(columns.get(name, [None] * len(fetched))) for name in SECONDS}
    if hours:  # Of vendors who said none, nothing is known: the column stays empty.
        vendor, delivered_s = (_seconds(columns[name]) for name in ("vendor_id", "delivered_s"))
        seconds["business_wait_s"] = business_waits(hours, vendor, delivered_s, seconds["response_after_s"])
    status = several(_delivery, "withheld", "delivered_after_s", "undelivered", "notified")
    return LeadTable(
        words={
            "snapshot_id": Words.of("live" for _ in fetched),
            "lead_id": several(lambda intent_id, slug: f"{intent_id}-{slug}", "intent_id", "slug"),
            "intent_id": words("intent_id", str),
            "vendor_id": words("slug"),
            "iso_week": words("day", _iso_week),
            "category": words("category_id", lambda id_: category(trees.categories, id_) if id_ else ""),
            "region": words("region_id", lambda id_: region(trees.regions, id_) if id_ else ""),
            "arm": words("arm"),
            "randomisation_block": several(
                lambda experiment, block: f"{experiment} {block}" if experiment else "", "experiment", "block"
            ),
            "channel": words("channel"),
            "delivery_status": status,
            "seen_basis": words("seen_by"),
            "response_kind": words("response_kind"),
            "response_actor": words("response_actor"),
            "intent_outcome": words("outcome", lambda cell: cell or "open"),
            "excluded_reason": several(
                lambda account, vendor, ethics: (
                    Excluded.SELF_INTENT
                    if (account, vendor) in selves
                    else Excluded.TEST_INTENT
                    if ethics == Ethics.STUDY
                    else ""
                ),
                "account_id",
                "vendor_id",
                "ethics",
            ),
        },
        seconds=seconds,
        contact_interval_ok=_reached(status),
        row_numbers=np.arange(1, len(fetched) + 1),
    )


def _seconds(cells: Iterable[int | None]) -> NDArray[np.int64]:
    return np.fromiter((MISSING if cell is None else cell for cell in cells), dtype=np.int64)


def _reached(status: Words) -> NDArray[np.int8]:
    """Whether the vendor had a channel that worked at the time, as far as the lead's own way shows it."""
    known = {Delivery.DELIVERED.value: 1} | {failed.value: 0 for failed in FAILED}
    by_code = np.array([known.get(label, -1) for label in status.labels] or [-1], dtype=np.int8)
    return by_code[status.codes]


def _delivery(withheld: str | None, delivered_after_s: int | None, undelivered: str | None, notified: bool) -> str:
    if withheld:
        return Delivery.WITHHELD
    if delivered_after_s is not None:
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
