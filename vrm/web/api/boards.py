"""The board through the API: who was told and how it stands; offers, words, contact, choice, a thumb."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from intents.draft import Condition
from vendors import choose, leads, offers, respond
from vendors.leads import Standing
from vendors.models import Lead, Vendor
from vendors.offers import Offer, Sort
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import NotFound, WrongState
from vrm.kernel.taxonomy import Trees
from vrm.preview import listeners
from vrm.web.api import cursors
from vrm.web.api.bearer import Caller
from vrm.web.api.intents import own
from vrm.web.api.leads import Word
from vrm.web.api.lines import BoardLead, VendorRef
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import DayIn, Given, MoneyOut, NodeOut, Page, PageQuery, Told

ROUTES = Routes("Boards")
READ, WRITE = (Scope.INTENTS_READ,), (Scope.INTENTS_WRITE,)


class BoardQuery(PageQuery):
    """Which vendors."""

    standing: Standing | None = None


class OffersQuery(PageQuery):
    """By what offers are put in order."""

    sort: Sort = Sort.PRICE


class OfferOut(Told):
    """The newest offer of one vendor who is still in the conversation."""

    lead: str
    vendor: VendorRef
    price: MoneyOut | None
    condition: Condition | None
    valid_until: DayIn | None
    place: NodeOut | None
    km: int | None = Field(description="From your place to the offer's; null when one of them is no point.")
    body: str
    links: list[str]
    shortlisted: bool
    chosen: bool

    @classmethod
    def of(cls, offer: Offer, trees: Trees) -> "OfferOut":
        """As its customer may see it."""
        return cls(
            lead=offer.lead.code,
            vendor=VendorRef.of(offer.lead.vendor),
            price=MoneyOut.of(offer.response.price, offer.response.currency),
            condition=offer.response.condition,
            valid_until=offer.response.valid_until,
            place=NodeOut.of(trees.regions, offer.response.region_id),
            km=offer.km,
            body=offer.response.body,
            links=offer.response.links,
            shortlisted=offer.lead.shortlisted_at is not None,
            chosen=offer.lead.chosen_at is not None,
        )


class Reach(Told):
    """How many vendors a draft would reach."""

    vendors: int


class NewMessage(Given):
    """What you write to a vendor."""

    body: str


class Keeping(Given):
    """Whether the vendor is on your short list."""

    keep: bool = True


class Judgement(Given):
    """How the exchange went. The vendor reads the words; others see only how many were glad."""

    glad: bool
    words: Annotated[str, Field(description="One line, 300 letters at most.")] = ""


class JudgementOut(Told):
    """How the exchange went, as you said."""

    glad: bool
    words: str


def _lead(caller: Caller, code: str) -> Lead:
    """A lead of one of the caller's own wants; NotFound for any other."""
    found = leads.by_code(caller.session, code)
    if found.intent.account_id != caller.account.id:
        raise NotFound("There is no such lead.")
    return found


def _out(caller: Caller, lead: Lead) -> BoardLead:
    return BoardLead.of(lead, taxonomy.trees(caller.session))


@ROUTES.add("GET", "/intents/{code}/reach", scopes=READ, answer=Reach, refuses=(409,))
def read_reach(caller: Caller, code: str) -> Reach:
    """How many vendors listen for what a draft or an open want says now. It needs a category and a region."""
    intent = own(caller, code)
    if intent.category_id is None or intent.region_id is None:
        raise WrongState("This draft has no category or no region yet; vendors are found by both.")
    return Reach(vendors=listeners(caller.session, intent, caller.now))


