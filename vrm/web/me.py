"""To be written within the hour."""

from flask import Blueprint

blueprint = Blueprint("me", __name__)


@blueprint.get("/me")
def boards() -> str:
    """To be written."""
    return ""
