"""Posts of a customer's blog that were considered, through the API: what was decided and why, and the author's word."""

import hashlib
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from intents import blogs
from intents.models import Decision, Entry
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import NotFound
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Told

ROUTES = Routes("Blogs")
READ, WRITE = (Scope.INTENTS_READ,), (Scope.INTENTS_WRITE,)


class EntryOut(Told):
    """One post, with what was decided and why."""

    id: str
    url: str
    title: str
    published_at: datetime
    first_seen_at: datetime
    decision: Decision
    reason: str
    intent: str | None = Field(description="Code of the want that was made of it.")
    vanished_at: datetime | None
    asks: bool = Field(description="Whether we wait for your word.")


class Entries(Told):
    """The newest fifty that were considered."""

    items: list[EntryOut]


class Saying(StrEnum):
    """What its author can say to a post."""

    CONFIRM = "confirm"  # Publish the draft.
    DISMISS = "dismiss"  # It is no want; withdraw what was published.
    KEEP = "keep"  # The post is gone, but the want stays.
    INSIST = "insist"  # It is a want; read it again.


class Said(Given):
    """`confirm` publishes the draft, `dismiss` withdraws it, `keep` leaves it though the post is gone, `insist`
    has a post read again as a want."""

    say: Saying


def _id(entry: Entry) -> str:
    """A name for the post that tells nothing of how many there are elsewhere: a feed's own key may be anything."""
    return hashlib.sha256(f"{entry.blog.code}\0{entry.key}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _out(entry: Entry) -> EntryOut:
    return EntryOut(
        id=_id(entry),
        url=entry.url,
        title=entry.title,
        published_at=entry.published_at,
        first_seen_at=entry.first_seen_at,
        decision=entry.decision,
        reason=entry.reason,
        intent=entry.intent.code if entry.intent is not None else None,
        vanished_at=entry.vanished_at,
        asks=entry.ask_at is not None,
    )


@ROUTES.add("GET", "/blogs/{blog}/entries", scopes=READ, answer=Entries)
def list_entries(caller: Caller, blog: str) -> Entries:
    """The newest posts of a blog that were considered, each with what was decided and why."""
    found = blogs.by_code(caller.session, caller.account, blog)
    return Entries(items=[_out(entry) for entry in blogs.entries_of(caller.session, found)])


@ROUTES.add("POST", "/blogs/{blog}/entries/{entry}", scopes=WRITE, body=Said, answer=EntryOut, refuses=(403, 409, 429))
def decide_entry(caller: Caller, blog: str, entry: str, body: Said) -> EntryOut:
    """Say what a post is. Only the newest fifty can be spoken of."""
    of = blogs.by_code(caller.session, caller.account, blog)
    found = next((one for one in blogs.entries_of(caller.session, of) if _id(one) == entry), None)
    if found is None:
        raise NotFound("There is no such post.")
    if body.say is Saying.CONFIRM:
        blogs.confirm(caller.session, found, caller.now)
    elif body.say is Saying.DISMISS:
        blogs.dismiss(caller.session, found, caller.now)
    elif body.say is Saying.KEEP:
        blogs.keep(caller.session, found)
    else:
        blogs.insist(caller.session, found, caller.now)
    return _out(found)
