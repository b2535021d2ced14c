"""Where a vendor wants to be told, through the API: add, prove, test, look at what was sent, remove."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated

from pydantic import Field

from notifiers import register
from notifiers.channels import KINDS
from notifiers.models import Attempt, Channel, ChannelKind, Notification, Result, Topic, Verdict
from notifiers.register import State
from vendors.models import Role, Undelivered
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput, WrongState
from vrm.web.api.bearer import Caller
from vrm.web.api.cursors import part
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Page, PageQuery, Told
from vrm.web.api.vendors import vendor_for
from vrm.web.desk import desk, save
from vrm.web.sending import send_now

ROUTES = Routes("Channels")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)
_PLACES = ("address", "url", "bot_token", "chat", "app_token", "user_key", "access_token", "topic")
_SAID_AT_MOST = 4_000


class NewChannel(Given):
    """A place where a vendor wants to be told, with the fields of its kind; they are proven before first use."""

    kind: ChannelKind
    label: str = ""
    address: str | None = Field(default=None, description="email: the mail address.")
    url: str | None = Field(
        default=None, description="webhook, slack, discord, teams, google-chat, webex: the address that takes POSTs."
    )
    bot_token: str | None = Field(default=None, description="telegram: the token of your bot.")
    chat: str | None = Field(default=None, description="telegram: the chat that the bot writes to.")
    app_token: str | None = Field(default=None, description="pushover: the token of your application.")
    user_key: str | None = Field(default=None, description="pushover: your user or group key.")
    access_token: str | None = Field(default=None, description="pushbullet: an access token of yours.")
    topic: str | None = Field(default=None, description="ntfy: the topic at ntfy.sh.")


class ChannelOut(Told):
    """One place where a vendor is told. `place` is recognisable by its owner and useless to others."""

    id: str
    kind: ChannelKind
    label: str
    place: str
    state: State
    created_at: datetime
    verified_at: datetime | None
    paused_at: datetime | None
    failing_since: datetime | None
    switched_off_because: str | None


class ChannelMade(ChannelOut):
    """A channel that was just added."""

    secret: str | None = Field(description="Webhooks only: signs every message (Standard Webhooks). Shown this once.")


class Proof(Given):
    """The code that arrived in the channel. Without one, a new challenge is sent."""

    code: Annotated[str, Field(max_length=64)] | None = None


class AttemptOut(Told):
    """One try to send a message, with what came back."""

    started_at: datetime
    took_ms: int
    verdict: Verdict
    because: Undelivered | None
    status: int | None
    said: str


class MessageOut(Told):
    """One message owed to a channel, and the tries so far; `done_at` is null while more are to come."""

    topic: Topic
    owed_at: datetime
    done_at: datetime | None
    result: Result | None
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, message: Notification, attempts: list[Attempt]) -> "MessageOut":
        return cls(
            topic=message.topic,
            owed_at=message.owed_at,
            done_at=message.done_at,
            result=message.result,
            attempts=[
                AttemptOut(
                    started_at=attempt.started_at,
                    took_ms=attempt.took_ms,
                    verdict=attempt.verdict,
                    because=attempt.because,
                    status=attempt.status,
                    said=attempt.said[:_SAID_AT_MOST],
                )
                for attempt in attempts
            ],
        )


class Messages(Told):
    """The newest messages to a channel, newest first."""

    items: list[MessageOut]


class Verification(Told):
    """How far the proof has come; `sent` is the new challenge, when one was asked for."""

    channel: ChannelOut
    sent: MessageOut | None


def _out(channel: Channel) -> ChannelOut:
    return ChannelOut(
        id=channel.code,
        kind=channel.kind,
        label=channel.label,
        place=KINDS[channel.kind].shown(channel.target),
        state=register.state(channel),
        created_at=channel.created_at,
        verified_at=channel.verified_at,
        paused_at=channel.paused_at,
        failing_since=channel.failing_since,
        switched_off_because=channel.switched_off_because,
    )


def _fields(body: NewChannel) -> dict[str, str]:
    kind = KINDS[body.kind]
    known = {field.name for field in kind.fields}
    sent = {name: value for name in _PLACES if (value := getattr(body, name)) is not None}
    strange = {name: f"{kind.name} has no such field; leave it out." for name in sent if name not in known}
    if strange:
        raise BadInput(strange)
    return sent


@ROUTES.add("GET", "/vendors/{slug}/channels", scopes=READ, query=PageQuery, answer=Page[ChannelOut])
def list_channels(caller: Caller, slug: str, query: PageQuery) -> Page[ChannelOut]:
    """A vendor's channels, oldest first."""
    vendor = vendor_for(caller, slug)
    found, cursor = part(register.channels_of(caller.session, vendor), query, f"channels-{vendor.code}")
    return Page(items=[_out(channel) for channel in found], next_cursor=cursor)


