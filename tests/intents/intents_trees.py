"""Two small trees, written by hand: categories and regions."""

from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Node, Tree, number

# slug: (parent, kind, label, synonyms, population)
_CATEGORIES: dict[str, tuple[str, str, str, tuple[str, ...], int]] = {
    "anything": ("", "root", "Anything", (), 0),
    "vehicles": ("anything", "good", "Vehicles", (), 0),
    "cars": ("vehicles", "good", "Cars", ("car", "hatchback"), 0),
    "vehicle-parts": ("vehicles", "good", "Vehicle Parts", (), 0),
    "bicycles": ("anything", "good", "Bicycles", ("bike", "bicycle"), 0),
    "cellos": ("anything", "good", "Cellos", (), 0),
    "tables": ("anything", "good", "Tables", (), 0),
    "bath": ("anything", "good", "Baths", (), 0),
    "pets": ("anything", "good", "Pet Supplies", ("dog",), 0),
    "services": ("anything", "service", "Services", (), 0),
    "plumber": ("services", "service", "Plumber", ("plumbing",), 0),
    "cello-teacher": ("services", "service", "Cello Teacher", ("cello lessons",), 0),
}
_REGIONS: dict[str, tuple[str, str, str, tuple[str, ...], int]] = {
    "world": ("", "world", "World", ("anywhere",), 0),
    "europe": ("world", "continent", "Europe", (), 0),
    "gb": ("europe", "country", "United Kingdom", ("UK", "Britain"), 0),
    "gb-lds": ("gb", "subdivision", "Leeds", (), 0),
    "gb-leeds": ("gb-lds", "city", "Leeds", (), 536_280),
    "gb-newcastle": ("gb", "city", "Newcastle", (), 300_000),
    "gb-oxford": ("gb", "city", "Oxford", (), 150_000),
    "gb-swindon": ("gb", "city", "Swindon", (), 180_000),
    "gb-bath": ("gb", "city", "Bath", (), 94_000),
    "gb-reading": ("gb", "city", "Reading", (), 170_000),
    "gb-richmond-1": ("gb", "city", "Richmond", (), 20_000),
    "gb-richmond-2": ("gb", "city", "Richmond", (), 21_000),
    "fr": ("europe", "country", "France", (), 0),
    "fr-paris": ("fr", "city", "Paris", (), 2_100_000),
    "au": ("world", "country", "Australia", (), 0),
    "au-newcastle": ("au", "city", "Newcastle", (), 320_000),
    "us": ("world", "country", "United States", (), 0),
    "us-paris": ("us", "city", "Paris", (), 25_000),
}
# Degrees of those whose place matters to a test.
_POINTS = {"gb-leeds": (53.80, -1.55), "gb-oxford": (51.75, -1.26)}


def _tree(rows: dict[str, tuple[str, str, str, tuple[str, ...], int]]) -> Tree:
    ids = {slug: number for number, slug in enumerate(rows, 1)}
    places = number({ids[slug]: ids[row[0]] if row[0] else None for slug, row in rows.items()})
    return Tree(
        Node(
            ids[slug],
            slug,
            ids.get(parent),
            kind,
            label,
            synonyms,
            places[ids[slug]].lft,
            places[ids[slug]].rgt,
            places[ids[slug]].depth,
            population=population,
            lat=_POINTS.get(slug, (None, None))[0],
            lon=_POINTS.get(slug, (None, None))[1],
        )
        for slug, (parent, kind, label, synonyms, population) in rows.items()
    )


TREES = Trees(_tree(_CATEGORIES), _tree(_REGIONS))


def category_id(slug: str) -> int:
    """The id of a category of the small tree."""
    node = TREES.categories.by_slug(slug)
    assert node is not None
    return node.id


def region_id(slug: str) -> int:
    """The id of a region of the small tree."""
    node = TREES.regions.by_slug(slug)
    assert node is not None
    return node.id
