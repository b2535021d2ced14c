"""What hubs of blogs call (WebSub): is it you who subscribed, and there is something new."""

import re

from flask import Blueprint, Response, request

from intents import websub
from vrm.kernel.errors import NotFound
from vrm.web.desk import desk, now
from vrm.web.security import csrf

blueprint = Blueprint("hubs", __name__, url_prefix="/websub/<code>")

_LONGEST = 5_000_000  # Bytes; hubs send the whole feed, and all of it is signed.
_CHALLENGE = re.compile(r"[\x21-\x7e]{1,2000}", re.ASCII)


@blueprint.get("")
def asked(code: str) -> Response:
    """Echo the challenge of a hub that we asked. The standard makes this GET confirm; nobody is judged by it."""
    said = request.args
    mode, topic, challenge = (said.get(f"hub.{name}", "") for name in ("mode", "topic", "challenge"))
    with desk().store.write() as session:
        lease = websub.lease_of(session, code)
        if mode == "denied":
            websub.deny(lease, topic=topic, reason=said.get("hub.reason", ""))
            return Response(status=204)
        if mode != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            raise NotFound("We did not ask for this.")
        websub.confirm(lease, topic=topic, lease_seconds=said.get("hub.lease_seconds", ""), now=now())
    return Response(challenge, mimetype="text/plain")


@blueprint.post("")
@csrf.exempt  # type: ignore[untyped-decorator] # Flask-WTF ships no types. A hub signs what it sends.
def told(code: str) -> Response:
    """Something is new, if the signature says so. A hub learns nothing from a wrong one (WebSub §7.1)."""
    request.max_content_length = _LONGEST
    signature = request.headers.get("X-Hub-Signature", "")
    with desk().store.write() as session:
        lease = websub.lease_of(session, code)
        websub.hear(session, lease, body=request.get_data(), signature=signature, now=now())
    return Response(status=202)
