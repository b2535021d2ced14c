"""Trees that change under living intents and subscriptions: nothing is lost, nothing is sent again."""

import threading
from datetime import datetime, timedelta

import pytest
from little import edition
from rooms import add_mail_channel, person, publish_want, start_vendor
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intents.models import Blog, Intent
from notifiers.models import Channel, Notification
from vendors.models import Lead, Subscription, Vendor
from vendors.subscribe import Order, subscribe
from vrm import route, rule, trees
from vrm.kernel import reshape, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Base, Store
from vrm.kernel.errors import BadInput
from vrm.kernel.taxonomy import TreeName
from vrm.kernel.tree import Tree

C, R = TreeName.CATEGORIES, TreeName.REGIONS


def node(session: Session, slug: str, name: TreeName = C) -> int:
    found = taxonomy.trees(session).of(name).by_slug(slug)
    assert found is not None, slug
    return found.id


def step(store: Store, now: datetime) -> None:
    """What the worker does, until nothing is owed."""
    for verb in (route.route_owed, route.backfill_owed, route.catch_up_owed):
        done = 1
        while done:
            with store.write() as session:
                done = verb(session, now)


def told(store: Store) -> set[tuple[str, str]]:
    """(vendor, want) of every lead, each with the one word that is owed of it."""
    with store.read() as session:
        leads = {(lead.vendor.name, lead.intent.title) for lead in session.scalars(select(Lead))}
        words = session.scalar(select(func.count()).select_from(Notification))
    assert words == len(leads)
    return leads


def replay(store: Store, now: datetime) -> None:
    """Everything is looked at again, as if nothing had been."""
    with store.write() as session:
        session.execute(update(Intent).values(routed_at=None))
        session.execute(update(Subscription).values(backfilled_at=None))
        session.execute(update(Channel).values(caught_up_at=None))
    step(store, now)


@pytest.fixture
def shops(little_store: Store, now: datetime) -> Store:
    """One vendor for each of seven nodes, with a channel that works, and Ana."""
    owner = person(little_store, "ben@shops.example")
    person(little_store, "ana@example.org")
    with little_store.write() as session:
        for slug in ("anything", "vehicles", "cars", "bikes", "scooters", "toys", "dolls"):
            vendor = start_vendor(session, owner, now, name=slug, wish=(slug, "world"))
            add_mail_channel(session, vendor, now, f"{slug}@shops.example")
    step(little_store, now)
    return little_store


def want(store: Store, now: datetime, category: str, region: str = "leeds", title: str = "") -> int:
    with store.write() as session:
        ana = session.scalars(select(Account).where(Account.email == "ana@example.org")).one()
        return publish_want(session, ana, now, title=title or category, category=category, region=region).id


def test_every_column_that_says_a_node_follows_a_merge() -> None:
    for name in TreeName:
        table = name.model.__table__
        # A city in a want's circle stays where it was: once merged it lies below the one that took its place.
        inner = {"categories", "regions", "region_members", "intent_places"}
        pointing = {
            (key.parent.table.name, key.parent.name)
            for each in Base.metadata.tables.values()
            for key in each.foreign_keys
            if key.column.table is table and each.name not in inner
        }
        if name is TreeName.REGIONS:
            pointing.add(("subscriptions", "place"))  # A region's id, or a cell, which no region has for its id.
        assert {(column.class_.__tablename__, column.key) for column in trees.referring(name)} == pointing


def test_a_moved_category_reaches_who_newly_covers_it_and_nobody_twice(shops: Store, now: datetime) -> None:
    want(shops, now, "scooters")
    want(shops, now, "dolls")
    step(shops, now)
    before = told(shops)
    assert before == {
        *((name, "scooters") for name in ("anything", "vehicles", "bikes", "scooters")),
        *((name, "dolls") for name in ("anything", "toys", "dolls")),
    }
    later = now + timedelta(minutes=1)
    with shops.write() as session:
        trees.move(session, C, node(session, "scooters"), node(session, "toys"), later, by=None)
    step(shops, later)
    assert told(shops) == before | {("toys", "scooters")}
    replay(shops, later)
    assert told(shops) == before | {("toys", "scooters")}
    want(shops, later, "scooters", title="another")
    step(shops, later)
    assert {name for name, title in told(shops) if title == "another"} == {"anything", "toys", "scooters"}


