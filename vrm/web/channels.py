"""Where a vendor is told: a form per kind, proof, tests with the other side's own words, and a log."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from notifiers import links, proving, register
from notifiers.again import can_again
from notifiers.channels import KINDS, ChannelType
from notifiers.channels.webhook import secrets_of
from notifiers.models import Attempt, Channel, ChannelKind
from vendors import subscribe
from vendors.models import Vendor
from vrm.kernel.errors import NotFound
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, desk, now, save
from vrm.web.sending import arrived, send_now
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _

blueprint = Blueprint("channels", __name__)
_HERE = "/vendor/<slug>/channels"


@blueprint.get(_HERE)
def channels(slug: str) -> str:
    """All of them, and the kinds to choose from."""
    vendor = acting_for(slug)
    rows = [(channel, KINDS[channel.kind], register.state(channel)) for channel in register.channels_of(db(), vendor)]
    return vendor_page("vendor/channels.html", vendor, rows=rows, kinds=list(KINDS.values()))


@blueprint.get(f"{_HERE}/new/<kind>")
def new(slug: str, kind: str) -> AnyResponse:
    """The form of one kind."""
    return _new(acting_for(slug), _kind(kind), Typed(), 200)


@blueprint.post(f"{_HERE}/new/<kind>")
def add(slug: str, kind: str) -> AnyResponse:
    """Add it and send what proves it."""
    vendor, chosen, typed = acting_for(slug), _kind(kind), Typed(request.form)
    made = None
    with typed.attempt():
        made = register.add_channel(
            db(),
            vendor,
            chosen.kind,
            _fields(chosen, typed),
            now(),
            outbound=desk().post.outbound,
            label=typed.get("label"),
            proven_mailbox=me().proven_mailbox,
        )
    if made is None:
        return _new(vendor, chosen, typed, 422)
    code = made.channel.code
    if made.challenge is not None:
        _tell(send_now(made.challenge), chosen)
    if made.secret is None:
        return redirect(url_for("channels.channel", slug=slug, code=code), 303)
    # Shown on this answer only: the store keeps it for signing, but no page shows it again.
    response = _page(acting_for(slug), code, Typed(), 200, secret=made.secret)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get(f"{_HERE}/<code>")
def channel(slug: str, code: str) -> AnyResponse:
    """How it is doing, what to do next, and every message that was sent there."""
    return _page(acting_for(slug), code, None, 200)


@blueprint.post(f"{_HERE}/<code>")
def edit(slug: str, code: str) -> AnyResponse:
    """Change where it leads; a new place is proven again."""
    vendor, typed = acting_for(slug), Typed(request.form)
    found = register.by_code(db(), vendor, code)
    kind = KINDS[found.kind]
    challenge = None
    with typed.attempt():
        challenge = register.edit(
            db(),
            found,
            _fields(kind, typed),
            now(),
            outbound=desk().post.outbound,
            label=typed.get("label"),
            proven_mailbox=me().proven_mailbox,
        )
    if typed.problems:
        return _page(vendor, code, typed, 422)
    if challenge is not None:
        _tell(send_now(challenge), kind)
    else:
        flash(_("Saved."))
    return redirect(url_for("channels.channel", slug=slug, code=code), 303)


@blueprint.post(f"{_HERE}/<code>/verify")
def verify(slug: str, code: str) -> AnyResponse:
    """Type the code that arrived there."""
    vendor, typed = acting_for(slug), Typed(request.form)
    if not proving.verify_by_code(db(), register.by_code(db(), vendor, code), typed.get("code"), now()):
        save()  # A wrong try counts.
        typed.problems["code"] = _("That is not the code that we sent; look at the newest message.")
        return _page(vendor, code, typed, 422)
    flash(_("Verified. New wants go there from now on."))
    return redirect(url_for("channels.channel", slug=slug, code=code), 303)


@blueprint.post(f"{_HERE}/<code>/again")
def again(slug: str, code: str) -> AnyResponse:
    """Another code, or another try of the challenge."""
    found = register.by_code(db(), acting_for(slug), code)
    kind = KINDS[found.kind]
    _tell(send_now(proving.new_challenge(db(), found, now())), kind)
    return redirect(url_for("channels.channel", slug=slug, code=code), 303)


@blueprint.post(f"{_HERE}/<code>/test")
def test(slug: str, code: str) -> AnyResponse:
    """Send a sample want to what is in the form, saved or not, and show what the other side said."""
    vendor, typed = acting_for(slug), Typed(request.form)
    found = register.by_code(db(), vendor, code)
    fields, label, test = _fields(KINDS[found.kind], typed), typed.get("label"), None
    with typed.attempt():
        test = register.try_out(db(), found, fields, now(), outbound=desk().post.outbound, label=label)
    if test is None:
        return _page(vendor, code, typed, 422)
    is_saved = "target" not in test.params and label == found.label
    attempt = send_now(test)
    if arrived(attempt):
        flash(_("The test was sent, and the other side took it. Look there."))
    else:
        flash(_("The test did not arrive. The other side said: %(said)s", said=attempt.said or _("(nothing)")), "bad")
    if is_saved:
        return redirect(url_for("channels.channel", slug=slug, code=code), 303)
    return _page(acting_for(slug), code, typed, 200, unsaved=True)


@blueprint.post(f"{_HERE}/<code>/secret")
def rotate(slug: str, code: str) -> AnyResponse:
    """A new secret: a webhook's is shown on this answer only, a feed has another address."""
    vendor = acting_for(slug)
    found = register.by_code(db(), vendor, code)
    secret = register.rotate(db(), found, now())
    if not KINDS[found.kind].signs:
        flash(_("The feed has a new address; the old one leads nowhere."))
        return redirect(url_for("channels.channel", slug=slug, code=code), 303)
    response = _page(vendor, code, Typed(), 200, secret=secret)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post(f"{_HERE}/<code>/<any(pause, resume, end):what>")
