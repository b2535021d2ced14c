"""Who answers, for everybody: the figures of the bench, each with its table, its files, its query and an address."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from markupsafe import Markup

from vrm.kernel import taxonomy
from vrm.kernel.errors import BadInput, NotFound
from vrm.kernel.languages import SOURCE
from vrm.research import charts, drawing, published
from vrm.research.charts import Cell, Column, Figure, Material
from vrm.research.hours import CLOCKS, Clock
from vrm.research.precision import precision
from vrm.research.published import LIVE, Wanted
from vrm.research.queries import QUERIES
from vrm.research.release import ROOTS
from vrm.research.snapshots import Shelf, Snapshot
from vrm.web.desk import db, desk, now
from vrm.web.words import _, later, locale, number

blueprint = Blueprint("figures", __name__)

SIZES = {"wide": 560, "small": 300}  # Of which the page shows one: letters must stay readable on a phone.
_ASKED = ("category", "region", "since", "snapshot", "clock")
# Only once there is an experiment.
_OF_ARMS = ("arms", "randomisation")
_SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

# The horizons of M3 in words, by seconds.
MARKS = {
    300: later("5 min"),
    3_600: later("1 h"),
    86_400: later("24 h"),
    604_800: later("7 days"),
    2_592_000: later("30 days"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, and what there is to show of it."""

    material: Material
    wanted: Wanted
    source: str  # "live", or the id of a snapshot.
    args: Mapping[str, Any]  # Words: what was asked, for addresses.

    def clocks(self, page: str, **here: str) -> Iterator[tuple[Clock, str]]:
        """Both clocks of the figure of hours, each with its address on this page."""
        for clock in CLOCKS:
            asked: dict[str, Any] = {**here, **self.args, "clock": None if clock == CLOCKS[0] else clock}
            yield clock, url_for(page, **asked, _anchor="week")

    @property
    def too_few(self) -> bool:
        return published.too_few(self.material, self.wanted)


@blueprint.get("/responsiveness")
def responsiveness() -> str:
    """Who answers, how fast, and what silence means. Nobody is named but vendors with enough leads, on their own."""
    asked = _asked()
    group = asked.material.measured().groups[0]
    arms = any(asked.material.leads.words["arm"].labels)
    shown = [name for name in charts.NAMES if arms or name not in _OF_ARMS]
    figures = [] if asked.too_few else [asked.material.figure(name) for name in shown]
    return render_template(
        "figures/responsiveness.html",
        asked=asked,
        group=group,
        figures=figures,
        silent=asdict(group.silent),
        precision=precision(db()) if asked.source == LIVE else None,
        snapshots=shelf().all(),
    )


@blueprint.get("/responsiveness/figures/<name>")
def figure(name: str) -> Response:
    """One figure alone with all its numbers; `.csv` and `.svg` behind its name are its files."""
    plain, _dot, kind = name.partition(".")
    if plain not in charts.NAMES or kind not in ("", "csv", "svg"):
        raise NotFound(_("There is no such figure."))
    asked = _asked()
    if asked.too_few:
        raise NotFound(_("Fewer than 11 leads are published under what you ask for; ask for more of them."))
    found = asked.material.figure(plain)
    if kind == "csv":
        return _file(found.as_csv(), "text/csv", f"{plain}-{asked.source}.csv")
    if kind == "svg":
        response = _file(drawing.standalone(found.draw("figure", SIZES["wide"])), "image/svg+xml", f"{plain}.svg")
        response.headers["Content-Security-Policy"] = _SVG_POLICY
        response.headers["Content-Disposition"] = "inline"
        return response
    page = render_template("figures/figure.html", asked=asked, figure=found, query=QUERIES.get(found.query))
    return Response(page)


def shelf() -> Shelf:
    """Where snapshots are kept."""
    return Shelf(desk().settings.shelf)


def live() -> Material:
    """What is published as it stands now, in the reader's language."""
    return published.live(db(), now(), say=said, folder=desk().settings.kept, language=locale())


def said(words: str, **named: object) -> str:
    """Words of a figure in the reader's language, and its categories and countries, which are published in English."""
    translated = _(words, **named)
    if named or translated != words or locale() == SOURCE:
        return translated
    trees = taxonomy.trees(db())
    for tree, root in zip((trees.categories, trees.regions), ROOTS, strict=True):
        label = tree.path_label(tree.root.id, locale()) if words == root else published.called(tree, words, locale())
        if label != words:
            return label
    return words


def _asked() -> Asked:
    args = {name: request.args[name].strip() for name in _ASKED if request.args.get(name, "").strip()}
    source = args.get("snapshot", LIVE)
    trees = taxonomy.trees(db())
    wanted = Wanted(
        category=published.node_path(trees.categories, args.get("category", ""), field="category", language=locale()),
        region=published.node_path(trees.regions, args.get("region", ""), field="region", language=locale()),
        since=_day(args.get("since", "")),
    )
    material = live() if source == LIVE else published.of_snapshot(shelf().by_id(source), say=said)
    material = published.narrowed(material, wanted).by(_clock(args.get("clock", CLOCKS[0])))
    return Asked(material, wanted, source, args)


def _clock(name: str) -> Clock:
    for clock in CLOCKS:
        if clock == name:
            return clock
    raise BadInput({"clock": _("Choose the calendar or open hours.")})


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.max
    if not 1970 <= found.year < 3000:
        raise BadInput({"since": _("Write the day as year-month-day, such as 2026-11-21.")})
    return found


def _file(text: str, kind: str, name: str) -> Response:
    response = Response(text, mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- For the templates ----------------------------------------------------------------------------


def drawings(figure: Figure) -> Iterator[tuple[str, Markup]]:
    """The two sizes of a drawing."""
    for size, width in SIZES.items():
        yield size, Markup(figure.draw(f"{figure.name}-{size}", width))  # noqa: S704 - Our own drawing; words are escaped.


def drawn(figure: Figure, ident: str) -> Markup:
    """The small drawing, which fits beside another."""
    return Markup(figure.draw(ident, SIZES["small"]))  # noqa: S704 - As above.


def cell(value: Cell, column: Column) -> str:
    """A cell as people read it; the files have all digits."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return said(value) if column.kind == "path" else value
    if column.kind == "share":
        return f"{100 * value:.0f} %"
    return number(value) if column.kind == "count" else f"{value:.3g}"


def address(name: str, asked: Asked) -> str:
    """Of a figure or one of its files, with all that was asked."""
    return url_for("figures.figure", name=name, **asked.args)


def describes(snapshot: Snapshot) -> str:
    """A snapshot in one line, for a list to choose from."""
    return _("%(id)s, %(leads)s leads", id=snapshot.id, leads=number(snapshot.leads))


@blueprint.app_context_processor
def _words() -> dict[str, object]:
    return {"drawings": drawings, "drawn": drawn, "shown_cell": cell, "figure_address": address, "describes": describes}
