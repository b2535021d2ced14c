"""What an operator decides about a want, a vendor, an account or a report → done, told, and written down.

The desk's pages and the API call the same verbs.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from intents import holds, suspension
from intents.holds import HeldBy
from intents.models import Intent
from notifiers import letters
from vendors import reports, team
from vendors.models import Vendor
from vendors.reports import Report, Ruling
from vrm.kernel.accounts import Account, audit, ident

# --- Wants ----------------------------------------------------------------------------------------


def hold(session: Session, intent: Intent, now: datetime, *, by: Account, why: str) -> None:
    """Nobody new hears of it; its author is told why. BadInput("why") without a sentence, WrongState."""
    holds.hold(session, intent, now, by=HeldBy.OPERATOR, why=why)
    reports.close_about(session, now, intent=intent)
    audit(session, "intent.held", intent.code, now, by=by)


def release(session: Session, intent: Intent, now: datetime, *, by: Account) -> None:
    """It goes on as its author meant it. WrongState unless it is held."""
    holds.release(session, intent, now)
    audit(session, "intent.released", intent.code, now, by=by)


def remove(session: Session, intent: Intent, now: datetime, *, by: Account) -> None:
    """It is over, which vendors who were told hear. WrongState when it was over before."""
    holds.remove(session, intent, now)
    reports.close_about(session, now, intent=intent)
    audit(session, "intent.removed", intent.code, now, by=by)


# --- Reports --------------------------------------------------------------------------------------


def dismiss(session: Session, report: Report, now: datetime, *, by: Account) -> None:
    """Nothing is wrong with what was reported. WrongState when it was decided before."""
    reports.close(session, report, Ruling.DISMISSED, now)
    audit(session, "report.dismissed", f"report:{report.id}", now, by=by)


def take_words_away(session: Session, report: Report, now: datetime, *, by: Account) -> None:
    """Blank what was said in the conversation that is reported; both sides see that. WrongState for another report."""
    gone = reports.take_words_away(session, report)
    reports.close(session, report, Ruling.ACTED, now)
    audit(session, "conversation.blanked", f"report:{report.id}", now, by=by, words=gone)
    audit(session, "report.acted", f"report:{report.id}", now, by=by)


# --- Vendors and accounts -------------------------------------------------------------------------


def suspend_vendor(session: Session, vendor: Vendor, now: datetime, *, by: Account, why: str) -> None:
    """It is told of nothing, and its people are told why. BadInput("why") without a sentence, WrongState."""
    team.suspend(session, vendor, now, why=why)
    letters.owe_suspended(session, vendor, now)
    reports.close_about(session, now, vendor=vendor)
    audit(session, "vendor.suspended", vendor.slug, now, by=by)


def restore_vendor(session: Session, vendor: Vendor, now: datetime, *, by: Account) -> None:
    """It hears of what is still open. WrongState unless it is suspended."""
    team.restore(session, vendor, now)
    audit(session, "vendor.restored", vendor.slug, now, by=by)


def suspend_account(session: Session, account: Account, now: datetime, *, by: Account, why: str) -> None:
    """Sign it out, refuse its tokens, hold its wants, tell it why. BadInput("why") without a sentence, WrongState."""
    suspension.suspend(session, account, now, why=why)
    letters.owe_account(session, account, now)
    audit(session, "account.suspended", ident(account), now, by=by)


def restore_account(session: Session, account: Account, now: datetime, *, by: Account) -> None:
    """Let it come in again; it is told. WrongState unless it is suspended."""
    suspension.restore(session, account, now)
    letters.owe_account(session, account, now)
    audit(session, "account.restored", ident(account), now, by=by)
