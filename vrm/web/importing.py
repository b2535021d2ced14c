"""Many subscriptions at once, from a table: looked at first, then taken, and what was refused to take along."""

from flask import Blueprint, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from vendors import importing, sheet
from vendors.importing import Fate, Report
from vendors.models import Vendor
from vrm.kernel.accounts import audit
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, now
from vrm.web.spoken import spoken
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _, later, locale, ngettext

blueprint = Blueprint("importing", __name__, url_prefix="/vendor/<slug>/subscriptions/import")

_SHOWN = 200  # Rows on the page; the refused ones first.
_FATES = {
    Fate.MADE: later("new"),
    Fate.CHANGED: later("changed"),
    Fate.KEPT: later("there already"),
    Fate.REFUSED: later("refused"),
}


@blueprint.get("")
def form(slug: str) -> AnyResponse:
    """Which columns there are, and where to give the file."""
    return _page(acting_for(slug), Typed(), 200)


@blueprint.get("/example.csv")
def example(slug: str) -> AnyResponse:
    """A table to begin with."""
    acting_for(slug)
    return _file(importing.EXAMPLE, "subscriptions.csv")


@blueprint.post("")
def take(slug: str) -> AnyResponse:
    """Look what each row would do, take them, or take the refused ones along: as the button says."""
    vendor = acting_for(slug)
    typed = Typed({"table": _table()})
    lines = None
    with typed.attempt(file="table"):
        if not typed.get("table").strip():
            typed.problems["table"] = _("Choose a file, or paste its rows here.")
        else:
            lines = sheet.read(
                typed.get("table").encode("utf-8", "surrogatepass"),
                known=importing.COLUMNS,
                needed=importing.NEEDED,
                ignored=importing.OF_ERRORS,
            )
    if lines is None:
        return _page(vendor, typed, 422)
    keep = request.form.get("do") == "take"
    report = importing.run(db(), vendor, lines, now(), keep=keep, language=locale())
    if request.form.get("do") == "refused":
        return _file(importing.refused_rows(report.refused, say=spoken), "refused.csv")
    if not keep:
        return _page(vendor, typed, 200, report)
    counts = {fate.value: count for fate, count in report.counts.items()}
    audit(db(), "subscriptions.imported", vendor.slug, now(), by=me(), **counts)
    done = counts["made"] + counts["changed"]
    flash(ngettext("One subscription was made or changed.", "%(num)s subscriptions were made or changed.", done))
    if report.refused:
        # What was taken is kept; the page shows the rest, to be mended.
        typed = Typed({"table": importing.refused_rows(report.refused, say=spoken)})
        return _page(vendor, typed, 200, Report(list(report.refused)))
    return redirect(url_for("subscriptions.subscriptions", slug=slug), 303)


def _table() -> str:
    """What was pasted, or the file when there is one."""
    upload = request.files.get("file")
    content = upload.read() if upload is not None and upload.filename else b""
    if not content:
        return request.form.get("table", "")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Each byte as the letter that it is in Windows: what German and French spreadsheets save unless they are asked.
        return content.decode("cp1252", "replace")


def _file(table: str, name: str) -> AnyResponse:
    answer = make_response(table.encode("utf-8-sig"))
    answer.mimetype = "text/csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _page(vendor: Vendor, typed: Typed, status: int, report: Report | None = None) -> AnyResponse:
    shown = sorted(report.outcomes, key=lambda one: one.fate is not Fate.REFUSED)[:_SHOWN] if report else []
    columns = (
        ("category", _("What you sell: a name or an id, such as Bicycles.")),
        ("region", _("Where: a name or an id, such as Leeds.")),
        ("name", _("Yours to choose. A row with the name of a subscription changes it.")),
        ("radius_km", _("Kilometres around the region, which is a city then.")),
        ("required, excluded", _("Words or phrases between |, that a want must say or must not say.")),
        ("words_in", _("The language of the words: en, de, fr or es.")),
        ("min_budget, currency", _("Such as 5000 and GBP.")),
        ("condition", _("new, used or any.")),
        ("min_quantity, lead_days", _("Whole numbers.")),
        ("language", _("That the want is written in, such as de.")),
    )
    page = vendor_page(
        "vendor/import.html", vendor, typed=typed, report=report, shown=shown, fates=_FATES, columns=columns
    )
    return make_response(page, status)
