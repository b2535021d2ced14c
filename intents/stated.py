"""What a post says for machines (schema.org's Demand as JSON-LD, or h-listing) -> Stated. Pure, and wary of both."""

import html
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, Literal

from intents.plain import plain_line, plain_text

MAX_WORDS = 200  # Characters of a name, category or place.
MAX_DEMANDS = 50  # On one page.

_MAX_SCRIPT = 200_000  # Characters of one script.
_MAX_NODES = 2_000  # Objects looked at in one script.
_SCRIPT = re.compile(r"<script\b([^>]{0,500})>", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)
_LD_JSON = re.compile(r"type\s*=\s*[\"']?\s*application/ld\+json\b", re.IGNORECASE)
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,4})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Types that say nothing of what the thing is.
_VAGUE_TYPES = frozenset({"thing", "product", "productmodel", "individualproduct", "someproducts", "service"})

_BEGINS = ("datePublished", "dateCreated", "validFrom", "availabilityStarts")

Action = Literal["want", "offer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What an entry states in a form for machines. Everything is plain text of one line but `text`; "" is not said."""

    action: Action
    name: str = ""
    text: str = ""  # Several lines.
    url: str = ""  # As written; not checked.
    thing: str = ""  # Words for the category: a category's name, a type, a model.
    place: str = ""
    budget: str = ""  # As a person would write it: "5000–9000 EUR"; `amounts.find_budget` reads it.
    condition: str = ""  # "new", "used" or "".
    quantity: int | None = None
    needed_by: date | None = None
    ends_on: date | None = None
    language: str = ""
    posted: str = ""  # When, as written.


# --- JSON-LD --------------------------------------------------------------------------------------


def demands_in(markup: str) -> Iterator[Stated]:
    """Every schema.org Demand in the JSON-LD scripts of a page or of a post's HTML, at most 50."""
    return islice(_demands_in(markup), MAX_DEMANDS) if "ld+json" in markup else iter(())


def _demands_in(markup: str) -> Iterator[Stated]:
    at = 0
    while (opening := _SCRIPT.search(markup, at)) is not None:
        closing = _SCRIPT_END.search(markup, opening.end())
        if closing is None:
            return
        at = closing.end()
        written = markup[opening.end() : closing.start()]
        if _LD_JSON.search(opening[1]) and len(written) <= _MAX_SCRIPT and "Demand" in written:
            for node in islice(_nodes(_json(written)), _MAX_NODES):
                if "Demand" in _types(node):
                    yield _from_demand(node)


def _json(written: str) -> Any:
    """None for what is not JSON. Blog software wraps scripts in comments or CDATA, and some escapes them."""
    written = re.sub(r"\A\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*\]\]>|\]\]>)\s*\Z", "", written)
    for attempt in (written, html.unescape(written)):
        try:
            return json.loads(attempt, parse_int=lambda digits: int(digits[:20]), strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object, without recursion: a hostile one nests as deep as it likes."""
    waiting = deque([value])
    while waiting:
        one = waiting.popleft()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _types(node: Mapping[str, Any]) -> set[str]:
    named = node.get("@type")
    names = named if isinstance(named, list) else [named]
    return {re.split(r"[/#:]", name)[-1] for name in names if isinstance(name, str)}


def _from_demand(node: Mapping[str, Any]) -> Stated:
    thing = _first(node.get("itemOffered"))
    name = _words(node.get("name")) or _words(thing.get("name"))
    return Stated(
        action="want",
        name=name,
        text=_prose(node.get("description")) or _prose(thing.get("description")),
        url=_string(node.get("url")) or _string(node.get("@id")),
        thing=_thing(node, thing),
        place=_place(node),
        budget=_budget(node),
        condition=_condition(node.get("itemCondition") or thing.get("itemCondition")),
        quantity=_quantity(node),
        needed_by=_day(node.get("availabilityEnds")),
        ends_on=_day(node.get("validThrough")),
        language=_string(node.get("inLanguage"))[:35],
        posted=next(filter(None, (_string(node.get(key))[:40] for key in _BEGINS)), ""),
    )


def _thing(node: Mapping[str, Any], thing: Mapping[str, Any]) -> str:
    """Category, type, brand and model, the most telling first."""
    kinds = [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind) for kind in _types(thing) if kind.lower() not in _VAGUE_TYPES]
    said = [
        _words(node.get("category")).split(">")[-1].strip(),
        _words(thing.get("category")).split(">")[-1].strip(),
        _words(node.get("serviceType") or thing.get("serviceType")),
        *kinds,
        f"{_words(thing.get('brand'))} {_words(thing.get('model'))}".strip(),
    ]
    return ", ".join(dict.fromkeys(filter(None, said)))[:MAX_WORDS]


def _place(node: Mapping[str, Any]) -> str:
    for key in ("areaServed", "eligibleRegion", "availableAtOrFrom"):
        place = node.get(key)
        place = place[0] if isinstance(place, list) and place else place
        if isinstance(place, dict):
            address = place.get("address")
            if isinstance(address, dict):
                parts = [_words(address.get(k)) for k in ("addressLocality", "addressRegion", "addressCountry")]
                if any(parts):
                    return ", ".join(filter(None, parts))[:MAX_WORDS]
            place = place.get("name") or address
        if found := _words(place):
            return found
    return ""


def _budget(node: Mapping[str, Any]) -> str:
    """A `price` is what the author means to pay at most."""
    price = _first(node.get("priceSpecification"))
    currency = _string(node.get("priceCurrency")) or _string(price.get("priceCurrency"))
    least = _amount(price.get("minPrice"))
    most = _amount(price.get("maxPrice")) or _amount(price.get("price")) or _amount(node.get("price"))
    return written_budget(least, most, currency)


def written_budget(least: str, most: str, currency: str) -> str:
    """ "5000–9000 EUR", "up to 9000 EUR", "from 5000 EUR", or "" without an amount in a currency that has a code."""
    currency = currency.strip().upper()
    if not _CURRENCY.fullmatch(currency) or not (least or most):
        return ""
    if least and most:
        return f"{least}–{most} {currency}"
    return f"up to {most} {currency}" if most else f"from {least} {currency}"


def _amount(value: Any) -> str:
    written = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _string(value)
    written = written.strip().replace(",", "")
    if not _AMOUNT.fullmatch(written):
        return ""
    try:
        return f"{Decimal(written):f}" if Decimal(written) > 0 else ""
    except InvalidOperation:
        return ""


def _condition(value: Any) -> str:
    said = re.split(r"[/#:]", _string(_first_value(value)))[-1].lower()
    if said.startswith("new"):
        return "new"
    return "used" if said.startswith(("used", "refurbished", "damaged")) else ""


def _quantity(node: Mapping[str, Any]) -> int | None:
    value = node.get("eligibleQuantity")
    value = value.get("value") or value.get("minValue") if isinstance(value, dict) else value
    written = _amount(value).partition(".")[0]
    return int(written) if written and 0 < int(written) <= 1_000_000 else None


def _day(value: Any) -> date | None:
    written = _string(value)[:10]
    try:
        return date.fromisoformat(written) if _DAY.fullmatch(written) else None
    except ValueError:
        return None


def _first(value: Any) -> Mapping[str, Any]:
    one = _first_value(value)
    if isinstance(one, str):
        return {"name": one}
    return one if isinstance(one, dict) else {}


def _first_value(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _words(value: Any) -> str:
    """A name: text, a thing that has a name, or the first of several; of an address what its last part says."""
    value = _first_value(value)
    if isinstance(value, dict):
        value = value.get("name") or value.get("@value") or value.get("identifier")
    said = _string(value)
    if said.startswith(("http://", "https://")):
        said = re.split(r"[/#]", said.rstrip("/"))[-1].replace("_", " ").replace("-", " ")
    return plain_line(said, most=MAX_WORDS)


def _prose(value: Any) -> str:
    return plain_text(_string(_first_value(value)), most_bytes=20_000)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


# --- h-listing (microformats.org/wiki/h-listing) --------------------------------------------------

_WANTS = frozenset({"wanted", "want", "buy", "seek", "seeking", "rfq", "iso", "wtb"})


def from_listing(properties: Mapping[str, Sequence[Any]]) -> Stated | None:
    """What a listing states, by the properties that a parser of microformats found; None when it takes no side."""
    actions = {word.strip(" .#").casefold() for word in _all(properties, "action", "category")}
    offers = bool(actions & {"sell", "sale", "for sale", "offer", "offering", "for rent", "let"})
    if not actions & _WANTS and not offers:
        return None
    item = _first(properties.get("item", [])[:1])
    item_name = _words(item.get("value")) or _words(_first(item.get("properties")).get("name"))
    price = next(_all(properties, "price"), "")
    return Stated(
        action="want" if actions & _WANTS else "offer",
        name=next(_all(properties, "name"), "") or item_name,
        thing=item_name,
        place=next(_all(properties, "location", "locality"), ""),
        budget=price if any(sign.isdigit() for sign in price) else "",
        condition=_condition(next(_all(properties, "condition"), "")),
        ends_on=_day(next(_all(properties, "expired", "expires"), "")),
    )


def _all(properties: Mapping[str, Sequence[Any]], *names: str) -> Iterator[str]:
    for name in names:
        for value in properties.get(name, []):
            said = value.get("value") if isinstance(value, dict) else value
            if found := plain_line(_string(said), most=MAX_WORDS):
                yield found
