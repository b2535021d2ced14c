"""Whether this process lives, whether it can work, and how the work goes, for machines that watch."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address

from flask import Blueprint, request
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from intents.models import Blog, Intent
from notifiers import gauges
from notifiers.models import Channel
from vrm.kernel.errors import NotFound
from vrm.kernel.outbound import is_public
from vrm.web.desk import db, now
from vrm.web.visitors import somebody

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> tuple[str, int, dict[str, str]]:
    """This process answers."""
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.get("/readyz")
def ready() -> tuple[str, int, dict[str, str]]:
    """This process reaches its store, and the store has its tables."""
    plain = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        db().execute(text("SELECT id FROM accounts LIMIT 1"))
    except SQLAlchemyError:
        return "The store does not answer, or has no tables; run `vrm db upgrade`.\n", 503, plain
    return "ready\n", 200, plain


# --- Prometheus -----------------------------------------------------------------------------------


@blueprint.get("/metrics")
def metrics() -> tuple[str, int, dict[str, str]]:
    """Counted from the rows, so that it is right whichever of several processes answers.

    For machines of one's own network, and for operators; to others it does not exist.
    """
    visitor = None if _is_near() else somebody()
    if not _is_near() and (visitor is None or not visitor.is_operator):
        raise NotFound("There is no such page.")
    body = "\n".join([*_outbox(now()), *_attempts(), *_rest(now()), ""])
    return body, 200, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


def _is_near() -> bool:
    try:
        return not is_public(ip_address(request.remote_addr or ""))
    except ValueError:
        return True  # A Unix socket.


def _outbox(at: datetime) -> Iterator[str]:
    owed = gauges.owed(db(), at)
    yield from _metric("vrm_notifications_owed", "gauge", "Messages that are owed.", [("", owed.count)])
    yield from _metric("vrm_notifications_due", "gauge", "Messages that are owed and due.", [("", owed.due)])
    for name, words, since in (
        ("vrm_oldest_owed_age_seconds", "How long the oldest owed message is owed.", owed.oldest_owed_at),
        ("vrm_oldest_due_age_seconds", "How long the oldest due message is due.", owed.oldest_due_at),
    ):
        yield from _metric(name, "gauge", words, [("", (at - since).total_seconds() if since else 0)])


def _attempts() -> Iterator[str]:
    tried = gauges.tried(db())
    counts = [(f'verdict="{one.verdict}",because="{one.because or ""}"', one.count) for one in tried]
    yield from _metric("vrm_attempts", "counter", "Attempts, by what came of them.", counts)
    yield "# HELP vrm_attempt_seconds How long attempts took."
    yield "# TYPE vrm_attempt_seconds histogram"
    total = sum(one.count for one in tried)
    for place, most in enumerate(gauges.BUCKETS_MS):
        yield f'vrm_attempt_seconds_bucket{{le="{most / 1000:g}"}} {sum(one.within[place] for one in tried)}'
    yield f'vrm_attempt_seconds_bucket{{le="+Inf"}} {total}'
    yield f"vrm_attempt_seconds_sum {sum(one.took_ms for one in tried) / 1000}"
    yield f"vrm_attempt_seconds_count {total}"


def _rest(at: datetime) -> Iterator[str]:
    unrouted = select(func.count(Intent.id)).where(
        Intent.opened_at.is_not(None),
        Intent.routed_at.is_(None),
        Intent.closed_at.is_(None),
        Intent.paused_at.is_(None),
    )
    blogs = select(func.count(Blog.id)).where(
        Blog.verified_at.is_not(None), Blog.ended_at.is_(None), Blog.next_fetch_at <= at
    )
    failing = select(func.count(Channel.id)).where(Channel.failing_since.is_not(None), Channel.ended_at.is_(None))
    off = select(func.count(Channel.id)).where(Channel.switched_off_at.is_not(None), Channel.ended_at.is_(None))
    for name, words, query in (
        ("vrm_intents_unrouted", "Wants that are open and not routed yet.", unrouted),
        ("vrm_blogs_due", "Blogs that are to be read now.", blogs),
        ("vrm_channels_failing", "Channels whose last attempt failed.", failing),
        ("vrm_channels_off", "Channels that were switched off.", off),
    ):
        yield from _metric(name, "gauge", words, [("", db().scalar(query) or 0)])


def _metric(name: str, kind: str, words: str, values: Iterable[tuple[str, float]]) -> Iterator[str]:
    """The text format of Prometheus, https://prometheus.io/docs/instrumenting/exposition_formats/."""
    name = f"{name}_total" if kind == "counter" else name
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} {kind}"
    for labels, value in values:
        yield f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"
