"""What was sent to a vendor's channels, through the API: look at it, try it, send it again."""

from contextlib import suppress
from datetime import datetime

from pydantic import Field

from notifiers import again, proving, register
from notifiers.models import Attempt, Channel, Notification, Result, Topic, Verdict
from notifiers.prepare import wire_id
from vendors.models import Role, Undelivered
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import WrongState
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, MomentIn, Told
from vrm.web.api.vendors import vendor_for
from vrm.web.sending import send_now

ROUTES = Routes("Channels")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)
_SAID_AT_MOST = 4_000


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

    id: str = Field(description="The webhook-id, the left half of the Message-ID.")
    topic: Topic
    owed_at: datetime
    done_at: datetime | None
    result: Result | None
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, message: Notification, attempts: list[Attempt]) -> "MessageOut":
        return cls(
            id=wire_id(message),
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


class Span(Given):
    """From `since` to before `until`."""

    since: MomentIn
    until: MomentIn


class Range(Span):
    """What to send again: owed from `since` to before `until`, at most 1,000, the oldest first."""

    only_failed: bool = True


class Count(Told):
    """How many are sent again."""

    count: int


class LostOut(MessageOut):
    """A message that was given up."""

    channel: str


class LostList(Told):
    """What did not arrive in the last 30 days, the newest first."""

    items: list[LostOut]


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
    return send_at_once(caller, found, proving.test(caller.session, found, caller.now))


def send_at_once(caller: Caller, channel: Channel, message: Notification) -> MessageOut:
    """Send it while somebody waits; what came back as far as it is known."""
    with suppress(WrongState):  # The worker was faster, and its attempt may still be under way.
        send_now(message)
    caller.session.refresh(channel)
    caller.session.refresh(message)
    lately = register.log(caller.session, channel, limit=5)
    return MessageOut.of(message, next((attempts for one, attempts in lately if one.id == message.id), []))


@ROUTES.add(
    "POST",
    "/vendors/{slug}/channels/{channel}/messages/{message}/again",
    scopes=WRITE,
    answer=MessageOut,
    refuses=(403, 409),
)
def send_again(caller: Caller, slug: str, channel: str, message: str) -> MessageOut:
    """Send one message again, with the id that it had. For 30 days."""
    found = register.by_code(caller.session, vendor_for(caller, slug, Role.ADMIN), channel)
    one = again.by_wire_id(caller.session, found, message)
    again.resend(caller.session, one, caller.now)
    return MessageOut.of(one, [])


@ROUTES.add(
    "POST",
    "/vendors/{slug}/channels/{channel}/again",
    scopes=WRITE,
    body=Range,
    answer=Count,
    refuses=(403, 409),
)
def send_range_again(caller: Caller, slug: str, channel: str, body: Range) -> Count:
    """Send a range of messages again, each with the id that it had. For 30 days."""
    found = register.by_code(caller.session, vendor_for(caller, slug, Role.ADMIN), channel)
    count = again.resend_range(caller.session, found, body.since, body.until, caller.now, only_failed=body.only_failed)
    return Count(count=count)


@ROUTES.add("GET", "/vendors/{slug}/lost", scopes=READ, answer=LostList)
def list_lost(caller: Caller, slug: str) -> LostList:
    """What did not arrive in the last 30 days and was given up, the newest first, at most 100."""
    found = again.lost(caller.session, vendor_for(caller, slug), caller.now)
    items = []
    for one in found:
        message = MessageOut.of(one.notification, [one.attempt] if one.attempt is not None else [])
        channel = one.notification.channel
        items.append(LostOut(**dict(message), channel=channel.code if channel is not None else ""))
    return LostList(items=items)
