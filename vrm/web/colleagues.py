"""The people who act for a vendor, and what each may do."""

from flask import Blueprint, flash, make_response, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response as AnyResponse

from vendors import team
from vendors.models import Membership, Role, Vendor
from vrm.kernel import accounts
from vrm.kernel.accounts import LinkPurpose, audit
from vrm.kernel.errors import NotFound
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, now
from vrm.web.links import mail_link
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _

blueprint = Blueprint("colleagues", __name__, url_prefix="/vendor/<slug>/team")


@blueprint.get("")
def colleagues(slug: str) -> AnyResponse:
    """Everybody, with the form to add one."""
    return _page(acting_for(slug), Typed(role=Role.MEMBER.value), 200)


@blueprint.post("")
def add(slug: str) -> AnyResponse:
    """Let somebody act for the vendor; a link to sign in is mailed to them."""
    vendor, typed = acting_for(slug), Typed(request.form)
    role = typed.choice("role", Role, Role.MEMBER)
    with typed.attempt():
        account = accounts.ensure(db(), typed.get("email"), now())
        if not typed.problems:
            team.add(db(), vendor, account, role, now())
            _note("added", vendor, account.id, role=role.value)
            mail_link(db(), account, LinkPurpose.SIGN_IN, now())
    if typed.problems:
        return _page(vendor, typed, 422)
    flash(_("%(email)s is in the team, and gets a link to sign in by mail.", email=account.email))
    return redirect(url_for("colleagues.colleagues", slug=slug), 303)


@blueprint.post("/<int:account_id>/role")
def change_role(slug: str, account_id: int) -> AnyResponse:
    """Another role."""
    vendor, typed = acting_for(slug), Typed(request.form)
    member = _member(vendor, account_id)
    team.change_role(db(), member, typed.choice("role", Role, member.role))
    _note("role-changed", vendor, account_id, role=member.role.value)
    flash(_("Changed."))
    return redirect(url_for("colleagues.colleagues", slug=slug), 303)


@blueprint.post("/<int:account_id>/leave")
def leave(slug: str, account_id: int) -> AnyResponse:
    """End a membership: an owner ends anybody's, others their own."""
    mine = account_id == me().id
    vendor = acting_for(slug, Role.MEMBER if mine else Role.OWNER)
    team.leave(db(), _member(vendor, account_id))
    _note("ended", vendor, account_id)
    if mine:
        flash(_("You have left %(name)s.", name=vendor.name))
        return redirect(url_for("vendor.home"), 303)
    flash(_("Removed from the team."))
    return redirect(url_for("colleagues.colleagues", slug=slug), 303)


def _note(what: str, vendor: Vendor, account_id: int, **facts: str) -> None:
    """Write down who changed whose rights."""
    audit(db(), f"membership.{what}", vendor.slug, now(), by=me(), account=account_id, **facts)


def _member(vendor: Vendor, account_id: int) -> Membership:
    found = db().get(Membership, (vendor.id, account_id))
    if found is None:
        raise NotFound("There is no such member.")
    return found


def _page(vendor: Vendor, typed: Typed, status: int) -> AnyResponse:
    members = db().scalars(
        select(Membership)
        .options(joinedload(Membership.account))
        .where(Membership.vendor_id == vendor.id)
        .order_by(Membership.created_at)
    )
    page = vendor_page("vendor/team.html", vendor, members=members.all(), typed=typed, me=me())
    return make_response(page, status)
