"""Points on the earth, how far apart they lie, and the cells in which circles are looked up.

A point is kept as kilometres from the centre of the earth. How far two lie apart is then plain arithmetic, the same in
both stores and here: no sine, no function that a store would need. Against the geodesic it is exact to 0.01 % up to
2,000 km, the ellipsoid's flattening included. Cells are those of https://h3geo.org.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import h3.api.basic_int as h3  # type: ignore[import-untyped] # It ships no types.

FARTHEST_KM = 1_000  # The radius of the largest circle.
_EARTH_KM = 6_371.0088  # IUGG, mean radius.
_EQUATOR_KM, _FLATTENED = 6_378.137, 6.694379990141e-3  # WGS 84: half axis, first eccentricity squared.
# Circles up to so many km are kept in the cell, of this resolution, in which their centre lies. A cell is wide enough
# that few of them touch such a circle, and a few resolutions are enough that most of what is in a cell is near.
_RESOLUTIONS = ((15, 4), (100, 2), (FARTHEST_KM, 0))
_MARGIN = 1.01  # Cells are made on a sphere, distances on the ellipsoid.


class Point(NamedTuple):
    """Kilometres from the centre of the earth, on its surface."""

    x: float
    y: float
    z: float


class _Cell(NamedTuple):
    id: int
    centre: Point
    reach_km: float  # From the centre to its farthest corner.


def point(lat: float, lon: float) -> Point:
    """The point at these degrees."""
    phi, lam = math.radians(lat), math.radians(lon)
    radius = _EQUATOR_KM / math.sqrt(1 - _FLATTENED * math.sin(phi) ** 2)
    return Point(
        radius * math.cos(phi) * math.cos(lam),
        radius * math.cos(phi) * math.sin(lam),
        radius * (1 - _FLATTENED) * math.sin(phi),
    )


def apart_squared(one: Sequence[Any], other: Sequence[Any]) -> Any:
    """The square of the straight line between two points, in km²: of numbers or of expressions in SQL."""
    (ax, ay, az), (bx, by, bz) = one, other
    return (ax - bx) * (ax - bx) + (ay - by) * (ay - by) + (az - bz) * (az - bz)


def straight_squared(km: Any) -> Any:
    """The same for points that lie `km` apart along the surface, up to 2,000: (2R sin km/2R)² as its series."""
    square = km * km
    return square * (1 - square * (1 / (12 * _EARTH_KM**2) - square * (1 / (360 * _EARTH_KM**4))))


def within(centre: Point, other: Point, km: float) -> bool:
    """Whether the points lie at most `km` apart along the surface; never for less than nothing."""
    near: bool = km >= 0 and apart_squared(centre, other) <= straight_squared(km)
    return near


def apart_km(one: Point, other: Point) -> float:
    """Kilometres along the surface."""
    straight = math.sqrt(apart_squared(one, other))
    return 2 * _EARTH_KM * math.asin(min(1.0, straight / (2 * _EARTH_KM)))


def degrees(of: Point) -> tuple[float, float]:
    """Latitude and longitude of the point; exact to a few metres."""
    flat = math.hypot(of.x, of.y)
    return math.degrees(math.atan2(of.z, flat * (1 - _FLATTENED))), math.degrees(math.atan2(of.y, of.x))


def middle(points: list[Point]) -> Point:
    """The point on the surface in the middle of these."""
    x, y, z = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    return point(*degrees(Point(x, y, z)))


# --- Cells ----------------------------------------------------------------------------------------


def cell_of(centre: Point, reach_km: float) -> int:
    """The one cell in which a circle is kept; cells are larger numbers than any row's id."""
    resolution = next(resolution for most, resolution in _RESOLUTIONS if reach_km <= most)
    cell: int = h3.latlng_to_cell(*degrees(centre), resolution)
    return cell


@lru_cache(maxsize=10_000)  # Most wants are from a town that others are from.
def cells_near(at: Point, slack_km: float) -> tuple[int, ...]:
    """Every cell in which a circle may be kept that comes within `slack_km` of the point.

    Below 0: circles that reach so much farther than the point.
    """
    lat, lon = degrees(at)
    found = []
    for most, resolution in _RESOLUTIONS:
        if most + slack_km >= 0:
            found += list(_touched(at, h3.latlng_to_cell(lat, lon, resolution), most + slack_km))
    return tuple(found)


def _touched(at: Point, home: int, km: float) -> Iterator[int]:
    """The cells that a circle around a point in the cell `home` may touch, ring by ring until none does."""
    rings = 0
    while True:
        touched = [cell.id for cell in _ring(home, rings) if apart_km(at, cell.centre) <= km * _MARGIN + cell.reach_km]
        yield from touched
        if not touched:
            return
        rings += 1


@lru_cache(maxsize=20_000)
def _ring(home: int, rings: int) -> tuple[_Cell, ...]:
    inner = set(h3.grid_disk(home, rings - 1)) if rings else set()
    return tuple(_cell(id_) for id_ in h3.grid_disk(home, rings) if id_ not in inner)


@lru_cache(maxsize=20_000)
def _cell(id_: int) -> _Cell:
    centre = point(*h3.cell_to_latlng(id_))
    return _Cell(id_, centre, _MARGIN * max(apart_km(centre, point(*corner)) for corner in h3.cell_to_boundary(id_)))
