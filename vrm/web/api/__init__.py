"""The API, version 1: JSON requests → verbs → JSON, described by /api/v1/openapi.json."""

from apiflask import APIBlueprint

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1")
