"""Where a vendor listens for wants in public feeds, and what was seen there, through the API."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from vendors import watches
from vendors.models import Role
from vendors.watches import Sighting, Watch
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.outbound import FEED
from vrm.web.api.bearer import Caller
from vrm.web.api.cursors import part
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, NodeOut, Page, PageQuery, Told
from vrm.web.api.vendors import vendor_for
from vrm.web.desk import desk

ROUTES = Routes("Listening")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)


class NewWatch(Given):
    """A public feed to listen in: of a hashtag, a search, a forum."""

    url: Annotated[str, Field(examples=["https://mastodon.example/tags/wanttobuy.rss"])]
    blocked: Annotated[str, Field(description="Words, one a line: a post with one of them is left alone.")] = ""


class WatchOut(Told):
    """A feed in which a vendor listens."""

    id: str
    url: str
    title: str
    blocked: str
    created_at: datetime
    fetched_at: datetime | None
    trouble: str | None = Field(description="What went wrong when it was last read.")


class SightingOut(Told):
    """A post that reads like a want. Only its author can make an intent of it, on the page of the invitation."""

    id: str
    url: str = Field(description="Of the post.")
    category: NodeOut | None
    region: NodeOut | None
    seen_at: datetime
    claimed_at: datetime | None
    invitation_url: str


def _watch(watch: Watch) -> WatchOut:
    return WatchOut(
        id=watch.code,
        url=watch.url,
        title=watch.title,
        blocked=watch.blocked,
        created_at=watch.created_at,
        fetched_at=watch.fetched_at,
        trouble=watch.trouble,
    )


def _sighting(caller: Caller, sighting: Sighting) -> SightingOut:
    trees = taxonomy.trees(caller.session)
    return SightingOut(
        id=sighting.code,
        url=sighting.url,
        category=NodeOut.of(trees.categories, sighting.category_id),
        region=NodeOut.of(trees.regions, sighting.region_id),
        seen_at=sighting.seen_at,
        claimed_at=sighting.claimed_at,
        invitation_url=f"{desk().settings.base_url}/sightings/{sighting.code}",
    )


@ROUTES.add("GET", "/vendors/{slug}/watches", scopes=READ, query=PageQuery, answer=Page[WatchOut])
def list_watches(caller: Caller, slug: str, query: PageQuery) -> Page[WatchOut]:
    """The feeds in which a vendor listens, oldest first."""
    found, cursor = part(watches.watches_of(caller.session, vendor_for(caller, slug)), query, f"watches {slug}")
    return Page(items=[_watch(watch) for watch in found], next_cursor=cursor)


@ROUTES.add(
    "POST",
    "/vendors/{slug}/watches",
    scopes=WRITE,
    body=NewWatch,
    answer=WatchOut,
    status=201,
    refuses=(403, 429),
)
def create_watch(caller: Caller, slug: str, body: NewWatch) -> WatchOut:
    """Listen in a feed from now on."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    address = desk().post.outbound.check(body.url, FEED)
    return _watch(watches.watch(caller.session, vendor, address.url, caller.now, blocked=body.blocked))


@ROUTES.add("DELETE", "/vendors/{slug}/watches/{watch}", scopes=WRITE, status=204, refuses=(403,))
def delete_watch(caller: Caller, slug: str, watch: str) -> None:
    """Listen there no more, and forget what was seen there."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    watches.end(caller.session, watches.watch_by_code(caller.session, vendor, watch), caller.now)


@ROUTES.add("GET", "/vendors/{slug}/sightings", scopes=READ, query=PageQuery, answer=Page[SightingOut])
def list_sightings(caller: Caller, slug: str, query: PageQuery) -> Page[SightingOut]:
    """What was seen in those feeds, newest first."""
    seen = watches.sightings_of(caller.session, vendor_for(caller, slug))
    found, cursor = part(seen, query, f"sightings {slug}")
    return Page(items=[_sighting(caller, sighting) for sighting in found], next_cursor=cursor)


@ROUTES.add("POST", "/vendors/{slug}/sightings/{sighting}/dismiss", scopes=WRITE, status=204)
def dismiss_sighting(caller: Caller, slug: str, sighting: str) -> None:
    """Put a sighting aside: it is no want, or not for you."""
    watches.dismiss(caller.session, vendor_for(caller, slug), sighting, caller.now)
