"""A tree in memory: what covers what, and which node a person means."""

import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrm.kernel.errors import BadInput, UnknownNode
from vrm.kernel.tree import Node, Tree, number

# (slug, parent, label, synonyms, people)
PLACES = [
    ("world", None, "World", ("anywhere",), 0),
    ("europe", "world", "Europe", (), 0),
    ("gb", "europe", "United Kingdom", ("UK", "Britain"), 66_000_000),
    ("gb-eng", "gb", "England", (), 0),
    ("gb-lds", "gb-eng", "Leeds", (), 0),
    ("gb-leeds", "gb-lds", "Leeds", (), 536_280),
    ("gb-london", "gb-eng", "London", (), 8_900_000),
    ("gb-cambridge", "gb-eng", "Cambridge", (), 145_000),
    ("gb-newcastle-upon-tyne", "gb-eng", "Newcastle upon Tyne", ("Newcastle",), 192_000),
    ("gb-reading", "gb-eng", "Reading", (), 318_000),
    ("fr", "europe", "France", (), 67_000_000),
    ("fr-nice", "fr", "Nice", (), 342_000),
    ("de", "europe", "Germany", ("Deutschland",), 83_000_000),
    ("de-munich", "de", "Munich", ("München",), 1_505_000),
    ("america", "world", "America", (), 0),
    ("ca", "america", "Canada", (), 37_000_000),
    ("ca-london", "ca", "London", (), 420_000),
    ("us", "america", "United States", ("US", "USA"), 327_000_000),
    ("us-ny", "us", "New York", (), 0),
    ("us-cambridge", "us", "Cambridge", (), 110_000),
    ("us-ga", "us", "Georgia", (), 0),
    ("ge", "world", "Georgia", (), 3_700_000),
    ("au-newcastle", "world", "Newcastle", (), 508_000),
    ("eu", "world", "European Union", ("EU",), 0),
]
GROUPS = {"eu": ("fr", "de")}


def tree_of(
    places: Sequence[tuple[str, str | None, str, tuple[str, ...], int]], groups: Mapping[str, tuple[str, ...]]
) -> Tree:
    """A tree whose ids are 1, 2, 3 … in the order of the list."""
    ids = {slug: at for at, (slug, *_) in enumerate(places, 1)}
    at = number({ids[slug]: ids[parent] if parent else None for slug, parent, *_ in places})
    return Tree(
        Node(
            ids[slug],
            slug,
            ids[parent] if parent else None,
            "group" if slug in groups else "place",
            label,
            synonyms,
            at[ids[slug]].lft,
            at[ids[slug]].rgt,
            at[ids[slug]].depth,
            population=people,
            groups=tuple(ids[group] for group, members in groups.items() if slug in members),
        )
        for slug, parent, label, synonyms, people in places
    )


@pytest.fixture(scope="module")
def places() -> Tree:
    return tree_of(PLACES, GROUPS)


def at(tree: Tree, slug: str) -> int:
    node = tree.by_slug(slug)
    assert node is not None
    return node.id


def slugs(tree: Tree, ids: tuple[int, ...]) -> list[str]:
    return [tree.node(id_).slug for id_ in ids]


# --- What covers what -----------------------------------------------------------------------------


def test_ancestors_go_up_to_the_root_and_end_with_the_groups(places: Tree) -> None:
    assert slugs(places, places.ancestors(at(places, "gb-leeds"))) == [
        "gb-leeds", "gb-lds", "gb-eng", "gb", "europe", "world",
    ]  # fmt: skip
    assert slugs(places, places.ancestors(at(places, "de-munich"))) == ["de-munich", "de", "europe", "world", "eu"]


def test_a_country_covers_its_city_and_not_the_other_way(places: Tree) -> None:
    assert places.covers(at(places, "gb"), at(places, "gb-leeds"))
    assert not places.covers(at(places, "gb-leeds"), at(places, "gb"))
    assert not places.covers(at(places, "gb-leeds"), at(places, "fr-nice"))


def test_a_group_covers_its_members_and_itself_and_nobody_else(places: Tree) -> None:
    group = at(places, "eu")
    assert places.covers(group, at(places, "de-munich"))
    assert places.covers(group, group)
    assert not places.covers(group, at(places, "gb-leeds"))
    assert [node.slug for node in places.members(group)] == ["fr", "de"]
    assert len(places.intervals(group)) == 3


def test_a_path_leaves_the_root_out_except_for_the_root(places: Tree) -> None:
    assert places.path_label(at(places, "de-munich")) == "Europe › Germany › Munich"
    assert places.path_label(places.root.id) == "World"