@ROUTES.add(
    "POST",
    "/vendors/{slug}/channels",
    scopes=WRITE,
    body=NewChannel,
    answer=ChannelMade,
    status=201,
    location="/vendors/{slug}/channels/{id}",
    refuses=(403, 409, 429),
)
def create_channel(caller: Caller, slug: str, body: NewChannel) -> ChannelMade:
    """Add a channel. A challenge goes out to it within seconds; nothing else does before it is answered."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    made = register.add_channel(
        caller.session,
        vendor,
        body.kind,
        _fields(body),
        caller.now,
        outbound=desk().post.outbound,
        label=body.label,
    )
    return ChannelMade(**dict(_out(made.channel)), secret=made.secret)


@ROUTES.add("GET", "/vendors/{slug}/channels/{channel}", scopes=READ, answer=ChannelOut)
def read_channel(caller: Caller, slug: str, channel: str) -> ChannelOut:
    """One channel, and how it is doing."""
    return _out(register.by_code(caller.session, vendor_for(caller, slug), channel))


@ROUTES.add("DELETE", "/vendors/{slug}/channels/{channel}", scopes=WRITE, status=204, refuses=(403,))
def delete_channel(caller: Caller, slug: str, channel: str) -> None:
    """Send nothing there any more."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    register.end(caller.session, register.by_code(caller.session, vendor, channel), caller.now)


@ROUTES.add("GET", "/vendors/{slug}/channels/{channel}/messages", scopes=READ, answer=Messages)
def list_messages(caller: Caller, slug: str, channel: str) -> Messages:
    """What was sent there lately, with every attempt and what came back."""
    found = register.by_code(caller.session, vendor_for(caller, slug), channel)
    return Messages(items=[MessageOut.of(*line) for line in register.log(caller.session, found)])


@ROUTES.add(
    "POST",
    "/vendors/{slug}/channels/{channel}/test",
    scopes=WRITE,
    answer=MessageOut,
    outside=True,
    refuses=(403, 409, 429),
)
def send_test(caller: Caller, slug: str, channel: str) -> MessageOut:
    """Send a sample want there now; the answer says what came back, …/messages what comes later."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    found = register.by_code(caller.session, vendor, channel)
    return _send(caller, found, register.test(caller.session, found, caller.now))


def _send(caller: Caller, channel: Channel, message: Notification) -> MessageOut:
    with suppress(WrongState):  # The worker was faster, and its attempt may still be under way.
        send_now(message)
    caller.session.refresh(channel)
    caller.session.refresh(message)
    lately = register.log(caller.session, channel, limit=5)
    return MessageOut.of(message, next((attempts for one, attempts in lately if one.id == message.id), []))


@ROUTES.add(
    "POST",
    "/vendors/{slug}/channels/{channel}/verify",
    scopes=WRITE,
    body=Proof,
    body_optional=True,
    answer=Verification,
    outside=True,
    refuses=(403, 409, 410, 429),
)
def verify_channel(caller: Caller, slug: str, channel: str, body: Proof) -> Verification:
    """Prove a channel by the code that arrived there; without a code, have a new challenge sent."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    found = register.by_code(caller.session, vendor, channel)
    if body.code is None:
        challenge = register.new_challenge(caller.session, found, caller.now)
        sent = _send(caller, found, challenge)
        return Verification(channel=_out(found), sent=sent)
    if not register.verify_by_code(caller.session, found, body.code, caller.now):
        save()  # A wrong code counts, although it is refused.
        raise BadInput({"code": "That is not the code that we sent; please read it again."})
    return Verification(channel=_out(found), sent=None)
