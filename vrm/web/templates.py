"""Words that a vendor often answers with: a page to keep them."""

from flask import Blueprint, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from vendors import templates
from vendors.models import Vendor
from vendors.templates import Template
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, now
from vrm.web.typed import Typed
from vrm.web.words import _

blueprint = Blueprint("templates", __name__, url_prefix="/vendor/<slug>/templates")


@blueprint.get("")
def all_of_them(slug: str) -> AnyResponse:
    """Every template, with the form to make one."""
    return _page(acting_for(slug), Typed(), 200)


@blueprint.post("")
def make(slug: str) -> AnyResponse:
    """One more."""
    return _keep(acting_for(slug), None)


@blueprint.get("/<int:template_id>")
def one(slug: str, template_id: int) -> AnyResponse:
    """The form of one template as it is now."""
    vendor = acting_for(slug)
    template = templates.find(db(), vendor, template_id)
    return _page(vendor, Typed(name=template.name, body=template.body), 200, template)


@blueprint.post("/<int:template_id>")
def change(slug: str, template_id: int) -> AnyResponse:
    """Other words; what was answered with it stays as it is."""
    vendor = acting_for(slug)
    return _keep(vendor, templates.find(db(), vendor, template_id))


@blueprint.post("/<int:template_id>/remove")
def remove(slug: str, template_id: int) -> AnyResponse:
    """Forget it."""
    templates.remove(db(), templates.find(db(), acting_for(slug), template_id))
    flash(_("Removed."))
    return redirect(url_for("templates.all_of_them", slug=slug), 303)


def _keep(vendor: Vendor, template: Template | None) -> AnyResponse:
    typed = Typed(request.form)
    with typed.attempt():
        templates.keep(db(), vendor, now(), name=typed.get("name"), body=typed.get("body"), template=template)
    if typed.problems:
        return _page(vendor, typed, 422, template)
    flash(_("Saved. It is offered wherever you answer a want."))
    return redirect(url_for("templates.all_of_them", slug=vendor.slug), 303)


def _page(vendor: Vendor, typed: Typed, status: int, template: Template | None = None) -> AnyResponse:
    page = vendor_page(
        "vendor/templates.html",
        vendor,
        templates=templates.of_vendor(db(), vendor),
        changing=template,
        typed=typed,
        fields=templates.FIELDS,
    )
    return make_response(page, status)
