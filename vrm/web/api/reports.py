"""What programs say to the operator: a report of a want, a vendor or a conversation, and the answer to a hold."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from intents import holds, publish
from intents.holds import HeldBy
from intents.models import Intent
from vendors import leads, reports, team
from vendors.models import Vendor
from vendors.reports import Reason
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput, NotFound
from vrm.web.api.bearer import Caller
from vrm.web.api.intents import own
from vrm.web.api.leads import vendors_lead
from vrm.web.api.operations import Routes
from vrm.web.api.problems import WrongScope
from vrm.web.api.shapes import Given, Told

ROUTES = Routes("To the operator")
EITHER = (Scope.INTENTS_WRITE, Scope.VENDORS_WRITE)


class NewReport(Given):
    """What is wrong with it. The same account's second report of the same thing replaces the first."""

    reason: Reason
    words: Annotated[str, Field(description="Needed when the reason is `other`.")] = ""


class HoldOut(Told):
    """Why an operator looks at a want before anybody hears of it."""

    held_at: datetime
    held_by: HeldBy
    why: str
    answer: str = Field(description="Yours, if you gave one.")
    answered_at: datetime | None


class HoldAnswer(Given):
    """Your word to the operator, once."""

    answer: Annotated[str, Field(examples=["It is one of a kind: I have three shops."])]


@ROUTES.add("POST", "/wants/{code}/report", scopes=EITHER, body=NewReport, status=204)
def report_want(caller: Caller, code: str, body: NewReport) -> None:
    """Report a want that anybody may see. An operator looks at it, and you are told by mail what came of it."""
    intent = publish.by_code(caller.session, code)
    if intent.opened_at is None or intent.held_at is not None:
        raise NotFound("There is no such want.")
    _keep(caller, body, intent=intent)


@ROUTES.add("POST", "/vendors/{slug}/report", scopes=EITHER, body=NewReport, status=204)
def report_vendor(caller: Caller, slug: str, body: NewReport) -> None:
    """Report a vendor for what it says of itself. An operator looks at it."""
    _keep(caller, body, vendor=team.by_slug(caller.session, slug))


@ROUTES.add("POST", "/leads/{code}/report", scopes=EITHER, body=NewReport, status=204)
def report_conversation(caller: Caller, code: str, body: NewReport) -> None:
    """Report what was said, as one of the two who say it. An operator may then read the conversation."""
    lead = leads.by_code(caller.session, code)
    mine = lead.intent.account_id == caller.account.id
    if not mine:
        lead = vendors_lead(caller, code)
    elif lead.withheld is not None:
        raise NotFound("There is no such lead.")
    needed = Scope.INTENTS_WRITE if mine else Scope.VENDORS_WRITE
    if not caller.may(needed):
        raise WrongScope([needed])
    _keep(caller, body, intent=lead.intent, vendor=lead.vendor)


def _keep(caller: Caller, said: NewReport, *, intent: Intent | None = None, vendor: Vendor | None = None) -> None:
    if said.reason is Reason.OTHER and not said.words.strip():
        raise BadInput({"words": "Say in a sentence what it is, since the reason is “other”."})
    reports.count(caller.session, f"account {caller.account.id}", caller.now)
    reports.report(
        caller.session,
        caller.now,
        intent=intent,
        vendor=vendor,
        reason=said.reason,
        words=said.words,
        account=caller.account,
    )


@ROUTES.add("GET", "/intents/{code}/hold", scopes=(Scope.INTENTS_READ,), answer=HoldOut)
def read_hold(caller: Caller, code: str) -> HoldOut:
    """Why one of your wants is held. 404 when it is not."""
    held = holds.current(caller.session, own(caller, code))
    if held is None:
        raise NotFound("There is no such want.")
    return HoldOut(
        held_at=held.held_at, held_by=held.held_by, why=held.why, answer=held.answer, answered_at=held.answered_at
    )


@ROUTES.add(
    "POST",
    "/intents/{code}/hold/answer",
    scopes=(Scope.INTENTS_WRITE,),
    body=HoldAnswer,
    answer=HoldOut,
    refuses=(409,),
)
def answer_hold(caller: Caller, code: str, body: HoldAnswer) -> HoldOut:
    """Tell the operator why it should go on. They read it before they decide."""
    holds.answer(caller.session, own(caller, code), body.answer, caller.now)
    return read_hold(caller, code)
