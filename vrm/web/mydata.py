"""My data: all of it on one page, to take along as JSON or CSV, and to have erased."""

import csv
import io
import json
import zipfile
from email import message_from_bytes, policy

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from vrm import personal
from vrm.kernel import accounts
from vrm.kernel.accounts import audit, ident
from vrm.kernel.errors import WrongState
from vrm.kernel.text import one_spelling
from vrm.web import visitors
from vrm.web.cells import cell
from vrm.web.desk import db, desk, now, save
from vrm.web.signing_in import proven_lately
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _
from vrm.wiring import tombstones_of

blueprint = Blueprint("mydata", __name__, url_prefix="/me/data")


@blueprint.get("")
def look() -> AnyResponse:
    """What is kept, how much of it, and what erasing would take."""
    return _page(Typed(), 200)


@blueprint.get("/everything.json")
def as_json() -> AnyResponse:
    """All of it in one file."""
    _note_export("json")
    written = json.dumps(personal.everything(db(), me()), ensure_ascii=False, indent=1)
    return _file(written.encode(), "application/json", "json")


@blueprint.get("/everything.zip")
def as_csv() -> AnyResponse:
    """One table to a CSV file, all in one archive."""
    _note_export("csv")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in personal.everything(db(), me()).items():
            lines = io.StringIO()
            columns = list(dict.fromkeys(column for row in rows for column in row))
            writer = csv.DictWriter(lines, columns or ["nothing"])
            writer.writeheader()
            writer.writerows({column: cell(value) for column, value in row.items()} for row in rows)
            archive.writestr(f"{name}.csv", lines.getvalue())
    return _file(packed.getvalue(), "application/zip", "zip")


@blueprint.post("/erase")
@proven_lately
def erase() -> AnyResponse:
    """Remove every word and name of who is signed in. They type their address, so that it is no slip."""
    account, typed = me(), Typed(request.form)
    email = account.email
    if one_spelling(typed.get("email")) != email:
        typed.problems["email"] = _("Please type your address, %(email)s, so that this is no slip.", email=email)
        return _page(typed, 422)
    save()  # Two of these at once, each with the account in its hand, would wait for each other.
    accounts.alone(db(), account)
    personal.would_go(db(), account)  # Refuses before anything is ended.
    visitors.sign_out()
    tombstones_of(desk().settings).add(account, now())  # First: after a crash in between, a backup still forgets.
    personal.erase(db(), account, now())
    save()
    _forget_mails(email)
    desk().store.forget()
    flash(_("Erased. Nothing here names you any more; thank you for having been with us."))
    return redirect(url_for("home.home"), 303)


def _forget_mails(email: str) -> None:
    """Mails that were written to a folder because there is no relay."""
    folder = desk().post.outbox
    for path in folder.glob("*.eml") if folder.is_dir() else ():
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        if email in str(mail["To"]).casefold():
            path.unlink(missing_ok=True)


def _note_export(kind: str) -> None:
    with desk().store.write() as session:
        audit(session, "account.exported", ident(me()), now(), by=me(), kind=kind)


def _file(content: bytes, kind: str, ending: str) -> AnyResponse:
    answer = make_response(content)
    answer.mimetype = kind
    answer.headers["Content-Disposition"] = f'attachment; filename="my-data-{now():%Y-%m-%d}.{ending}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _page(typed: Typed, status: int) -> AnyResponse:
    gone, refusal = None, ""
    try:
        gone = personal.would_go(db(), me())
    except WrongState as error:
        refusal = str(error)
    counted = {name: len(rows) for name, rows in personal.everything(db(), me()).items()}
    page = render_template("me/data.html", gone=gone, refusal=refusal, counted=counted, typed=typed, account=me())
    return make_response(page, status)