def test_a_merge_takes_subscriptions_intents_and_blogs_along(shops: Store, now: datetime) -> None:
    with shops.write() as session:
        ana = session.scalars(select(Account).where(Account.email == "ana@example.org")).one()
        bikes, cars = node(session, "bikes"), node(session, "cars")
        session.add(
            Blog(
                code="b", account_id=ana.id, url="https://a.example/", feed_url="https://a.example/f", proof_token="t",
                created_at=now, next_fetch_at=now, home_category_id=bikes,
            )
        )  # fmt: skip
    for slug in ("bikes", "cars", "scooters"):
        want(shops, now, slug)
    step(shops, now)
    before = told(shops)
    assert not before & {("bikes", "cars"), ("cars", "bikes"), ("cars", "scooters")}
    later = now + timedelta(minutes=1)
    with shops.write() as session:
        trees.merge(session, C, bikes, cars, later, by=None)
    step(shops, later)
    after = before | {("bikes", "cars"), ("cars", "bikes"), ("cars", "scooters")}
    assert told(shops) == after
    replay(shops, later)
    assert told(shops) == after
    with shops.read() as session:
        assert session.scalars(select(Blog)).one().home_category_id == cars
        assert bikes not in set(session.scalars(select(Intent.category_id)))
        assert bikes not in set(session.scalars(select(Subscription.category_id)))
    want(shops, later, "bikes", title="old slug")
    step(shops, later)
    assert {name for name, title in told(shops) if title == "old slug"} == {"anything", "vehicles", "cars", "bikes"}


def test_a_merged_region_is_followed_too(shops: Store, now: datetime) -> None:
    with shops.write() as session:
        owner = session.scalars(select(Account).where(Account.email == "ben@shops.example")).one()
        for slug in ("leeds", "york"):
            vendor = start_vendor(session, owner, now, name=f"in {slug}", wish=("plumber", slug))
            add_mail_channel(session, vendor, now, f"{slug}@shops.example")
    want(shops, now, "plumber", "leeds")
    step(shops, now)
    before = told(shops)
    with shops.write() as session:
        trees.merge(session, R, node(session, "leeds", R), node(session, "york", R), now, by=None)
    step(shops, now + timedelta(minutes=1))
    assert told(shops) == before | {("in york", "plumber")}
    replay(shops, now + timedelta(minutes=2))
    assert told(shops) == before | {("in york", "plumber")}


def test_a_move_into_a_group_reaches_those_who_listen_to_the_group(shops: Store, now: datetime) -> None:
    with shops.write() as session:
        owner = session.scalars(select(Account).where(Account.email == "ben@shops.example")).one()
        vendor = start_vendor(session, owner, now, name="in the union", wish=("plumber", "eu"))
        add_mail_channel(session, vendor, now, "eu@shops.example")
    want(shops, now, "plumber", "york")
    step(shops, now)
    before = told(shops)
    with shops.write() as session:
        trees.move(session, R, node(session, "york", R), node(session, "fr", R), now, by=None)
    step(shops, now + timedelta(minutes=1))
    assert told(shops) == before | {("in the union", "plumber")}


@pytest.mark.parametrize(("wants", "asked"), [(1, "intents"), (3, "subscriptions")])
def test_only_the_narrower_side_of_what_is_new_is_looked_at_again(
    shops: Store, now: datetime, wants: int, asked: str
) -> None:
    for number in range(wants):
        want(shops, now, "scooters", title=f"want {number}")
    want(shops, now, "dolls")
    step(shops, now)
    with shops.write() as session:
        # Two to a move under dolls: toys and dolls are newly above.
        trees.move(session, C, node(session, "scooters"), node(session, "dolls"), now, by=None)
    with shops.read() as session:
        intents = session.scalars(select(Intent.title).where(Intent.routed_at.is_(None))).all()
        names = session.scalars(
            select(Vendor.name).join(Subscription).where(Subscription.backfilled_at.is_(None))
        ).all()
    assert (set(intents), set(names)) == (({"want 0"}, set()) if asked == "intents" else (set(), {"toys", "dolls"}))
    step(shops, now)
    assert {name for name, title in told(shops) if title == "want 0"} == {
        "anything", "vehicles", "bikes", "scooters", "toys", "dolls",
    }  # fmt: skip


