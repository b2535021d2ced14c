"""Leads, read by the vendor that got them and by the customer whose want it is, and what is said about them."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Literal

from flask import request
from pydantic import Field, RootModel

from intents.draft import Condition
from vendors import inbox, leads, respond, team
from vendors.inbox import Box, Sought
from vendors.leads import Standing
from vendors.models import Actor, DeclineReason, Kind, Lead, Message, Response, Role, SeenBy, Vendor, Via
from vendors.respond import Answer
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput, NotFound
from vrm.kernel.money import Money
from vrm.kernel.taxonomy import Trees
from vrm.web.api import cursors
from vrm.web.api.bearer import Caller
from vrm.web.api.lines import BoardLead, Why, why
from vrm.web.api.operations import Routes
from vrm.web.api.problems import WrongScope
from vrm.web.api.saying import WITHIN_KM, WantSays, said
from vrm.web.api.shapes import (
    DayIn,
    Given,
    MoneyIn,
    MoneyOut,
    NameQ,
    NodeOut,
    Page,
    PageQuery,
    Told,
    WordsQ,
    below,
)
from vrm.web.api.vendors import vendor_for
from vrm.web.desk import desk

ROUTES = Routes("Leads")


class Want(WantSays):
    """An intent, as far as a vendor may see it. Who wants it is not part of it."""

    within_km: float | None = WITHIN_KM
    terms: str

    @classmethod
    def of(cls, lead: Lead, trees: Trees) -> "Want":
        return cls(**said(lead.intent, trees), within_km=lead.intent.near_km, terms=lead.intent.terms)


class LeadOut(Told):
    """One want that reached this vendor, and how it stands."""

    code: str
    intent: Want
    why: list[Why]
    standing: Standing
    routed_at: datetime
    delivered_at: datetime | None
    seen_at: datetime | None
    responded_at: datetime | None
    revealed_at: datetime | None
    declined_at: datetime | None = Field(description="When the customer said “no, thank you”.")
    unmatched_at: datetime | None = Field(description="When the customer changed the want so that it fits no more.")

    @classmethod
    def of(cls, lead: Lead, trees: Trees) -> "LeadOut":
        return cls(
            code=lead.code,
            intent=Want.of(lead, trees),
            why=why(lead, trees),
            standing=leads.standing(lead),
            routed_at=lead.routed_at,
            delivered_at=lead.delivered_at,
            seen_at=lead.seen_at,
            responded_at=lead.responded_at,
            revealed_at=lead.revealed_at,
            declined_at=lead.declined_at,
            unmatched_at=lead.unmatched_at,
        )


class Word(Told):
    """One thing that was said, by the vendor or by the customer."""

    by: Literal["vendor", "customer"]
    kind: Kind | Literal["message"]
    at: datetime
    body: str
    actor: Actor | None
    price: MoneyOut | None
    condition: Condition | None
    valid_until: date | None
    place: NodeOut | None = Field(description="Where what is offered stands.")
    links: list[str] = Field(description="Addresses of pictures and papers, as the vendor gave them.")
    decline_reason: DeclineReason | None

    @classmethod
    def of(cls, said: Response | Message, trees: Trees) -> "Word":
        if isinstance(said, Message):
            return cls(
                by="customer",
                kind="message",
                at=said.at,
                body=said.body,
                actor=None,
                price=None,
                condition=None,
                valid_until=None,
                place=None,
                links=[],
                decline_reason=None,
            )
        return cls(
            by="vendor",
            kind=said.kind,
            at=said.at,
            body=said.body,
            actor=said.actor,
            price=MoneyOut.of(said.price, said.currency),
            condition=said.condition,
            valid_until=said.valid_until,
            place=NodeOut.of(trees.regions, said.region_id),
            links=said.links,
            decline_reason=said.decline_reason,
        )


class Contact(Told):
    """Whom to write to: shown after the customer revealed it to this vendor."""

    name: str
    email: str
    phone: str


class VendorLead(LeadOut):
    """A lead as its vendor sees it."""

    role: Literal["vendor"] = "vendor"
    vendors_told: int
    terms_accepted: bool
    contact: Contact | None
    thread: list[Word]


class CustomerLead(BoardLead):
    """A lead as the customer sees it."""

    role: Literal["customer"] = "customer"
    terms_accepted: bool
    thread: list[Word]


class EitherLead(RootModel[Annotated[VendorLead | CustomerLead, Field(discriminator="role")]]):
    """A lead, as the one who asks may see it."""


class NewResponse(Given):
    """What a vendor says. An offer needs a price or words, a decline its reason, the rest words."""

    kind: Kind
    body: str = ""
    price: MoneyIn | None = None
    condition: Condition | None = None
    valid_until: DayIn | None = None
    place: str | None = Field(default=None, description="Where what is offered stands: a region's id or name.")
    links: list[str] = Field(default=[], description="Addresses of pictures and papers, five at most.")
    decline_reason: DeclineReason | None = None
    actor: Literal["human", "auto"] = Field(
        default="human", description="Say “auto” for what no person wrote; it does not count as an answer."
    )


class LeadsQuery(PageQuery):
    """Which leads: everything that is left out is not asked."""

    box: Box | None = Field(default=None, description="By what is to be done.")
    standing: Standing | None = None
    category: NameQ = ""
    region: NameQ = ""
    q: WordsQ = ""


@ROUTES.add("GET", "/vendors/{slug}/leads", scopes=(Scope.VENDORS_READ,), query=LeadsQuery, answer=Page[LeadOut])
def list_leads(caller: Caller, slug: str, query: LeadsQuery) -> Page[LeadOut]:
    """A vendor's leads, newest want first. To fetch a lead here proves that it was delivered, not that it was read."""
    vendor = vendor_for(caller, slug)
    before = None
    if query.cursor is not None:
        before = _last_intent(caller, vendor, cursors.unseal(f"leads-{vendor.code}", query.cursor))
    trees = taxonomy.trees(caller.session)
    sought = Sought(
        box=query.box,
        standing=query.standing,
        category=below(trees.categories, query.category, "category"),
        region=below(trees.regions, query.region, "region"),
        words=query.q,
    )
    where = inbox.conditions(sought, trees)
    page = leads.inbox(caller.session, vendor, where=where, before=before, limit=query.limit)
    if request.method == "GET":
        page = replace(page, leads=note_fetched(caller, vendor, page.leads))
    cursor = None
    if page.next_before is not None:
        cursor = cursors.seal(f"leads-{vendor.code}", page.leads[-1].intent.code)
    return Page(items=[LeadOut.of(lead, trees) for lead in page.leads], next_cursor=cursor)


