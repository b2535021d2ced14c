"""Why and why not, for both sides, and what a subscription would bring or could spare, through the API."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from intents import publish
from vendors import subscribe, team, tighten
from vendors.models import DeclineReason, Role, Subscription
from vrm import fit
from vrm.explain import explain, explain_vendor
from vrm.fit import What
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import WrongState
from vrm.preview import would_have_come
from vrm.research.survival import wilson
from vrm.web.api.bearer import Caller
from vrm.web.api.intents import own
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Told
from vrm.web.api.vendors import NewSubscription, SubscriptionOut, order_of_new, shown, vendor_for
from vrm.why import why_us

ROUTES = Routes("Explanations")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)
_Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


class OfVendor(BaseModel):
    """Whom it is about."""

    model_config = ConfigDict(extra="forbid")

    vendor: _Name | None = Field(default=None, description="Slug of one vendor: why, or why not, this one?")


class ExplanationOut(Told):
    """Sentences for people, the most telling first."""

    sentences: list[str]


class CustomerExplanation(ExplanationOut):
    """The same, and how many vendors were told."""

    told: int


@ROUTES.add(
    "GET", "/intents/{code}/explanation", scopes=(Scope.INTENTS_READ,), query=OfVendor, answer=CustomerExplanation
)
def explain_intent(caller: Caller, code: str, query: OfVendor) -> CustomerExplanation:
    """Why one of your wants reached whom it reached, or nobody; with `vendor`, why or why not this one."""
    intent = own(caller, code)
    if query.vendor is None:
        found = explain(caller.session, intent)
    else:
        found = explain_vendor(caller.session, intent, team.by_slug(caller.session, query.vendor))
    return CustomerExplanation(told=found.told, sentences=list(found.sentences))


@ROUTES.add("GET", "/vendors/{slug}/intents/{code}/explanation", scopes=READ, answer=ExplanationOut)
def explain_to_vendor(caller: Caller, slug: str, code: str) -> ExplanationOut:
    """Why a public want did, or did not, come to your vendor. Of other wants nothing is said."""
    vendor = vendor_for(caller, slug)
    return ExplanationOut(sentences=list(why_us(caller.session, publish.by_code(caller.session, code), vendor)))


class PreviewWant(Told):
    """A public want that would have come."""

    code: str
    title: str


class PreviewOut(Told):
    """What a subscription would have brought in the last 30 days."""

    count: int
    newest: list[PreviewWant]
    stopped: list[str] = Field(description="How many more each of its filters kept away, in sentences.")


@ROUTES.add("POST", "/vendors/{slug}/preview", scopes=READ, body=NewSubscription, answer=PreviewOut, refuses=(403,))
def preview_subscription(caller: Caller, slug: str, body: NewSubscription) -> PreviewOut:
    """Look what a subscription would have brought in the last 30 days. Nothing is kept."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    proposed = subscribe.proposed(caller.session, vendor, order_of_new(caller, body), caller.now)
    found = would_have_come(caller.session, proposed, caller.now)
    newest = [PreviewWant(code=intent.code, title=intent.title) for intent in found.newest]
    return PreviewOut(count=found.count, newest=newest, stopped=list(found.stopped))


class ProposalOut(Told):
    """What would make the subscription narrower and lose no want that fitted."""

    what: What
    to: str = Field(description="A slug, or an amount with its currency.")
    spares: int
    of: int = Field(description="Declines for this reason.")


class FitOut(Told):
    """How the wants that a subscription brought were judged; without a judgement they are in no figure."""

    judged: int
    fits: int
    misfits: dict[DeclineReason, int]
    estimate: float | None
    low: float | None = Field(description="With `high` the 95 % interval of Wilson.")
    high: float | None
    proposals: list[ProposalOut]
    undoable: bool = Field(description="Whether the last tightening can be taken back.")


class Narrower(Given):
    """One of the proposals, as it was shown."""

    what: What
    to: Annotated[str, Field(max_length=200)]


_SUBSCRIPTION = "/vendors/{slug}/subscriptions/{subscription}"


@ROUTES.add("GET", f"{_SUBSCRIPTION}/fit", scopes=READ, answer=FitOut)
def read_fit(caller: Caller, slug: str, subscription: str) -> FitOut:
    """How well the subscription fits, and what would make it fit better."""
    found = subscribe.by_code(caller.session, vendor_for(caller, slug), subscription)
    standing = _standing(caller, found)
    share = wilson(standing.fit.fits, standing.fit.judged)
    trees = taxonomy.trees(caller.session)
    return FitOut(
        judged=standing.fit.judged,
        fits=standing.fit.fits,
        misfits=dict(standing.fit.misfits),
        estimate=share.estimate if share else None,
        low=share.low if share else None,
        high=share.high if share else None,
        proposals=[
            ProposalOut(what=each.what, to=each.value(trees), spares=each.spares, of=each.of)
            for each in standing.proposals
        ],
        undoable=tighten.last(caller.session, found) is not None,
    )


@ROUTES.add("POST", f"{_SUBSCRIPTION}/tighten", scopes=WRITE, body=Narrower, answer=SubscriptionOut, refuses=(403, 409))
def tighten_subscription(caller: Caller, slug: str, subscription: str, body: Narrower) -> SubscriptionOut:
    """Make the subscription narrower by one of its proposals. It can be taken back."""
    found = subscribe.by_code(caller.session, vendor_for(caller, slug, Role.ADMIN), subscription)
    trees = taxonomy.trees(caller.session)
    for proposal in _standing(caller, found).proposals:
        if (proposal.what, proposal.value(trees)) == (body.what, body.to):
            tighten.tighten(caller.session, found, proposal.order, caller.now)
            return shown(caller, found)
    raise WrongState("There is no such proposal any more; read the subscription's fit again.")


@ROUTES.add("POST", f"{_SUBSCRIPTION}/loosen", scopes=WRITE, answer=SubscriptionOut, refuses=(403, 409))
def loosen_subscription(caller: Caller, slug: str, subscription: str) -> SubscriptionOut:
    """Take the last tightening back."""
    found = subscribe.by_code(caller.session, vendor_for(caller, slug, Role.ADMIN), subscription)
    tighten.undo(caller.session, found, caller.now)
    return shown(caller, found)


def _standing(caller: Caller, found: Subscription) -> fit.Standing:
    return fit.standings(caller.session, found.vendor, [found]).get(found.id, fit.Standing(fit.Fit(), ()))
