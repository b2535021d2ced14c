"""Many subscriptions at once, from a table: what each row would make, change or leave, or why it is refused."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from intents.draft import Condition
from vendors import sheet, subscribe
from vendors.models import Subscription, Vendor
from vendors.sheet import Line
from vendors.subscribe import Order, Reach
from vrm.kernel import taxonomy
from vrm.kernel.errors import BadInput, Candidate, UnknownNode
from vrm.kernel.money import parse_money
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Tree

COLUMNS = (
    "category", "region", "name", "radius_km", "required", "excluded", "words_in", "min_budget", "currency",
    "condition", "min_quantity", "lead_days", "language",
)  # fmt: skip
NEEDED = ("category", "region")
OF_ERRORS = ("row", "problem")  # Columns of a file of refused rows, which may be mended and read again.
EXAMPLE = sheet.write(
    COLUMNS,
    [
        ("Cars, Trucks & Vans", "Leeds", "Small cars", "50", "Yaris|Aygo", "", "en", "5000", "GBP", "used", "", "", ""),
        ("Bicycles", "Germany", "Fleets", "", "", "children", "", "", "", "", "10", "14", "de"),
        ("Plumbing", "United Kingdom", "", "", "", "", "", "", "", "", "", "", ""),
    ],
)
_MANY_A_CELL = re.compile(r"[|\n,;]")
_WHOLE = re.compile(r"\d{1,9}")
_KM = re.compile(r"(\d{1,6}([.,]\d{1,3})?)\s*(km)?", re.IGNORECASE)
_AFTER = 200  # Rows between two reports of progress.


class Fate(StrEnum):
    """What becomes of a row."""

    MADE = "made"
    CHANGED = "changed"
    KEPT = "kept"  # There is such a subscription already.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row, what becomes of it, and a sentence about that."""

    line: Line
    fate: Fate
    sentence: str
    candidates: tuple[Candidate, ...] = ()


