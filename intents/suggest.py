"""What a text names, and where -> at most five categories, the likeliest first, each with why. Pure.

The head of the first phrase counts most: "cello teacher" is a teacher, "vélo de course" a bicycle, and what follows
"for" or "with" is hardly what is wanted.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from intents.vocabulary import ActionHit, Hit, Vocabulary
from intents.words import Word, is_small
from vrm.kernel.names import fold
from vrm.kernel.tree import Tree

MOST = 5
_NEAR = 8  # Words between what is done and the thing it is done with.
_TELLS = 0.5  # Score from which what lies above is worth offering.
_ABOVE = 0.3
_HEADS = 0.5  # Weight of a name from which it may be what the name before it belongs to.
SURE = 0.5  # Below it, nobody may route without asking.
_ENDS = re.compile(r"[,;:.!?()\n–—+/]|\s-\s")
_HEAD_LAST = frozenset({"en", "de"})  # Languages in which what it is stands last in a phrase.
# Small words after which something else begins than what is wanted, and how much that still counts.
_TURNS = {
    word: weight
    for words, weight in (
        ("for fur für pour para to por", 0.55),
        ("with mit avec con without ohne sans sin w", 0.45),
        ("in near at around from bei nahe um aus von nach a à chez en cerca desde auf over via", 0.6),
        ("of de du des del vom der", 0.7),
        ("my our mein meine meinen unser unsere mon ma mes notre nos mi mis nuestro your his her", 0.65),
        ("that which who wer der die das qui que if because weil under unter max up zu plus", 0.6),
        ("or oder ou and und et y o", 0.95),
    )
    for word in fold(words).split()
}
_BREAKS = frozenset(_TURNS) - frozenset(fold("of de du des del der or oder ou and und et y o").split())
_ASKS = frozenset(
    fold(
        "want wants wanted need needs needed looking buy buying find searching seeking after hire rent get "
        "purchase wtb iso "
        "commission suche suchen brauche brauchen kaufen möchte gesucht benötige hätte bräuchte mieten brauch nach "
        "cherche cherchons recherche acheter besoin voudrais trouver veux louer busco necesito quiero comprar compro "
        "buscando quisiera buscamos alquilar encontrar"
    ).split()
)
_ASKS_AFTER = frozenset(("gesucht", "wanted", "needed", "required", "kaufen", "mieten", "gebraucht", "please"))
# Stand between what asks and what is asked for.
_FILLERS = frozenset(
    fold(
        "a an the some any for to good cheap new used reliable decent small big nice local second hand old "
        "great cheapest "
        "ein eine einen einem einer nach gute guten guter günstige gebrauchte gebrauchten gebrauchtes neue "
        "neuen neues nen "
        "un une des d de bon bonne petit petite nouveau une la le les uno una unos unas buen buena nuevo "
        "nueva usado usada "
        "really someone somebody who can does do anyone person urgently dringend einen jemanden der alguien que"
    ).split()
)
_COLOURS = frozenset(
    fold(
        "cream rose orange olive silver gold peach mint chocolate coral lavender lemon plum cherry salmon sand pearl "
        "creme gold silber flieder oro plata naranja rosa crema argent chocolat olive or prune white black grey gray "
        "red blue brown pink beige ivory turquoise navy purple yellow weiß schwarz grau rot blau braun gelb lila "
        "blanc blanche noir noire gris grise rouge bleu marron beige jaune blanco blanca negro negra azul rojo "
        "roja amarillo marrón verde verte vert"
    ).split()
)
_GONE = frozenset(fold("died broke lost sold broken dead gestorben kaputt lâcher mort roto roto murió").split())


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A category that may be meant. `confidence` runs from 0 to 1; `why` is what the text says for it."""

    node_id: int
    confidence: float
    why: str


@dataclass(frozen=True, slots=True)
class Suggested:
    """The suggestions, and which words said something for them."""

    suggestions: tuple[Suggestion, ...]
    used: frozenset[int]


