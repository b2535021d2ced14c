"""A marked want: one vendor is told, nobody else finds it, and whoever shows that they know of it is written down."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from addresses import Town
from flask import Flask
from rooms import add_mail_channel, route_all, start_vendor
from sqlalchemy import select
from test_looked_for import read_by
from visiting import Visitor
from world import World

from intents import canaries, publish
from intents.canaries import Trace, TraceKind
from intents.draft import Visibility
from intents.models import Intent
from notifiers import return_path
from notifiers.receive import Letter, receive
from vendors import choose, respond, subscribe
from vendors.models import Kind, Lead, Via
from vendors.respond import Answer
from vendors.subscribe import Order
from vrm import explain, route
from vrm.kernel import taxonomy
from vrm.kernel.db import Store
from vrm.kernel.errors import NotFound, WrongState
from vrm.research.live import live_table

_WORDS = {"title": "A kiln, used", "body": "Write to kiln-7q@olu.example.", "category": "cars-trucks-vans"}


@pytest.fixture
def marked(visitor: Callable[[], Visitor], world: World, store: Store, now: datetime) -> Intent:
    """Made by Olu for Carol's Cakes, who listens in Leeds as everybody else does."""
    with store.write() as session:
        trees = taxonomy.trees(session)
        place = Order(
            category_id=trees.categories.resolve("cars-trucks-vans", field="x").id,
            region_id=trees.regions.resolve("gb-lds", field="x").id,
        )
        subscribe.subscribe(session, session.merge(world.carols, load=False), place, now)
        add_mail_channel(session, world.carols, now, "cakes@carol.example")
    visitor().sign_in(world.olu).press("/admin/marked-wants", vendor=world.carols.slug, region="gb-lds", **_WORDS)
    with store.write() as session:
        route_all(session, now)
        while route.backfill_owed(session, now):
            pass
        return session.scalars(select(Intent).where(Intent.canary_for.is_not(None))).one()


def test_only_its_vendor_is_told(marked: Intent, world: World, store: Store, now: datetime) -> None:
    with store.write() as session:
        told = session.scalars(select(Lead.vendor_id).where(Lead.intent_id == marked.id)).all()
        assert told == [world.carols.id]
        # Nor whoever comes later, or listens anew.
        late = start_vendor(session, world.ana, now, name="Late Motors", wish=("anything", "world"))
        while route.backfill_owed(session, now):
            pass
        assert session.get(Lead, (marked.id, late.id)) is None
        # Nor when it is changed and routed again.
        intent = session.get_one(Intent, marked.id)
        intent.routed_at = None
        route_all(session, now + timedelta(minutes=1))
        assert session.scalars(select(Lead.vendor_id).where(Lead.intent_id == marked.id)).all() == [world.carols.id]
        cars = ("cars-trucks-vans", "gb-lds")
        other = start_vendor(session, world.ana, now + timedelta(hours=1), name="Other Motors", wish=cars)
        assert "marked want" in str(explain.explain_vendor(session, session.get_one(Intent, marked.id), other))


