"""The research bench, for everybody: what is measured, snapshots with their files, and how to cite them."""

import mimetypes

from flask import Blueprint, Response, render_template, send_file

from vrm.web.figures import shelf

blueprint = Blueprint("research", __name__, url_prefix="/research")

_KINDS = {".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet", ".cff": "application/yaml"}
_PLAIN = (".md", ".sql", "")  # Shown as text.


@blueprint.get("")
def bench() -> str:
    """What is measured, what is never published, and every snapshot."""
    return render_template("research/bench.html", snapshots=shelf().all())


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
