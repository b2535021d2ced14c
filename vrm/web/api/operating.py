"""What waits for operators, through the API: reports, held wants, suspensions, messages that were given up.

Looked at and decided with the scope `operator`, which only operators' tokens can have. No answer holds anybody's
address or what was said in a conversation: those looks are for people, on the pages.
"""

from datetime import datetime

from pydantic import Field

from intents import holds, publish
from intents.holds import HeldBy
from notifiers import again
from vendors import reports, team
from vendors.reports import Reason, Report
from vrm import moderation
from vrm.kernel import accounts
from vrm.kernel.accounts import Account, Scope, audit
from vrm.web.api.bearer import Caller
from vrm.web.api.messages import Count, LostOut, MessageOut, Span
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Told

ROUTES = Routes("Operating")
OPERATOR = (Scope.OPERATOR,)
_AT_MOST = 100
_LOST_AT_MOST = 200


class Because(Given):
    """A sentence for whom it concerns; they are told."""

    why: str


class HeldOut(Told):
    """A want that is held, and what its author said to that."""

    code: str
    title: str
    account: int = Field(description="Of its author, by number.")
    held_at: datetime
    held_by: HeldBy
    why: str
    answer: str
    answered_at: datetime | None


class HeldList(Told):
    """Held wants, the longest held first, at most 100."""

    items: list[HeldOut]


class ReportOut(Told):
    """What somebody reported: a want, a vendor or, with both, what the two said to each other."""

    id: int
    at: datetime
    reason: Reason
    words: str
    account: int | None = Field(description="Of who reported it, by number; null for somebody who was not signed in.")
    want: str | None
    vendor: str | None


class ReportList(Told):
    """Open reports, the oldest first, at most 100."""

    items: list[ReportOut]


class LostThere(LostOut):
    """A message that was given up, and at which vendor."""

    vendor: str
    can_be_sent_again: bool


class LostEverywhere(Told):
    """What did not arrive at any vendor in the last 30 days, the newest first, at most 200."""

    items: list[LostThere]


# --- Wants ----------------------------------------------------------------------------------------


@ROUTES.add("GET", "/operator/holds", scopes=OPERATOR, answer=HeldList)
def list_holds(caller: Caller) -> HeldList:
    """Wants that are held, and why."""
    return HeldList(
        items=[
            HeldOut(
                code=held.intent.code,
                title=held.intent.title,
                account=held.intent.account_id,
                held_at=held.held_at,
                held_by=held.held_by,
                why=held.why,
                answer=held.answer,
                answered_at=held.answered_at,
            )
            for held in holds.queue(caller.session, _AT_MOST)
        ]
    )


@ROUTES.add("POST", "/operator/wants/{code}/hold", scopes=OPERATOR, body=Because, status=204, refuses=(409,))
def hold_want(caller: Caller, code: str, body: Because) -> None:
    """Hold a want: nobody new hears of it, and its author is told why. Reports of it are closed."""
    moderation.hold(caller.session, publish.by_code(caller.session, code), caller.now, by=caller.account, why=body.why)


@ROUTES.add("POST", "/operator/wants/{code}/release", scopes=OPERATOR, status=204, refuses=(409,))
def release_want(caller: Caller, code: str) -> None:
    """Let a held want go on as its author meant it."""
    moderation.release(caller.session, publish.by_code(caller.session, code), caller.now, by=caller.account)


@ROUTES.add("POST", "/operator/wants/{code}/remove", scopes=OPERATOR, status=204, refuses=(409,))
def remove_want(caller: Caller, code: str) -> None:
    """Close a want for good. Its author is told, and vendors hear that it is over; reports of it are closed."""
    moderation.remove(caller.session, publish.by_code(caller.session, code), caller.now, by=caller.account)


# --- Reports --------------------------------------------------------------------------------------


@ROUTES.add("GET", "/operator/reports", scopes=OPERATOR, answer=ReportList)
def list_reports(caller: Caller) -> ReportList:
    """Reports that wait. What was said in a conversation is read on the page, where the look is written down."""
    return ReportList(
        items=[
            ReportOut(
                id=found.id,
                at=found.at,
                reason=found.reason,
                words=found.words,
                account=found.account_id,
                want=found.intent.code if found.intent is not None else None,
                vendor=found.vendor.slug if found.vendor is not None else None,
            )
            for found in reports.queue(caller.session, _AT_MOST)
        ]
    )