def test_nobody_else_finds_it(
    marked: Intent, visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    nobody, ben, ana = visitor(), visitor().sign_in(world.ben), visitor().sign_in(world.ana)
    for page in (
        "/",
        "/intents",
        "/intents?q=kiln",
        "/intents/feed.atom",
        "/intents/feed.json",
        "/vendors/carol-s-cakes",
    ):
        answer = nobody.client.get(page)
        assert "kiln" not in answer.text.replace("q=kiln", "").replace('value="kiln"', "").lower()
        assert marked.code not in answer.text
    for reader in (ben, ana):
        assert marked.code not in reader.get("/me") + reader.client.get("/vendor/leeds-toyota").text
    with store.read() as session:
        table = live_table(session, now)
        assert str(marked.id) not in table.words["intent_id"].labels
        assert session.get_one(Intent, marked.id).visibility is Visibility.UNLISTED


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
@pytest.mark.parametrize("name", ["nobody", "ana", "ben"])
def test_it_stands_in_nothing_that_others_read(
    name: str, app: Flask, town: Town, store: Store, now: datetime, marked: Intent, visitor: Callable[[], Visitor]
) -> None:
    person = None if name == "nobody" else getattr(town.world, name)
    leaks = [
        where
        for where, words in read_by(person, app, town, store, now + timedelta(hours=1))
        if marked.title in words or marked.code in words
    ]
    assert leaks == []
    assert marked.title in visitor().sign_in(town.world.carol).get(f"/vendor/{town.world.carols.slug}")  # Who is told.


def test_its_counts_stay_out(visitor: Callable[[], Visitor], world: World, request: pytest.FixtureRequest) -> None:
    before = visitor().get("/")
    request.getfixturevalue("marked")
    assert _figures(visitor().get("/")) == _figures(before)


def _figures(page: str) -> list[str]:
    return [part.partition("<")[0] for part in page.split("<b>")[1:]]


def test_an_edit_does_not_make_it_public(marked: Intent, store: Store, now: datetime) -> None:
    with store.write() as session:
        intent = session.get_one(Intent, marked.id)
        publish.amend(session, intent, replace(publish.draft_of(intent), visibility=Visibility.PUBLIC), now)
        assert intent.visibility is Visibility.UNLISTED


def test_who_shows_that_they_know_is_written_down(
    marked: Intent, visitor: Callable[[], Visitor], world: World, store: Store, app: Flask, now: datetime
) -> None:
    page = f"/intents/{marked.code}"
    for person in (world.carol, world.olu, world.ben, world.ben):
        visitor().sign_in(person).get(page)
    visitor().get(page)
    post = app.extensions["vrm"].post
    address = return_path.marked_address(post, marked.id)
    mail = b"From: Eve <eve@scrapers.example>\r\nSubject: Your =?utf-8?q?kiln=0d=0aBcc=3A_x?=\r\n\r\nWe buy kilns."
    with store.write() as session:
        for _ in range(2):
            receive(session, post, Letter(address, "eve@scrapers.example", mail), now)
        for other in (world.want.id, 10**9):
            with pytest.raises(NotFound):
                receive(session, post, Letter(return_path.marked_address(post, other), "eve@x.example", mail), now)
    assert return_path.is_ours(post, address.upper())
    assert not return_path.is_ours(post, address.replace("+c", "+r"))
    with store.read() as session:
        found = [(one.kind, one.who) for one in session.scalars(select(Trace).order_by(Trace.id))]
        assert found == [(TraceKind.READ, f"account:{world.ben.id}"), (TraceKind.MAIL, "eve@scrapers.example")]
    shown = visitor().sign_in(world.olu).get("/admin/marked-wants")
    assert "eve@scrapers.example" in shown
    assert f"account:{world.ben.id}" in shown


def test_no_more_is_kept_than_shows_it(marked: Intent, store: Store, now: datetime) -> None:
    with store.write() as session:
        for number in range(300):
            canaries.trace(session, session.get_one(Intent, marked.id), TraceKind.MAIL, f"{number}@x.example", now)
        assert len(session.scalars(select(Trace.id)).all()) == 200


def test_it_is_no_exchange_to_judge(marked: Intent, world: World, store: Store, now: datetime) -> None:
    with store.write() as session:
        lead = session.get_one(Lead, (marked.id, world.carols.id))
        respond.respond(session, lead, Answer(kind=Kind.QUESTION, body="Which one?"), now, via=Via.PAGE)
        respond.reveal(session, lead, now)
        with pytest.raises(WrongState):
            choose.judge(session, lead, now, glad=False)


def test_the_form_says_what_is_wrong(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    olu = visitor().sign_in(world.olu)
    assert "Cars" in olu.get(f"/admin/marked-wants?vendor={world.vendor.slug}")
    assert "no such vendor" in olu.get("/admin/marked-wants?vendor=nobody", 422)
    for wrong, sentence in (
        ({"vendor": "nobody"}, "no such vendor"),
        ({"body": "No address."}, "address of yours"),
        ({"title": ""}, "missing"),
        ({"vendor": world.vendor.slug}, "You act for this vendor"),
        ({"category": ""}, "category"),
    ):
        fields = {"vendor": world.carols.slug, "region": "gb-lds", **_WORDS, **wrong}
        page = olu.refused("/admin/marked-wants", 422, **fields)
        assert sentence in page
        assert fields["title"] in page
    with store.read() as session:
        assert session.scalars(select(Intent).where(Intent.canary_for.is_not(None))).all() == []
