"""One request → one store session, the present moment, and the things the app was made with."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from sqlalchemy.orm import Session

from intents.feed import FeedReader
from intents.fetching import Harvester
from notifiers.post import Post
from vrm.config import Settings
from vrm.kernel.accounts import Passwords
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.signing import Signer

SAFE = frozenset(["GET", "HEAD", "OPTIONS"])  # Methods that only read.


@dataclass(frozen=True, slots=True)
class Desk:
    """What every view may need, made once by `create_app`."""

    settings: Settings
    store: Store
    clock: Clock
    passwords: Passwords
    post: Post  # The ways out: mail, and hosts that others name.
    reader: FeedReader

    @property
    def signer(self) -> Signer:
        """What proves our own links."""
        return self.post.signer

    @property
    def harvester(self) -> Harvester:
        """What proving a blog takes."""
        return Harvester(self.store, self.post.outbound, self.reader, self.clock, self.settings.base_url)


def desk() -> Desk:
    """The desk of the running app."""
    kept: Desk = current_app.extensions["vrm"]
    return kept


def now() -> datetime:
    """The moment of this request, the same for everything that it does."""
    if "moment" not in g:
        g.moment = desk().clock()
    moment: datetime = g.moment
    return moment


def db() -> Session:
    """This request's session: it reads for GET, and writes otherwise.

    What was written is committed before the answer goes out when its status is below 400, and undone otherwise.
    """
    if "session" not in g:
        g.session = desk().store.session(writes=request.method not in SAFE)
    session: Session = g.session
    return session


def install(app: Flask, made: Desk) -> None:
    """Give the app its desk, and each request the end of its session."""
    app.extensions["vrm"] = made
    app.after_request(_finish)
    app.teardown_request(_drop)


def save() -> None:
    """Commit now, as before a step that needs a session of its own; the request's session goes on."""
    if "session" in g:
        g.session.commit()


def undo() -> None:
    """Undo what this request wrote so far."""
    if "session" in g:
        g.session.rollback()


def _finish(response: Response) -> Response:
    if "session" in g and request.method not in SAFE:
        if response.status_code < 400:
            g.session.commit()
        else:
            g.session.rollback()
    return response


def _drop(_error: BaseException | None) -> None:
    session: Session | None = g.pop("session", None)
    if session is not None:
        session.close()


def own_path(address: str | None, *, otherwise: str) -> str:
    """A path of this site to go on to, never another host's; `otherwise` when there is none."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return otherwise
    if any(ord(letter) < 32 or letter == "\\" for letter in address):
        return otherwise
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc else otherwise


def from_here() -> bool:
    """Whether the browser says that this request was made by one of our own pages."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.host
