"""What happened, in order, for programs that follow: to a vendor's leads, and to public wants."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from pydantic import Field

from intents import events
from intents.draft import Visibility
from intents.events import EventKind
from intents.models import Outcome
from vendors import changes
from vendors.changes import Place, WantChange
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import NotKept
from vrm.kernel.sealing import SealBroken
from vrm.web.api import cursors
from vrm.web.api.bearer import Caller
from vrm.web.api.leads import LeadOut, note_fetched
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import PageQuery, Told
from vrm.web.api.vendors import vendor_for
from vrm.web.api.wants import PublicWant
from vrm.web.desk import desk
from vrm.wiring import sealer_of

ROUTES = Routes("Changes")

LeadNews = Literal[
    "lead.created",
    "lead.updated",
    "lead.withdrawn",
    "lead.revealed",
    "lead.declined",
    "message.created",
    "response.created",
]
WantNews = Literal["want.opened", "want.changed", "want.hidden", "want.paused", "want.resumed", "want.closed"]

# As webhooks name them, where they do.
_OF_LEADS: dict[EventKind, LeadNews] = {
    EventKind.ROUTED: "lead.created",
    EventKind.IN_TURN: "lead.created",
    EventKind.CHANGED: "lead.updated",
    EventKind.PAUSED: "lead.updated",
    EventKind.RESUMED: "lead.updated",
    EventKind.CLOSED: "lead.withdrawn",
    EventKind.REVEALED: "lead.revealed",
    EventKind.DECLINED: "lead.declined",
    EventKind.MESSAGE: "message.created",
    EventKind.RESPONSE: "response.created",
}
_OF_WANTS: dict[EventKind, WantNews] = {
    EventKind.OPENED: "want.opened",
    EventKind.CHANGED: "want.changed",
    EventKind.HIDDEN: "want.hidden",
    EventKind.PAUSED: "want.paused",
    EventKind.RESUMED: "want.resumed",
    EventKind.CLOSED: "want.closed",
}


class LeadChangeOut(Told):
    """One thing that happened to a lead, and the lead as it is now."""

    kind: LeadNews
    at: datetime
    lead: LeadOut


class LeadChanges(Told):
    """Changes in order. Keep `next_cursor`, and ask with it when you want to know more; at once while `more`."""

    items: list[LeadChangeOut]
    next_cursor: str
    more: bool


class WantChangeOut(Told):
    """One thing that happened to a public want, and the want as it is now."""

    kind: WantNews
    at: datetime
    code: str
    want: PublicWant | None = Field(description="null: it is not public any more.")


class WantChanges(Told):
    """Changes in order. Keep `next_cursor`, and ask with it when you want to know more; at once while `more`."""

    items: list[WantChangeOut]
    next_cursor: str
    more: bool


def _order(caller: Caller) -> None:
    """Give a place to what was committed since somebody last asked."""
    if events.is_behind(caller.session):
        with desk().store.write() as session:
            events.number(session)
        caller.session.rollback()  # The snapshot that it reads from is older than what was just written.


def _purpose(of: str) -> str:
    return f"changes.{of}"


def _seal(caller: Caller, of: str, place: Place) -> str:
    """How far a follower has read, without telling how much happens here."""
    timeline = events.clock(caller.session).timeline
    return sealer_of(desk().settings).mask(_purpose(of), f"{place.seq} {place.intent_id} {timeline}")


def _unseal(caller: Caller, of: str, cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        seq, intent_id, *timeline = sealer_of(desk().settings).unmask(_purpose(of), cursor).split(" ")
    except SealBroken as error:
        raise cursors.bad() from error
    if int("".join(timeline) or 0) != events.clock(caller.session).timeline:  # Cursors from before had none.
        raise NotKept("This broker was put back from a backup since")
    return Place(int(seq), int(intent_id))


@contextmanager
def _begins_at(address: str) -> Iterator[None]:
    """Say to whoever cannot go on where to begin."""
    try:
        yield
    except NotKept as error:
        days = desk().settings.keep_changes.days
        raise NotKept(
            f"{error}; changes are kept for {days} days. Begin anew: read GET {address} once, then follow without a "
            "cursor."
        ) from error


@ROUTES.add(
    "GET",
    "/vendors/{slug}/changes",
    scopes=(Scope.VENDORS_READ,),
    query=PageQuery,
    answer=LeadChanges,
    refuses=(410,),
)
def follow_leads(caller: Caller, slug: str, query: PageQuery) -> LeadChanges:
    """What happened to a vendor's leads since `cursor`, or since as long as it is kept: every change once, in order. To
    fetch a lead here proves that it was delivered, not that it was read."""
    vendor = vendor_for(caller, slug)
    of = f"leads.{vendor.code}"
    with _begins_at(f"/vendors/{vendor.slug}/leads"):
        since = _unseal(caller, of, query.cursor)
        _order(caller)
        found = changes.of_vendor(caller.session, vendor, since, limit=query.limit)
    leads = note_fetched(caller, vendor, [change.lead for change in found.changes])
    trees = taxonomy.trees(caller.session)
    now_are = {lead.intent_id: LeadOut.of(lead, trees) for lead in leads}
    return LeadChanges(
        items=[
            LeadChangeOut(kind=_OF_LEADS[change.kind], at=change.at, lead=now_are[change.lead.intent_id])
            for change in found.changes
            if change.lead.intent_id in now_are
        ],
        next_cursor=_seal(caller, of, found.place),
        more=found.more,
    )


@ROUTES.add("GET", "/wants/changes", query=PageQuery, answer=WantChanges, refuses=(410,))
def follow_wants(caller: Caller, query: PageQuery) -> WantChanges:
    """What happened to public wants since `cursor`, or since as long as it is kept: every change once, in order."""
    with _begins_at("/wants"):
        since = _unseal(caller, "wants", query.cursor)
        _order(caller)
        found = changes.of_public(caller.session, since, limit=query.limit)
    return WantChanges(
        items=[_want(caller, change) for change in found.changes],
        next_cursor=_seal(caller, "wants", found.place),
        more=found.more,
    )


def _want(caller: Caller, change: WantChange) -> WantChangeOut:
    intent = change.intent
    public = intent.visibility is Visibility.PUBLIC
    shown = public and intent.held_at is None and intent.outcome is not Outcome.REMOVED
    return WantChangeOut(
        kind=_OF_WANTS[change.kind],
        at=change.at,
        code=intent.code,
        want=PublicWant.of(intent, taxonomy.trees(caller.session)) if shown else None,
    )
