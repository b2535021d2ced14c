"""Every page × every kind of person, with objects of others in the address: it answers as the table of access.py says.

The pages are walked from the app's routes, so that a new one fails here until it is said whose object it is tried with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from flask import Flask
from rooms import person
from visiting import Visitor
from werkzeug.test import TestResponse
from world import World

from vendors import team
from vendors.models import Role
from vrm.kernel.db import Store
from vrm.web import access
from vrm.web.access import FOR_WHOM, Who

SECRETS = ("Yaris, small", "ana@example.org", "Leeds Toyota", "sales@")


def objects(world: World) -> dict[str, dict[str, object]]:
    """For each private route with an object in it, the object of somebody else."""
    want, vendor = {"code": world.want.code}, {"slug": world.vendor.slug}
    talk = {"code": world.want.code, "slug": world.vendor.slug}
    template: dict[str, object] = {"slug": world.vendor.slug, "template_id": world.template.id}
    claim = {"code": world.sighting_code, "blog": world.blog.code}
    blog, lead = {"code": world.blog.code}, {"code": f"{world.want.code}-{world.vendor.code}"}
    channel = {"slug": world.vendor.slug, "code": world.mail.code}
    subscription = {"slug": world.vendor.slug, "code": world.subscription_code}
    member = {"slug": world.vendor.slug, "account_id": world.ben.id}
    return {
        **dict.fromkeys(
            [
                "me.edit",
                "me.amend",
                "me.open_it",
                "me.pause",
                "me.resume",
                "me.withdraw",
                "me.done",
                "board.show",
                "board.why",
                "board.live",
            ],
            want,
        ),
        **dict.fromkeys(
            [
                "board.thread",
                "board.say",
                "board.reveal",
                "board.turn_down",
                "board.block",
                "board.shortlist",
                "board.choose_it",
                "board.judge",
            ],
            talk,
        ),
        **dict.fromkeys(
            ["blogs.blog", "blogs.verify", "blogs.choices", "blogs.read", "blogs.remove"],
            blog,
        ),
        **dict.fromkeys(["listening.heard", "listening.watch"], vendor),
        "listening.end": {**vendor, "code": world.watch_code},
        "listening.dismiss": {**vendor, "code": world.sighting_code},
        **dict.fromkeys(["listening.claiming", "listening.claim"], claim),
        "blogs.decide": {"entry_id": world.entry.id, "decision": "confirm"},
        "account.revoke_token": {"token_id": world.token.id},
        "signing_in.end_session": {"code": world.browser.code},
        "signing_in.remove_passkey": {"passkey_id": world.passkey.id},
        **dict.fromkeys(
            [
                "vendor.inbox",
                "vendor.several",
                "templates.all_of_them",
                "templates.make",
                "vendor.settings",
                "vendor.describe",
                "vendor.prove",
                "vendor.why",
                "subscriptions.preview",
                "importing.form",
                "importing.example",
                "importing.take",
                "vendor.pause",
                "vendor.resume",
                "subscriptions.subscriptions",
                "subscriptions.new",
                "subscriptions.add",
                "channels.channels",
                "timing.hours",
                "timing.set_hours",
                "lost.lost",
                "lost.range_again",
                "answering_times.answers",
                "colleagues.colleagues",
                "colleagues.add",
            ],
            vendor,
        ),
        **dict.fromkeys(["vendor.lead", "vendor.answer", "vendor.agree"], lead),
        **dict.fromkeys(
            [
                "subscriptions.subscription",
                "subscriptions.edit",
                "subscriptions.pause",
                "subscriptions.resume",
                "subscriptions.end",
                "subscriptions.narrow",
                "subscriptions.loosen",
            ],
            subscription,
        ),
        **dict.fromkeys(["templates.one", "templates.change", "templates.remove"], template),
        "channels.new": {**vendor, "kind": "email"},
        "channels.add": {**vendor, "kind": "email"},
        **dict.fromkeys(
            ["channels.channel", "channels.edit", "channels.verify", "channels.again", "channels.test"], channel
        ),
        **dict.fromkeys(["channels.rotate", "timing.form", "timing.change"], channel),
        "lost.one_again": {**vendor, "id_": 1},
        "channels.change": {**channel, "what": "end"},
        **dict.fromkeys(["colleagues.change_role", "colleagues.leave"], member),
        "research.reply": vendor,
        "listening.say_mine": {"code": world.sighting_code},
        "research.decide": {"access_id": 1, "what": "approve"},
        "admin.mail": {"name": "20261121T115900-msg_1.eml"},
        "admin.remove": want,
        "keeping.take": {"name": "vrm-20261121T115900.db"},
        "people.set_role": {"account_id": world.ben.id, "role": "operator"},
        "people.sign_out": {"account_id": world.ben.id},
        "people.stand": {"account_id": world.ben.id, "what": "suspend"},
        "board.answer_hold": want,
        **dict.fromkeys(["reporting.conversation_form", "reporting.conversation"], lead),
        "moderation.one": {"report_id": world.report.id},
        "moderation.rule": {"report_id": world.report.id, "what": "dismiss"},
        "moderation.want": {**want, "what": "hold"},
        "moderation.vendor": {**vendor, "what": "suspend"},
        "audits.file": {"kind": "csv"},
        "lost.again_for": {"id_": 1},
        "listening.end_for_operators": {"code": world.watch_code},
        "listening.dismiss_for_operators": {"code": world.sighting_code},
        "trees.node": {"name": "categories", "slug": "vehicles"},
        "trees.edit": {"name": "categories", "slug": "vehicles", "what": "rename"},
    }


# Pages about one object, or only for operators: what a stranger sends there is answered by "there is no such".
PRIVATE = {Who.CUSTOMER, Who.SIDE, Who.MEMBER, Who.ADMIN, Who.OWNER, Who.OPERATOR}
# Who may come in where; Ben owns the shop whose objects are asked for, Ana the want.
MAY: dict[Who, set[str]] = {
    Who.ACCOUNT: {"ana", "ben", "carol", "member", "admin", "researcher", "operator"},
    Who.CUSTOMER: {"ana"},
    Who.SIDE: {"ana", "member", "admin", "ben"},
    Who.MEMBER: {"member", "admin", "ben"},
    Who.ADMIN: {"admin", "ben"},
    Who.OWNER: {"ben"},
    Who.OPERATOR: {"operator"},
}
LOWER = {Who.ADMIN: {"member"}, Who.OWNER: {"member", "admin"}}


@dataclass(frozen=True)
class Door:
    """One method of one page, with the object of somebody else in its address."""

    endpoint: str
    who: Who
    method: str
    path: str


@pytest.fixture
def doors(app: Flask, world: World) -> list[Door]:
    return list(_doors(app, objects(world)))


def _doors(app: Flask, facts: dict[str, dict[str, object]]) -> Iterator[Door]:
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            who = FOR_WHOM.get(rule.endpoint)  # The API has a walk of its own.
            if who in PRIVATE or who is Who.ACCOUNT:
                with_these = facts.get(rule.endpoint, {})
                assert rule.arguments <= with_these.keys(), f"{rule.endpoint}: say in objects() what it is tried with."
                built = rule.build(with_these) or ("", "")
                for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                    yield Door(rule.endpoint, who, method, built[1])


@pytest.fixture
def people(store: Store, world: World, now: datetime, visitor: Callable[[], Visitor]) -> dict[str, Visitor]:
    """A browser for each; nobody's is not signed in."""
    accounts = {"ana": world.ana, "ben": world.ben, "carol": world.carol}
    for name in ("member", "admin", "researcher", "operator"):
        accounts[name] = person(store, f"{name}@example.com", operator=name == "operator")
    with store.write() as session:
        vendor = team.by_slug(session, world.vendor.slug)
        team.add(session, vendor, session.merge(accounts["member"], load=False), Role.MEMBER, now)
        team.add(session, vendor, session.merge(accounts["admin"], load=False), Role.ADMIN, now)
        session.merge(accounts["researcher"], load=False).is_researcher = True
    return {"nobody": visitor()} | {name: visitor().sign_in(account) for name, account in accounts.items()}


