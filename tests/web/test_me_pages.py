"""A customer's blogs and account."""

import re
from collections.abc import Callable

from sqlalchemy import select
from visiting import Visitor
from world import World

from intents.models import Blog, Decision, Entry, Intent
from vrm.kernel import accounts
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store


def test_a_blog_is_registered_and_says_how_to_prove_it(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana = visitor().sign_in(world.ana)
    page = ana.get(ana.press("/me/blogs", url="ana.example.org/other"))
    with store.read() as session:
        blog = session.scalars(select(Blog).order_by(Blog.id.desc())).first()
    assert blog is not None
    assert blog.url == "https://ana.example.org/other"
    assert blog.proof_token in page
    assert f"/proof/{blog.proof_token}" in page
    for ours in ("http://127.0.0.1/feed", "http://169.254.169.254/", "file:///etc/passwd", "", "http://localhost:8000"):
        ana.refused("/me/blogs", 422, url=ours)
    assert "registered this blog already" in ana.refused("/me/blogs", 422, url="https://ana.example.org/other")


def test_a_blog_that_cannot_be_read_says_so(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    # The host does not exist: social.example is reserved (RFC 2606).
    page = ana.refused(f"/me/blogs/{world.unproven.code}/verify", 422)
    assert "could not reach" in page
    assert world.unproven.proof_token in page


def test_choices_of_a_blog(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ana = visitor().sign_in(world.ana)
    here = f"/me/blogs/{world.blog.code}"
    assert "no region called" in ana.refused(f"{here}/choices", 422, home_region="Blorgland")
    ana.press(f"{here}/choices", home_region="Leeds", home_category="", publish_tagged="on")
    with store.read() as session:
        assert session.get_one(Blog, world.blog.id).publish_tagged
    assert 'value="Leeds"' in ana.get(here)
    ana.press(f"{here}/read")
    ana.press(f"{here}/remove")
    ana.get(here, 404)


def entry_of(store: Store, world: World) -> tuple[Entry, Intent]:
    with store.read() as session:
        entry = session.get_one(Entry, world.entry.id)
        assert entry.intent is not None
        return entry, entry.intent


def test_an_entry_is_confirmed_on_the_page(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ana = visitor().sign_in(world.ana)
    ana.refused(f"/me/entries/{world.entry.id}/burn", 404)
    ana.press(f"/me/entries/{world.entry.id}/confirm")
    entry, intent = entry_of(store, world)
    assert (entry.decision, intent.state) == (Decision.PUBLISHED, "open")


def test_an_entry_is_answered_from_a_mail_by_a_button(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    somebody, link = visitor(), f"/entries/{world.links['entry']}"
    for _ in range(2):
        assert "Shall we publish it?" in somebody.get(link)
    assert entry_of(store, world)[1].state == "draft"
    assert "Thank you." in somebody.send(link, decision="dismiss").text
    entry, intent = entry_of(store, world)
    assert (entry.decision, intent.state) == (Decision.SKIPPED, "closed")
    assert "nothing more is to be done" in somebody.get(link)


def test_that_nobody_was_told_goes_as_soon_as_somebody_is(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    assert "No vendor was told yet" in ana.get(f"/me/intents/{world.lonely.code}/live")
    assert "No vendor was told" not in ana.get(f"/me/intents/{world.want.code}/live")


def test_name_telephone_and_zone_are_kept(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ana = visitor().sign_in(world.ana)
    page = ana.refused("/me/account", 422, name="x" * 65, phone="1" * 41, zone="Mars/North")
    assert page.count('class="problem"') == 3
    ana.press("/me/account", name="Ana C.", phone="", zone="America/New_York")
    with store.read() as session:
        assert session.get_one(Account, world.ana.id).zone == "America/New_York"
    assert re.search(r'title="[^"]+ E[SD]T"', ana.get(f"/me/intents/{world.want.code}"))


def test_a_token_is_shown_once_and_can_be_revoked(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ana = visitor().sign_in(world.ana)
    answer = ana.send("/me/account/tokens", token_name="Reader", scopes="intents:read", lasts="30")
    secret = re.search(r"vrm_[\w-]{40,}", answer.text)
    assert secret
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret[0] not in ana.get("/me/account")
    with store.read() as session:
        token = accounts.bearer(session, secret[0], world.ana.created_at)
    assert token is not None
    assert token.scopes == ["intents:read"]
    ana.press(f"/me/account/tokens/{token.id}/revoke")
    ana.refused("/me/account/tokens", 422, token_name="", scopes="intents:read")
    ana.refused("/me/account/tokens", 422, token_name="None")
    ana.refused("/me/account/tokens", 422, token_name="Evil", scopes="everything")
