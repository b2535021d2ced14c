"""To be written within the hour."""

from flask import Blueprint

blueprint = Blueprint("vendor", __name__)


@blueprint.get("/vendor")
def home() -> str:
    """To be written."""
    return ""
