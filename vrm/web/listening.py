"""Listening in public feeds, for vendors and operators; and the page that invites a post's author."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from intents import blogs
from vendors import listen, watches
from vendors.models import Vendor
from vendors.watches import Sighting
from vrm.kernel import taxonomy
from vrm.kernel.errors import OutsideError
from vrm.kernel.outbound import FEED, PAGE
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, desk, now
from vrm.web.typed import Typed
from vrm.web.visitors import me, somebody
from vrm.web.words import _

blueprint = Blueprint("listening", __name__)

# --- For a vendor ---------------------------------------------------------------------------------


@blueprint.get("/vendor/<slug>/listening")
def heard(slug: str) -> AnyResponse:
    """Where the vendor listens, and what was seen there."""
    return _page(acting_for(slug), Typed(), 200)


@blueprint.post("/vendor/<slug>/listening")
def watch(slug: str) -> AnyResponse:
    """Listen in one more feed."""
    return _watch(acting_for(slug))


@blueprint.post("/vendor/<slug>/listening/<code>/end")
def end(slug: str, code: str) -> AnyResponse:
    """Listen there no more."""
    return _end(acting_for(slug), code)


@blueprint.post("/vendor/<slug>/sightings/<code>/dismiss")
def dismiss(slug: str, code: str) -> AnyResponse:
    """Put a sighting aside."""
    return _dismiss(acting_for(slug), code)


# --- For operators --------------------------------------------------------------------------------


@blueprint.get("/admin/listening")
def heard_by_operators() -> AnyResponse:
    """Where the operators listen."""
    return _page(None, Typed(), 200)


@blueprint.post("/admin/listening")
def watch_for_operators() -> AnyResponse:
    """Listen in one more feed."""
    return _watch(None)


@blueprint.post("/admin/listening/<code>/end")
def end_for_operators(code: str) -> AnyResponse:
    """Listen there no more."""
    return _end(None, code)


@blueprint.post("/admin/sightings/<code>/dismiss")
def dismiss_for_operators(code: str) -> AnyResponse:
    """Put a sighting aside."""
    return _dismiss(None, code)


# --- For the author of a post that was seen -------------------------------------------------------


@blueprint.get("/sightings/<code>")
def invitation(code: str) -> AnyResponse:
    """What this is, and how its author makes a want of it."""
    return _invitation(watches.invited(db(), code), Typed(url=request.args.get("blog", "")), 200)


@blueprint.post("/sightings/<code>")
def say_mine(code: str) -> AnyResponse:
    """Who is signed in says that the post is theirs, and names its blog."""
    sighting, typed, account = watches.invited(db(), code), Typed(request.form), me()
    blog = None
    with typed.attempt():
        url = typed.get("url").strip()
        address = desk().post.outbound.check(url if "://" in url else f"https://{url}", PAGE)
        blog = watches.say_mine(db(), account, sighting, address.url, now())
    if blog is None:
        return _invitation(sighting, typed, 422)
    return redirect(url_for("listening.claiming", code=code, blog=blog.code), 303)


@blueprint.get("/sightings/<code>/<blog>")
def claiming(code: str, blog: str) -> AnyResponse:
    """How to prove the blog that the post stands in."""
    return _claiming(code, blog, Typed(), 200)


@blueprint.post("/sightings/<code>/<blog>")
def claim(code: str, blog: str) -> AnyResponse:
    """Look for the proof and the post, and make a draft of it."""
    # Strangers' hosts are asked with no transaction open.
    account = me()
    with desk().store.read() as session:
        sighting_id, blog_id = watches.invited(session, code).id, blogs.by_code(session, account, blog).id
    db().rollback()
    typed = Typed(request.form)
    try:
        with typed.attempt():
            listen.claim(desk().harvester, sighting_id, blog_id)
    except OutsideError as error:
        typed.problems["url"] = str(error)
    if typed.problems:
        return _claiming(code, blog, typed, 422)
    flash(_("It is yours. Look at what we read from the post, and publish it."))
    return redirect(url_for("blogs.blog", code=blog), 303)


# --- Parts ----------------------------------------------------------------------------------------


def _watch(vendor: Vendor | None) -> AnyResponse:
    typed = Typed(request.form)
    made = None
    with typed.attempt():
        url = typed.get("url").strip()
        address = desk().post.outbound.check(url if "://" in url else f"https://{url}", FEED)
        made = watches.watch(db(), vendor, address.url, now(), blocked=typed.get("blocked"))
    if made is None:
        return _page(vendor, typed, 422)
    flash(_("We listen there from now on. What was written in the last two days counts, too."))
    return _back(vendor)


def _end(vendor: Vendor | None, code: str) -> AnyResponse:
    watches.end(db(), watches.watch_by_code(db(), vendor, code), now())
    flash(_("We listen there no more, and have forgotten what was seen there."))
    return _back(vendor)


def _dismiss(vendor: Vendor | None, code: str) -> AnyResponse:
    watches.dismiss(db(), vendor, code, now())
    return _back(vendor)


def _back(vendor: Vendor | None) -> AnyResponse:
    if vendor is None:
        return redirect(url_for("listening.heard_by_operators"), 303)
    return redirect(url_for("listening.heard", slug=vendor.slug), 303)


def _page(vendor: Vendor | None, typed: Typed, status: int) -> AnyResponse:
    facts = {
        "watches": watches.watches_of(db(), vendor),
        "sightings": watches.sightings_of(db(), vendor),
        "typed": typed,
        "base_url": desk().settings.base_url,
    }
    if vendor is not None:
        return make_response(vendor_page("vendor/listening.html", vendor, **facts), status)
    page = render_template("vendor/listening.html", vendor=None, runs=True, trees=taxonomy.trees(db()), **facts)
    return make_response(page, status)


def _invitation(sighting: Sighting, typed: Typed, status: int) -> AnyResponse:
    page = make_response(
        render_template(
            "public/sighting.html",
            sighting=sighting,
            typed=typed,
            trees=taxonomy.trees(db()),
            account=somebody(),
        ),
        status,
    )
    page.headers["X-Robots-Tag"] = "noindex"
    return page


def _claiming(code: str, blog_code: str, typed: Typed, status: int) -> AnyResponse:
    sighting, blog = watches.invited(db(), code), blogs.by_code(db(), me(), blog_code)
    proof_url = desk().harvester.proof_url(blog)
    page = render_template("public/claiming.html", sighting=sighting, blog=blog, proof_url=proof_url, typed=typed)
    return make_response(page, status)
