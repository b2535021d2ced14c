"""A vendor and its standing orders, through the API."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from intents.draft import Condition
from notifiers import office
from vendors import site, subscribe, team
from vendors.models import Role, Subscription, Vendor
from vendors.subscribe import Order, Reach
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput, WrongState
from vrm.preview import would_have_come
from vrm.web.api.bearer import Caller
from vrm.web.api.cursors import part
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import (
    Given,
    MoneyIn,
    MoneyOut,
    NearIn,
    NearOut,
    NodeIn,
    NodeOut,
    Page,
    PageQuery,
    Told,
    node_id,
    refuse_together,
)
from vrm.web.desk import desk, save

ROUTES = Routes("Vendors")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)


class VendorWords(Given):
    """What a vendor says of itself."""

    name: Annotated[str, Field(examples=["Leeds Toyota"])] = ""
    website: Annotated[str, Field(examples=["https://www.example.org"])] = ""
    about: str = ""
    zone: Annotated[str, Field(examples=["Europe/London"], description="IANA time zone.")] = "UTC"
    locale: Annotated[str, Field(examples=["de"], description="Language of what its channels are told.")] = ""


class VendorChange(VendorWords):
    """What to change of what a vendor says of itself; its slug stays."""

    reply: Annotated[str, Field(description="Its word on its public figures.")] = ""


class NewVendor(VendorWords):
    """An organisation that sells. You become its owner."""

    name: Annotated[str, Field(examples=["Leeds Toyota"])]


class VendorOut(Told):
    """A vendor for which you act."""

    slug: str
    name: str
    website: str
    about: str
    zone: str
    locale: str
    reply: str = Field(description="Its word on its public figures.")
    verified_at: datetime | None = Field(description="When the website was seen to name the vendor.")
    proof: str = Field(description="What the website shows in /.well-known/vrm-vendor.txt to prove that it is yours.")
    role: Role
    created_at: datetime
    paused_at: datetime | None


def vendor_for(caller: Caller, slug: str, least: Role = Role.MEMBER) -> Vendor:
    """The vendor, when the caller is at least this for it; NotFound for strangers, NotAllowed for too low a rank."""
    vendor = team.by_slug(caller.session, slug)
    team.require(caller.session, vendor, caller.account, least)
    return vendor


def _vendor(caller: Caller, vendor: Vendor) -> VendorOut:
    return VendorOut(
        slug=vendor.slug,
        name=vendor.name,
        website=vendor.website,
        about=vendor.about,
        zone=vendor.zone,
        locale=vendor.locale,
        reply=vendor.reply,
        verified_at=vendor.verified_at,
        proof=vendor.code,
        role=team.require(caller.session, vendor, caller.account, Role.MEMBER),
        created_at=vendor.created_at,
        paused_at=vendor.paused_at,
    )


@ROUTES.add("GET", "/vendors", scopes=READ, query=PageQuery, answer=Page[VendorOut])
def list_vendors(caller: Caller, query: PageQuery) -> Page[VendorOut]:
    """The vendors for which you act, by name."""
    found, cursor = part(team.vendors_of(caller.session, caller.account), query, "vendors")
    return Page(items=[_vendor(caller, vendor) for vendor in found], next_cursor=cursor)


@ROUTES.add(
    "POST",
    "/vendors",
    scopes=WRITE,
    body=NewVendor,
    answer=VendorOut,
    status=201,
    location="/vendors/{slug}",
    refuses=(429,),
)
def create_vendor(caller: Caller, body: NewVendor) -> VendorOut:
    """Found a vendor."""
    return _vendor(caller, team.found(caller.session, caller.account, caller.now, **body.model_dump()))


@ROUTES.add("GET", "/vendors/{slug}", scopes=READ, answer=VendorOut)
def read_vendor(caller: Caller, slug: str) -> VendorOut:
    """One of your vendors."""
    return _vendor(caller, vendor_for(caller, slug))


@ROUTES.add("PATCH", "/vendors/{slug}", scopes=WRITE, body=VendorChange, answer=VendorOut, refuses=(403,))
def change_vendor(caller: Caller, slug: str, body: VendorChange) -> VendorOut:
    """Change what a vendor says of itself."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    given = body.model_dump(exclude_unset=True)
    reply = given.pop("reply", None)
    said = {name: getattr(vendor, name) for name in ("name", "website", "about", "zone", "locale")}
    team.describe(caller.session, vendor, **(said | given))
    office.keep_version(caller.session, vendor, caller.now)
    if reply is not None:
        team.reply(caller.session, vendor, reply, caller.now)
    return _vendor(caller, vendor)


