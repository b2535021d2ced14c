"""A vendor's private feed, fetched by its own programs: the address is the key, and fetching is proof of delivery."""

import hashlib

from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from notifiers import feed, links
from vrm.kernel.errors import NotFound
from vrm.web.desk import db, desk, now
from vrm.web.words import _

blueprint = Blueprint("feeds", __name__)
_TYPES = {"atom": "application/atom+xml", "json": "application/feed+json"}
_WRITERS = {"atom": feed.atom, "json": feed.json_feed}


@blueprint.get("/feeds/<token>.<any(atom, json):kind>")
def fetch(token: str, kind: str) -> AnyResponse:
    """What is wanted now. That somebody with the vendor's secret address has it is written down."""
    signer = desk().signer
    channel = links.feed_channel(db(), signer, token)
    if channel.paused_at is not None or channel.switched_off_at is not None:
        raise NotFound(_("This feed is paused; switch it on again on its page."))
    shown = feed.feed_of(db(), channel, desk().post)
    body = _WRITERS[kind](shown, links.feed_url(desk().post.base_url, signer, channel, kind))
    if request.method == "GET":
        with desk().store.write() as session:
            feed.fetched(session, links.feed_channel(session, signer, token), shown, now())
    response = make_response(body)
    response.headers["Content-Type"] = f"{_TYPES[kind]}; charset=utf-8"
    response.headers["Cache-Control"] = "private, max-age=60"
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.last_modified = shown.changed_at
    response.make_conditional(request)
    return response
