"""What is another's: it reads like what is not there, and is not found under one's own name either.

Who may use which page is walked by test_third_person.py, which operation by api/test_api_who.py; this tries ids.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime

from addresses import Town, ask, build, of_operation, of_page, pages
from flask import Flask
from visiting import Visitor
from werkzeug.routing import Rule

from vrm.kernel import accounts
from vrm.kernel.db import Store
from vrm.web.access import Who
from vrm.web.api import OPERATIONS

PRIVATE = {Who.CUSTOMER, Who.MEMBER, Who.ADMIN, Who.OWNER}


def test_what_is_anothers_reads_like_what_is_not_there(app: Flask, visitor: Callable[[], Visitor], town: Town) -> None:
    carol = visitor().sign_in(town.world.carol)
    for rule, method, who in pages(app):
        if who in PRIVATE and rule.arguments:
            theirs = of_page(town, rule)
            said = []
            for names in (theirs, nowhere(rule, theirs)):
                path = build(app, rule, names)
                answer = ask(carol, method, path)
                said.append((answer.status_code, words(answer.text)))
            assert said[0] == said[1], (rule.endpoint, said)


def nowhere(rule: Rule, names: dict[str, object]) -> dict[str, object]:
    """The same address with names that nothing has."""
    code = "zzzzzzzzzzzz-zzzzzzzzzzzz" if "leads" in rule.rule else "zzzzzzzzzzzz"
    absent: dict[str, object] = {"code": code, "slug": "nobody"}
    if "blog" in names:  # The code beside it is an invitation's, which anybody may open.
        absent = {"blog": "zzzzzzzzzzzz"}
    return {name: absent.get(name, 987_654 if isinstance(value, int) else value) for name, value in names.items()}


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def test_what_is_anothers_is_not_found_within_ones_own(
    app: Flask, visitor: Callable[[], Visitor], town: Town, store: Store
) -> None:
    """Carol has a vendor too: under its name, nothing of Ben's can be reached."""
    carol = visitor().sign_in(town.world.carol)
    walked = set()
    for rule, method, who in pages(app):
        inner = rule.arguments - {"slug", "kind", "what"}
        if "slug" in rule.arguments and inner and who is not Who.OPERATOR:
            names = of_page(town, rule) | ({} if who is Who.CUSTOMER else {"slug": town.world.carols.slug})
            path = build(app, rule, names)
            answer = ask(carol, method, path)
            assert answer.status_code == 404, (rule.endpoint, answer.status_code)
            walked.add(rule.endpoint)
    assert len(walked) > 30
    ana = visitor().sign_in(town.world.ana)
    for rule, method, who in pages(app):  # Her own want, and a vendor that never heard of it.
        if who is Who.CUSTOMER and "slug" in rule.arguments:
            path = build(app, rule, {"code": town.world.want.code, "slug": town.world.carols.slug})
            answer = ask(ana, method, path)
            assert answer.status_code == 404, rule.endpoint


def call(app: Flask, method: str, path: str, token: str | None) -> tuple[int, object]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = app.test_client().open("/api/v1" + path, method=method, headers=headers)
    said = answer.get_json(silent=True)
    return answer.status_code, json.loads(json.dumps(said).replace(path, "")) if said else said


def test_an_operation_finds_nothing_of_bens_in_carols_vendor(
    app: Flask, store: Store, town: Town, now: datetime
) -> None:
    with store.write() as session:
        account = session.merge(town.world.carol, load=False)
        token = accounts.make_token(session, account, now, name="t").secret
    own = {"slug": town.world.carols.slug}
    walked = 0
    for operation in OPERATIONS:
        inner = set(operation.arguments) - {"slug"}
        if "slug" in operation.arguments and inner and operation.name != "explain_to_vendor" and not operation.body:
            path = operation.path.format_map({**of_operation(town, operation.path), **own})
            status, said = call(app, operation.method, path, token)
            assert status == 404, (operation.name, said)
            walked += 1
    assert walked > 12
