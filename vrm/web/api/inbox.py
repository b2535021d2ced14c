"""What a vendor does with its inbox beside answering, through the API: accept terms, several leads at once."""

from typing import Annotated

from pydantic import Field

from vendors import inbox, respond
from vendors.models import DeclineReason, Lead, Via
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput
from vrm.web.api.bearer import Caller
from vrm.web.api.leads import VendorLead, for_vendor, vendors_lead
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import CodeIn, Given, Told
from vrm.web.api.vendors import vendor_for

ROUTES = Routes("Leads")
WRITE = (Scope.VENDORS_WRITE,)
_Codes = Annotated[list[CodeIn], Field(min_length=1, max_length=200, description="Codes of leads.")]


class Several(Given):
    """Which leads."""

    leads: _Codes


class SeveralDeclined(Several):
    """Which leads are not for you, and why."""

    reason: DeclineReason


class Done(Told):
    """What became of them."""

    done: int
    left: int = Field(description="Over meanwhile, turned down, or none of yours: left as they are.")


def _picked(caller: Caller, slug: str, body: Several) -> list[Lead]:
    vendor = vendor_for(caller, slug)
    mine = [code.removesuffix(f"-{vendor.code}") for code in body.leads if code.endswith(f"-{vendor.code}")]
    found = inbox.picked(caller.session, vendor, mine)
    if not found:
        raise BadInput({"leads": "None of these is a lead of this vendor; take the codes from its list."})
    return found


@ROUTES.add("POST", "/leads/{code}/agreement", scopes=WRITE, answer=VendorLead)
def accept_terms(caller: Caller, code: str) -> VendorLead:
    """Accept the customer's terms, as they are now. Both sides keep a record of it."""
    lead = vendors_lead(caller, code)
    respond.agree(caller.session, lead, caller.now, via=Via.API, account=caller.account)
    return for_vendor(caller, lead)


@ROUTES.add("POST", "/vendors/{slug}/leads/decline", scopes=WRITE, body=SeveralDeclined, answer=Done)
def decline_several(caller: Caller, slug: str, body: SeveralDeclined) -> Done:
    """Say “not for us” to several customers at once, for one reason."""
    found = _picked(caller, slug, body)
    done = inbox.decline_all(caller.session, found, body.reason, caller.now, account=caller.account, via=Via.API)
    return Done(done=done.done, left=len(set(body.leads)) - done.done)


@ROUTES.add("POST", "/vendors/{slug}/leads/seen", scopes=WRITE, body=Several, answer=Done)
def see_several(caller: Caller, slug: str, body: Several) -> Done:
    """Say that somebody has read these."""
    many = inbox.see_all(caller.session, _picked(caller, slug, body), caller.now)
    return Done(done=many, left=len(set(body.leads)) - many)
