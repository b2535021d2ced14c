"""The restricted tier: the leads of a snapshot with their moments, for researchers whom the operator approved.

Its ids are the store's own, so that late questions can be answered; hence it never leaves without an agreement.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents.models import Intent
from vendors.models import Lead, Vendor
from vrm.research.files import rows
from vrm.research.table import COLUMNS, LeadTable

MOMENTS = ("routed_at", "notified_at", "delivered_at", "seen_at", "responded_at", "closed_at")


def write_restricted(session: Session, now: datetime, table: LeadTable, file: Path) -> None:
    """A CSV with the public columns, unrounded, and MOMENTS in UTC. Nobody but its owner may read the file."""
    moments = {
        f"{intent_id}-{slug}": found
        for intent_id, slug, *found in session.execute(
            select(
                Lead.intent_id,
                Vendor.slug,
                Lead.routed_at,
                Lead.notified_at,
                Lead.delivered_at,
                Lead.seen_at,
                Lead.responded_at,
                Intent.closed_at,
            )
            .join(Intent, Intent.id == Lead.intent_id)
            .join(Vendor, Vendor.id == Lead.vendor_id)
            .where(Lead.routed_at <= now)
        )
    }
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*COLUMNS, *MOMENTS])
        for row in rows(table):
            found = moments.get(str(row["lead_id"]), [None] * len(MOMENTS))
            writer.writerow([*(_cell(row[name]) for name in COLUMNS), *map(_moment, found)])


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else value


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