@ROUTES.add("POST", "/operator/reports/{report}/dismiss", scopes=OPERATOR, status=204, refuses=(409,))
def dismiss_report(caller: Caller, report: str) -> None:
    """Nothing is wrong with it. To act on a report, hold or remove the want, or suspend the vendor."""
    moderation.dismiss(caller.session, _report(caller, report), caller.now, by=caller.account)


@ROUTES.add("POST", "/operator/reports/{report}/blank", scopes=OPERATOR, status=204, refuses=(409,))
def blank_conversation(caller: Caller, report: str) -> None:
    """Take away what was said in the conversation that is reported; both sides see that an operator did."""
    moderation.take_words_away(caller.session, _report(caller, report), caller.now, by=caller.account)


# --- Vendors and accounts -------------------------------------------------------------------------


@ROUTES.add("POST", "/operator/vendors/{slug}/suspend", scopes=OPERATOR, body=Because, status=204, refuses=(409,))
def suspend_vendor(caller: Caller, slug: str, body: Because) -> None:
    """Tell a vendor of nothing more, and its people why. Reports of it are closed."""
    vendor = team.by_slug(caller.session, slug)
    moderation.suspend_vendor(caller.session, vendor, caller.now, by=caller.account, why=body.why)


@ROUTES.add("POST", "/operator/vendors/{slug}/restore", scopes=OPERATOR, status=204, refuses=(409,))
def restore_vendor(caller: Caller, slug: str) -> None:
    """Let a suspended vendor go on; it hears of what is still open."""
    moderation.restore_vendor(caller.session, team.by_slug(caller.session, slug), caller.now, by=caller.account)


@ROUTES.add("POST", "/operator/accounts/{account}/suspend", scopes=OPERATOR, body=Because, status=204, refuses=(409,))
def suspend_account(caller: Caller, account: str, body: Because) -> None:
    """Sign an account out, refuse its tokens, hold its wants, and tell it why. Never an operator's."""
    found = _account(caller, account)
    moderation.suspend_account(caller.session, found, caller.now, by=caller.account, why=body.why)


@ROUTES.add("POST", "/operator/accounts/{account}/restore", scopes=OPERATOR, status=204, refuses=(409,))
def restore_account(caller: Caller, account: str) -> None:
    """Let a suspended account come in again; wants that were held by that go on."""
    moderation.restore_account(caller.session, _account(caller, account), caller.now, by=caller.account)


# --- Messages that were given up ------------------------------------------------------------------


@ROUTES.add("GET", "/operator/lost", scopes=OPERATOR, answer=LostEverywhere)
def list_lost_everywhere(caller: Caller) -> LostEverywhere:
    """What did not arrive at any vendor in the last 30 days, each with its last attempt."""
    items = []
    for one in again.lost(caller.session, None, caller.now, limit=_LOST_AT_MOST):
        channel = one.notification.channel
        if channel is not None:
            message = MessageOut.of(one.notification, [one.attempt] if one.attempt is not None else [])
            able = again.can_again(one.notification, caller.now)
            items.append(
                LostThere(**dict(message), channel=channel.code, vendor=channel.vendor.slug, can_be_sent_again=able)
            )
    return LostEverywhere(items=items)


@ROUTES.add("POST", "/operator/lost/{message}/again", scopes=OPERATOR, status=204, refuses=(409,))
def send_lost_again(caller: Caller, message: str) -> None:
    """Send one of them again, with the id that it had."""
    found = again.by_wire_id(caller.session, None, message)
    again.resend(caller.session, found, caller.now)
    audit(caller.session, "message.sent-again", str(found.id), caller.now, by=caller.account)


@ROUTES.add("POST", "/operator/lost/again", scopes=OPERATOR, body=Span, answer=Count)
def send_all_lost_again(caller: Caller, body: Span) -> Count:
    """Send again what was given up, as after an outage of ours: at most 1,000, the oldest first, each with its id.

    Channels that are paused or switched off are left out.
    """
    count = again.resend_lost(caller.session, body.since, body.until, caller.now)
    span = f"{body.since:%Y-%m-%dT%H:%M}/{body.until:%Y-%m-%dT%H:%M}"
    audit(caller.session, "message.sent-again", span, caller.now, by=caller.account, messages=count)
    return Count(count=count)


def _report(caller: Caller, number: str) -> Report:
    return reports.by_id(caller.session, int(number) if number.isascii() and number.isdigit() else 0)


def _account(caller: Caller, number: str) -> Account:
    return accounts.by_number(caller.session, int(number) if number.isascii() and number.isdigit() else 0)
