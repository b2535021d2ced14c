"""Smaller trees for tests: two little ones that a test may change, and the committed ones without smaller towns."""

from datetime import datetime
from functools import cache

from sqlalchemy import insert, text

from vrm import migrations
from vrm.kernel import rates
from vrm.kernel.db import Base, Store
from vrm.kernel.edition import Edition
from vrm.kernel.taxonomy import Category, Region, RegionMember, TreeName, stamp
from vrm.kernel.tree import number

CATEGORIES = {
    "anything": (None, "root", "Anything"),
    "vehicles": ("anything", "good", "Vehicles"),
    "cars": ("vehicles", "good", "Cars"),
    "bikes": ("vehicles", "good", "Bikes"),
    "scooters": ("bikes", "good", "Scooters"),
    "tandems": ("bikes", "good", "Tandems"),
    "toys": ("anything", "good", "Toys"),
    "dolls": ("toys", "good", "Dolls"),
    "plumber": ("anything", "service", "Plumber"),
}
REGIONS = {
    "world": (None, "world", "World"),
    "europe": ("world", "continent", "Europe"),
    "gb": ("europe", "country", "Great Britain"),
    "leeds": ("gb", "city", "Leeds"),
    "york": ("gb", "city", "York"),
    "fr": ("europe", "country", "France"),
    "paris": ("fr", "city", "Paris"),
    "eu": ("world", "group", "European Union"),
}
POINTS = {"leeds": (53.80, -1.55), "york": (53.96, -1.08), "paris": (48.86, 2.35)}
SYNONYMS = {"bikes": ["bicycle", "e-bike"], "cars": ["auto"]}


@cache
def fewer_towns() -> Edition:
    """The committed edition with cities of 100,000 people and more: a third of its nodes, so that stores fill fast."""
    return Edition.committed(least_people=100_000)


def plant(store: Store, now: datetime) -> None:
    """Make all tables as the newest version has them, and fill those of the trees."""
    Base.metadata.create_all(store.engine)
    sow(store, now)
    with store.write() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": migrations.newest()})


def sow(store: Store, now: datetime) -> None:
    """Fill the tables of the trees, which must be empty."""
    with store.write() as session:
        for model, nodes in ((Category, CATEGORIES), (Region, REGIONS)):
            ids = {slug: id_ for id_, slug in enumerate(nodes, 1)}
            parents = {ids[slug]: ids[up] if up else None for slug, (up, _, _) in nodes.items()}
            places = number(parents)
            session.execute(
                insert(model),
                [
                    {
                        "id": ids[slug], "slug": slug, "kind": kind, "label": label, "parent_id": parents[ids[slug]],
                        "synonyms": SYNONYMS.get(slug, []), "codes": [], "population": 0, "edited": [],
                        "lat": POINTS.get(slug, (None, None))[0], "lon": POINTS.get(slug, (None, None))[1],
                        "lft": places[ids[slug]].lft, "rgt": places[ids[slug]].rgt, "depth": places[ids[slug]].depth,
                    }
                    for slug, (_, kind, label) in nodes.items()
                ],
            )  # fmt: skip
        region_ids = {slug: id_ for id_, slug in enumerate(REGIONS, 1)}
        session.add(RegionMember(group_id=region_ids["eu"], member_id=region_ids["fr"]))
        rates.load(session)
        for name in TreeName:
            stamp(session, name, now)


def edition(
    *,
    without: frozenset[str] = frozenset(),
    moved: dict[str, str] | None = None,
    successors: dict[str, str] | None = None,
    more: dict[str, str] | None = None,
) -> Edition:
    """The little trees as files would say them: without some categories, with others moved or added below a slug."""
    nodes = {slug: (up or "", kind, label) for slug, (up, kind, label) in CATEGORIES.items() if slug not in without}
    for slug, up in (moved or {}).items():
        nodes[slug] = (up, *nodes[slug][1:])
    for slug, up in (more or {}).items():
        nodes[slug] = (up, "good", slug.title())
    regions = {slug: (up or "", kind, label) for slug, (up, kind, label) in REGIONS.items()}
    lines = {
        name: [
            {"id": slug, "parent": up, "kind": kind, "label": label, "synonyms": "|".join(SYNONYMS.get(slug, [])),
             "codes": "", "members": "fr" if slug == "eu" else "", "lat": "", "lon": "", "zone": "", "population": ""}
            for slug, (up, kind, label) in tree.items()
        ]
        for name, tree in (("categories", nodes), ("regions", regions))
    }  # fmt: skip
    return Edition(lines, {"categories": successors or {}})
