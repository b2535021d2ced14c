"""What the author of a sentence made of what was understood, kept with their consent, to teach the reader by."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intents.draft import Budget, Condition, IntentDraft
from intents.understand import MOST_CHARACTERS, Understanding
from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Document, Id, Moment, Ref, Word
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees


class Correction(Base):
    """One sentence with what was understood and what was meant, each in the shape of the committed sentences."""

    __tablename__ = "corrections"

    id: Mapped[Id]
    # Whose it is, so that it goes when they do; never shown.
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(String(MOST_CHARACTERS))
    language: Mapped[Word]
    home: Mapped[str | None] = mapped_column(String(120))  # Slug of the country that its reader seemed to live in.
    understood: Mapped[dict[str, Any]] = mapped_column(Document)
    meant: Mapped[dict[str, Any]] = mapped_column(Document)
    said_at: Mapped[Moment]


def keep(
    session: Session,
    account: Account,
    text: str,
    now: datetime,
    *,
    found: Understanding,
    draft: IntentDraft,
    trees: Trees,
    home_id: int | None,
) -> Correction:
    """Keep a sentence of somebody who agreed, with what was understood of it and the draft that they made of that."""
    first = found.categories[0].node_id if found.categories else None
    kept = Correction(
        account_id=account.id,
        text=text[:MOST_CHARACTERS],
        language=found.language,
        home=trees.regions.node(home_id).slug if home_id is not None else None,
        understood={
            "category": trees.categories.node(first).slug if first is not None else None,
            "places": [place.node.slug for place in found.places],
            "budget": _money(found.budget),
            "needed_by": found.needed_by.isoformat() if found.needed_by else None,
            "condition": found.condition.value if found.condition else None,
            "quantity": found.quantity,
        },
        meant={
            "category": trees.categories.node(draft.category_id).slug if draft.category_id is not None else None,
            "places": [trees.regions.node(draft.region_id).slug] if draft.region_id is not None else [],
            "budget": _money(draft.budget),
            "needed_by": draft.needed_by.isoformat() if draft.needed_by else None,
            "condition": None if draft.condition is Condition.ANY else draft.condition.value,
            "quantity": draft.quantity if draft.quantity > 1 else None,
        },
        said_at=now,
    )
    session.add(kept)
    session.flush()
    return kept


def sentences(session: Session) -> Iterator[dict[str, Any]]:
    """Every sentence kept, the oldest first, as a line of the committed ones: no name, no moment.

    Makes and distances are not asked for in the form, so they are not judged.
    """
    for kept in session.scalars(select(Correction).order_by(Correction.id)):
        meant = kept.meant
        yield {
            "text": kept.text,
            "lang": kept.language,
            "home": kept.home or "world",
            "category": [meant["category"]] if meant["category"] else "any",
            "places": [[slug] for slug in meant["places"]],
            "budget": meant["budget"],
            "needed_by": [meant["needed_by"]] if meant["needed_by"] else [],
            "condition": meant["condition"],
            "quantity": meant["quantity"],
            "brand": None,
            "radius_km": "any",
        }


def count(session: Session, account: Account) -> int:
    """How many sentences of somebody are kept."""
    return session.scalar(select(func.count()).where(Correction.account_id == account.id)) or 0


def forget(session: Session, account: Account) -> int:
    """Erase the sentences of somebody; how many there were."""
    there = count(session, account)
    session.execute(delete(Correction).where(Correction.account_id == account.id))
    return there


def _money(budget: Budget | None) -> dict[str, str | None] | None:
    if budget is None:
        return None
    low, high = (
        None if end is None else f"{Money(end, budget.currency).amount.normalize():f}"
        for end in (budget.min_minor, budget.max_minor)
    )
    return {"min": low, "max": high, "currency": budget.currency}
