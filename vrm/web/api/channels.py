"""Where a vendor wants to be told, through the API: add, prove, change, remove."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from notifiers import links, office, proving, register
from notifiers.channels import KINDS
from notifiers.channels.webhook import OVERLAP
from notifiers.models import Channel, ChannelKind, Mode
from notifiers.register import State
from notifiers.timing import (
    DAYS,
    DayName,
    Timing,
    check_timing,
    read_quiet,
    timing_of,
    write_minutes,
)
from vendors.models import Role
from vrm.kernel.accounts import Scope
from vrm.kernel.errors import BadInput
from vrm.web.api.bearer import Caller
from vrm.web.api.cursors import part
from vrm.web.api.messages import MessageOut, send_at_once
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Page, PageQuery, Told
from vrm.web.api.vendors import vendor_for
from vrm.web.desk import desk, save

ROUTES = Routes("Channels")
READ, WRITE = (Scope.VENDORS_READ,), (Scope.VENDORS_WRITE,)
_PLACES = ("subscription", "address", "url", "bot_token", "chat", "app_token", "user_key", "access_token", "topic")


class Places(Given):
    """The fields of all kinds; each kind takes its own."""

    address: str | None = Field(default=None, description="email: the mail address.")
    url: str | None = Field(
        default=None, description="webhook, slack, discord, teams, google-chat, webex: the address that takes POSTs."
    )
    bot_token: str | None = Field(default=None, description="telegram: the token of your bot.")
    chat: str | None = Field(default=None, description="telegram: the chat that the bot writes to.")
    app_token: str | None = Field(default=None, description="pushover: the token of your application.")
    user_key: str | None = Field(default=None, description="pushover: your user or group key.")
    access_token: str | None = Field(default=None, description="pushbullet: an access token of yours.")
    subscription: str | None = Field(default=None, description="feed: one subscription; without it, all wants.")
    topic: str | None = Field(default=None, description="ntfy: the topic at ntfy.sh.")


class NewChannel(Places):
    """A place where a vendor wants to be told, with the fields of its kind; they are proven before first use."""

    kind: ChannelKind
    label: str = ""


class TimingIn(Given):
    """When a channel is told, in the vendor's time zone. What customers write comes at once whatever the mode."""

    mode: Mode = Mode.INSTANT
    hour: int = Field(default=8, description="daily and weekly: 0 to 23.")
    day: DayName = Field(default="monday", description="weekly.")
    quiet_from: str | None = Field(default=None, examples=["22:00"], description="Nothing is sent from here …")
    quiet_until: str | None = Field(default=None, examples=["07:00"], description="… to here; it comes afterwards.")
    office_only: bool = Field(default=False, description="Only in the open hours of …/hours.")
    backup_after_minutes: int | None = Field(
        default=None, description="Step in for the other channels when a want was not seen for so long."
    )

    def timing(self) -> Timing:
        """BadInput for what does not hold."""
        after = self.backup_after_minutes
        if after is not None and not 0 < after <= 10_080:
            raise BadInput({"timing/backup_after_minutes": "It can step in after 1 to 10,080 minutes (a week)."})
        try:
            return check_timing(
                Timing(
                    mode=self.mode,
                    hour=self.hour,
                    day=DAYS.index(self.day),
                    quiet=read_quiet(self.quiet_from or "", self.quiet_until or ""),
                    office_only=self.office_only,
                    backup_after=timedelta(minutes=after) if after is not None else None,
                )
            )
        except BadInput as error:
            raise BadInput({f"timing/{name}": sentence for name, sentence in error.problems.items()}) from error


class ChannelChange(Places):
    """What to change of a channel. A new place is proven again before anything is sent there."""

    label: str = ""
    timing: TimingIn | None = None
    paused: bool = False


