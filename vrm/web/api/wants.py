"""What everybody may see, for programs: open public wants, and what a vendor says of itself."""

from pydantic import Field

from intents import browse, publish
from intents.browse import Where
from intents.models import Intent, Outcome
from vendors import choose, team
from vrm.kernel import taxonomy
from vrm.kernel.errors import NotFound
from vrm.kernel.taxonomy import Trees
from vrm.web.api import cursors
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.saying import WITHIN_KM, WantSays, said
from vrm.web.api.shapes import NameQ, Page, PageQuery, Told, WordsQ, below
from vrm.web.desk import desk

ROUTES = Routes("Public")


class WantsQuery(PageQuery):
    """Which wants: of this category and region and what lies below them, and with all of these words in the title."""

    category: NameQ = ""
    region: NameQ = ""
    q: WordsQ = ""


class PublicWant(WantSays):
    """A want that anybody may see. Who wants it is not part of it."""

    url: str
    outcome: Outcome | None
    within_km: float | None = WITHIN_KM

    @classmethod
    def of(cls, intent: Intent, trees: Trees) -> "PublicWant":
        return cls(
            **said(intent, trees),
            url=f"{desk().settings.base_url}/intents/{intent.code}",
            outcome=intent.outcome,
            within_km=intent.near_km,
        )


class PublicVendor(Told):
    """A vendor, as it presents itself to everybody."""

    slug: str
    url: str
    name: str
    website: str
    about: str
    website_proven: bool
    glad: int = Field(description="Customers who were glad of a real exchange …")
    judged: int = Field(description="… of so many who said how it went.")


@ROUTES.add("GET", "/wants", query=WantsQuery, answer=Page[PublicWant])
def list_wants(caller: Caller, query: WantsQuery) -> Page[PublicWant]:
    """Public wants that are open, newest first."""
    trees = taxonomy.trees(caller.session)
    where = Where(
        category=below(trees.categories, query.category, "category"),
        region=below(trees.regions, query.region, "region"),
        words=query.q,
    )
    before = cursors.unseal("wants", query.cursor) if query.cursor is not None else None
    found = browse.open_wants(caller.session, trees, where, before=before, limit=query.limit)
    return Page(
        items=[PublicWant.of(intent, trees) for intent in found.intents],
        next_cursor=cursors.seal("wants", found.next_before) if found.next_before else None,
    )


@ROUTES.add("GET", "/wants/{code}", answer=PublicWant)
def read_want(caller: Caller, code: str) -> PublicWant:
    """A want as everybody may see it: a public one, or an unlisted one by who knows its code."""
    intent = publish.by_code(caller.session, code)
    if intent.opened_at is None or intent.held_at is not None:
        raise NotFound("There is no such want.")
    return PublicWant.of(intent, taxonomy.trees(caller.session))


@ROUTES.add("GET", "/vendors/{slug}/profile", answer=PublicVendor)
def read_profile(caller: Caller, slug: str) -> PublicVendor:
    """What a vendor says of itself, and how many customers were glad of it."""
    vendor = team.by_slug(caller.session, slug)
    said = choose.gladness(caller.session, vendor.id)
    return PublicVendor(
        slug=vendor.slug,
        url=f"{desk().settings.base_url}/vendors/{vendor.slug}",
        name=vendor.name,
        website=vendor.website,
        about=vendor.about,
        website_proven=vendor.verified_at is not None,
        glad=said.glad,
        judged=said.said,
    )
