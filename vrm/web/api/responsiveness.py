"""How vendors answer: over all leads as they stand now or as a snapshot has them, and the snapshots themselves."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from vrm.kernel import taxonomy
from vrm.research import published
from vrm.research.cells import LEAST
from vrm.research.charts import Material
from vrm.research.hours import Clock
from vrm.research.metrics import By
from vrm.research.precision import precision
from vrm.research.published import LIVE, Wanted
from vrm.research.release import OTHERS
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import DayQ, Given, Told
from vrm.web.desk import desk
from vrm.web.figures import shelf

ROUTES = Routes("Responsiveness")

FigureName = Literal[
    "reach", "curve", "ends", "bins", "places", "week", "funnel", "scores", "arms", "randomisation", "power", "quality"
]  # All of charts.NAMES.


class Question(Given):
    """Which leads. A category or a region stands for all that is published at or below it."""

    category: Annotated[str, Field(max_length=200, description="An id, a slug or an unambiguous name.")] = ""
    region: Annotated[str, Field(max_length=200, description="An id, a slug or an unambiguous name.")] = ""
    since: Annotated[DayQ | None, Field(description="From the ISO week of this day on, by routing.")] = None
    by: Annotated[By | None, Field(description="One group for each, those with fewer than 11 leads left out.")] = None
    snapshot: Annotated[str, Field(max_length=40, description="The id of a snapshot; otherwise the live store.")] = ""
    figure: Annotated[FigureName | None, Field(description="The numbers of one figure of the page too.")] = None
    clock: Annotated[
        Clock, Field(description="Of `week`: answered within 24 hours, or within eight open hours of the vendor.")
    ] = "calendar"


class Responsiveness(Told):
    """The measures of the leads that were asked for; nothing is told about fewer than 11 that are a part."""

    measured_at: datetime
    snapshot_id: str = Field(description="“live”, or the snapshot that was asked for.")
    n: int | None = Field(description="Delivered leads with sound clocks: what the curve is made of. null: too few.")
    measures: dict[str, Any] | None = Field(
        description="Reach, the Kaplan–Meier curve of answers with 95 % intervals, the share answered by 5 min, 1 h, "
        "24 h, 7 d and 30 d (in seconds), bins, silence by its cause, median and restricted mean wait, competing ends. "
        "null where fewer than 11 leads are published under what was asked for."
    )
    groups: list[dict[str, Any]] | None = Field(default=None, description="With `by`: the same for each group.")
    logrank: dict[str, Any] | None = Field(default=None, description="With `by`: whether the groups answer alike.")
    effects: list[dict[str, Any]] | None = Field(default=None, description="With `by=arm`: the effects between arms.")
    data_quality: dict[str, Any] | None = None
    week: dict[str, Any] | None = Field(
        default=None,
        description="By weekday and hour of the delivery on the vendor's own clock: leads watched for long enough, and "
        "those answered soon by the `clock` that was asked for. Always of all leads; small hours are told together.",
    )
    figure: dict[str, Any] | None = Field(
        default=None,
        description="With `figure`: its title, definition, n, rows with all their digits, its query over a snapshot.",
    )
    precision: dict[str, Any] | None = Field(
        default=None,
        description="Of the live leads that a person at the vendor judged: how many fitted, by which reasons the "
        "others did not, and the share with its 95 % interval (Wilson).",
    )


class SnapshotFile(Told):
    path: str
    url: str
    bytes: int
    sha256: str


class SnapshotOut(Told):
    """One release. It never changes."""

    id: str
    version: str
    made_on: date
    leads: int
    note: str
    citation: str
    url: str
    files: list[SnapshotFile]


class Snapshots(Told):
    """Every release, the newest first."""

    items: list[SnapshotOut]


@ROUTES.add("GET", "/responsiveness", query=Question, answer=Responsiveness, refuses=(404,))
def read_responsiveness(caller: Caller, query: Question) -> Responsiveness:
    """Who was reached, who answered, how fast, and what silence means."""
    trees = taxonomy.trees(caller.session)
    wanted = Wanted(
        category=published.node_path(trees.categories, query.category, field="category"),
        region=published.node_path(trees.regions, query.region, field="region"),
        since=query.since,
    )
    if query.snapshot in ("", LIVE):
        material = published.live(caller.session, caller.now, folder=desk().settings.kept)
    else:
        material = published.of_snapshot(shelf().by_id(query.snapshot))
    material = published.narrowed(material, wanted)
    source = query.snapshot or LIVE
    if published.too_few(material, wanted):
        return Responsiveness(measured_at=caller.now, snapshot_id=source, n=None, measures=None)
    group = material.measured().groups[0]
    found = Responsiveness(
        measured_at=caller.now,
        snapshot_id=source,
        n=group.n,
        measures=group.as_json(),
        data_quality=material.measured().as_json()["data_quality"],
        week={"clock": query.clock} | material.weeks[query.clock].as_json(),
    )
    if source == LIVE:
        found.precision = precision(caller.session).as_json()
    if query.figure is not None:
        found.figure = material.by(query.clock).figure(query.figure).as_json()
    if query.by is not None:
        told = material.measured(query.by).as_json()
        found.groups = [each for each in told["groups"] if _may_tell(material, query.by, each)]
        found.logrank, found.effects = told["logrank"], told.get("effects")
    return found


def _may_tell(material: Material, by: By, group: dict[str, Any]) -> bool:
    """Whether a group may be told of: vendors that may be named; elsewhere, whatever has a published name."""
    label = str(group["group"])
    if by == "vendor":
        return label in material.names and label != OTHERS
    return by == "arm" or published.counted(material, by, label) >= LEAST


@ROUTES.add("GET", "/snapshots", answer=Snapshots)
def list_snapshots(caller: Caller) -> Snapshots:
    """Every snapshot with its files, which everybody may download without a token."""
    del caller
    base = f"{desk().settings.base_url}/research/snapshots"
    return Snapshots(
        items=[
            SnapshotOut(
                id=each.id,
                version=each.version,
                made_on=each.made_on,
                leads=each.leads,
                note=each.note,
                citation=each.citation,
                url=f"{base}/{each.id}",
                files=[
                    SnapshotFile(path=f.path, url=f"{base}/{each.id}/{f.path}", bytes=f.bytes, sha256=f.sha256)
                    for f in each.files
                ],
            )
            for each in shelf().all()
        ]
    )
