"""Free text -> the places that it names, and how far around them. Pure.

A feed is read by `intents.meaning`, which is stricter, as nobody looks over its shoulder; here a person does.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from intents.phrases import Found
from vrm.kernel import earth
from vrm.kernel.names import fold
from vrm.kernel.tree import Mention, Node, Tree

MOST = 5
_LEAD = re.compile(
    r"(?<!\w)(?:in|near|nr\.?|around|round|from|to|at|outside(?: of)?|within .{1,14} of|close to|based in|"
    r"area of|miles of|km of|"
    r"anywhere in|across|between|and|or|central|greater|north|south|east|west|deliver(?:ed|y)? to|"
    r"ship(?:ped)? to|collect(?:ion)? "
    r"(?:from|in)|pick ?up(?: in| from)?|downtown|bei|nahe|nähe(?: von)?|um|aus|nach|von|ab|raum|region|"
    r"großraum|umgebung(?: von)?|"
    r"umkreis(?: von)?|oder|und|auf|à|a|au|aux|près d[e'’]|autour d[e'’]|vers|sur|en|de|d['’]|depuis|chez|ou|"
    r"et|départ de|proche de|"
    r"secteur|livrée? à|retrait(?: possible)? à|cerca de|alrededor de|desde|hasta|hacia|provincia de|"
    r"zona(?: de)?|por|y|o)"
    r"(?: the| der| dem| la| le| les)? ?['’]?\Z",
    re.IGNORECASE,
)
# Of the leads above those that hardly ever lead to anything but a place.
_STRONG = re.compile(
    r"(?<!\w)(?:in|near|nr\.?|around|outside(?: of)?|within .{1,14} of|close to|based in|miles of|km of|"
    r"anywhere in|across|"
    r"deliver(?:ed|y)? to|ship(?:ped)? to|pick ?up(?: in| from)?|downtown|bei|nahe|nähe(?: von)?|raum|"
    r"großraum|umkreis(?: von)?|(?:km|kilometern?) (?:rund )?um|rund um|"
    r"nach|à|près d[e'’]|autour d[e'’]|vers|cerca de|alrededor de|en|from|to|aus|provincia de|"
    r"zona(?: de)?)(?: the)? ?\Z",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\s*(?:\Z|[,.;:!?()\n–—|/&+-]|area\b|city\b|region\b|und umgebung|u\. ?u\.|et environs|y alrededores|or nearby)",
    re.I,
)
_BEFORE = re.compile(r"(?:\A|[,.;:!?()\n–—|/&+-])\s*\Z")
_AMID_BEFORE, _AMID_AFTER = re.compile(r"[^\W\d_] \Z"), re.compile(r" [a-zà-ÿ]|\s*\Z")
_CHAINED = re.compile(r"[\s,(]{1,3}")
_CODE = re.compile(r",? ?\(?([A-Z]{2})\b(?!['’])")
_DIGITS_BEFORE = re.compile(r"\d{4,5} \Z")
# Places that are also ordinary words in one of the languages: they need a capital and a word that leads to a place.
_ORDINARY = frozenset(
    fold(
        """
        aid alice angel bar bath best big bow brest buy cam can case central chad champion china college colon
        columbia como cork date deal deli dell delta derby east eden enterprise eureka florence ford general
        georgia gift golden green grand guinea hamilton home hope hull independence jersey jordan kent kind
        lincoln long male manual many marina mary max mission mobile most natal nice north nova of oral orange
        order page pale para paradise phoenix post prince pro rally reading sale same santa see sofia south
        split spring star sun surprise temple time tours toyota troy turkey university van via victoria want
        wanted warren well west worms essen halle hagen hamm wagen regal gera singen sur est nord sud centre
        lens angers nancy die das le la los las de del mar san toledo palma leon vera salamanca merida cartagena
        cordoba valencia granada labrador mini polo golf garden bike phone car young hard old new under asap
        service services works work bed house flat room table chair tv pc ok see lake ridge hill bridge king
        queen royal england rose grace faith park mesa piano cello bass roma celle ulm marl moers neuss data
        media metro
        """
    ).split()
) - frozenset(("valencia", "granada", "cordoba", "salamanca", "cartagena", "merida", "phoenix", "derby", "hull"))
_LEAST_LED, _LEAST_LONE, _LEAST_CAPITAL = (
    20_000,
    50_000,
    90_000,
)  # People of a place that is written small, or that nothing leads to.
_LEAST_FAR = 100_000  # People of a place in another country that nothing surely leads to.
_SUBURB_KM = 15
_WORLD_CITY, _FAR_GREATER, _CLOSE = 1_000_000, 15, 5

_NICKNAMES = {
    "NYC": "us-new-york-city", "LA": "us-los-angeles", "SF": "us-san-francisco", "DC": "us-washington",
    "Philly": "us-philadelphia", "Vegas": "us-las-vegas",
}  # fmt: skip
_NICKNAME = re.compile(rf"\b(?:{'|'.join(_NICKNAMES)})\b")
_MILE_KM = 1.609344
_UNIT = r"(?P<unit>km|kms|kilomet(?:er|re)s?|kilometern?|kilomètres?|kilómetros?|mi|miles?|meilen)\b"
_RADIUS = re.compile(
    rf"(?:(?P<lead>within|umkreis|umkreis von|rayon de|radio de|radius of|radius von|up to|max\.?|"
    rf"not more than|no more than|"
    rf"less than|moins de|a menos de|à moins de|bis(?: zu)?|maximal|à|a|dans les|im umkreis von etwa|about|"
    rf"around) ?(?:a |an |ca\.? )?)?"
    rf"(?<![\d.,])(?P<n>\d{{1,4}})[ -]?{_UNIT}"
    rf"(?P<after>[ -]?(?:radius|umkreis|of\b|from\b|around\b|rund um\b|um\b|autour\b|à la ronde|alrededor\b|"
    rf"entfernt|von\b|away|de\b|d['’]))?",
    re.IGNORECASE,
)
_SURE_LEAD = re.compile(r"within|umkreis|rayon|radio|radius|im umkreis", re.IGNORECASE)
_FARTHEST_KM = 2_000.0


@dataclass(frozen=True, slots=True)
class Place:
    """`text[start:end]` names `node`; `confidence` is lower where others have the same name."""

    node: Node
    confidence: float
    start: int
    end: int


def find_radius(text: str) -> Found[float] | None:
    """Kilometres around a place: "within 20 miles of York", "Umkreis 50 km"; a mileage is none."""
    for found in _RADIUS.finditer(text):
        lead = found["lead"] or ""
        if _SURE_LEAD.search(lead) or (found["after"] and (lead or not found["after"].strip(" -").startswith("d"))):
            mile = found["unit"].lower().startswith("m")
            distance = int(found["n"]) * (_MILE_KM if mile else 1.0)
            if 0 < distance <= _FARTHEST_KM:
                return Found(round(distance, 1), found.start(), found.end())
    return None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads which text, and what they know."""

    tree: Tree
    text: str
    home_id: int | None
    is_thing: Callable[[str], bool]
    capitals_tell: bool = False  # Whether a capital in the middle of a sentence is a name's: not in German.

    def at_home(self, node: Node) -> bool:
        return self.home_id is not None and self.tree.covers(self.home_id, node.id)

    def before(self, mention: Mention) -> str:
        return self.text[max(0, mention.start - 40) : mention.start]

    def people(self, node: Node) -> int:
        """Of a city its own; a subdivision counts as its largest city, as far as we look."""
        if node.population or node.kind == "city":
            return node.population
        return max((child.population for child in self.tree.children(node.id)), default=0)

    def suburb(self, one: Node, other: Node) -> bool:
        """Whether a place lies at the edge of a far greater one: "Capitol Hill, Seattle"."""
        if self.people(other) < self.people(one) * _CLOSE or self.text.find(",") < 0:
            return False
        spots = (self.tree.spot(one.id), self.tree.spot(other.id))
        if spots[0] is None or spots[1] is None:
            return False
        return earth.apart_km(spots[0].point, spots[1].point) <= _SUBURB_KM

    def apart(self, one: Node, other: Node) -> bool:
        return not (self.tree.covers(one.id, other.id) or self.tree.covers(other.id, one.id))