def test_other_edits_have_nobody_looked_at_again(shops: Store, now: datetime) -> None:
    want(shops, now, "scooters")
    step(shops, now)
    with shops.write() as session:
        bikes = node(session, "bikes")
        reshape.rename(session, C, bikes, "Cycles", now, by=None)
        reshape.add_synonym(session, C, bikes, "velo", now, by=None)
        reshape.split(session, C, bikes, "Small ones", now, by=None, children=[node(session, "scooters")])
        reshape.add(session, C, bikes, "Recumbents", now, by=None)
        trees.move(session, C, node(session, "tandems"), node(session, "toys"), now, by=None)
    with shops.read() as session:
        assert session.scalar(select(func.count()).where(Intent.routed_at.is_(None))) == 0
        assert session.scalar(select(func.count()).where(Subscription.backfilled_at.is_(None))) == 0
    want(shops, now, "scooters", title="after")
    step(shops, now)
    assert {name for name, title in told(shops) if title == "after"} == {"anything", "vehicles", "bikes", "scooters"}


def test_what_somebody_stands_at_is_not_retired(shops: Store, now: datetime) -> None:
    want(shops, now, "tandems")
    with shops.write() as session:
        with pytest.raises(BadInput, match="1 subscriptions and 0 open intents are at “Dolls”; merge it"):
            trees.retire(session, C, node(session, "dolls"), now, by=None)
        with pytest.raises(BadInput, match="0 subscriptions and 1 open intents are at “Tandems”"):
            trees.retire(session, C, node(session, "tandems"), now, by=None)
        trees.retire(session, C, node(session, "plumber"), now, by=None)
        assert trees.at_or_below(session, C, node(session, "vehicles")) == trees.Living(1, 4)
        assert trees.at_or_below(session, R, node(session, "world", R)) == trees.Living(1, 7)
        assert trees.at_or_below(session, R, node(session, "eu", R)) == trees.Living(0, 0)


def test_another_process_sees_the_new_tree_as_soon_as_it_is_committed(little_store: Store, now: datetime) -> None:
    other = Store.open(little_store.engine.url.render_as_string(hide_password=False))

    def seen() -> tuple[Tree, str]:
        with other.read() as session:
            found = taxonomy.trees(session)
            return found.regions, found.categories.path_label(node(session, "scooters"))

    regions, label = seen()
    assert label == "Vehicles › Bikes › Scooters"
    with little_store.write() as session:
        trees.move(session, C, node(session, "bikes"), node(session, "toys"), now, by=None)
        assert seen()[1] == "Vehicles › Bikes › Scooters"
    again, label = seen()
    assert label == "Toys › Bikes › Scooters"
    assert again is regions  # Only what has changed was read anew.
    other.close()


