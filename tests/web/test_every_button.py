"""Every page that takes a POST, pressed with a token of nobody's by whoever may press it: nothing changes."""

from collections.abc import Callable

import pytest
from addresses import Town, build, of_page, pages
from flask import Flask
from visiting import Visitor

from vrm.kernel.db import Store
from vrm.models import Base
from vrm.web.access import FOR_WHOM, Who
from vrm.web.security import csrf

pytestmark = pytest.mark.slow

# What whoever calls has a secret for, and no session: mail programs (RFC 8058) and hubs.
_WITHOUT = {"answer.unsubscribe", "hubs.told"}
# What is in the address of a page for whoever holds its secret, by its blueprint.
_SECRETS = {"door": "sign-in", "answer": "answer", "blogs": "entry", "channels": "channel"}
_FORGED = "IjEi.ZZ.ZZ"
# Counted or noted by whoever only looks.
_NOTED = {"tallies", "browser_sessions", "audits", "leads", "events"}


def test_without_a_token_nothing_is_pressed(
    app: Flask, visitor: Callable[[], Visitor], town: Town, store: Store
) -> None:
    people = [visitor(), *(visitor().sign_in(getattr(town.world, name)) for name in ("ana", "ben", "olu"))]
    before = _counted(store)
    tried = 0
    for rule, method, for_whom in pages(app):
        if method != "POST" or rule.endpoint in _WITHOUT:
            continue
        secret = town.world.links.get(_SECRETS.get(rule.endpoint.partition(".")[0], ""), "x")
        names = dict.fromkeys(rule.arguments, secret) if for_whom is Who.LINK else of_page(town, rule)
        path = build(app, rule, names)
        for person in people:
            for headers, token in (
                ({"Sec-Fetch-Site": "same-origin"}, ""),
                ({"Origin": "https://evil.example"}, _FORGED),
            ):
                data = {"why": "x", "to": "yes", "email": "x@example.org", "csrf_token": token}
                answer = person.client.post(path, data=data, headers=headers)
                assert answer.status_code in (400, 401, 403, 404, 413), (path, answer.status_code)
                tried += 1
    assert tried > 500
    assert _counted(store) == before


def test_what_is_exempt_is_the_api_and_two_addresses_that_are_secrets() -> None:
    exempt = {name.rpartition("vrm.web.")[2] for name in csrf._exempt_views}
    assert exempt == _WITHOUT
    assert set(FOR_WHOM) >= _WITHOUT


def _counted(store: Store) -> dict[str, int]:
    with store.read() as session:
        return {
            table.name: session.connection().exec_driver_sql(f'SELECT count(*) FROM "{table.name}"').scalar_one()
            for table in Base.metadata.sorted_tables
            if table.name not in _NOTED
        }