def find_places(
    tree: Tree,
    text: str,
    *,
    home: Node | None,
    is_thing: Callable[[str], bool],
    taken: Sequence[tuple[int, int]] = (),
    language: str = "en",
) -> list[Place]:
    """At most five places in the order of the text.

    `home` is the reader's country: its places come first. `is_thing` says whether a name is also that of something to
    buy; `taken` are spans that already mean something else.
    """
    found: list[Place] = []
    reader = _Reader(
        tree, text, home.id if home is not None else None, is_thing, language != "de" and not text.istitle()
    )
    mentions = [*tree.mentions(text, limit=40, home_id=reader.home_id), *_by_nickname(tree, text)]
    mentions.sort(key=lambda mention: mention.start)
    for at, mention in enumerate(mentions, 1):
        if len(found) == MOST:
            break
        nodes = [node for node in (mention.node, *mention.others) if node.kind not in ("world", "group")]
        if not nodes or (found and mention.start < found[-1].end):
            continue
        if found and _widens(reader, found[-1], mention, nodes):
            found[-1] = Place(found[-1].node, found[-1].confidence, found[-1].start, mention.end)
            continue
        if any(start < mention.end and mention.start < end for start, end in taken):
            continue
        if _is_meant(reader, mention, nodes) and not (found and _in_passing(reader, found[0], mention, nodes)):
            wider = mentions[at] if at < len(mentions) else None
            if wider is not None and not _CHAINED.fullmatch(text[mention.end : wider.start]):
                wider = None
            found.append(_choose(reader, mention, nodes, wider))
    return _distinct(found)


