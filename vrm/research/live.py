"""The live store → the table that measuring reads: one row per lead, seconds instead of moments."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session, aliased

from intents.models import Intent
from notifiers.models import Channel, Notification, Topic
from vendors.models import Actor, Lead, Response, Undelivered, Vendor
from vrm.kernel import taxonomy
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Tree
from vrm.research.table import Delivery, LeadRow, LeadTable, from_rows

_UNDELIVERED = {
    Undelivered.NO_CHANNEL: Delivery.NO_CHANNEL,
    Undelivered.BOUNCED: Delivery.BOUNCED,
    Undelivered.REFUSED: Delivery.REFUSED,
    Undelivered.UNREACHABLE: Delivery.UNDELIVERED,
    Undelivered.SWITCHED_OFF: Delivery.SWITCHED_OFF,
    Undelivered.TOO_LATE: Delivery.UNDELIVERED,
}


def live_table(session: Session, now: datetime, *, vendor_id: int | None = None) -> LeadTable:
    """Every lead, or those of one vendor, at `now`; vendor's slug, top category and country are groups.

    Not for publishing: nothing is suppressed or pseudonymous here.
    """
    trees = taxonomy.trees(session)
    query = _query() if vendor_id is None else _query().where(Lead.vendor_id == vendor_id)
    return from_rows(_lead_row(row, trees, now) for row in session.execute(query))


def _query() -> Select[*tuple[Any, ...]]:
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
    return (
        select(
            Lead.intent_id,
            Lead.routed_at,
            Lead.withheld,
            Lead.notified_at,
            Lead.delivered_at,
            Lead.undelivered,
            Lead.seen_at,
            Lead.seen_by,
            Intent.category_id,
            Intent.region_id,
            Intent.closed_at,
            Intent.outcome,
            Vendor.slug,
            Channel.kind.label("channel"),
            first.c.at.label("response_at"),
            first.c.kind.label("response_kind"),
            first.c.actor.label("response_actor"),
        )
        .join(Intent, Intent.id == Lead.intent_id)
        .join(Vendor, Vendor.id == Lead.vendor_id)
        .outerjoin(
            first,
            (first.c.intent_id == Lead.intent_id) & (first.c.vendor_id == Lead.vendor_id) & (first.c.place == 1),
        )
        .outerjoin(told, (told.c.intent_id == Lead.intent_id) & (told.c.vendor_id == Lead.vendor_id))
        .outerjoin(Channel, Channel.id == told.c.channel_id)
        .order_by(Lead.intent_id, Lead.vendor_id)
    )


def _lead_row(row: Row[*tuple[object, ...]], trees: Trees, now: datetime) -> LeadRow:
    delivered_at: datetime | None = row.delivered_at

    def after(moment: datetime | None) -> int | None:
        """Whole seconds since delivery. Negative ones stay: measuring leaves such a lead out and counts it."""
        if delivered_at is None or moment is None:
            return None
        return int((moment - delivered_at).total_seconds())

    week = row.routed_at.isocalendar()
    return LeadRow(
        snapshot_id="live",
        lead_id=f"{row.intent_id}-{row.slug}",
        intent_id=str(row.intent_id),
        vendor_id=row.slug,
        iso_week=f"{week.year}-W{week.week:02d}",
        category=_top(trees.categories, row.category_id),
        region=_country(trees.regions, row.region_id),
        arm="",
        randomisation_block="",
        channel=row.channel.value if row.channel else "",
        delivery_status=_delivery(row),
        delivered_after_s=int((delivered_at - row.routed_at).total_seconds()) if delivered_at else None,
        seen_after_s=after(row.seen_at),
        seen_basis=row.seen_by.value if row.seen_by else "",
        response_after_s=after(row.response_at),
        response_kind=row.response_kind.value if row.response_kind else "",
        response_actor=row.response_actor.value if row.response_actor else "",
        closed_after_s=after(row.closed_at),
        intent_outcome=row.outcome.value if row.outcome else "open",
        observed_s=after(now),
        business_wait_s=None,
        contact_interval_ok=None,
        excluded_reason="",
    )


def _delivery(row: Row[*tuple[object, ...]]) -> Delivery:
    if row.withheld is not None:
        return Delivery.WITHHELD
    if row.delivered_at is not None:
        return Delivery.DELIVERED
    if row.undelivered is not None:
        return _UNDELIVERED[row.undelivered]
    return Delivery.PENDING if row.notified_at is None else Delivery.UNKNOWN


def _top(tree: Tree, node_id: int | None) -> str:
    return tree.path(node_id)[0].label if node_id is not None else ""


def _country(tree: Tree, node_id: int | None) -> str:
    if node_id is None:
        return ""
    return next((node.label for node in tree.path(node_id) if node.kind == "country"), tree.label(node_id))
