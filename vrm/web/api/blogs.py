"""A customer's own blogs, through the API: register one, prove that it is yours, remove it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from intents import blogs
from intents.models import Blog
from intents.prove import prove
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput, WrongState
from vrm.kernel.outbound import PAGE
from vrm.web.api.bearer import Caller
from vrm.web.api.cursors import part
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, NodeIn, NodeOut, Page, PageQuery, Told, node_id, refuse_together
from vrm.web.desk import desk, save

ROUTES = Routes("Blogs")
READ, WRITE = (Scope.INTENTS_READ,), (Scope.INTENTS_WRITE,)


class NewBlog(Given):
    """Your own blog or feed. Nothing is read from it before you have proven that it is yours."""

    url: Annotated[str, Field(examples=["https://ana.example.org/"], description="Of the page or of the feed.")]
    publish_tagged: bool = Field(
        default=False, description="Publish what you tag (#intent, #wanttobuy, #vrm) without asking you first."
    )
    reply_to_posts: bool = Field(
        default=False, description="Tell each such post in public where its want is, by webmention."
    )
    home_category: NodeIn | None = Field(default=None, description="Stands in where a post names no category.")
    home_region: NodeIn | None = Field(default=None, description="Stands in where a post names no place.")


class BlogChange(Given):
    """How its posts are read; what is left out stays as it is, and null empties a home."""

    publish_tagged: bool = False
    reply_to_posts: bool = False
    home_category: NodeIn | None = None
    home_region: NodeIn | None = None


class BlogOut(Told):
    """A blog from which wants are read, once it is proven to be yours by its token or a link to its proof page."""

    id: str
    url: str
    feed_url: str
    title: str
    proof_token: str = Field(description="Write it into one of your newest posts …")
    proof_url: str = Field(description='… or link to this from the blog with rel="me".')
    verified_at: datetime | None
    verified_by: str | None
    publish_tagged: bool
    reply_to_posts: bool
    home_category: NodeOut | None
    home_region: NodeOut | None
    created_at: datetime
    fetched_at: datetime | None
    trouble: str | None = Field(description="What went wrong when it was last read.")
    ended_at: datetime | None


def _out(caller: Caller, blog: Blog) -> BlogOut:
    trees = taxonomy.trees(caller.session)
    return BlogOut(
        id=blog.code,
        url=blog.url,
        feed_url=blog.feed_url,
        title=blog.title or "",
        proof_token=blog.proof_token,
        proof_url=desk().harvester.proof_url(blog),
        verified_at=blog.verified_at,
        verified_by=blog.verified_by,
        publish_tagged=blog.publish_tagged,
        reply_to_posts=blog.reply_to_posts,
        home_category=NodeOut.of(trees.categories, blog.home_category_id),
        home_region=NodeOut.of(trees.regions, blog.home_region_id),
        created_at=blog.created_at,
        fetched_at=blog.fetched_at,
        trouble=blog.trouble,
        ended_at=blog.ended_at,
    )


def _homes(
    caller: Caller, body: NewBlog | BlogChange, fields: Iterable[str]
) -> tuple[dict[str, int | None], list[BadInput]]:
    """What stands in for a category and a region, and what does not hold."""
    trees = taxonomy.trees(caller.session)
    errors: list[BadInput] = []
    homes: dict[str, int | None] = {}
    for field, tree in (("home_category", trees.categories), ("home_region", trees.regions)):
        if field in fields:
            name = getattr(body, field)
            try:
                homes[f"{field}_id"] = None if name is None else node_id(tree, name, field)
            except BadInput as error:
                errors.append(error)
    return homes, errors


@ROUTES.add("GET", "/blogs", scopes=READ, query=PageQuery, answer=Page[BlogOut])
def list_blogs(caller: Caller, query: PageQuery) -> Page[BlogOut]:
    """Your blogs, oldest first."""
    found, cursor = part(blogs.blogs_of(caller.session, caller.account), query, "blogs")
    return Page(items=[_out(caller, blog) for blog in found], next_cursor=cursor)


@ROUTES.add(
    "POST",
    "/blogs",
    scopes=WRITE,
    body=NewBlog,
    answer=BlogOut,
    status=201,
    location="/blogs/{id}",
    refuses=(429,),
)
def create_blog(caller: Caller, body: NewBlog) -> BlogOut:
    """Register a blog as yours. The answer says how to prove it."""
    homes, errors = _homes(caller, body, ("home_category", "home_region"))
    try:
        desk().post.outbound.check(body.url, PAGE)
    except BadInput as error:
        errors.append(error)
    refuse_together(errors)
    blog = blogs.register(
        caller.session,
        caller.account,
        body.url,
        caller.now,
        publish_tagged=body.publish_tagged,
        reply_to_posts=body.reply_to_posts,
        **homes,
    )
    return _out(caller, blog)


@ROUTES.add("GET", "/blogs/{blog}", scopes=READ, answer=BlogOut)
def read_blog(caller: Caller, blog: str) -> BlogOut:
    """One of your blogs."""
    return _out(caller, blogs.by_code(caller.session, caller.account, blog))


@ROUTES.add("PATCH", "/blogs/{blog}", scopes=WRITE, body=BlogChange, answer=BlogOut)
def change_blog(caller: Caller, blog: str, body: BlogChange) -> BlogOut:
    """Change how the posts of a blog are read."""
    found = blogs.by_code(caller.session, caller.account, blog)
    homes, errors = _homes(caller, body, body.model_fields_set)
    refuse_together(errors)
    said = {
        "publish_tagged": found.publish_tagged,
        "reply_to_posts": found.reply_to_posts,
        "home_category_id": found.home_category_id,
        "home_region_id": found.home_region_id,
    }
    given = body.model_dump(exclude_unset=True, include={"publish_tagged", "reply_to_posts"})
    blogs.choose(caller.session, found, **(said | given | homes))
    return _out(caller, found)


@ROUTES.add("POST", "/blogs/{blog}/read", scopes=WRITE, answer=BlogOut, refuses=(429,))
def read_blog_soon(caller: Caller, blog: str) -> BlogOut:
    """Have its posts read at the next opportunity."""
    found = blogs.by_code(caller.session, caller.account, blog)
    blogs.read_soon(caller.session, found, caller.now)
    return _out(caller, found)


@ROUTES.add("DELETE", "/blogs/{blog}", scopes=WRITE, status=204)
def delete_blog(caller: Caller, blog: str) -> None:
    """Read this blog no more. Wants that came from it stay."""
    blogs.remove(caller.session, blogs.by_code(caller.session, caller.account, blog), caller.now)


@ROUTES.add("POST", "/blogs/{blog}/verify", scopes=WRITE, answer=BlogOut, outside=True, refuses=(409, 502))
def verify_blog(caller: Caller, blog: str) -> BlogOut:
    """Have us look for the proof on your blog now, and read it from then on."""
    found = blogs.by_code(caller.session, caller.account, blog)
    save()  # No transaction stays open while we wait for another host.
    try:
        prove(desk().harvester, found.id)
    except BadInput as error:  # Nothing in this request is wrong: the proof is not there yet.
        raise WrongState(str(error)) from error
    caller.session.refresh(found)
    return _out(caller, found)
