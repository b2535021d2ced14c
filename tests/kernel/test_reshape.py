"""Edits of a tree: it stays a tree, covers what it should, and no newer file undoes what an operator did."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from little import fewer_towns
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from vrm.kernel import reshape, taxonomy
from vrm.kernel.accounts import Audit
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput
from vrm.kernel.loading import load
from vrm.kernel.taxonomy import Category, TreeName
from vrm.kernel.tree import Tree

C, R = TreeName.CATEGORIES, TreeName.REGIONS


def tree_of(session: Session, name: TreeName = C) -> Tree:
    return taxonomy.trees(session).of(name)


def node(session: Session, slug: str, name: TreeName = C) -> int:
    found = tree_of(session, name).by_slug(slug)
    assert found is not None, slug
    return found.id


# --- Any sequence of edits ------------------------------------------------------------------------

edits = st.tuples(
    st.sampled_from(["move", "merge", "add", "split", "rename", "retire"]), st.integers(0, 30), st.integers(0, 30)
)


class Naive:
    """What the tree should be: parents, and nodes that are no longer offered."""

    def __init__(self, session: Session) -> None:
        self.parents = dict(session.execute(select(Category.id, Category.parent_id)).all())
        self.hidden: set[int] = set()

    def above(self, id_: int | None) -> list[int]:
        return [] if id_ is None else [id_, *self.above(self.parents[id_])]

    def children(self, id_: int) -> list[int]:
        return sorted(child for child, up in self.parents.items() if up == id_ and child not in self.hidden)

    def may(self, what: str, id_: int, other: int) -> bool:
        offered = id_ not in self.hidden and (what not in ("move", "merge") or other not in self.hidden)
        if what == "add" or not offered:
            return offered
        apart = id_ not in self.above(other)
        return self.parents[id_] is not None and {
            "retire": not self.children(id_),
            "move": apart and self.parents[id_] != other,
            "merge": apart and self.parents[other] is not None,
        }.get(what, True)

    def do(self, what: str, id_: int, other: int, made: int | None) -> None:
        if what == "move":
            self.parents[id_] = other
        elif what == "retire":
            self.hidden.add(id_)
        elif what == "merge":
            self.parents = {each: other if up == id_ else up for each, up in self.parents.items()}
            self.parents[id_] = other
            self.hidden.add(id_)
        elif made is not None:
            taken = self.children(id_)[:1] if what == "split" else []
            self.parents |= {made: id_, **dict.fromkeys(taken, made)}


def perform(session: Session, now: datetime, what: str, id_: int, other: int, step: int) -> int | None:
    """The id of a node that was made."""
    label = f"Node {step}"
    match what:
        case "move":
            reshape.move(session, C, id_, other, now, by=None)
        case "merge":
            reshape.merge(session, C, id_, other, now, by=None)
        case "rename":
            reshape.rename(session, C, id_, label, now, by=None)
        case "retire":
            reshape.retire(session, C, id_, now, by=None)
        case "add":
            return reshape.add(session, C, id_, label, now, by=None)
        case "split":
            taken = [child.id for child in sorted(tree_of(session).children(id_), key=lambda each: each.id)[:1]]
            return reshape.split(session, C, id_, label, now, by=None, children=taken)
    return None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(edits, max_size=12))
def test_after_any_edits_the_tree_is_one_and_covers_what_it_should(
    little_store: Store, now: datetime, steps: list[tuple[str, int, int]]
) -> None:
    with little_store.session(writes=True) as session:
        naive = Naive(session)
        for step, (what, first, second) in enumerate(steps):
            ids = sorted(naive.parents)
            id_, other = ids[first % len(ids)], ids[second % len(ids)]
            if naive.may(what, id_, other):
                naive.do(what, id_, other, perform(session, now, what, id_, other, step))
            else:
                with pytest.raises(BadInput):
                    perform(session, now, what, id_, other, step)
        rows = {row.id: row for row in session.execute(select(Category.__table__))}
        tree = tree_of(session)
        assert {id_: row.parent_id for id_, row in rows.items()} == naive.parents
        assert sorted(end for row in rows.values() for end in (row.lft, row.rgt)) == list(range(1, 2 * len(rows) + 1))
        for lower, row in rows.items():
            above = naive.above(lower)
            assert row.depth == len(above) - 1
            assert {upper for upper, its in rows.items() if its.lft <= row.lft <= its.rgt} == set(above)
            assert set(tree.ancestors(lower)) == set(above)
            assert tree.offers(lower) == (lower not in naive.hidden)
        session.rollback()


# --- Each edit ------------------------------------------------------------------------------------


def test_a_renamed_node_is_found_by_both_names(little_store: Store, now: datetime) -> None:
    with little_store.write() as session:
        reshape.rename(session, C, node(session, "cars"), " Motor  cars ", now, by=None)
        tree = tree_of(session)
        assert {tree.resolve(name, field="x").label for name in ("motor cars", "Cars", "auto", "cars")} == {
            "Motor cars"
        }
        row = session.scalars(select(Audit)).one()
        assert (row.action, row.subject) == ("category.renamed", "cars")
        assert row.facts == {"language": "en", "was": "Cars", "to": "Motor cars"}


def test_a_node_has_a_name_for_the_readers_of_each_language(little_store: Store, now: datetime) -> None:
    with little_store.write() as session:
        cars = node(session, "cars")
        for label in ("Wagen", "Autos"):
            reshape.rename(session, C, cars, label, now, by=None, language="de")
        tree = tree_of(session)
        assert (tree.label(cars), tree.label(cars, "de"), tree.label(cars, "fr")) == ("Cars", "Autos", "Cars")
        assert {tree.resolve(name, field="x").id for name in ("Cars", "Autos", "Wagen")} == {cars}
        for label, language, why in (
            ("Autos", "de", "its name already"),
            ("Bikes", "de", "There is a “Bikes” below “Vehicles”"),
            ("Auta", "pl", "Names are kept in en, de, fr, es"),
        ):
            with pytest.raises(BadInput, match=why):
                reshape.rename(session, C, cars, label, now, by=None, language=language)


def test_a_merged_node_is_found_as_what_took_its_place(little_store: Store, now: datetime) -> None:
    with little_store.write() as session:
        bikes, cars = node(session, "bikes"), node(session, "cars")
        reshape.merge(session, C, bikes, cars, now, by=None)
        tree = tree_of(session)
        assert {tree.resolve(name, field="x").id for name in ("bikes", "Bikes", "bicycle", "e-bike")} == {cars}
        assert tree.path_label(node(session, "scooters")) == "Vehicles › Cars › Scooters"
        assert (tree.current(bikes).id, tree.label(bikes)) == (cars, "Bikes")
        with pytest.raises(BadInput, match="was merged into “Cars”"):
            reshape.rename(session, C, bikes, "Cycles", now, by=None)


def test_a_part_set_apart_takes_its_words_and_children_along(little_store: Store, now: datetime) -> None:
    with little_store.write() as session:
        bikes, scooters = node(session, "bikes"), node(session, "scooters")
        made = reshape.split(session, C, bikes, "E-bike", now, by=None, children=[scooters])
        tree = tree_of(session)
        assert tree.path_label(scooters) == "Vehicles › Bikes › E-bike › Scooters"
        assert (tree.node(made).slug, tree.node(bikes).synonyms) == ("e-bike", ("bicycle",))
        with pytest.raises(BadInput, match="not right below"):
            reshape.split(session, C, bikes, "Others", now, by=None, children=[scooters])
        with pytest.raises(BadInput, match="“velo” is not one of the other names"):
            reshape.split(session, C, bikes, "Others", now, by=None, synonyms=["Vélo"])


def test_a_new_region_has_a_kind_and_a_point(little_store: Store, now: datetime) -> None:
    with little_store.write() as session:
        made = reshape.add(session, R, node(session, "fr", R), "Bretagne", now, by=None, point=(48.2, -2.9))
        found = tree_of(session, R).node(made)
        assert (found.kind, found.lat, found.lon, found.slug) == ("subdivision", 48.2, -2.9, "bretagne")
        assert tree_of(session, R).covers(node(session, "eu", R), made)
        other = reshape.add(session, R, made, "Бретань", now, by=None)
        assert tree_of(session, R).node(other).slug == f"node-{other}"


REFUSED = [
    (lambda session, now: reshape.rename(session, C, 1, "All", now, by=None), "is the root"),
    (lambda session, now: reshape.rename(session, C, 3, "Cars", now, by=None), "its name already"),
    (lambda session, now: reshape.rename(session, C, 3, "bikés", now, by=None), "There is a “Bikes” below “Vehicles”"),
    (lambda session, now: reshape.rename(session, C, 3, "☂", now, by=None), "a letter or a digit"),
    (lambda session, now: reshape.rename(session, C, 99, "Cars", now, by=None), "no such category"),
    (lambda session, now: reshape.move(session, C, 2, 5, now, by=None), "cannot hang on its own part"),
    (lambda session, now: reshape.move(session, C, 3, 2, now, by=None), "already"),
    (lambda session, now: reshape.move(session, R, 4, 8, now, by=None), "“European Union” is a group"),
    (lambda session, now: reshape.merge(session, C, 3, 3, now, by=None), "into itself"),
    (lambda session, now: reshape.merge(session, C, 3, 1, now, by=None), "is everything"),
    (lambda session, now: reshape.merge(session, C, 4, 5, now, by=None), "is a part of"),
    (lambda session, now: reshape.merge(session, R, 6, 3, now, by=None), "is in “European Union” and"),
    (lambda session, now: reshape.retire(session, C, 4, now, by=None), "has 2 below it"),
    (lambda session, now: reshape.add_synonym(session, C, 3, "Auto", now, by=None), "leads to “Cars” already"),
    (lambda session, now: reshape.add_synonym(session, C, 7, "auto", now, by=None), "leads to “Vehicles › Cars”"),
    (lambda session, now: reshape.add_synonym(session, C, 7, "a|b", now, by=None), "cannot hold"),
    (lambda session, now: reshape.add(session, R, 3, "X", now, by=None, point=(99, 0)), "latitude and longitude"),
]


@pytest.mark.parametrize(("edit", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_cannot_be_is_refused_with_a_sentence(
    little_store: Store, now: datetime, edit: object, sentence: str
) -> None:
    with little_store.write() as session:
        before = session.execute(select(Category.__table__).order_by(Category.id)).all()
        with pytest.raises(BadInput, match=sentence):
            edit(session, now)  # type: ignore[operator]  # One of those above.
        assert session.execute(select(Category.__table__).order_by(Category.id)).all() == before


def test_a_retired_node_is_no_longer_offered(little_store: Store, now: datetime) -> None:
    with little_store.write() as session:
        dolls = node(session, "dolls")
        reshape.retire(session, C, dolls, now, by=None)
        assert tree_of(session).search("dolls") == []
        with pytest.raises(BadInput, match="was retired"):
            reshape.move(session, C, dolls, node(session, "vehicles"), now, by=None)


# --- The next upgrade -----------------------------------------------------------------------------


def test_loading_the_files_again_undoes_no_edit(store: Store, now: datetime) -> None:
    with store.write() as session:
        cars, vehicles, toys = (node(session, slug) for slug in ("cars-trucks-vans", "vehicles", "toys-games"))
        plumber, electrician = node(session, "plumber"), node(session, "electrician")
        word = tree_of(session).node(plumber).synonyms[0]
        reshape.rename(session, C, cars, "Motor cars", now, by=None)
        reshape.add_synonym(session, C, cars, "Kraftwagen", now, by=None)
        reshape.move(session, C, cars, toys, now, by=None)
        part = reshape.split(session, C, plumber, "Pipe wizard", now, by=None, synonyms=[word])
        reshape.merge(session, C, electrician, plumber, now, by=None)
        child = tree_of(session).children(vehicles)[0]
        reshape.merge(session, C, child.id, toys, now, by=None)

        load(session, now + timedelta(days=1), edition=fewer_towns(), anew=True)
        tree = tree_of(session)
        assert tree.path_label(cars).endswith("Toys & Games › Motor cars")
        assert {tree.resolve(name, field="x").id for name in ("Kraftwagen", "Cars, Trucks & Vans", "motor cars")} == {
            cars
        }
        assert word in tree.node(part).synonyms
        assert word not in tree.node(plumber).synonyms
        assert tree.resolve("electrician", field="x").id == plumber
        assert (tree.current(child.id).id, child.label in tree.node(toys).synonyms) == (toys, True)
        again = load(session, now + timedelta(days=2), edition=fewer_towns(), anew=True)
        assert (again.added, again.changed) == (0, 0)
        session.rollback()


def test_a_file_that_would_close_a_ring_with_an_edit_gives_way(store: Store, now: datetime) -> None:
    with store.write() as session:
        root, cars, vehicles = (node(session, slug) for slug in ("anything", "cars-trucks-vans", "vehicles"))
        # As if an older file had cars beside vehicles, and an operator hung vehicles on cars.
        reshape.move(session, C, cars, root, now, by=None)
        session.execute(update(Category).where(Category.id == cars).values(edited=[]))
        reshape.move(session, C, vehicles, cars, now, by=None)
        load(session, now + timedelta(days=1), edition=fewer_towns(), anew=True)
        assert tree_of(session).path_label(vehicles) == "Cars, Trucks & Vans › Vehicles"
        session.rollback()
