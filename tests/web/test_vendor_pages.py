"""A vendor's pages: begun in a minute, subscriptions, channels, the team, and answers with and without an account."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from visiting import Visitor
from world import World

from notifiers.models import Channel, Notification
from vendors.models import Lead, Membership, Response, Role, SeenBy, Subscription, Vendor
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

VENDOR = {"name": "Roundhay Motors", "category": "Cars, Trucks & Vans", "region": "Leeds", "email": "r@example.com"}


def channel_of(store: Store, vendor_name: str) -> Channel:
    with store.read() as session:
        return session.scalars(select(Channel).join(Vendor).where(Vendor.name == vendor_name)).one()


def test_a_vendor_begins_to_listen_in_one_step(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    carol = visitor().sign_in(world.carol)
    page = carol.press("/vendor", **VENDOR)
    channel = channel_of(store, "Roundhay Motors")
    assert page.endswith(channel.code)
    assert "That is not the code" in carol.refused(f"{page}/verify", 422, code="nope")
    carol.press(f"{page}/verify", code=str(channel.challenge))
    assert "Verified" in carol.get(page)
    carol.press(f"{page}/test", address=str(channel.target["address"]))
    carol.press(f"{page}/pause")
    carol.press(f"{page}/resume")
    carol.press(f"{page}/end")
    carol.get(page, 404)


def test_a_mailbox_that_was_proven_by_signing_in_needs_no_second_proof(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    with store.write() as session:
        session.get_one(Account, world.carol.id).verified_at = None
    carol = visitor().sign_in(world.carol)
    assert "/channels/" in carol.press("/vendor", **VENDOR | {"name": "Unproven", "email": "carol@example.net"})
    assert channel_of(store, "Unproven").verified_at is None
    with store.write() as session:
        session.get_one(Account, world.carol.id).verified_at = world.carol.created_at
    page = carol.press("/vendor", **VENDOR | {"email": "Carol@Example.net"})
    assert "New wants go to carol@example.net" in carol.get(page)
    channel = channel_of(store, "Roundhay Motors")
    assert channel.verified_at is not None
    with store.read() as session:
        assert not session.scalars(select(Notification).where(Notification.channel_id == channel.id)).all()
    assert channel_of(store, "Unproven").verified_at is None
    page = carol.press(f"{page}/channels/new/email", address="somebody@example.net")
    assert "To be verified" in carol.get(page)


def test_wrong_codes_are_counted_and_end(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    carol = visitor().sign_in(world.carol)
    page = carol.press("/vendor", **VENDOR)
    for _ in range(5):
        carol.refused(f"{page}/verify", 422, code="000000x")
    carol.refused(f"{page}/verify", 410, code=str(channel_of(store, "Roundhay Motors").challenge))
    carol.press(f"{page}/again")
    carol.press(f"{page}/verify", code=str(channel_of(store, "Roundhay Motors").challenge))


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "", "The name is missing"),
        ("category", "blorgs", "no category called"),
        ("region", "", "Please say where you sell"),
        ("email", "nobody", "mail address"),
        ("website", "not a site", "whole address"),
    ],
)
def test_a_vendor_is_begun_whole_or_not_at_all(
    visitor: Callable[[], Visitor], world: World, store: Store, field: str, typed: str, sentence: str
) -> None:
    page = visitor().sign_in(world.carol).refused("/vendor", 422, **{**VENDOR, field: typed})
    assert sentence in page
    with store.read() as session:
        assert session.scalar(select(Vendor).where(Vendor.name == "Roundhay Motors")) is None


def test_subscriptions_are_made_changed_paused_and_ended(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ben = visitor().sign_in(world.ben)
    here = f"/vendor/{world.vendor.slug}/subscriptions"
    ben.refused(f"{here}/new", 422, category="Bicycles", region="")
    ben.press(
        f"{here}/new", category="Bicycles", region="United Kingdom", min_budget="200", currency="GBP", name="Bikes"
    )
    with store.read() as session:
        made = session.scalars(select(Subscription).where(Subscription.name == "Bikes")).one()
    assert 'value="200"' in ben.get(f"{here}/{made.code}")
    ben.press(f"{here}/{made.code}", category="Bicycles", region="Leeds", name="Bikes in Leeds")
    ben.press(f"{here}/{made.code}/pause")
    assert "Paused" in ben.get(here)
    ben.press(f"{here}/{made.code}/resume")
    ben.press(f"{here}/{made.code}/end")
    ben.get(f"{here}/{made.code}", 404)


def test_a_subscription_with_words_and_a_circle_comes_back_as_it_was_typed(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ben = visitor().sign_in(world.ben)
    listen = f"/vendor/{world.vendor.slug}/subscriptions"
    order = {"category": "Cars, Trucks & Vans", "region": "Leeds", "reach_km": "50", "required": "Yaris\nfive doors",
             "excluded": "parts", "words_in": "en", "min_quantity": "2", "lead_days": "3"}  # fmt: skip
    for field, typed, sentence in (
        ("reach_km", "0", "Say 1 to 1,000 km"),
        ("reach_km", "far", "how many kilometres"),
        ("required", "!!!", "no letter or digit"),
        ("required", "\n".join(f"word {number}" for number in range(500)), "500 words"),
        ("region", "World", "no one middle"),
    ):
        refused = ben.refused(f"{listen}/new", 422, **(order | {field: typed}))
        assert sentence in refused
        assert "five doors" in refused or field == "required"
    ben.press(f"{listen}/new", **order)
    page = ben.get(listen)
    assert "50 km around" in page
    assert "says Yaris, five doors" in page
    with store.read() as session:
        made = session.scalars(select(Subscription).where(Subscription.reach_km == 50)).one()
    form = ben.get(f"{listen}/{made.code}")
    assert "five doors" in form
    assert 'value="50"' in form


def test_everything_everywhere_is_allowed_with_a_word_of_caution(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    listen = f"/vendor/{world.vendor.slug}/subscriptions"
    ben.press(f"{listen}/new", category="Anything", region="World", min_budget="500", currency="UAH")
    page = ben.get(listen)
    assert "every want that is published comes to you" in page
    assert "no exchange rate for UAH" in page


def test_looking_at_what_a_subscription_would_bring_keeps_nothing(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ben = visitor().sign_in(world.ben)
    here = f"/vendor/{world.vendor.slug}/subscriptions"
    with store.read() as session:
        before = session.scalar(select(func.count()).select_from(Subscription))
    page = ben.refused(
        f"{here}/new", 200, category="Anything", region="World", condition="any", currency="GBP", look="1"
    )
    assert "would have brought you" in page
    assert "A used Toyota Yaris" in page
    page = ben.refused(
        f"{here}/new", 200, category="Plumber", region="France", condition="any", currency="GBP", look="1"
    )
    assert "would have brought you 0 wants" in page
    assert 'value="Plumber"' in page
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == before


def test_the_inbox_filters_by_where_leads_stand(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    inbox = f"/vendor/{world.vendor.slug}"
    assert "Yaris" in ben.get(inbox)
    assert "Yaris" in ben.get(f"{inbox}?only=answered")
    assert "None like that" in ben.get(f"{inbox}?only=unseen")
    for nonsense in ("?only=withheld", "?only=x", "?before=x", "?before=99999999999999999999"):
        ben.get(inbox + nonsense)
    assert "Listen more widely" in visitor().sign_in(world.carol).get(f"/vendor/{world.carols.slug}")


def test_looking_at_a_lead_signed_in_is_evidence_and_opening_a_link_is_not(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    def lead() -> Lead:
        with store.read() as session:
            return session.get_one(Lead, (world.want.id, world.vendor.id))

    with store.write() as session:
        found = session.get_one(Lead, (world.want.id, world.vendor.id))
        found.seen_at = found.seen_by = None
    visitor().get(f"/r/{world.links['answer']}")
    visitor().get(f"/r/{world.links['answer']}?do=stop")
    visitor().client.head(f"/r/{world.links['answer']}")
    ben = visitor().sign_in(world.ben)
    ben.get(f"/vendor/{world.vendor.slug}")
    assert lead().seen_at is None
    visitor().sign_in(world.carol).get(f"/vendor/leads/{world.want.code}-{world.vendor.code}", 404)
    assert lead().seen_at is None
    ben.get(f"/vendor/leads/{world.want.code}-{world.vendor.code}")
    assert lead().seen_by is SeenBy.PAGE


def test_answers_by_link_need_no_account(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    link, nobody = f"/r/{world.links['answer']}", visitor()
    assert "We do not sell this" in nobody.get(f"{link}?do=decline")
    assert "name a price or describe" in nobody.refused(link, 422, kind="offer")
    assert "Please say why" in nobody.refused(link, 422, kind="decline")
    assert "choose what you want to say" in nobody.refused(link, 422)
    assert 'value="twelve"' in nobody.refused(link, 422, kind="offer", price="twelve", currency="GBP", body="x")
    nobody.press(link, kind="offer", price="10,900.50", currency="GBP", body="Our last one.", valid_until="2026-12-24")
    nobody.press(link, kind="question", body="Automatic?")
    nobody.press(f"{link}/agree")
    assert "Our last one." in nobody.get(link)
    with store.read() as session:
        newest = session.scalars(select(Response).order_by(Response.id.desc())).all()
        assert (newest[1].price, newest[1].via, newest[1].account_id) == (1_090_050, "link", None)


def test_a_closed_want_takes_no_answer(visitor: Callable[[], Visitor], world: World) -> None:
    visitor().sign_in(world.ana).press(f"/me/intents/{world.want.code}/withdraw")
    page = visitor().get(f"/r/{world.links['answer']}")
    assert "This want is over" in page
    assert "Make an offer" not in page
    visitor().refused(f"/r/{world.links['answer']}", 409, kind="question", body="Still there?")
    visitor().sign_in(world.ben).refused(
        f"/vendor/leads/{world.want.code}-{world.vendor.code}/answer", 409, kind="question", body="Still there?"
    )
    words = "It stands in our yard, and has new tyres."
    assert words in visitor().sign_in(world.ben).refused(
        f"/vendor/leads/{world.want.code}-{world.vendor.code}/answer", 409, kind="offer", price="cheap", body=words
    )


def test_a_team_grows_changes_and_shrinks(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ben = visitor().sign_in(world.ben)
    here = f"/vendor/{world.vendor.slug}/team"
    ben.press(here, email="new@leeds-toyota.example", role="admin")
    ben.refused(here, 409, email="new@leeds-toyota.example", role="admin")
    ben.refused(here, 422, email="new@", role="admin")
    with store.read() as session:
        fresh = session.scalars(select(Membership).where(Membership.role == Role.ADMIN)).one()
    ben.press(f"{here}/{fresh.account_id}/role", role="member")
    ben.press(f"{here}/{fresh.account_id}/leave")
    assert "needs an owner" in ben.refused(f"{here}/{world.ben.id}/leave", 409)
    olu = visitor().sign_in(world.olu)
    olu.refused(f"{here}/{world.ben.id}/leave", 403)
    assert olu.press(f"{here}/{world.olu.id}/leave") == "/vendor"


def test_what_a_vendor_says_of_itself(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    here = f"/vendor/{world.vendor.slug}"
    page = ben.refused(f"{here}/settings", 422, name="Leeds Toyota", website="x", about="We sell.", zone="Mars/North")
    assert "Mars/North" in page
    assert "no such time zone" in page
    ben.press(f"{here}/settings", name="Leeds Toyota Ltd", website="", about="We sell.", zone="Europe/London")
    assert "We sell." in visitor().get(f"/vendors/{world.vendor.slug}")
    ben.press(f"{here}/pause")
    assert "Paused" in ben.get(f"{here}/settings")
    ben.press(f"{here}/resume")


def test_a_site_in_a_vendors_words_is_only_words(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    fields = {"name": "<script>alert(1)</script>", "about": "<b>x</b>", "website": "", "zone": "UTC"}
    ben.press(f"/vendor/{world.vendor.slug}/settings", **fields)
    for page in (visitor().get(f"/vendors/{world.vendor.slug}"), ben.get(f"/vendor/{world.vendor.slug}")):
        assert not re.search(r"<script>alert|<b>x", page)