def change(slug: str, code: str, what: str) -> AnyResponse:
    """Pause, resume or remove it."""
    found = register.by_code(db(), acting_for(slug), code)
    if what == "pause":
        register.pause(db(), found, now())
        flash(_("Paused: nothing goes there until you switch it on again."))
    elif what == "resume":
        register.resume(db(), found, now())
        flash(_("On again."))
    else:
        register.end(db(), found, now())
        flash(_("Removed."))
        return redirect(url_for("channels.channels", slug=slug), 303)
    return redirect(url_for("channels.channel", slug=slug, code=code), 303)


# --- The link in a challenge ----------------------------------------------------------------------


@blueprint.get("/channels/verify/<token>")
def look(token: str) -> str:
    """A button, because programs that scan mail open every link."""
    found = proving.look_at_link(db(), desk().signer, token)
    return render_template("vendor/prove.html", channel=found, kind=KINDS[found.kind], done=False)


@blueprint.post("/channels/verify/<token>")
def prove(token: str) -> str:
    """Whoever reads the mailbox says that it may be used."""
    found = proving.verify_by_link(db(), desk().signer, token, now())
    return render_template("vendor/prove.html", channel=found, kind=KINDS[found.kind], done=True)


def _kind(name: str) -> ChannelType:
    if name not in KINDS:
        raise NotFound("There is no such kind of channel.")
    return KINDS[ChannelKind(name)]


def _fields(kind: ChannelType, typed: Typed) -> dict[str, str]:
    return {field.name: typed.get(field.name) for field in kind.fields}


def _tell(attempt: Attempt, kind: ChannelType) -> None:
    if not arrived(attempt):
        flash(_("It did not arrive. The other side said: %(said)s", said=attempt.said or _("(nothing)")), "bad")
    elif kind.proof == "code":
        flash(_("We sent a code there. Type it below."))
    else:
        flash(_("The other side answered as it should: verified."))


def _new(vendor: Vendor, kind: ChannelType, typed: Typed, status: int) -> AnyResponse:
    subscriptions = subscribe.subscriptions_of(db(), vendor)
    page = vendor_page("vendor/channel_new.html", vendor, kind=kind, typed=typed, subscriptions=subscriptions)
    return make_response(page, status)


def _feeds(channel: Channel) -> dict[str, str]:
    """The secret addresses of a feed, by what each is called."""
    if channel.kind is not ChannelKind.FEED:
        return {}
    base, signer = desk().post.base_url, desk().signer
    return {
        name: links.feed_url(base, signer, channel, kind) for name, kind in (("Atom", "atom"), ("JSON Feed", "json"))
    }


def _page(
    vendor: Vendor, code: str, typed: Typed | None, status: int, *, secret: str | None = None, unsaved: bool = False
) -> AnyResponse:
    found: Channel = register.by_code(db(), vendor, code)
    db().refresh(found)  # Sending it may have proven it, in a session of its own.
    kind = KINDS[found.kind]
    if typed is None or (typed.problems.keys() <= {"code"} and not unsaved):
        shown = {field.name: str(found.target.get(field.name, "")) for field in kind.fields}
        problems = typed.problems if typed else {}
        typed = Typed({**shown, "label": found.label})
        typed.problems = problems
    log = register.log(db(), found, limit=30)
    page = vendor_page(
        "vendor/channel.html",
        vendor,
        channel=found,
        kind=kind,
        state=register.state(found),
        log=log,
        typed=typed,
        secret=secret,
        unsaved=unsaved,
        rotating=kind.signs and len(secrets_of(found.target, now())) > 1,
        feeds=_feeds(found),
        subscriptions=subscribe.subscriptions_of(db(), vendor),
        again={one.id for one, _attempts in log if can_again(one, now())},
    )
    return make_response(page, status)
