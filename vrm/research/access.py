"""The restricted tier: a researcher asks and agrees, an operator approves, and every look is written down."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from vrm.kernel import text
from vrm.kernel.accounts import Account, audit, ident
from vrm.kernel.errors import BadInput, NotFound, WrongState
from vrm.readers import Access

AGREEMENT = (
    "I use these leads for the purpose that I stated and for nothing else. I do not try to find out who a person or a "
    "vendor is, and I join them with no other data that would. I keep them encrypted, give them to nobody, and delete "
    "them when the work is done or when the operator asks. I publish nothing about fewer than 11 leads. I cite the "
    "snapshot, and tell the operator of any leak within a day."
)


def ask(session: Session, account: Account, now: datetime, *, affiliation: str, purpose: str, agrees: bool) -> Access:
    """Ask for the restricted tier. BadInput with a sentence per field, WrongState while an earlier request stands."""
    if of_account(session, account) is not None:
        raise WrongState("You have asked already; the operator will answer.")
    problems: dict[str, str] = {}
    cleaned: dict[str, str] = {}
    for name, label in (("affiliation", "Where you work"), ("purpose", "The purpose")):
        given = {"affiliation": affiliation, "purpose": purpose}[name]
        try:
            if name == "affiliation":
                cleaned[name] = text.line(given, field=name, label=label, most=200)
            else:
                cleaned[name] = text.prose(given, field=name, label=label, most=4_000)
                if len(cleaned[name]) < 20:
                    problems[name] = "Please say in a sentence or two what you want to find out."
        except BadInput as error:
            problems |= error.problems
    if not agrees:
        problems["agrees"] = "The restricted tier needs your agreement; tick the box once you have read it."
    if problems:
        raise BadInput(problems)
    access = Access(account_id=account.id, account=account, agreement=AGREEMENT, agreed_at=now, **cleaned)
    session.add(access)
    session.flush()
    audit(session, "research.asked", ident(account), now, by=account)
    return access


def of_account(session: Session, account: Account) -> Access | None:
    """The account's request that stands, approved or not."""
    mine = select(Access).where(Access.account_id == account.id, Access.ended_at.is_(None))
    return session.scalar(mine.order_by(Access.id.desc()).limit(1))


def approve(session: Session, access_id: int, operator: Account, now: datetime) -> None:
    """Give access; the account counts as a researcher from now on."""
    access = _by_id(session, access_id)
    access.approved_at, access.approved_by = access.approved_at or now, operator.id
    access.account.is_researcher = True
    audit(session, "research.approved", ident(access.account), now, by=operator)
    session.flush()


def end(session: Session, access_id: int, operator: Account, now: datetime) -> None:
    """Refuse, or take back."""
    access = _by_id(session, access_id)
    access.ended_at = access.ended_at or now
    audit(session, "research.ended", ident(access.account), now, by=operator)
    session.flush()


def may_read(session: Session, account: Account) -> bool:
    """Whether the account may have the restricted tier."""
    access = of_account(session, account)
    return access is not None and access.approved_at is not None


def waiting(session: Session) -> list[Access]:
    """Requests that stand, those without an answer first."""
    found = session.scalars(select(Access).where(Access.ended_at.is_(None)).order_by(Access.id)).all()
    return sorted(found, key=lambda access: access.approved_at is not None)


def _by_id(session: Session, access_id: int) -> Access:
    access = session.get(Access, access_id) if 0 < access_id < 2**63 else None
    if access is None:
        raise NotFound("There is no such request.")
    return access
