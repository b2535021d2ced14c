"""The address of every page and operation, about the things of Ana and Ben in the small world."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import flask
from flask import Flask
from flask_wtf.csrf import generate_csrf
from visiting import Visitor
from werkzeug.routing import Rule
from werkzeug.test import TestResponse
from world import SECRET, World

from notifiers.models import Notification
from vrm.kernel.signing import Signer
from vrm.web.access import FOR_WHOM, Who


@dataclass
class Town:
    """The world, and a message that went out in it."""

    world: World
    message: Notification


def named(kind: str, *key: int) -> str:
    """As the API names rows that have no code of their own."""
    return Signer(SECRET).short(f"name.{kind}", "-".join(map(str, key)))


def of_page(town: Town, rule: Rule) -> dict[str, object]:
    """What stands in the address of a page when it is about Ana's or Ben's things."""
    world = town.world
    blueprint = rule.endpoint.partition(".")[0]
    want = {"me": world.want, "board": world.want, "admin": world.want}
    code = {
        **{name: thing.code for name, thing in want.items()},
        "blogs": world.blog.code,
        "subscriptions": world.subscription_code,
        "channels": world.mail.code,
        "timing": world.mail.code,
        "vendor": f"{world.want.code}-{world.vendor.code}",
        "signing_in": world.browser.code,
        "moderation": world.want.code,
        "reporting": f"{world.want.code}-{world.vendor.code}" if "conversations" in rule.rule else world.want.code,
        "listening": world.watch_code if ".end" in rule.endpoint else world.sighting_code,
    }
    choices = re.search(r"any\((\w+)", rule.rule)
    known: dict[str, object] = {
        "slug": world.vendor.slug,
        "blog": world.blog.code,
        "entry_id": world.entry.id,
        "token_id": world.token.id,
        "passkey_id": world.passkey.id,
        "template_id": world.template.id,
        "account_id": world.ben.id,
        "access_id": 1,
        "id_": town.message.id,
        "code": code.get(blueprint, "x"),
        "role": "researcher",
        "kind": "csv" if blueprint == "audits" else "email",
        "decision": "confirm",
        "ident": "2026-11-21",
        "what": {"channels": "end", "trees": "rename"}.get(blueprint, choices[1] if choices else "x"),
        "report_id": world.report.id,
        "name": "20261121T115900-msg_1.eml",
    }
    if blueprint == "trees":
        known |= {"name": "categories", "slug": "vehicles"}
    return {name: known[name] for name in rule.arguments}


def of_operation(town: Town, path: str) -> dict[str, str]:
    world = town.world
    return {
        "code": f"{world.want.code}-{world.vendor.code}" if path.startswith("/leads") else world.want.code,
        "slug": world.vendor.slug,
        "subscription": world.subscription_code,
        "channel": world.mail.code,
        "blog": world.blog.code,
        "watch": world.watch_code,
        "sighting": world.sighting_code,
        "message": town.message.code,
        "entry": named("entry", world.entry.id),
        "member": named("member", world.vendor.id, world.ben.id),
        "template": named("template", world.template.id),
        "token": named("token", world.token.id),
        "report": str(world.report.id),
        "account": str(world.carol.id),
    }


def pages(app: Flask) -> Iterator[tuple[Rule, str, Who]]:
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("api.") and not rule.endpoint.endswith("static"):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, FOR_WHOM[rule.endpoint]


def ask(person: Visitor, method: str, path: str, **fields: str) -> TestResponse:
    """Open it, or press its button with a good token, for which no page is fetched: this is done a thousand times."""
    if method == "GET":
        return person.client.get(path)
    with person.client.session_transaction() as session:
        session["csrf_token"] = "a" * 40
    with person.app.test_request_context():
        flask.session["csrf_token"] = "a" * 40
        token = generate_csrf()
    return person.client.post(path, data={**fields, "csrf_token": token}, headers={"Sec-Fetch-Site": "same-origin"})


def build(app: Flask, rule: Rule, names: dict[str, object]) -> str:
    with app.test_request_context():
        built = rule.build(names)
    assert built is not None, (rule, names)
    return built[1]