@ROUTES.add("GET", "/intents/{code}/leads", scopes=READ, query=BoardQuery, answer=Page[BoardLead])
def list_board(caller: Caller, code: str, query: BoardQuery) -> Page[BoardLead]:
    """The board of one of your wants: every vendor, whether it was told, read and answered, or why it is silent."""
    intent = own(caller, code)
    wanted = (
        select(Lead)
        .join(Lead.vendor)
        .options(contains_eager(Lead.vendor))
        .where(Lead.intent_id == intent.id)
        .order_by(Lead.vendor_id)
    )
    if query.cursor is not None:
        last = caller.session.scalar(
            wanted.where(Vendor.code == cursors.unseal(f"board-{intent.code}", query.cursor)).limit(1)
        )
        if last is None:
            raise cursors.bad()
        wanted = wanted.where(Lead.vendor_id > last.vendor_id)
    if query.standing is not None:
        wanted = wanted.where(leads.in_standing(query.standing))
    found = list(caller.session.scalars(wanted.limit(query.limit + 1)))
    more = len(found) > query.limit
    found = found[: query.limit]
    trees = taxonomy.trees(caller.session)
    return Page(
        items=[BoardLead.of(lead, trees) for lead in found],
        next_cursor=cursors.seal(f"board-{intent.code}", found[-1].vendor.code) if more else None,
    )


@ROUTES.add("GET", "/intents/{code}/offers", scopes=READ, query=OffersQuery, answer=Page[OfferOut])
def list_offers(caller: Caller, code: str, query: OffersQuery) -> Page[OfferOut]:
    """Offers to one of your wants side by side: one of each vendor, the newest."""
    intent = own(caller, code)
    trees = taxonomy.trees(caller.session)
    places = offers.in_order(caller.session, intent, trees.regions, by=query.sort)
    shown, cursor = cursors.part(places, query, f"offers-{query.sort}-{intent.code}")
    return Page(
        items=[OfferOut.of(offer, trees) for offer in offers.read(caller.session, shown)],
        next_cursor=cursor,
    )


@ROUTES.add("POST", "/leads/{code}/messages", scopes=WRITE, body=NewMessage, answer=Word, status=201, refuses=(429,))
def create_message(caller: Caller, code: str, body: NewMessage) -> Word:
    """Write to a vendor that was told of your want."""
    said = respond.say(caller.session, _lead(caller, code), body.body, caller.now)
    return Word.of(said, taxonomy.trees(caller.session))


@ROUTES.add("POST", "/leads/{code}/reveal", scopes=WRITE, answer=BoardLead)
def reveal_contact(caller: Caller, code: str) -> BoardLead:
    """Show this vendor, and no other, your name, mail address and telephone. It must have accepted your terms."""
    lead = _lead(caller, code)
    respond.reveal(caller.session, lead, caller.now)
    return _out(caller, lead)


@ROUTES.add("POST", "/leads/{code}/turn-down", scopes=WRITE, answer=BoardLead)
def turn_down(caller: Caller, code: str) -> BoardLead:
    """No, thank you: this vendor can say no more about this want."""
    lead = _lead(caller, code)
    respond.turn_down(caller.session, lead, caller.now)
    return _out(caller, lead)


@ROUTES.add("POST", "/leads/{code}/block", scopes=WRITE, status=204)
def block_vendor(caller: Caller, code: str) -> None:
    """Never tell this vendor of a want of yours again."""
    respond.block(caller.session, caller.account, _lead(caller, code).vendor, caller.now)


@ROUTES.add("POST", "/leads/{code}/shortlist", scopes=WRITE, body=Keeping, body_optional=True, answer=BoardLead)
def shortlist(caller: Caller, code: str, body: Keeping) -> BoardLead:
    """Put a vendor on your short list, or take it off with `keep` false. It does not learn of it."""
    lead = _lead(caller, code)
    choose.shortlist(caller.session, lead, caller.now, keep=body.keep)
    return _out(caller, lead)


@ROUTES.add("POST", "/leads/{code}/choose", scopes=WRITE, answer=BoardLead)
def choose_vendor(caller: Caller, code: str) -> BoardLead:
    """This one: it sees your contact details from now on. The want stays open until you close it."""
    lead = _lead(caller, code)
    choose.choose(caller.session, lead, caller.now)
    return _out(caller, lead)


@ROUTES.add("POST", "/leads/{code}/judgement", scopes=WRITE, body=Judgement, answer=JudgementOut)
def judge(caller: Caller, code: str, body: Judgement) -> JudgementOut:
    """Say how an exchange went that really took place; said again, it replaces what you said before."""
    said = choose.judge(caller.session, _lead(caller, code), caller.now, glad=body.glad, words=body.words)
    return JudgementOut(glad=said.glad, words=said.words)