@dataclass(slots=True)
class Report:
    """What becomes of every row, in the order of the file."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def counts(self) -> dict[Fate, int]:
        """How many rows have each fate."""
        counted = Counter(outcome.fate for outcome in self.outcomes)
        return {fate: counted[fate] for fate in Fate}

    @property
    def refused(self) -> list[Outcome]:
        """The rows that were not taken."""
        return [outcome for outcome in self.outcomes if outcome.fate is Fate.REFUSED]


def run(
    session: Session,
    vendor: Vendor,
    lines: Sequence[Line],
    now: datetime,
    *,
    keep: bool,
    language: str = "en",
    step: Callable[[int], None] = lambda _rows: None,
) -> Report:
    """What each row makes of this vendor's subscriptions; nothing is written unless `keep`.

    Categories and regions are called as in `language`, whichever the sentences around them are in.

    A row with the name of one subscription changes it, a row that asks for what one asks for already leaves it, any
    other makes one: so that reading a file twice makes nothing twice. `step` is told how many more rows are done.
    """
    if keep:  # Of two who read the same file at once, the second sees what the first made.
        session.refresh(vendor, with_for_update={"key_share": True})
    trees, known = taxonomy.trees(session), _Known(subscribe.subscriptions_of(session, vendor))
    report, new = Report(), list[Order]()
    for done, line in enumerate(lines, start=1):
        try:
            order = _bare(subscribe.checked(session, _order(trees, line, language)))
            fate, sentence = _decide(known, order, trees, language)
            if fate is Fate.MADE:
                new.append(order)
            elif fate is Fate.CHANGED and keep and (found := known.stored(order.name)) is not None:
                subscribe.edit(session, found, order, now)
            if fate in (Fate.MADE, Fate.CHANGED):
                known.learn(order)
            report.outcomes.append(Outcome(line, fate, sentence))
        except BadInput as error:
            meant = error.candidates if isinstance(error, UnknownNode) else ()
            report.outcomes.append(Outcome(line, Fate.REFUSED, _sentence(error), meant))
        if done % _AFTER == 0:
            step(_AFTER)
    if keep:
        subscribe.subscribe_all(session, vendor, new, now)
    step(len(lines) % _AFTER)
    return report


def refused_rows(outcomes: Iterable[Outcome], *, more: Sequence[str] = (), say: Callable[[str], str] = str) -> str:
    """A table of the refused rows, each with its reason as `say` puts it; it may be mended and read again."""
    columns = [*more, *COLUMNS]
    rows = ([one.line.number, say(one.sentence), *(one.line.get(name) for name in columns)] for one in outcomes)
    return sheet.write([*OF_ERRORS, *columns], rows)


class _Known:
    """What a vendor listens for, as it is and as the rows so far would make it."""

    def __init__(self, found: Sequence[Subscription]) -> None:
        self._stored = found
        self._orders = [subscribe.order_of(subscription) for subscription in found]
        self._all = {_asks(order) for order in self._orders}
        self.count = len(found)
        self._names: dict[str, list[Order]] = {}
        for order in self._orders:
            self._names.setdefault(order.name, []).append(order)
        self._rows: set[str] = set()  # Names that a row of this file has had.

    def has(self, order: Order) -> bool:
        """Whether one asks for the same by the same name; a row without a name means any."""
        named = self._names.get(order.name, ()) if order.name else ()
        return any(other == order for other in named) or (not order.name and _asks(order) in self._all)

    def named(self, name: str) -> list[Order]:
        """Those with this name."""
        return self._names.get(name, []) if name else []

    def stored(self, name: str) -> Subscription | None:
        """The one in the store with this name."""
        return next((each for each in self._stored if each.name == name), None)

    def learn(self, order: Order) -> None:
        """Note what a row asks for."""
        before = self._names.get(order.name, []) if order.name else []
        self.count += 0 if before else 1
        self._all.add(_asks(order))
        self._rows.add(order.name)
        if order.name:
            self._names[order.name] = [order]

    def by_a_row(self, name: str) -> bool:
        """Whether a row above has this name."""
        return bool(name) and name in self._rows


def _bare(order: Order) -> Order:
    """As the store gives it back: without words there is no language of them."""
    return order if order.required or order.excluded else replace(order, words_in=None)


def _asks(order: Order) -> Order:
    return replace(order, name="")


def _decide(known: _Known, order: Order, trees: Trees, language: str) -> tuple[Fate, str]:
    if known.has(order):
        return Fate.KEPT, "You listen for this already."
    before = known.named(order.name)
    if known.by_a_row(order.name):
        raise BadInput({"name": f"A row above is called “{order.name}”, too; give each a name of its own."})
    if len(before) > 1:
        raise BadInput({"name": f"{len(before)} subscriptions are called “{order.name}”; give each a name of its own."})
    if before:
        changed = [each.name for each in fields(Order) if getattr(before[0], each.name) != getattr(order, each.name)]
        names = ", ".join("radius_km" if name == "reach" else name.removesuffix("_id") for name in changed)  # Columns.
        return Fate.CHANGED, f"“{order.name}” exists; changes: {names}."
    if known.count >= subscribe.AT_MOST:
        raise BadInput({"file": subscribe.TOO_MANY})
    where = trees.regions.path_label(order.region_id, language)
    if order.reach is not None:
        where = f"{order.reach.radius_km:g} km around {where}"
    return Fate.MADE, f"{trees.categories.path_label(order.category_id, language)}; {where}."


def _sentence(error: BadInput) -> str:
    return " ".join(dict.fromkeys(error.problems.values()))


def _order(trees: Trees, line: Line, language: str) -> Order:
    """What a row asks for; BadInput with everything in it that does not hold."""
    if line.extra:
        raise BadInput({"file": "The row has more cells than row 1 names; put quotes around a cell with a comma."})
    problems: dict[str, str] = {}
    candidates: list[Candidate] = []

    def node(tree: Tree, name: str) -> int:
        try:
            return tree.resolve(line.get(name)[:200], field=name, language=language).id
        except UnknownNode as error:
            problems.update(error.problems)
            candidates.extend(error.candidates)
            return tree.root.id

    def whole(name: str) -> int | None:
        written = line.get(name)
        if written and not _WHOLE.fullmatch(written):
            problems[name] = f"“{written[:20]}” in {name} is not a whole number."
            return None
        return int(written) if written else None

    category, region = node(trees.categories, "category"), node(trees.regions, "region")
    order = Order(
        category_id=category,
        region_id=region,
        reach=_reach(line, problems),
        name=line.get("name"),
        required=_several(line.get("required")),
        excluded=_several(line.get("excluded")),
        words_in=line.get("words_in") or None,
        min_quantity=whole("min_quantity"),
        lead_days=whole("lead_days"),
        language=line.get("language") or None,
        condition=_condition(line, problems),
    )
    if line.get("min_budget"):
        try:
            order = replace(order, min_budget=parse_money(line.get("min_budget"), line.get("currency")))
        except BadInput as error:
            problems |= error.problems
    if candidates:
        # One refusal that says all; its candidates are of whichever names were not clear.
        name, *_more = problems
        raise UnknownNode(name, " ".join(problems.values()), candidates)
    if problems:
        raise BadInput(problems)
    return order


def _several(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in _MANY_A_CELL.split(cell))))


def _reach(line: Line, problems: dict[str, str]) -> Reach | None:
    written = line.get("radius_km")
    found = _KM.fullmatch(written) if written else None
    if written and found is None:
        problems["radius_km"] = f"“{written[:20]}” in radius_km is not a number of kilometres, such as 30."
    return Reach(float(found[1].replace(",", "."))) if found is not None else None


def _condition(line: Line, problems: dict[str, str]) -> Condition:
    written = line.get("condition").casefold()
    if not written:
        return Condition.ANY
    try:
        return Condition(written)
    except ValueError:
        problems["condition"] = f"The condition “{written[:20]}” is none of {', '.join(Condition)}."
        return Condition.ANY
