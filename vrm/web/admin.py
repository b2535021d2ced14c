"""To be written within the hour."""

from flask import Blueprint

blueprint = Blueprint("admin", __name__)


@blueprint.get("/admin")
def overview() -> str:
    """To be written."""
    return ""
