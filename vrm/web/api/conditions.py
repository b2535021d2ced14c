"""If-None-Match and If-Match: what has not changed is not sent again, and what has is not overwritten unseen."""

import hashlib

from flask import Response, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import PreconditionFailed

CHANGED = "It has changed since you read it; read it again, and send your change with the new ETag."


def tag_of(body: str) -> str:
    """The ETag of a representation, without quotation marks."""
    return hashlib.sha256(body.encode()).hexdigest()[:32]


def tag(response: Response, body: str) -> Response:
    """Give the response its ETag; to a GET that names it already, 304 and nothing."""
    response.set_etag(tag_of(body))
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization"
    if request.method in ("GET", "HEAD"):
        response.make_conditional(request)
    return response


def take_turns(session: Session, path: str) -> None:
    """Let two changes of one thing wait for each other until the first has committed. On SQLite all writers do."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(path, 0))))


def require_match(body: str) -> None:
    """PreconditionFailed when If-Match names another state than `body`. Weak ETags match nothing (RFC 9110 §13.1.1)."""
    if not request.if_match.contains(tag_of(body)):
        raise PreconditionFailed(CHANGED)