def suggest(
    vocabulary: Vocabulary,
    words: Sequence[Word],
    language: str,
    hits: Sequence[Hit],
    actions: Sequence[ActionHit],
    *,
    ignore: frozenset[int],
) -> Suggested:
    """At most five categories for what `hits` name and `actions` do with it.

    `ignore` are words that already mean something else: a place, a price, a day.
    """
    hits = [hit for hit in hits if not any(at in ignore for at in range(hit.first, hit.last)) or hit.how == "model"]
    actions = [action for action in actions if action.at not in ignore]
    zones = _Zones(words, language, ignore)
    scores: dict[int, list[float]] = defaultdict(list)
    whys: dict[int, tuple[float, str]] = {}

    def say(node_id: int, score: float, why: str, *, telling: float = 0.0) -> None:
        scores[node_id].append(score)
        if score + telling > whys.get(node_id, (0.0, ""))[0]:
            whys[node_id] = (score + telling, why)

    compounds = [Hit(action.at, action.at + 1, id_, 0.9, "compound") for action in actions for id_ in action.node_ids]
    for hit in (*hits, *compounds):
        score = hit.weight * zones.weight(hit.first, hit.last) * zones.as_head(hit, hits)
        if _is_colour(words, hit, hits):
            score *= 0.25
        said = _said(words, hit)
        gives = _acted(vocabulary, hit, actions)
        if gives is not None:
            say(gives, score * 1.5 + 0.6, said)
            score *= 0.45
        say(hit.node_id, score, said, telling=2.0 if hit.how == "model" else 0.0)
    _agree(hits, scores)
    telling = [word for at, word in enumerate(words) if at not in ignore and not _says_nothing(word.folded)]
    for tongue in dict.fromkeys((language, "en")):
        for id_, score in vocabulary.bag([word for word in telling if len(word.folded) > 2], tongue).items():
            if id_ in scores or score > 0.25:
                say(id_, min(score, 0.5) * (0.3 if id_ in scores else 0.6), "words of its name")
    totals = {id_: max(many) + 0.2 * min(sum(many) - max(many), 2.0) for id_, many in scores.items()}
    _back_off(vocabulary.tree, totals, whys)
    ranked = sorted(totals, key=lambda id_: (-totals[id_], vocabulary.tree.node(id_).depth, id_))[:MOST]
    used = frozenset(at for hit in hits for at in range(hit.first, hit.last)) | {action.at for action in actions}
    return Suggested(tuple(_confident(vocabulary, ranked, totals, whys)), used)


def _back_off(tree: Tree, totals: dict[int, float], whys: dict[int, tuple[float, str]]) -> None:
    """What lies right above the two likeliest, for a reader to whom they are too narrow ("e-scooter": scooters)."""
    for id_ in sorted(totals, key=lambda id_: -totals[id_])[:2]:
        upper = tree.node(id_).parent_id
        if upper is not None and upper not in totals and tree.node(upper).depth > 1 and totals[id_] >= _TELLS:
            totals[upper] = totals[id_] * _ABOVE
            whys[upper] = whys[id_]


def _says_nothing(folded: str) -> bool:
    return is_small(folded) or folded in _FILLERS or folded in _ASKS or folded in _TURNS


def _is_colour(words: Sequence[Word], hit: Hit, hits: Sequence[Hit]) -> bool:
    """Whether a word says only which colour: "cream or brown", beside something that is named."""
    if hit.last - hit.first > 1 or words[hit.first].folded not in _COLOURS or len(hits) < 2:
        return False
    return any(other.first != hit.first and other.weight >= hit.weight for other in hits)


def _said(words: Sequence[Word], hit: Hit) -> str:
    said = " ".join(word.folded for word in words[hit.first : hit.last])
    if hit.make is not None and hit.make.is_model:
        return f"{hit.make.brand} {hit.make.name}" if hit.make.brand not in hit.make.name else hit.make.name
    if hit.make is not None:
        return hit.make.brand
    return said


def _acted(vocabulary: Vocabulary, hit: Hit, actions: Sequence[ActionHit]) -> int | None:
    """The service that an action near the thing makes of it."""
    for found in actions:
        apart = max(found.at - hit.last + 1, hit.first - found.at)
        if hit.first <= found.at < hit.last and hit.how != "compound":
            continue
        if apart > _NEAR:
            continue
        for under, gives in vocabulary.lexicon.actions[found.action].gives:
            upper, service = vocabulary.tree.by_slug(under), vocabulary.tree.by_slug(gives)
            if upper is not None and service is not None and vocabulary.tree.covers(upper.id, hit.node_id):
                return service.id
    return None