parents = st.integers(0, 40).flatmap(lambda size: st.tuples(*(st.integers(0, at) for at in range(size))))
groupings = st.lists(st.sets(st.integers(0, 40), max_size=5), max_size=3)


@given(parents, groupings)
def test_ancestors_covers_and_intervals_agree_with_a_naive_walk(
    shape: tuple[int, ...], memberships: list[set[int]]
) -> None:
    above: dict[int, int | None] = {0: None, **dict(enumerate(shape, 1))}
    plain = list(above)
    members = {len(plain) + at: {id_ for id_ in ids if id_ in above} for at, ids in enumerate(memberships)}
    above |= dict.fromkeys(members, 0)
    placed = number(above)
    tree = Tree(
        Node(
            id_, str(id_), parent, "x", str(id_), (), placed[id_].lft, placed[id_].rgt, placed[id_].depth,
            groups=tuple(group for group, inside in members.items() if id_ in inside),
        )
        for id_, parent in above.items()
    )  # fmt: skip

    def walk(id_: int) -> set[int]:
        found: set[int] = set()
        todo = [id_]
        while todo:
            here = todo.pop()
            if here not in found:
                found.add(here)
                todo += [group for group, inside in members.items() if here in inside]
                parent = above[here]
                todo += [parent] if parent is not None else []
        return found

    for lower in above:
        covering = walk(lower)
        assert set(tree.ancestors(lower)) == covering
        assert len(tree.ancestors(lower)) == len(covering)
        for upper in above:
            assert tree.covers(upper, lower) == (upper in covering)
            inside = any(lft <= tree.node(lower).lft <= rgt for lft, rgt in tree.intervals(upper))
            assert inside == (upper in covering)


@given(parents)
def test_numbers_are_a_nested_set(shape: tuple[int, ...]) -> None:
    above: dict[int, int | None] = {0: None, **dict(enumerate(shape, 1))}
    placed = number(above)
    ends = sorted(end for place in placed.values() for end in (place.lft, place.rgt))
    assert ends == list(range(1, 2 * len(above) + 1))
    for id_, parent in above.items():
        if parent is not None:
            assert placed[parent].lft < placed[id_].lft < placed[id_].rgt < placed[parent].rgt
            assert placed[id_].depth == placed[parent].depth + 1


@pytest.mark.parametrize("rows", [{}, {1: None, 2: None}, {1: None, 2: 3, 3: 2}, {1: None, 2: 9}])
def test_what_is_not_one_tree_is_refused(rows: dict[int, int | None]) -> None:
    with pytest.raises(BadInput):
        number(rows)


# --- Which node a person means --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("gb-leeds", "gb-leeds"),
        ("GB-LDS", "gb-lds"),
        ("united kingdom", "gb"),
        ("uk", "gb"),
        ("U.K.", "gb"),
        ("münchen", "de-munich"),
        ("Munchen", "de-munich"),
        (" New  York ", "us-ny"),
        ("eu", "eu"),
    ],
)
def test_slugs_labels_and_synonyms_are_found_whatever_their_case_and_accents(
    places: Tree, typed: str, slug: str
) -> None:
    assert places.resolve(typed, field="region").slug == slug


def test_leeds_is_the_district_that_contains_the_city(places: Tree) -> None:
    assert places.resolve("Leeds", field="region").slug == "gb-lds"


def test_the_city_that_outshines_its_namesakes_wins(places: Tree) -> None:
    assert places.resolve("London", field="region").slug == "gb-london"


@pytest.mark.parametrize("typed", ["Cambridge", "Georgia"])
def test_an_ambiguous_name_is_refused_with_its_candidates(places: Tree, typed: str) -> None:
    with pytest.raises(UnknownNode) as refused:
        places.resolve(typed, field="region")
    assert len(refused.value.candidates) == 2
    assert "region" in refused.value.problems
    assert "may be" in str(refused.value)
    assert all(candidate.path[-1] == typed for candidate in refused.value.candidates)


def test_a_misspelt_name_is_refused_with_a_suggestion_that_is_not_given_twice(places: Tree) -> None:
    with pytest.raises(UnknownNode) as refused:
        places.resolve("Leedz", field="region")
    assert str(refused.value) == "There is no region called “Leedz”; did you mean “Leeds”?"
    assert [candidate.slug for candidate in refused.value.candidates] == ["gb-lds"]


@pytest.mark.parametrize("typed", ["", "   ", "Xyzzy", "💥", "a" * 5000, "\x00"])
def test_nonsense_is_refused_with_a_sentence(places: Tree, typed: str) -> None:
    with pytest.raises(UnknownNode) as refused:
        places.resolve(typed, field="region")
    assert len(str(refused.value)) < 300


