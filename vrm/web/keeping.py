"""How this broker is set up and kept: its settings, with secrets masked, and its backups."""

from flask import Blueprint, flash, make_response, redirect, render_template, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from vrm import backups
from vrm.kernel.accounts import audit
from vrm.kernel.errors import VrmError
from vrm.shown import settings_shown
from vrm.web.desk import db, desk, now
from vrm.web.signing_in import proven_lately
from vrm.web.visitors import me
from vrm.web.words import _

blueprint = Blueprint("keeping", __name__, url_prefix="/admin")


@blueprint.get("/settings")
def settings() -> str:
    """Each setting, what it means and where it is from; no secret."""
    return render_template("admin/settings.html", shown=settings_shown(desk().settings))


@blueprint.get("/backups")
def all_of_them() -> AnyResponse:
    """The backups there are."""
    return _page(200)


@blueprint.post("/backups")
def make() -> AnyResponse:
    """One more, now."""
    try:
        made = backups.make(desk().settings, now())
    except VrmError as error:
        return _page(409, problem=str(error))
    audit(db(), "backup.made", made.name, now(), by=me(), bytes=made.size)
    flash(_("Made %(name)s, and read it to its end: it is whole.", name=made.name))
    return redirect(url_for("keeping.all_of_them"), 303)


@blueprint.post("/backups/<name>")
@proven_lately
def take(name: str) -> AnyResponse:
    """Take one along. Everything that anybody said is in it, so that who asks proves once more who they are."""
    path = backups.path_of(desk().settings, name)
    audit(db(), "backup.taken", name, now(), by=me())
    answer = make_response(
        send_file(path.resolve(), mimetype="application/octet-stream", as_attachment=True, download_name=name)
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _page(status: int, problem: str = "") -> AnyResponse:
    found = desk().settings
    page = render_template(
        "admin/backups.html",
        made=backups.all_of(found),
        possible=backups.possible(found),
        settings=found,
        folder=backups.folder(found),
        problem=problem,
    )
    return make_response(page, status)
