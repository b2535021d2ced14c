"""To be written within the hour."""

from flask import Blueprint

blueprint = Blueprint("want", __name__)


@blueprint.get("/want")
def form() -> str:
    """To be written."""
    return ""
