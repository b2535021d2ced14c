"""Free text and tags -> the category and the region that they surely mean, or None. Pure."""

import re
from collections.abc import Iterable, Sequence

from babel.numbers import get_territory_currencies

from vrm.kernel.errors import UnknownNode
from vrm.kernel.tree import Mention, Node, Tree

# In English what is wanted comes before the first of these: "garden shed | for my house near the school".
_THING_ENDS = re.compile(
    r"\b(?:for|near|in|with|under|by|from|to|at|around|within|who|that|which|on|up|max|below|between|and|or|"
    r"because|so|für|bei|mit|unter|bis|pour|avec|près|moins|para|con|cerca|hasta)\b|[,;:.!?()&+/\n–—£$€]",
    re.IGNORECASE,
)
# What may follow a thing without changing what it is: a model's number, a wish for haste.
_AFTERTHOUGHT = re.compile(r"(?:\s+(?:\w*\d\w*|please|wanted|needed|required|asap|urgently|today|now|soon))*\s*", re.I)
_ASKS_FOR = re.compile(
    r"(?:\A|[.!?\n]\s?|\b(?:want|need|looking for|search of|like|buy|rent|hire|find|be|is|it['’]s)\s)\s*"
    r"(?:(?:an?|some|any|the|my next|another)\s)?(?:[\w-]+\s){0,2}\Z",
    re.IGNORECASE,
)
_PLACE_FOLLOWS = re.compile(
    r"(?<!\w)(?:in|deliver(?:ed|y)? to|near|around|at|within .{1,12} of|outside|close to|based in|area of|miles of|"
    r"km of|bei|nahe|um|à|près de|cerca de|en)(?: the)? ?$",
    re.IGNORECASE,
)
_CHAINED = re.compile(r"[\s,()–—-]*(?:and|or|/)?[\s,()–—-]*")
_OUTSHINES = 10  # A place means more than its namesakes when it has so many times the people of each.


def find_category(tree: Tree, headline: str, text: str, tags: Iterable[str]) -> Node | None:
    """The category of what is wanted: by the thing in the headline, else by a tag, else by what the text asks for.

    A name counts only where it ends the thing: "cello teacher" is no cello, "kitchen table" is a table. In the text
    it counts only at the beginning of a sentence or after words that ask ("I need a used car"), and tags or sentences
    must not disagree.
    """
    head = headline[: _thing_end(headline, 1)]
    thing = [mention for mention in tree.mentions(head) if _AFTERTHOUGHT.fullmatch(head[mention.end :])]
    if thing:
        return _one_meaning(tree, thing[-1])
    tagged = [node for tag in tags if (node := _resolved(tree, tag, "category")) is not None]
    if tagged:
        return _deepest_of_chain(tree, tagged)
    said = [
        mention
        for mention in tree.mentions(text, limit=20)
        if _ASKS_FOR.search(text[max(0, mention.start - 60) : mention.start])
        and _AFTERTHOUGHT.fullmatch(text[mention.end : _thing_end(text, mention.end)])
    ]
    return _deepest_of_chain(tree, [_one_meaning(tree, mention) for mention in said])


def _thing_end(text: str, at: int) -> int:
    end = _THING_ENDS.search(text, at)
    return end.start() if end is not None else len(text)


def find_region(
    tree: Tree, headline: str, text: str, tags: Iterable[str], *, home_id: int | None
) -> tuple[bool, Node | None]:
    """(whether any place is named, the region that is surely meant).

    A place after "in", "near" and the like counts more than one in passing, and one in passing only in the headline.
    Two places that do not lie in each other ("from Oxford to Swindon") are no answer.
    """
    country = country_of(tree, home_id)
    country_id = country.id if country is not None else None
    for part in (headline, text):
        mentions = tree.mentions(part, capital=True, home_id=country_id)
        led = _led(part, mentions)
        chosen = led or (mentions if part is headline else [])
        if chosen:
            return True, _deepest_of_chain(tree, [_place(tree, mention, country_id) for mention in chosen])
    for tag in tags:
        mentions = tree.mentions(f"in {tag}", capital=True, home_id=country_id)
        if len(mentions) == 1 and (mentions[0].start, mentions[0].end) == (3, 3 + len(tag)):
            return True, _place(tree, mentions[0], country_id)
    return False, None


def country_of(tree: Tree, region_id: int | None) -> Node | None:
    """The country in which a region lies, if it lies in one."""
    if region_id is None or region_id not in tree:
        return None
    return next((node for node in tree.path(region_id) if node.kind == "country"), None)


def currency_of(tree: Tree, region_id: int | None) -> str | None:
    """The currency of the country in which a region lies (ISO 4217); a country's slug is its ISO 3166 code."""
    country = country_of(tree, region_id)
    if country is None or not re.fullmatch(r"[a-z]{2}", country.slug):
        return None
    currencies = get_territory_currencies(country.slug.upper())
    return str(currencies[0]) if currencies else None


def _led(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """Mentions after a word that leads to a place, and those that follow one directly ("in Leeds, UK")."""
    led: list[Mention] = []
    for mention in mentions:
        chained = led and _CHAINED.fullmatch(text[led[-1].end : mention.start])
        if chained or _PLACE_FOLLOWS.search(text[max(0, mention.start - 40) : mention.start]):
            led.append(mention)
    return led


def _one_meaning(tree: Tree, mention: Mention) -> Node | None:
    """The node, if what else the name may mean lies above or below it."""
    related = all(_related(tree, mention.node.id, other.id) for other in mention.others)
    return mention.node if related else None


def _place(tree: Tree, mention: Mention, country_id: int | None) -> Node | None:
    """The place meant: the only one in the reader's country, else the one that outshines its namesakes."""
    meant = (mention.node, *mention.others)
    at_home = [node for node in meant if country_id is not None and tree.covers(country_id, node.id)] or list(meant)
    rivals = [node for node in at_home if not _related(tree, mention.node.id, node.id)]
    people = max(node.population for node in at_home if _related(tree, mention.node.id, node.id))
    if all(0 < node.population * _OUTSHINES <= people for node in rivals):
        return mention.node
    return None


def _related(tree: Tree, one_id: int, other_id: int) -> bool:
    return tree.covers(one_id, other_id) or tree.covers(other_id, one_id)


def _deepest_of_chain(tree: Tree, nodes: Sequence[Node | None]) -> Node | None:
    """The narrowest of nodes that all lie in each other; None when two do not, or one is not known."""
    known = [node for node in nodes if node is not None]
    if not known or len(known) < len(nodes):
        return None
    narrowest = max(known, key=lambda node: node.depth)
    return narrowest if all(tree.covers(node.id, narrowest.id) for node in known) else None


def _resolved(tree: Tree, name: str, field: str) -> Node | None:
    try:
        return tree.resolve(name, field=field)
    except UnknownNode:
        return None
