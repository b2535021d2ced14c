"""Who did what: a page with filters for operators, and the same rows as files."""

import csv
import io
import json
from datetime import timedelta

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from vrm.kernel import audits
from vrm.kernel.accounts import audit
from vrm.kernel.db import is_row_id
from vrm.web.cells import cell
from vrm.web.deeds import deed
from vrm.web.desk import db, desk, now
from vrm.web.typed import Typed
from vrm.web.visitors import me

blueprint = Blueprint("audits", __name__, url_prefix="/admin/audit")

_A_DAY = timedelta(days=1, seconds=-1)
_COLUMNS = ("id", "at", "account", "action", "subject", "facts")


@blueprint.get("")
def rows() -> AnyResponse:
    """The newest rows that pass the filters."""
    typed = Typed(request.args)
    wanted = _wanted(typed)
    before = typed.whole_or_none("before")
    found = audits.page(db(), wanted, before=before if before and is_row_id(before) else None)
    page = render_template(
        "admin/audit.html",
        typed=typed,
        page=found,
        actions=_choices(audits.actions(db())),
        deed=deed,
        people=audits.people(db(), found.rows),
        named={name: value for name, value in request.args.items() if name != "before" and value},
    )
    return make_response(page, 422 if typed.problems else 200)


@blueprint.get("/file.<any(csv, json):kind>")
def file(kind: str) -> AnyResponse:
    """All rows that pass, to take along; taking them is itself written down."""
    found = list(audits.plain(db(), _wanted(Typed(request.args))))
    with desk().store.write() as session:
        audit(session, "audit.exported", kind, now(), by=me(), rows=len(found))
    if kind == "json":
        answer = make_response(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        lines = io.StringIO()
        writer = csv.DictWriter(lines, _COLUMNS)
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in found)
        answer = make_response(lines.getvalue())
    answer.mimetype = "application/json" if kind == "json" else "text/csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="audit-{now():%Y-%m-%d}.{kind}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _wanted(typed: Typed) -> audits.Filter:
    by = typed.whole_or_none("by")
    since, until = typed.end_of_day("since"), typed.end_of_day("until")
    return audits.Filter(
        action=typed.get("action").strip(),
        subject=typed.get("subject").strip(),
        by=by,
        since=since - _A_DAY if since else None,
        until=until,
    )


def _choices(found: list[str]) -> list[str]:
    """Actions, and before each family its first word, which stands for all of them."""
    return sorted({*(action.partition(".")[0] for action in found), *found})