def _last_intent(caller: Caller, vendor: Vendor, code: str) -> int:
    try:
        return leads.by_code(caller.session, f"{code}-{vendor.code}").intent_id
    except NotFound as error:
        raise cursors.bad() from error


def note_fetched(caller: Caller, vendor: Vendor, page: list[Lead]) -> list[Lead]:
    """Record the proof of delivery, when there is any that is new; the same leads, as they are then."""
    if all(lead.delivered_at is not None for lead in page):
        return page
    with desk().store.write() as session:
        respond.fetched(session, vendor, page, caller.now)
    caller.session.rollback()  # The snapshot that it reads from is older than what was just written.
    keys = [lead.intent_id for lead in page]
    caller.session.expunge_all()
    again = leads.inbox(caller.session, vendor, where=[Lead.intent_id.in_(keys)], limit=len(keys)).leads
    found = {lead.intent_id: lead for lead in again}
    return [found[key] for key in keys if key in found]


def vendors_lead(caller: Caller, code: str) -> Lead:
    """A lead of a vendor for which the caller acts; NotFound for any other, and for one that is withheld."""
    lead = leads.by_code(caller.session, code)
    if lead.withheld is not None or lead.vendor.closed_at is not None:
        raise NotFound("There is no such lead.")
    if team.role_of(caller.session, lead.vendor, caller.account) is None:
        raise NotFound("There is no such lead.")
    return lead


