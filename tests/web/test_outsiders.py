"""What somebody tries who reads our source and not our pages: odd methods, hosts, names, numbers, and costly tables."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from addresses import Town, of_operation, of_page, pages
from flask import Flask
from hand import SLOWEST_S
from test_attack_api import caller_of, token_of, tokens
from visiting import Visitor
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from vrm.kernel.db import Store
from vrm.web.api import OPERATIONS
from vrm.web.api.operations import Operation

_NO_NAMES = (
    "0", "-1", "9223372036854775807", "9223372036854775808", "9" * 400, "1e400", "0x10", "NaN", "null", "%00", "%ff",
    "%ED%A0%80", "%F0%9F%9A%B2", "..", "%2e%2e", "%252e%252e", "%2F", "a%2Fb", "a;b", "*", "'", "%27%20OR%201=1--",
    "a" * 5_000, "%E2%80%AE", "﷽",
)  # fmt: skip
_METHODS = ("TRACE", "PROPFIND", "TRACK", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "get", "G E T", "PRI")


def _rules(app: Flask) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if not rule.endpoint.endswith("static"))


def _address(town: Town, rule: Rule, instead: dict[str, str]) -> str:
    """As somebody types it, which may be no address that we would make."""
    try:
        known = of_page(town, rule)
    except KeyError:  # It is about a link that somebody was sent.
        known = dict.fromkeys(rule.arguments, "x")
    return re.sub(r"<(?:[^<>]+:)?(\w+)>", lambda found: instead.get(found[1], str(known[found[1]])), rule.rule)


def _in_time(begun: float, what: object) -> None:
    assert time.process_time() - begun < SLOWEST_S, what


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_names_that_are_none_are_not_there(
    app: Flask, town: Town, store: Store, now: datetime, visitor: Callable[[], Visitor]
) -> None:
    """In each place of each address, for somebody who may see what is there."""
    olu = visitor().sign_in(town.world.olu)
    for rule, method, _ in pages(app):
        for place in rule.arguments if method == "GET" else ():
            for name in _NO_NAMES:
                path = _address(town, rule, {place: name})
                assert olu.client.get(path).status_code < 500, path
    whose = tokens(store, town, now)
    for operation in OPERATIONS:
        arguments = operation.arguments
        if operation.method == "GET" and arguments:
            headers = {"Authorization": f"Bearer {whose[caller_of(operation)]}"}
            for name in _NO_NAMES:
                path = "/api/v1" + operation.path.format_map(dict.fromkeys(arguments, name))
                answer = app.test_client().get(path, headers=headers)
                assert answer.status_code in (308, 400, 404, 422), (operation.name, name, answer.status_code)


@pytest.mark.slow
def test_odd_methods_do_nothing_anywhere(app: Flask, town: Town) -> None:
    client = app.test_client()
    for rule in _rules(app):
        if rule.endpoint.startswith("api."):
            continue
        path = _address(town, rule, {})
        for method in _METHODS:
            answer = client.open(path, method=method)
            assert answer.status_code < 500, (path, method)
            if method in ("TRACE", "TRACK", "PROPFIND", "PRI", "G E T"):
                assert answer.status_code in (400, 404, 405, 501), (path, method, answer.status_code)
            assert not any(name.lower().startswith("access-control-") for name, _ in answer.headers), path


def test_no_header_or_field_makes_one_method_another(app: Flask, town: Town, store: Store, now: datetime) -> None:
    token = token_of(store, town.world.ana, now)
    path = f"/api/v1/intents/{town.world.want.code}"
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"):
        headers = {"Authorization": f"Bearer {token}", name: "/admin" if "URL" in name else "DELETE"}
        assert app.test_client().get(path, headers=headers).status_code == 200
        assert app.test_client().post(path, headers=headers, json={}).status_code == 405
    asked = app.test_client().get(f"{path}?_method=DELETE", headers={"Authorization": f"Bearer {token}"})
    assert asked.get_json()["state"] == "open"


def test_hosts_that_are_not_ours_are_refused(app: Flask) -> None:
    for host in (
        "localhost@evil.example", "localhost.evil.example", "evil.example:localhost", "localhost:80@evil.example",
        "localhost,evil.example", "evil.example#localhost", "localhost:x", "local\u200bhost", "ｌocalhost.", "", " ",
        "localhost/evil", "localhost\\evil",
    ):  # fmt: skip
        answer = app.test_client().get("/docs", environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 400 or "evil" not in answer.text, host


@pytest.mark.slow
def test_no_body_of_the_api_takes_a_field_that_is_not_its_own(
    app: Flask, town: Town, store: Store, now: datetime
) -> None:
    """At any depth: what is kept cannot be set by naming a column."""
    whose = tokens(store, town, now)
    for operation in OPERATIONS:
        if operation.body is None:
            continue
        schema = operation.body.model_json_schema()
        for about in (schema, *schema.get("$defs", {}).values()):
            if about.get("type") == "object" and "properties" in about:
                assert about.get("additionalProperties") is False, (operation.name, about.get("title"))
        for column in (
            "id",
            "account_id",
            "vendor_id",
            "code",
            "is_operator",
            "role",
            "verified_at",
            "__class__",
            "_sa_x",
        ):
            if column in schema["properties"]:
                continue
            answer = _send(app, whose, operation, town, {column: 1})
            assert answer.status_code in (404, 409, 422), (operation.name, column, answer.status_code)
            if answer.status_code == 422:
                assert f"/{column}" in {one.get("pointer") for one in answer.get_json()["errors"]}, operation.name


def _send(app: Flask, whose: dict[str, str], operation: Operation, town: Town, body: object) -> TestResponse:
    path = "/api/v1" + operation.path.format_map(of_operation(town, operation.path))
    headers = {"Authorization": f"Bearer {whose[caller_of(operation)]}", "Content-Type": "application/json"}
    return app.test_client().open(path, method=operation.method, data=json.dumps(body), headers=headers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "table",
    [
        "category," * 28_000,
        "category,region" + "," * 200_000,
        "category,region\n" + "," * 200_000,
        "category,region\n" + ",\n" * 100_000,
        "category,region\n" + "x,y\n" * 60_000,
        "category,region\n" + "\r" * 200_000,
        'category,region\n"' + "x" * 200_000,
        'category,region\n' + '"' * 200_001,
        "category,region\n" + '"a\n' * 60_000,
        "\ufeff" * 60_000 + "category,region\nBicycles,Leeds",
        "category,region\nBicycles,Leeds\x00",
        "category,region,required\nBicycles,Leeds," + "a|" * 100_000,
        "category,region\n" + " " * 200_000 + "Bicycles,Leeds",
        "category,region\nBicy" + " " * 200_000 + "cles,Leeds",
        "category" + "-" * 200_000 + ",region\nBicycles,Leeds",
        "category,region,radius_km\nBicycles,Leeds," + "9" * 200_000,
        "category,region,min_budget\nBicycles,Leeds," + "9" * 200_000,
        "category,region,min_budget\nBicycles,Leeds,1e400",
    ],
    ids=lambda table: repr(table[:40]),
)  # fmt: skip
def test_a_table_that_is_built_to_cost_is_answered_soon(
    table: str, app: Flask, town: Town, store: Store, now: datetime
) -> None:
    token = token_of(store, town.world.ben, now)
    begun = time.process_time()
    answer = app.test_client().post(
        f"/api/v1/vendors/{town.world.vendor.slug}/subscriptions/import",
        json={"csv": table, "dry_run": True},
        headers={"Authorization": f"Bearer {token}"},
    )
    _in_time(begun, table[:60])
    assert answer.status_code in (200, 413, 422), answer.text[:500]


@pytest.mark.slow
@pytest.mark.parametrize(
    "letter", [" ", "a", "9", "-", "/", ".", ",", "%", "é", "İ", "\u0301", "漢", "(", "@", "\u200d"]
)
def test_words_of_one_letter_cost_no_more_than_others(
    letter: str, app: Flask, town: Town, store: Store, now: datetime
) -> None:
    ana, ben = (token_of(store, who, now) for who in (town.world.ana, town.world.ben))
    client, many = app.test_client(), f"9{letter * 60_000}9"
    vendor = f"/api/v1/vendors/{town.world.vendor.slug}"
    for token, method, path, body in (
        (ben, "PATCH", f"{vendor}/hours", {"monday": f"{many}-{many}"}),
        (ben, "POST", f"{vendor}/subscriptions", {"category": many, "region": many, "required": [many]}),
        (ben, "PATCH", vendor, {"name": many, "website": f"https://{many}", "about": many}),
        (ben, "POST", f"{vendor}/channels", {"kind": "email", "address": f"{many}@{many}"}),
        (ben, "POST", f"{vendor}/channels", {"kind": "webhook", "url": f"https://{many}/{many}"}),
        (ana, "POST", "/api/v1/understand", {"text": many, "locale": many[:100]}),
        (ana, "POST", "/api/v1/intents", {"title": many, "body": many, "category": many, "region": many}),
        (ana, "POST", "/api/v1/blogs", {"url": f"https://{many}"}),
    ):
        begun = time.process_time()
        answer = client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {token}"})
        _in_time(begun, (path, letter))
        assert answer.status_code in (200, 201, 413, 422, 429), (path, answer.status_code, answer.text[:300])
    for path in (
        "/intents?q=",
        "/categories.json?q=",
        "/regions.json?q=",
        "/want?said=",
        "/vendors/",
        "/sign-in?next=",
    ):
        begun = time.process_time()
        assert client.get(path + many[:8_000]).status_code < 500
        _in_time(begun, (path, letter))
