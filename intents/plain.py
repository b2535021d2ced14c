"""What strangers wrote, marked up or not -> plain text: no tags, no controls, NFC, bounded."""

import html
import re
import unicodedata

import nh3

# What ends a line in a browser; kept by the sanitiser so that words of two paragraphs do not join.
_PARAGRAPHS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "blockquote", "hr"])
_LINES = frozenset(["br", "div", "li", "dt", "dd", "tr", "td", "th", "section", "article", "figcaption"])
_SILENT = frozenset(["script", "style", "template", "noscript", "textarea", "title", "iframe", "object", "svg", "math"])
_MARK = re.compile(r"</?([a-z0-9]+)[^>]*>")
_TAG_LIKE = re.compile(r"<(?=[A-Za-z/!?])")  # Where an HTML parser leaves the text (WHATWG HTML 13.2.5.6).
_REFERENCE = re.compile(r"&(?:#\d{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});")
# Controls but newline, lone surrogates and non-characters: none can be shown, and UTF-8 cannot hold some.
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ufeff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")  # Embeddings, overrides, isolates: they reach past their text.
_BIDI_MARKS = re.compile(r"[\u200e\u200f\u061c]")
_NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_MANY_NEWLINES = re.compile(r"\n{3,}")
_ROUNDS = 3
_TAGS_AT_MOST = 10_000  # The sanitiser takes the square of how deep they are nested.


def plain_line(source: str, *, most: int) -> str:
    """One line of at most `most` characters, cut with an ellipsis; no control of direction survives."""
    text = _BIDI_MARKS.sub("", _plain(source[: most * 50]))
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def plain_text(source: str, *, most_bytes: int) -> str:
    """Text of several lines, at most `most_bytes` in UTF-8; paragraphs stay apart by one empty line.

    HTML loses its tags and is unescaped once; text without tags keeps its lines. The result holds nothing that an
    HTML parser would take for a tag, so that even a page that forgets to escape it is not hurt.
    """
    text = _plain(source[: most_bytes * 10])
    if len(text.encode()) <= most_bytes:
        return text
    return text.encode()[: most_bytes - len("…".encode())].decode("utf-8", "ignore").rstrip() + "…"


def _plain(source: str) -> str:
    source = "<".join(source.split("<", _TAGS_AT_MOST + 1)[: _TAGS_AT_MOST + 1])
    if _TAG_LIKE.search(source):
        text = _without_tags(source)
    else:
        text = _REFERENCE.sub(lambda found: html.unescape(found[0]), source)
    # Unescaping may uncover tags that were escaped twice, and dropping a control may join "<" to a name.
    for _ in range(_ROUNDS):
        text = _tidy(text)
        if not _TAG_LIKE.search(text):
            return text
        text = _without_tags(text)
    return _TAG_LIKE.sub("‹", _tidy(text))


def _without_tags(markup: str) -> str:
    # nh3 writes well-formed HTML: text has no bare "<", and the tags left have no attributes.
    marked = nh3.clean(
        _tidy(markup),
        tags=_PARAGRAPHS | _LINES,
        clean_content_tags=_SILENT,
        attributes={},
        link_rel=None,
        generic_attribute_prefixes=set(),
    )
    # A new line in the source of HTML is a space; a run of line ends (here \x1e, which _tidy dropped) is one.
    broken = _MARK.sub(_line_end, marked.replace("\n", " "))
    if "\x1e" not in broken:
        return html.unescape(broken)
    first, *between, last = broken.split("\x1e")
    parts = filter(None, (part.strip(" ") for part in between))
    return html.unescape("\n".join([first.rstrip(" "), *parts, last.lstrip(" ")]))


def _line_end(mark: re.Match[str]) -> str:
    if mark[1] == "br":
        return "\n"
    return "\n\n" if mark[1] in _PARAGRAPHS else "\x1e"


def _tidy(text: str) -> str:
    text = _NEWLINES.sub("\n", text).replace("\t", " ")
    text = unicodedata.normalize("NFC", _BIDI.sub("", _CONTROLS.sub("", text)))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return _MANY_NEWLINES.sub("\n\n", "\n".join(lines)).strip()