@ROUTES.add("POST", "/vendors/{slug}/verify", scopes=WRITE, answer=VendorOut, outside=True, refuses=(403, 409, 502))
def verify_vendor(caller: Caller, slug: str) -> VendorOut:
    """Have us look now whether the website names the vendor: `proof` in a file, or a rel="me" link to its page here."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    website, page_url = vendor.website, f"{desk().settings.base_url}/vendors/{slug}"
    save()  # No transaction stays open while we wait for another host.
    try:
        site.prove(desk().post.outbound, website=website, code=vendor.code, page_url=page_url)
    except BadInput as error:  # Nothing in this request is wrong: the proof is not there yet.
        raise WrongState(str(error)) from error
    site.mark_proven(caller.session, vendor, website, caller.now)
    return _vendor(caller, vendor)


@ROUTES.add("POST", "/vendors/{slug}/pause", scopes=WRITE, answer=VendorOut, refuses=(403,))
def pause_vendor(caller: Caller, slug: str) -> VendorOut:
    """No new leads until it is resumed."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    team.pause(caller.session, vendor, caller.now)
    return _vendor(caller, vendor)


@ROUTES.add("POST", "/vendors/{slug}/resume", scopes=WRITE, answer=VendorOut, refuses=(403,))
def resume_vendor(caller: Caller, slug: str) -> VendorOut:
    """New leads again; wants that came meanwhile and are still open come, too."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    team.resume(caller.session, vendor, caller.now)
    return _vendor(caller, vendor)


# --- Subscriptions --------------------------------------------------------------------------------


class SubscriptionChange(Given):
    """What to change of a subscription; it is held against open wants again."""

    category: NodeIn = ""
    region: NodeIn = ""
    name: str = ""
    min_budget: MoneyIn | None = Field(
        default=None, description="Wants that name a lower budget are not told; wants without a budget are."
    )
    condition: Condition = Condition.ANY
    near: NearIn | None = Field(
        default=None, description="So far around a point instead of the region, which then only names the place."
    )
    required: list[str] = Field(default=[], description="Words and phrases that a want must say, all of them.")
    excluded: list[str] = Field(default=[], description="Words and phrases that a want must not say.")
    words_in: str | None = Field(
        default=None, description="Language of those words: en, de, fr or es. Else they are compared letter by letter."
    )
    min_quantity: int | None = None
    lead_days: int | None = Field(default=None, description="Wants that are needed in fewer days are not told.")
    language: str | None = Field(default=None, description="Wants written in another language are not told.")
    paused: bool = False


class NewSubscription(SubscriptionChange):
    """Tell us of wants in this category and this region, and in all that lies below them."""

    category: NodeIn
    region: NodeIn


class SubscriptionOut(Told):
    """A vendor's standing order."""

    id: str
    name: str
    category: NodeOut
    region: NodeOut
    min_budget: MoneyOut | None
    condition: Condition
    near: NearOut | None
    required: list[str]
    excluded: list[str]
    words_in: str | None
    min_quantity: int | None
    lead_days: int | None
    language: str | None
    cautions: list[str] = Field(description="What you should know of it, in sentences; mostly none.")
    last_30_days: int | None = Field(description="Wants of the last 30 days that it covers; null in lists.")
    created_at: datetime
    changed_at: datetime
    paused_at: datetime | None
    backfilled_at: datetime | None = Field(description="Null until it was held against the wants that are open.")


def _subscription(caller: Caller, subscription: Subscription, *, counted: bool = True) -> SubscriptionOut:
    trees = taxonomy.trees(caller.session)
    return SubscriptionOut(
        id=subscription.code,
        name=subscription.name,
        category=NodeOut.known(trees.categories, subscription.category_id),
        region=NodeOut.known(trees.regions, subscription.region_id),
        min_budget=MoneyOut.of(subscription.min_budget, subscription.currency),
        condition=subscription.condition,
        near=NearOut.of(subscription.reach_km, subscription.lat, subscription.lon),
        required=subscription.required,
        excluded=subscription.excluded,
        words_in=subscription.words_in,
        min_quantity=subscription.min_quantity,
        lead_days=subscription.lead_days,
        language=subscription.language,
        cautions=list(subscribe.cautions(subscribe.order_of(subscription), trees)),
        last_30_days=would_have_come(caller.session, subscription, caller.now).count if counted else None,
        created_at=subscription.created_at,
        changed_at=subscription.changed_at,
        paused_at=subscription.paused_at,
        backfilled_at=subscription.backfilled_at,
    )


