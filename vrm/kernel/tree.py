"""Rows with a parent → a tree in memory that answers what covers what, and which node a person means."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from vrm.kernel import earth
from vrm.kernel.earth import Point
from vrm.kernel.errors import BadInput, Candidate, UnknownNode
from vrm.kernel.names import Named, NameIndex

# A name that several places share means the one with this many times the people of every other.
_OUTSHINES = 10


@dataclass(frozen=True, slots=True)
class Position:
    """Where a node stands: everything below it has its own `lft` between this `lft` and `rgt`."""

    lft: int
    rgt: int
    depth: int


@dataclass(frozen=True, slots=True)
class Node:
    """One category or region. A group (kind "group") has no children but members, in `Tree`."""

    id: int
    slug: str
    parent_id: int | None
    kind: str
    label: str
    synonyms: tuple[str, ...] = ()
    lft: int = 0
    rgt: int = 0
    depth: int = 0
    lat: float | None = None  # Degrees; None for what is not a point, such as countries.
    lon: float | None = None
    zone: str | None = None  # IANA time zone, where the whole node has one.
    population: int = 0  # 0 is "not known".
    groups: tuple[int, ...] = ()  # Groups of which this very node is a member.
    # By language (ISO 639-1) the label and then other names. The English label is `label`, whatever stands here.
    names: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False)

    def label_in(self, language: str) -> str:
        """The label in a language, or the English one."""
        names = self.names.get(language) if language != "en" else None
        return names[0] if names else self.label


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a region lies, for circles. `slack_km` is 0 for what counts as a point: it is in a circle that reaches it.

    Below 0 it is how far the region's cities lie around: it is in a circle that reaches all of them.
    """

    point: Point
    slack_km: float


@dataclass(frozen=True, slots=True)
class Mention:
    """`text[start:end]` names `node`; `others` are what it may mean instead, the likeliest first."""

    start: int
    end: int
    node: Node
    others: tuple[Node, ...]


def number(parents: Mapping[int, int | None]) -> dict[int, Position]:
    """Nested-set positions for {id: parent id}; children keep the order in which they are given.

    Raises BadInput when there is not exactly one root, or a node hangs on a missing parent or on itself.
    """
    children: dict[int | None, list[int]] = defaultdict(list)
    for id_, parent_id in parents.items():
        children[parent_id].append(id_)
    if len(children[None]) != 1:
        raise BadInput({"parent": f"A tree has one root; this one has {len(children[None])}."})
    placed: dict[int, Position] = {}
    opened: dict[int, tuple[int, int]] = {}
    counter = 0
    todo = [(children[None][0], 0, False)]
    while todo:
        id_, depth, done = todo.pop()
        counter += 1
        if done:
            placed[id_] = Position(opened[id_][0], counter, opened[id_][1])
            continue
        opened[id_] = (counter, depth)
        todo.append((id_, depth, True))
        todo += [(child, depth + 1, False) for child in reversed(children.get(id_, []))]
    if len(placed) != len(parents):
        lost = next(id_ for id_ in parents if id_ not in placed)
        raise BadInput({"parent": f"Node {lost} does not hang on the root; give it a parent that exists."})
    return placed


