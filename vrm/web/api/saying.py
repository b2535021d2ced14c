"""What a want says, in JSON: the part that its author, a vendor who has it and everybody else see alike."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from intents.draft import Condition
from intents.models import Intent
from vrm.kernel.taxonomy import Trees
from vrm.web.api.shapes import BudgetOut, NodeOut, Told

WITHIN_KM = Field(description="So far around the region’s own point; around which point exactly is not told.")


class WantSays(Told):
    """A want, without its author."""

    code: str
    state: str
    title: str
    body: str
    category: NodeOut | None
    region: NodeOut | None
    budget: BudgetOut | None
    condition: Condition
    quantity: int
    needed_by: date | None
    expires_at: datetime | None
    language: str | None
    opened_at: datetime | None
    closed_at: datetime | None
    revision: int


def said(intent: Intent, trees: Trees) -> dict[str, Any]:
    """The fields of `WantSays`."""
    return {
        "code": intent.code,
        "state": intent.state,
        "title": intent.title,
        "body": intent.body,
        "category": NodeOut.of(trees.categories, intent.category_id),
        "region": NodeOut.of(trees.regions, intent.region_id),
        "budget": BudgetOut.of(intent),
        "condition": intent.condition,
        "quantity": intent.quantity,
        "needed_by": intent.needed_by,
        "expires_at": intent.expires_at,
        "language": intent.language,
        "opened_at": intent.opened_at,
        "closed_at": intent.closed_at,
        "revision": intent.revision,
    }
