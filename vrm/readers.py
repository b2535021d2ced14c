"""Tables of who reads the research bench: who may have the restricted tier."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import Text

from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Id, Line, Moment, Ref


class Access(Base):
    """A researcher's request for the restricted tier, with the agreement as it was read and what became of it."""

    __tablename__ = "research_accesses"
    __table_args__ = (Index("ix_research_accesses_account", "account_id", "id"),)

    id: Mapped[Id]
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    affiliation: Mapped[Line]
    purpose: Mapped[str] = mapped_column(Text)
    agreement: Mapped[str] = mapped_column(Text)  # The words that were agreed to.
    agreed_at: Mapped[Moment]
    approved_at: Mapped[Moment | None]
    approved_by: Mapped[Ref | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    ended_at: Mapped[Moment | None]  # Refused, or taken back.

    account: Mapped[Account] = relationship(foreign_keys=[account_id])
