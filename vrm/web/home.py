"""Pages for everybody: what this is, who listens, where the API is, and names for whoever types one."""

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy import func, select

from intents.draft import Visibility
from intents.models import Intent
from vendors import choose, team
from vendors.models import Lead, Subscription, Vendor
from vendors.models import Response as Answer
from vrm.kernel import taxonomy
from vrm.kernel.errors import NotFound
from vrm.kernel.tree import Tree
from vrm.research.live import live_table
from vrm.research.metrics import Group, measure
from vrm.web.desk import db, now
from vrm.web.reference import reference
from vrm.web.words import later, locale

blueprint = Blueprint("home", __name__)

NAMED_FROM = 11  # Delivered leads: below that, figures would say more about chance than about a vendor.

# The horizons of M3 in words, by seconds.
MARKS = {
    300: later("5 min"),
    3_600: later("1 h"),
    86_400: later("24 h"),
    604_800: later("7 days"),
    2_592_000: later("30 days"),
}


@blueprint.get("/")
def home() -> str:
    """What this is, in human words, with live counts."""
    session = db()
    open_now = (Intent.opened_at.is_not(None), Intent.closed_at.is_(None), Intent.canary_for.is_(None))
    marked = select(Intent.id).where(Intent.canary_for.is_not(None))
    counts = {
        "open": session.scalar(select(func.count()).select_from(Intent).where(*open_now)) or 0,
        "vendors": session.scalar(select(func.count()).select_from(Vendor).where(Vendor.closed_at.is_(None))) or 0,
        "told": session.scalar(
            select(func.count()).select_from(Lead).where(Lead.notified_at.is_not(None), Lead.intent_id.not_in(marked))
        )
        or 0,
        "answers": session.scalar(select(func.count()).select_from(Answer).where(Answer.intent_id.not_in(marked))) or 0,
    }
    newest = session.scalars(
        select(Intent)
        .where(*open_now, Intent.paused_at.is_(None), Intent.visibility == Visibility.PUBLIC)
        .order_by(Intent.opened_at.desc())
        .limit(6)
    ).all()
    return render_template("public/home.html", counts=counts, newest=newest, trees=taxonomy.trees(session))


@blueprint.get("/categories.json")
def categories() -> Response:
    """Categories for what is being typed."""
    return _suggestions(taxonomy.trees(db()).categories)


@blueprint.get("/regions.json")
def regions() -> Response:
    """Regions for what is being typed."""
    return _suggestions(taxonomy.trees(db()).regions)


def _suggestions(tree: Tree) -> Response:
    found = tree.search(request.args.get("q", "")[:100], limit=8)
    return jsonify(
        [
            {
                "slug": node.slug,
                "label": node.label_in(locale()),
                "path": " › ".join(above.label_in(locale()) for above in tree.path(node.id)[:-1]),
            }
            for node in found
        ]
    )


@blueprint.get("/vendors/<slug>")
def vendor(slug: str) -> str:
    """What a vendor says of itself, and how it answers, with its reply to that. No ranking."""
    session = db()
    shown = team.by_slug(session, slug)
    if shown.suspended_at is not None:
        raise NotFound("There is no such vendor.")
    listens = session.scalars(
        select(Subscription)
        .where(Subscription.vendor_id == shown.id, Subscription.ended_at.is_(None), Subscription.paused_at.is_(None))
        .order_by(Subscription.id)
        .limit(20)
    ).all()
    return render_template(
        "public/vendor.html",
        vendor=shown,
        listens=listens,
        group=_figures_of(shown),
        least=NAMED_FROM,
        marks=MARKS,
        gladness=choose.gladness(session, shown.id),
        trees=taxonomy.trees(session),
    )


def _figures_of(vendor: Vendor) -> Group | None:
    """How it answers; None until so many leads were delivered that one of them does not decide it."""
    delivered = (
        select(func.count()).select_from(Lead).where(Lead.vendor_id == vendor.id, Lead.delivered_at.is_not(None))
    )
    if (db().scalar(delivered) or 0) < NAMED_FROM:
        return None
    return measure(live_table(db(), now(), vendor_id=vendor.id)).groups[0]


@blueprint.get("/docs")
def docs() -> str:
    """What the API does, for those who write programs."""
    return render_template("public/docs.html", reference=reference())
