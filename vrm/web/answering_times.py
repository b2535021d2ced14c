"""How a vendor answers, for its own people: beside what is published of all who hear of the same things."""

from collections import Counter

from flask import Blueprint, url_for

from vrm.kernel import taxonomy
from vrm.kernel.tree import Node
from vrm.research import published
from vrm.research.charts.times import curve
from vrm.research.live import live_table
from vrm.research.metrics import measure
from vrm.research.published import Wanted
from vrm.research.table import LeadTable, waits
from vrm.web.acting import acting_for, vendor_page
from vrm.web.desk import db, now
from vrm.web.figures import MARKS, live
from vrm.web.words import _

blueprint = Blueprint("answering_times", __name__)


@blueprint.get("/vendor/<slug>/answers")
def answers(slug: str) -> str:
    """Both curves and their shares. Of the others nothing is shown that is not published."""
    vendor = acting_for(slug)
    own = live_table(db(), now(), vendor_id=vendor.id)
    measures = measure(own)
    everybody = live()
    category, others = _main_category(own), everybody
    if category is not None:
        wanted = Wanted(category=(category.label,))
        others = published.narrowed(everybody, wanted)
        if published.too_few(others, wanted):
            category, others = None, everybody
    return vendor_page(
        "vendor/answers.html",
        vendor,
        own=measures.groups[0],
        others=others.measured().groups[0],
        category=category,
        curve=curve(measures, _),
        theirs=others.figure("curve"),
        published_at=url_for("figures.responsiveness", category=category.slug if category is not None else None),
        marks=MARKS,
    )


def _main_category(leads: LeadTable) -> Node | None:
    """The top category of most of what was delivered; None when nothing was, or it has none."""
    words = leads.words["category"]
    counts = Counter(words.labels[code] for code in words.codes[waits(leads).counts])
    tree = taxonomy.trees(db()).categories
    tops = {node.label: node for node in tree.children(tree.root.id)}
    return next((tops[label] for label, _count in counts.most_common() if label in tops), None)