def _knock(visitor: Visitor, door: Door) -> TestResponse:
    return visitor.client.get(door.path) if door.method == "GET" else visitor.send(door.path)


@pytest.mark.slow
def test_each_page_is_there_for_whom_the_table_says(people: dict[str, Visitor], doors: list[Door]) -> None:
    assert len(doors) > 120
    wrong = [
        f"{name} at {door}: {answer.status_code}"
        for name, visitor in people.items()
        for door in doors
        # Where it may, a POST would change what the next page is asked for; the flows have tests of their own.
        if door.method == "GET" or name not in MAY[door.who]
        for answer in [_knock(visitor, door)]
        if not _as_it_should(name, door, answer)
    ]
    assert not wrong, "\n".join(wrong)


def _as_it_should(name: str, door: Door, answer: TestResponse) -> bool:
    if name in MAY[door.who]:
        return answer.status_code < 400
    if name == "nobody":
        return answer.status_code == 401 or (answer.status_code == 303 and "/sign-in" in answer.location)
    if name in LOWER.get(door.who, ()):
        return answer.status_code == 403
    told = any(secret in answer.text.replace(door.path, "") for secret in SECRETS)
    return answer.status_code == 404 and not told


def test_objects_of_others_are_not_there_below_ones_own_vendor(
    people: dict[str, Visitor], app: Flask, world: World
) -> None:
    mixed = {
        endpoint: {**facts, "slug": world.carols.slug}
        for endpoint, facts in objects(world).items()
        if facts.get("slug") == world.vendor.slug and len(facts) > 1 and "kind" not in facts
    }
    tried = [door for door in _doors(app, objects(world) | mixed) if door.endpoint in mixed]
    assert len(tried) > 20
    for door in tried:
        answer = _knock(people["carol"], door)
        assert answer.status_code == 404, (door, answer.status_code)


