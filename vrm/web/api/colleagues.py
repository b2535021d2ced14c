"""The people who act for a vendor, and words that they often answer with, through the API."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from vendors import team, templates
from vendors.models import Membership, Role, Vendor
from vendors.templates import Template
from vrm.kernel import accounts
from vrm.kernel.accounts import LinkPurpose, Scope, audit
from vrm.kernel.errors import NotFound
from vrm.web.api.bearer import Caller
from vrm.web.api.names import public_name
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Told
from vrm.web.api.vendors import vendor_for
from vrm.web.links import mail_link

ROUTES = Routes("Team")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)


class MemberOut(Told):
    """Somebody who acts for the vendor; `name` is your own only: adding an address tells nobody whose it is."""

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime


class Members(Told):
    """Everybody who acts for the vendor, who came first at the top."""

    items: list[MemberOut]


class NewMember(Given):
    """Whom to let act for the vendor. A link to sign in is mailed to them."""

    email: str
    role: Role = Role.MEMBER


class MemberChange(Given):
    """Another role."""

    role: Role


class TemplateOut(Told):
    """Words that are often answered with; `{title}`, `{place}`, `{budget}` and `{vendor}` in them are filled in."""

    id: str
    name: str
    body: str
    created_at: datetime


class Templates(Told):
    """The vendor's templates, by name."""

    items: list[TemplateOut]


class NewTemplate(Given):
    """Words to keep under a name."""

    name: str
    body: str


class TemplateChange(Given):
    """What to change; what is left out stays as it is."""

    name: str = ""
    body: str = ""


def _member(caller: Caller, membership: Membership) -> MemberOut:
    account = membership.account
    return MemberOut(
        id=_member_name(membership),
        email=account.email,
        name=account.name if account.id == caller.account.id else "",
        role=membership.role,
        created_at=membership.created_at,
    )


def _member_name(membership: Membership) -> str:
    return public_name("member", membership.vendor_id, membership.account_id)


def _members(caller: Caller, vendor: Vendor) -> list[Membership]:
    return list(
        caller.session.scalars(
            select(Membership)
            .options(joinedload(Membership.account))
            .where(Membership.vendor_id == vendor.id)
            .order_by(Membership.created_at, Membership.account_id)
        )
    )


def _found(caller: Caller, vendor: Vendor, name: str) -> Membership:
    found = next((one for one in _members(caller, vendor) if _member_name(one) == name), None)
    if found is None:
        raise NotFound("There is no such member.")
    return found


@ROUTES.add("GET", "/vendors/{slug}/team", scopes=READ, answer=Members)
def list_members(caller: Caller, slug: str) -> Members:
    """The people who act for a vendor."""
    return Members(items=[_member(caller, one) for one in _members(caller, vendor_for(caller, slug))])


@ROUTES.add(
    "POST", "/vendors/{slug}/team", scopes=WRITE, body=NewMember, answer=MemberOut, status=201, refuses=(403, 409)
)
def add_member(caller: Caller, slug: str, body: NewMember) -> MemberOut:
    """Let somebody act for the vendor."""
    vendor = vendor_for(caller, slug, Role.OWNER)
    account = accounts.ensure(caller.session, body.email, caller.now)
    membership = team.add(caller.session, vendor, account, body.role, caller.now)
    _note(caller, "added", vendor, account.id, role=body.role.value)
    mail_link(caller.session, account, LinkPurpose.SIGN_IN, caller.now)
    return _member(caller, membership)


@ROUTES.add("GET", "/vendors/{slug}/team/{member}", scopes=READ, answer=MemberOut)
def read_member(caller: Caller, slug: str, member: str) -> MemberOut:
    """One of the people who act for a vendor."""
    return _member(caller, _found(caller, vendor_for(caller, slug), member))


@ROUTES.add(
    "PATCH", "/vendors/{slug}/team/{member}", scopes=WRITE, body=MemberChange, answer=MemberOut, refuses=(403, 409)
)
def change_member(caller: Caller, slug: str, member: str, body: MemberChange) -> MemberOut:
    """Give a member another role. A vendor keeps an owner."""
    vendor = vendor_for(caller, slug, Role.OWNER)
    found = _found(caller, vendor, member)
    team.change_role(caller.session, found, body.role)
    _note(caller, "role-changed", vendor, found.account_id, role=body.role.value)
    return _member(caller, found)


@ROUTES.add("DELETE", "/vendors/{slug}/team/{member}", scopes=WRITE, status=204, refuses=(403, 409))
def remove_member(caller: Caller, slug: str, member: str) -> None:
    """End a membership: an owner ends anybody's, others their own."""
    vendor = vendor_for(caller, slug)
    own = team.role_of(caller.session, vendor, caller.account) is not None and (
        member == public_name("member", vendor.id, caller.account.id)
    )
    if not own:
        vendor_for(caller, slug, Role.OWNER)
    found = _found(caller, vendor, member)
    team.leave(caller.session, found)
    _note(caller, "ended", vendor, found.account_id)


def _note(caller: Caller, what: str, vendor: Vendor, account_id: int, **facts: str) -> None:
    """Write down who changed whose rights."""
    by = caller.account
    audit(caller.session, f"membership.{what}", vendor.slug, caller.now, by=by, account=account_id, **facts)


# --- Templates ------------------------------------------------------------------------------------


def _template(template: Template) -> TemplateOut:
    return TemplateOut(
        id=public_name("template", template.id),
        name=template.name,
        body=template.body,
        created_at=template.created_at,
    )


def _kept(caller: Caller, vendor: Vendor, name: str) -> Template:
    for template in templates.of_vendor(caller.session, vendor):
        if public_name("template", template.id) == name:
            return template
    raise NotFound("There is no such template.")


@ROUTES.add("GET", "/vendors/{slug}/templates", scopes=READ, answer=Templates)
def list_templates(caller: Caller, slug: str) -> Templates:
    """Words that a vendor often answers with."""
    return Templates(items=[_template(one) for one in templates.of_vendor(caller.session, vendor_for(caller, slug))])


@ROUTES.add(
    "POST", "/vendors/{slug}/templates", scopes=WRITE, body=NewTemplate, answer=TemplateOut, status=201, refuses=(429,)
)
def create_template(caller: Caller, slug: str, body: NewTemplate) -> TemplateOut:
    """Keep words under a name."""
    vendor = vendor_for(caller, slug)
    return _template(templates.keep(caller.session, vendor, caller.now, name=body.name, body=body.body))


@ROUTES.add("GET", "/vendors/{slug}/templates/{template}", scopes=READ, answer=TemplateOut)
def read_template(caller: Caller, slug: str, template: str) -> TemplateOut:
    """One template."""
    return _template(_kept(caller, vendor_for(caller, slug), template))


@ROUTES.add("PATCH", "/vendors/{slug}/templates/{template}", scopes=WRITE, body=TemplateChange, answer=TemplateOut)
def change_template(caller: Caller, slug: str, template: str, body: TemplateChange) -> TemplateOut:
    """Change a template. What was answered with it stays as it is."""
    vendor = vendor_for(caller, slug)
    found = _kept(caller, vendor, template)
    said = {"name": found.name, "body": found.body} | body.model_dump(exclude_unset=True)
    return _template(templates.keep(caller.session, vendor, caller.now, template=found, **said))


@ROUTES.add("DELETE", "/vendors/{slug}/templates/{template}", scopes=WRITE, status=204)
def delete_template(caller: Caller, slug: str, template: str) -> None:
    """Forget a template. What was answered with it stays as it is."""
    templates.remove(caller.session, _kept(caller, vendor_for(caller, slug), template))
