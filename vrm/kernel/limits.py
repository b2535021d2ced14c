"""How often something may be tried, counted in the store: the same for every process, and after a restart."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Table, case, delete, literal
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from vrm.kernel.db import Base, Moment, MomentType, Word

_FORGET_AFTER = timedelta(days=1)  # Longer than any span that is asked for.


class Tally(Base):
    """How often one thing was tried by one subject since `began_at`. The subject is kept as a hash only."""

    __tablename__ = "tallies"

    key: Mapped[Word] = mapped_column(primary_key=True)
    began_at: Mapped[Moment] = mapped_column(index=True)
    count: Mapped[int]


_TALLIES: Table = Base.metadata.tables[Tally.__tablename__]


def spend(session: Session, what: str, subject: str, now: datetime, *, most: int, per: timedelta) -> timedelta | None:
    """Count one try of `what` by `subject`; None while it is one of `most` in `per`, else how long to wait.

    The count must be committed although the try is refused, so nothing is raised here.
    """
    key = hashlib.sha256(f"{what}\0{subject}".encode("utf-8", "surrogatepass")).hexdigest()
    make = insert_postgresql if session.get_bind().dialect.name == "postgresql" else insert_sqlite
    over = Tally.began_at <= now - per
    statement = (
        make(_TALLIES)
        .values(key=key, began_at=now, count=1)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": case((over, 1), else_=Tally.count + 1),
                "began_at": case((over, literal(now, MomentType())), else_=Tally.began_at),
            },
        )
        .returning(Tally.count, Tally.began_at)
    )
    count, began_at = session.execute(statement).one()
    if count == 1:
        session.execute(delete(Tally).where(Tally.began_at < now - _FORGET_AFTER))
    return None if count <= most else began_at + per - now
