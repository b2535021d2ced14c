"""To be written within the hour."""

from flask import Blueprint

blueprint = Blueprint("account", __name__)


@blueprint.get("/me/account")
def form() -> str:
    """To be written."""
    return ""