def test_a_move_and_a_publish_at_the_same_instant_do_not_miss_each_other(shops: Store, now: datetime) -> None:
    for turn in range(8):
        barrier = threading.Barrier(2)
        goal = "toys" if turn % 2 == 0 else "bikes"
        threads = [
            threading.Thread(target=_publish_and_route, args=(shops, now + timedelta(days=2 * turn), barrier)),
            threading.Thread(target=_move, args=(shops, now, goal, barrier)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        step(shops, now + timedelta(days=2 * turn, seconds=1))
        with shops.read() as session:
            both = taxonomy.trees(session)
            intent = session.scalars(select(Intent).order_by(Intent.id.desc()).limit(1)).one()
            subscriptions = session.scalars(select(Subscription)).all()
            covering = {each.vendor_id for each in subscriptions if not rule.stops(each, intent, both)}
            reached = set(session.scalars(select(Lead.vendor_id).where(Lead.intent_id == intent.id)))
        assert covering <= reached


def _publish_and_route(store: Store, now: datetime, barrier: threading.Barrier) -> None:
    barrier.wait()
    want(store, now, "scooters")
    with store.write() as session:
        route.route_owed(session, now)


def _move(store: Store, now: datetime, goal: str, barrier: threading.Barrier) -> None:
    barrier.wait()
    with store.write() as session:
        trees.move(session, C, node(session, "scooters"), node(session, goal), now, by=None)


def test_a_subscription_to_a_node_that_was_merged_meanwhile_still_hears(shops: Store, now: datetime) -> None:
    with shops.write() as session:
        bikes, owner = node(session, "bikes"), session.scalars(select(Account).limit(1)).one()
        vendor = start_vendor(session, owner, now, name="late")
        add_mail_channel(session, vendor, now, "late@shops.example")
        trees.merge(session, C, bikes, node(session, "cars"), now, by=None)
        # It read the tree before the merge, and is written after it.
        subscribe(session, vendor, Order(category_id=bikes, region_id=node(session, "world", R)), now)
    step(shops, now)
    want(shops, now, "cars")
    step(shops, now)
    assert ("late", "cars") in told(shops)


# --- The next edition -----------------------------------------------------------------------------


def test_who_stood_at_a_node_that_vanished_stands_at_its_successor(shops: Store, now: datetime) -> None:
    scooter, doll = want(shops, now, "scooters"), want(shops, now, "dolls")
    step(shops, now)
    before = told(shops)
    with shops.write() as session:
        gone = node(session, "scooters")
        report = trees.upgrade(
            session, now, edition=edition(without=frozenset({"scooters"}), successors={"scooters": "dolls"})
        )
        assert [(moved.id, moved.into_id) for moved in report.moved] == [(gone, node(session, "dolls"))]
        tree = taxonomy.trees(session).categories
        assert tree.resolve("Scooters", field="category").slug == "dolls"
        assert not tree.offers(gone)
    step(shops, now)
    # The shop of scooters hears of dolls, those of toys of the scooter that is one now; nobody of anything twice.
    assert told(shops) == before | {("scooters", "dolls"), ("toys", "scooters"), ("dolls", "scooters")}
    with shops.read() as session:
        dolls = node(session, "dolls")
        assert {session.get_one(Intent, id_).category_id for id_ in (scooter, doll)} == {dolls}
        assert not session.scalar(select(Subscription.id).where(Subscription.category_id == gone).limit(1))
    replay(shops, now)
    assert len(told(shops)) == len(before) + 3


def test_a_node_that_vanished_without_a_successor_goes_up(shops: Store, now: datetime) -> None:
    want(shops, now, "scooters")
    step(shops, now)
    with shops.write() as session:
        trees.upgrade(session, now, edition=edition(without=frozenset({"bikes", "scooters", "tandems"})))
        for slug in ("bikes", "scooters", "tandems"):
            assert node(session, slug) == node(session, "vehicles")
    step(shops, now)
    assert {name for name, _ in told(shops)} == {"anything", "vehicles", "cars", "bikes", "scooters"} - {"cars"}


def test_a_node_that_an_edition_moves_reaches_who_newly_covers_it(shops: Store, now: datetime) -> None:
    want(shops, now, "scooters")
    step(shops, now)
    with shops.write() as session:
        trees.upgrade(session, now, edition=edition(moved={"scooters": "toys"}))
    step(shops, now)
    assert {name for name, _ in told(shops)} == {"anything", "vehicles", "bikes", "scooters", "toys"}


def test_what_an_operator_made_or_touched_does_not_vanish(shops: Store, now: datetime) -> None:
    with shops.write() as session:
        own = reshape.add(session, C, node(session, "scooters"), "Hoverboards", now, by=None)
        reshape.rename(session, C, node(session, "tandems"), "Bicycles for two", now, by=None)
        trees.upgrade(session, now, edition=edition(without=frozenset({"scooters", "tandems"}), more={"kites": "toys"}))
        tree = taxonomy.trees(session).categories
        assert tree.path_label(own) == "Vehicles › Bikes › Hoverboards"
        assert tree.path_label(node(session, "tandems")) == "Vehicles › Bikes › Bicycles for two"
        assert tree.path_label(node(session, "kites")) == "Toys › Kites"


def test_an_edition_is_compared_once(shops: Store, now: datetime) -> None:
    next_one = edition(more={"kites": "toys"})
    with shops.write() as session:
        assert trees.upgrade(session, now, edition=next_one).added == 1
        session.execute(update(taxonomy.Category).where(taxonomy.Category.slug == "kites").values(label="Dragons"))
        assert trees.upgrade(session, now, edition=next_one).changed == 0
        assert trees.upgrade(session, now, edition=next_one, anew=True).changed == 1
