"""The research bench: what is measured, snapshots with their files, experiments, and the restricted tier."""

import mimetypes

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from vendors import team
from vendors.models import Role
from vrm.kernel.accounts import audit
from vrm.kernel.errors import NotFound
from vrm.research import access, experiments
from vrm.web.desk import db, desk, now
from vrm.web.figures import MARKS, live, shelf
from vrm.web.typed import Typed
from vrm.web.visitors import me, somebody
from vrm.web.words import _

blueprint = Blueprint("research", __name__, url_prefix="/research")

_KINDS = {".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet", ".cff": "application/yaml"}
_PLAIN = (".md", ".sql", "")  # Shown as text.


@blueprint.get("")
def bench() -> str:
    """What is measured, what is never published, and every snapshot."""
    return render_template(
        "research/bench.html", snapshots=shelf().all(), experiments=experiments.all_of(db()), state=experiments.state
    )


@blueprint.get("/snapshots/<ident>")
def snapshot(ident: str) -> str:
    """One snapshot: its files, its note, its citation."""
    return render_template("research/snapshot.html", snapshot=shelf().by_id(ident))


@blueprint.get("/snapshots/<ident>/<path:name>")
def file(ident: str, name: str) -> Response:
    """One of its files, as it was published, to everybody, for ever."""
    found = shelf().by_id(ident).file(name)
    kind = _KINDS.get(found.suffix) or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    if found.suffix in _PLAIN:
        kind = "text/plain; charset=utf-8"
    response = send_file(
        found, mimetype=kind, as_attachment=found.suffix not in _PLAIN, download_name=found.name, conditional=True
    )
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


# --- Experiments ----------------------------------------------------------------------------------


@blueprint.get("/experiments/<code>")
def experiment(code: str) -> str:
    """A plan with its fingerprint and the moment it was published, what was dealt, and where it left its plan."""
    session = db()
    found = experiments.by_code(session, code)
    dealt = experiments.assignments(session, found)
    return render_template(
        "research/experiment.html",
        experiment=found,
        state=experiments.state(found),
        power=experiments.power(found.plan),
        dealt=len(dealt),
        arms=experiments.arms_of(dealt),
        deviations=experiments.deviations(session, found, now()),
        plan=experiments.canonical(found.plan),
    )


# --- The restricted tier --------------------------------------------------------------------------


@blueprint.get("/access")
def ask() -> AnyResponse:
    """What the restricted tier is; the form, or what became of the request; for operators all requests."""
    return _access(Typed(), 200)


@blueprint.post("/access")
def asked() -> AnyResponse:
    """Ask, and agree."""
    typed = Typed(request.form)
    with typed.attempt():
        access.ask(
            db(),
            me(),
            now(),
            affiliation=typed.get("affiliation"),
            purpose=typed.get("purpose"),
            agrees=bool(typed.get("agrees")),
        )
    if typed.problems:
        return _access(typed, 422)
    flash(_("Asked. The operator reads it and answers here."))
    return redirect(url_for("research.ask"), 303)


@blueprint.post("/access/<int:access_id>/<any(approve, end):what>")
def decide(access_id: int, what: str) -> AnyResponse:
    """Approve a request, or end it."""
    (access.approve if what == "approve" else access.end)(db(), access_id, me(), now())
    flash(_("Done."))
    return redirect(url_for("research.ask"), 303)


@blueprint.get("/restricted/<ident>")
def restricted(ident: str) -> Response:
    """The leads of a snapshot with their moments, for whom the operator approved. Each look is written down."""
    file = shelf().restricted / f"{shelf().by_id(ident).id}.csv"
    if not access.may_read(db(), me()) or not file.is_file():
        raise NotFound(_("There is no such file."))
    with desk().store.write() as session:
        audit(session, "research.restricted-read", ident, now(), by=me())
    return send_file(file, mimetype="text/csv", as_attachment=True, download_name=f"restricted-{ident}.csv")


def _access(typed: Typed, status: int) -> AnyResponse:
    requests = access.waiting(db()) if me().is_operator else []
    page = render_template(
        "research/access.html",
        typed=typed,
        mine=access.of_account(db(), me()),
        agreement=access.AGREEMENT,
        requests=requests,
        snapshots=shelf().all(),
    )
    return make_response(page, status)


# --- A vendor's right of reply --------------------------------------------------------------------


@blueprint.get("/vendors/<slug>")
def vendor(slug: str) -> str:
    """What is published of one vendor, and its reply. A vendor that may not be named is not here."""
    return _vendor(slug, Typed())


@blueprint.post("/vendors/<slug>")
def reply(slug: str) -> AnyResponse:
    """What the vendor says to its figures, by one of its people."""
    found = team.by_slug(db(), slug)
    team.require(db(), found, me(), Role.ADMIN)
    typed = Typed(request.form)
    with typed.attempt():
        team.reply(db(), found, typed.get("reply"), now())
    if typed.problems:
        return make_response(_vendor(slug, typed), 422)
    flash(_("Your reply stands beside your figures."))
    return redirect(url_for("research.vendor", slug=slug), 303)


def _vendor(slug: str, typed: Typed) -> str:
    found = team.by_slug(db(), slug)
    material = live()
    reader = somebody()
    own = reader is not None and team.role_of(db(), found, reader) in (Role.OWNER, Role.ADMIN)
    if found.suspended_at is not None or (slug not in material.names and not own):
        raise NotFound(_("Too little is known of this vendor to be published."))
    group = next((each for each in material.measured("vendor").groups if each.label == slug), None)
    return render_template(
        "research/vendor.html",
        vendor=found,
        named=slug in material.names,
        group=group,
        own=own,
        typed=typed if typed.problems else Typed(reply=found.reply),
        marks=MARKS,
    )
