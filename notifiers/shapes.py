"""One text, three shapes: plain for mail readers and terminals, simple HTML, and lines for a chat."""

from collections.abc import Callable, Sequence
from typing import Protocol

from markupsafe import Markup, escape

from notifiers.channels import Link
from notifiers.channels.base import calm

_CHAT_EXCERPT = 500  # Characters of somebody's own words; the whole is behind the link.


class Shape(Protocol):
    """What a text in messages/ is written with. `caller` is the text between `call` and `endcall`."""

    def p(self, caller: Callable[[], str]) -> str:
        """A paragraph of ours; names and titles of others stand in it in quotation marks."""

    def lines(self, *lines: str) -> str:
        """A paragraph whose lines are kept; empty ones are left out."""

    def quote(self, theirs: str) -> str:
        """Somebody else's words, set apart so that they cannot pass for ours."""

    def links(self, links: Sequence[Link]) -> str:
        """Buttons, or their like."""


def _joined(text: str) -> str:
    return " ".join(text.split())


class Plain:
    """Paragraphs with an empty line between them; quotations behind "> "."""

    def p(self, caller: Callable[[], str]) -> str:
        return f"{_joined(caller())}\n\n"

    def lines(self, *lines: str) -> str:
        return "\n".join(line for line in map(_joined, lines) if line) + "\n\n"

    def quote(self, theirs: str) -> str:
        if not theirs.strip():
            return ""
        return "\n".join(f"> {line}".rstrip() for line in theirs.strip().splitlines()) + "\n\n"

    def links(self, links: Sequence[Link]) -> str:
        return "\n".join(f"{link.label}: {link.url}" for link in links) + "\n\n"


class Html:
    """Elements that every mail reader knows, styled in place because many drop style sheets."""

    _BUTTON = (
        "display:inline-block;margin:0 8px 8px 0;padding:10px 16px;border:1px solid #1f5f8b;border-radius:6px;"
        "color:#1f5f8b;text-decoration:none"
    )
    _QUOTE = "margin:0 0 16px;padding:4px 12px;border-left:3px solid #c4ccd4;white-space:pre-line"

    def p(self, caller: Callable[[], str]) -> Markup:
        return Markup("<p>{}</p>\n").format(caller())

    def lines(self, *lines: str) -> Markup:
        return Markup("<p>{}</p>\n").format(Markup("<br>\n").join(escape(line) for line in lines if line))

    def quote(self, theirs: str) -> Markup:
        if not theirs.strip():
            return Markup("")
        return Markup('<blockquote style="{}">{}</blockquote>\n').format(self._QUOTE, theirs.strip())

    def links(self, links: Sequence[Link]) -> Markup:
        button = Markup('<a href="{}" style="{}">{}</a>')
        return Markup("<p>{}</p>\n").format(
            Markup("\n").join(button.format(link.url, self._BUTTON, link.label) for link in links)
        )

    @staticmethod
    def page(subject: str, body: str) -> str:
        """The whole document around a body."""
        return str(
            Markup(
                '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{}</title></head>\n'
                '<body style="font:16px/1.5 system-ui,sans-serif;max-width:38em;margin:0 auto;padding:16px">\n'
                "{}</body></html>\n"
            ).format(subject, Markup(body))  # noqa: S704 - Made by the methods above, which escape.
        )


class Chat:
    """Plain lines without links: each service writes those in its own way. Quotations are cut short."""

    def p(self, caller: Callable[[], str]) -> str:
        return f"{calm(_joined(caller()))}\n"

    def lines(self, *lines: str) -> str:
        return "".join(f"{calm(line)}\n" for line in map(_joined, lines) if line)

    def quote(self, theirs: str) -> str:
        theirs = theirs.strip()
        if not theirs:
            return ""
        if len(theirs) > _CHAT_EXCERPT:
            theirs = theirs[:_CHAT_EXCERPT].rstrip() + " …"
        return "".join(f"> {calm(line)}\n" for line in theirs.splitlines() if line.strip())

    def links(self, links: Sequence[Link]) -> str:
        del links
        return ""
