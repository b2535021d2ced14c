"""Bytes of a stranger's page -> its links, as a browser would see them, in linear time.

The parser of the standard library takes quadratic time for some pages. This one knows only where elements, attributes
and stretches without markup begin and end (WHATWG HTML 13.2.5), and never goes back. It has to know all of it: a
commenter's "<a rel=me>" inside an attribute, a comment or a text field is no link of the blog's owner.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

MAX_PAGE = 2_000_000  # Bytes of a page that are looked at.
MAX_HEADER = 8_000  # Characters of a header.

_TRACKED = frozenset({"a", "area", "base", "link", "meta"})
# Elements whose content is text to a browser, or is not shown by it.
_OPAQUE = frozenset(
    {"script", "style", "template", "textarea", "title", "noscript", "noembed", "noframes", "xmp", "iframe"}
)
_MARK = re.compile(r"<(?:(?P<comment>!--)|(?P<bogus>[!?]|/(?![A-Za-z]))|/?(?P<name>[A-Za-z][^\s/>]*+))")
_COMMENT_END = re.compile(r"--!?>")
_ATTRIBUTE = re.compile(
    r"[\s/]*+(?:(?P<end>>)|(?P<name>[^\s/>][^\s/>=]*+)"
    r"(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s\"'>][^\s>]*+)|(?=>)))?+(?!\s*+=))"
)

_LINK = re.compile(r"<([^<>]*+)>((?:\s*+;\s*+[\w*-]++\s*+(?:=\s*+(?:\"[^\"]*+\"|[^\s\",;]*+))?)*+)")
_PARAMETER = re.compile(r";\s*+([\w*-]++)\s*+=\s*+(?:\"([^\"]*+)\"|([^\s\",;]*+))")


@dataclass(frozen=True, slots=True)
class Element:
    """An element that links, or says something of the page: its name and attributes in lower case, values unescaped."""

    name: str
    attributes: dict[str, str]

    @property
    def rels(self) -> frozenset[str]:
        """The words of its `rel`."""
        return frozenset(self.attributes.get("rel", "").lower().split())


def links_of(headers: Sequence[str]) -> Iterator[tuple[str, frozenset[str], dict[str, str]]]:
    """Each link of some Link headers (RFC 8288): its target, the words of its `rel`, and its other parameters."""
    for header in headers:
        for found in _LINK.finditer(header[:MAX_HEADER]):
            attributes: dict[str, str] = {}
            for parameter in _PARAMETER.finditer(found[2]):
                quoted, bare = parameter[2], parameter[3]
                attributes.setdefault(parameter[1].lower(), quoted if quoted is not None else bare)
            yield found[1].strip(), frozenset(attributes.get("rel", "").lower().split()), attributes


def elements_of(page: bytes) -> Iterator[Element]:
    """The a, area, base, link and meta elements of a page, in its order; of the first 2 MB only."""
    text = _decoded(page[:MAX_PAGE])
    at: int | None = 0
    while at is not None and (mark := _MARK.search(text, at)) is not None:
        if mark["comment"]:
            at = _after_comment(text, mark.end())
            continue
        if mark["bogus"]:
            at = text.find(">", mark.end()) + 1 or None
            continue
        name = mark["name"].lower()
        attributes, at = _attributes(text, mark.end())
        opens = text[mark.start() + 1] != "/"
        if at is not None and opens and name in _TRACKED:
            yield Element(name, attributes)
        if at is not None and opens and name in _OPAQUE:
            closing = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(text, at)
            at = closing.start() if closing is not None else None
        if name == "plaintext":
            return


def base_of(elements: Sequence[Element], page_url: str) -> str:
    """What the links of a page are relative to."""
    written = next((e.attributes["href"] for e in elements if e.name == "base" and "href" in e.attributes), "")
    try:
        return urljoin(page_url, written)
    except ValueError:
        return page_url


def _decoded(page: bytes) -> str:
    # The addresses and names that count are ASCII in every encoding but these two.
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if page.startswith(mark):
            return page.decode(encoding, "replace")
    return page.decode("utf-8", "replace")


def _after_comment(text: str, at: int) -> int | None:
    if text.startswith((">", "->"), at):
        return text.index(">", at) + 1
    end = _COMMENT_END.search(text, at)
    return end.end() if end is not None else None


def _attributes(text: str, at: int) -> tuple[dict[str, str], int | None]:
    """The attributes of an element from right after its name, and where it ends; None when the page ends first."""
    attributes: dict[str, str] = {}
    while (found := _ATTRIBUTE.match(text, at)) is not None:
        at = found.end()
        if found["end"]:
            return attributes, at
        value = found["double"] or found["single"] or found["bare"] or ""
        # The first of two attributes with one name counts.
        attributes.setdefault(found["name"].lower(), html.unescape(value))
    return attributes, None
