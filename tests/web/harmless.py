"""A page as a browser reads it → what in it would run, or leads to a script: by its tags, not by its letters."""

import re
from html.parser import HTMLParser

# What a page of ours has nowhere; where one of these is met, the page is read tag by tag.
_DOUBTFUL = re.compile(
    r"""[\s"'/]on[a-z]+\s*=|script\s*:|data\s*:|<(?!script\ src="/)(?:script|iframe|object|embed|base|frame|applet)""",
    re.IGNORECASE,
)
_LEADING = frozenset({"href", "src", "action", "formaction", "data", "poster", "xlink:href", "background", "srcset"})
# Browsers leave out white space and controls within the name of a scheme.
_RUNS = re.compile(r"(?:javascript|vbscript|data):(?!image/)", re.IGNORECASE)
_SPACE = re.compile(r"[\x00-\x20]+")
_NEVER = frozenset({"iframe", "object", "embed", "base", "frame", "frameset", "applet", "foreignobject"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in given}
        if tag in _NEVER or (tag == "meta" and said.get("http-equiv", "").lower() == "refresh"):
            self.found.append(f"<{tag}>")
        if tag == "script" and not (said.get("src", "").startswith("/") or said.get("type", "").endswith("json")):
            self.found.append("<script>")
        for name, value in said.items():
            if name.startswith("on") or name == "srcdoc" or (name in _LEADING and _RUNS.match(_SPACE.sub("", value))):
                self.found.append(f"<{tag} {name}={value[:60]!r}>")

    handle_startendtag = handle_starttag


def harm(page: str) -> list[str]:
    """Tags and attributes that would run something; empty for a page as it should be."""
    if not _DOUBTFUL.search(page):
        return []
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found
