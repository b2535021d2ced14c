"""The committed trees in the tables, and in memory."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from little import fewer_towns
from sqlalchemy import func, select, update

from vrm.kernel import taxonomy
from vrm.kernel.db import Base, Store
from vrm.kernel.errors import BadInput
from vrm.kernel.loading import load
from vrm.kernel.taxonomy import Category, Region, RegionMember, TreeVersion
from vrm.kernel.tree import Tree

# No trees but these in the story: a place and a thing that every test of the broker leans on.
KnowN = [
    ("categories", "car", "cars-trucks-vans"),
    ("categories", "Cars, Trucks & Vans", "cars-trucks-vans"),
    ("categories", "plumber", "plumber"),
    ("categories", "vehicles", "vehicles"),
    ("categories", "anything", "anything"),
    ("regions", "Leeds", "gb-lds"),
    ("regions", "uk", "gb"),
    ("regions", "Paris", "fr-75c"),
    ("regions", "world", "world"),
    ("regions", "Cologne", "de-koln"),
]


@pytest.mark.parametrize(("name", "typed", "slug"), KnowN)
def test_everyday_names_are_found_in_the_committed_trees(store: Store, name: str, typed: str, slug: str) -> None:
    with store.read() as session:
        tree = getattr(taxonomy.trees(session), name)
    assert tree.resolve(typed, field="x").slug == slug


def test_loading_again_changes_nothing(store: Store, now: datetime) -> None:
    with store.write() as session:
        before = dict(session.execute(select(TreeVersion.name, TreeVersion.version)).all())
        report = load(session, now, edition=fewer_towns(), anew=True)
        after = dict(session.execute(select(TreeVersion.name, TreeVersion.version)).all())
    assert (report.added, report.changed) == (0, 0)
    assert report.unchanged > 15_000
    assert before == after
    assert set(before) == {"categories", "regions"}


def test_the_nested_set_in_the_table_agrees_with_the_tree_in_memory(store: Store) -> None:
    with store.read() as session:
        trees = taxonomy.trees(session)
        france = trees.regions.resolve("France", field="region")
        below = session.scalar(
            select(func.count()).select_from(Region).where(Region.lft.between(france.lft, france.rgt))
        )
    inside = [id_ for id_ in _ids(trees.regions.root.id, trees.regions) if trees.regions.covers(france.id, id_)]
    assert below == len(inside) > 100


def _ids(id_: int, tree: Tree) -> list[int]:
    return [id_, *(below for child in tree.children(id_) for below in _ids(child.id, tree))]


def test_the_european_union_covers_munich_but_not_leeds(store: Store) -> None:
    with store.read() as session:
        regions = taxonomy.trees(session).regions
    union, leeds, munich = (regions.resolve(name, field="region").id for name in ("EU", "Leeds", "Munich"))
    assert regions.covers(union, munich)
    assert not regions.covers(union, leeds)
    assert union in regions.ancestors(munich)


def test_a_tree_is_read_once_and_again_when_it_changed(store: Store, now: datetime) -> None:
    with store.read() as session:
        first = taxonomy.trees(session)
    with store.write() as session:
        assert taxonomy.trees(session) is first
        session.execute(update(Category).where(Category.slug == "plumber").values(label="Pipe Wizard"))
        report = load(session, now + timedelta(days=1), edition=fewer_towns(), anew=True)
        assert report.changed == 1
        second = taxonomy.trees(session)
        assert second is not first
        assert second.categories.resolve("plumber", field="category").label == "Plumber"
        session.rollback()
    with store.read() as session:
        assert taxonomy.trees(session).categories.resolve("plumber", field="category").label == "Plumber"


def test_what_an_operator_added_stays_and_keeps_its_id(store: Store, now: datetime) -> None:
    with store.write() as session:
        cars = session.scalars(select(Category).where(Category.slug == "cars-trucks-vans")).one()
        own = Category(
            id=1_000_000, slug="hovercars", parent_id=cars.id, kind="good", label="Hovercars", synonyms=[], codes=[],
            lft=0, rgt=0, depth=0, population=0,
        )  # fmt: skip
        session.add(own)
        session.flush()
        report = load(session, now, edition=fewer_towns(), anew=True)
        assert report.added == 0
        assert report.changed > 0
        categories = taxonomy.trees(session).categories
        assert categories.path_label(1_000_000).endswith("Cars, Trucks & Vans › Hovercars")
        assert categories.covers(cars.id, 1_000_000)
        session.rollback()


def test_a_member_taken_out_of_a_group_comes_back(store: Store, now: datetime) -> None:
    with store.write() as session:
        pairs = select(func.count()).select_from(RegionMember)
        before = session.scalar(pairs)
        session.delete(session.scalars(select(RegionMember).limit(1)).one())
        session.flush()
        load(session, now, edition=fewer_towns(), anew=True)
        assert session.scalar(pairs) == before
        session.rollback()


def test_many_threads_may_ask_at_once(store: Store) -> None:
    def ask(_: int) -> int:
        with store.read() as session:
            return len(taxonomy.trees(session).regions.search("lon", limit=5))

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(8))) == {5}


def test_progress_is_told_for_each_tree(store: Store, now: datetime) -> None:
    told: list[tuple[str, int, int]] = []
    with store.write() as session:
        load(session, now, edition=fewer_towns(), progress=lambda *step: told.append(step))
        session.rollback()
    assert [name for name, _, _ in told] == ["categories", "regions"]


def test_a_store_without_trees_names_the_command(tmp_path: object) -> None:
    empty = Store.open(f"sqlite:///{tmp_path}/empty.db")
    Base.metadata.create_all(empty.engine)
    with empty.read() as session, pytest.raises(BadInput, match="vrm db upgrade"):
        taxonomy.trees(session)
    empty.close()