_PLAIN = {"name", "condition", "words_in", "min_quantity", "lead_days", "language"}


def _order(caller: Caller, base: Order | None, given: SubscriptionChange) -> Order:
    """`base` with what was sent; every field that does not hold is told at once."""
    trees = taxonomy.trees(caller.session)
    errors: list[BadInput] = []
    said: dict[str, Any] = {field: getattr(given, field) for field in given.model_fields_set & _PLAIN}
    said |= {field: tuple(getattr(given, field)) for field in given.model_fields_set & {"required", "excluded"}}
    if "near" in given.model_fields_set:
        said["reach"] = Reach(**given.near.model_dump()) if given.near else None
    for field, tree in (("category", trees.categories), ("region", trees.regions)):
        if field in given.model_fields_set:
            try:
                said[f"{field}_id"] = node_id(tree, getattr(given, field), field)
            except BadInput as error:
                errors.append(error)
    if "min_budget" in given.model_fields_set:
        try:
            said["min_budget"] = given.min_budget.money("min_budget") if given.min_budget else None
        except BadInput as error:
            errors.append(error)
    refuse_together(errors)
    return replace(base, **said) if base else Order(**said)


def order_of_new(caller: Caller, given: NewSubscription) -> Order:
    """What a new subscription asks for; every field that does not hold is told at once."""
    return _order(caller, None, given)


def shown(caller: Caller, subscription: Subscription) -> SubscriptionOut:
    """A subscription as the API shows it."""
    return _subscription(caller, subscription)


def _pause(caller: Caller, subscription: Subscription, *, paused: bool) -> None:
    (subscribe.pause if paused else subscribe.resume)(caller.session, subscription, caller.now)


@ROUTES.add("GET", "/vendors/{slug}/subscriptions", scopes=READ, query=PageQuery, answer=Page[SubscriptionOut])
def list_subscriptions(caller: Caller, slug: str, query: PageQuery) -> Page[SubscriptionOut]:
    """A vendor's subscriptions, oldest first."""
    vendor = vendor_for(caller, slug)
    found, cursor = part(subscribe.subscriptions_of(caller.session, vendor), query, f"subscriptions-{vendor.code}")
    return Page(
        items=[_subscription(caller, subscription, counted=False) for subscription in found], next_cursor=cursor
    )


@ROUTES.add(
    "POST",
    "/vendors/{slug}/subscriptions",
    scopes=WRITE,
    body=NewSubscription,
    answer=SubscriptionOut,
    status=201,
    location="/vendors/{slug}/subscriptions/{id}",
    refuses=(403, 429),
)
def create_subscription(caller: Caller, slug: str, body: NewSubscription) -> SubscriptionOut:
    """Subscribe to a category in a region. Open wants that match come too."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    subscription = subscribe.subscribe(caller.session, vendor, _order(caller, None, body), caller.now)
    if body.paused:
        _pause(caller, subscription, paused=True)
    return _subscription(caller, subscription)


@ROUTES.add("GET", "/vendors/{slug}/subscriptions/{subscription}", scopes=READ, answer=SubscriptionOut)
def read_subscription(caller: Caller, slug: str, subscription: str) -> SubscriptionOut:
    """One subscription."""
    return _subscription(caller, subscribe.by_code(caller.session, vendor_for(caller, slug), subscription))


@ROUTES.add(
    "PATCH",
    "/vendors/{slug}/subscriptions/{subscription}",
    scopes=WRITE,
    body=SubscriptionChange,
    answer=SubscriptionOut,
    refuses=(403,),
)
def change_subscription(caller: Caller, slug: str, subscription: str, body: SubscriptionChange) -> SubscriptionOut:
    """Change or pause a subscription. Leads that it brought stay."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    found = subscribe.by_code(caller.session, vendor, subscription)
    if body.model_fields_set - {"paused"}:
        subscribe.edit(caller.session, found, _order(caller, subscribe.order_of(found), body), caller.now)
    if "paused" in body.model_fields_set:
        _pause(caller, found, paused=body.paused)
    return _subscription(caller, found)


@ROUTES.add("DELETE", "/vendors/{slug}/subscriptions/{subscription}", scopes=WRITE, status=204, refuses=(403,))
def delete_subscription(caller: Caller, slug: str, subscription: str) -> None:
    """End a subscription. Leads that it brought stay."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    subscribe.end(caller.session, subscribe.by_code(caller.session, vendor, subscription), caller.now)