def _by_nickname(tree: Tree, text: str) -> Iterator[Mention]:
    for found in _NICKNAME.finditer(text):
        node = tree.by_slug(_NICKNAMES[found[0]])
        if node is not None:
            yield Mention(found.start(), found.end(), node, ())


def _widens(reader: _Reader, before: Place, mention: Mention, nodes: Sequence[Node]) -> bool:
    """Whether a place only says where the one before it lies: "Leeds, UK"."""
    chained = _CHAINED.fullmatch(reader.text[before.end : mention.start])
    if not chained:
        return False
    covering = any(reader.tree.covers(node.id, before.node.id) for node in nodes)
    return covering or any(reader.suburb(before.node, node) for node in nodes)


def _in_passing(reader: _Reader, first: Place, mention: Mention, nodes: Sequence[Node]) -> bool:
    """Whether nothing leads to a place in another country than the first: "Buenos Aires, barrio Palermo"."""
    there = reader.tree.path(first.node.id)[:2]
    return not _LEAD.search(reader.before(mention)) and all(reader.tree.path(node.id)[:2] != there for node in nodes)


def _is_meant(reader: _Reader, mention: Mention, nodes: Sequence[Node]) -> bool:
    """Whether the name is here that of a place."""
    written, before = reader.text[mention.start : mention.end], reader.before(mention)
    capital = written[0].isupper() or written[0].lower() == written[0].upper()
    led, strong = bool(_LEAD.search(before)), bool(_STRONG.search(before))
    begins = bool(_BEFORE.search(before) or _DIGITS_BEFORE.search(before))
    ends = bool(_AFTER.match(reader.text, mention.end) or _CODE.match(reader.text, mention.end))
    people = max(map(reader.people, nodes))
    homely = any(map(reader.at_home, nodes))
    wide = any(node.kind in ("country", "continent") for node in nodes)
    folded = fold(written)
    if len(written) <= 3:
        # "um Ulm", "in Ely", and alone between commas "Pau".
        short = len(written) == 3 and capital and homely and people >= _LEAST_LED and (strong or (begins and ends))
        return short or (written.isupper() and (strong or (wide and (led or (begins and ends)))))
    if reader.is_thing(written):
        alone = begins and ends and homely and people >= _LEAST_CAPITAL  # "talla L, Granada, hasta 400 €"
        return capital and ((strong and (people >= _LEAST_LED or wide)) or alone)
    if folded in _ORDINARY:
        # "Serrurier Nancy porte claquée"
        around = _AMID_BEFORE.search(before) and _AMID_AFTER.match(reader.text, mention.end)
        amid = reader.capitals_tell and around is not None
        return capital and (strong or led or ((begins or ends or amid) and homely and people >= _LEAST_CAPITAL))
    if not capital:
        # A far city also has many names in languages that the reader does not write.
        own = homely or any(fold(node.label) == folded for node in nodes)
        lone = (led or ends) and homely and people >= _LEAST_LONE
        return (wide and strong) or (own and people >= _LEAST_LED and (strong or lone))
    # Thirty thousand towns of the world have the names of things, people and greetings.
    far = reader.home_id is not None and not homely and not wide and people < _LEAST_FAR
    lone = (begins and ends) or led
    return strong or (
        not far
        and (
            (begins and ends and people > 0)
            or (lone and (wide or homely or people >= _LEAST_LONE))
            or (wide and ends)
            or (people >= _LEAST_CAPITAL and (homely or people >= _WORLD_CITY or ends))
        )
    )


