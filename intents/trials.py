"""Experiments on wants: plans that were published before the first message, and which arm each want was dealt into.

The deal is made when a want is routed and never again. Arms are dealt in blocks whose order follows from a seed that is
part of the published plan, so that anybody can deal them anew and compare.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship
from sqlalchemy.types import Text

from intents.models import Intent
from vrm.kernel.db import Base, Code, Document, Id, Line, Moment, Ref, Word, choice, partial_index
from vrm.kernel.taxonomy import Trees


class Ethics(StrEnum):
    """What the wants of an experiment are."""

    REAL = "real"  # Of people who want to buy. Arms differ in how vendors are told, never in who is.
    STUDY = "study"  # Nobody means to buy: only vendors who agreed to take part are told.


class Experiment(Base):
    """A plan, its fingerprint, and when it was published, begun and ended."""

    __tablename__ = "experiments"
    __table_args__ = (
        CheckConstraint("started_at IS NULL OR started_at >= registered_at", name="registered_first"),
        CheckConstraint("(ended_at IS NULL) = (ended_because IS NULL)", name="ended_because"),
        # trials.deal, at each routing: the few experiments that run.
        partial_index("ix_experiments_running", "id", where="started_at IS NOT NULL AND ended_at IS NULL"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    title: Mapped[Line]
    ethics: Mapped[Ethics] = mapped_column(choice(Ethics))
    plan: Mapped[dict[str, Any]] = mapped_column(Document)
    digest: Mapped[Word]  # SHA-256 of the plan's canonical JSON.
    account_id: Mapped[Ref | None] = mapped_column(
        ForeignKey("accounts.id", ondelete="SET NULL")
    )  # Of a study's wants.
    registered_at: Mapped[Moment]
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    ended_because: Mapped[Line | None]


class Assignment(Base):
    """The arm into which one want was dealt."""

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("experiment_id", "block", "place"),)

    intent_id: Mapped[Ref] = mapped_column(ForeignKey("intents.id", ondelete="CASCADE"), primary_key=True)
    experiment_id: Mapped[Ref] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    arm: Mapped[Word]
    block: Mapped[Line]
    place: Mapped[int]  # Within its block, from 0, in the order of routing.
    opening: Mapped[str] = mapped_column(Text, default="")  # The arm's words, before the want's own.
    channel: Mapped[Word | None]  # The kind that the arm prefers.
    dealt_at: Mapped[Moment]

    experiment: Mapped[Experiment] = relationship()
    intent: Mapped[Intent] = relationship()


class Consent(Base):
    """A vendor who agreed to take part in a study."""

    __tablename__ = "consents"

    experiment_id: Mapped[Ref] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    # No foreign key: vendors are a room further up, which this one does not know.
    vendor_id: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    agreed_at: Mapped[Moment]


class Deviation(Base):
    """Where an experiment left its plan, in the words of whoever noticed it."""

    __tablename__ = "deviations"

    id: Mapped[Id]
    experiment_id: Mapped[Ref] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), index=True)
    at: Mapped[Moment]
    sentence: Mapped[str] = mapped_column(Text)


# Built once, for it is asked of every want.
_RUNNING = (
    select(Experiment).where(Experiment.started_at.is_not(None), Experiment.ended_at.is_(None)).order_by(Experiment.id)
)


def deal(session: Session, intent: Intent, trees: Trees, now: datetime) -> Assignment | None:
    """The want's arm, dealt now if it has none and a running experiment covers it; None where none does.

    A want is in one experiment at most: the oldest. Two wants that are routed at the same instant take turns.
    """
    running = session.scalars(_RUNNING).all()
    if not running:
        return None
    dealt = session.get(Assignment, intent.id)
    if dealt is not None:
        return dealt
    experiment = next((each for each in running if _covers(each, intent, trees)), None)
    if experiment is None:
        return None
    session.execute(select(Experiment.id).where(Experiment.id == experiment.id).with_for_update())
    block = _block(experiment.plan, intent, trees)
    mine = (Assignment.experiment_id == experiment.id, Assignment.block == block)
    place = session.scalar(select(func.count()).select_from(Assignment).where(*mine)) or 0
    arm = _by_region(experiment.plan, intent, trees) or arm_at(experiment.plan, block, place)
    assignment = Assignment(
        intent_id=intent.id,
        experiment_id=experiment.id,
        experiment=experiment,
        arm=str(arm["name"]),
        block=block,
        place=place,
        opening=str(arm.get("opening", "")),
        channel=arm.get("channel"),
        dealt_at=now,
    )
    session.add(assignment)
    session.flush()
    return assignment


def arm_at(plan: Mapping[str, Any], block: str, place: int) -> Mapping[str, Any]:
    """The arm of the want at `place` in its block: each round holds every arm equally often, in seeded order."""
    arms: Sequence[Mapping[str, Any]] = plan["arms"]
    size = int(plan["block_size"])
    number, within = divmod(place, size)
    seed = hashlib.sha256(f"{plan['seed']}/{block}/{number}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:8], "big"))
    return arms[int(rng.permutation(np.arange(size) % len(arms))[within])]


def consenting(experiment_id: int) -> Any:
    """The vendors who agreed to take part, as a statement."""
    return select(Consent.vendor_id).where(Consent.experiment_id == experiment_id)


def _covers(experiment: Experiment, intent: Intent, trees: Trees) -> bool:
    own = intent.account_id == experiment.account_id
    if own is not (experiment.ethics is Ethics.STUDY):
        return False
    if intent.category_id is None or intent.region_id is None:
        return False
    category, region = (
        trees.categories.by_slug(experiment.plan["category"]),
        trees.regions.by_slug(experiment.plan["region"]),
    )
    return (
        category is not None
        and region is not None
        and trees.categories.covers(category.id, intent.category_id)
        and trees.regions.covers(region.id, intent.region_id)
    )


def _block(plan: Mapping[str, Any], intent: Intent, trees: Trees) -> str:
    """What the arms are balanced within: top category, country, both, or nothing."""
    parts = []
    if "category" in plan["blocks"] and intent.category_id is not None:
        parts.append(trees.categories.path(intent.category_id)[0].slug)
    if "region" in plan["blocks"] and intent.region_id is not None:
        path = trees.regions.path(intent.region_id)
        parts.append(next((node.slug for node in path if node.kind == "country"), path[-1].slug))
    return "/".join(parts) or "all"


def _by_region(plan: Mapping[str, Any], intent: Intent, trees: Trees) -> Mapping[str, Any] | None:
    """The arm that is tied to the want's region, where the plan compares regions: not dealt, and told as such."""
    for arm in plan["arms"]:
        node = trees.regions.by_slug(str(arm.get("region", "")))
        if node is not None and intent.region_id is not None and trees.regions.covers(node.id, intent.region_id):
            found: Mapping[str, Any] = arm
            return found
    return None