def test_a_page_that_nobody_decided_about_stops_the_start(app: Flask) -> None:
    other = Flask("other")
    other.add_url_rule("/secret", "secret", lambda: "")
    with pytest.raises(ValueError, match="It lacks: secret"):
        access.install(other)


def test_a_member_below_the_rank_is_told_so(visitor: Callable[[], Visitor], world: World) -> None:
    olu = visitor().sign_in(world.olu)
    slug = world.vendor.slug
    olu.get(f"/vendor/{slug}")
    olu.get(f"/vendor/{slug}/team")
    olu.get(f"/vendor/{slug}/channels", 403)
    olu.refused(f"/vendor/{slug}/team", 403, email="x@example.org", role="owner")
    olu.refused(f"/vendor/{slug}/subscriptions/new", 403)


def test_a_public_want_says_nothing_of_the_person(visitor: Callable[[], Visitor], world: World) -> None:
    carol = visitor().sign_in(world.carol)
    page = carol.get(f"/intents/{world.want.code}")
    assert "small and reliable" in page
    for secret in ("Ana", "example.org", "496 0000", "Leeds Toyota"):
        assert secret not in page
    carol.get(f"/intents/{world.draft.code}", 404)
    visitor().get(f"/intents/{world.draft.code}", 404)


def test_a_vendor_sees_contact_details_only_after_the_reveal(visitor: Callable[[], Visitor], world: World) -> None:
    ben, ana = visitor().sign_in(world.ben), visitor().sign_in(world.ana)
    lead = f"/vendor/leads/{world.want.code}-{world.vendor.code}"
    link = f"/r/{world.links['answer']}"
    for page in (ben.get(lead), visitor().get(link)):
        assert "ana@example.org" not in page
        assert "Castro" not in page
    thread = f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}"
    ana.refused(f"{thread}/reveal", 409)  # The terms come first.
    ben.press(f"{lead}/agree")
    ana.press(f"{thread}/reveal")
    assert "ana@example.org" in ben.get(lead)
    assert "ana@example.org" in visitor().get(link)


def test_a_forged_link_leads_nowhere(visitor: Callable[[], Visitor], world: World) -> None:
    nobody = visitor()
    for kind, path in (("answer", "/r/"), ("entry", "/entries/"), ("channel", "/channels/verify/")):
        good = world.links[kind]
        nobody.get(path + good)
        # Not the last letter: some of its bits mean nothing.
        nobody.get(path + good[:-5] + ("x" if good[-5] != "x" else "y") + good[-4:], 410)
        nobody.get(path + world.links["answer" if kind != "answer" else "entry"], 410)
    nobody.get("/sign-in/nonsense", 410)
    nobody.get(f"/proof/{world.blog.proof_token}")
    nobody.get("/proof/vrm-nonsense", 404)