def _choose(reader: _Reader, mention: Mention, nodes: Sequence[Node], wider: Mention | None) -> Place:
    """Which of the namesakes: what stands after it decides, else the reader's country, else the number of people."""
    named = _named_by_what_follows(reader, mention, nodes, wider)
    if named is not None:
        return named
    greatest = max(nodes, key=reader.people)
    at_home = [node for node in nodes if reader.at_home(node)]
    home_people = max(map(reader.people, at_home), default=0)
    if at_home and reader.people(greatest) < max(_WORLD_CITY, home_people * _FAR_GREATER):
        rivals = [node for node in at_home if reader.apart(at_home[0], node)]
        return Place(at_home[0], 0.7 if rivals else 0.9, mention.start, mention.end)
    countries = [node for node in nodes if node.kind == "country"]
    around = [node for node in nodes if reader.tree.covers(node.id, greatest.id) and node.label == greatest.label]
    best = (countries or around or [greatest])[0]
    rivals = [
        node for node in nodes if reader.apart(best, node) and reader.people(node) * _CLOSE > reader.people(greatest)
    ]
    return Place(best, 0.6 if rivals else 0.85, mention.start, mention.end)


def _named_by_what_follows(
    reader: _Reader, mention: Mention, nodes: Sequence[Node], wider: Mention | None
) -> Place | None:
    """ "Portland, Oregon" and "Austin TX"."""
    uppers, end, code = [], mention.end, None
    if wider is not None:
        uppers, end = [wider.node, *wider.others], wider.end
    elif (code := _CODE.match(reader.text, mention.end)) is not None:
        states = (reader.tree.by_slug(f"{country}-{code[1].lower()}") for country in ("us", "ca", "au"))
        uppers, end = [state for state in states if state is not None], code.end()
    for node in nodes:
        if any(up.id != node.id and reader.tree.covers(up.id, node.id) for up in uppers):
            return Place(node, 0.97, mention.start, end)
    if code is not None and uppers and code[0].startswith(","):
        return Place(uppers[0], 0.5, mention.start, end)  # A town in that state which is too small for us to know.
    return None


def _distinct(found: list[Place]) -> list[Place]:
    """One of each node."""
    seen: set[int] = set()
    kept = []
    for place in found:
        if place.node.id not in seen:
            seen.add(place.node.id)
            kept.append(place)
    return kept