class Tree:
    """Nodes that do not change. Retired and merged nodes are found by id but not by name.

    `current` maps the id of a merged node to the node that took its place.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        *,
        retired: Iterable[int] = (),
        merged: Mapping[int, int] | None = None,
    ) -> None:
        self._nodes = {node.id: node for node in nodes}
        self._slugs = {node.slug: node for node in self._nodes.values()}
        self._merged = dict(merged or {})
        self._hidden = frozenset(retired) | frozenset(self._merged)
        children: dict[int, list[Node]] = defaultdict(list)
        members: dict[int, list[Node]] = defaultdict(list)
        for node in sorted(self._nodes.values(), key=lambda node: node.lft):
            if node.parent_id is None:
                self.root = node
            elif node.id not in self._hidden:
                children[node.parent_id].append(node)
            for group_id in node.groups:
                members[group_id].append(node)
        self._children = dict(children)
        self._members = dict(members)
        self._ancestors: dict[int, tuple[int, ...]] = {}
        self._spots: dict[int, Spot | None] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._nodes

    def node(self, id_: int) -> Node:
        """The node with this id; KeyError when there is none."""
        return self._nodes[id_]

    def current(self, id_: int) -> Node:
        """The node that stands for this id today: itself, or what it was merged into."""
        seen = set()
        while id_ in self._merged and id_ not in seen:
            seen.add(id_)
            id_ = self._merged[id_]
        return self._nodes[id_]

    def by_slug(self, slug: str) -> Node | None:
        """The node that this slug stands for today, if there is one; see `current`."""
        node = self._slugs.get(slug)
        return self.current(node.id) if node is not None else None

    def offers(self, id_: int) -> bool:
        """Whether the node may be chosen: it is neither retired nor merged into another."""
        return id_ not in self._hidden

    def children(self, id_: int) -> tuple[Node, ...]:
        """The nodes right below, in the order of the tree."""
        return tuple(self._children.get(id_, ()))

    def members(self, group_id: int) -> tuple[Node, ...]:
        """The nodes that make up a group; none for anything else."""
        return tuple(self._members.get(group_id, ()))

    def path(self, id_: int) -> tuple[Node, ...]:
        """From the top level (below the root) down to the node; the root's own path is the root."""
        node = self._nodes[id_]
        path = [node]
        while node.parent_id is not None and node.parent_id != self.root.id:
            node = self._nodes[node.parent_id]
            path.append(node)
        return tuple(reversed(path))

    def label(self, id_: int, language: str = "en") -> str:
        """The name for people who read this language, where it is known; else the English one."""
        return self._nodes[id_].label_in(language)

    def path_label(self, id_: int, language: str = "en") -> str:
        """ "Vehicles › Cars"."""
        return " › ".join(node.label_in(language) for node in self.path(id_))

    def ancestors(self, id_: int) -> tuple[int, ...]:
        """Every node that covers this one: itself, upwards to the root, then the groups that any of them is in."""
        known = self._ancestors.get(id_)
        if known is None:
            upwards = []
            node: Node | None = self._nodes[id_]
            while node is not None:
                upwards.append(node)
                node = self._nodes[node.parent_id] if node.parent_id is not None else None
            groups = [group for step in upwards for group in step.groups]
            known = tuple(dict.fromkeys([step.id for step in upwards] + groups))
            self._ancestors[id_] = known
        return known

    def intervals(self, id_: int) -> tuple[tuple[int, int], ...]:
        """Ranges (lft, rgt), disjoint and in order: a node is covered by `id_` when its lft lies in one of them.

        A plain node has one; a group has its own and those of its members.
        """
        node = self._nodes[id_]
        ranges = sorted({(node.lft, node.rgt), *((member.lft, member.rgt) for member in self.members(id_))})
        joined = [ranges[0]]
        for lft, rgt in ranges[1:]:
            if lft > joined[-1][1]:  # Otherwise it lies inside: nested sets never overlap in part.
                joined.append((lft, rgt))
        return tuple(joined)

    def covers(self, upper_id: int, lower_id: int) -> bool:
        """Whether a subscription to `upper_id` gets what is wanted at `lower_id`."""
        return upper_id in self.ancestors(lower_id)

    # --- On the earth -----------------------------------------------------------------------------

    def spot(self, id_: int) -> Spot | None:
        """Where the node lies; None for what has no place of its own, such as the world or a group.

        A county is where its city of the same name is, which people mean by that name as often.
        """
        if id_ not in self._spots:
            self._spots[id_] = self._locate(self._nodes[id_])
        return self._spots[id_]

    def _locate(self, node: Node) -> Spot | None:
        if node.id in self._points:
            return Spot(self._points[node.id], 0)
        if node.kind in ("world", "continent", "group"):
            return None
        first, last = (bisect_left(self._in_order, at) for at in ((node.lft, 0), (node.rgt + 1, 0)))
        below = [id_ for _, id_ in self._in_order[first:last]]
        if not below:
            return None
        namesake = next((id_ for id_ in below if self._nodes[id_].label == node.label), None)
        if namesake is not None and node.kind != "country":
            return Spot(self._points[namesake], 0)
        cities = [self._points[id_] for id_ in below]
        centre = earth.middle(cities)
        return Spot(centre, -max(earth.apart_km(centre, city) for city in cities))

    @cached_property
    def _in_order(self) -> list[tuple[int, int]]:
        return sorted((self._nodes[id_].lft, id_) for id_ in self._points)

    @cached_property
    def _points(self) -> dict[int, Point]:
        return {
            node.id: earth.point(node.lat, node.lon)
            for node in self._nodes.values()
            if node.lat is not None and node.lon is not None
        }

    @cached_property
    def towns(self) -> tuple[Node, ...]:
        """The nodes that are points."""
        return tuple(self._nodes[id_] for id_ in self._points)

    def around(self, centre: Point, km: float) -> list[int]:
        """Nodes that are points and lie in a circle, such as the cities within 30 km."""
        return [id_ for id_, point in self._points.items() if earth.within(centre, point, km)]

    def reached_from(self, centre: Point, km: float) -> list[int]:
        """Every node that is in a circle; see `Spot`."""
        spots = ((id_, self.spot(id_)) for id_ in self._nodes)
        return [id_ for id_, spot in spots if spot is not None and earth.within(centre, spot.point, km + spot.slack_km)]

    def nearest(self, centre: Point) -> Node | None:
        """The node that is a point and lies nearest; None in a tree without any."""
        ids = ((earth.apart_squared(centre, point), id_) for id_, point in self._points.items())
        found = min(ids, default=None)
        return self._nodes[found[1]] if found is not None else None

    # --- By name ----------------------------------------------------------------------------------

    @cached_property
    def _names(self) -> NameIndex:
        return NameIndex(
            Named(
                node.id,
                node.label,
                node.synonyms,
                (-self._people[node.id], node.depth, len(node.label)),
                node.names,
            )
            for node in self._nodes.values()
            if node.id not in self._hidden
        )

    @cached_property
    def _people(self) -> dict[int, int]:
        """The most people known of in one node at or below each: a county weighs as much as its city."""
        people = {id_: node.population for id_, node in self._nodes.items()}
        for node in sorted(self._nodes.values(), key=lambda node: -node.depth):
            if node.parent_id is not None:
                people[node.parent_id] = max(people[node.parent_id], people[node.id])
        return people

    def resolve(self, text: str, *, field: str, language: str = "en") -> Node:
        """The one node that `text` means: a slug, a label, or a synonym, whatever its case, accents and plural.

        Of a city and the county of the same name around it, the county. Of places that share a name, the one with ten
        times the people of every other. Otherwise UnknownNode for `field`, with candidates called as in `language`.
        """
        named = self._slugs.get(text.strip().lower())
        node = self.current(named.id) if named is not None else None
        if node is not None and node.id not in self._hidden:
            return node
        names = self._names
        for find in (names.by_label, names.by_synonym, names.by_phrase, names.by_foreign):
            ids = find(text)
            if ids:
                return self._one_of(ids, text, field, language)
        shown = text.strip()[:60]
        if not shown:
            raise UnknownNode(field, f"The {field} is missing; please choose one.")
        close = self._without_echoes(self._names.close_to(text, limit=8))[:5]
        sentence = f"There is no {field} called “{shown}”; try another word."
        if close:
            like = _list_of(self.label(id_, language) for id_ in close[:3])
            sentence = f"There is no {field} called “{shown}”; did you mean {like}?"
        raise UnknownNode(field, sentence, self._candidates(close, language))

    def _one_of(self, ids: Sequence[int], text: str, field: str, language: str) -> Node:
        widest = [id_ for id_ in ids if not any(other in self.ancestors(id_) for other in ids if other != id_)]
        widest.sort(key=lambda id_: -self._people[id_])
        first = self._people[widest[0]]
        if len(widest) == 1 or (first and all(0 < self._people[id_] * _OUTSHINES <= first for id_ in widest[1:])):
            return self._nodes[widest[0]]
        shown = text.strip()[:60]
        others = self._without_echoes([*widest, *self._names.by_synonym(text)])
        raise UnknownNode(
            field,
            f"“{shown}” may be {_list_of(self.path_label(id_, language) for id_ in widest[:3])}; "
            f"please choose one {field}.",
            self._candidates(others[:10], language),
        )

    def _without_echoes(self, ids: Sequence[int]) -> list[int]:
        """The same without a city that lies in a county of its own name which is there too."""
        there = set(ids)
        return [
            id_
            for id_ in dict.fromkeys(ids)
            if not any(up != id_ and up in there and self.label(up) == self.label(id_) for up in self.ancestors(id_))
        ]

    def _candidates(self, ids: Iterable[int], language: str) -> list[Candidate]:
        return [self.candidate(id_, language) for id_ in ids]

    def candidate(self, id_: int, language: str = "en") -> Candidate:
        """What may be chosen, called as in this language."""
        path = tuple(node.label_in(language) for node in self.path(id_))
        return Candidate(self._nodes[id_].slug, path[-1], path)

    def called(self, text: str) -> list[Node]:
        """The nodes with this label or synonym, whatever its case and accents."""
        ids = [*self._names.by_label(text), *self._names.by_synonym(text)]
        return [self._nodes[id_] for id_ in dict.fromkeys(ids)]

    def search(self, query: str, *, limit: int = 10) -> list[Node]:
        """Nodes for a name that is being typed, best first; see `NameIndex.search`."""
        return [self._nodes[id_] for id_ in self._names.search(query, limit=limit)]

    def mentions(
        self, text: str, *, limit: int = 10, capital: bool = False, home_id: int | None = None
    ) -> list[Mention]:
        """Nodes that free text names, in the order of the text; see `NameIndex.mentions` for `capital`.

        Of several with one name: first what is at or below `home_id` (the reader's country, say), then the widest of a
        place and the county around it, then the one with the most people.
        """
        found = []
        for span in self._names.mentions(text, capital=capital):
            ids = sorted(span.ids, key=lambda id_: home_id is None or not self.covers(home_id, id_))
            first, *others = (self._nodes[id_] for id_ in ids)
            found.append(Mention(span.start, span.end, first, tuple(others)))
            if len(found) == limit:
                break
        return found


def _list_of(names: Iterable[str]) -> str:
    *most, final = (f"“{name}”" for name in names)
    return f"{', '.join(most)} or {final}" if most else final
