"""Webhooks: JSON to an address of the vendor's, signed as Standard Webhooks 1.0 says (standardwebhooks.com)."""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from notifiers.channels.base import Composed, Field, Outcome, Proof, Shared, Wire, filled, kept
from notifiers.models import ChannelKind, Topic, Verdict
from notifiers.post import Post
from vendors.models import Undelivered
from vrm.kernel.errors import OutsideError
from vrm.kernel.outbound import WEBHOOK, Answer, Outbound, Policy

BODY_AT_MOST = 20_000  # Bytes; more must not be sent.
OVERLAP = timedelta(hours=24)  # How long an old secret signs beside a new one.
_PREFIX = "whsec_"


def new_secret() -> str:
    """32 random bytes, written as the standard says."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def sign(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`. ValueError when the secret is not base64."""
    signed = f"{id_}.{timestamp}.".encode() + body
    # Not hmac.digest, which lets go of the interpreter's lock: getting it back from the thread that waits for the store
    # took fifteen times as long as signing.
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, "sha256").digest()).decode("ascii")


@lru_cache(maxsize=1024)
def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)


def rotated(target: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The target with a new secret; for a day the one before signs as well, so that a receiver can change over."""
    until = (now + OVERLAP).isoformat()
    return {**target, "secret": new_secret(), "old_secret": target["secret"], "old_until": until}


def secrets_of(target: Mapping[str, Any], now: datetime) -> list[str]:
    """What signs at this moment, the newest first."""
    secrets_ = [str(target["secret"])]
    if "old_secret" in target and now < datetime.fromisoformat(str(target["old_until"])):
        secrets_.append(str(target["old_secret"]))
    return secrets_


def write_body(message: Composed, wire: Wire) -> bytes:
    """{"type", "timestamp", "data"} below 20 kB; a want's long description is cut, and `truncated` says so."""
    data: dict[str, Any] = dict(message.data)
    if wire.thread is not None:
        data["follows"] = wire.thread  # The webhook-id of the first word about this lead.
    body = _dump(message.topic, wire, data)
    while len(body) >= BODY_AT_MOST:
        name, text = _longest(data)
        if not text:
            break
        excess = len(body) - BODY_AT_MOST
        # A character is at least a byte here, so this comes to an end, and in few steps.
        data = _with(data, name, text[: max(len(text) - max(excess // 4, 200), 0)])
        body = _dump(message.topic, wire, data)
    return body


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _dump(topic: Topic, wire: Wire, data: Mapping[str, Any]) -> bytes:
    """What many messages share is written once for all of them, and the rest in one go."""
    own = {name: part for name, part in data.items() if not isinstance(part, Shared)}
    written = _json({"type": topic, "timestamp": wire.owed_at.astimezone(UTC).isoformat(), "data": own})
    shared = [f"{_json(name)}:{_shared(part)}" for name, part in data.items() if isinstance(part, Shared)]
    if not shared:
        return written.encode()
    return f"{written[:-2]}{',' if own else ''}{','.join(shared)}}}}}".encode()


def _shared(part: Shared) -> str:
    if part.written is None:
        part.written = _json(part)
    return part.written


def _longest(data: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
    texts = [
        ((outer, inner), text)
        for outer, part in data.items()
        if isinstance(part, Mapping)
        for inner, text in part.items()
        if isinstance(text, str)
    ]
    return max(texts, key=lambda found: len(found[1].encode()), default=(("", ""), ""))


def _with(data: Mapping[str, Any], name: tuple[str, str], text: str) -> dict[str, Any]:
    outer, inner = name
    return {**data, outer: {**data[outer], inner: text, "truncated": True}}


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes signed JSON."""

    kind: ChannelKind = ChannelKind.WEBHOOK
    name: str = "Webhook"
    blurb: str = "Signed JSON to an address of yours, for every want and every change of it."
    fields: tuple[Field, ...] = (
        Field(
            "url",
            "Address",
            "It must begin with https:// and answer a POST with 2xx within 15 seconds.",
            "https://crm.example.org/hooks/wants",
            type="url",
        ),
    )
    proof: Proof = Proof.ECHO
    signs: bool = True
    digest_most: int = 10  # Of about 1.2 kB each.
    policy: Policy = WEBHOOK

    def clean(self, fields: Mapping[str, str], outbound: Outbound) -> dict[str, Any]:
        """{"url": …}, as it will be called."""
        url = filled(fields, "url", "Please write the address that we should call.")
        return {"url": outbound.check(url, self.policy, field="url").url}

    def place(self, target: Mapping[str, Any]) -> str:
        return str(target["url"])

    def shown(self, target: Mapping[str, Any]) -> str:
        # The query often is a key.
        url = urlsplit(str(target["url"]))
        return f"{url.scheme}://{url.netloc}{url.path}{'?…' if url.query else ''}"

    def host(self, target: Mapping[str, Any]) -> str:
        return urlsplit(str(target["url"])).netloc

    def pack(self, target: Mapping[str, Any], message: Composed, wire: Wire) -> "Request":
        body = write_body(message, wire)
        timestamp = int(wire.at.timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": wire.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                sign(secret, wire.id, timestamp, body) for secret in secrets_of(target, wire.at)
            ),
        }
        challenge = str(message.data["challenge"]) if message.topic is Topic.CHALLENGE else None
        return Request(str(target["url"]), body, headers, challenge)

    async def send(self, target: Mapping[str, Any], packed: "Request", wire: Wire, post: Post) -> Outcome:
        del target
        try:
            answer = await post.outbound.post(packed.url, body=packed.body, policy=self.policy, headers=packed.headers)
        except OutsideError as error:
            return Outcome(
                Verdict.PERMANENT if error.permanent else Verdict.TRANSIENT,
                Undelivered.UNREACHABLE,
                said=str(error),
                retry_after_s=error.retry_after_s,
            )
        if packed.challenge is not None:
            return _of_challenge(answer, packed.challenge)
        return of_answer(answer, wire.at)


class Request(NamedTuple):
    """A signed POST."""

    url: str
    body: bytes
    headers: dict[str, str]
    challenge: str | None  # What must be given back, when that is what it asks for.


def of_answer(answer: Answer, now: datetime) -> Outcome:
    """What a status means. Everything but 2xx is a failure, and only 410 is one that will not mend itself."""
    said = kept(answer.body.decode("utf-8", "replace"))
    if 200 <= answer.status < 300:
        return Outcome(Verdict.DELIVERED, status=answer.status, said=said)
    if answer.status == 410:
        return Outcome(Verdict.PERMANENT, Undelivered.REFUSED, 410, said, gone=True)
    if 300 <= answer.status < 400:
        said = "It leads to another address; redirects are not followed. Give the last address instead."
    wait = retry_after(answer.headers.get("Retry-After", ""), now)
    return Outcome(Verdict.TRANSIENT, Undelivered.REFUSED, answer.status, said, retry_after_s=wait)


def _of_challenge(answer: Answer, challenge: str) -> Outcome:
    try:
        echoed = json.loads(answer.body) == {"challenge": challenge}
    except (ValueError, RecursionError):
        echoed = False
    if answer.status == 200 and echoed:
        return Outcome(Verdict.DELIVERED, status=200, said="It gave the challenge back.")
    said = (
        f'It answered {answer.status}, but we need 200 and the JSON {{"challenge": …}} with data.challenge of '
        f"our request. Its answer began: {kept(answer.body[:200].decode('utf-8', 'replace'))}"
    )
    return Outcome(Verdict.TRANSIENT, Undelivered.REFUSED, answer.status, said)


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds from a Retry-After header (RFC 9110 §10.2.3): a number, or a date; None when it is neither."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)
