"""/api/v1/openapi.json: OpenAPI 3.1, whole, and true."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from vrm.web.api import OPERATIONS


@pytest.fixture
def described(app) -> dict:
    answer = app.test_client().get("/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.get_json()


def every(value, path=()):
    """Each (path, value) inside."""
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from every(part, (*path, key))


def test_it_is_openapi_3_1_with_a_bearer_token(described) -> None:
    assert described["openapi"] == "3.1.0"
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert {"title", "version"} <= described["info"].keys()


def test_an_independent_validator_finds_no_fault(described) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_every_operation_is_described_once(described) -> None:
    there = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert there == {operation.name: (operation.method, operation.path) for operation in OPERATIONS}


def test_every_reference_leads_somewhere(described) -> None:
    for _, value in every(described):
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            at = described
            for step in value["$ref"].removeprefix("#/").split("/"):
                at = at[step.replace("~1", "/").replace("~0", "~")]


def test_names_of_components_are_names(described) -> None:
    for kind in described["components"].values():
        assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in kind)


def test_every_operation_is_complete(described) -> None:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            in_path = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert in_path == set(re.findall(r"\{(\w+)\}", path))
            assert operation["summary"]
            assert operation["security"]
            assert "401" in operation["responses"]
            assert any(status.startswith("2") for status in operation["responses"])
            assert all("schema" in one for one in operation["parameters"])
            if method == "post":
                assert "Idempotency-Key" in {one["name"] for one in operation["parameters"]}


def test_every_refusal_is_a_problem(described) -> None:
    for refusal in described["components"]["responses"].values():
        assert list(refusal["content"]) == ["application/problem+json"]


def test_bodies_say_which_fields_there_are_and_that_there_are_no_others(described) -> None:
    for name in ("NewIntent", "IntentChange", "NewSubscription", "NewResponse", "NewChannel"):
        schema = described["components"]["schemas"][name]
        assert schema["additionalProperties"] is False
    assert described["components"]["schemas"]["NewIntent"]["required"] == ["title"]
    assert "near" in described["components"]["schemas"]["NewIntent"]["properties"]
    amount = described["components"]["schemas"]["MoneyIn"]["properties"]["amount"]
    assert amount["type"] == "string"


def test_the_page_for_people_has_every_operation_with_its_fields(app, described) -> None:
    answer = app.test_client().get("/docs")
    assert answer.status_code == 200
    assert len(answer.data) < 400_000
    parts = dict(re.findall(r'<details class="operation" id="(\w+)">(.*?)</details>', answer.text, re.DOTALL))
    assert parts.keys() == {operation.name for operation in OPERATIONS}
    for methods in described["paths"].values():
        for method, one in methods.items():
            part = parts[one["operationId"]]
            assert method.upper() in part
            shape = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            fields = described["components"]["schemas"].get(shape.get("$ref", "").rpartition("/")[2], {})
            for name in fields.get("properties", {}):
                assert f"<code>{name}</code>" in part, (one["operationId"], name)
    assert "needed" in re.sub(r"<[^>]+>", "", parts["create_intent"])
