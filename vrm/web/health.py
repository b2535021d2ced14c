"""Whether this process lives, and whether it can work, for machines that watch."""

from flask import Blueprint
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vrm.web.desk import db

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
