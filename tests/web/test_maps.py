"""A picture of where a subscription listens: every covered town is in it, in one piece, and it stays small."""

import re

import pytest

from vendors.models import Subscription
from vrm.kernel import earth
from vrm.kernel.tree import Node, Tree
from vrm.web import maps

WORLD, ISLANDS, MAINLAND = 1, 2, 3


def town(id_: int, parent: int, label: str, at: tuple[float, float], people: int, lft: int) -> Node:
    return Node(id_, f"t{id_}", parent, "city", label, (), lft, lft + 1, 2, *at, population=people)


@pytest.fixture
def regions() -> Tree:
    return Tree(
        [
            Node(WORLD, "world", None, "world", "World", (), 1, 100, 0),
            Node(ISLANDS, "islands", WORLD, "country", "Islands", (), 2, 20, 1),
            Node(MAINLAND, "mainland", WORLD, "country", "Mainland", (), 21, 40, 1),
            # On both sides of the 180th meridian, as Fiji is.
            town(10, ISLANDS, "Suva", (-18.1, 178.4), 90_000, 3),
            town(11, ISLANDS, "Nukulaelae", (-9.4, -179.9), 20_000, 5),
            *(town(20 + n, MAINLAND, f"Town {n}", (50 + n, 8 + n), 2_000_000 // (n + 1), 22 + 2 * n) for n in range(8)),
        ]
    )


def dots(picture: maps.Map, *, covered: bool) -> list[tuple[int, int]]:
    return [
        (int(x), int(y))
        for one in picture.dots
        if one.covered is covered
        for x, y in re.findall(r"M(-?\d+) (-?\d+)h0", one.path)
    ]


def test_every_covered_town_is_in_the_picture_and_the_biggest_are_named(regions: Tree) -> None:
    picture = maps.picture(Subscription(region_id=MAINLAND), regions)
    assert picture is not None
    assert (picture.towns, picture.biggest[0], picture.circle) == (8, "Town 0", None)
    places = dots(picture, covered=True)
    assert len(places) == 8
    assert all(0 <= x <= picture.width and 0 <= y <= picture.height for x, y in places)
    assert picture.names[0].text == "Town 0"


def test_islands_on_both_sides_of_the_date_line_are_in_one_piece(regions: Tree) -> None:
    picture = maps.picture(Subscription(region_id=ISLANDS), regions)
    assert picture is not None
    (west, south), (east, north) = sorted(dots(picture, covered=True))
    assert 0 < east - west < picture.width / 2
    assert north < south
    assert not dots(picture, covered=False)  # The mainland is on the other side of the earth.


def test_a_circle_is_drawn_as_large_as_it_is(regions: Tree) -> None:
    centre = earth.point(50, 8)
    circle = Subscription(region_id=20, reach_km=150, x=centre.x, y=centre.y, z=centre.z)
    picture = maps.picture(circle, regions)
    assert picture is not None
    assert picture.circle is not None
    x, y, radius = picture.circle
    assert picture.towns == 2  # Town 1 lies 132 km away, town 2 264 km.
    away = sorted(((dot_x - x) ** 2 + (dot_y - y) ** 2) ** 0.5 for dot_x, dot_y in dots(picture, covered=True))
    assert away[0] <= 1
    assert away[1] / radius == pytest.approx(132 / 150, rel=0.05)
    assert x - radius >= 0
    assert x + radius <= picture.width


def test_a_place_without_towns_has_no_picture_but_a_circle_there_has(regions: Tree) -> None:
    bare = Tree([Node(WORLD, "world", None, "world", "World", (), 1, 2, 0)])
    assert maps.picture(Subscription(region_id=WORLD), bare) is None
    centre = earth.point(-80, 0)
    picture = maps.picture(Subscription(region_id=WORLD, reach_km=30, x=centre.x, y=centre.y, z=centre.z), regions)
    assert picture is not None
    assert (picture.towns, picture.biggest) == (0, ())