def _agree(hits: Sequence[Hit], scores: dict[int, list[float]]) -> None:
    """A brand speaks for a category that a word names as well."""
    named = {hit.node_id for hit in hits if hit.make is None}
    for hit in hits:
        if hit.make is not None and hit.node_id in named:
            scores[hit.node_id].append(0.8)


def _confident(
    vocabulary: Vocabulary, ranked: Sequence[int], totals: dict[int, float], whys: dict[int, tuple[float, str]]
) -> list[Suggestion]:
    found: list[Suggestion] = []
    for place, id_ in enumerate(ranked):
        score = totals[id_]
        rivals = [totals[other] for other in ranked if other != id_ and not vocabulary.tree.covers(other, id_)]
        rival = max(rivals, default=0.0)
        margin = score / (score + rival) if score else 0.0
        confidence = min(1.0, score / 1.8) * margin
        if place:
            confidence = min(confidence, found[-1].confidence)
        found.append(Suggestion(id_, round(min(confidence, 0.99), 2), whys[id_][1]))
    return found


class _Zones:
    """How much what stands at a place of the text is what is wanted."""

    def __init__(self, words: Sequence[Word], language: str, ignore: frozenset[int]) -> None:
        self._words = words
        self._head_last = language in _HEAD_LAST
        self._ignore = ignore
        self._phrase: list[tuple[int, int]] = []  # Of each word: where its phrase begins and ends.
        begin = 0
        bounds = []
        for at, word in enumerate(words):
            if at and (_ENDS.search(word.gap) or word.folded in _BREAKS or at in ignore or at - 1 in ignore):
                bounds.append((begin, at))
                begin = at
        bounds.append((begin, len(words)))
        for first, last in bounds:
            self._phrase += [(first, last)] * (last - first)
        self._first = next((at for at, word in enumerate(words) if self._speaks(at, word)), 0)

    def _speaks(self, at: int, word: Word) -> bool:
        return at not in self._ignore and word.folded not in _FILLERS | _ASKS and word.folded not in _GREETINGS

    def weight(self, first: int, last: int) -> float:
        begin, end = self._phrase[first]
        weight = self._heads(begin, end, first, last)
        asked = self._asked(first)
        if asked or begin <= self._first < end:
            weight *= 1.7 if asked else 1.5
        else:
            weight *= max(0.55, 0.95 ** (first - self._first))
        turn = self._words[begin].folded if begin else ""
        if turn in _TURNS and not asked:
            weight *= _TURNS[turn]
        before = self._words[first - 1].folded if first else ""
        if before in _TURNS and first - 1 != begin and not asked:
            weight *= _TURNS[before]
        if any(word.folded in _GONE for word in self._words[last : last + 4]):
            weight *= 0.5
        after = self._words[last].folded if last < len(self._words) else ""
        if after in _ASKS_AFTER:
            weight *= 1.3
        return weight

    def _heads(self, begin: int, end: int, first: int, last: int) -> float:
        if self._head_last:
            rest = self._words[last:end]
            tail = all(word.folded in _ASKS_AFTER or any(map(str.isdigit, word.folded)) for word in rest)
            return 1.35 if tail else 1.0
        lead = self._words[begin:first]
        return 1.35 if all(word.folded in _FILLERS | _ASKS | frozenset(_TURNS) for word in lead) else 1.0

    def as_head(self, hit: Hit, hits: Sequence[Hit]) -> float:
        """Less for what only says which one: the hamster of a hamster cage, the iPhone of an iPhone case."""
        begin, end = self._phrase[hit.first]
        for other in hits:
            heads = other.first == hit.last if self._head_last else other.last == hit.first
            inside = begin <= other.first and other.last <= end
            if heads and inside and other.make is None and other.weight >= _HEADS and other.node_id != hit.node_id:
                return 0.6
        return 1.0

    def _asked(self, first: int) -> bool:
        at = first - 1
        while (
            at >= 0 and first - at <= 5 and self._words[at].folded in _FILLERS and self._words[at].folded not in _ASKS
        ):
            at -= 1
        return at >= 0 and self._words[at].folded in _ASKS and not re.search(r"[.!?]", self._words[at + 1].gap)


_GREETINGS = frozenset(
    fold(
        "hi hello hey all there hallo zusammen guten tag bonjour salut a tous hola buenas tardes buenos dias "
        "i am im we are "
        "ich bin wir je nous yo me does anybody anyone know wer kann hope this is ok to post"
    ).split()
)
