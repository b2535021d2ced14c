"""Carol, another customer with another shop, and somebody who is not signed in, learn nothing: every route is walked.

A new route fails here until it is entered: either with the object that must not be found, or as open to everybody.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from visiting import Visitor
from werkzeug.routing import Rule
from world import World

# Routes that show nobody's secret: everybody may open them, or sees only what is their own there.
OPEN = {
    "static",
    "bootstrap.static",
    "home.home",
    "home.categories",
    "home.regions",
    "home.research",
    "home.docs",
    "home.responsiveness",
    "health.alive",
    "health.ready",
    "health.metrics",  # From a machine of one's own network only.
    "door.sign_in",
    "door.send_link",
    "door.with_password",
    "door.sign_out",
    "door.second",
    "door.passkey_options",
    "door.with_passkey",
    "want.form",
    "want.understood",
    "want.said",
    "want.author",
    "vendor.home",
    "admin.first_run",
    "admin.become_owner",
}
# Pages about whoever is signed in: a stranger is asked to sign in, Carol sees her own.
OWN = {
    "me.boards",
    "want.forget",
    "blogs.blogs",
    "blogs.register",
    "account.form",
    "account.save",
    "account.make_token",
    "signing_in.form",
    "signing_in.password",
    "signing_in.end_others",
    "signing_in.propose_app",
    "signing_in.confirm_app",
    "signing_in.remove_app",
    "signing_in.recovery_codes",
    "signing_in.passkey_options",
    "signing_in.add_passkey",
    "signing_in.again",
    "signing_in.again_by_mail",
    "vendor.found",
    "vendor.to_channels",
    "door.send_proof",
}
# Operators only; Carol is told that there is nothing.
RUNNING = {
    "admin.overview",
    "admin.outbox",
    "admin.queue",
    "admin.mail",
    "admin.remove",
    "lost.all_lost",
    "lost.again_for",
    "trees.trees",
    "trees.node",
    "trees.edit",
}


def objects(world: World) -> dict[str, dict[str, object]]:
    """For each private route with an object in it, the object of somebody else."""
    want, vendor = {"code": world.want.code}, {"slug": world.vendor.slug}
    talk = {"code": world.want.code, "slug": world.vendor.slug}
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
        "blogs.decide": {"entry_id": world.entry.id, "decision": "confirm"},
        "account.revoke_token": {"token_id": world.token.id},
        "signing_in.end_session": {"code": world.browser.code},
        "signing_in.remove_passkey": {"passkey_id": world.passkey.id},
        **dict.fromkeys(
            [
                "vendor.inbox",
                "vendor.settings",
                "vendor.describe",
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
            ],
            subscription,
        ),
        "channels.new": {**vendor, "kind": "email"},
        "channels.add": {**vendor, "kind": "email"},
        **dict.fromkeys(
            ["channels.channel", "channels.edit", "channels.verify", "channels.again", "channels.test"], channel
        ),
        **dict.fromkeys(["channels.rotate", "timing.form", "timing.change"], channel),
        "lost.one_again": {**vendor, "id_": 1},
        **dict.fromkeys(
            [],
            channel,
        ),
        "channels.change": {**channel, "what": "end"},
        **dict.fromkeys(["colleagues.change_role", "colleagues.leave"], member),
    }


# Routes whose address is itself the key, and public pages: held by tests of their own below.
KEYED = {
    "answer.look",
    "answer.answer",
    "answer.agree",
    "answer.stop",
    "answer.join",
    "answer.ask_to_stop",
    "answer.unsubscribe",
    "blogs.asked",
    "blogs.answered",
    "blogs.proof",
    "channels.look",
    "channels.prove",
    "feeds.fetch",
    "door.look_at_link",
    "door.spend_link",
    "want.show",
    "home.vendor",
}


def rules(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("api."):  # The API has a walk of its own.
            yield rule


def test_every_route_is_entered_here(app: Flask, world: World) -> None:
    entered = OPEN | OWN | RUNNING | KEYED | set(objects(world))
    assert {rule.endpoint for rule in rules(app)} == entered


def walk(app: Flask, world: World) -> Iterator[tuple[str, str, str]]:
    """(endpoint, method, path) of every private route."""
    private = objects(world)
    private |= {
        "admin.overview": {},
        "admin.outbox": {},
        "admin.mail": {"name": "20261121T115900-msg_1.eml"},
        "admin.remove": {"code": world.want.code},
        "lost.all_lost": {},
        "lost.again_for": {"id_": 1},
        "trees.trees": {},
        "trees.node": {"name": "categories", "slug": "vehicles"},
        "trees.edit": {"name": "categories", "slug": "vehicles", "what": "rename"},
    }
    with app.test_request_context():
        for rule in rules(app):
            if rule.endpoint in private:
                _domain, path = rule.build(private[rule.endpoint]) or ("", "")
                for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                    yield rule.endpoint, method, path


@pytest.fixture
def counted(app: Flask, world: World) -> list[tuple[str, str, str]]:
    paths = list(walk(app, world))
    assert len(paths) > 50
    return paths


def test_carol_finds_nothing_of_others(
    visitor: Callable[[], Visitor], world: World, counted: list[tuple[str, str, str]]
) -> None:
    carol = visitor().sign_in(world.carol)
    for endpoint, method, path in counted:
        answer = carol.client.get(path) if method == "GET" else carol.send(path)
        assert answer.status_code == 404, (endpoint, path, answer.status_code)
        for secret in ("Yaris, small", "ana@example.org", "Leeds Toyota", "sales@"):
            assert secret not in answer.text.replace(path, ""), endpoint


def test_nobody_is_asked_to_sign_in(
    visitor: Callable[[], Visitor], world: World, counted: list[tuple[str, str, str]]
) -> None:
    nobody = visitor()
    for endpoint, method, path in counted:
        if method == "GET":
            answer = nobody.client.get(path)
            assert (answer.status_code, "/sign-in" in answer.location) == (303, True), endpoint
        else:
            assert nobody.send(path).status_code == 401, endpoint


def test_own_pages_are_for_somebody(app: Flask, visitor: Callable[[], Visitor], world: World) -> None:
    nobody = visitor()
    for rule in rules(app):
        if rule.endpoint in OWN:
            answer = nobody.client.get(rule.rule) if "GET" in (rule.methods or ()) else nobody.send(rule.rule)
            assert answer.status_code in (303, 401), rule.endpoint


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
