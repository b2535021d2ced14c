"""The customer's part of the API: publish a want, change it, end it."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from intents import checking, publish, vetting
from intents.draft import Condition, IntentDraft, Near, Visibility
from intents.models import Intent, Origin, Outcome
from vendors import leads
from vendors.models import Lead
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput, NotFound
from vrm.kernel.taxonomy import Trees
from vrm.web.api import cursors
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.saying import WantSays, said
from vrm.web.api.shapes import (
    BudgetIn,
    CodeIn,
    DayIn,
    Given,
    MomentIn,
    NearIn,
    NearOut,
    NodeIn,
    Page,
    PageQuery,
    node_id,
    refuse_together,
)
from vrm.web.desk import desk

ROUTES = Routes("Intents")
READ, WRITE = (Scope.INTENTS_READ,), (Scope.INTENTS_WRITE,)


class IntentChange(Given):
    """What to change; what is left out stays as it is, and null empties it where that can be."""

    title: Annotated[str, Field(examples=["Toyota Yaris, used, below 90,000 km"])] = ""
    body: str = ""
    category: NodeIn | None = None
    region: NodeIn | None = None
    near: NearIn | None = Field(default=None, description="How far around you would go. Vendors never see the point.")
    budget: BudgetIn | None = None
    condition: Condition = Condition.ANY
    quantity: int = 1
    needed_by: DayIn | None = None
    expires_at: MomentIn | None = None
    visibility: Visibility = Visibility.PUBLIC
    language: str | None = Field(default=None, examples=["en"], description="BCP 47.")
    terms: str = Field(default="", description="What a vendor must accept before contact details are shown.")
    tell_at_most: int | None = Field(
        default=None,
        examples=[10],
        description="Vendors told at a time; the others wait in line, and move up when one declines. Null: all.",
    )
    patience_h: int | None = Field(
        default=None, examples=[48], description="Hours of silence after which the next one moves up, too."
    )


class NewIntent(IntentChange):
    """What somebody wants to buy. `draft` keeps it back until POST /intents/{code}/publish."""

    title: Annotated[str, Field(examples=["Toyota Yaris, used, below 90,000 km"])]
    draft: bool = False


class IntentOut(WantSays):
    """A want, as its author sees it."""

    url: str
    held_at: datetime | None  # An operator looks at it; until then nobody new hears of it.
    outcome: Outcome | None
    near: NearOut | None
    visibility: Visibility
    terms: str
    tell_at_most: int | None
    patience_h: int | None
    origin: Origin
    created_at: datetime
    paused_at: datetime | None
    routed_at: datetime | None = Field(description="Null until vendors were looked for, as it is now.")

    @classmethod
    def of(cls, intent: Intent, trees: Trees) -> "IntentOut":
        return cls(
            **said(intent, trees),
            url=f"{desk().settings.base_url}/intents/{intent.code}",
            held_at=intent.held_at,
            outcome=intent.outcome,
            near=NearOut.of(intent.near_km, intent.near_lat, intent.near_lon),
            visibility=intent.visibility,
            terms=intent.terms,
            tell_at_most=intent.tell_at_most,
            patience_h=intent.patience_h,
            origin=intent.origin,
            created_at=intent.created_at,
            paused_at=intent.paused_at,
            routed_at=intent.routed_at,
        )


class Closing(Given):
    """How it was met: by the vendor of this lead, or not said."""

    lead: CodeIn | None = Field(default=None, description="Code of the lead whose vendor it was bought from.")


def own(caller: Caller, code: str) -> Intent:
    """The caller's intent with this code; NotFound for anybody else's."""
    intent = publish.by_code(caller.session, code)
    if intent.account_id != caller.account.id:
        raise NotFound("There is no such want.")
    return intent


def _out(caller: Caller, intent: Intent) -> IntentOut:
    return IntentOut.of(intent, taxonomy.trees(caller.session))


def _merged(caller: Caller, base: IntentDraft, given: IntentChange) -> IntentDraft:
    """`base` with what was sent; every field that does not hold is told at once."""
    trees = taxonomy.trees(caller.session)
    errors: list[BadInput] = []
    said: dict[str, Any] = {}
    for field in given.model_fields_set - {"draft", "category", "region", "near", "budget"}:
        said[field] = getattr(given, field)
    for field, tree in (("category", trees.categories), ("region", trees.regions)):
        if field in given.model_fields_set:
            name = getattr(given, field)
            said[f"{field}_id"] = None
            try:
                said[f"{field}_id"] = None if name is None else node_id(tree, name, field)
            except BadInput as error:
                errors.append(error)
    if "near" in given.model_fields_set:
        said["near"] = None if given.near is None else Near(**given.near.model_dump())
    if "budget" in given.model_fields_set:
        said["budget"] = None
        try:
            said["budget"] = None if given.budget is None else given.budget.budget()
        except BadInput as error:
            errors.append(error)
    draft = replace(base, **said)
    try:
        checking.check(caller.session, draft, caller.now)
    except BadInput as error:
        errors.append(error)
    refuse_together(errors)
    return draft


@ROUTES.add("GET", "/intents", scopes=READ, query=PageQuery, answer=Page[IntentOut])
def list_intents(caller: Caller, query: PageQuery) -> Page[IntentOut]:
    """Your wants, newest first."""
    wanted = select(Intent).where(Intent.account_id == caller.account.id)
    if query.cursor is not None:
        last = caller.session.scalar(wanted.where(Intent.code == cursors.unseal("intents", query.cursor)))
        if last is None:
            raise cursors.bad()
        wanted = wanted.where(Intent.id < last.id)
    found = list(caller.session.scalars(wanted.order_by(Intent.id.desc()).limit(query.limit + 1)))
    more = len(found) > query.limit
    found = found[: query.limit]
    return Page(
        items=[_out(caller, intent) for intent in found],
        next_cursor=cursors.seal("intents", found[-1].code) if more else None,
    )


@ROUTES.add(
    "POST",
    "/intents",
    scopes=WRITE,
    body=NewIntent,
    answer=IntentOut,
    status=201,
    location="/intents/{code}",
    refuses=(403, 429),
)
def create_intent(caller: Caller, body: NewIntent) -> IntentOut:
    """Publish a want: the vendors whose subscriptions match hear of it from now on. With `draft`, only keep it."""
    draft = _merged(caller, IntentDraft(title=""), body)
    intent = publish.draft(caller.session, caller.account, draft, caller.now, origin=Origin.API)
    if not body.draft:
        vetting.submit(caller.session, intent, caller.now)
    return _out(caller, intent)


@ROUTES.add("GET", "/intents/{code}", scopes=READ, answer=IntentOut)
def read_intent(caller: Caller, code: str) -> IntentOut:
    """One of your wants."""
    return _out(caller, own(caller, code))


@ROUTES.add("PATCH", "/intents/{code}", scopes=WRITE, body=IntentChange, answer=IntentOut, refuses=(409,))
def change_intent(caller: Caller, code: str, body: IntentChange) -> IntentOut:
    """Change what a want says. Vendors who were told hear of the change; who now fits is told of the want."""
    intent = own(caller, code)
    publish.amend(caller.session, intent, _merged(caller, publish.draft_of(intent), body), caller.now)
    return _out(caller, intent)


@ROUTES.add("POST", "/intents/{code}/publish", scopes=WRITE, answer=IntentOut, refuses=(403, 409, 422, 429))
def publish_intent(caller: Caller, code: str) -> IntentOut:
    """Publish a draft. A want that is open stays as it is."""
    intent = own(caller, code)
    vetting.submit(caller.session, intent, caller.now)
    return _out(caller, intent)


@ROUTES.add("POST", "/intents/{code}/withdraw", scopes=WRITE, answer=IntentOut, refuses=(409,))
def withdraw_intent(caller: Caller, code: str) -> IntentOut:
    """End a want unmet, or throw a draft away. Every vendor that was told hears of it."""
    intent = own(caller, code)
    publish.withdraw(caller.session, intent, caller.now)
    return _out(caller, intent)


@ROUTES.add("POST", "/intents/{code}/pause", scopes=WRITE, answer=IntentOut, refuses=(409,))
def pause_intent(caller: Caller, code: str) -> IntentOut:
    """No new vendors hear of it until it is resumed."""
    intent = own(caller, code)
    publish.pause(caller.session, intent, caller.now)
    return _out(caller, intent)


@ROUTES.add("POST", "/intents/{code}/resume", scopes=WRITE, answer=IntentOut, refuses=(409,))
def resume_intent(caller: Caller, code: str) -> IntentOut:
    """Vendors hear of it again, also those who began to listen meanwhile."""
    intent = own(caller, code)
    publish.resume(caller.session, intent, caller.now)
    return _out(caller, intent)


@ROUTES.add(
    "POST",
    "/intents/{code}/close",
    scopes=WRITE,
    body=Closing,
    body_optional=True,
    answer=IntentOut,
    refuses=(409,),
)
def close_intent(caller: Caller, code: str, body: Closing) -> IntentOut:
    """End a want as met, by the vendor of one of its leads if you like to say so."""
    intent = own(caller, code)
    vendor_id = None
    if body.lead is not None:
        vendor_id = _lead_of(caller, intent, body.lead).vendor_id
    publish.fulfil(caller.session, intent, caller.now, vendor_id=vendor_id)
    return _out(caller, intent)


def _lead_of(caller: Caller, intent: Intent, code: str) -> Lead:
    try:
        lead = leads.by_code(caller.session, code)
    except NotFound:
        lead = None
    if lead is None or lead.intent_id != intent.id:
        raise BadInput({"lead": "This want has no such lead; take the code from its board, or leave it out."})
    return lead
