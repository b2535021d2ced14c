"""Running the broker: the first operator, what is owed and stuck, mails that no relay takes, moderation."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from intents import publish
from notifiers import gauges
from notifiers.channels import KINDS
from vrm import moderation
from vrm.config import Settings
from vrm.kernel import accounts
from vrm.kernel.accounts import Account, Audit, audit, ident
from vrm.kernel.errors import NotFound
from vrm.web import gauges as tiles
from vrm.web import visitors
from vrm.web.deeds import deed
from vrm.web.desk import db, desk, now
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

_MAILS_SHOWN = 100
_OWED_SHOWN = 100


def first_run_code(settings: Settings) -> str:
    """What the log of the first start says, and whoever becomes the owner types: the same in every process."""
    digest = hmac.new(settings.secret_key.encode(), b"vrm.first-run", hashlib.sha256).digest()
    letters = base64.b32encode(digest).decode("ascii").lower()
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:12]}"


def invitation(session: Session, settings: Settings) -> str | None:
    """The line for the log while there is no operator; None afterwards."""
    if _has_operator(session):
        return None
    return (
        f"This broker has no owner yet: open {settings.base_url}/admin/first-run with code {first_run_code(settings)}."
    )


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in the outbox folder."""

    name: str
    to: str
    subject: str
    written_at: datetime | None
    text: str


@blueprint.get("")
def overview() -> str:
    """What there is, what is owed, what is stuck."""
    audits = db().scalars(select(Audit).order_by(Audit.id.desc()).limit(20)).all()
    return render_template(
        "admin/overview.html",
        there=tiles.there(db()),
        owed=tiles.owed(db(), now()),
        waiting=tiles.waiting(db()),
        stuck=tiles.stuck(db(), now()),
        late_since=tiles.late_since(db(), now()),
        audits=audits,
        deed=deed,
        relay=desk().settings.mail is not None,
        settings=desk().settings,
    )


@blueprint.get("/queue")
def queue() -> str:
    """What is owed, the most urgent first, and what came of the attempts that are kept."""
    return render_template(
        "admin/queue.html",
        owed=gauges.owed(db(), now()),
        waiting=gauges.waiting(db(), _OWED_SHOWN),
        tried=sorted(gauges.tried(db()), key=lambda one: -one.count),
        kinds=KINDS,
        moment=now(),
    )


@blueprint.get("/outbox")
def outbox() -> str:
    """Mails that were written to a folder because there is no relay, the newest first."""
    return render_template("admin/outbox.html", mails=[_mail(path) for path in _mails()])


@blueprint.get("/outbox/<name>")
def mail(name: str) -> str:
    """One of them. It is somebody's mail, so that the look is written down."""
    path = next((path for path in _mails() if path.name == name), None)
    if path is None:
        raise NotFound("There is no such mail.")
    shown = _mail(path)
    with desk().store.write() as session:
        owner = accounts.find(session, shown.to) if "@" in shown.to else None
        whose = ident(owner) if owner else "a mailbox without an account"
        audit(session, "outbox.read", whose, now(), by=me(), mail=name)
    return render_template("admin/mail.html", mail=shown)


@blueprint.post("/intents/<code>/remove")
def remove(code: str) -> AnyResponse:
    """Close a want by moderation."""
    intent = publish.by_code(db(), code)
    moderation.remove(db(), intent, now(), by=me())
    flash(_("Removed. Vendors who were told hear that it is over."))
    return redirect(url_for("want.show", code=code), 303)


# --- The first operator ---------------------------------------------------------------------------


@blueprint.get("/first-run")
def first_run() -> AnyResponse:
    """Whoever reads the log of this machine may become its owner, once."""
    _only_once()
    return _first_run(Typed(), 200)


@blueprint.post("/first-run")
def become_owner() -> AnyResponse:
    """Make the first operator, and sign them in."""
    _only_once()
    typed = Typed(request.form)
    given = typed.get("code").strip().lower()
    if not secrets.compare_digest(given.encode(), first_run_code(desk().settings).encode()):
        typed.problems["code"] = _("That is not the code in the log; look for the line that names this page.")
    hashed = account = None
    with typed.attempt():
        hashed = desk().passwords.hash(typed.get("password"))
    if not typed.problems:
        with typed.attempt():
            account = accounts.ensure(db(), typed.get("email"), now())
    if typed.problems or account is None:
        return _first_run(typed, 422)
    account.password_hash = hashed
    account.is_operator = True
    account.verified_at = account.verified_at or now()
    audit(db(), "account.operator-made", ident(account), now(), by=account)
    db().flush()
    visitors.sign_in(account)
    flash(_("Welcome. You run this broker now."))
    return redirect(url_for("admin.overview"), 303)


def _only_once() -> None:
    if _has_operator(db()):
        raise NotFound(_("This broker has an operator already."))


def _has_operator(session: Session) -> bool:
    operators = select(Account.id).where(Account.is_operator.is_(True), Account.closed_at.is_(None))
    return session.scalar(operators.limit(1)) is not None


def _first_run(typed: Typed, status: int) -> AnyResponse:
    return make_response(render_template("admin/first_run.html", typed=typed), status)


# --- Parts ----------------------------------------------------------------------------------------


def _mails() -> list[Path]:
    folder = desk().post.outbox
    return sorted(folder.glob("*.eml"), reverse=True)[:_MAILS_SHOWN] if folder.is_dir() else []


def _mail(path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    written = message["Date"].datetime if message["Date"] else None
    plain = message.get_body(("plain",))
    text = plain.get_content() if plain is not None else ""
    return Mail(path.name, str(message["To"]), str(message["Subject"]), written, text)
