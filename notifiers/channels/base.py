"""What every kind of channel has in common: typed fields in, one message out, an outcome back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Protocol

from notifiers.models import ChannelKind, Topic, Verdict
from notifiers.post import Post
from vendors.models import Undelivered
from vrm.kernel.errors import BadInput
from vrm.kernel.outbound import Outbound

DEADLINE_S = 15.0  # Of one attempt, whatever happens in it.
SAID_AT_MOST = 4_000  # Characters of an answer that are kept.
_NOT_KEPT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in, for a form and for the API alike."""

    name: str
    label: str
    help: str
    placeholder: str = ""
    type: Literal["text", "email", "url", "password", "subscription"] = "text"
    required: bool = True


class Proof(StrEnum):
    """How a channel shows that it is the vendor's."""

    CODE = "code"  # A code is sent there, and typed in here.
    ECHO = "echo"  # The other side answers a signed challenge with its words.
    FETCH = "fetch"  # Nothing is sent: whoever has the secret address fetches it.


@dataclass(frozen=True, slots=True)
class Link:
    """A button: it opens a page, and does nothing by itself."""

    label: str
    url: str


class Shared(dict[str, Any]):
    """A part of the data of many messages; what is written of it once is kept for the others."""

    written: str | None = None  # As JSON.


@dataclass(frozen=True, slots=True)
class Composed:
    """One message in every shape that a channel may ask for."""

    topic: Topic
    subject: str
    plain: str
    html: str
    chat: str  # Plain text without the links, already harmless to markup and mentions.
    links: tuple[Link, ...]
    data: Mapping[str, Any]  # The same as facts: the JSON of a webhook, the fields of a form, the elements of XML.
    unsubscribe_url: str | None = None  # Takes the POST of RFC 8058.
    replies: bool = False  # Whether a reply by mail is read, and may be asked for.
    about: tuple[int, ...] = ()  # Of a digest: the notifications whose word is in it.


class Wire(NamedTuple):
    """The same for every attempt of one notification, so that a receiver can drop what comes twice."""

    id: str  # Safe in a header, a Message-ID and a webhook-id.
    thread: str | None  # The `id` of the message that this one follows.
    owed_at: datetime
    at: datetime  # Of this attempt.


class Outcome(NamedTuple):
    """What one attempt came to."""

    verdict: Verdict
    because: Undelivered | None = None  # None when delivered.
    status: int | None = None  # HTTP or SMTP code, when there was one.
    said: str = ""
    retry_after_s: float | None = None
    evidence: bool = True  # Whether "delivered" is proof that the other side took it; a file in our outbox is not.
    gone: bool = False  # Nothing will ever arrive there: the channel is switched off.
    ours: bool = False  # The fault is on our side, and not held against the channel.

    @property
    def delivered(self) -> bool:
        return self.verdict is Verdict.DELIVERED


class ChannelType(Protocol):
    """One kind of place where a vendor can be told. A new kind is a new file beside this one."""

    @property
    def kind(self) -> ChannelKind: ...
    @property
    def name(self) -> str:
        """As people call it."""

    @property
    def blurb(self) -> str:
        """One sentence that says what will happen there."""

    @property
    def fields(self) -> tuple[Field, ...]: ...
    @property
    def proof(self) -> Proof: ...
    @property
    def signs(self) -> bool:
        """Whether its target holds a `secret`, made by us and shown to the vendor once."""

    @property
    def digest_most(self) -> int:
        """How many words fit into one digest there."""

    def clean(self, fields: Mapping[str, str], outbound: Outbound) -> dict[str, Any]:
        """What is stored as `Channel.target`. BadInput with a sentence per field; opens no connection."""

    def place(self, target: Mapping[str, Any]) -> str:
        """Two targets with the same place are the same one."""

    def shown(self, target: Mapping[str, Any]) -> str:
        """For lists and logs: recognisable by its owner, useless to anybody else."""

    def host(self, target: Mapping[str, Any]) -> str:
        """Attempts to one host are few at a time."""

    def pack(self, target: Mapping[str, Any], message: Composed, wire: Wire) -> Any:
        """What `send` takes: as much of the message as is needed there, written as far as it can be beforehand."""

    async def send(self, target: Mapping[str, Any], packed: Any, wire: Wire, post: Post) -> Outcome:
        """One attempt. Whatever goes wrong outside is an Outcome, not an exception."""


def filled(fields: Mapping[str, str], name: str, sentence: str) -> str:
    """The trimmed value of a field; BadInput with `sentence` when it is empty."""
    value = fields.get(name, "").strip()
    if not value:
        raise BadInput({name: sentence})
    return value


def kept(answer: str) -> str:
    """As much of an answer as is kept, without what a store or a page cannot hold."""
    return _NOT_KEPT.sub("�", answer[:SAID_AT_MOST]) if answer else ""


def calm(theirs: str) -> str:
    """Text of strangers with no mention, tag, named link or code block in it for a chat to act on.

    An invisible space (U+200B) takes each sign away from what it would act on; people see no difference.
    """
    return re.sub(r"(?<=[@<`\]])(?=\S)", "\u200b", theirs)