@given(st.text(max_size=60))
def test_any_text_finds_a_node_or_is_refused(typed: str) -> None:
    tree = tree_of(PLACES, GROUPS)
    tree.search(typed)
    tree.mentions(typed, capital=True)
    try:
        tree.resolve(typed, field="region")
    except UnknownNode as refused:
        assert refused.problems.keys() == {"region"}  # noqa: PT017 - Either outcome is right.


def test_singular_and_plural_are_the_same() -> None:
    tree = tree_of([("anything", None, "Anything", (), 0), ("sofas", "anything", "Sofas", ("couch",), 0)], {})
    assert tree.resolve("sofa", field="category").slug == "sofas"
    assert tree.resolve("Couches", field="category").slug == "sofas"


def test_merged_and_retired_nodes_keep_their_ids_but_lose_their_names() -> None:
    at = number({1: None, 2: 1, 3: 1, 4: 1})
    labels = {1: "Anything", 2: "Cars", 3: "Automobiles", 4: "Carriages"}
    tree = Tree(
        (
            Node(id_, labels[id_].lower(), None if id_ == 1 else 1, "good", labels[id_], (), place.lft, place.rgt, 0)
            for id_, place in at.items()
        ),
        retired=[4],
        merged={3: 2},
    )
    assert tree.resolve("automobiles", field="category").slug == "cars"
    assert tree.node(3).label == "Automobiles"
    assert tree.current(3).slug == "cars"
    assert tree.current(4).slug == "carriages"
    assert [node.slug for node in tree.children(1)] == ["cars"]
    with pytest.raises(UnknownNode):
        tree.resolve("carriages", field="category")


# --- Type-ahead -----------------------------------------------------------------------------------


def test_type_ahead_puts_whole_names_before_beginnings_before_words_before_parts(places: Tree) -> None:
    assert [node.slug for node in places.search("leeds")] == ["gb-lds", "gb-leeds"]
    assert places.search("uk")[0].slug == "gb"
    assert [node.slug for node in places.search("new")] == ["au-newcastle", "gb-newcastle-upon-tyne", "us-ny"]
    assert [node.slug for node in places.search("york")] == ["us-ny"]
    assert [node.slug for node in places.search("many")] == ["de"]
    assert [node.slug for node in places.search("mün")] == ["de-munich"]
    assert len(places.search("", limit=3)) == 3


# --- Mentions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("I want a Yaris near Leeds under £12k", ["gb-lds"]),
        ("from London to Munich, or anywhere in the UK", ["gb-london", "de-munich", "gb"]),
        ("Newcastle upon Tyne, please", ["gb-newcastle-upon-tyne"]),
        ("München (Germany)", ["de-munich", "de"]),
        ("a book worth reading, tell us a nice one", []),
        ("Reading glasses. Nice ones", []),
        ("a flat in Reading. Or in Nice", ["gb-reading", "fr-nice"]),
        ("TELL US MORE", []),
        ("It is new. York minster", []),
    ],
)
def test_places_are_read_from_text_by_their_capitals(places: Tree, text: str, named: list[str]) -> None:
    mentions = places.mentions(text, capital=True)
    assert [mention.node.slug for mention in mentions] == named
    assert all(text[mention.start : mention.end][0].isupper() for mention in mentions)


def test_home_decides_between_places_of_one_name(places: Tree) -> None:
    british, plain = (
        places.mentions("a cat in Newcastle", capital=True, home_id=home)[0] for home in (at(places, "gb"), None)
    )
    assert british.node.slug == "gb-newcastle-upon-tyne"
    assert [node.slug for node in british.others] == ["au-newcastle"]
    assert plain.node.slug == "au-newcastle"


def test_the_longest_name_wins_and_the_limit_holds() -> None:
    tree = tree_of(
        [
            ("anything", None, "Anything", (), 0),
            ("cars", "anything", "Cars", ("car",), 0),
            ("car-rental", "anything", "Car Rental", (), 0),
        ],
        {},
    )
    found = tree.mentions("Car rental or a used car, cars")
    assert [(mention.node.slug, mention.start, mention.end) for mention in found] == [
        ("car-rental", 0, 10),
        ("cars", 21, 24),
        ("cars", 26, 30),
    ]
    assert len(tree.mentions("car car car", limit=2)) == 2


def test_a_long_text_is_read_in_linear_time(places: Tree) -> None:
    start = time.perf_counter()
    places.mentions("New York and Leeds, new york. " * 4000, limit=10_000, capital=True)
    assert time.perf_counter() - start < 5