@ROUTES.add("GET", "/leads/{code}", scopes=(Scope.VENDORS_READ, Scope.INTENTS_READ), answer=EitherLead, refuses=(403,))
def read_lead(caller: Caller, code: str) -> EitherLead:
    """A lead with all that was said. When its vendor asks, that is the proof that it was read."""
    lead = leads.by_code(caller.session, code)
    if lead.intent.account_id == caller.account.id:
        if not caller.may(Scope.INTENTS_READ):
            raise WrongScope([Scope.INTENTS_READ])
        return EitherLead(_for_customer(caller, lead))
    lead = vendors_lead(caller, code)
    if not caller.may(Scope.VENDORS_READ):
        raise WrongScope([Scope.VENDORS_READ])
    if request.method == "GET" and lead.seen_at is None:
        lead = _note_seen(caller, lead)
    return EitherLead(for_vendor(caller, lead))


def _note_seen(caller: Caller, lead: Lead) -> Lead:
    code = lead.code
    with desk().store.write() as session:
        respond.see(session, leads.by_code(session, code), caller.now, by=SeenBy.API)
    caller.session.rollback()  # The snapshot that it reads from is older than what was just written.
    return leads.by_code(caller.session, code)


def for_vendor(caller: Caller, lead: Lead) -> VendorLead:
    """The lead with all that was said, as its vendor may see it."""
    session, account = caller.session, lead.intent.account
    told = LeadOut.of(lead, taxonomy.trees(session))
    return VendorLead(
        **dict(told),
        vendors_told=leads.told_count(session, lead.intent),
        terms_accepted=respond.has_agreed(session, lead),
        contact=Contact(name=account.name, email=account.email, phone=account.phone) if lead.revealed_at else None,
        thread=[Word.of(said, taxonomy.trees(session)) for said in respond.thread(session, lead)],
    )


def _for_customer(caller: Caller, lead: Lead) -> CustomerLead:
    line = BoardLead.of(lead, taxonomy.trees(caller.session))
    return CustomerLead(
        **dict(line),
        terms_accepted=respond.has_agreed(caller.session, lead),
        thread=[Word.of(said, taxonomy.trees(caller.session)) for said in respond.thread(caller.session, lead)],
    )


@ROUTES.add(
    "POST",
    "/leads/{code}/responses",
    scopes=(Scope.VENDORS_WRITE,),
    body=NewResponse,
    answer=Word,
    status=201,
    refuses=(409, 429),
)
def create_response(caller: Caller, code: str, body: NewResponse) -> Word:
    """Answer a lead: an offer, a question, a decline with its reason, or a reply in the conversation."""
    lead = vendors_lead(caller, code)
    team.require(caller.session, lead.vendor, caller.account, Role.MEMBER)
    trees = taxonomy.trees(caller.session)
    answer = Answer(
        kind=body.kind,
        body=body.body,
        price=_price(body),
        condition=body.condition,
        valid_until=body.valid_until,
        region_id=trees.regions.resolve(body.place, field="place").id if body.place is not None else None,
        links=tuple(body.links),
        decline_reason=body.decline_reason,
    )
    said = respond.respond(
        caller.session, lead, answer, caller.now, via=Via.API, account=caller.account, actor=Actor(body.actor)
    )
    return Word.of(said, trees)


def _price(body: NewResponse) -> Money | None:
    problems = {
        field: f"Only an offer has a {field.replace('_', ' ')}; leave it out."
        for field in ("price", "condition", "valid_until", "place")
        if body.kind is not Kind.OFFER and getattr(body, field) is not None
    }
    if body.kind is not Kind.DECLINE and body.decline_reason is not None:
        problems["decline_reason"] = "Only a decline has a reason; leave it out."
    if problems:
        raise BadInput(problems)
    return body.price.money("price") if body.price else None
