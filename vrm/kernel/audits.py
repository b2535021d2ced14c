"""What was written down of who did what → the rows that somebody asks for, the newest first; old ones are forgotten."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from vrm.kernel.accounts import Account, Audit

AT_MOST = 50_000  # Rows of one file.
_BATCH = 500  # Rows that one transaction forgets.


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows; what is None or "" lets all pass."""

    action: str = ""  # A whole action, or the beginning of several before a dot: "account".
    subject: str = ""
    by: int | None = None  # Account.
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the row before which the next page begins; None at the end."""

    rows: tuple[Audit, ...]
    next_before: int | None


def page(session: Session, wanted: Filter, *, before: int | None = None, limit: int = 100) -> Page:
    """The newest rows that pass, older than row `before`."""
    query = _query(wanted).limit(limit + 1)
    found = session.scalars(query if before is None else query.where(Audit.id < before)).all()
    return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)


def plain(session: Session, wanted: Filter) -> Iterator[dict[str, Any]]:
    """The newest AT_MOST rows that pass, in plain values. Accounts are numbers: no row names a person."""
    for row in session.scalars(_query(wanted).limit(AT_MOST)):
        yield {
            "id": row.id,
            "at": row.at.isoformat(),
            "account": row.account_id,
            "action": row.action,
            "subject": row.subject,
            "facts": row.facts,
        }


def actions(session: Session) -> list[str]:
    """Every action that was ever written down."""
    return list(session.scalars(select(Audit.action).distinct().order_by(Audit.action)))


def people(session: Session, rows: tuple[Audit, ...]) -> dict[int, str]:
    """The addresses of the operators among those who did it; of others the number has to do."""
    ids = {row.account_id for row in rows if row.account_id is not None}
    named = select(Account.id, Account.email).where(Account.id.in_(ids), Account.is_operator.is_(True))
    return dict(session.execute(named).all())


def forget(session: Session, now: datetime, *, keep: timedelta) -> int:
    """Delete the oldest of what was kept for longer than `keep`; how many rows. Nothing is measured from them."""
    old = select(Audit.id).where(Audit.at < now - keep).order_by(Audit.at).limit(_BATCH)
    ids = session.scalars(old).all()
    if ids:
        session.execute(delete(Audit).where(Audit.id.in_(ids)).execution_options(synchronize_session=False))
    return len(ids)


def _query(wanted: Filter) -> Select[Audit]:
    query = select(Audit).order_by(Audit.id.desc())
    if wanted.action:
        whole, beginning = Audit.action == wanted.action, Audit.action.startswith(f"{wanted.action}.", autoescape=True)
        query = query.where(whole | beginning)
    if wanted.subject:
        query = query.where(Audit.subject == wanted.subject)
    if wanted.by is not None:
        query = query.where(Audit.account_id == wanted.by)
    if wanted.since is not None:
        query = query.where(Audit.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Audit.at <= wanted.until)
    return query