class TimingOut(Told):
    """When a channel is told, in the vendor's time zone."""

    mode: Mode
    hour: int
    day: DayName
    quiet_from: str | None
    quiet_until: str | None
    office_only: bool
    backup_after_minutes: int | None

    @classmethod
    def of(cls, timing: Timing) -> "TimingOut":
        after = timing.backup_after
        return cls(
            mode=timing.mode,
            hour=timing.hour,
            day=DAYS[timing.day],
            quiet_from=write_minutes(timing.quiet[0]) if timing.quiet else None,
            quiet_until=write_minutes(timing.quiet[1]) if timing.quiet else None,
            office_only=timing.office_only,
            backup_after_minutes=int(after.total_seconds() // 60) if after is not None else None,
        )


class FeedsOut(Told):
    """The secret addresses of a feed; whoever has one reads what is in it."""

    atom: str
    json_feed: str


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
    paused_because: str | None = Field(description="Why we paused it; null when you did.")
    failing_since: datetime | None
    switched_off_because: str | None
    timing: TimingOut
    feeds: FeedsOut | None = Field(description="Feeds only.")


class ChannelMade(ChannelOut):
    """A channel that was just added."""

    secret: str | None = Field(description="Webhooks only: signs every message (Standard Webhooks). Shown this once.")


class Proof(Given):
    """The code that arrived in the channel. Without one, a new challenge is sent."""

    code: Annotated[str, Field(max_length=64)] | None = None


class Verification(Told):
    """How far the proof has come; `sent` is the new challenge, when one was asked for."""

    channel: ChannelOut
    sent: MessageOut | None


class Secret(Told):
    """The new secret of a webhook, or of a feed's address. Shown this once."""

    secret: str
    old_signs_until: datetime | None = Field(description="Webhooks: until then the old one signs as well.")


def _feeds(channel: Channel) -> FeedsOut | None:
    if channel.kind is not ChannelKind.FEED:
        return None
    base, signer = desk().post.base_url, desk().signer
    return FeedsOut(
        atom=links.feed_url(base, signer, channel, "atom"), json_feed=links.feed_url(base, signer, channel, "json")
    )


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
        paused_because=channel.paused_because,
        timing=TimingOut.of(timing_of(channel)),
        feeds=_feeds(channel),
    )


def _fields(body: Places, kind_of: ChannelKind) -> dict[str, str]:
    kind = KINDS[kind_of]
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
    """Add a channel. A challenge goes out to it within seconds; nothing else does before it is answered.

    The mailbox of the token's owner was proven by signing in: as a channel it is verified at once.
    """
    vendor = vendor_for(caller, slug, Role.ADMIN)
    made = register.add_channel(
        caller.session,
        vendor,
        body.kind,
        _fields(body, body.kind),
        caller.now,
        outbound=desk().post.outbound,
        label=body.label,
        proven_mailbox=caller.account.proven_mailbox,
    )
    proving.leave_to_worker(made.challenge, caller.now)
    return ChannelMade(**dict(_out(made.channel)), secret=made.secret)


@ROUTES.add("GET", "/vendors/{slug}/channels/{channel}", scopes=READ, answer=ChannelOut)
def read_channel(caller: Caller, slug: str, channel: str) -> ChannelOut:
    """One channel, and how it is doing."""
    return _out(register.by_code(caller.session, vendor_for(caller, slug), channel))


@ROUTES.add(
    "PATCH",
    "/vendors/{slug}/channels/{channel}",
    scopes=WRITE,
    body=ChannelChange,
    answer=ChannelOut,
    refuses=(403, 409, 429),
)
def change_channel(caller: Caller, slug: str, channel: str, body: ChannelChange) -> ChannelOut:
    """Change its name, where it leads, when it is told, or pause it. A new place gets a challenge within seconds."""
    found = register.by_code(caller.session, vendor_for(caller, slug, Role.ADMIN), channel)
    fields = _fields(body, found.kind)
    if fields:
        label = body.label if "label" in body.model_fields_set else found.label
        challenge = register.edit(
            caller.session,
            found,
            fields,
            caller.now,
            outbound=desk().post.outbound,
            label=label,
            proven_mailbox=caller.account.proven_mailbox,
        )
        proving.leave_to_worker(challenge, caller.now)
    elif "label" in body.model_fields_set:
        register.rename(caller.session, found, body.label)
    if body.timing is not None:
        office.set_timing(caller.session, found, body.timing.timing(), caller.now)
    if "paused" in body.model_fields_set:
        (register.pause if body.paused else register.resume)(caller.session, found, caller.now)
    return _out(found)


@ROUTES.add("POST", "/vendors/{slug}/channels/{channel}/secret", scopes=WRITE, answer=Secret, refuses=(403, 409))
def rotate_secret(caller: Caller, slug: str, channel: str) -> Secret:
    """A new secret. A webhook's old one signs beside it for 24 hours; a feed's old address ends at once."""
    found = register.by_code(caller.session, vendor_for(caller, slug, Role.ADMIN), channel)
    secret = register.rotate(caller.session, found, caller.now)
    return Secret(secret=secret, old_signs_until=caller.now + OVERLAP if KINDS[found.kind].signs else None)


@ROUTES.add("DELETE", "/vendors/{slug}/channels/{channel}", scopes=WRITE, status=204, refuses=(403,))
def delete_channel(caller: Caller, slug: str, channel: str) -> None:
    """Send nothing there any more."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    register.end(caller.session, register.by_code(caller.session, vendor, channel), caller.now)


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
        challenge = proving.new_challenge(caller.session, found, caller.now)
        sent = send_at_once(caller, found, challenge)
        return Verification(channel=_out(found), sent=sent)
    if not proving.verify_by_code(caller.session, found, body.code, caller.now):
        save()  # A wrong code counts, although it is refused.
        raise BadInput({"code": "That is not the code that we sent; please read it again."})
    return Verification(channel=_out(found), sent=None)
