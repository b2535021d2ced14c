"""A customer's blogs: registered, proven, read; and what their author says to each post that was read."""

from urllib.parse import urlsplit

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from intents import blogs as verbs
from intents import reply as replies
from intents import websub
from intents.models import Blog, Entry
from intents.ownership import record_name
from intents.prove import prove
from notifiers import links
from vrm.kernel import taxonomy
from vrm.kernel.errors import NotFound, OutsideError
from vrm.kernel.outbound import PAGE
from vrm.web.desk import db, desk, now
from vrm.web.typed import Typed, preset_node
from vrm.web.visitors import me
from vrm.web.words import _

blueprint = Blueprint("blogs", __name__)


@blueprint.get("/me/blogs")
def blogs() -> AnyResponse:
    """The blogs of who is signed in, and the form for one more."""
    return _list(Typed(), 200)


@blueprint.post("/me/blogs")
def register() -> AnyResponse:
    """Note a blog; nothing is read before it is proven."""
    typed = Typed(request.form)
    blog = None
    with typed.attempt():
        url = typed.get("url").strip()
        address = desk().post.outbound.check(url if "://" in url else f"https://{url}", PAGE)
        blog = verbs.register(db(), me(), address.url, now())
    if blog is None:
        return _list(typed, 422)
    return redirect(url_for("blogs.blog", code=blog.code), 303)


@blueprint.get("/me/blogs/<code>")
def blog(code: str) -> AnyResponse:
    """How to prove it; afterwards its posts, each with what was decided and why."""
    return _blog(verbs.by_code(db(), me(), code), None, 200)


@blueprint.post("/me/blogs/<code>/verify")
def verify(code: str) -> AnyResponse:
    """Look for the proof on the blog."""
    # The blog is fetched with no transaction open: a slow host must not hold up other writers.
    with desk().store.read() as session:
        found = verbs.by_code(session, me(), code)
    db().rollback()
    typed = Typed(request.form)
    try:
        with typed.attempt():
            prove(desk().harvester, found.id)
    except OutsideError as error:
        typed.problems["url"] = str(error)
    if typed.problems:
        return _blog(verbs.by_code(db(), me(), code), typed, 422)
    flash(_("It is yours. New posts that say what you want are read from now on."))
    return redirect(url_for("blogs.blog", code=code), 303)


@blueprint.post("/me/blogs/<code>/choices")
def choices(code: str) -> AnyResponse:
    """How its posts are read."""
    found = verbs.by_code(db(), me(), code)
    typed = Typed(request.form)
    trees = taxonomy.trees(db())
    category, region = typed.node("home_category", trees.categories), typed.node("home_region", trees.regions)
    if not typed.problems:
        with typed.attempt():
            verbs.choose(
                db(),
                found,
                publish_tagged=bool(typed.get("publish_tagged")),
                reply_to_posts=bool(typed.get("reply_to_posts")),
                home_category_id=category,
                home_region_id=region,
            )
    if typed.problems:
        return _blog(found, typed, 422)
    flash(_("Saved."))
    return redirect(url_for("blogs.blog", code=code), 303)


@blueprint.post("/me/blogs/<code>/read")
def read(code: str) -> AnyResponse:
    """Read it at the next opportunity."""
    verbs.read_soon(db(), verbs.by_code(db(), me(), code), now())
    flash(_("It is being read; look again in a moment."))
    return redirect(url_for("blogs.blog", code=code), 303)


@blueprint.post("/me/blogs/<code>/remove")
def remove(code: str) -> AnyResponse:
    """Read it no more."""
    verbs.remove(db(), verbs.by_code(db(), me(), code), now())
    flash(_("We do not read this blog any more. Wants that came from it stay as they are."))
    return redirect(url_for("blogs.blogs"), 303)


# --- What its author says to a post: on the page, or from a mail ----------------------------------


@blueprint.post("/me/entries/<int:entry_id>/<decision>")
def decide(entry_id: int, decision: str) -> AnyResponse:
    """Confirm, dismiss or keep."""
    entry = verbs.entry(db(), me(), entry_id)
    _decide(entry, decision)
    return redirect(url_for("blogs.blog", code=entry.blog.code), 303)


@blueprint.get("/entries/<token>")
def asked(token: str) -> str:
    """What a mail asks about a post; its buttons do it, and need no session."""
    entry = links.entry_of(db(), desk().signer, token)
    return render_template("me/entry.html", entry=entry, intent=entry.intent, trees=taxonomy.trees(db()), done=None)


@blueprint.post("/entries/<token>")
def answered(token: str) -> str:
    """The author's answer to that mail."""
    entry = links.entry_of(db(), desk().signer, token)
    done = _decide(entry, request.form.get("decision", ""))
    return render_template("me/entry.html", entry=entry, intent=entry.intent, trees=taxonomy.trees(db()), done=done)


@blueprint.get("/proof/<token>")
def proof(token: str) -> str:
    """Where a rel="me" link of a blog points to. It says nothing of who that is."""
    if db().scalar(select(Blog.id).where(Blog.proof_token == token, Blog.ended_at.is_(None))) is None:
        raise NotFound("There is no such proof.")
    return render_template("public/proof.html")


@blueprint.get("/replies/<code>")
def reply(code: str) -> AnyResponse:
    """What we reply to a post whose author wished it: where its want is."""
    entry = replies.by_code(db(), code)
    page = make_response(render_template("public/reply.html", entry=entry, intent=entry.intent))
    page.headers["X-Robots-Tag"] = "noindex"
    return page


def _decide(entry: Entry, decision: str) -> str:
    if decision == "confirm":
        verbs.confirm(db(), entry, now())
        done = _("Published. Vendors are being told.")
    elif decision == "dismiss":
        verbs.dismiss(db(), entry, now())
        done = _("Done: this is not published any more.")
    elif decision == "keep":
        verbs.keep(db(), entry)
        done = _("It stays open.")
    elif decision == "insist":
        verbs.insist(db(), entry, now())
        done = _("It is being read again as a want; look again in a moment.")
    else:
        raise NotFound("There is no such button.")
    flash(done)
    return done


def _list(typed: Typed, status: int) -> AnyResponse:
    page = render_template("me/blogs.html", blogs=verbs.blogs_of(db(), me()), typed=typed)
    return make_response(page, status)


def _blog(blog: Blog, typed: Typed | None, status: int) -> AnyResponse:
    trees = taxonomy.trees(db())
    if typed is None:
        preset = preset_node("home_category", trees.categories, blog.home_category_id)
        preset |= preset_node("home_region", trees.regions, blog.home_region_id)
        ticks = {"publish_tagged": blog.publish_tagged, "reply_to_posts": blog.reply_to_posts}
        typed = Typed({**preset, **{name: "on" if is_on else "" for name, is_on in ticks.items()}})
    page = render_template(
        "me/blog.html",
        blog=blog,
        typed=typed,
        trees=trees,
        entries=verbs.entries_of(db(), blog),
        proof_url=desk().harvester.proof_url(blog),
        record=record_name(urlsplit(blog.feed_url).hostname or ""),
        lease=websub.lease_on(db(), blog, now()),
        moment=now(),
    )
    return make_response(page, status)
