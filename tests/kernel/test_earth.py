"""Distances against geodesics, and that no circle is kept in a cell that is not looked at."""

import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import assume, given
from hypothesis import strategies as st

from vrm.kernel import earth

places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def geodesic_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    km: float = Geodesic.WGS84.Inverse(*one, *other)["s12"] / 1000
    return km


@given(places, st.floats(0, 360), st.floats(1, 2_000))
def test_whether_two_points_are_near_is_exact_to_a_thousandth_of_the_geodesic(
    at: tuple[float, float], towards: float, km: float
) -> None:
    there = Geodesic.WGS84.Direct(*at, towards, km * 1000)
    one, other = earth.point(*at), earth.point(there["lat2"], there["lon2"])
    assert earth.within(one, other, km * 1.001)
    assert not earth.within(one, other, km * 0.999)
    assert earth.apart_km(one, other) == pytest.approx(km, rel=0.001)


@given(places)
def test_a_point_knows_its_degrees(at: tuple[float, float]) -> None:
    assert geodesic_km(earth.degrees(earth.point(*at)), at) < 0.01


@given(places, st.floats(0, 360), st.floats(1, earth.FARTHEST_KM), st.floats(-300, 300), st.floats(0, 1))
def test_every_circle_that_comes_near_is_in_a_cell_that_is_looked_at(
    at: tuple[float, float], towards: float, reach_km: float, slack_km: float, part: float
) -> None:
    assume(reach_km + slack_km > 0)
    there = Geodesic.WGS84.Direct(*at, towards, part * (reach_km + slack_km) * 1000)
    centre, wanted = earth.point(there["lat2"], there["lon2"]), earth.point(*at)
    assume(earth.within(centre, wanted, reach_km + slack_km))
    assert earth.cell_of(centre, reach_km) in earth.cells_near(wanted, slack_km)


def test_a_circle_that_reaches_nothing_is_near_nothing() -> None:
    leeds = earth.point(53.8, -1.55)
    assert not earth.within(leeds, leeds, -1)
    assert len(earth.cells_near(leeds, 0)) < 20
