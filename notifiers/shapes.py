"""One text, three shapes: plain for mail readers and terminals, simple HTML, and lines for a chat."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup, escape

from notifiers.channels import Link
from notifiers.channels.base import calm

_CHAT_EXCERPT = 500  # Characters of somebody's own words; the whole is behind the link.


class Shape(Protocol):
    """What a text in messages/ is written with. `caller` is the text between `call` and `endcall`."""

    def want(self, title: str, line: str) -> str:
        """What somebody wants, in quotation marks, and the facts of it: where, for how much."""

    def p(self, caller: Callable[[], str]) -> str:
        """A paragraph of ours; names and titles of others stand in it in quotation marks."""

    def small(self, caller: Callable[[], str]) -> str:
        """The same, of what need not be read to answer."""

    def lines(self, *lines: str) -> str:
        """A paragraph whose lines are kept; empty ones are left out."""

    def quote(self, theirs: str) -> str:
        """Somebody else's words, set apart so that they cannot pass for ours."""

    def links(self, links: Sequence[Link]) -> str:
        """Buttons, or their like; what most people will do comes first."""

    def aside(self, links: Sequence[Link]) -> str:
        """The same, of what few people will do."""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the text of a mail."""

    subject: str
    preview: str  # What an inbox shows beside the subject.
    foot: str  # Who writes, in a line.
    home: str  # Where they live.
    language: str


def _joined(text: str) -> str:
    return " ".join(text.split())


class Plain:
    """Paragraphs with an empty line between them; quotations behind "> "."""

    def want(self, title: str, line: str) -> str:
        return self.lines(title, line)

    def p(self, caller: Callable[[], str]) -> str:
        return f"{_joined(caller())}\n\n"

    small = p

    def lines(self, *lines: str) -> str:
        return "\n".join(line for line in map(_joined, lines) if line) + "\n\n"

    def quote(self, theirs: str) -> str:
        if not theirs.strip():
            return ""
        return "\n".join(f"> {line}".rstrip() for line in theirs.strip().splitlines()) + "\n\n"

    def links(self, links: Sequence[Link]) -> str:
        return "\n".join(f"{link.label}: {link.url}" for link in links) + "\n\n"

    aside = links

    @staticmethod
    def page(body: str, around: Around) -> str:
        """The whole text: below the line that mail programs know (RFC 3676 §4.3) stands who writes."""
        # The empty lines of a template are its author's layout; those of a quotation stand behind "> ".
        return re.sub(r"\n{3,}", "\n\n", body).strip() + f"\n\n-- \n{around.foot}\n{around.home}\n"


class Html:
    """Elements that every mail reader knows, styled in place because many drop style sheets.

    Those that keep one show the dark half where their reader's machine is dark.
    """

    _BUTTON = (
        "display:inline-block;margin:0 8px 10px 0;padding:10px 18px;border:1px solid #0f6a5b;border-radius:8px;"
        "font-weight:600;text-decoration:none;"
    )
    _FIRST, _OTHER = "background:#0f6a5b;color:#ffffff", "color:#0f6a5b"
    _QUOTE = "margin:0 0 20px;padding:2px 14px;border-left:3px solid #0f6a5b;white-space:pre-line"
    _SMALL = "margin:0 0 8px;font-size:14px;color:#55605f"
    _DARK = Markup(
        "@media (prefers-color-scheme:dark){body{background:#101516!important;color:#e7eded!important}"
        ".muted{color:#a5b3b2!important}.first{background:#70d0bd!important;color:#06231d!important;"
        "border-color:#70d0bd!important}.other{color:#70d0bd!important;border-color:#70d0bd!important}"
        ".quote{border-color:#70d0bd!important}.foot{border-color:#2c3839!important}}"
    )

    def want(self, title: str, line: str) -> Markup:
        return Markup(
            '<h1 style="margin:0 0 4px;font-size:22px;line-height:1.3">{}</h1>\n'
            '<p style="margin:0 0 20px;font-weight:600">{}</p>\n'
        ).format(title, line)

    def p(self, caller: Callable[[], str]) -> Markup:
        return Markup('<p style="margin:0 0 16px">{}</p>\n').format(caller())

    def small(self, caller: Callable[[], str]) -> Markup:
        return Markup('<p class="muted" style="{}">{}</p>\n').format(self._SMALL, caller())

    def lines(self, *lines: str) -> Markup:
        joined = Markup("<br>\n").join(escape(line) for line in lines if line)
        return Markup('<p style="margin:0 0 16px">{}</p>\n').format(joined)

    def quote(self, theirs: str) -> Markup:
        if not theirs.strip():
            return Markup("")
        return Markup('<blockquote class="quote" style="{}">{}</blockquote>\n').format(self._QUOTE, theirs.strip())

    def links(self, links: Sequence[Link]) -> Markup:
        button = Markup('<a class="{}" href="{}" style="{}">{}</a>')
        first = [button.format("first", link.url, self._BUTTON + self._FIRST, link.label) for link in links[:1]]
        others = [button.format("other", link.url, self._BUTTON + self._OTHER, link.label) for link in links[1:]]
        return Markup('<p style="margin:24px 0 14px">{}</p>\n').format(Markup("\n").join(first + others))

    def aside(self, links: Sequence[Link]) -> Markup:
        link = Markup('<a class="muted" href="{}" style="color:#55605f">{}</a>')
        each = Markup(" · ").join(link.format(one.url, one.label) for one in links)
        return Markup('<p class="muted" style="{}">{}</p>\n').format(self._SMALL, each)

    @classmethod
    def page(cls, body: str, around: Around) -> str:
        """The whole document; `body` is made by the methods above, which escape."""
        return str(
            Markup(
                '<!doctype html>\n<html lang="{}"><head><meta charset="utf-8">'
                '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
                "<title>{}</title>\n<style>{}</style></head>\n"
                '<body style="margin:0;background:#ffffff;color:#1b2426;font:16px/1.5 system-ui,sans-serif">\n'
                '<div style="display:none;max-height:0;overflow:hidden">{}</div>\n'
                '<div style="max-width:36em;margin:0 auto;padding:20px;overflow-wrap:anywhere">\n{}'
                '<p class="muted foot" style="margin:24px 0 0;padding:12px 0 0;border-top:1px solid #e3dfd6;'
                'font-size:14px;color:#55605f">{}<br>\n<a class="muted" href="{}" style="color:#55605f">{}</a></p>\n'
                "</div></body></html>\n"
            ).format(
                around.language,
                around.subject,
                cls._DARK,
                around.preview,
                Markup(body),  # noqa: S704 - As said above.
                around.foot,
                around.home,
                around.home,
            )
        )


class Chat:
    """Plain lines without links: each service writes those in its own way. Quotations are cut short."""

    def want(self, title: str, line: str) -> str:
        return self.lines(title, line)

    def p(self, caller: Callable[[], str]) -> str:
        return f"{calm(_joined(caller()))}\n"

    small = p

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

    aside = links
