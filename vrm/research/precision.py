"""Answers → the broker's precision: of the wants that vendors judged, how many were rightly brought to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from vendors.models import MISFITS, Actor, DeclineReason, Kind, Response
from vrm.research.survival import Share, wilson


@dataclass(frozen=True, slots=True)
class Precision:
    """M14: of the leads that a person judged, the share that was rightly brought, with Wilson's 95 % interval.

    A plain share of what was judged so far; leads without a judgement are in neither figure.
    """

    fits: int
    misfits: Mapping[DeclineReason, int]

    @property
    def judged(self) -> int:
        return self.fits + sum(self.misfits.values())

    @property
    def share(self) -> Share | None:
        return wilson(self.fits, self.judged)

    def as_json(self) -> dict[str, Any]:
        limits = {"estimate": None, "low": None, "high": None} if self.share is None else self.share.as_json()
        misfits = {reason.value: count for reason, count in self.misfits.items()}
        return {"judged": self.judged, "fits": self.fits, "misfits": misfits, **limits}


def precision(session: Session) -> Precision:
    """Of the whole broker, in one statement."""
    fits = case(((Response.kind != Kind.DECLINE) | (Response.decline_reason == DeclineReason.STOCK), 1), else_=0)
    noise = case((Response.decline_reason.in_(MISFITS), Response.id))
    of_leads = (
        select(func.max(fits).label("fits"), func.max(noise).label("last_no"))
        .where(Response.actor == Actor.HUMAN)
        .group_by(Response.intent_id, Response.vendor_id)
        .subquery()
    )
    because = (
        select(of_leads.c.fits, Response.decline_reason, func.count())
        .select_from(of_leads)
        .outerjoin(Response, Response.id == of_leads.c.last_no)
        .group_by(of_leads.c.fits, Response.decline_reason)
    )
    good, misfits = 0, dict.fromkeys(MISFITS, 0)
    for fitted, reason, count in session.execute(because):
        if fitted:
            good += count
        elif reason is not None:
            misfits[reason] += count
    return Precision(good, misfits)
