"""Where a subscription listens → a picture of its towns among those around, as plain numbers for an SVG."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians

from vendors.models import Subscription
from vrm.kernel import earth
from vrm.kernel.earth import Point
from vrm.kernel.tree import Node, Tree

WIDTH = 640
_HEIGHTS = (240, 420)  # At least and at most.
_AROUND = 0.25  # Of the picture's span, shown on each side of what is covered.
_SPAN_KM = 80  # A single town is shown with this much country.
_KM_PER_DEGREE = 111.2
_DOTS = 900  # A picture stays below 15 kB; the biggest towns are drawn first.
_SIZES = ((1_000_000, 9), (150_000, 6), (0, 4))  # Least population → diameter in pixels …
_SPARSE = 80  # … and half as much again where fewer towns than this are in the picture.
_NAMES = 4
_APART = (130, 26)  # Pixels that a name needs, across and up.


@dataclass(frozen=True, slots=True)
class Dots:
    """Towns of one size, as the path of an SVG whose line caps are round."""

    path: str
    diameter: float
    covered: bool


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a covered town, beside its dot."""

    x: float
    y: float
    text: str
    before: bool  # It ends at the dot: behind it there is no room.


@dataclass(frozen=True, slots=True)
class Map:
    """A picture, in pixels, and what it shows in words."""

    width: int
    height: int
    dots: tuple[Dots, ...]
    names: tuple[Name, ...]
    circle: tuple[float, float, float] | None  # x, y, radius.
    towns: int  # Covered ones; towns of 15,000 people and more are known.
    biggest: tuple[str, ...]


def picture(subscription: Subscription, regions: Tree, language: str = "en") -> Map | None:
    """The places that a subscription, stored or only proposed, covers; None where no town is known.

    Towns are called as in `language`.
    """
    towns = [node for node in regions.towns if regions.offers(node.id)]
    circle = None
    if subscription.reach_km is None:
        reached = regions.intervals(subscription.region_id)
        covered = {town.id for town in towns if any(lft <= town.lft <= rgt for lft, rgt in reached)}
    else:
        centre = Point(subscription.x or 0.0, subscription.y or 0.0, subscription.z or 0.0)
        covered = set(regions.around(centre, subscription.reach_km))
        lat, lon = earth.degrees(centre)
        circle = (lat, lon, float(subscription.reach_km))
    inside = [town for town in towns if town.id in covered]
    if not inside and circle is None:
        return None
    frame = _frame(inside, circle)
    seen = sorted((town for town in towns if frame.holds(town)), key=lambda town: -town.population)[:_DOTS]
    inside.sort(key=lambda town: -town.population)
    return Map(
        width=WIDTH,
        height=frame.height,
        dots=tuple(_dots(seen, covered, frame)),
        names=tuple(_names(inside, frame, language)),
        circle=None if circle is None else (*frame.at(circle[0], circle[1]), round(circle[2] * frame.per_km, 1)),
        towns=len(inside),
        biggest=tuple(town.label_in(language) for town in inside[:5]),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """A piece of the earth, so small or so flattened that degrees are pixels."""

    north: float
    west: float  # Longitudes are counted eastwards from here, so that Fiji and Alaska are in one piece.
    across: float  # Degrees of longitude.
    height: int
    per_km: float

    def at(self, lat: float, lon: float) -> tuple[float, float]:
        """Pixels from the upper left."""
        x = (lon - self.west) % 360 / self.across * WIDTH
        y = (self.north - lat) * _KM_PER_DEGREE * self.per_km
        return round(x, 1), round(y, 1)

    def holds(self, town: Node) -> bool:
        """Whether the town is in the picture."""
        x, y = self.at(town.lat or 0.0, town.lon or 0.0)
        return 0 <= x <= WIDTH and 0 <= y <= self.height


def _frame(inside: Sequence[Node], circle: tuple[float, float, float] | None) -> _Frame:
    lats, lons = [town.lat or 0.0 for town in inside], [town.lon or 0.0 for town in inside]
    if circle is not None:
        reach = circle[2] / _KM_PER_DEGREE
        wide = min(reach / max(cos(radians(circle[0])), 0.1), 179)
        lats += [max(circle[0] - reach, -85), min(circle[0] + reach, 85)]
        lons += [(circle[1] - wide + 180) % 360 - 180, (circle[1] + wide + 180) % 360 - 180]
    south, north = min(lats), max(lats)
    west, across = _narrowest(lons)
    middle = (south + north) / 2
    flat = max(cos(radians(middle)), 0.1)
    wide_km = max(across * _KM_PER_DEGREE * flat * (1 + 2 * _AROUND), _SPAN_KM)
    high_km = max((north - south) * _KM_PER_DEGREE * (1 + 2 * _AROUND), _SPAN_KM / 2)
    least, most = _HEIGHTS
    # As wide as it has to be for its height, and as high as it has to be for its width.
    wide_km = min(max(wide_km, high_km * WIDTH / most), 360 * _KM_PER_DEGREE * flat)
    height = round(min(max(high_km / wide_km * WIDTH, least), most))
    per_km = WIDTH / wide_km
    shown = wide_km / (_KM_PER_DEGREE * flat)
    return _Frame(
        north=middle + height / per_km / _KM_PER_DEGREE / 2,
        west=west + across / 2 - shown / 2,
        across=shown,
        height=height,
        per_km=per_km,
    )


def _narrowest(lons: Iterable[float]) -> tuple[float, float]:
    """(west end, degrees across) of the narrowest strip that holds them all, whichever way round the earth."""
    ordered = sorted(lons)
    gaps = [(east - west, east) for west, east in zip(ordered, [*ordered[1:], ordered[0] + 360], strict=True)]
    widest, west = max(gaps)
    return west % 360, 360 - widest


def _dots(seen: Sequence[Node], covered: set[int], frame: _Frame) -> Iterable[Dots]:
    grown = 1.5 if len(seen) < _SPARSE else 1
    for inside in (False, True):  # What is covered lies above.
        for number, (least, diameter) in enumerate(_SIZES):
            below = _SIZES[number - 1][0] if number else float("inf")
            places = {
                tuple(map(round, frame.at(town.lat or 0.0, town.lon or 0.0)))
                for town in seen
                if (town.id in covered) is inside and least <= town.population < below
            }
            if places:
                yield Dots("".join(f"M{x} {y}h0" for x, y in sorted(places)), diameter * grown, inside)


def _names(inside: Sequence[Node], frame: _Frame, language: str) -> Iterable[Name]:
    """Of the biggest towns, those whose names do not stand on each other."""
    taken: list[tuple[float, float]] = []
    for town in inside[:40]:
        x, y = frame.at(town.lat or 0.0, town.lon or 0.0)
        free = all(abs(x - other) > _APART[0] or abs(y - above) > _APART[1] for other, above in taken)
        if free and 10 <= x <= WIDTH - 10 and 10 <= y <= frame.height - 10:
            taken.append((x, y))
            yield Name(x, y, town.label_in(language), x > WIDTH - _APART[0])
        if len(taken) == _NAMES:
            return
