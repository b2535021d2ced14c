"""Who may do what, for every route there is: the list is made from the routes, so a new one without a line fails."""

from datetime import timedelta

import pytest
from flask import Flask
from programs import Program, Scene
from rooms import start_vendor
from werkzeug.test import TestResponse

from vendors import team
from vendors.models import Role
from vrm.kernel import accounts
from vrm.kernel.accounts import OF_EVERYBODY, Scope
from vrm.web.api import OPERATIONS

WANT = {"title": "A boat", "category": "cars-trucks-vans", "region": "gb-lds"}
ORDER = {"category": "cars-trucks-vans", "region": "gb-lds"}
EMAIL = {"kind": "email", "address": "sales@leeds-toyota.example"}
ANSWER = {"kind": "question", "body": "Which colour?"}

# name → (whose it is, a body, the status for its owner). Lists and what makes something new belong to everybody.
ROUTES = {
    "list_intents": ("anybody", None, 200),
    "create_intent": ("anybody", WANT, 201),
    "read_intent": ("customer", None, 200),
    "change_intent": ("customer", {"title": "A van"}, 200),
    "publish_intent": ("customer", None, 200),
    "withdraw_intent": ("customer", None, 200),
    "pause_intent": ("customer", None, 200),
    "resume_intent": ("customer", None, 200),
    "close_intent": ("customer", {}, 200),
    "read_hold": ("customer", None, 404),  # It is not held.
    "answer_hold": ("customer", {"answer": "It is one of a kind."}, 409),
    "report_want": ("public", {"reason": "spam"}, 204),
    "report_vendor": ("public", {"reason": "spam"}, 204),
    "report_conversation": ("both", {"reason": "spam"}, 204),
    "list_board": ("customer", None, 200),
    "read_reach": ("customer", None, 200),
    "list_offers": ("customer", None, 200),
    "create_message": ("customer", {"body": "Does it have winter tyres?"}, 201),
    "reveal_contact": ("customer", None, 200),
    "turn_down": ("customer", None, 200),
    "block_vendor": ("customer", None, 204),
    "shortlist": ("customer", {"keep": True}, 200),
    "choose_vendor": ("customer", None, 409),  # It has not answered.
    "judge": ("customer", {"glad": True}, 409),
    "list_entries": ("customer", None, 200),
    "decide_entry": ("customer", {"say": "keep"}, 404),  # Nothing was read yet.
    "change_blog": ("customer", {"publish_tagged": True}, 200),
    "read_blog_soon": ("customer", None, 409),  # It is not proven.
    "list_wants": ("public", None, 200),
    "read_want": ("public", None, 200),
    "read_profile": ("public", None, 200),
    "follow_wants": ("public", None, 200),
    "follow_leads": ("vendor", None, 200),
    "read_account": ("anybody", None, 200),
    "change_account": ("anybody", {"name": "Ana"}, 200),
    "export_data": ("anybody", None, 200),
    "forget_sentences": ("anybody", None, 204),
    "list_tokens": ("anybody", None, 200),
    "revoke_token": ("anybody", None, 404),
    "pause_vendor": ("admin", None, 200),
    "resume_vendor": ("admin", None, 200),
    "list_members": ("vendor", None, 200),
    "add_member": ("owner", {"email": "new@example.org"}, 201),
    "change_member": ("owner", {"role": "admin"}, 404),  # There is no such member.
    "remove_member": ("owner", None, 404),
    "read_member": ("vendor", None, 404),
    "read_template": ("vendor", None, 404),
    "list_templates": ("vendor", None, 200),
    "create_template": ("vendor", {"name": "Hours", "body": "Open until six."}, 201),
    "change_template": ("vendor", {"body": "Open until seven."}, 404),
    "delete_template": ("vendor", None, 404),
    "accept_terms": ("vendor", None, 409),  # There are none.
    "decline_several": ("vendor", {"leads": ["{lead}"], "reason": "stock"}, 200),
    "see_several": ("vendor", {"leads": ["{lead}"]}, 200),
    "dismiss_sighting": ("vendor", None, 404),
    "understand_text": ("anybody", {"text": "want a Toyota Yaris near Leeds"}, 200),
    "find_categories": ("anybody", None, 200),
    "find_regions": ("anybody", None, 200),
    "list_blogs": ("anybody", None, 200),
    "create_blog": ("anybody", {"url": "https://blog.example.org/"}, 201),
    "read_blog": ("customer", None, 200),
    "delete_blog": ("customer", None, 204),
    "verify_blog": ("customer", None, 502),
    "list_vendors": ("anybody", None, 200),
    "create_vendor": ("anybody", {"name": "Another shop"}, 201),
    "read_vendor": ("vendor", None, 200),
    "change_vendor": ("admin", {"about": "Cars."}, 200),
    "verify_vendor": ("admin", None, 409),
    "list_subscriptions": ("vendor", None, 200),
    "create_subscription": ("admin", ORDER, 201),
    "import_subscriptions": ("admin", {"csv": "category,region\nBicycles,Leeds\n"}, 200),
    "read_subscription": ("vendor", None, 200),
    "change_subscription": ("admin", {"name": "Cars"}, 200),
    "delete_subscription": ("admin", None, 204),
    "explain_intent": ("customer", None, 200),
    "explain_to_vendor": ("vendor", None, 200),
    "preview_subscription": ("admin", ORDER, 200),
    "read_fit": ("vendor", None, 200),
    "tighten_subscription": ("admin", {"what": "region", "to": "gb"}, 409),
    "loosen_subscription": ("admin", None, 409),
    "list_watches": ("vendor", None, 200),
    "create_watch": ("admin", {"url": "https://social.example.org/tags/wanttobuy.rss"}, 201),
    "delete_watch": ("admin", None, 404),  # There is none.
    "list_sightings": ("vendor", None, 200),
    "list_channels": ("vendor", None, 200),
    "create_channel": ("admin", EMAIL, 201),
    "read_channel": ("vendor", None, 200),
    "change_channel": ("admin", {"label": "Sales"}, 200),
    "rotate_secret": ("admin", None, 409),  # A mailbox has none.
    "send_again": ("admin", None, 404),  # No message was ever sent there.
    "send_range_again": (
        "admin",
        {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z"},
        200,
    ),
    "list_lost": ("vendor", None, 200),
    "read_hours": ("vendor", None, 200),
    "change_hours": ("admin", {"saturday": "10:00-14:00"}, 200),
    "delete_channel": ("admin", None, 204),
    "list_messages": ("vendor", None, 200),
    "send_test": ("admin", None, 200),
    "verify_channel": ("admin", {"code": "123456"}, 200),
    "list_leads": ("vendor", None, 200),
    "read_lead": ("both", None, 200),
    "create_response": ("vendor", ANSWER, 201),
    "read_responsiveness": ("anybody", None, 200),
    "list_snapshots": ("anybody", None, 200),
    "list_holds": ("operator", None, 200),
    "hold_want": ("operator", {"why": "It reads like an advertisement."}, 204),
    "release_want": ("operator", None, 409),  # It is not held.
    "remove_want": ("operator", None, 204),
    "list_reports": ("operator", None, 200),
    "dismiss_report": ("operator", None, 404),  # There is none.
    "blank_conversation": ("operator", None, 404),
    "suspend_vendor": ("operator", {"why": "It sends the same to everybody."}, 204),
    "restore_vendor": ("operator", None, 409),
    "suspend_account": ("operator", {"why": "It sells what nobody may."}, 404),
    "restore_account": ("operator", None, 404),
    "list_lost_everywhere": ("operator", None, 200),
    "send_lost_again": ("operator", None, 404),
    "send_all_lost_again": ("operator", {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z"}, 200),
}
# Any live token may look these up.
FOR_ANY_TOKEN = {
    "understand_text",
    "find_categories",
    "find_regions",
    "read_responsiveness",
    "list_snapshots",
    "list_wants",
    "follow_wants",
    "read_want",
    "read_profile",
}
NOWHERE = Scene("zzzzzzzzzzzz", "nobody", "zzzzzzzzzzzz", "zzzzzzzzzzzz", "zzzzzzzzzzzz-zzzzzzzzzzzz", "zzzzzzzzzzzz")
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def test_every_route_has_a_line_here(app: Flask) -> None:
    there = {
        rule.endpoint.removeprefix("api.") for rule in app.url_map.iter_rules() if rule.rule.startswith("/api")
    } - {"describe", "nothing_here"}
    assert there == set(ROUTES) == set(BY_NAME)


def path_of(name, scene) -> str:
    operation = BY_NAME[name]
    code = scene.lead if operation.path.startswith("/leads") else scene.intent
    return operation.path.format(
        code=code,
        slug=scene.slug,
        subscription=scene.subscription,
        channel=scene.channel,
        blog=scene.blog,
        message="msg_1_a",
        **dict.fromkeys(
            ("watch", "entry", "member", "template", "token", "sighting", "report", "account"), "zzzzzzzzzzzz"
        ),
    )


def ask(who, name, scene) -> TestResponse:
    return who.ask(BY_NAME[name].method, path_of(name, scene), body_of(name, scene))


def body_of(name, scene) -> dict | None:
    body = ROUTES[name][1]
    return body | {"leads": [scene.lead]} if body and "leads" in body else body


def owners(name, ana, ben, olu) -> list:
    theirs = {"vendor": [ben], "admin": [ben], "owner": [ben], "both": [ana, ben], "operator": [olu]}
    return theirs.get(ROUTES[name][0], [ana])


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_its_owner_may(name, scene, program, ana, ben, olu) -> None:
    for owner in owners(name, ana, ben, olu):
        answer = ask(program(owner), name, scene)
        assert answer.status_code == ROUTES[name][2], answer.get_data(as_text=True)


def test_carol_learns_nothing(scene, program, store, ana, carol, now) -> None:
    with store.write() as session:
        start_vendor(session, carol, now, name="Carol's cars", wish=("cars-trucks-vans", "gb"))
    her = program(carol)
    for name, (whose, _, status) in ROUTES.items():
        answer = ask(her, name, scene)
        body = body_of(name, scene)
        if whose == "public":
            assert answer.status_code == status, name
            assert ana.email not in answer.get_data(as_text=True), name
        elif whose == "anybody":
            assert answer.status_code == status, name
            assert scene.intent not in answer.get_data(as_text=True), name
            assert scene.slug not in answer.get_data(as_text=True), name
        elif whose == "operator":
            assert answer.status_code == 403, name  # Her token cannot have that scope: she learns of no thing.
        else:
            assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), name
            # The same words as for what is not there at all.
            absent = her.ask(BY_NAME[name].method, path_of(name, NOWHERE), body)
            assert answer.get_json() == absent.get_json(), name


def test_nobody_without_a_token_may(scene, program) -> None:
    for name in ROUTES:
        answer = ask(program(None), name, scene)
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), name
        assert answer.headers["WWW-Authenticate"] == "Bearer", name


def test_a_token_of_another_scope_may_not(scene, program, ana, ben, olu) -> None:
    for name in set(ROUTES) - FOR_ANY_TOKEN:
        for owner in owners(name, ana, ben, olu):
            others = set(Scope if owner is olu else OF_EVERYBODY) - set(BY_NAME[name].scopes)
            answer = ask(program(owner, others), name, scene)
            assert answer.status_code == 403, name
            assert "insufficient_scope" in answer.headers["WWW-Authenticate"], name


def test_a_lead_is_read_with_the_scope_of_the_side_that_reads(scene, program, ana, ben) -> None:
    assert program(ana, [Scope.VENDORS_READ]).get(f"/leads/{scene.lead}").status_code == 403
    assert program(ben, [Scope.INTENTS_READ]).get(f"/leads/{scene.lead}").status_code == 403


def test_a_revoked_or_expired_token_is_no_token(scene, app, store, ana, now, clock) -> None:
    with store.write() as session:
        account = session.merge(ana, load=False)
        revoked = accounts.make_token(session, account, now, name="old")
        accounts.revoke_token(session, account, revoked.token.id, now)
        expired = accounts.make_token(session, account, now, name="x", lasts=timedelta(hours=1))
    clock.moment = now + timedelta(hours=1)
    for name in ROUTES:
        for secret in (revoked.secret, expired.secret, "vrm_nonsense", "ü"):
            answer = ask(Program(app, secret), name, scene)
            assert answer.status_code == 401, name
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"], name


def test_a_plain_member_may_read_and_answer_only(scene, program, store, carol, now) -> None:
    with store.write() as session:
        team.add(session, team.by_slug(session, scene.slug), carol, Role.MEMBER, now)
    for name, (whose, _, status) in ROUTES.items():
        if whose in ("vendor", "admin", "owner", "both"):
            answer = ask(program(carol), name, scene)
            low = whose in ("admin", "owner")
            assert answer.status_code == (403 if low else status), name
