"""Browsers that are signed in, a row each, so that a person sees where and ends any of them. Only hashes are stored."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from vrm.kernel import accounts
from vrm.kernel.accounts import Account, digest
from vrm.kernel.db import Base, Code, Id, Moment, Ref, Word, is_code, new_code
from vrm.kernel.errors import NotFound

IDLE_LASTS = timedelta(days=30)  # Without a visit.
LASTS = timedelta(days=180)  # However often it visits.
FRESH_FOR = timedelta(minutes=20)  # After somebody proved who they are, for what hurts.


class BrowserSession(Base):
    """One browser in which somebody is signed in."""

    __tablename__ = "browser_sessions"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)  # Names it to its owner; opens nothing.
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[Word] = mapped_column(unique=True)
    agent: Mapped[Word]  # "Firefox on Linux", as `agent_label` reads it.
    began_at: Mapped[Moment]
    proved_at: Mapped[Moment]  # When somebody last showed here that they are the account's owner.
    last_seen_at: Mapped[Moment]  # To the hour: an exact time would make each page view a write.
    ended_at: Mapped[Moment | None]

    account: Mapped[Account] = relationship()


@dataclass(frozen=True, slots=True)
class Began:
    """A session that just began; `secret` goes into the browser's cookie and is kept nowhere."""

    browser: BrowserSession
    secret: str


def begin(session: Session, account: Account, now: datetime, *, agent: str) -> Began:
    """Sign `account` in, in one browser. `agent` is its User-Agent header. Sessions long over are forgotten."""
    over = or_(BrowserSession.ended_at < now - IDLE_LASTS, BrowserSession.last_seen_at < now - 2 * IDLE_LASTS)
    session.execute(delete(BrowserSession).where(BrowserSession.account_id == account.id, over))
    secret = secrets.token_urlsafe(32)
    browser = BrowserSession(
        code=new_code(),
        account_id=account.id,
        secret_hash=digest(secret),
        agent=agent_label(agent),
        began_at=now,
        proved_at=now,
        last_seen_at=_hour(now),
    )
    session.add(browser)
    session.flush()
    return Began(browser, secret)


def live(session: Session, secret: str, now: datetime, *, writes: bool = False) -> BrowserSession | None:
    """The session with this secret and its account; None when it is over or its account is closed.

    What `writes` goes before an erasure, or finds it done: nothing of somebody is written after they were erased.
    A suspended account has sessions as well: for what may be done with them, see vrm/web/access.py.
    """
    query = (
        select(BrowserSession)
        .where(BrowserSession.secret_hash == digest(secret), *_is_live(now))
        .join(BrowserSession.account)
        .options(contains_eager(BrowserSession.account))
    )
    found = session.scalar(query.with_for_update(of=Account, **accounts.STAYS) if writes else query)
    return None if found is None or found.account.closed_at is not None else found


def is_stale(browser: BrowserSession, now: datetime) -> bool:
    """Whether `seen` has something to write."""
    return browser.last_seen_at < _hour(now)


def seen(session: Session, browser: BrowserSession, now: datetime) -> None:
    """Note that the browser visits."""
    session.execute(
        update(BrowserSession).where(BrowserSession.id == browser.id).values(last_seen_at=_hour(now)),
        execution_options={"synchronize_session": False},
    )


def is_fresh(browser: BrowserSession, now: datetime) -> bool:
    """Whether its owner proved who they are so lately that what hurts may be done without asking again."""
    return browser.proved_at > now - FRESH_FOR


def all_of(session: Session, account: Account, now: datetime) -> Sequence[BrowserSession]:
    """Where the account is signed in, the latest first."""
    found = select(BrowserSession).where(BrowserSession.account_id == account.id, *_is_live(now))
    return session.scalars(found.order_by(BrowserSession.last_seen_at.desc(), BrowserSession.id.desc())).all()


def end(session: Session, account: Account, code: str, now: datetime) -> None:
    """Sign one browser of this account out; NotFound for anybody else's."""
    mine = BrowserSession.account_id == account.id
    found = session.scalar(select(BrowserSession).where(BrowserSession.code == code, mine)) if is_code(code) else None
    if found is None:
        raise NotFound("There is no such session.")
    found.ended_at = found.ended_at or now
    session.flush()


def end_all(session: Session, account: Account, now: datetime, *, but: BrowserSession | None = None) -> None:
    """Sign the account out everywhere, or everywhere else."""
    others = (BrowserSession.account_id == account.id) & BrowserSession.ended_at.is_(None)
    if but is not None:
        others &= BrowserSession.id != but.id
    session.execute(update(BrowserSession).where(others).values(ended_at=now))


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def agent_label(header: str) -> str:
    """A User-Agent header in words that its owner knows; "Another browser" when it tells nothing."""

    def first(names: Sequence[tuple[str, str]], otherwise: str) -> str:
        return next((name for pattern, name in names if re.search(pattern, header)), otherwise)

    browser, system = first(_BROWSERS, ""), first(_SYSTEMS, "")
    return " on ".join(filter(None, (browser or (system and "A browser"), system))) or "Another browser"


def _is_live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        BrowserSession.ended_at.is_(None),
        BrowserSession.last_seen_at > now - IDLE_LASTS,
        BrowserSession.began_at > now - LASTS,
    )


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
